//! RTSP: who watches which camera, and the media channels that the two agree on.
//!
//! Spec: RFC 2326 (1.0), 10 (methods), 10.12 (interleaved data), 12.39 (Transport); RFC 7826 (2.0); RFC 8866 (SDP).
//! Emits: software of both ends, the camera's role, clear-text credentials, refused log-ins; announces RTP and RTCP.
//! Blind to: RTSP inside HTTP or TLS; the media.
use std::net::IpAddr;

use facts::Grade;

use super::lines;
use super::named;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Pending, Probe, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "rtsp",
    title: "RTSP (cameras)",
    carriers: &[Carrier::Tcp(554), Carrier::Tcp(8554)],
    probe,
    open: || Box::new(Rtsp::default()),
    remote: false,
    operations: &[],
    about: "Software of cameras and viewers, clear-text credentials, video streams, log-ins that were refused; the RTP channels belong to it.",
    spec: "RFC 2326, RFC 7826, RFC 8866",
    blind: "RTSP inside HTTP or TLS; the media themselves",
};

/// Longest head of a message, and longest body that is read.
const MOST_HEAD: usize = 16 * 1024;
const MOST_BODY: usize = 64 * 1024;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 16;

const METHODS: &[&[u8]] = &[
    b"OPTIONS",
    b"DESCRIBE",
    b"ANNOUNCE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"RECORD",
    b"REDIRECT",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"PLAY_NOTIFY",
];

fn probe(head: &Head<'_>) -> Probe {
    if let [b'$', channel, ..] = head.bytes {
        // Interleaved media in the middle of a session: RTP is version 2 (RFC 3550, 5.1).
        let media = matches!(head.bytes.get(4), Some(version) if version >> 6 == 2);
        let at_port = head.on(554) || head.on(8554);
        return if !head.first && at_port && *channel < 32 && media {
            Probe::Ours(Sender::Unknown)
        } else {
            Probe::NotOurs
        };
    }
    if head.bytes.starts_with(b"RTSP/") {
        return Probe::Ours(Sender::Server);
    }
    let Some((line, _)) = lines::line(head.bytes) else {
        let begins = METHODS.iter().any(|method| {
            let shown = head.bytes.get(..method.len() + 1).unwrap_or(head.bytes);
            shown.strip_suffix(b" ").unwrap_or(shown)
                == method
                    .get(..shown.len().min(method.len()))
                    .unwrap_or(method)
        });
        return if begins && head.open && head.bytes.len() < 1024 && head.bytes.len() > 2 {
            Probe::NeedMore
        } else {
            Probe::NotOurs
        };
    };
    match request(line) {
        // Servers may ask too, but OPTIONS, SET_PARAMETER and the like only.
        Some((
            b"OPTIONS" | b"GET_PARAMETER" | b"SET_PARAMETER" | b"REDIRECT" | b"PLAY_NOTIFY",
            _,
        )) => Probe::Ours(if head.from == 554 {
            Sender::Server
        } else {
            Sender::Client
        }),
        Some(_) => Probe::Ours(Sender::Client),
        None => Probe::NotOurs,
    }
}

/// Method and URL of a request line.
fn request(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, url, version) = (words.next()?, words.next()?, words.next()?);
    let known = METHODS.contains(&method) && version.starts_with(b"RTSP/");
    known.then_some((method, url))
}

/// Start line, headers and body of a message, and its length: as SIP has them too, there with a short name for the length.
pub(super) struct Message<'a> {
    pub(super) start: &'a [u8],
    pub(super) headers: &'a [u8],
    body: &'a [u8],
    pub(super) length: usize,
}

impl<'a> Message<'a> {
    /// `Err`: the step to take instead.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Message<'a>, Step> {
        let Some((start, first)) = lines::line(bytes) else {
            return Err(lines::wait(bytes));
        };
        let mut at = first;
        let mut content = 0usize;
        loop {
            let rest = bytes.get(at..).unwrap_or(&[]);
            let Some((line, length)) = lines::line(rest) else {
                return Err(if bytes.len() < MOST_HEAD {
                    Step::Need(bytes.len() + 1)
                } else {
                    Step::Bad("head too long")
                });
            };
            at += length;
            if line.is_empty() {
                break;
            }
            let long = lines::after(line, b"content-length:");
            if let Some(value) = long.or_else(|| lines::after(line, b"l:")) {
                content = number(value.trim_ascii()).unwrap_or(0);
            }
        }
        let headers = bytes.get(first..at).unwrap_or(&[]);
        if content > MOST_BODY {
            return Err(Step::Skip((at + content) as u64));
        }
        let length = at + content;
        let Some(body) = bytes.get(at..length) else {
            return Err(Step::Need(length));
        };
        Ok(Message {
            start,
            headers,
            body,
            length,
        })
    }

    fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut rest = self.headers;
        while let Some((line, length)) = lines::line(rest) {
            let value =
                lines::after(line, name.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
            if let Some(value) = value {
                return Some(value.trim_ascii());
            }
            rest = rest.get(length..).unwrap_or(&[]);
        }
        None
    }
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What is remembered of a request.
struct Asked {
    setup: bool,
    /// It bore credentials: of which user, where that is told.
    claims: Option<Option<String>>,
}

