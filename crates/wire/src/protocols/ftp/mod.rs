//! FTP: who logged in with a clear-text password, and which files were read, written and deleted.
//!
//! Spec: RFC 959 (commands, replies), RFC 2428 (EPRT, EPSV), RFC 4217 (AUTH TLS).
//! Emits: operations on files at their final reply or when their content is through, the files themselves, credentials,
//! software of the server; announces data channels.
//! Blind to: everything after AUTH TLS; files between two servers; renames beyond their two names.
mod data;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

pub use self::data::DATA;
use self::data::{Answer, Shared, Transfer as Carried};
use super::lines;
use crate::reader::text;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Op, Outcome, Probe, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "ftp",
    title: "FTP",
    carriers: &[Carrier::Tcp(PORT)],
    probe,
    open: || Box::new(Ftp::default()),
    remote: false,
    operations: &[Verb::FileRead, Verb::FileWrite, Verb::FileDelete],
    about: "Files read, written and deleted with name and outcome, and what they hold: size, SHA-256, kind; clear-text passwords by user; data channels, active and passive.",
    spec: "RFC 959, RFC 2428, RFC 4217",
    blind: "everything after AUTH TLS; the content of files between two servers, and of those whose control connection was not captured",
};

const PORT: u16 = 21;
/// Commands that wait for their replies: few clients send ahead.
const MOST_WAITING: usize = 32;
/// Longest file name that is kept.
const MOST_NAME: usize = 512;

/// Replies look like those of mail, commands like those of mail and news: what only FTP says counts at any port.
fn probe(head: &Head<'_>) -> Probe {
    let Some((line, _)) = lines::line(head.bytes) else {
        let short = head.bytes.len() < 512 && lines::is_text(head.bytes);
        return if head.open && short && head.on(PORT) {
            Probe::NeedMore
        } else {
            Probe::NotOurs
        };
    };
    if !lines::is_text(line) {
        return Probe::NotOurs;
    }
    if let Some((code, text)) = reply(line) {
        let mail = lines::contains(text, b"smtp") || lines::contains(text, b"mail");
        let telling = match code {
            220 => lines::contains(text, b"ftp"),
            227 => lines::contains(text, b"passive mode"),
            229 => lines::contains(text, b"extended passive mode"),
            _ => false,
        };
        return if telling && !mail || head.from == PORT {
            Probe::Ours(Sender::Server)
        } else {
            Probe::NotOurs
        };
    }
    let (word, argument) = command(line);
    let known = |words: &[&[u8]]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    let telling = argument.is_none() && known(&[b"PASV", b"EPSV", b"SYST", b"PWD"])
        || argument.is_some() && known(&[b"STOR", b"CWD", b"EPRT", b"MDTM"])
        || argument.and_then(host_port).is_some() && known(&[b"PORT"]);
    if telling || head.to == PORT && known(COMMANDS) {
        Probe::Ours(Sender::Client)
    } else {
        Probe::NotOurs
    }
}

/// RFC 959, 5.3; RFC 2228, 2389, 2428, 3659.
const COMMANDS: &[&[u8]] = &[
    b"USER", b"PASS", b"ACCT", b"CWD", b"CDUP", b"SMNT", b"QUIT", b"REIN", b"PORT", b"PASV",
    b"TYPE", b"STRU", b"MODE", b"RETR", b"STOR", b"STOU", b"APPE", b"ALLO", b"REST", b"RNFR",
    b"RNTO", b"ABOR", b"DELE", b"RMD", b"MKD", b"PWD", b"LIST", b"NLST", b"SITE", b"SYST", b"STAT",
    b"HELP", b"NOOP", b"AUTH", b"ADAT", b"PROT", b"PBSZ", b"CCC", b"FEAT", b"OPTS", b"EPRT",
    b"EPSV", b"MDTM", b"MFMT", b"MLSD", b"MLST", b"SIZE", b"CLNT", b"LANG", b"XCWD", b"XPWD",
    b"XMKD", b"XRMD",
];

/// A command word and its argument.
fn command(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(space) => (
            line.get(..space).unwrap_or(line),
            line.get(space + 1..).filter(|rest| !rest.is_empty()),
        ),
        None => (line, None),
    }
}

/// Code and text of a reply line; the character between tells whether more lines follow.
fn reply(line: &[u8]) -> Option<(u16, &[u8])> {
    let (code, rest) = line.split_first_chunk::<3>()?;
    if !code.iter().all(u8::is_ascii_digit) || !matches!(rest, [] | [b' ' | b'-', ..]) {
        return None;
    }
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    (100..700)
        .contains(&code)
        .then_some((code, rest.get(1..).unwrap_or(&[])))
}

