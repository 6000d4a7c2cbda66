//! Telnet: who sat at whose terminal, and that a password crossed the wire in clear text.
//!
//! Spec: RFC 854 (commands), RFC 855 (options), RFC 1091 (terminal type).
//! Emits: the remote session with user and terminal; the clear-text credential, never its secret.
//! Blind to: what is typed after the login; encryption (RFC 2946); prompts in other languages than English.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

use super::lines;

pub static DECODER: Decoder = Decoder {
    name: "telnet",
    title: "Telnet",
    carriers: &[Carrier::Tcp(23), Carrier::Tcp(2323)],
    probe,
    open: || Box::new(Telnet::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions with user name and terminal type; passwords that were typed in clear text, by user.",
    spec: "RFC 854, RFC 855, RFC 1091",
    blind: "what is typed after the login; prompts that do not ask for a login or password in English",
};

const IAC: u8 = 0xff;
const SB: u8 = 0xfa;
const SE: u8 = 0xf0;
const TERMINAL_TYPE: u8 = 24;

/// End of what the server wrote last: enough for a prompt.
const MOST_PROMPT: usize = 64;
/// Longest user name that is kept.
const MOST_USER: usize = 64;
/// Longest subnegotiation.
const MOST_OPTION: usize = 512;

/// Negotiation is strong evidence at any port; text alone says little and needs the port.
fn probe(head: &Head<'_>) -> Probe {
    if let Some(probe) = negotiation(head) {
        return probe;
    }
    if !head.on(23) && !head.on(2323) || !is_terminal(head.bytes) {
        return Probe::NotOurs;
    }
    let prompt = [&b"login:"[..], b"sername:", b"assword:"]
        .iter()
        .any(|prompt| lines::contains(head.bytes, prompt));
    let from_server = head.from == 23 || head.from == 2323;
    if prompt {
        return Probe::Ours(Sender::Server);
    }
    // Other protocols of text introduce themselves.
    let other = head.bytes.starts_with(b"SSH-") || lines::contains(head.bytes, b"HTTP/1.");
    if !other && (from_server || !head.first) {
        Probe::Ours(Sender::Unknown)
    } else {
        Probe::NotOurs
    }
}

/// Commands that agree with RFC 854 and with options that exist (IANA "Telnet Options": 0 to 49, 138 to 140, 255).
fn negotiation(head: &Head<'_>) -> Option<Probe> {
    let mut rest = head.bytes;
    let mut seen = 0;
    while let [IAC, tail @ ..] = rest {
        match tail {
            [0xfb..=0xfe, 0..=49 | 138..=140 | 255, after @ ..] => rest = after,
            [SB, 0..=49, after @ ..] => match after.windows(2).position(|pair| pair == [IAC, SE]) {
                Some(end) => rest = after.get(end + 2..).unwrap_or(&[]),
                None if head.open && after.len() < MOST_OPTION => {
                    return Some(Probe::NeedMore);
                }
                None => return None,
            },
            [] | [0xfb..=0xfe] if head.open => return Some(Probe::NeedMore),
            _ => return None,
        }
        seen += 1;
    }
    // What follows is text for the terminal; an audio stream that begins alike goes on with anything.
    (seen > 0 && (rest.is_empty() || is_terminal(rest))).then_some(Probe::Ours(Sender::Unknown))
}

/// Text as terminals send and show it.
fn is_terminal(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| {
            matches!(byte, 0 | 3..=5 | 7..=0xd | 0x11 | 0x13 | 0x15 | 0x1a | 0x1b | 0x20..=0x7f | 0x80..)
        })
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    User,
    Password,
}

/// One session: what the server asked last, and the line that the client types.
#[derive(Default)]
struct Telnet {
    prompt: Vec<u8>,
    asked: Asked,
    typed: Vec<u8>,
    user: Option<String>,
    told: bool,
    given: bool,
}

impl Dialogue for Telnet {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if !self.told {
            self.told = true;
            cx.session(None, None);
        }
        match bytes {
            [IAC, IAC, ..] => Step::Took(2),
            [IAC, 0xfb..=0xfe, _, ..] => Step::Took(3),
            [IAC] | [IAC, 0xfb..=0xfe] => Step::Need(bytes.len() + 1),
            [IAC, SB, rest @ ..] => match rest.windows(2).position(|pair| pair == [IAC, SE]) {
                Some(end) => {
                    if let Some(&[TERMINAL_TYPE, 0, ref name @ ..]) = rest.get(..end)
                        && let Some(name) = text(name, 40)
                    {
                        cx.session(None, Some(format!("terminal {name}")));
                    }
                    Step::Took(end + 4)
                }
                None if bytes.len() < MOST_OPTION => Step::Need(bytes.len() + 1),
                None => Step::Bad("subnegotiation without end"),
            },
            [IAC, ..] => Step::Took(2),
            _ => {
                let end = bytes
                    .iter()
                    .position(|byte| *byte == IAC)
                    .unwrap_or(bytes.len());
                let plain = bytes.get(..end).unwrap_or(bytes);
                match side {
                    Side::Server => self.shown(cx, plain),
                    Side::Client => self.typed(cx, plain),
                }
                Step::Took(end)
            }
        }
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        match side {
            Side::Server => self.prompt.clear(),
            Side::Client => self.typed.clear(),
        }
    }
}

