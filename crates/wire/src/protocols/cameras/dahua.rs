//! Dahua's own protocols: the binary one of port 37777 and DHIP, by which its devices are found.
//!
//! Spec: none is public. Headers, log-in and calls after bashis' published console for these devices (github.com/mcw0/Tools): both headers
//! have 32 octets, and behind them stands JSON that names a method.
//! Emits: maker, model, firmware, serial number and role of who answers a search; log-ins with their user and how they ended; calls that
//! read or set the configuration, work on accounts, restart, load firmware, move the camera or give commands to its console.
//! Blind to: pictures and what goes with them, log-ins by the oldest scheme, values read and set.
use facts::Grade;

use super::super::asking::Asks;
use super::super::lines;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Op, Probe, Sender, Side, Step, Verb};

pub(crate) static DECODER: Decoder = Decoder {
    name: "dahua",
    title: "Dahua cameras (DHIP and port 37777)",
    carriers: &[Carrier::Tcp(37777), Carrier::Udp(37810)],
    probe,
    open: || Box::new(Dahua::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Identify,
        Verb::Configure,
        Verb::Authenticate,
        Verb::Operate,
        Verb::Reset,
        Verb::Stop,
        Verb::FirmwareUpdate,
    ],
    about: "Cameras and recorders with maker, model, firmware and serial number where they answer a search; log-ins with their user; \
            calls by method: configuration, accounts, restart, firmware, movement, console.",
    spec: "no public specification; bashis, Dahua JSON Debug Console (2020)",
    blind: "pictures, log-ins by the oldest scheme, values read and set",
};

const HEADER: usize = 32;
const MOST_VALUE: usize = 64;
/// Longest JSON that is waited for.
const MOST_BODY: usize = 1 << 16;

/// DHIP: the length of its header, then its name.
const DHIP: &[u8] = b"\x20\0\0\0DHIP";

/// A log-in in the binary protocol begins with a0 and ends its header with a1 aa; the answer begins with b0.
fn login(bytes: &[u8]) -> bool {
    matches!(
        bytes.split_at_checked(HEADER),
        Some(([0xa0, .., 0xa1, 0xaa], _))
    )
}

fn probe(head: &Head<'_>) -> Probe {
    let found = head.bytes.starts_with(DHIP) && head.bytes.len() >= HEADER || login(head.bytes);
    if !found {
        return Probe::NotOurs;
    }
    Probe::Ours(match (head.from, head.to) {
        (37777 | 37810, _) => Sender::Server,
        (_, 37777 | 37810) => Sender::Client,
        _ if login(head.bytes) => Sender::Client,
        _ => Sender::Unknown,
    })
}

/// Calls that wait for their answers.
const MOST_WAITING: usize = 16;

#[derive(Default)]
struct Dahua {
    told: bool,
    /// By the number that a call bears.
    asks: Asks<u64, (), MOST_WAITING>,
}

/// What stands under a header, and how long both are.
enum Packet<'a> {
    Json(&'a [u8], usize),
    /// A log-in of the binary protocol: `user&&proof`.
    Login(&'a [u8], usize),
    /// The answer to it: 0008 for success.
    LoggedIn(u16, usize),
    Other(usize),
    /// Nothing more is read in this direction: pictures.
    Closed,
    More(usize),
}

fn packet(bytes: &[u8]) -> Packet<'_> {
    let Some((head, rest)) = bytes.split_at_checked(HEADER) else {
        return Packet::More(HEADER);
    };
    let number = |place: usize| -> usize {
        let octets = head.get(place..).and_then(<[u8]>::first_chunk);
        octets.map_or(0, |octets| {
            usize::try_from(u32::from_le_bytes(*octets)).unwrap_or(usize::MAX)
        })
    };
    let dhip = head.starts_with(DHIP);
    let length = if dhip { number(16) } else { number(4) };
    if length > MOST_BODY {
        return Packet::Closed;
    }
    let whole = HEADER + length;
    let Some(body) = rest.get(..length) else {
        return Packet::More(whole);
    };
    match head {
        _ if dhip => Packet::Json(body, whole),
        [0xf6, ..] => Packet::Json(body, whole),
        [0xa0, 0x05, ..] => Packet::Login(body, whole),
        [0xb0, ..] if head.get(24..28) == Some(&[0x06, 0x00, 0xf9, 0x00]) => {
            let code = head.get(8..).and_then(<[u8]>::first_chunk);
            Packet::LoggedIn(code.map_or(0, |code| u16::from_be_bytes(*code)), whole)
        }
        // Log-ins, signs of life, and settings of the older kind.
        [
            0xa0 | 0xb0 | 0xa1 | 0xb1 | 0xa3 | 0xb3 | 0xa4 | 0xb4 | 0xa8 | 0xb8 | 0xf4 | 0xf5,
            ..,
        ] => Packet::Other(whole),
        _ => Packet::Closed,
    }
}

