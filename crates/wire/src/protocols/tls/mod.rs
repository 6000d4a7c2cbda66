//! TLS and DTLS: who asks for which server by name, what both agree on, and the certificates shown.
//!
//! Spec: RFC 8446 (1.3), RFC 5246 (1.2) and before; RFC 6066 (server name); RFC 7301 (ALPN); FoxIO JA4 (client only).
//! Emits: server names, names of certificates, JA4 of the client, key and subject of certificates, version as variant;
//! a remote session where the names are those of a remote-support tool.
//! Blind to: everything after the handshake; certificates of TLS 1.3, which are encrypted; STARTTLS, which other
//! protocols hand over.
mod certificate;
mod dtls;
mod hello;

pub(crate) use self::dtls::DECODER as DTLS;
pub(crate) use self::hello::ClientHello;
use self::hello::{ServerHello, version_name, weakness};
use super::remote_tools::{remote_tool, remote_tool_by_alpn};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "tls",
    title: "TLS",
    carriers: &[Carrier::Tcp(443), Carrier::Tcp(8443)],
    probe,
    open: || Box::new(Tls::default()),
    remote: false,
    operations: &[],
    about: "Server names asked for, names, subjects and fingerprints of certificates, JA4 of clients; the version agreed on tells TLS 1.3 from its forerunners down to SSL 2.",
    spec: "RFC 8446; RFC 5246; RFC 6066; RFC 7301; FoxIO JA4 (TLS client)",
    blind: "everything after the handshake, certificates of TLS 1.3, encrypted client hellos",
};

/// RFC 8446, 5.1: type, version, length.
const HEADER: usize = 5;
/// RFC 5246, 6.2.3: the longest ciphertext.
const MOST_RECORD: usize = (1 << 14) + 2048;
/// Longest handshake message put together from records.
const MOST_HANDSHAKE: usize = 1 << 16;

/// RFC 8446, B.1.
mod content {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;
    pub(crate) const HEARTBEAT: u8 = 24;
}

/// RFC 8446, B.3.
mod handshake {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const CERTIFICATE: u8 = 11;
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        _ = write!(out, "{byte:02x}");
    }
    out
}

#[derive(Clone, Copy)]
struct Record {
    kind: u8,
    length: usize,
}

impl Record {
    fn read(r: &mut Reader<'_>) -> Result<Record, Malformed> {
        let kind = r.u8()?;
        r.check((20..=24).contains(&kind), "record type")?;
        let [major, minor] = r.array()?;
        r.check(major == 3 && minor <= 4, "record version")?;
        let length = usize::from(r.u16()?);
        r.check((1..=MOST_RECORD).contains(&length), "record length")?;
        Ok(Record { kind, length })
    }
}

/// A hello tells at once. In the middle, records must follow each other.
fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        return Probe::NotOurs;
    }
    if head.first
        && let Some(found) = probe_ssl2(head)
    {
        return found;
    }
    head.read(|r| {
        let record = Record::read(r)?;
        match record.kind {
            content::HANDSHAKE => {
                let (kind, length) = (r.u8()?, r.u24()?);
                r.check(length as usize <= MOST_HANDSHAKE, "handshake length")?;
                match kind {
                    handshake::CLIENT_HELLO | handshake::SERVER_HELLO => {
                        let [major, minor] = r.array()?;
                        r.check(major == 3 && minor <= 4, "hello version")?;
                        r.check(length >= 38, "hello length")?;
                    }
                    // The rest of a handshake that was under way.
                    0 | 4 | 11..=16 | 20..=22 if !head.first => {
                        r.check(length as usize <= record.length.max(1 << 14), "length")?;
                    }
                    _ => return Err(Malformed::Bad("handshake type")),
                }
                Ok(match kind {
                    handshake::CLIENT_HELLO | 16 => Sender::Client,
                    handshake::SERVER_HELLO | 12 | 13 | 14 => Sender::Server,
                    _ => Sender::Unknown,
                })
            }
            content::CHANGE_CIPHER_SPEC if record.length == 1 => {
                let one = r.u8()?;
                r.check(one == 1, "change cipher spec")?;
                Ok(Sender::Unknown)
            }
            content::ALERT if record.length == 2 => {
                let [level, code] = r.array()?;
                r.check(matches!(level, 1 | 2) && alert(code).is_some(), "alert")?;
                Ok(Sender::Unknown)
            }
            // RFC 5246, 6.2.3: a tag or digest of at least 8 and something to protect.
            content::APPLICATION_DATA | content::ALERT if !head.first && record.length > 8 => {
                if r.skip(record.length).is_ok() && r.left() >= HEADER {
                    Record::read(r)?;
                }
                Ok(Sender::Unknown)
            }
            _ => Err(Malformed::Bad("record type")),
        }
    })
}

