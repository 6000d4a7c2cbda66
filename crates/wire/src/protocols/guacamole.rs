//! Guacamole: whose desktop is worked on through a browser, by which protocol, and which files go over.
//!
//! Spec: Apache Guacamole Manual, "The Guacamole protocol" and "Guacamole protocol reference".
//! Emits: the remote session with the protocol behind the gateway, host, port and user where the gateway's daemon is told of
//! them, the connection's name, why it ended; passwords handed on in the clear; refused log-ins; files up and down, with the
//! hash of their content.
//! Blind to: what is typed, pointed at and shown; the clipboard; the host behind the gateway where only the browser's side is
//! seen.
//!
//! The gateway's web application speaks it to its daemon on port 4822, and to browsers, mostly over WebSocket.
use std::net::IpAddr;

use super::carried::{About, Content};
use crate::reader::text;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Probe, Sender, Side, Step,
    Verb,
};

pub(crate) static DECODER: Decoder = Decoder {
    name: "guacamole",
    title: "Guacamole (remote desktops in a browser)",
    carriers: &[Carrier::Tcp(4822)],
    probe,
    open: || Box::new(Guacamole::default()),
    remote: true,
    operations: &[Verb::FileRead, Verb::FileWrite],
    about: "Remote sessions through a browser: protocol, host, port and user behind the gateway, where its daemon is told of them; name of the connection, errors, passwords in the clear, files up and down with their hash.",
    spec: "Apache Guacamole Manual, The Guacamole protocol",
    blind: "what is typed and shown, the clipboard, the host behind the gateway where only the browser's side is seen",
};

/// Elements of an instruction that are looked at; `connect` has one for each parameter of a protocol.
const MOST_ELEMENTS: usize = 256;
/// Characters of an element: the daemon takes instructions of 8192.
const MOST_ELEMENT: usize = 1 << 16;
/// Bytes of the elements before the last: each further segment has all of them read again.
const MOST_INSTRUCTION: usize = 1 << 16;
const MOST_NAME: usize = 120;
/// Files under way at one time.
const MOST_FILES: usize = 8;

/// How a conversation may begin, on each of the ways.
const OPCODES: &[(&str, Sender)] = &[
    ("select", Sender::Client),
    ("args", Sender::Server),
    ("connect", Sender::Client),
    ("ready", Sender::Server),
    // The web application's own: the tunnel's identifier, and signs of life.
    ("", Sender::Unknown),
    ("size", Sender::Unknown),
    ("sync", Sender::Unknown),
    ("nop", Sender::Unknown),
    ("key", Sender::Client),
    ("mouse", Sender::Client),
    ("img", Sender::Server),
    ("blob", Sender::Unknown),
    ("error", Sender::Server),
    ("name", Sender::Unknown),
];

fn probe(head: &Head<'_>) -> Probe {
    // Too short to tell, and no digit: this keeps nobody waiting.
    if !head.bytes.first().is_some_and(u8::is_ascii_digit) {
        return Probe::NotOurs;
    }
    match element(head.bytes) {
        Ok((opcode, rest)) => {
            let known = OPCODES.iter();
            let mut known = known.filter(|(name, _)| name.as_bytes() == opcode);
            let follows = rest.first() == Some(&b';')
                || matches!(rest, [b',', digit, ..] if digit.is_ascii_digit())
                || matches!(rest, [b',']) && head.open;
            // Nothing begins with `0.,` but numbers do: what follows has to be of the web application.
            let own = !opcode.is_empty()
                || [b",36.".as_slice(), b",4.ping"]
                    .iter()
                    .any(|own| rest.starts_with(own));
            match known.next() {
                Some((_, sender)) if own && follows => Probe::Ours(*sender),
                _ => Probe::NotOurs,
            }
        }
        Err(Malformed::Short) if head.open && could_begin(head.bytes) => Probe::NeedMore,
        Err(_) => Probe::NotOurs,
    }
}

