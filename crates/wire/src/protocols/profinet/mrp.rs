//! MRP: the ring that PROFINET networks are wired in, and who watches over it.
//!
//! Spec: IEC 62439-2, 8 (MRP_PDU).
//! Emits: the manager of a ring and its domain as identity; a ring that opens, links that fail and changes of the
//! topology as oddities.
//! Blind to: interconnected rings, options of makers.
use crate::{Carrier, Cx, Decoder, Dialogue, Malformed, Probe, Reader, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "mrp",
    title: "MRP (media redundancy)",
    carriers: &[Carrier::EtherType(0x88e3)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Mrp::default()),
    remote: false,
    operations: &[],
    about: "Who manages a ring, whether it is closed, links that fail and changes of the topology.",
    spec: "IEC 62439-2, 8",
    blind: "interconnected rings, options of makers",
};

/// Frames between two ends.
#[derive(Default)]
struct Mrp {
    /// The ring was closed when it was last heard of.
    closed: Option<bool>,
    managed: bool,
}

impl Dialogue for Mrp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match self.read(cx, side, &mut Reader::new(bytes)) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

impl Mrp {
    /// Version, then kinds with their lengths, until the end.
    fn read(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let version = r.u16()?;
        r.check(version == 1, "MRP version")?;
        while !r.is_empty() {
            let (kind, length) = (r.u8()?, usize::from(r.u8()?));
            let mut body = r.sub(length)?;
            match kind {
                0 => break,
                // Common: sequence, domain.
                1 => {
                    body.skip(2)?;
                    let domain: [u8; 16] = body.array()?;
                    // All ones is the domain that none was given.
                    if self.managed && domain != [0xff; 16] {
                        let domain = crate::protocols::tls::hex(&domain);
                        cx.identity(side, "system", format!("MRP domain {domain}"));
                    }
                }
                // Test: priority, address, port, state of the ring.
                2 => {
                    body.skip(2 + 6 + 2)?;
                    self.ring(cx, side, body.u16()? == 1);
                }
                3 => cx.oddity("mrp.topology_change", side, None),
                4 => cx.oddity("mrp.link_down", side, None),
                _ => {}
            }
        }
        Ok(())
    }

    fn ring(&mut self, cx: &mut Cx<'_>, side: Side, closed: bool) {
        if !self.managed {
            self.managed = true;
            cx.identity(side, "role", "mrp-manager");
        }
        // A manager that starts has an open ring before it has heard itself.
        if self.closed == Some(true) && !closed {
            cx.oddity("mrp.ring_open", side, None);
        }
        self.closed = Some(closed);
    }
}

#[test]
fn a_ring_that_opens_is_told_once_with_who_manages_it() {
    use crate::Side::Client;
    let test = |state: &str, sequence: &str| {
        format!(
            "0001 02 12 8000 020000000001 0000 {state} 0000 00000001 01 12 {sequence} ffffffffffffffffffffffffffffffff 00 00 0000"
        )
    };
    crate::testing::check(
        &DECODER,
        &[
            (Client, &test("0000", "0001")),
            (Client, &test("0001", "0002")),
            (Client, &test("0000", "0003")),
            (Client, &test("0000", "0004")),
            (
                Client,
                "0001 03 0a 8000 020000000001 0014 01 12 0005 00112233445566778899aabbccddeeff 00 00",
            ),
            (Client, "0001 04 0c 0200"),
        ],
        expect_test::expect![[r#"
            conversation protocol=mrp state=one-way packets=6/0 bytes=226/0
            identity 02:00:00:00:00:01 role=mrp-manager stated
            identity 02:00:00:00:00:01 system=MRP domain 00112233445566778899aabbccddeeff stated
            oddity what=mrp.ring_open frames=Numbers([3])
            oddity what=mrp.topology_change frames=Numbers([5])
            oddity what=protocol.malformed detail=mrp: truncated frames=Numbers([6])
        "#]],
    );
}
