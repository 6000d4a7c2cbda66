//! WebSocket: out of the frames of both ends the stream that they carry, which is read as a conversation of its own.
//!
//! Spec: RFC 6455, 4 (handshake), 5 (frames), RFC 7692 (compressed messages).
//! Blind to: compressed messages; what follows where bytes between frames were lost, since nothing marks the next frame;
//! where one message ends and the next begins.
//!
//! An end that breaks the rules of the handshake or of masking is told as odd and read all the same: two ends that agreed
//! to break them would otherwise go unread.
use sha1::{Digest, Sha1};

use super::head::Head as Message;
use crate::community_id::base64;
use crate::cx::Passed;
use crate::protocols::{guacamole, web_terminal};
use crate::reader::text;
use crate::{Cx, Decoder, Malformed, Reader, Side, Step};

/// RFC 6455, 1.3: what the server adds to the client's key.
const SERVERS_PART: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MOST_KEY: usize = 64;
const MOST_PATH: usize = 128;

/// Protocols for inside (RFC 6455, 1.9) that say who works on a host, even where the content does not.
static SUBPROTOCOLS: &[(&str, &Decoder)] = &[
    ("guacamole", &guacamole::DECODER),
    // ttyd and GoTTY.
    ("tty", &web_terminal::DECODER),
    ("webtty", &web_terminal::DECODER),
];

/// What a client asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What the server must answer to its key.
    accept: Option<String>,
    path: Option<String>,
}

impl Asked {
    /// Of a request to go on with frames.
    pub(super) fn of(head: &Message<'_>, path: Option<&str>) -> Option<Asked> {
        if !head.says("upgrade", "websocket") {
            return None;
        }
        let key = head.field("sec-websocket-key");
        let key = key.filter(|key| key.len() <= MOST_KEY);
        let answer = |key: &[u8]| {
            let sum = Sha1::new().chain_update(key).chain_update(SERVERS_PART);
            base64(&sum.finalize())
        };
        Some(Asked {
            accept: key.map(answer),
            path: path.and_then(|path| text(path.as_bytes(), MOST_PATH)),
        })
    }

    /// The server agrees: from here on both ends speak in frames.
    pub(super) fn agreed(self, cx: &mut Cx<'_>, server: Side, head: &Message<'_>) -> Socket {
        let accept = head.field("sec-websocket-accept");
        if let Some(expected) = &self.accept
            && accept != Some(expected.as_bytes())
        {
            cx.oddity("websocket.accept", server, None);
        }
        let deflate = head.says("sec-websocket-extensions", "permessage-deflate");
        let subprotocol = head.text("sec-websocket-protocol");
        let agreed = subprotocol.as_deref().and_then(named);
        let agreed = agreed.or_else(|| self.path.as_deref().and_then(by_path));
        let mut told = "over WebSocket".to_owned();
        if let Some(path) = &self.path {
            told.push_str(" at ");
            told.push_str(path);
        }
        if let Some(subprotocol) = &subprotocol {
            told.push_str(" as ");
            told.push_str(subprotocol);
        }
        if deflate {
            told.push_str(", compressed messages unread");
        }
        cx.frame_in(server.other(), told, agreed);
        Socket {
            client: server.other(),
            ways: Default::default(),
            deflate,
        }
    }
}

fn named(subprotocol: &str) -> Option<&'static Decoder> {
    let known = SUBPROTOCOLS.iter();
    let mut known = known.filter(|(name, _)| name.eq_ignore_ascii_case(subprotocol.trim()));
    known.next().map(|(_, decoder)| *decoder)
}

/// Wetty has no subprotocol: its paths are `/wetty/socket.io/`.
fn by_path(path: &str) -> Option<&'static Decoder> {
    let has = |part: &str| path.split('/').any(|one| one == part);
    (has("wetty") && has("socket.io")).then_some(&web_terminal::DECODER)
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Content,
    /// Content of a compressed message.
    Packed,
    /// Ping and pong.
    Control,
    Close,
}