/// Bytes that one of the opcodes may still come of.
fn could_begin(bytes: &[u8]) -> bool {
    OPCODES.iter().any(|(name, _)| {
        let whole = format!("{}.{name}", name.len());
        whole.as_bytes().starts_with(bytes)
    })
}

/// `LENGTH.VALUE`, with its length in characters: the value, and what follows.
fn element(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == bytes.len() && digits <= 5 {
        return Err(Malformed::Short);
    }
    let (number, rest) = bytes.split_at_checked(digits).unwrap_or_default();
    let rest = rest.strip_prefix(b".").ok_or(Malformed::Bad("length"))?;
    let length: Option<usize> = std::str::from_utf8(number)
        .ok()
        .and_then(|number| number.parse().ok());
    let length = length.filter(|length| *length <= MOST_ELEMENT);
    let length = length.ok_or(Malformed::Bad("length"))?;
    // Each character begins with a byte that does not go on with another (RFC 3629, 3).
    let plain = rest.get(..length).is_some_and(<[u8]>::is_ascii);
    let end = if plain {
        length
    } else {
        let begins = rest.iter().enumerate();
        let mut begins = begins.filter(|(_, byte)| **byte & 0xc0 != 0x80);
        begins.nth(length).ok_or(Malformed::Short)?.0
    };
    match rest.split_at_checked(end) {
        Some((value, after)) if matches!(after.first(), Some(b',' | b';')) => Ok((value, after)),
        Some((_, [])) | None => Err(Malformed::Short),
        Some(_) => Err(Malformed::Bad("element")),
    }
}

/// Elements of the instruction at the start of the bytes, and its length.
fn instruction(bytes: &[u8]) -> Result<(Vec<&[u8]>, usize), Malformed> {
    let (mut elements, mut rest) = (Vec::new(), bytes);
    loop {
        let (value, after) = element(rest)?;
        if elements.len() >= MOST_ELEMENTS || bytes.len() - rest.len() > MOST_INSTRUCTION {
            return Err(Malformed::Bad("elements"));
        }
        elements.push(value);
        rest = after.get(1..).unwrap_or(&[]);
        if after.first() == Some(&b';') {
            return Ok((elements, bytes.len() - rest.len()));
        }
    }
}

/// One connection.
#[derive(Default)]
struct Guacamole {
    /// What the daemon wants to know to connect: at which places host, port, user and password stand.
    wanted: Wanted,
    protocol: Option<String>,
    user: Option<String>,
    begun: bool,
    files: Vec<Underway>,
}

/// A file in its stream.
struct Underway {
    sender: Side,
    /// The stream's number, which its sender gave it.
    stream: Vec<u8>,
    name: Option<String>,
    asked: Asked,
    content: Content,
    /// A piece could not be read, or bytes are missing.
    broken: bool,
    /// What the receiver said of the pieces.
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Default)]
struct Wanted {
    host: Option<usize>,
    port: Option<usize>,
    user: Option<usize>,
    password: Option<usize>,
}