/// `h1,h2,h3,h4,p1,p2` (RFC 959, 4.1.2).
fn host_port(argument: &[u8]) -> Option<(IpAddr, u16)> {
    let start = argument.iter().position(u8::is_ascii_digit)?;
    let mut numbers = argument
        .get(start..)?
        .split(|byte| !byte.is_ascii_digit())
        .map(|digits| std::str::from_utf8(digits).ok()?.parse::<u8>().ok());
    let mut next = || numbers.next().flatten();
    let ip = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    Some((ip.into(), u16::from_be_bytes([next()?, next()?])))
}

/// `|1|132.235.1.2|6275|` (RFC 2428, 2) and `|||6446|` (RFC 2428, 3).
fn extended(argument: &[u8]) -> Option<(Option<IpAddr>, u16)> {
    let argument = std::str::from_utf8(argument).ok()?.trim();
    let mark = argument.chars().next()?;
    let mut parts = argument.split(mark);
    let (_, _, ip, port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((ip.parse().ok(), port.parse().ok()?))
}

/// A command until its final reply.
#[derive(Debug)]
enum Waiting {
    User(Option<String>),
    Password,
    Transfer(Box<Transfer>),
    /// A transfer whose content goes over that channel.
    Carried(Shared),
    Binary(bool),
    Restart(u64),
    System,
    Passive,
    Tls,
    /// The answers tell nothing.
    Other,
}

#[derive(Debug)]
struct Transfer {
    verb: Verb,
    object: Option<String>,
    detail: Option<String>,
    asked: Asked,
    bytes: Option<u64>,
}

/// One control connection: the commands that wait, in the order of their replies.
#[derive(Default)]
struct Ftp {
    waiting: VecDeque<Waiting>,
    user: Option<String>,
    rename: Option<String>,
    /// Code of a reply of several lines that is not over.
    several: Option<u16>,
    /// The data channel that was announced last, until a command uses it.
    channel: Option<Shared>,
    /// The transfer before, while its content is on its way.
    before: Option<Shared>,
    /// Files go as lines of text; `None` until that is said.
    text: Option<bool>,
    /// Where in the file the next transfer begins.
    from: u64,
    greeted: bool,
    encrypted: bool,
}

impl Dialogue for Ftp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if self.encrypted {
            return Step::Done;
        }
        // The urgent byte before ABOR (RFC 959, 4.1.3) is Telnet's.
        if let [0xff, _, ..] = bytes {
            return Step::Took(2);
        }
        let Some((line, length)) = lines::line(bytes) else {
            return lines::wait(bytes);
        };
        match side {
            Side::Client => self.command(cx, line),
            Side::Server => self.reply(cx, line),
        }
        Step::Took(length)
    }

    fn gap(&mut self, cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        // Which reply belongs to which command is not known any more.
        self.drop_all(cx, None);
        self.several = None;
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let outcome = cx.unanswered(Side::Server);
        self.drop_all(cx, outcome);
        self.before = None;
    }
}