/// The hello of SSL 2 (RFC 6101, E.1), which clients of SSL 3 and TLS 1.0 sent too: every length must add up.
fn probe_ssl2(head: &Head<'_>) -> Option<Probe> {
    if head.bytes.first()? & 0x80 == 0 {
        return None;
    }
    match ssl2_hello(&mut Reader::new(head.bytes)) {
        Ok(_) => Some(Probe::Ours(Sender::Client)),
        Err(Malformed::Short) if head.open && head.bytes.len() >= 3 => Some(Probe::NeedMore),
        Err(_) => None,
    }
}

fn ssl2_hello(r: &mut Reader<'_>) -> Result<u16, Malformed> {
    let length = r.u16()?;
    r.check(length & 0x8000 != 0, "length")?;
    let length = usize::from(length & 0x7fff);
    let (kind, version) = (r.u8()?, r.u16()?);
    r.check(kind == 1, "message type")?;
    r.check(matches!(version, 2 | 0x0300..=0x0303), "hello version")?;
    let (ciphers, session, challenge) = (
        usize::from(r.u16()?),
        usize::from(r.u16()?),
        usize::from(r.u16()?),
    );
    r.check(ciphers > 0 && ciphers % 3 == 0, "cipher specs length")?;
    r.check(matches!(session, 0 | 16), "session id length")?;
    r.check((16..=32).contains(&challenge), "challenge length")?;
    r.check(9 + ciphers + session + challenge == length, "length")?;
    r.skip(ciphers + session + challenge)?;
    Ok(version)
}

/// One connection. Another protocol may carry it ([`Tls::inside`]).
#[derive(Default)]
pub(crate) struct Tls {
    inside: bool,
    hello_told: bool,
    /// The name that the client asked for.
    asked_for: Option<Box<str>>,
    /// What was agreed on is known: application data tells nothing more.
    client: Half,
    server: Half,
}

/// Handshake bytes of one side that wait for their message's end.
#[derive(Default)]
struct Half {
    waiting: Vec<u8>,
}

impl Tls {
    /// For a protocol that hands over: the conversation keeps its own variant.
    pub(crate) fn inside() -> Tls {
        Tls {
            inside: true,
            ..Tls::default()
        }
    }
}

impl Dialogue for Tls {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        if side == Side::Client && !self.hello_told && bytes.first().is_some_and(|b| b & 0x80 != 0)
        {
            return self.ssl2(cx, bytes);
        }
        let record = match Record::read(&mut r) {
            Ok(record) => record,
            Err(Malformed::Short) => return Step::Need(HEADER),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        let whole = HEADER + record.length;
        match record.kind {
            // From here on everything of this side is encrypted.
            content::CHANGE_CIPHER_SPEC | content::APPLICATION_DATA => return Step::Done,
            _ if bytes.len() < whole => return Step::Need(whole),
            _ => {}
        }
        let data = r.bytes(record.length).unwrap_or(&[]);
        match (record.kind, data) {
            (content::HANDSHAKE, data) => return self.handshake(cx, side, data, whole),
            (content::ALERT, [2, code]) => {
                cx.oddity("tls.alert", side, alert(*code).map(str::to_owned));
            }
            // RFC 6520, 4: type, length of the payload, payload; longer than its record asks for memory (CVE-2014-0160).
            (content::HEARTBEAT, [1, high, low, rest @ ..])
                if usize::from(u16::from_be_bytes([*high, *low])) > rest.len() =>
            {
                cx.oddity("tls.heartbeat_overread", side, None);
            }
            _ => {}
        }
        Step::Took(whole)
    }