impl Dialogue for Guacamole {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if !self.begun {
            self.begun = true;
            cx.session(None, None);
        }
        match instruction(bytes) {
            Ok((elements, length)) => {
                if let [opcode, values @ ..] = elements.as_slice() {
                    self.read(cx, side, opcode, values);
                }
                Step::Took(length)
            }
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        for file in self.files.iter_mut().filter(|file| file.sender == side) {
            file.broken = true;
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let frames = std::mem::take(&mut cx.frames);
        for file in std::mem::take(&mut self.files) {
            self.tell(cx, file, false);
        }
        cx.frames = frames;
    }
}

impl Guacamole {
    fn read(&mut self, cx: &mut Cx<'_>, side: Side, opcode: &[u8], values: &[&[u8]]) {
        match (opcode, values, side) {
            (b"select", [what, ..], Side::Client) => self.selected(cx, what),
            (b"args", names, Side::Server) => {
                let at = |wanted: &[u8]| names.iter().position(|name| *name == wanted);
                self.wanted = Wanted {
                    host: at(b"hostname"),
                    port: at(b"port"),
                    user: at(b"username"),
                    password: at(b"password"),
                };
            }
            (b"connect", values, Side::Client) => self.connected(cx, values),
            (b"name", [name, ..], _) => {
                if let Some(name) = text(name, MOST_NAME) {
                    cx.session(None, Some(format!("connection {name}")));
                }
            }
            (b"error", [why, status, ..], Side::Server) => self.failed(cx, why, status),
            // Streams of files: stream, type, name; those of a drive have its number before.
            (b"file", [stream, _, name], side) => self.opens(cx, side, stream, name),
            (b"put", [_, stream, _, name], Side::Client) => self.opens(cx, side, stream, name),
            (b"body", [_, stream, kind, name], Side::Server) if !is_listing(kind) => {
                self.opens(cx, side, stream, name);
            }
            (b"blob", [stream, piece], side) => {
                if let Some(file) = self.file(side, stream) {
                    match from_base64(piece) {
                        Some(piece) if !file.broken => file.content.take(cx, &piece),
                        _ => file.broken = true,
                    }
                }
            }
            (b"ack", [stream, why, status], side) => {
                self.acknowledged(cx, side, stream, why, status)
            }
            (b"end", [stream], side) => self.ended(cx, side, stream, true),
            _ => {}
        }
    }

    fn file(&mut self, sender: Side, stream: &[u8]) -> Option<&mut Underway> {
        let mut files = self.files.iter_mut();
        files.find(|file| file.sender == sender && file.stream == stream)
    }

    fn opens(&mut self, cx: &mut Cx<'_>, sender: Side, stream: &[u8], name: &[u8]) {
        // A number is given anew when its stream is over.
        self.ended(cx, sender, stream, false);
        if self.files.len() >= MOST_FILES {
            let oldest = self.files.remove(0);
            self.tell(cx, oldest, false);
        }
        self.files.push(Underway {
            sender,
            stream: stream
                .get(..stream.len().min(MOST_NAME))
                .unwrap_or_default()
                .to_vec(),
            name: text(name, MOST_NAME),
            asked: cx.asked(),
            content: Content::default(),
            broken: false,
            outcome: None,
        });
    }

    /// The receiver takes a piece, or says why it does not (status 0 is success).
    fn acknowledged(
        &mut self,
        cx: &mut Cx<'_>,
        receiver: Side,
        stream: &[u8],
        why: &[u8],
        status: &[u8],
    ) {
        let sender = receiver.other();
        let Some(file) = self.file(sender, stream) else {
            return;
        };
        if status == b"0" {
            file.outcome = Some(Outcome::Ok);
            return;
        }
        file.outcome = Some(Outcome::Refused);
        file.broken = true;
        if let Some(why) = text(why, 80) {
            cx.session(None, Some(format!("file refused: {why}")));
        }
        self.ended(cx, sender, stream, false);
    }

    fn ended(&mut self, cx: &mut Cx<'_>, sender: Side, stream: &[u8], whole: bool) {
        let is_it = |file: &Underway| file.sender == sender && file.stream == stream;
        if let Some(place) = self.files.iter().position(is_it) {
            let file = self.files.remove(place);
            self.tell(cx, file, whole);
        }
    }

