//! VNC (Remote Framebuffer): whose desktop, and whether it asks for any authentication.
//!
//! Spec: RFC 6143, 7 (versions 3.3, 3.7, 3.8); security types of the IANA registry "Remote Framebuffer Security Types";
//! type 30 after the community's description (rfbproto, "Diffie-Hellman Authentication") and as captured.
//! Emits: the remote session with version, security and its result; the desktop's name.
//! Blind to: RealVNC protocol 4 and later beyond its version; results of Apple's security types but for 30 (33 and 35 are
//! named by number, for want of a description); the screen itself; repeaters that speak before the banner.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "vnc",
    title: "VNC (Remote Framebuffer)",
    carriers: &[
        Carrier::Tcp(5900),
        Carrier::Tcp(5901),
        Carrier::Tcp(5902),
        Carrier::Tcp(5903),
        Carrier::Tcp(5500),
    ],
    probe,
    open: || Box::new(Vnc::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions with version, security type (none, vnc-auth, tls …) and result of the authentication; name of the desktop.",
    spec: "RFC 6143; IANA Remote Framebuffer Security Types",
    blind: "what was done in the session; protocol version 4 and later",
};

/// Apple Remote Desktop: user and password go encrypted by a key that both ends agree on.
const APPLE_DH: u8 = 30;

/// The banner says it all; in the middle of a session only the client's small messages are strict enough, at its ports.
fn probe(head: &Head<'_>) -> Probe {
    if let Some(start) = b"RFB ".get(..head.bytes.len().min(4))
        && head.bytes.starts_with(start)
    {
        return head.read(|r| {
            version(r)?;
            Ok(Sender::Unknown)
        });
    }
    let at_port = (5900..=5909).any(|port| head.on(port));
    if !at_port || head.first || !is_input(head.bytes) {
        return Probe::NotOurs;
    }
    Probe::Ours(Sender::Client)
}

/// A reason stands where the connection is refused (RFC 6143, 7.1.2). Nobody was asked to log in yet.
fn failed(cx: &mut Cx<'_>, r: &mut Reader<'_>) {
    let reason = r.u32().ok().and_then(|length| {
        let length = usize::try_from(length).ok()?.min(r.left());
        text(r.bytes(length).ok()?, 80)
    });
    let detail = match reason {
        Some(reason) => format!("refused: {reason}"),
        None => "refused".to_owned(),
    };
    cx.session(None, Some(detail));
}

/// `RFB xxx.yyy\n` (RFC 6143, 7.1.1).
fn version(r: &mut Reader<'_>) -> Result<(u16, u16), Malformed> {
    let banner = r.array::<12>()?;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    let [b'R', b'F', b'B', b' ', a, b, c, b'.', d, e, f, b'\n'] = banner else {
        return Err(Malformed::Bad("banner"));
    };
    match (number(&[a, b, c]), number(&[d, e, f])) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(Malformed::Bad("banner")),
    }
}

/// A run of client messages (RFC 6143, 7.5) that fills the bytes exactly.
fn is_input(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = match rest {
            [3, 0 | 1, ..] => 10,
            [4, 0 | 1, 0, 0, ..] => 8,
            [5, ..] => 6,
            _ => return false,
        };
        match rest.get(length..) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !bytes.is_empty()
}

/// Where the handshake stands, as the framebuffer's server drives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Version,
    /// Server lists security types, or decides (3.3).
    Security,
    /// 16 octets of challenge come from the server.
    Challenge,
    /// Diffie-Hellman of Apple Remote Desktop: generator, length, prime and key come from the server.
    AppleKeys,
    /// Result of the authentication.
    Result,
    /// Size, pixel format and name of the desktop.
    Init,
    /// Pixels, or what a security type of its own exchanges.
    Closed,
}

/// One session. `framebuffer` is the end that shows its screen: in a reverse connection it is the one that connected.
#[derive(Default)]
struct Vnc {
    framebuffer: Option<Side>,
    stage: Stage,
    server_minor: u16,
    viewer_minor: Option<u16>,
    /// The viewer chooses among the types with one octet.
    choosing: bool,
    /// The server would have let anyone in.
    open: bool,
    security: u8,
}

