//! Both directions of a TCP connection together: who is read next.
//!
//! An answer is read after its question, however the capture mixed the two: a segment's turn comes when nothing is missing
//! in front of it and the other direction was read as far as the segment acknowledges. What blocks it is given up when
//! [`PATIENCE`] more packets of the connection have come, since captures reorder no further. A hole that the other end has
//! not acknowledged may be the sender's own, and is waited for longer.
use super::stream::{Deliver, Mark};
use super::{Engine, Flow};
use crate::cx::At;

/// Packets that may pass before what blocks a segment is given up.
const PATIENCE: u32 = 8;
/// Packets that may pass before a hole is given up without any acknowledgement (the other side was not captured).
const PATIENCE_ALONE: u32 = 64;

/// Hands on everything whose turn has come, and gives up what was waited for long enough.
pub(crate) fn proceed(flow: &mut Flow, engine: &mut Engine<'_>, at: At) {
    hand_on(flow, engine, at);
    let now = clock(flow);
    while let Some(which) = [0, 1]
        .into_iter()
        .find(|which| is_over_due(flow, *which, now))
    {
        give_up(flow, engine, which, at);
        hand_on(flow, engine, at);
    }
}

/// The connection is over: everything that waits is read, the oldest first.
pub(crate) fn finish(flow: &mut Flow, engine: &mut Engine<'_>, at: At) {
    loop {
        hand_on(flow, engine, at);
        let now = clock(flow);
        let age = |which: &usize| {
            let front = flow.dir(*which).stream.front();
            front.map(|front| now.wrapping_sub(front.came))
        };
        let Some(which) = [0, 1]
            .into_iter()
            .filter(|which| age(which).is_some())
            .max_by_key(age)
        else {
            break;
        };
        give_up(flow, engine, which, at);
    }
    for which in [0, 1] {
        flow.dir_mut(which).stream.close();
    }
}

/// Packets of the connection so far.
pub(crate) fn clock(flow: &Flow) -> u32 {
    let packets = flow.dir(0).packets.wrapping_add(flow.dir(1).packets);
    u32::try_from(packets & u64::from(u32::MAX)).unwrap_or(0)
}

fn is_turn(flow: &Flow, which: usize) -> bool {
    let (own, other) = (&flow.dir(which).stream, &flow.dir(1 - which).stream);
    own.front().is_some_and(|front| {
        !own.has_hole_before(front.seq) && front.ack.is_none_or(|ack| other.is_through(ack))
    })
}

fn hand_on(flow: &mut Flow, engine: &mut Engine<'_>, at: At) {
    while let Some(which) = [0, 1].into_iter().find(|which| is_turn(flow, *which)) {
        hand_on_front(flow, engine, which, at);
    }
}

fn hand_on_front(flow: &mut Flow, engine: &mut Engine<'_>, which: usize, at: At) {
    let Some(piece) = flow.dir_mut(which).stream.take_front() else {
        return;
    };
    let (bytes, seen) = (piece.bytes(), piece.at);
    if !bytes.is_empty() {
        engine.deliver(flow, which, Deliver::Bytes { bytes, at: seen }, at);
    }
    if piece.missing > 0 {
        engine.deliver(flow, which, Deliver::Gap(piece.missing), at);
    }
}

fn skip_to(flow: &mut Flow, engine: &mut Engine<'_>, which: usize, seq: u32, at: At) {
    let hole = flow.dir_mut(which).stream.skip_to(seq);
    if hole > 0 {
        engine.deliver(flow, which, Deliver::Gap(hole), at);
    }
}

fn is_over_due(flow: &Flow, which: usize, now: u32) -> bool {
    let own = &flow.dir(which).stream;
    let Some(Mark { seq, came, .. }) = own.front() else {
        return false;
    };
    let patience = if own.has_hole_before(seq) && !own.is_acknowledged(seq) {
        PATIENCE_ALONE
    } else {
        PATIENCE
    };
    own.is_full() || now.wrapping_sub(came) > patience
}

/// Takes away what blocks the first segment of a direction: the hole in front of it, or in the other direction.
fn give_up(flow: &mut Flow, engine: &mut Engine<'_>, which: usize, at: At) {
    let (own, other) = (&flow.dir(which).stream, &flow.dir(1 - which).stream);
    let Some(front) = own.front() else { return };
    if own.has_hole_before(front.seq) {
        return skip_to(flow, engine, which, front.seq, at);
    }
    let blocked_by = front.ack.filter(|ack| !other.is_through(*ack));
    match (blocked_by, other.front()) {
        (Some(_), Some(next)) if other.has_hole_before(next.seq) => {
            skip_to(flow, engine, 1 - which, next.seq, at);
        }
        (Some(ack), None) => skip_to(flow, engine, 1 - which, ack, at),
        // Each waits for the other: one of the two acknowledges what was never sent.
        _ => hand_on_front(flow, engine, which, at),
    }
}