    /// One operation and one file. `ended`: its last byte came.
    fn tell(&self, cx: &mut Cx<'_>, file: Underway, ended: bool) {
        let upload = file.sender == Side::Client;
        let verb = if upload {
            Verb::FileWrite
        } else {
            Verb::FileRead
        };
        let whole = ended && !file.broken;
        let sum = file.content.finish(None, whole);
        let detail = (!whole).then(|| "not seen to its end".to_owned());
        let outcome = file.outcome.filter(|one| whole || *one == Outcome::Refused);
        let op = Op {
            object: file.name.clone(),
            detail: detail.clone(),
            outcome,
            content_bytes: (sum.bytes > 0).then_some(sum.bytes),
            content_sha256: sum.sha256.clone(),
            asked: Some(file.asked.clone()),
            ..Op::new(verb)
        };
        cx.operation(Side::Client, op);
        if sum.bytes > 0 || whole {
            let about = About {
                sender: Some(file.sender),
                upload,
                path: file.name,
                detail,
                user: self.user.clone(),
                outcome,
                asked: Some(file.asked),
                ..About::default()
            };
            cx.file(about, sum);
        }
    }

    fn selected(&mut self, cx: &mut Cx<'_>, what: &[u8]) {
        if what.first() == Some(&b'$') {
            cx.session(None, Some("joins a session under way".to_owned()));
            return;
        }
        self.protocol = text(what, 20);
        if let Some(protocol) = &self.protocol {
            cx.session(None, Some(format!("works by {protocol}")));
        }
    }

    /// Values in the order in which the daemon asked for them.
    fn connected(&mut self, cx: &mut Cx<'_>, values: &[&[u8]]) {
        let value = |place: Option<usize>| {
            let value = values.get(place?)?;
            text(value, MOST_NAME)
        };
        let Wanted {
            host,
            port,
            user,
            password,
        } = self.wanted;
        if let Some(host) = value(host) {
            let port = value(port).map(|port| format!(":{port}"));
            let host = match host.parse::<IpAddr>() {
                Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
                _ => host,
            };
            cx.session(None, Some(format!("to {host}{}", port.unwrap_or_default())));
        }
        self.user = value(user);
        if self.user.is_some() {
            cx.session(self.user.clone(), None);
        }
        let given = password.and_then(|place| values.get(place));
        if given.is_some_and(|secret| !secret.is_empty()) {
            cx.credential("password", self.user.clone(), false);
        }
    }