/// One connection: the requests still waiting, by sequence number.
#[derive(Default)]
struct Rtsp {
    waiting: Pending<u32, Asked, MOST_WAITING>,
}

impl Dialogue for Rtsp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match bytes {
            // RFC 2326, 10.12: dollar, channel, length, data.
            [b'$', _, high, low, ..] => {
                return Step::Skip(4 + u64::from(u16::from_be_bytes([*high, *low])));
            }
            [b'$', ..] => return Step::Need(4),
            // Some servers end messages with an empty line too many.
            [b'\r' | b'\n', ..] => return Step::Took(1),
            _ => {}
        }
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(step) => return step,
        };
        if message.start.starts_with(b"RTSP/") {
            self.answer(cx, side, &message);
        } else if let Some((method, url)) = request(message.start) {
            self.request(cx, side, &message, method, url);
        } else {
            return Step::Bad("start line");
        }
        Step::Took(message.length)
    }
}

impl Rtsp {
    fn request(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        message: &Message<'_>,
        method: &[u8],
        url: &[u8],
    ) {
        let software = message
            .header("User-Agent")
            .and_then(|value| text(value, 120));
        if let Some(software) = software {
            cx.identity(side, "software", software);
        }
        let mut claims = None;
        if let Some((scheme, value)) = message.header("Authorization").and_then(split) {
            let basic = scheme.eq_ignore_ascii_case(b"basic");
            let user = if basic {
                lines::basic_user(value)
            } else {
                quoted(value, b"username=")
            };
            if basic {
                cx.credential("basic", user.clone(), false);
            }
            claims = Some(user);
        }
        if let Some(user) = url_user(url) {
            cx.credential("password", Some(user), false);
        }
        if let Some(sequence) = message.header("CSeq").and_then(number) {
            let setup = method == b"SETUP";
            self.waiting.put(sequence, Asked { setup, claims });
        }
        if method == b"ANNOUNCE" && shows_video(message.body) {
            camera(cx, side);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let software = message.header("Server").and_then(|value| text(value, 120));
        if let Some(software) = software {
            cx.identity(side, "software", software);
        }
        // Makers put model or serial number there.
        let realm = message
            .header("WWW-Authenticate")
            .and_then(|value| quoted(value, b"realm="));
        if let Some(realm) = realm {
            cx.identity(side, "system", format!("realm {realm}"));
        }
        if shows_video(message.body) {
            camera(cx, side);
        }
        let asked = message
            .header("CSeq")
            .and_then(number)
            .and_then(|sequence: u32| self.waiting.take(&sequence));
        let claims = asked.as_ref().and_then(|asked| asked.claims.as_ref());
        // A digest whose nonce is too old is no wrong one (RFC 7616, 3.3).
        let stale = message
            .header("WWW-Authenticate")
            .is_some_and(|value| lines::contains(value, b"stale=true"));
        if let Some(user) = claims.filter(|_| !stale && is_unauthorised(message.start)) {
            cx.login_refused(side.other(), "unauthorised", user.as_deref());
        }
        // Without its request an answer with a Transport is one to SETUP all the same.
        if asked.is_none_or(|asked| asked.setup)
            && let Some(transport) = message.header("Transport")
        {
            expect_media(cx, transport);
        }
    }
}

/// `RTSP/1.0 401 Unauthorized`.
fn is_unauthorised(start: &[u8]) -> bool {
    start.split(|byte| *byte == b' ').nth(1) == Some(b"401")
}

/// `RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;source=10.0.0.2` (RFC 2326, 12.39).
fn expect_media(cx: &mut Cx<'_>, transport: &[u8]) {
    let (client, server) = (cx.flow.client.address.ip(), cx.flow.server.address.ip());
    let parameter = |name: &[u8]| {
        transport
            .split(|byte| *byte == b';')
            .find_map(|part| lines::after(part.trim_ascii(), name))
    };
    let address = |name: &[u8]| parameter(name).and_then(number::<IpAddr>);
    let destination = address(b"destination=");
    let ends = [
        (destination.or(client), parameter(b"client_port=")),
        (address(b"source=").or(server), parameter(b"server_port=")),
        (destination, parameter(b"port=")),
    ];
    for (ip, ports) in ends {
        let (Some(ip), Some(ports)) = (ip, ports) else {
            continue;
        };
        for port in ports.split(|byte| *byte == b'-').take(2) {
            if let Some(port) = number(port.trim_ascii()) {
                cx.expect(ip, port, true, named::RTP.name, Some(&named::RTP));
            }
        }
    }
}

/// `scheme value`.
pub(super) fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    Some((value.get(..space)?, value.get(space + 1..)?.trim_ascii()))
}

