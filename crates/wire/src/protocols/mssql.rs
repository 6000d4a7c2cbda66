//! Microsoft SQL Server: which version, secured how, and who logs in.
//!
//! Spec: [MS-TDS] 2.2.3.1 (packets), 2.2.6.4 (login), 2.2.6.5 (prelogin), 2.2.7.10 (error token).
//! Emits: version of the server, encryption as variant; of logins in the clear user, host and program, and that a password
//! was sent; refused logins.
//! Blind to: statements and their results; logins inside TLS; versions before 7.0.
use super::ntlm::{self, utf16};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "mssql",
    title: "Microsoft SQL Server (TDS)",
    carriers: &[Carrier::Tcp(1433)],
    probe,
    open: || Box::new(Tds::default()),
    remote: false,
    operations: &[],
    about: "Version of the server, whether it encrypts; users, hosts and programs of logins in the clear, and that their passwords can be read; refused logins.",
    spec: "[MS-TDS]",
    blind: "statements and results; logins inside TLS",
};

const HEADER: usize = 8;
/// Longest packet of a login.
const MOST_PACKET: usize = 1 << 15;

/// [MS-TDS] 2.2.3.1.1.
mod kind {
    pub(super) const ANSWER: u8 = 4;
    pub(super) const LOGIN: u8 = 0x10;
    pub(super) const SSPI: u8 = 0x11;
    pub(super) const PRELOGIN: u8 = 0x12;
}

/// A header of eight octets; a prelogin then lists the version first.
fn probe(head: &Head<'_>) -> Probe {
    super::named::ours(sender(head))
}

fn sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let (kind, status) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::from(r.u16().ok()?);
    r.skip(3).ok()?;
    let window = r.u8().ok()?;
    if window != 0 || status & !0x1f != 0 || length < HEADER {
        return None;
    }
    match kind {
        kind::PRELOGIN if matches!(r.peek(), [0, 0, _, 0, 6, ..]) && length == head.bytes.len() => {
            Some(Sender::Client)
        }
        1..=3 | 6 | 7 | 0x0e | kind::LOGIN..=kind::PRELOGIN if head.to == 1433 => {
            Some(Sender::Client)
        }
        kind::ANSWER if head.from == 1433 => Some(Sender::Server),
        _ => None,
    }
}

/// One connection until someone is logged in.
#[derive(Default)]
struct Tds {
    user: Option<String>,
    answers: u8,
}

impl Dialogue for Tds {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let (Ok(kind), Ok(_), Ok(length)) = (r.u8(), r.u8(), r.u16()) else {
            return Step::Need(HEADER);
        };
        let length = usize::from(length);
        if !(HEADER..=MOST_PACKET).contains(&length) {
            return Step::Done;
        }
        let Some(body) = bytes.get(HEADER..length) else {
            return Step::Need(length);
        };
        match (kind, side) {
            // The TLS handshake wears the same type (2.2.6.5).
            (kind::PRELOGIN, _) if body.first() == Some(&0x16) => {}
            (kind::LOGIN, Side::Client) => {
                self.login(cx, body);
            }
            (kind::SSPI, Side::Client) => {
                if let Some(user) = ntlm::tell(cx, side, body) {
                    self.user = Some(user);
                }
            }
            (kind::ANSWER, Side::Server) => {
                self.answers = self.answers.saturating_add(1);
                ntlm::tell(cx, side, body);
                if !prelogin(cx, side, body) {
                    self.refused(cx, body);
                }
                // Results follow; they are not read.
                if self.answers > 4 {
                    return Step::Done;
                }
            }
            (kind::PRELOGIN, Side::Client) => {}
            // Statements: whoever sends them is logged in.
            _ => return Step::Done,
        }
        Step::Took(length)
    }
}