impl Ftp {
    fn drop_all(&mut self, cx: &mut Cx<'_>, outcome: Option<Outcome>) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Transfer(transfer) => tell(cx, *transfer, outcome, None),
                Waiting::Carried(channel) => channel.leave(cx, Answer(outcome)),
                _ => {}
            }
        }
    }

    fn command(&mut self, cx: &mut Cx<'_>, line: &[u8]) {
        let (word, argument) = command(line);
        let word = word.to_ascii_uppercase();
        let name = || argument.and_then(|argument| text(argument, MOST_NAME));
        let transfer = |verb: Verb, detail: Option<String>| {
            Waiting::Transfer(Box::new(Transfer {
                verb,
                object: name(),
                detail,
                asked: cx.asked(),
                bytes: None,
            }))
        };
        let waiting = match word.as_slice() {
            b"USER" => Waiting::User(name()),
            b"PASS" => {
                let anonymous = self.user.as_deref().is_some_and(|user| {
                    user.eq_ignore_ascii_case("anonymous") || user.eq_ignore_ascii_case("ftp")
                });
                if !anonymous {
                    cx.credential("password", self.user.clone(), argument.is_none());
                }
                Waiting::Password
            }
            b"RETR" => self.carry(cx, Verb::FileRead, name(), None),
            b"STOR" | b"STOU" => self.carry(cx, Verb::FileWrite, name(), None),
            b"APPE" => self.carry(cx, Verb::FileWrite, name(), Some("append".to_owned())),
            b"LIST" | b"NLST" | b"MLSD" => {
                self.channel = None;
                Waiting::Other
            }
            // RFC 959, 3.1.1: text is what holds until something else is said.
            b"TYPE" => Waiting::Binary(matches!(argument, Some([b'I' | b'i' | b'L' | b'l', ..]))),
            b"REST" => Waiting::Restart(
                argument
                    .and_then(|at| std::str::from_utf8(at).ok()?.trim().parse().ok())
                    .unwrap_or(0),
            ),
            b"DELE" => transfer(Verb::FileDelete, None),
            b"RMD" | b"XRMD" => transfer(Verb::FileDelete, Some("directory".to_owned())),
            b"RNFR" => {
                self.rename = name();
                Waiting::Other
            }
            b"RNTO" => {
                let from = self.rename.take();
                transfer(
                    Verb::FileWrite,
                    from.map(|from| format!("renamed from {from}")),
                )
            }
            b"SYST" => Waiting::System,
            b"PASV" | b"EPSV" => Waiting::Passive,
            b"AUTH" => Waiting::Tls,
            b"PORT" => {
                if let Some((ip, port)) = argument.and_then(host_port) {
                    self.active(cx, ip, port);
                }
                Waiting::Other
            }
            b"EPRT" => {
                if let Some((Some(ip), port)) = argument.and_then(extended) {
                    self.active(cx, ip, port);
                }
                Waiting::Other
            }
            _ => Waiting::Other,
        };
        if let Waiting::User(user) = &waiting {
            self.user.clone_from(user);
        }
        self.waiting.push_back(waiting);
        if self.waiting.len() > MOST_WAITING {
            match self.waiting.pop_front() {
                Some(Waiting::Transfer(transfer)) => tell(cx, *transfer, None, None),
                Some(Waiting::Carried(channel)) => channel.leave(cx, Answer(None)),
                _ => {}
            }
        }
    }

    /// A file over the data channel that was announced, if one was.
    fn carry(
        &mut self,
        cx: &mut Cx<'_>,
        verb: Verb,
        object: Option<String>,
        detail: Option<String>,
    ) -> Waiting {
        if let Some(before) = self.before.take() {
            before.force(cx);
        }
        let from = std::mem::take(&mut self.from);
        let Some(channel) = self.channel.take() else {
            return Waiting::Transfer(Box::new(Transfer {
                verb,
                object,
                detail,
                asked: cx.asked(),
                bytes: None,
            }));
        };
        channel.begin(Carried {
            op: Op {
                object,
                detail,
                asked: Some(cx.asked()),
                ..Op::new(verb)
            },
            user: self.user.clone(),
            upload: verb == Verb::FileWrite,
            // Text is what holds until something else is said (RFC 959, 3.1.1); of what was said before the capture nothing
            // is known.
            binary: self.text.map_or(cx.flow.midstream, |text| !text),
            control: *cx.flow,
            op_told: false,
            from,
            answer: None,
        });
        self.before = Some(channel.clone());
        Waiting::Carried(channel)
    }

    /// The client waits for the data at an address that should be its own.
    fn active(&mut self, cx: &mut Cx<'_>, ip: IpAddr, port: u16) {
        if cx.flow.client.address.ip() != Some(ip) {
            let detail = Some(format!("data asked to {ip} port {port}"));
            cx.oddity("ftp.data_to_third_host", Side::Client, detail);
            self.channel = None;
            cx.expect(ip, port, false, DATA.name, None);
            return;
        }
        self.announce(cx, ip, port, true);
    }

    /// A channel between the two hosts of this connection.
    fn announce(&mut self, cx: &mut Cx<'_>, ip: IpAddr, port: u16, by_client: bool) {
        let channel = Shared::new(cx.flow.client.address.ip(), (ip, port), by_client);
        cx.expect_as(ip, port, &DATA, channel.dialogue());
        self.channel = Some(channel);
    }

    fn reply(&mut self, cx: &mut Cx<'_>, line: &[u8]) {
        let read = reply(line);
        if let Some(code) = self.several {
            // RFC 959, 4.2: the last line begins with the code and a space.
            if line.get(3) == Some(&b'-') || read.is_none_or(|(last, _)| last != code) {
                return;
            }
            self.several = None;
        }
        let Some((code, words)) = read else { return };
        if line.get(3) == Some(&b'-') {
            self.several = Some(code);
            // The first line of a greeting is the one that names the server.
            if code == 220 && !self.greeted && self.waiting.is_empty() {
                self.greet(cx, words);
            }
            return;
        }
        if code == 220 && self.waiting.is_empty() {
            self.greet(cx, words);
            return;
        }
        if code < 200 {
            let stated = stated_bytes(words);
            match self.waiting.front_mut() {
                Some(Waiting::Transfer(transfer)) => transfer.bytes = stated.or(transfer.bytes),
                Some(Waiting::Carried(channel)) => channel.learn(|transfer| {
                    transfer.op.content_bytes = stated.or(transfer.op.content_bytes);
                }),
                _ => {}
            }
            return;
        }
        match self.waiting.pop_front() {
            Some(Waiting::Transfer(transfer)) => {
                let refused = code >= 400;
                let why = refused.then(|| text(line, 80)).flatten();
                let outcome = if refused {
                    Outcome::Refused
                } else {
                    Outcome::Ok
                };
                tell(cx, *transfer, Some(outcome), why);
            }
            Some(Waiting::Carried(channel)) => {
                let refused = code >= 400;
                let why = refused.then(|| text(line, 80)).flatten();
                let outcome = if refused {
                    Outcome::Refused
                } else {
                    Outcome::Ok
                };
                let here = cx.asked();
                channel.learn(|transfer| {
                    let op = &mut transfer.op;
                    op.detail = match (op.detail.take(), why) {
                        (Some(detail), Some(why)) => Some(format!("{detail}, {why}")),
                        (detail, why) => detail.or(why),
                    };
                    // The reply shows it too, even where it is told later.
                    if let Some(asked) = op.asked.as_mut().filter(|it| it.capture == here.capture) {
                        let room = facts::Evidence::MOST.saturating_sub(asked.frames.len());
                        asked.frames.extend(here.frames.into_iter().take(room));
                    }
                });
                channel.answer(cx, Answer(Some(outcome)));
            }
            // RFC 959, 4.2.1, and FTPEXT's 430: not logged in.
            Some(Waiting::User(_) | Waiting::Password) if matches!(code, 430 | 530 | 532) => {
                cx.login_refused(Side::Client, "login refused", self.user.as_deref());
            }
            Some(Waiting::Binary(binary)) if code < 300 => self.text = Some(!binary),
            Some(Waiting::Restart(at)) if code == 350 => self.from = at,
            Some(Waiting::System) if code == 215 => {
                if let Some(system) = text(words, 80) {
                    cx.identity(Side::Server, "system", system);
                }
            }
            Some(Waiting::Tls) if code == 234 => {
                cx.variant("tls");
                self.encrypted = true;
            }
            _ => {}
        }
        match code {
            227 => {
                if let Some((ip, port)) = host_port(words) {
                    self.passive(cx, Some(ip), port);
                }
            }
            229 => {
                let argument = words
                    .iter()
                    .position(|byte| *byte == b'(')
                    .and_then(|start| words.get(start + 1..));
                if let Some((ip, port)) = argument.and_then(extended) {
                    self.passive(cx, ip, port);
                }
            }
            _ => {}
        }
    }

    /// The server waits for the data; behind address translation its own address counts, not the one that it states.
    fn passive(&mut self, cx: &mut Cx<'_>, stated: Option<IpAddr>, port: u16) {
        let own = cx.flow.server.address.ip();
        if let Some(own) = own {
            self.announce(cx, own, port, false);
        }
        if let Some(stated) = stated.filter(|ip| Some(*ip) != own) {
            cx.expect(stated, port, false, DATA.name, None);
        }
    }

    fn greet(&mut self, cx: &mut Cx<'_>, words: &[u8]) {
        self.greeted = true;
        // "Service ready" is no name; a version or the word server is.
        let names = words
            .windows(3)
            .any(|part| matches!(part, [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit()))
            || lines::contains(words, b"ftpd")
            || lines::contains(words, b"ftp server");
        if let Some(greeting) = text(words, 120).filter(|_| names) {
            // Some servers draw lines around it.
            let greeting = greeting.trim_matches(['-', '*', '=', ' ']);
            cx.identity(Side::Server, "software", greeting);
        }
    }
}

