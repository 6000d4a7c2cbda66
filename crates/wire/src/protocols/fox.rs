//! Niagara Fox: stations and workbenches of Tridium's Niagara, which building and energy management are made of.
//!
//! Spec: none is public; messages are text, as observed: a line that names the command, fields with a letter for their type, an
//! end mark.
//! Emits: host, application, operating system, station and host id of both ends; log-ins with their user.
//! Blind to: what is done after the log-in; Fox over TLS (foxs, port 4911), of which only TLS is seen.
//! Tried on: `digitalbond__Quickdraw-Snort__fox_info.pcap`.
use super::asking::Asks;
use super::lines;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Op, Probe, Sender, Side, Step, Verb};

pub static DECODER: Decoder = Decoder {
    name: "fox",
    title: "Niagara Fox (Tridium)",
    carriers: &[Carrier::Tcp(1911), Carrier::Tcp(4911)],
    probe,
    open: || Box::new(Fox::default()),
    remote: false,
    operations: &[Verb::Identify, Verb::Authenticate],
    about: "What both ends say of themselves in the greeting: host, application, version, operating system, station, host id; log-ins with their user, passwords in clear as such.",
    spec: "no public specification; messages as observed",
    blind: "what is done after the log-in; Fox over TLS",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 8;
/// A longer message is not looked through for its end.
const MOST: usize = 1 << 16;
const END: &[u8] = b"};;";

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        for expected in *b"fox a " {
            let byte = r.u8()?;
            r.check(byte == expected, "start")?;
        }
        Ok(match lines::line(head.bytes) {
            // A server greets with 0 where a client that opens says 1.
            Some((line, _)) if line.ends_with(b"fox hello") && line.starts_with(b"fox a 1 ") => {
                Sender::Client
            }
            Some((line, _)) if line.ends_with(b"fox hello") && line.starts_with(b"fox a 0 ") => {
                Sender::Server
            }
            Some((line, _)) if line.ends_with(b"fox challenge") => Sender::Server,
            _ => Sender::Unknown,
        })
    })
}

#[derive(Default)]
struct Fox {
    asks: Asks<u8, (), MOST_WAITING>,
}

const HELLO: u8 = 0;
const LOGIN: u8 = 1;