impl Dialogue for Dahua {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let whole = match packet(bytes) {
            Packet::More(need) => return Step::Need(need),
            Packet::Closed => return Step::Done,
            Packet::Json(body, whole) => {
                self.json(cx, side, body);
                whole
            }
            Packet::Login(body, whole) => {
                let user = body.windows(2).position(|pair| pair == b"&&");
                let user = user.and_then(|end| text(body.get(..end)?, MOST_VALUE));
                self.log_in(cx, side, LOGIN, user);
                whole
            }
            Packet::LoggedIn(code, whole) => {
                if let Some(asked) = self.asks.take(cx, side, LOGIN) {
                    match code {
                        0x0008 => self.asks.done(cx, asked),
                        _ => self.asks.refused(cx, asked, why(code)),
                    }
                }
                whole
            }
            Packet::Other(whole) => whole,
        };
        Step::Took(whole)
    }

    fn gap(&mut self, cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        self.asks.forget(cx);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

/// The log-in of the binary protocol has no number; no call has this one.
const LOGIN: u64 = u64::MAX;

const fn why(code: u16) -> &'static str {
    match code {
        0x0100 => "wrong password",
        0x0101 => "no such user",
        0x0104 => "account locked",
        0x0303 => "already logged in",
        _ => "refused",
    }
}

