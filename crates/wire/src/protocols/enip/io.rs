//! Implicit data of EtherNet/IP: the cyclic exchange between controller and its inputs, outputs and drives.
//!
//! Spec: CIP Networks Library Volume 2, 2-6 (sequenced address and connected data) over UDP 2222.
//! Emits: the conversation under its own name.
//! Blind to: the values; which assembly they belong to (that is in the Forward Open, which `enip` reads).
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "enip-io",
    title: "EtherNet/IP implicit I/O",
    carriers: &[Carrier::Udp(2222)],
    probe,
    open: || Box::new(Io),
    remote: false,
    operations: &[],
    about: "Cyclic input and output data is recognised and counted as a conversation.",
    spec: "CIP Networks Library Volume 2, 2-6",
    blind: "the values and the assemblies they belong to",
};

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        check(r)?;
        Ok(Sender::Unknown)
    })
}

/// Two items: connection with a sequence number, and its data, which fills the rest.
fn check(r: &mut Reader<'_>) -> Result<(), Malformed> {
    let head = [r.u16_le()?, r.u16_le()?, r.u16_le()?];
    r.check(head == [2, 0x8002, 8], "sequenced address")?;
    r.skip(8)?;
    let kind = r.u16_le()?;
    r.check(kind == 0x00b1, "connected data")?;
    let length = usize::from(r.u16_le()?);
    r.check(length == r.left(), "length")
}

struct Io;

impl Dialogue for Io {
    fn message(&mut self, _cx: &mut Cx<'_>, _side: Side, bytes: &[u8]) -> Step {
        match check(&mut Reader::new(bytes)) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}
