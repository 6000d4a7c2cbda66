//! NetFlow 5 and 9 and IPFIX: one datagram at a time, with the templates that the exporter sent before.
use std::net::IpAddr;

use super::super::carried::Share;
use super::{Told, address, report};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "netflow",
    title: "NetFlow and IPFIX",
    carriers: &[Carrier::Udp(2055), Carrier::Udp(4739), Carrier::Udp(9995)],
    probe,
    open: || Box::new(Netflow::default()),
    remote: false,
    operations: &[],
    about: "Who exports flow records, by version, source or observation domain, sampling and start; senders that its records name count as coverage where no frame of them was seen. `5`, `9` and `ipfix` as variants.",
    spec: "NetFlow version 5; RFC 3954; RFC 7011; RFC 7012",
    blind: "what records tell besides addresses, records whose template was not captured, IPFIX over TCP and SCTP",
};

/// Templates of one exporter.
const MOST_TEMPLATES: usize = 64;
/// Steps of one template, runs of fields that are passed over taken as one.
const MOST_STEPS: usize = 64;
/// Fields of one template.
const MOST_FIELDS: u16 = 512;

/// NetFlow 5 is as long as its records say; version 9 and IPFIX begin with a set that fits.
fn probe(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (version, count) = (r.u16().ok()?, usize::from(r.u16().ok()?));
        let fits = match version {
            5 => (1..=30).contains(&count) && head.bytes.len() == 24 + 48 * count,
            9 => {
                // Uptime, time, sequence, source; then the first set.
                r.skip(4 + 4 + 4 + 4).ok()?;
                let (set, length) = (r.u16().ok()?, usize::from(r.u16().ok()?));
                let sane = matches!(set, 0 | 1 | 256..) && length >= 8 && length <= r.left() + 4;
                sane && (1..1024).contains(&count) && head.on(2055)
                    || sane
                        && matches!(set, 0 | 1)
                        && (1..64).contains(&count)
                        && length % 4 == 0
                        && head.from != 443
            }
            10 => {
                r.skip(4 + 4 + 4).ok()?;
                let (set, length) = (r.u16().ok()?, usize::from(r.u16().ok()?));
                count == head.bytes.len()
                    && matches!(set, 2 | 3 | 256..)
                    && length >= 8
                    && length <= r.left() + 4
            }
            _ => false,
        };
        (fits && head.udp).then_some(Sender::Client)
    };
    match read() {
        Some(sender) => Probe::Ours(sender),
        None => Probe::NotOurs,
    }
}

/// Numbers of fields (RFC 3954, 8; the same in RFC 7012).
mod field {
    pub(super) const SOURCE_V4: u16 = 8;
    pub(super) const SOURCE_V6: u16 = 27;
    /// One packet of so many.
    pub(super) const SAMPLING: u16 = 34;
    pub(super) const SAMPLER_INTERVAL: u16 = 50;
    /// So many packets in a row are taken, then so many are not (RFC 5477, 8.2).
    pub(super) const PACKET_INTERVAL: u16 = 305;
    pub(super) const PACKET_SPACE: u16 = 306;
}

/// One step through a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    Skip(u16),
    /// A length stands in the record (RFC 7011, 7).
    Variable,
    Source(u16),
    Sampling(u16),
    Taken(u16),
    Space(u16),
}

/// How records of one number are laid out.
struct Template {
    domain: u32,
    id: u16,
    steps: Vec<Take>,
    /// Octets of a record at least; never 0.
    least: usize,
    _share: Share,
}

/// The exporter at one end.
#[derive(Default)]
struct Netflow {
    told: Told,
    templates: Vec<Template>,
    left_out: bool,
}

impl Dialogue for Netflow {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if side == Side::Server {
            return Step::Done;
        }
        cx.asks_nothing();
        let mut r = Reader::new(bytes);
        let read = match r.u16() {
            Ok(5) => self.five(cx, &mut r),
            Ok(9) => self.nine(cx, &mut r),
            Ok(10) => self.ipfix(cx, &mut r),
            _ => Err(Malformed::Bad("version")),
        };
        match read {
            Ok(()) => Step::Took(bytes.len()),
            Err(Malformed::Short) => Step::Bad("flow records end early"),
            Err(Malformed::Bad(what)) => Step::Bad(what),
        }
    }
}