impl Dialogue for Fox {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if !bytes.starts_with(b"fox ") {
            return if b"fox ".starts_with(bytes) {
                Step::Need(bytes.len() + 1)
            } else {
                Step::Bad("start")
            };
        }
        let Some(end) = bytes.windows(END.len()).position(|part| part == END) else {
            return if bytes.len() < MOST {
                Step::Need(bytes.len() + 1)
            } else {
                Step::Bad("length")
            };
        };
        let message = bytes.get(..end).unwrap_or(bytes);
        let (command, used) = lines::line(message).unwrap_or((message, message.len()));
        let fields = message.get(used..).unwrap_or(&[]);
        let words: Vec<&[u8]> = command.split(|byte| *byte == b' ').collect();
        match words.get(4..) {
            Some([b"fox", b"hello"]) => self.hello(cx, side, fields),
            // Basic authentication sends the password as it is.
            Some([b"fox", b"challenge"]) if field(fields, "method").as_deref() == Some("basic") => {
                cx.oddity("fox.password_in_clear", side, None);
            }
            Some([b"fox", b"challenge"]) => {}
            Some([b"fox", rest @ ..]) => self.other(cx, side, rest, fields),
            _ => {}
        }
        let rest = bytes.get(end + END.len()..).unwrap_or(&[]);
        let blanks = rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        Step::Took(end + END.len() + blanks)
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Fox {
    fn hello(&mut self, cx: &mut Cx<'_>, side: Side, fields: &[u8]) {
        if let Some(version) = field(fields, "fox.version") {
            cx.variant(version);
        }
        let joined = |a: &str, b: &str| {
            let name = field(fields, a)?;
            Some(match field(fields, b) {
                Some(version) => format!("{name} {version}"),
                None => name,
            })
        };
        let host =
            field(fields, "hostName").filter(|name| name.parse::<std::net::IpAddr>().is_err());
        for (attribute, value) in [
            ("hostname", host),
            (
                "software",
                joined("app.name", "app.version").map(|app| format!("Niagara {app}")),
            ),
            ("os", joined("os.name", "os.version")),
            ("serial", field(fields, "hostId")),
            (
                "system",
                field(fields, "station.name").map(|name| format!("Niagara station {name}")),
            ),
        ] {
            if let Some(value) = value {
                cx.identity(side, attribute, value);
            }
        }
        if side == Side::Client {
            self.asks.ask(cx, side, HELLO, (), b"hello", || Op {
                detail: Some("fox hello".to_owned()),
                ..Op::new(Verb::Identify)
            });
        } else if let Some(asked) = self.asks.take(cx, side, HELLO) {
            self.asks.done(cx, asked);
        }
    }

    fn other(&mut self, cx: &mut Cx<'_>, side: Side, command: &[&[u8]], fields: &[u8]) {
        let command = command.first().copied().unwrap_or_default();
        let user = field(fields, "username").or_else(|| field(fields, "user"));
        if side == Side::Client
            && (user.is_some() || command == b"login" || command == b"authenticate")
        {
            if field(fields, "password").is_some() {
                cx.credential("password", user.clone(), false);
            }
            let name = text(command, 32).unwrap_or_default();
            let what = [b"login", user.as_deref().unwrap_or_default().as_bytes()].concat();
            self.asks.ask(cx, side, LOGIN, (), &what, || Op {
                object: user.map(|user| format!("user {user}")),
                detail: Some(format!("fox {name}")),
                ..Op::new(Verb::Authenticate)
            });
        } else if side == Side::Server
            && let Some(asked) = self.asks.take(cx, side, LOGIN)
        {
            match command {
                b"rejected" | b"failed" | b"authenticationFailed" | b"error" => {
                    self.asks.refused(cx, asked, "rejected");
                }
                b"authenticated" | b"accepted" | b"welcome" => self.asks.done(cx, asked),
                _ => self.asks.answered(cx, asked),
            }
        }
    }
}

/// `name=t:value`, a line each.
fn field(fields: &[u8], name: &str) -> Option<String> {
    fields.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        let [_, b':', value @ ..] = value else {
            return None;
        };
        text(value, 128)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check_at;

    fn text(characters: &str) -> String {
        characters
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn both_ends_say_who_they_are_and_a_password_is_told_by_its_user() {
        let hello = "fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nhostName=s:ops1\napp.name=s:Workbench\napp.version=s:3.7\nos.name=s:Windows\nos.version=s:10\n};;\n";
        let welcome = "fox a 0 -1 fox hello\n{\nhostName=s:10.0.0.2\napp.name=s:Station\nstation.name=s:Gate\nhostId=s:Qnx-1\n};;\n";
        let login = "fox a 3 1 fox login\n{\nusername=s:admin\npassword=s:x\n};;\n";
        let (first, rest) = hello.split_at(40);
        check_at(
            &DECODER,
            40001,
            &[
                (Client, &text(first)),
                (Client, &text(rest)),
                (Server, &text(welcome)),
                (
                    Server,
                    &text("fox a 1 -1 fox challenge\n{\nmethod=s:basic\n};;\n"),
                ),
                (Client, &text(login)),
                (Server, &text("fox a 4 3 fox rejected\n{\n};;\n")),
                (Client, &text(login)),
                (
                    Server,
                    &text("fox a 5 3 fox authenticated\n{\n};;\nnonsense"),
                ),
            ],
            expect![[r#"
                conversation protocol=fox:1.0 state=answered packets=4/4 bytes=246/218
                operation identify (fox hello) ok count=1 frames=[1, 2, 3]
                operation authenticate "user admin" (fox login, rejected) refused count=1 frames=[5, 6]
                operation authenticate "user admin" (fox login) ok count=1 frames=[7, 8]
                identity 10.0.0.1 hostname=ops1 stated
                identity 10.0.0.1 os=Windows 10 stated
                identity 10.0.0.1 software=Niagara Workbench 3.7 stated
                identity 10.0.0.2 serial=Qnx-1 stated
                identity 10.0.0.2 software=Niagara Station stated
                identity 10.0.0.2 system=Niagara station Gate stated
                credential count=2 protocol=fox client=10.0.0.1 server=10.0.0.2 what=password user=admin frames=Numbers([5, 7])
                oddity what=fox.password_in_clear frames=Numbers([4])
                oddity what=login.refused detail=fox: fox login, rejected (user admin) frames=Numbers([6])
                oddity what=protocol.malformed detail=fox: start frames=Numbers([8])
            "#]],
        );
    }
}