    fn gap(&mut self, _: &mut Cx<'_>, side: Side, _: u64) {
        self.half(side).waiting = Vec::new();
    }

    fn is_settled(&self) -> bool {
        true
    }
}

impl Tls {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn ssl2(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        match ssl2_hello(&mut r) {
            Ok(version) => {
                self.hello_told = true;
                if version == 2 && !self.inside {
                    cx.variant("ssl2");
                    return Step::Done;
                }
                Step::Took(r.at())
            }
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    /// Handshake messages may share a record, and may span several (RFC 8446, 5.1).
    fn handshake(&mut self, cx: &mut Cx<'_>, side: Side, data: &[u8], whole: usize) -> Step {
        let mut waiting = std::mem::take(&mut self.half(side).waiting);
        let joined: &[u8] = if waiting.is_empty() {
            data
        } else {
            waiting.extend_from_slice(data);
            &waiting
        };
        let mut r = Reader::new(joined);
        while !r.is_empty() {
            let mut message = r;
            let (Ok(kind), Ok(length)) = (message.u8(), message.u24()) else {
                break;
            };
            // Encrypted without a sign of it, since the capture began later.
            if length as usize > MOST_HANDSHAKE || kind > 32 {
                return Step::Done;
            }
            let Ok(body) = message.bytes(length as usize) else {
                break;
            };
            if let Err(error) = self.tell(cx, side, kind, body) {
                let what = match error {
                    Malformed::Short => "handshake message ends early",
                    Malformed::Bad(what) => what,
                };
                return Step::Bad(what);
            }
            r = message;
        }
        self.half(side).waiting = r.rest().to_vec();
        Step::Took(whole)
    }

    fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Malformed> {
        match kind {
            handshake::CLIENT_HELLO => {
                let hello = ClientHello::read(body, false)?;
                // A server that asks for another key share gets the same hello once more.
                if !std::mem::replace(&mut self.hello_told, true) {
                    self.asked_for = hello.server_name.as_deref().map(Into::into);
                    tell_client(cx, side, &hello, 't');
                }
            }
            handshake::SERVER_HELLO => {
                let hello = ServerHello::read(body, false)?;
                tell_server(cx, side, hello, self.inside);
            }
            handshake::CERTIFICATE => {
                if let Some(der) = certificate::first(body)? {
                    certificate::tell(cx, side, der, self.asked_for.as_deref());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

pub(super) fn tell_client(cx: &mut Cx<'_>, side: Side, hello: &ClientHello, transport: char) {
    if side == Side::Server {
        cx.server_is(Side::Client);
    }
    cx.identity(side, "ja4", hello.ja4(transport));
    if let Some(name) = &hello.server_name {
        cx.name_used("tls-sni", name, None);
    }
    let named = || remote_tool(Some(hello.server_name.as_ref()?), None);
    if let Some(tool) = remote_tool_by_alpn(&hello.alpn).or_else(named) {
        cx.remote_tool(&tool);
    }
}

fn tell_server(cx: &mut Cx<'_>, side: Side, hello: ServerHello, inside: bool) {
    if let Some(version) = version_name(hello.version)
        && !inside
    {
        cx.variant(version);
    }
    if let Some(why) = weakness(hello.cipher) {
        let detail = format!("cipher suite {:#06x}: {why}", hello.cipher);
        cx.oddity("tls.weak_cipher", side, Some(detail));
    }
}

/// RFC 8446, B.2.
const fn alert(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "close notify",
        10 => "unexpected message",
        20 => "bad record MAC",
        21 => "decryption failed",
        22 => "record overflow",
        30 => "decompression failure",
        40 => "handshake failure",
        41 => "no certificate",
        42 => "bad certificate",
        43 => "unsupported certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        47 => "illegal parameter",
        48 => "unknown CA",
        49 => "access denied",
        50 => "decode error",
        51 => "decrypt error",
        60 => "export restriction",
        70 => "protocol version",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        90 => "user canceled",
        100 => "no renegotiation",
        109 => "missing extension",
        110 => "unsupported extension",
        112 => "unrecognized name",
        113 => "bad certificate status response",
        115 => "unknown PSK identity",
        116 => "certificate required",
        120 => "no application protocol",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
