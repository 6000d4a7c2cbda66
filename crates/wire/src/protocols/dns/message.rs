//! The message that DNS, mDNS, LLMNR and the NetBIOS name service share, as bytes.
use std::fmt::Write;
use std::net::IpAddr;

use crate::{Malformed, Reader};

/// RFC 1035, 4.1.1: id, flags, four counts.
pub(super) const HEADER: usize = 12;
/// RFC 1035, 2.3.4: octets of a name on the wire.
const MOST_NAME: usize = 255;
/// Questions and records read of one message; mDNS fills a datagram with them.
const MOST_QUESTIONS: u16 = 64;
const MOST_RECORDS: usize = 512;

/// RFC 1035, 3.2.2; RFC 3596; RFC 2782; RFC 6891; RFC 1002, 4.2.1.3.
pub(super) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const NB: u16 = 32;
    pub(crate) const SRV: u16 = 33;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub id: u16,
    flags: u16,
    questions: u16,
    /// Answer, authority, additional.
    records: [u16; 3],
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        Ok(Header {
            id: r.u16()?,
            flags: r.u16()?,
            questions: r.u16()?,
            records: [r.u16()?, r.u16()?, r.u16()?],
        })
    }

    pub(super) const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(super) const fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    const fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    const fn record_count(&self) -> u32 {
        let [a, b, c] = self.records;
        a as u32 + b as u32 + c as u32
    }

    /// Could be a DNS header: opcode and response code that exist, the reserved bit clear, no more entries than anyone
    /// sends. Captures cut datagrams short, so what is there need not hold them all.
    pub(super) const fn fits(&self) -> bool {
        matches!(self.opcode(), 0..=6)
            && self.rcode() <= 11
            && self.flags & 0x0040 == 0
            && self.questions <= 256
            && self.record_count() <= 1024
            && (self.questions > 0 || self.record_count() > 0 || self.is_response())
    }

    /// Could not be anything else but an ordinary question or answer, on whatever port.
    const fn is_plain(&self) -> bool {
        let [answers, authorities, additional] = self.records;
        self.opcode() == 0
            && self.questions == 1
            && self.flags & 0x0040 == 0
            && self.rcode() <= 5
            && (self.is_response() && self.record_count() <= 128
                || answers == 0 && authorities == 0 && additional <= 2 && self.rcode() == 0)
    }
}

#[derive(Debug)]
pub(super) struct Question {
    pub name: String,
    pub kind: u16,
    class: u16,
}

#[derive(Debug)]
pub(super) struct Record {
    pub name: String,
    pub data: Data,
    /// In the answer section.
    pub answer: bool,
}

/// What a record says, as far as it is of use.
#[derive(Debug, PartialEq)]
pub(super) enum Data {
    Address(IpAddr),
    /// The canonical name, the host or service that a pointer or service record leads to.
    Alias(String),
    /// `key=value` texts.
    Texts(Vec<(String, String)>),
    /// RFC 1002, 4.2.1.3: whether the name is a group's, and an address that holds it.
    NetBios {
        group: bool,
        ip: IpAddr,
    },
    /// RFC 1002, 4.2.18: names held, with suffix; groups left out.
    NodeStatus(Vec<(String, u8)>),
    Other,
}

#[derive(Debug)]
pub(super) struct Message {
    pub header: Header,
    pub questions: Vec<Question>,
    pub records: Vec<Record>,
    /// What stopped the reading before the end.
    pub stopped: Option<Malformed>,
    rest: usize,
}

impl Message {
    /// Reads as far as it can: what comes before a malformed record counts.
    pub(super) fn read(bytes: &[u8], netbios: bool) -> Result<Message, Malformed> {
        let mut r = Reader::new(bytes);
        let header = Header::read(&mut r)?;
        let mut message = Message {
            header,
            questions: Vec::new(),
            records: Vec::new(),
            stopped: None,
            rest: 0,
        };
        message.stopped = message.sections(&mut r, bytes, netbios).err();
        message.rest = r.left();
        Ok(message)
    }

    fn sections<'a>(
        &mut self,
        r: &mut Reader<'a>,
        whole: &'a [u8],
        netbios: bool,
    ) -> Result<(), Malformed> {
        for _ in 0..self.header.questions {
            if self.questions.len() >= usize::from(MOST_QUESTIONS) {
                return Err(Malformed::Bad("too many questions"));
            }
            self.questions.push(Question {
                name: name(r, whole)?,
                kind: r.u16()?,
                class: r.u16()?,
            });
        }
        for (section, count) in self.header.records.into_iter().enumerate() {
            for _ in 0..count {
                if self.records.len() >= MOST_RECORDS {
                    return Err(Malformed::Bad("too many records"));
                }
                let mut record = record(r, whole, netbios)?;
                record.answer = section == 0;
                self.records.push(record);
            }
        }
        Ok(())
    }

    /// An ordinary message that fills its bytes exactly, with names as hosts have them.
    pub(super) fn is_plain(&self) -> bool {
        self.header.is_plain()
            && self.stopped.is_none()
            && self.rest == 0
            && self.questions.iter().all(|question| {
                let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                matches!(question.class & 0x7fff, 1 | 255)
                    && matches!(question.kind, 1..=65 | 99 | 255..=257)
                    && question.name.contains(host)
                    && question.name.chars().all(host)
            })
    }

    /// Addresses and aliases of the answer section.
    pub(super) fn answers(&self) -> Vec<String> {
        let answers = self.records.iter().filter(|record| record.answer);
        answers
            .filter_map(|record| match &record.data {
                Data::Address(ip) | Data::NetBios { ip, .. } => Some(ip.to_string()),
                Data::Alias(name) if !name.is_empty() => Some(name.to_ascii_lowercase()),
                _ => None,
            })
            .collect()
    }
}

