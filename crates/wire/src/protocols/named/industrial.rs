//! Control-system protocols that are named before they are read.
use super::ours;
use crate::{Head, Probe, Reader, Sender};

/// IEC 60870-5-104, 5: start octet, length, control fields of three formats. Data frames say little and need the port.
pub fn iec104(head: &Head<'_>) -> Probe {
    ours(iec104_sender(head))
}

fn iec104_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let (start, length) = (r.u8().ok()?, usize::from(r.u8().ok()?));
    let control = r.array::<4>().ok()?;
    if start != 0x68 || !(4..=253).contains(&length) {
        return None;
    }
    let after = head.bytes.get(2 + length..);
    let chained = after.is_some_and(|after| matches!(after, [] | [0x68, ..]));
    match control {
        // Unnumbered: start, stop and test, each with its confirmation.
        [0x07 | 0x13, 0, 0, 0] if length == 4 && chained => Some(Sender::Client),
        [0x0b | 0x23, 0, 0, 0] if length == 4 && chained => Some(Sender::Server),
        [0x43 | 0x83, 0, 0, 0] if length == 4 && chained => Some(Sender::Unknown),
        [1, 0, low, _] if length == 4 && low & 1 == 0 && chained && head.on(2404) => {
            Some(Sender::Unknown)
        }
        [sent, _, received, _] if sent & 1 == 0 && received & 1 == 0 && head.on(2404) => {
            // Type, number of objects, cause (6 bits), originator, address.
            let (kind, _, cause) = (r.u8().ok()?, r.u8().ok()?, r.u8().ok()?);
            let sane = (1..=127).contains(&kind) && cause & 0x3f != 0 && length >= 10;
            (sane && (chained || after.is_none())).then_some(match kind {
                // Monitoring direction up to 44, 70 ends the start of a station.
                1..=44 | 70 => Sender::Server,
                _ => Sender::Unknown,
            })
        }
        _ => None,
    }
}

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