/// The user of `rtsp://user:password@host/`.
fn url_user(url: &[u8]) -> Option<String> {
    let rest = lines::after(url, b"rtsp://")?;
    let host = rest.split(|byte| *byte == b'/').next()?;
    let at = host.iter().rposition(|byte| *byte == b'@')?;
    let user = host.get(..at)?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    text(user.get(..colon)?, 64)
}

/// The quoted value behind `name`.
pub(super) fn quoted(value: &[u8], name: &[u8]) -> Option<String> {
    let start = value
        .windows(name.len())
        .position(|part| part.eq_ignore_ascii_case(name))?;
    let rest = value.get(start + name.len()..)?.strip_prefix(b"\"")?;
    text(rest.split(|byte| *byte == b'"').next()?, 80)
}

/// A session description with a video stream (RFC 8866, 5.14).
fn shows_video(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"m=video "))
}

fn camera(cx: &mut Cx<'_>, side: Side) {
    let end = *cx.flow.end(side);
    let mac = end.mac.filter(|_| end.near);
    cx.identity_of(mac, end.address.ip(), "role", "camera", Grade::Inferred);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{self, Client, Server};
    use crate::testing::{render, run};
    use crate::{Head, Probe, Sender};

    fn talk(port: u16, messages: &[(Side, &str)]) -> String {
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_bytes().to_vec()))
            .collect();
        render(&run(&DECODER, Some(port), &messages))
    }

    #[test]
    fn a_camera_is_told_by_its_description_and_the_viewer_by_its_clear_text_password() {
        expect![[r#"
            conversation protocol=rtsp state=answered packets=2/3 bytes=161/184
            identity 10.0.0.1 software=Lavf58 stated
            identity 10.0.0.2 system=realm IP Camera(C1234) stated
            identity 10.0.0.2 role=camera inferred
            identity 10.0.0.2 software=CamServ/2.1 stated
            credential protocol=rtsp client=10.0.0.1 server=10.0.0.2 what=basic user=admin frames=Numbers([3])
        "#]].assert_eq(&talk(
            9554,
            &[
                (Client, "DESCRIBE rtsp://10.0.0.2/h264 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf58\r\n\r\n"),
                (Server, "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm=\"IP Camera(C1234)\"\r\n\r\n"),
                (Client, "DESCRIBE rtsp://10.0.0.2/h264 RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n"),
                (Server, "RTSP/1.0 200 OK\r\nCSeq: 2\r\nServer: CamServ/2.1\r\nContent-Length: 27\r\n\r\nv=0\r\nm=video 0 "),
                (Server, "RTP/AVP 96\r\n"),
            ],
        ));
    }

    #[test]
    fn a_viewer_with_a_wrong_password_is_refused_and_one_who_was_only_asked_for_it_is_not() {
        let digest = "Digest username=\"op\", realm=\"IP Camera\", response=\"00\"";
        let describe = |sequence: u8, more: &str| {
            format!("DESCRIBE rtsp://10.0.0.2/ RTSP/1.0\r\nCSeq: {sequence}\r\n{more}\r\n")
        };
        let no = |sequence: u8, more: &str| {
            format!(
                "RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\nWWW-Authenticate: Digest nonce=\"1\"{more}\r\n\r\n"
            )
        };
        let proof = format!("Authorization: {digest}\r\n");
        let said = talk(
            554,
            &[
                (Client, &describe(1, "")),
                (Server, &no(1, "")),
                (Client, &describe(2, &proof)),
                (Server, &no(2, ", stale=TRUE")),
                (Client, &describe(3, &proof)),
                (Server, &no(3, "")),
            ],
        );
        let refused: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("refused"))
            .collect();
        assert_eq!(
            refused,
            ["oddity what=login.refused detail=rtsp: unauthorised (op) frames=Numbers([6])"]
        );
    }

    #[test]
    fn interleaved_media_is_passed_over() {
        expect![[r#"
            conversation protocol=rtsp state=answered packets=1/2 bytes=84/110
            identity 10.0.0.2 software=X/1 stated
        "#]].assert_eq(&talk(
            554,
            &[
                (Client, "SETUP rtsp://10.0.0.2/ RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"),
                (Server, "RTSP/1.0 200 OK\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n$\x00\x00\x06ab"),
                (Server, "cdefRTSP/1.0 200 OK\r\nServer: X/1\r\n\r\n"),
            ],
        ));
    }

    #[test]
    fn sip_and_http_are_left_alone() {
        let probe = |bytes: &[u8]| {
            (DECODER.probe)(&Head {
                bytes,
                udp: false,
                from: 40000,
                to: 80,
                first: true,
                open: true,
            })
        };
        assert_eq!(probe(b"OPTIONS sip:a@b SIP/2.0\r\n"), Probe::NotOurs);
        assert_eq!(probe(b"OPTIONS * HTTP/1.1\r\n"), Probe::NotOurs);
        assert_eq!(
            probe(b"OPTIONS * RTSP/1.0\r\n"),
            Probe::Ours(Sender::Client)
        );
    }
}