/// Whether bytes that are not all there yet begin like an ordinary message.
pub(super) fn begins_plain(bytes: &[u8]) -> bool {
    let Ok(header) = Header::read(&mut Reader::new(bytes)) else {
        return false;
    };
    let label = bytes
        .get(HEADER)
        .is_none_or(|length| (1..=63).contains(length));
    header.is_plain() && label
}

fn record<'a>(r: &mut Reader<'a>, whole: &'a [u8], netbios: bool) -> Result<Record, Malformed> {
    let name = name(r, whole)?;
    let (kind, _class, _ttl) = (r.u16()?, r.u16()?, r.u32()?);
    let length = usize::from(r.u16()?);
    // Names in the data may point back into the message: they are read in place, and must end where the data ends.
    let from = r.at();
    let mut inner = *r;
    r.skip(length)?;
    let end = from + length;
    let data = match kind {
        kind::A if length == 4 => Data::Address(inner.ipv4()?.into()),
        kind::AAAA if length == 16 => Data::Address(inner.ipv6()?.into()),
        kind::A | kind::AAAA => return Err(Malformed::Bad("address length")),
        kind::CNAME | kind::PTR => Data::Alias(alias(&mut inner, whole, end)?),
        // The same number is a node status in the NetBIOS name service.
        kind::SRV if netbios => Data::NodeStatus(node_status(&mut inner.sub(length)?)?),
        kind::SRV if length > 6 => {
            inner.skip(6)?;
            Data::Alias(alias(&mut inner, whole, end)?)
        }
        kind::TXT => Data::Texts(texts(&mut inner.sub(length)?)),
        kind::NB if length >= 6 => {
            let group = inner.u16()? & 0x8000 != 0;
            let ip = inner.ipv4()?.into();
            Data::NetBios { group, ip }
        }
        _ => Data::Other,
    };
    Ok(Record {
        name,
        data,
        answer: false,
    })
}

/// RFC 1002, 4.2.18: count, then 15 octets of name, suffix and flags each.
fn node_status(r: &mut Reader<'_>) -> Result<Vec<(String, u8)>, Malformed> {
    let mut names = Vec::new();
    for _ in 0..r.u8()? {
        let (name, suffix, flags) = (r.bytes(15)?, r.u8()?, r.u16()?);
        if flags & 0x8000 == 0
            && let Some(name) = crate::reader::text(name, 15)
        {
            names.push((name, suffix));
        }
    }
    Ok(names)
}

fn alias<'a>(r: &mut Reader<'a>, whole: &'a [u8], end: usize) -> Result<String, Malformed> {
    let alias = name(r, whole)?;
    r.check(r.at() == end, "record data length")?;
    Ok(alias)
}

/// RFC 6763, 6.3: length, key, `=`, value.
fn texts(r: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    while texts.len() < 32
        && let Ok(length) = r.u8()
        && let Ok(text) = r.bytes(usize::from(length))
    {
        let mut parts = text.splitn(2, |byte| *byte == b'=');
        if let (Some(key), Some(value)) = (parts.next(), parts.next())
            && let (Some(key), Some(value)) = (
                crate::reader::text(key, 32),
                crate::reader::text(value, 128),
            )
        {
            texts.push((key.to_ascii_lowercase(), value));
        }
    }
    texts
}

/// A name, labels joined by dots. Pointers (RFC 1035, 4.1.4) lead to a *prior* occurrence: each must point before where
/// the last one led, so no name loops.
pub(super) fn name<'a>(r: &mut Reader<'a>, whole: &'a [u8]) -> Result<String, Malformed> {
    let mut out = String::new();
    let mut lowest = r.at();
    let mut octets = 1;
    // Once a pointer was followed the message goes on behind it, not where the name ends.
    let mut aside: Option<Reader<'a>> = None;
    loop {
        let walk = aside.as_mut().unwrap_or(&mut *r);
        let length = walk.u8()?;
        match length >> 6 {
            0 if length == 0 => return Ok(out),
            0 => {
                octets += usize::from(length) + 1;
                walk.check(octets <= MOST_NAME, "name length")?;
                push_label(&mut out, walk.bytes(usize::from(length))?);
            }
            3 => {
                let target = usize::from(length & 0x3f) << 8 | usize::from(walk.u8()?);
                walk.check(target < lowest, "name pointer")?;
                lowest = target;
                let mut there = Reader::new(whole);
                there.skip(target)?;
                aside = Some(there);
            }
            _ => return Err(Malformed::Bad("label type")),
        }
    }
}

/// Dots and unprintable characters inside a label are written as RFC 1035, 5.1 does, so that labels stay apart.
fn push_label(out: &mut String, label: &[u8]) {
    if !out.is_empty() {
        out.push('.');
    }
    for chunk in label.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '.' | '\\' => out.extend(['\\', c]),
                c if c.is_control() => _ = write!(out, "\\{:03}", u32::from(c)),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            _ = write!(out, "\\{byte:03}");
        }
    }
}

/// RFC 1001, 14.1: each half octet of the 16 stands as a letter from `A` on; the last octet is the kind of name.
pub(super) fn netbios_name(encoded: &str) -> Option<(String, u8)> {
    let first = encoded.split('.').next()?;
    let letters = first.as_bytes();
    if letters.len() != 32 || !letters.iter().all(|letter| (b'A'..=b'P').contains(letter)) {
        return None;
    }
    let (pairs, _) = letters.as_chunks::<2>();
    let octets: Vec<u8> = pairs
        .iter()
        .map(|[high, low]| (high - b'A') << 4 | (low - b'A'))
        .collect();
    let (suffix, octets) = octets.split_last()?;
    Some((crate::reader::text(octets, 15)?, *suffix))
}
