//! Cyclic real-time frames and alarms: who exchanges with whom, whether the provider runs, what was lost, what was said.
//!
//! IEC 61158-6-10, 4.7 (RTC: data, then cycle counter, data status, transfer status) and 4.8 (RTA: alarms).
use facts::Address;

use crate::{Cx, Malformed, Reader, Side};

/// Frames of one pair that are followed.
const MOST_FOLLOWED: usize = 16;
/// Cycles in a row that may be missing: the watchdog's usual factor. A capture loses one more easily than a network three.
const PATIENCE: u16 = 3;
/// Cycles that must have had one length before another is a loss.
const SETTLED: u8 = 8;

/// A provider's frame as it goes on.
#[derive(Clone, Copy, Debug)]
struct Followed {
    from: Address,
    frame: u16,
    counter: u16,
    /// What the counter goes on by.
    step: u16,
    settled: u8,
    status: u8,
}

/// What one pair exchanges.
#[derive(Debug, Default)]
pub(super) struct Cyclic {
    followed: Vec<Followed>,
}

mod status {
    pub(super) const PRIMARY: u8 = 0x01;
    pub(super) const VALID: u8 = 0x04;
    pub(super) const RUN: u8 = 0x10;
    /// Set while the station has no problem.
    pub(super) const FINE: u8 = 0x20;
}

impl Cyclic {
    /// `data` is the frame behind its FrameID.
    pub(super) fn see(&mut self, cx: &mut Cx<'_>, side: Side, frame: u16, data: &[u8]) {
        // 4.7.2.1: the data has 40 bytes at least, so that no padding stands behind the status.
        let Some((data, [a, b, status, transfer])) = data.split_last_chunk::<4>() else {
            return;
        };
        if *transfer != 0 || data.len() < 36 {
            return;
        }
        let (counter, status) = (u16::from_be_bytes([*a, *b]), *status);
        let from = cx.flow.end(side).address;
        let known = self
            .followed
            .iter_mut()
            .find(|known| known.frame == frame && known.from == from);
        let Some(known) = known else {
            if self.followed.len() < MOST_FOLLOWED {
                self.followed.push(Followed {
                    from,
                    frame,
                    counter,
                    step: 0,
                    settled: 0,
                    status,
                });
                told(
                    cx,
                    side,
                    frame,
                    status::PRIMARY | status::VALID | status::RUN | status::FINE,
                    status,
                );
            }
            return;
        };
        let went = counter.wrapping_sub(known.counter);
        known.counter = counter;
        if went == known.step {
            known.settled = known.settled.saturating_add(1);
        } else if known.settled < SETTLED {
            (known.step, known.settled) = (went, 0);
        } else if known.step > 0
            && went % known.step == 0
            && went / known.step > PATIENCE
            && went < 0x8000
        {
            let missing = went / known.step - 1;
            let detail = format!("frame 0x{frame:04x}, {missing} cycles missing");
            cx.oddity("profinet.lost_cycles", side, Some(detail));
        }
        let before = std::mem::replace(&mut known.status, status);
        told(cx, side, frame, before, status);
    }
}

/// What changed for the worse.
fn told(cx: &mut Cx<'_>, side: Side, frame: u16, before: u8, now: u8) {
    let gone = before & !now;
    // A backup is not expected to run, nor to have data.
    if now & status::PRIMARY == 0 {
        return;
    }
    let lost = [
        (status::RUN, "profinet.provider_stopped"),
        (status::VALID, "profinet.data_invalid"),
        (status::FINE, "profinet.station_problem"),
    ];
    for (bit, what) in lost {
        if gone & bit != 0 {
            cx.oddity(what, side, Some(format!("frame 0x{frame:04x}")));
        }
    }
}

/// 4.8: ends, kind, flags, numbers, then for data the notification and for an error its status.
pub(super) fn alarm(cx: &mut Cx<'_>, side: Side, data: &[u8]) -> Result<(), Malformed> {
    let mut r = Reader::new(data);
    r.skip(4)?;
    let kind = r.u8()? & 0x0f;
    r.skip(1 + 2 + 2)?;
    let length = usize::from(r.u16()?);
    let mut body = r.sub(length)?;
    match kind {
        1 => {
            let (block, _length) = (body.u16()?, body.u16()?);
            body.skip(2)?;
            if !matches!(block, 0x0001 | 0x0002) {
                return Ok(());
            }
            let alarm = body.u16()?;
            body.skip(4)?;
            let (slot, subslot) = (body.u16()?, body.u16()?);
            if let Some(what) = notification(alarm) {
                let detail = format!("{what}, slot {slot} subslot 0x{subslot:x}");
                cx.oddity("profinet.alarm", side, Some(detail));
            }
        }
        4 => {
            let status = body.u32()?;
            // Its last byte says why, where the error is the protocol's own (0xcf, 0x81, 0xfd).
            let why = match status {
                0xcf81_fd0b => ", alarm error",
                0xcf81_fd1f => ", name of station changed",
                0xcf81_fd24 => ", no port with the speed asked for",
                _ => "",
            };
            let detail = format!("connection ended, error 0x{status:08x}{why}");
            cx.oddity("profinet.connection_error", side, Some(detail));
        }
        _ => {}
    }
    Ok(())
}

/// Notifications of what should not be on a healthy line; `None` for those of ordinary operation.
const fn notification(alarm: u16) -> Option<&'static str> {
    Some(match alarm {
        0x0001 => "diagnosis appears",
        0x0003 => "pulled",
        0x0004 => "plugged",
        0x0008 => "taken by a supervisor",
        0x0009 => "released",
        0x000a => "wrong submodule plugged",
        0x000b => "submodule returns",
        0x000c => "diagnosis disappears",
        0x000d => "multicast communication mismatch",
        0x000e => "port data changed",
        0x000f => "sync data changed",
        0x0011 => "network component problem",
        0x0012 => "time data changed",
        0x001f => "module pulled",
        _ => return None,
    })
}
