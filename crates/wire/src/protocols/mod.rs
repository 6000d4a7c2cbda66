//! The registry: every protocol that is read, one line each. Its order is the order in which content is probed where no
//! port hints, so those with the strongest signature stand first.
mod cdp;
mod lldp;
mod modbus;
mod opcua;
mod profinet;
mod stp;

use crate::decoder::{Carrier, Decoder, Dialogue, Probe, Step};

/// Every decoder. Dispatch, documentation, `docs/protocols.md`, fuzzing and tests derive from it.
pub static ALL: &[&Decoder] = &[
    &opcua::DECODER,
    &modbus::DECODER,
    // Layer 2: never probed, the frame's own number decides.
    &profinet::DECODER,
    &lldp::DECODER,
    &cdp::DECODER,
    &stp::DECODER,
];

/// Stands in where a flow has no decoder and something must still be said of it.
pub(crate) static NONE: Decoder = Decoder {
    name: "",
    title: "",
    carriers: &[],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Nothing),
    remote: false,
    operations: &[],
    about: "",
    spec: "",
    blind: "",
};

struct Nothing;

impl Dialogue for Nothing {
    fn message(&mut self, _: &mut crate::Cx<'_>, _: crate::Side, _: &[u8]) -> Step {
        Step::Done
    }
}

/// The decoder of a layer-2 carrier.
pub(crate) fn on(carrier: Carrier) -> Option<&'static Decoder> {
    ALL.iter()
        .copied()
        .find(|decoder| decoder.carriers.contains(&carrier))
}

/// The decoder of that name.
pub fn by_name(name: &str) -> Option<&'static Decoder> {
    ALL.iter().copied().find(|decoder| decoder.name == name)
}

/// The registry's own copy of a protocol's name.
pub(crate) fn static_name(name: &str) -> &'static str {
    by_name(name).map_or("", |decoder| decoder.name)
}
