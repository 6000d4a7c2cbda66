//! The UDP service of TwinCAT: who is there, and routes added by user and password.
use super::{Ads, pdu::NetId};
use crate::protocols::asking::{Asking, maker};
use crate::reader::text;
use crate::{Cx, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb};

/// What all these messages begin with, as observed; the numbers are little endian.
const MAGIC: [u8; 4] = [0x03, 0x66, 0x14, 0x71];
/// Tags read of one message.
const MOST_TAGS: usize = 32;

struct Message<'a> {
    invoke: u32,
    service: u32,
    response: bool,
    net: NetId,
    tags: Vec<(u16, &'a [u8])>,
}

impl<'a> Message<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
        let magic: [u8; 4] = r.array()?;
        r.check(magic == MAGIC, "magic")?;
        let (invoke, service) = (r.u32_le()?, r.u32_le()?);
        let net = NetId(r.array()?);
        r.skip(2)?;
        let count = usize::try_from(r.u32_le()?).unwrap_or(usize::MAX);
        r.check(count <= MOST_TAGS, "number of tags")?;
        let mut tags = Vec::new();
        for _ in 0..count {
            let (tag, length) = (r.u16_le()?, usize::from(r.u16_le()?));
            tags.push((tag, r.bytes(length)?));
        }
        Ok(Message {
            invoke,
            service: service & 0x7fff_ffff,
            response: service & 0x8000_0000 != 0,
            net,
            tags,
        })
    }

    fn tag(&self, tag: u16) -> Option<&'a [u8]> {
        self.tags
            .iter()
            .find(|(known, _)| *known == tag)
            .map(|(_, data)| *data)
    }

    fn text(&self, tag: u16) -> Option<String> {
        text(self.tag(tag)?, 64)
    }
}

pub(super) fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        Message::read(r).map(|message| {
            if message.response {
                Sender::Server
            } else {
                Sender::Client
            }
        })
    })
}

impl Ads {
    pub(super) fn discovery(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(&mut Reader::new(bytes)) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        self.known_as(cx, side, message.net);
        if message.response {
            self.discovered(cx, side, &message);
        } else {
            let what = [
                &message.service.to_le_bytes()[..],
                bytes.get(24..).unwrap_or(&[]),
            ]
            .concat();
            let secret = message.tag(2).is_some_and(|secret| secret != [0]);
            if message.service == 6 && secret {
                cx.credential("password", message.text(13), false);
            }
            self.asks.ask(
                cx,
                side,
                message.invoke,
                (0, message.service),
                &what,
                || request(&message),
            );
        }
        Step::Took(bytes.len())
    }

    fn discovered(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        if let Some(name) = message.text(5) {
            cx.identity(side, "hostname", name);
        }
        if let Some([major, minor, low, high, ..]) = message.tag(3) {
            let build = u16::from_le_bytes([*low, *high]);
            cx.identity(side, "software", format!("TwinCAT {major}.{minor}.{build}"));
            maker(cx, side, "Beckhoff");
        }
        if let Some(os) = message.tag(4).and_then(system) {
            cx.identity(side, "os", os);
        }
        let asked: Option<Asking<_>> = self.asks.take(cx, side, message.invoke);
        let Some(asked) = asked else { return };
        let status = message.tag(1).and_then(|status| status.first_chunk::<4>());
        match status.map(|status| u32::from_le_bytes(*status)) {
            Some(code) if code != 0 => {
                let why = super::pdu::error_name(code);
                self.asks.refused(cx, asked, &why);
            }
            _ => self.asks.done(cx, asked),
        }
    }
}

fn request(message: &Message<'_>) -> Op {
    let (verb, detail) = match message.service {
        1 => (Verb::Identify, "server info".to_owned()),
        6 => (Verb::Configure, "add route".to_owned()),
        7 | 8 => (
            Verb::Configure,
            format!("route service {}", message.service),
        ),
        other => (Verb::Diagnose, format!("service {other}")),
    };
    let mut op = Op::new(verb);
    op.detail = Some(detail);
    if message.service == 6 {
        let net = message.tag(7).and_then(|net| net.first_chunk::<6>());
        let to = [
            message.text(12),
            message.text(5).map(|host| format!("at {host}")),
            net.map(|net| format!("({})", NetId(*net))),
        ];
        let to: Vec<String> = to.into_iter().flatten().collect();
        op.object = Some(format!("route {}", to.join(" ")));
        if let (Some(detail), Some(user)) = (&mut op.detail, message.text(13)) {
            detail.push_str(&format!(", as user {user}"));
        }
    }
    op
}

/// The layout is that of Windows' version information: size, major, minor, build, platform.
fn system(data: &[u8]) -> Option<String> {
    let mut r = Reader::new(data);
    r.skip(4).ok()?;
    let (major, minor, build) = (r.u32_le().ok()?, r.u32_le().ok()?, r.u32_le().ok()?);
    let name = match r.u32_le().ok()? {
        2 => "Windows NT",
        3 => "Windows CE",
        _ => return None,
    };
    Some(format!("{name} {major}.{minor}.{build}"))
}