impl Dialogue for Vnc {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let screen = match self.framebuffer {
            Some(screen) => screen,
            // The framebuffer's end speaks first (RFC 6143, 7.1.1).
            None if bytes.first() == Some(&b'R') => {
                self.framebuffer = Some(side);
                cx.session(None, None);
                if side == Side::Client {
                    if cx.flow.midstream {
                        cx.server_is(side);
                        self.framebuffer = Some(Side::Server);
                    } else {
                        cx.session(
                            None,
                            Some("reverse connection: the client shows its screen".to_owned()),
                        );
                    }
                }
                side
            }
            None => {
                cx.session(None, None);
                return Step::Done;
            }
        };
        let mut r = Reader::new(bytes);
        let read = if side == screen {
            self.server(cx, &mut r)
        } else {
            self.viewer(cx, &mut r)
        };
        match read {
            Ok(true) => Step::Took(r.at()),
            Ok(false) => Step::Done,
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        if self.open && self.security != 1 {
            cx.session(None, Some("no authentication offered".to_owned()));
        }
    }
}

impl Vnc {
    /// The version that both speak: the lower one.
    fn minor(&self) -> u16 {
        self.viewer_minor
            .map_or(self.server_minor, |minor| minor.min(self.server_minor))
    }

    /// `false`: the rest of this direction is of no interest.
    fn server(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<bool, Malformed> {
        match self.stage {
            Stage::Version => {
                let (major, minor) = version(r)?;
                cx.session(None, Some(format!("version {major}.{minor}")));
                if major > 3 {
                    cx.variant("rfb4");
                    self.stage = Stage::Closed;
                    return Ok(false);
                }
                self.server_minor = minor;
                self.stage = Stage::Security;
            }
            Stage::Security if self.minor() < 7 => {
                let [.., kind] = r.u32()?.to_be_bytes();
                self.choose(cx, kind);
                if kind == 0 {
                    failed(cx, r);
                    return Ok(false);
                }
            }
            Stage::Security => {
                let count = usize::from(r.u8()?);
                if count == 0 {
                    failed(cx, r);
                    return Ok(false);
                }
                let offered = r.bytes(count)?;
                self.open = offered.contains(&1);
                let named: Vec<&str> = offered.iter().filter_map(|kind| security(*kind)).collect();
                if !named.is_empty() {
                    cx.session(None, Some(format!("offers {}", named.join(", "))));
                }
                self.choosing = true;
                // Until the viewer has chosen nothing more can come from here.
                self.stage = Stage::Result;
            }
            Stage::Challenge => {
                r.skip(16)?;
                self.stage = Stage::Result;
            }
            Stage::AppleKeys => {
                r.skip(2)?;
                let length = usize::from(r.u16()?);
                r.check((16..=1024).contains(&length), "length of a key")?;
                r.skip(2 * length)?;
                self.stage = Stage::Result;
            }
            // The viewer's choice was not captured: what comes now cannot be told.
            Stage::Result if self.security == 0 => {
                self.stage = Stage::Closed;
                return Ok(false);
            }
            Stage::Result => {
                if self.security == 1 && self.minor() < 8 {
                    // Before 3.8 nothing confirms that nothing was asked (RFC 6143, 7.1.2).
                    self.stage = Stage::Init;
                    return self.server(cx, r);
                }
                let result = r.u32()?;
                let detail = match result {
                    0 => "authentication ok",
                    _ => "authentication refused",
                };
                if self.security != 1 || result != 0 {
                    cx.session(None, Some(detail.to_owned()));
                }
                if result != 0 {
                    self.turned_down(cx, "authentication refused");
                }
                self.stage = Stage::Init;
                return Ok(result == 0);
            }
            Stage::Init => {
                r.skip(4 + 16)?;
                let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
                r.check(length <= 4096, "name length")?;
                if let Some(name) = text(r.bytes(length)?, 120)
                    && let Some(screen) = self.framebuffer
                {
                    cx.identity(screen, "system", name);
                }
                self.stage = Stage::Closed;
                return Ok(false);
            }
            Stage::Closed => return Ok(false),
        }
        Ok(true)
    }

    fn viewer(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<bool, Malformed> {
        if self.viewer_minor.is_none() {
            let (major, minor) = version(r)?;
            self.viewer_minor = Some(minor);
            return Ok(major == 3);
        }
        if !self.choosing {
            // The answer to a challenge, or input: neither tells more. A choice may still come after the server's list.
            return Ok(if self.stage == Stage::Security {
                r.rest();
                true
            } else {
                false
            });
        }
        self.choosing = false;
        let kind = r.u8()?;
        self.choose(cx, kind);
        Ok(false)
    }

    /// The end without a screen was not let in.
    fn turned_down(&self, cx: &mut Cx<'_>, why: &str) {
        let viewer = self.framebuffer.map_or(Side::Client, Side::other);
        cx.login_refused(viewer, why, None);
    }

    fn choose(&mut self, cx: &mut Cx<'_>, kind: u8) {
        self.security = kind;
        self.stage = match kind {
            1 if self.minor() < 7 => Stage::Init,
            1 => Stage::Result,
            2 => Stage::Challenge,
            APPLE_DH => Stage::AppleKeys,
            _ => Stage::Closed,
        };
        let Some(name) = security(kind) else {
            if kind != 0 {
                cx.session(None, Some(format!("security type {kind}")));
            }
            return;
        };
        cx.variant(name);
        let detail = match kind {
            1 => "no authentication".to_owned(),
            _ => format!("security {name}"),
        };
        cx.session(None, Some(detail));
    }
}

const fn security(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "none",
        2 => "vnc-auth",
        5 | 13 | 129 | 133 => "ra2",
        6 => "ra2ne",
        16 => "tight",
        17 => "ultra",
        18 => "tls",
        19 => "vencrypt",
        20 => "sasl",
        21 => "md5",
        APPLE_DH => "apple-dh",
        33 => "apple-33",
        35 => "apple-35",
        31 | 32 | 34 | 36 => "apple",
        113 => "ms-logon",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    const V38: &str = "524642203030332e3030380a";
    const V33: &str = "524642203030332e3030330a";

    #[test]
    fn a_desktop_without_authentication_says_so_and_is_named() {
        check_at(
            &DECODER,
            7000,
            &[
                (Server, V38),
                (Client, V38),
                (Server, "02 01 02"),
                (Client, "01"),
                (Server, "00000000"),
                (Client, "01"),
                (
                    Server,
                    "0400 0300 20180001 00ff00ff00ff100800000000 00000004 43414231",
                ),
                (Client, "05 00 0010 0010"),
            ],
            expect![[r#"
                conversation protocol=vnc:none state=answered packets=4/4 bytes=20/47
                identity 10.0.0.2 system=CAB1 stated
                remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=7000 detail=version 3.8; offers none, vnc-auth; no authentication bytes=67 frames=Numbers([1, 2, 3, 4, 5, 6, 7, 8])
            "#]],
        );
    }

    #[test]
    fn version_3_3_lets_the_server_decide_and_the_result_is_told() {
        check(
            &DECODER,
            &[
                (Server, V33),
                (Client, V33),
                (Server, "00000002 00112233445566778899aabbccddeeff"),
                (Client, "ffeeddccbbaa99887766554433221100"),
                (Server, "00000001"),
            ],
            expect![[r#"
                conversation protocol=vnc:vnc-auth state=answered packets=2/3 bytes=28/36
                remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=5900 detail=version 3.3; security vnc-auth; authentication refused bytes=64 frames=Numbers([1, 2, 3, 4, 5])
                oddity what=login.refused detail=vnc: authentication refused frames=Numbers([5])
            "#]],
        );
    }

    #[test]
    fn without_the_viewer_only_what_the_server_offered_is_told() {
        check(
            &DECODER,
            &[
                (Server, V38),
                (Server, "02 01 02"),
                (Server, "00112233445566778899aabbccddeeff"),
            ],
            expect![[r#"
                conversation protocol=vnc state=unanswered packets=0/3 bytes=0/31
                remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=5900 detail=version 3.8; offers none, vnc-auth; no authentication offered bytes=31 frames=Numbers([1, 2, 3])
            "#]],
        );
    }

    #[test]
    fn an_apple_desktop_that_refuses_says_so_behind_its_keys() {
        let apple = "524642203030332e3838390a";
        let keys = format!("0002 0010 {} {}", "11".repeat(16), "22".repeat(16));
        check(
            &DECODER,
            &[
                (Server, apple),
                (Client, apple),
                (Server, "04 1e 21 24 23"),
                (Client, "1e"),
                (Server, &keys),
                (Client, &"33".repeat(144)),
                (Server, "00000001"),
            ],
            expect![[r#"
                conversation protocol=vnc:apple-dh state=answered packets=3/4 bytes=157/57
                remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=5900 detail=version 3.889; offers apple-dh, apple-33, apple, apple-35; security apple-dh; authentication refused bytes=214 frames=Numbers([1, 2, 3, 4, 5, 6, 7])
                oddity what=login.refused detail=vnc: authentication refused frames=Numbers([7])
            "#]],
        );
    }

    #[test]
    fn a_reverse_connection_is_told_by_who_speaks_first() {
        check(
            &DECODER,
            &[
                (Client, V38),
                (Server, V38),
                (Client, "01 02"),
                (Server, "02"),
            ],
            expect![[r#"
                conversation protocol=vnc:vnc-auth state=answered packets=2/2 bytes=14/13
                remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=5900 detail=reverse connection: the client shows its screen; version 3.8; offers vnc-auth; security vnc-auth bytes=27 frames=Numbers([1, 2, 3, 4])
            "#]],
        );
    }
}