/// `150 Opening BINARY mode data connection for a.bin (1234 bytes).`
fn stated_bytes(words: &[u8]) -> Option<u64> {
    let words = std::str::from_utf8(words).ok()?;
    let (before, _) = words.rsplit_once(" bytes")?;
    let (_, number) = before.rsplit_once('(')?;
    number.parse().ok()
}

fn tell(cx: &mut Cx<'_>, transfer: Transfer, outcome: Option<Outcome>, why: Option<String>) {
    let detail = match (transfer.detail, why) {
        (Some(detail), Some(why)) => Some(format!("{detail}, {why}")),
        (detail, why) => detail.or(why),
    };
    cx.operation(
        Side::Client,
        Op {
            object: transfer.object,
            detail,
            outcome,
            content_bytes: transfer.bytes,
            asked: Some(transfer.asked),
            ..Op::new(transfer.verb)
        },
    );
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{self, Client, Server};
    use crate::testing::{render, run};
    use crate::{Head, Probe, Sender};

    fn talk(messages: &[(Side, &str)]) -> String {
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_bytes().to_vec()))
            .collect();
        render(&run(&DECODER, None, &messages))
    }

    #[test]
    fn files_are_told_at_their_final_reply_and_the_password_by_its_user() {
        expect![[r#"
            conversation protocol=ftp state=answered packets=8/8 bytes=96/296
            operation file-read "a b.bin" ok count=1 frames=[10, 11]
            operation file-write "/fw.bin" (553 Could not create file.) refused count=1 frames=[12, 13]
            operation file-delete "old.txt" ok count=1 frames=[14, 15]
            operation file-write "new.txt" unanswered count=1 frames=[16]
            identity 10.0.0.2 software=(vsFTPd 3.0.3) stated
            identity 10.0.0.2 system=UNIX Type: L8 stated
            credential protocol=ftp client=10.0.0.1 server=10.0.0.2 what=password user=service frames=Numbers([4])
        "#]].assert_eq(&talk(&[
            (Server, "220 (vsFTPd 3.0.3)\r\n"),
            (Client, "USER service\r\n"),
            (Server, "331 Please specify the password.\r\n"),
            (Client, "PASS hunter2\r\n"),
            (Server, "230 Login successful.\r\n"),
            (Client, "SYST\r\n"),
            (Server, "215 UNIX Type: L8\r\n"),
            (Client, "PASV\r\n"),
            (Server, "227 Entering Passive Mode (10,0,0,2,4,1).\r\n"),
            (Client, "RETR a b.bin\r\n"),
            (Server, "150 Opening BINARY mode data connection for a b.bin (1234 bytes).\r\n226 Transfer complete.\r\n"),
            (Client, "STOR /fw.bin\r\n"),
            (Server, "553 Could not create file.\r\n"),
            (Client, "DELE old.txt\r\n"),
            (Server, "250-Deleting\r\n 226 not yet\r\n250 done\r\n"),
            (Client, "STOR new.txt\r\n"),
        ]));
    }

    #[test]
    fn anonymous_is_no_secret_and_tls_ends_the_reading() {
        expect![[r#"
            conversation protocol=ftp:tls state=answered packets=4/4 bytes=51/62
            identity 10.0.0.2 software=FTP server ready stated
        "#]]
        .assert_eq(&talk(&[
            (Server, "220-Welcome\r\n220 FTP server ready\r\n"),
            (Client, "USER anonymous\r\n"),
            (Server, "331 Guest\r\n"),
            (Client, "PASS me@example.com\r\n"),
            (Server, "230 ok\r\n"),
            (Client, "AUTH TLS\r\n"),
            (Server, "234 go\r\n"),
            (Client, "\x16\x03\x01\n"),
        ]));
    }

    #[test]
    fn data_sent_to_a_third_host_is_odd() {
        expect![[r#"
            conversation protocol=ftp state=answered packets=1/1 bytes=21/8
            oddity what=ftp.data_to_third_host detail=data asked to 192.0.2.9 port 25 frames=Numbers([1])
        "#]].assert_eq(&talk(&[
            (Client, "PORT 192,0,2,9,0,25\r\n"),
            (Server, "200 ok\r\n"),
        ]));
    }

    #[test]
    fn mail_is_not_ftp() {
        let probe = |bytes: &[u8], from, to| {
            (DECODER.probe)(&Head {
                bytes,
                udp: false,
                from,
                to,
                first: true,
                open: true,
            })
        };
        assert_eq!(probe(b"220 mx ESMTP\r\n", 25, 40000), Probe::NotOurs);
        assert_eq!(probe(b"USER joe\r\n", 40000, 110), Probe::NotOurs);
        assert_eq!(
            probe(b"USER joe\r\n", 40000, 21),
            Probe::Ours(Sender::Client)
        );
        assert_eq!(
            probe(b"220 ProFTPD 1.3\r\n", 2121, 40000),
            Probe::Ours(Sender::Server)
        );
    }
}