impl Telnet {
    fn shown(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) {
        self.prompt.extend_from_slice(bytes);
        // The word may come in pieces.
        if self.given
            && REFUSALS
                .iter()
                .any(|word| lines::contains(&self.prompt, word))
        {
            self.given = false;
            cx.session(None, Some("login refused".to_owned()));
            cx.login_refused(Side::Client, "login refused", self.user.as_deref());
        }
        let surplus = self.prompt.len().saturating_sub(MOST_PROMPT);
        self.prompt.drain(..surplus);
        let prompt = self.prompt.trim_ascii_end();
        let ends = |word: &[u8]| {
            prompt
                .len()
                .checked_sub(word.len())
                .and_then(|start| prompt.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(word))
        };
        let asked =
            if ends(b"login:") || ends(b"username:") || ends(b"user name:") || ends(b"user:") {
                Asked::User
            } else if ends(b"password:") || ends(b"passwd:") {
                Asked::Password
            } else {
                return;
            };
        if asked != self.asked {
            self.asked = asked;
            self.typed.clear();
        }
    }

    fn typed(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) {
        for byte in bytes {
            match (*byte, self.asked) {
                (b'\r' | b'\n', Asked::User) if !self.typed.is_empty() => {
                    self.user = text(&self.typed, MOST_USER);
                    cx.session(self.user.clone(), None);
                    self.answered();
                }
                (b'\r' | b'\n', Asked::Password) => {
                    // Of the password only that there was one is kept, and that only until the line ends.
                    cx.credential("password", self.user.clone(), self.typed.is_empty());
                    self.given = true;
                    self.answered();
                }
                (0x08 | 0x7f, Asked::User | Asked::Password) => {
                    self.typed.pop();
                }
                (0x20.., Asked::User) if self.typed.len() < MOST_USER => self.typed.push(*byte),
                (0x20.., Asked::Password) if self.typed.len() < MOST_USER => self.typed.push(b'*'),
                _ => {}
            }
        }
    }

    fn answered(&mut self) {
        self.asked = Asked::Nothing;
        self.typed.clear();
        self.prompt.clear();
    }
}

/// Words of servers that turn a login down.
const REFUSALS: &[&[u8]] = &[
    b"incorrect",
    b"failed",
    b"denied",
    b"invalid",
    b"bad password",
];

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, render, run};

    fn text(messages: &[(crate::Side, &str)]) -> String {
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_bytes().to_vec()))
            .collect();
        render(&run(&DECODER, None, &messages))
    }

    #[test]
    fn a_typed_password_is_seen_by_user_and_never_kept() {
        let facts = text(&[
            (Server, "sts07 login: "),
            (Client, "serv"),
            (Client, "icx\x7fe\r\n"),
            (Server, "service\r\nPassword: "),
            (Client, "hunter2\r\n"),
            (Server, "\r\nLogin incorrect\r\nsts07 login: "),
        ]);
        assert!(!facts.contains("hunter2"));
        expect![[r#"
            conversation protocol=telnet state=answered packets=3/3 bytes=20/64
            remote_session protocol=telnet client=10.0.0.1 server=10.0.0.2 server_port=23 user=service detail=login refused bytes=84 frames=Numbers([1, 2, 3, 4, 5, 6])
            credential protocol=telnet client=10.0.0.1 server=10.0.0.2 what=password user=service frames=Numbers([5])
            oddity what=login.refused detail=telnet: login refused (service) frames=Numbers([6])
        "#]]
        .assert_eq(&facts);
    }

    #[test]
    fn negotiation_is_recognised_at_any_port() {
        check_at(
            &DECODER,
            4001,
            &[
                (Server, "fffd18 fffd20 fffb01"),
                (Client, "fffb18"),
                (Client, "fffa18 00 5654313030 fff0"),
            ],
            expect![[r#"
                conversation protocol=telnet state=answered packets=2/1 bytes=14/9
                remote_session protocol=telnet client=10.0.0.1 server=10.0.0.2 server_port=4001 detail=terminal VT100 bytes=23 frames=Numbers([1, 2, 3])
            "#]],
        );
    }

    #[test]
    fn a_subnegotiation_split_between_segments_is_put_together() {
        check(
            &DECODER,
            &[
                (Server, "fffd18"),
                (Client, "fffa1800 5654"),
                (Client, "313030 fff0"),
            ],
            expect![[r#"
                conversation protocol=telnet state=answered packets=2/1 bytes=11/3
                remote_session protocol=telnet client=10.0.0.1 server=10.0.0.2 server_port=23 detail=terminal VT100 bytes=14 frames=Numbers([1, 2, 3])
            "#]],
        );
    }

    #[test]
    fn audio_is_not_negotiation() {
        let head = crate::Head {
            bytes: &[0xff, 0xfb, 0x30, 0xc4, 0x00, 0x01, 0x02],
            udp: false,
            from: 8000,
            to: 50000,
            first: true,
            open: true,
        };
        assert_eq!((DECODER.probe)(&head), crate::Probe::NotOurs);
    }
}
