//! Control-system protocols that are named before they are read.
use super::ours;
use crate::{Head, Probe, Reader, Sender};

/// ASHRAE 135, J.2: type 81, function, length of the whole; what carries a network message goes on with version 1.
pub fn bacnet(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (kind, function) = (r.u8().ok()?, r.u8().ok()?);
        let length = usize::from(r.u16().ok()?);
        let npdu = match function {
            0x04 => r.peek().get(6),
            0x09..=0x0b => r.peek().first(),
            _ => None,
        };
        let sane = kind == 0x81
            && function <= 0x0c
            // Some devices pad, or count what they do not send: at its port the rest decides.
            && (length == head.bytes.len() || head.on(47808) && npdu.is_some())
            && (npdu == Some(&1) || npdu.is_none() && function < 9 && head.on(47808));
        sane.then_some(Sender::Unknown)
    };
    ours(read())
}