impl Netflow {
    fn five(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        cx.variant("5");
        let (count, uptime, sent) = (r.u16()?, r.u32()?, r.u32()?);
        r.skip(4 + 4)?;
        let ([kind, id], sampling) = (r.array()?, r.u16()?);
        let number = u64::from(u16::from_be_bytes([kind, id]));
        self.told.source(cx, number, || {
            format!("exports NetFlow 5, engine {kind}/{id}")
        });
        self.told.up(cx, uptime, Some(sent));
        // Two bits of mode, then the interval.
        self.told.sampling(cx, u64::from(sampling & 0x3fff));
        for _ in 0..count {
            report(cx, Some(r.ipv4()?.into()));
            r.skip(44)?;
        }
        Ok(())
    }

    fn nine(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        cx.variant("9");
        let _count = r.u16()?;
        let (uptime, sent, _sequence, domain) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
        self.told.source(cx, u64::from(domain), || {
            format!("exports NetFlow 9, source {domain}")
        });
        self.told.up(cx, uptime, Some(sent));
        self.sets(cx, r, domain, false)
    }

    fn ipfix(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        cx.variant("ipfix");
        let length = usize::from(r.u16()?);
        let (_sent, _sequence, domain) = (r.u32()?, r.u32()?, r.u32()?);
        self.told.source(cx, u64::from(domain) | 1 << 32, || {
            format!("exports IPFIX, observation domain {domain}")
        });
        let mut body = r.sub(length.checked_sub(16).ok_or(Malformed::Bad("length"))?)?;
        self.sets(cx, &mut body, domain, true)
    }

    /// Sets follow each other (RFC 3954, 5.2 and 5.3; RFC 7011, 3.3).
    fn sets(
        &mut self,
        cx: &mut Cx<'_>,
        r: &mut Reader<'_>,
        domain: u32,
        ipfix: bool,
    ) -> Result<(), Malformed> {
        // Less than a header is padding.
        while r.left() >= 4 {
            let (id, length) = (r.u16()?, usize::from(r.u16()?));
            let mut set = r.sub(length.checked_sub(4).ok_or(Malformed::Bad("set length"))?)?;
            match (ipfix, id) {
                (false, 0) | (true, 2) => self.templates(cx, &mut set, domain, (ipfix, false))?,
                (false, 1) => self.options_nine(cx, &mut set, domain)?,
                (true, 3) => self.templates(cx, &mut set, domain, (true, true))?,
                (_, 256..) => self.records(cx, &mut set, domain, id),
                _ => {}
            }
        }
        Ok(())
    }

    /// RFC 3954, 5.2; RFC 7011, 3.4.1, and with `options` 3.4.2.2, where behind the number of fields stands how many of them
    /// are scopes.
    fn templates(
        &mut self,
        cx: &mut Cx<'_>,
        r: &mut Reader<'_>,
        domain: u32,
        (ipfix, options): (bool, bool),
    ) -> Result<(), Malformed> {
        while r.left() >= 4 {
            let (id, count) = (r.u16()?, r.u16()?);
            match (id, count) {
                // Padding, or the withdrawal of all (RFC 7011, 8.1).
                (..256, _) => return Ok(()),
                (_, 0) => self.forget(domain, id),
                _ => {
                    r.skip(if options { 2 } else { 0 })?;
                    let steps = steps(r, count, ipfix)?;
                    self.learn(cx, domain, id, steps);
                }
            }
        }
        Ok(())
    }

    /// RFC 3954, 6.1: lengths of the lists of scopes and of options, in octets.
    fn options_nine(
        &mut self,
        cx: &mut Cx<'_>,
        r: &mut Reader<'_>,
        domain: u32,
    ) -> Result<(), Malformed> {
        while r.left() >= 6 {
            let (id, scopes, options) = (r.u16()?, r.u16()?, r.u16()?);
            if id < 256 {
                return Ok(());
            }
            let whole = scopes
                .checked_add(options)
                .ok_or(Malformed::Bad("lengths"))?;
            if scopes % 4 != 0 || options % 4 != 0 {
                return Err(Malformed::Bad("lengths of options"));
            }
            // Numbers of scopes are a list of their own: what has the number of an address is none.
            let mut list = r.sub(usize::from(whole))?;
            let mut passed = 0u16;
            for _ in 0..scopes / 4 {
                let (_, length) = (list.u16()?, list.u16()?);
                passed = passed
                    .checked_add(length)
                    .ok_or(Malformed::Bad("template"))?;
            }
            let mut all = vec![Take::Skip(passed)];
            all.extend(steps(&mut list, options / 4, false)?);
            self.learn(cx, domain, id, all);
        }
        Ok(())
    }

    fn forget(&mut self, domain: u32, id: u16) {
        self.templates
            .retain(|known| (known.domain, known.id) != (domain, id));
    }