impl Dahua {
    fn json(&mut self, cx: &mut Cx<'_>, side: Side, body: &[u8]) {
        if !self.told && lines::contains(body, b"\"deviceInfo\"") {
            self.told = true;
            tell(cx, side, body);
        }
        let number = member(body, "id").and_then(digits);
        match (side, member(body, "method").and_then(string)) {
            (Side::Client, Some(method)) => {
                if let Some(number) = number {
                    self.call(cx, side, number, &method, body);
                }
            }
            (Side::Server, None) => {
                let asked = number.and_then(|number| self.asks.take(cx, side, number));
                let Some(asked) = asked else { return };
                // Some answer with a number, an object's; a refusal says `false`.
                if member(body, "result").is_some_and(|result| result.starts_with(b"false")) {
                    let why = value(body, "message").unwrap_or_else(|| "refused".to_owned());
                    self.asks.refused(cx, asked, &why);
                } else {
                    self.asks.done(cx, asked);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, cx: &mut Cx<'_>, side: Side, number: u64, method: &str, body: &[u8]) {
        if method == "global.login" {
            // The first one only asks for the challenge.
            let user = value(body, "userName");
            if value(body, "password").is_some() {
                self.log_in(cx, side, number, user);
            }
            return;
        }
        let Some(verb) = verb(method) else { return };
        let object = match method {
            // The rest of the line may hold a secret.
            "console.runCmd" => value(body, "command").and_then(|command| {
                let word = command.split_whitespace().next()?;
                Some(format!("command {word}"))
            }),
            _ => value(body, "name"),
        };
        let what = [
            method.as_bytes(),
            object.as_deref().unwrap_or_default().as_bytes(),
        ]
        .concat();
        self.asks.ask(cx, side, number, (), &what, || Op {
            object,
            detail: Some(method.to_owned()),
            ..Op::new(verb)
        });
    }

    fn log_in(&mut self, cx: &mut Cx<'_>, side: Side, number: u64, user: Option<String>) {
        if let Some(user) = &user {
            cx.identity(side, "user", user.clone());
        }
        let detail = user.map_or_else(
            || "log-in".to_owned(),
            |user| format!("log-in, user {user}"),
        );
        let what = detail.clone().into_bytes();
        self.asks.ask(cx, side, number, (), &what, || Op {
            detail: Some(detail),
            ..Op::new(Verb::Authenticate)
        });
    }
}

/// What a method does, by its name: a service, and what is asked of it. `None` for what keeps the session going.
fn verb(method: &str) -> Option<Verb> {
    let (service, what) = method.rsplit_once('.')?;
    let begins = |words: &[&str]| words.iter().any(|word| what.starts_with(word));
    Some(match (service, what) {
        ("magicBox", "reboot") => Verb::Reset,
        ("magicBox", "shutdown") => Verb::Stop,
        ("console", "runCmd") => Verb::Configure,
        ("ptz", "start" | "stop") | ("accessControl", "openDoor" | "closeDoor") => Verb::Operate,
        ("upgrader", "start" | "append" | "execute" | "beginUpgrade") => Verb::FirmwareUpdate,
        ("global" | "DHDiscover", _) if !begins(&["set"]) => return None,
        _ if begins(&[
            "set", "add", "delete", "remove", "modify", "restore", "reset", "import", "clear",
            "format",
        ]) =>
        {
            Verb::Configure
        }
        ("magicBox", _) if begins(&["get"]) => Verb::Identify,
        _ if begins(&["get", "list", "find", "export"]) => Verb::Read,
        _ => return None,
    })
}

/// What stands behind a key of the outermost object.
fn member<'a>(json: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let (mut depth, mut begin, mut escaped) = (0u32, None::<usize>, false);
    for (place, byte) in json.iter().enumerate() {
        match (begin, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => {
                begin = None;
                let rest = json.get(place + 1..)?.trim_ascii_start();
                if depth == 1
                    && json.get(from..place) == Some(key.as_bytes())
                    && let Some(rest) = rest.strip_prefix(b":")
                {
                    return Some(rest.trim_ascii_start());
                }
            }
            (Some(_), _) => {}
            (None, b'"') => begin = Some(place + 1),
            (None, b'{' | b'[') => depth = depth.saturating_add(1),
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

fn digits(rest: &[u8]) -> Option<u64> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..count)?).ok()?.parse().ok()
}

fn string(rest: &[u8]) -> Option<String> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    text(rest.get(..end)?, MOST_VALUE)
}

/// The string behind a key of JSON.
fn value(json: &[u8], key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    let place = json
        .windows(quoted.len())
        .position(|part| part == quoted.as_bytes())?;
    let rest = json.get(place + quoted.len()..)?.trim_ascii_start();
    string(rest.strip_prefix(b":")?.trim_ascii_start())
}

fn tell(cx: &mut Cx<'_>, side: Side, json: &[u8]) {
    let end = *cx.flow.end(side);
    let mac = end.mac.filter(|_| end.near);
    // Devices sold under other names say whose they are in `Vendor`; the protocol is Dahua's.
    cx.identity_of(mac, end.address.ip(), "maker", "Dahua", Grade::Inferred);
    cx.identity(side, "role", "camera");
    for (key, attribute) in [
        ("Vendor", "maker"),
        ("DeviceType", "model"),
        ("Version", "firmware"),
        ("SerialNo", "serial"),
        ("MachineName", "hostname"),
    ] {
        if let Some(value) = value(json, key) {
            cx.identity(side, attribute, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{hex, render, run};

    fn dhip(json: &str) -> Vec<u8> {
        let mut packet = hex("20000000 44484950 00000000 00000000");
        let length = u32::try_from(json.len()).unwrap().to_le_bytes();
        packet.extend(length);
        packet.extend([0; 4]);
        packet.extend(length);
        packet.extend([0; 4]);
        packet.extend(json.as_bytes());
        packet
    }

    /// The binary protocol's header, and what stands behind it.
    fn dvrip(begin: &str, code: &str, end: &str, body: &str) -> Vec<u8> {
        let mut packet = hex(begin);
        packet.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        packet.extend(hex(&format!("{code} 0000000000000000000000000000 {end}")));
        packet.extend(body.as_bytes());
        packet
    }

    #[test]
    fn log_ins_and_calls_are_told_with_their_answers() {
        let realm = dvrip("a0010000", "0000", "050201010000a1aa", "");
        let challenge = dvrip(
            "b0010000",
            "0000",
            "0000000000000000",
            "Realm:Login to 1\r\nRandom:7\r\n\r\n",
        );
        let login = dvrip("a0050000", "0000", "050200080000a1aa", "admin&&00112233");
        let locked = dvrip("b0000000", "0104", "0600f90000000000", "");
        let again = dvrip("a0050000", "0000", "050200080000a1aa", "service&&00112233");
        let welcome = dvrip("b0000000", "0008", "0600f90000000000", "");
        let call = |json: &str| dvrip("f6000000", "0000", "0000000000000000", json);
        let facts = run(
            &DECODER,
            None,
            &[
                (Client, realm),
                (Server, challenge),
                (Client, login),
                (Server, locked),
                (Client, again),
                (Server, welcome),
                (
                    Client,
                    call(
                        "{\"method\":\"magicBox.getDeviceType\",\"params\":null,\"session\":1,\"id\":3}",
                    ),
                ),
                (
                    Server,
                    call(
                        "{\"id\":3,\"params\":{\"type\":\"IPC-X\"},\"result\":true,\"session\":1}",
                    ),
                ),
                (
                    Client,
                    call(
                        "{\"method\":\"configManager.setConfig\",\"params\":{\"name\":\"Network\",\"id\":9},\"id\":4}",
                    ),
                ),
                (
                    Server,
                    call(
                        "{\"error\":{\"code\":1,\"message\":\"No authority\"},\"id\":4,\"result\":false}",
                    ),
                ),
                (
                    Client,
                    call(
                        "{\"method\":\"console.runCmd\",\"params\":{\"command\":\"user -u secret\"},\"id\":5}",
                    ),
                ),
                (
                    Client,
                    call("{\"method\":\"global.keepAlive\",\"params\":{},\"id\":6}"),
                ),
            ],
        );
        expect![[r#"
            conversation protocol=dahua state=answered packets=7/5 bytes=522/317
            operation authenticate (log-in, user admin, account locked) refused count=1 frames=[3, 4]
            operation authenticate (log-in, user service) ok count=1 frames=[5, 6]
            operation identify (magicBox.getDeviceType) ok count=1 frames=[7, 8]
            operation configure "Network" (configManager.setConfig, No authority) refused count=1 frames=[9, 10]
            operation configure "command user" (console.runCmd) unanswered count=1 frames=[11]
            identity 10.0.0.1 user=admin stated
            identity 10.0.0.1 user=service stated
            oddity what=login.refused detail=dahua: log-in, user admin, account locked frames=Numbers([4])
        "#]].assert_eq(&render(&facts));
    }

    #[test]
    fn of_two_log_ins_by_json_the_first_only_asks_for_the_challenge() {
        let login = |password: &str| {
            dhip(&format!(
                "{{\"id\":10000,\"magic\":\"0x1234\",\"method\":\"global.login\",\"params\":{{\"password\":\"{password}\",\
                 \"userName\":\"viewer\"}},\"session\":0}}"
            ))
        };
        let challenge = "{\"error\":{\"code\":268632079,\"message\":\"Component error: login challenge!\"},\"id\":10000,\
                         \"params\":{\"random\":\"7\",\"realm\":\"Login to 1\"},\"result\":false,\"session\":5}";
        let welcome =
            "{\"id\":10000,\"params\":{\"keepAliveInterval\":60},\"result\":true,\"session\":5}";
        let reboot = "{\"method\":\"magicBox.reboot\",\"params\":null,\"session\":5,\"id\":10001}";
        let facts = run(
            &DECODER,
            None,
            &[
                (Client, login("")),
                (Server, dhip(challenge)),
                (Client, login("00112233")),
                (Server, dhip(welcome)),
                (Client, dhip(reboot)),
            ],
        );
        expect![[r#"
            conversation protocol=dahua state=answered packets=3/2 bytes=389/293
            operation authenticate (log-in, user viewer) ok count=1 frames=[3, 4]
            operation reset (magicBox.reboot) unanswered count=1 frames=[5]
            identity 10.0.0.1 user=viewer stated
        "#]]
        .assert_eq(&render(&facts));
    }

    #[test]
    fn an_answer_to_a_search_tells_the_device() {
        let ask = dhip("{\"method\":\"DHDiscover.search\",\"params\":{\"mac\":\"\",\"uni\":1}}");
        let answer = dhip(
            "{\"mac\":\"02:00:00:00:00:02\",\"method\":\"client.notifyDevInfo\",\"params\":{\"deviceInfo\":\
             {\"DeviceType\":\"IPC-X\",\"SerialNo\":\"5A1\",\"Version\":\"2.800\",\"Vendor\":\"Private\"}}}",
        );
        let facts = run(
            &DECODER,
            Some(37810),
            &[(Client, ask.clone()), (Server, answer.clone())],
        );
        // Its first carrier is TCP; datagrams are read alike.
        expect![[r#"
            conversation protocol=dahua state=answered packets=1/1 bytes=90/192
            identity 10.0.0.2 firmware=2.800 stated
            identity 10.0.0.2 maker=Dahua inferred
            identity 10.0.0.2 maker=Private stated
            identity 10.0.0.2 model=IPC-X stated
            identity 10.0.0.2 role=camera stated
            identity 10.0.0.2 serial=5A1 stated
        "#]]
        .assert_eq(&render(&facts));
    }
}