/// One end's way through its frames.
#[derive(Debug, Default)]
struct Way {
    kind: Kind,
    /// Bytes of the frame still to come.
    left: u64,
    /// Turned so that it begins with the next byte's.
    mask: Option<[u8; 4]>,
    /// Further frames of the message come, of that kind.
    fragments: Option<Kind>,
    /// That the mask is missing or out of place was told.
    odd: bool,
    /// No further frame is read.
    over: bool,
}

/// A connection that speaks in frames.
#[derive(Debug)]
pub(super) struct Socket {
    client: Side,
    /// Of the client, and of the server.
    ways: [Way; 2],
    deflate: bool,
}

impl Socket {
    fn way(&mut self, side: Side) -> &mut Way {
        let [client, server] = &mut self.ways;
        if side == self.client { client } else { server }
    }

    pub(super) fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (masked, deflate) = (side == self.client, self.deflate);
        let way = self.way(side);
        if way.over {
            return Step::Done;
        }
        let mut from = 0;
        if way.left == 0 {
            let mut r = Reader::new(bytes);
            if let Err(error) = way.frame(&mut r, deflate) {
                way.over = matches!(error, Malformed::Bad(_));
                return Step::from_error(error, bytes.len());
            }
            from = r.at();
            if way.mask.is_some() != masked && !way.odd {
                way.odd = true;
                cx.oddity("websocket.mask", side, None);
            }
        }
        let here = u64::try_from(bytes.len() - from).map_or(way.left, |here| way.left.min(here));
        let to = from.saturating_add(usize::try_from(here).unwrap_or(0));
        match way.kind {
            _ if here == 0 => {}
            Kind::Content => cx.pass(Passed::Bytes {
                from,
                to,
                mask: way.mask,
            }),
            Kind::Packed => cx.pass(Passed::Unread(here)),
            Kind::Control | Kind::Close => {}
        }
        way.advance(here);
        way.over = way.kind == Kind::Close && way.left == 0;
        Step::Took(to)
    }

    /// Within a frame the next one's place is known.
    pub(super) fn bridge(&mut self, cx: &mut Cx<'_>, side: Side, lost: u64) -> bool {
        let way = self.way(side);
        if way.over || way.left < lost {
            return false;
        }
        if matches!(way.kind, Kind::Content | Kind::Packed) {
            cx.pass(Passed::Lost(lost));
        }
        way.advance(lost);
        true
    }

    pub(super) fn gap(&mut self, cx: &mut Cx<'_>, side: Side, lost: u64) {
        let way = self.way(side);
        if !way.over {
            way.over = true;
            cx.pass(Passed::Lost(lost));
        }
    }
}

impl Way {
    /// RFC 6455, 5.2.
    fn frame(&mut self, r: &mut Reader<'_>, deflate: bool) -> Result<(), Malformed> {
        let (first, second) = (r.u8()?, r.u8()?);
        let (last, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        let packed = reserved == 0x40 && deflate && matches!(opcode, 1 | 2);
        r.check(reserved == 0 || packed, "reserved bits")?;
        let short = second & 0x7f;
        let mut fragments = self.fragments;
        let kind = match (opcode, fragments) {
            (0, Some(kind)) => kind,
            (1 | 2, None) if packed => Kind::Packed,
            (1 | 2, None) => Kind::Content,
            (0..=2, _) => return Err(Malformed::Bad("fragments")),
            (8..=10, _) => {
                r.check(last && short < 126, "control frame")?;
                if opcode == 8 {
                    Kind::Close
                } else {
                    Kind::Control
                }
            }
            _ => return Err(Malformed::Bad("opcode")),
        };
        if opcode < 8 {
            fragments = (!last).then_some(kind);
        }
        let left = match short {
            126 => u64::from(r.u16()?),
            127 => r.u64()?,
            short => u64::from(short),
        };
        r.check(left >> 63 == 0, "length")?;
        let mask = match second & 0x80 {
            0 => None,
            _ => Some(r.array::<4>()?),
        };
        *self = Way {
            kind,
            left,
            mask,
            fragments,
            odd: self.odd,
            over: false,
        };
        Ok(())
    }

    fn advance(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
        if let Some(mask) = &mut self.mask {
            mask.rotate_left(usize::try_from(count % 4).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests;