    fn learn(&mut self, cx: &mut Cx<'_>, domain: u32, id: u16, mut steps: Vec<Take>) {
        let least = steps.iter().fold(0usize, |sum, step| {
            sum + match *step {
                Take::Skip(length)
                | Take::Source(length)
                | Take::Sampling(length)
                | Take::Taken(length)
                | Take::Space(length) => usize::from(length),
                Take::Variable => 1,
            }
        });
        self.forget(domain, id);
        // Records without an octet would never end; those that name nothing that is asked for need no look.
        let asked = |step: &Take| !matches!(step, Take::Skip(_) | Take::Variable);
        if least == 0 || !steps.iter().any(asked) {
            return;
        }
        let fits = self.templates.len() < MOST_TEMPLATES && steps.len() <= MOST_STEPS;
        let bytes = size_of::<Template>() + steps.len() * size_of::<Take>();
        let Some(share) = cx.picture.budget.take(bytes).filter(|_| fits) else {
            if !std::mem::replace(&mut self.left_out, true) {
                cx.leave_out("templates of flow records", 1);
            }
            return;
        };
        steps.shrink_to_fit();
        self.templates.push(Template {
            domain,
            id,
            steps,
            least,
            _share: share,
        });
    }

    fn records(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>, domain: u32, id: u16) {
        let Some(template) = self
            .templates
            .iter()
            .find(|known| (known.domain, known.id) == (domain, id))
        else {
            return;
        };
        while r.left() >= template.least {
            let Ok(record) = Record::read(&template.steps, r) else {
                return;
            };
            report(cx, record.source);
            let interval = match (record.taken, record.space) {
                (Some(taken @ 1..), Some(space)) => Some((taken + space) / taken),
                _ => record.sampling,
            };
            if let Some(interval) = interval {
                self.told.sampling(cx, interval);
            }
        }
    }
}

/// What is asked for of one record.
#[derive(Default)]
struct Record {
    source: Option<IpAddr>,
    sampling: Option<u64>,
    taken: Option<u64>,
    space: Option<u64>,
}

impl Record {
    fn read(steps: &[Take], r: &mut Reader<'_>) -> Result<Record, Malformed> {
        let mut record = Record::default();
        let number = |bytes: &[u8]| {
            let low = bytes
                .iter()
                .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            low & u64::from(u32::MAX)
        };
        for step in steps {
            match *step {
                Take::Skip(length) => r.skip(usize::from(length))?,
                Take::Variable => {
                    let length = match r.u8()? {
                        255 => usize::from(r.u16()?),
                        length => usize::from(length),
                    };
                    r.skip(length)?;
                }
                Take::Source(length) => {
                    let told = address(r.bytes(usize::from(length))?);
                    record.source = told.filter(|ip| !ip.is_unspecified()).or(record.source);
                }
                Take::Sampling(length) => {
                    record.sampling = Some(number(r.bytes(usize::from(length))?));
                }
                Take::Taken(length) => record.taken = Some(number(r.bytes(usize::from(length))?)),
                Take::Space(length) => record.space = Some(number(r.bytes(usize::from(length))?)),
            }
        }
        Ok(record)
    }
}

/// The steps through a record of so many fields, as the template has them.
fn steps(r: &mut Reader<'_>, count: u16, ipfix: bool) -> Result<Vec<Take>, Malformed> {
    r.check(count <= MOST_FIELDS, "fields of a template")?;
    let mut steps: Vec<Take> = Vec::new();
    for _ in 0..count {
        let (kind, length) = (r.u16()?, r.u16()?);
        let own = ipfix && kind & 0x8000 != 0;
        if own {
            // A maker's own number follows (RFC 7011, 3.2).
            r.skip(4)?;
        }
        let step = match (kind, length) {
            (_, u16::MAX) if ipfix => Take::Variable,
            _ if own => Take::Skip(length),
            (field::SOURCE_V4, 4) | (field::SOURCE_V6, 16) => Take::Source(length),
            (field::SAMPLING | field::SAMPLER_INTERVAL, 1..=8) => Take::Sampling(length),
            (field::PACKET_INTERVAL, 1..=8) => Take::Taken(length),
            (field::PACKET_SPACE, 1..=8) => Take::Space(length),
            _ => Take::Skip(length),
        };
        match (steps.last_mut(), step) {
            (Some(Take::Skip(before)), Take::Skip(more)) if before.checked_add(more).is_some() => {
                *before = before.saturating_add(more);
            }
            _ => steps.push(step),
        }
    }
    Ok(steps)
}