/// [MS-TDS] 2.2.6.5: option, offset, length, until 255. The server's version is its own; its encryption is what counts.
fn prelogin(cx: &mut Cx<'_>, side: Side, body: &[u8]) -> bool {
    if !matches!(body, [0, 0, _, 0, 6, ..]) {
        return false;
    }
    let mut r = Reader::new(body);
    while let (Ok(option @ 0..=0xfe), Ok(offset), Ok(length)) = (r.u8(), r.u16(), r.u16()) {
        let start = usize::from(offset);
        let value = body.get(start..start + usize::from(length));
        match (option, value) {
            (0, Some([major, minor, high, low, ..])) if *major > 0 => {
                let build = u16::from_be_bytes([*high, *low]);
                let version = format!("Microsoft SQL Server {major}.{minor}.{build}");
                cx.identity(side, "software", version);
            }
            (1, Some([encryption, ..])) => match encryption {
                0 => cx.variant("login-encrypted"),
                1 | 3 => cx.variant("encrypted"),
                2 => cx.variant("clear"),
                _ => {}
            },
            _ => {}
        }
    }
    true
}

impl Tds {
    /// [MS-TDS] 2.2.6.4: numbers, then offsets and lengths in letters. A password is turned about, not encrypted.
    fn login(&mut self, cx: &mut Cx<'_>, body: &[u8]) -> Option<()> {
        let mut r = Reader::new(body);
        r.skip(36).ok()?;
        let mut value = || -> Option<&[u8]> {
            let (offset, letters) = (r.u16_le().ok()?, r.u16_le().ok()?);
            let start = usize::from(offset);
            body.get(start..start + 2 * usize::from(letters))
        };
        let (host, user, password, program) = (value()?, value()?, value()?, value()?);
        if let Some(host) = utf16(host) {
            cx.identity(Side::Client, "hostname", host);
        }
        if let Some(program) = utf16(program) {
            cx.identity(Side::Client, "software", program);
        }
        self.user = utf16(user);
        if let Some(user) = &self.user {
            cx.identity(Side::Client, "user", user.clone());
        }
        if !password.is_empty() {
            cx.credential("password", self.user.clone(), false);
        }
        if let Some(user) = ntlm::tell(cx, Side::Client, body) {
            self.user = Some(user);
        }
        Some(())
    }

    /// The error token with number 18456: login failed.
    fn refused(&self, cx: &mut Cx<'_>, body: &[u8]) {
        if matches!(body, [0xaa, _, _, 0x18, 0x48, 0, 0, ..]) {
            cx.login_refused(Side::Client, "login failed", self.user.as_deref());
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn a_server_that_does_not_encrypt_shows_who_logs_in() {
        // Host CMS, user sa, password of two letters, program P, behind 36 octets of numbers and four fields.
        let login = format!(
            "10 01 004c 0000 01 00 {} 3400 0300 3a00 0200 3e00 0200 4200 0100 43004d005300 73006100 b3a5b3a5 5000",
            "00".repeat(36)
        );
        check(
            &DECODER,
            &[
                (
                    Client,
                    "12 01 0014 0000 01 00 00 0006 0006 ff 0900 0000 0000",
                ),
                // Version 15.0.2000, encryption not supported (2).
                (
                    Server,
                    "04 01 001a 0000 01 00 00 000b 0006 01 0011 0001 ff 0f0007d00000 02",
                ),
                (Client, &login),
                (
                    Server,
                    "04 01 0014 0000 01 00 aa 0900 18480000 01 0e 0000 00 00",
                ),
            ],
            expect![[r#"
                conversation protocol=mssql:clear state=answered packets=2/2 bytes=96/47
                identity 10.0.0.2 software=Microsoft SQL Server 15.0.2000 stated
                identity 10.0.0.1 hostname=CMS stated
                identity 10.0.0.1 software=P stated
                identity 10.0.0.1 user=sa stated
                credential protocol=mssql client=10.0.0.1 server=10.0.0.2 what=password user=sa frames=Numbers([3])
                oddity what=login.refused detail=mssql: login failed (sa) frames=Numbers([4])
            "#]],
        );
    }
}