    /// Status codes of the manual: 0x0301 and 0x0303 are those of who may not log in.
    fn failed(&self, cx: &mut Cx<'_>, why: &[u8], status: &[u8]) {
        let status = text(status, 5).unwrap_or_default();
        let why = text(why, 80).map(|why| format!(": {why}"));
        cx.session(
            None,
            Some(format!("error {status}{}", why.unwrap_or_default())),
        );
        if matches!(status.as_str(), "769" | "771") {
            cx.login_refused(
                Side::Client,
                &format!("status {status}"),
                self.user.as_deref(),
            );
        }
    }
}

/// A folder's list of a drive goes the way of files.
fn is_listing(kind: &[u8]) -> bool {
    kind.starts_with(b"application/vnd.glyptodon.guacamole.stream-index")
}

/// RFC 4648, 4. `None` where it is none.
fn from_base64(digits: &[u8]) -> Option<Vec<u8>> {
    let padding = digits
        .iter()
        .rev()
        .take_while(|byte| **byte == b'=')
        .count();
    let digits = digits.get(..digits.len().checked_sub(padding)?)?;
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for digit in digits {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, held) = (bits << 6 | u32::from(six), held + 6);
        if held >= 8 {
            held -= 8;
            let [.., byte] = (bits >> held).to_be_bytes();
            bytes.push(byte);
        }
    }
    (padding <= 2 && held < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{render, run};

    fn told(port: u16, messages: &[(crate::Side, &str)]) -> String {
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_bytes().to_vec()))
            .collect();
        render(&run(&DECODER, Some(port), &messages))
    }

    #[test]
    fn numbers_in_words_are_no_desktop() {
        for text in ["0.,1.5,0.,2.5;", "0.;", "4.20,3.99;", "4.sync5"] {
            let head = crate::Head {
                bytes: text.as_bytes(),
                udp: false,
                from: 9100,
                to: 50_000,
                first: true,
                open: false,
            };
            assert!((DECODER.probe)(&head) == crate::Probe::NotOurs, "{text}");
        }
    }

    #[test]
    fn the_daemon_is_told_whose_desktop_and_the_password_is_not_kept() {
        let facts = told(
            4822,
            &[
                (Client, "6.select,3.vnc;"),
                (
                    Server,
                    "4.args,13.VERSION_1_5_0,8.hostname,4.port,8.username,8.password;",
                ),
                (
                    Client,
                    "4.size,4.1024,3.768,2.96;5.audio;7.connect,13.VERSION_1_5_0,8.10.9.0.5,4.5900,5.crane,6.gehéim;",
                ),
                (Server, "5.ready,37.$260d01da-779b-4ee9-afc1-c16bae885cc7;"),
                (Server, "5.error,18.Wrong credentials.,3.769;"),
            ],
        );
        assert!(!facts.contains("geh"));
        expect![[r#"
            conversation protocol=guacamole state=answered packets=2/3 bytes=111/149
            remote_session protocol=guacamole client=10.0.0.1 server=10.0.0.2 server_port=4822 user=crane detail=works by vnc; to 10.9.0.5:5900; error 769: Wrong credentials. bytes=260 frames=Numbers([1, 2, 3, 4, 5])
            credential protocol=guacamole client=10.0.0.1 server=10.0.0.2 what=password user=crane frames=Numbers([3])
            oddity what=login.refused detail=guacamole: status 769 (crane) frames=Numbers([5])
        "#]]
        .assert_eq(&facts);
    }

    #[test]
    fn files_up_and_down_are_operations_and_the_connection_is_named() {
        expect![[r#"
            conversation protocol=guacamole state=answered packets=4/7 bytes=161/275
            operation file-write "ladd.cfg" ok content=3 sha256=ba7816bf count=1 frames=[3, 5]
            operation file-read "db.zip" (not seen to its end) ? count=1 frames=[7]
            operation file-write "/a.cfg" (not seen to its end) refused count=1 frames=[10, 11]
            file upload "ladd.cfg" ()  10.0.0.1→10.0.0.2 3/3 text ba7816bf ok frames=[3, 5]
            file download "db.zip" (not seen to its end)  10.0.0.2→10.0.0.1 3/? text - ? frames=[7, 9]
            file upload "/a.cfg" (not seen to its end)  10.0.0.1→10.0.0.2 3/? text - refused frames=[10]
            remote_session protocol=guacamole client=10.0.0.1 server=10.0.0.2 server_port=8080 detail=connection Kran 7 – HMI; file refused: Disk full bytes=436 frames=Numbers([1, 2, 3, 4, 5, 6, 7, 8])
        "#]]
        .assert_eq(&told(
            8080,
            &[
                (Server, "0.,36.5fbcd17a-6a1a-4b71-9b3c-0a3b1a6b4c5e;4.na"),
                (Server, "me,12.Kran 7 – HMI;"),
                (Client, "4.file,1.0,10.text/plain,8.ladd.cfg;4.blob,1.0,4.YWI=;"),
                (Server, "3.ack,1.0,2.OK,1.0;"),
                (Client, "4.blob,1.0,4.Yw==;3.end,1.0;"),
                (
                    Server,
                    "4.body,1.0,1.1,53.application/vnd.glyptodon.guacamole.stream-index+json,1./;",
                ),
                (Server, "4.file,1.1,24.application/octet-stream,6.db.zip;"),
                (Client, "5.mouse,3.100,3.100,1.0;"),
                // A folder's list is no file; a drive takes no more.
                (Server, "4.blob,1.1,4.YWJj;4.blob,1.9,4.YWJj;"),
                (Client, "3.put,1.0,1.2,10.text/plain,6./a.cfg;4.blob,1.2,4.YWJj;"),
                (Server, "3.ack,1.2,9.Disk full,3.512;"),
            ],
        ));
    }
}
