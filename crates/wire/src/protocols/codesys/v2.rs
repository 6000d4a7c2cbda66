//! CODESYS 2: recognised, and what a controller says of itself to those who look for it.
//!
//! Spec: none is public; frame and identification as observed by those who scan for it.
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "codesys2",
    title: "CODESYS 2 (WAGO, ABB AC500 and others)",
    carriers: &[Carrier::Tcp(2455), Carrier::Tcp(1200), Carrier::Tcp(1201)],
    probe,
    open: || Box::new(CodesysV2),
    remote: false,
    operations: &[Verb::Identify],
    about: "Recognised by its frames; operating system and product of controllers when they are asked.",
    spec: "no public specification; frames as observed",
    blind: "every command but identification",
};

const MAGIC: u16 = 0xbbbb;
/// A service with more is none.
const MOST: u32 = 1 << 18;
const HEADER: usize = 6;
/// What an identification says, from the start of its frame.
const OS: usize = 65;
const OS_VERSION: usize = 97;
const PRODUCT: usize = 129;

/// The length of the whole, in either order of octets: controllers speak in their own.
fn length(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let magic = r.u16()?;
    r.check(magic == MAGIC, "magic")?;
    let octets: [u8; 4] = r.array()?;
    let (little, big) = (u32::from_le_bytes(octets), u32::from_be_bytes(octets));
    let length = little.min(big);
    r.check((1..=MOST).contains(&length), "length")?;
    Ok(HEADER + usize::try_from(length).unwrap_or(usize::MAX))
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let whole = length(r)?;
        let at_port = [2455, 1200, 1201].iter().any(|port| head.on(*port));
        r.check(whole == head.bytes.len() || at_port, "length")?;
        Ok(Sender::Unknown)
    })
}

struct CodesysV2;

impl Dialogue for CodesysV2 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let whole = match length(&mut Reader::new(bytes)) {
            Ok(whole) => whole,
            Err(Malformed::Short) => return Step::Need(HEADER),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        if whole > bytes.len() {
            return Step::Need(whole);
        }
        let frame = bytes.get(..whole).unwrap_or(bytes);
        let field = |from: usize| {
            let bytes = frame.get(from..)?.split(|byte| *byte == 0).next()?;
            let plain = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
            (plain && bytes.len() > 1)
                .then(|| text(bytes, 32))
                .flatten()
        };
        if side == Side::Server
            && let (Some(os), Some(product)) = (field(OS), field(PRODUCT))
        {
            let os = match field(OS_VERSION) {
                Some(version) => format!("{os} {version}"),
                None => os,
            };
            cx.identity(side, "os", os);
            cx.identity(side, "model", product);
            let op = Op {
                detail: Some("identification".to_owned()),
                outcome: Some(Outcome::Ok),
                ..Op::new(Verb::Identify)
            };
            cx.operation(Side::Client, op);
        }
        Step::Took(whole)
    }
}
