//! [`Stream`] against a model that is too simple to be wrong: the sender's bytes in a row, and a note of which were captured.
use facts::Time;
use proptest::prelude::*;

use super::stream::{Arrived, Deliver, Stream};

/// What is said, byte by byte; what was not captured stands as `None` in what the model expects.
const SAID: usize = 600;
/// More segments than this do not wait behind a hole, so the model keeps below it.
const MOST_PIECES: usize = 60;

/// A part of what was said, as a segment of it was captured.
#[derive(Clone, Debug)]
struct Piece {
    from: usize,
    length: usize,
    /// Bytes at its end that the capture cut off.
    cut: usize,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (
        0..SAID,
        1..80usize,
        prop_oneof![4 => Just(0usize), 1 => 1..20usize],
    );
    let piece = piece.prop_map(|(from, length, cut)| {
        let length = length.min(SAID - from);
        Piece {
            from,
            length,
            cut: cut.min(length - 1),
        }
    });
    prop::collection::vec(piece, 1..MOST_PIECES)
}

fn said() -> Vec<u8> {
    // A period that no segment length shares, so that a byte out of place shows.
    (0..SAID)
        .map(|n| u8::try_from(n % 251).unwrap_or(0))
        .collect()
}

/// What a stream gave: bytes, and `None` for each that is missing.
fn read(base: u32, pieces: &[Piece]) -> (Vec<Option<u8>>, u64, u32) {
    let said = said();
    let mut got = Vec::new();
    let mut stream = Stream::default();
    stream.start(base);
    let mut take = |delivered: Deliver<'_>| match delivered {
        Deliver::Bytes { bytes, .. } => got.extend(bytes.iter().copied().map(Some)),
        Deliver::Gap(lost) => got.extend((0..lost).map(|_| None)),
    };
    for piece in pieces {
        let end = piece.from + piece.length - piece.cut;
        let arrived = Arrived {
            seq: base.wrapping_add(u32::try_from(piece.from).unwrap()),
            bytes: &said[piece.from..end],
            missing: piece.cut,
            at: (Time(0), 1),
            after: None,
        };
        let (seq, length) = (arrived.seq, arrived.bytes.len());
        // The worker's short way for what is simply next.
        if stream.is_next(seq, None, None) {
            take(Deliver::Bytes {
                bytes: arrived.bytes,
                at: arrived.at,
            });
            stream.advance(length, piece.cut);
            if piece.cut > 0 {
                take(Deliver::Gap(piece.cut as u64));
            }
        } else {
            stream.segment(arrived, None, &mut take);
        }
    }
    let reached = pieces.iter().map(|piece| piece.from + piece.length).max();
    let acknowledged = u32::try_from(reached.unwrap_or(0)).unwrap();
    stream.acknowledge(base);
    stream.acknowledge(base.wrapping_add(acknowledged));
    stream.close(&mut take);
    let (lost, gaps) = stream.lost();
    (got, lost, gaps)
}

proptest! {
    /// Any cut into segments, overlaps, repetitions, order and loss, from any first number on.
    #[test]
    fn what_was_captured_is_handed_on_in_place_and_the_rest_is_a_gap(base in any::<u32>(), pieces in pieces()) {
        let said = said();
        let end = pieces.iter().map(|piece| piece.from + piece.length).max().unwrap_or(0);
        let mut captured = vec![false; end];
        for piece in &pieces {
            captured[piece.from..piece.from + piece.length - piece.cut].fill(true);
        }
        let (got, lost, gaps) = read(base, &pieces);
        prop_assert_eq!(got.len(), end, "every byte is there or missing, none twice");
        for (place, (byte, said)) in got.iter().zip(&said).enumerate() {
            match byte {
                Some(byte) => {
                    prop_assert_eq!(byte, said, "at {}", place);
                    prop_assert!(captured[place], "{} was never captured", place);
                }
                // A cut-off end is given up at once: a whole copy that comes later is too late.
                None => prop_assert!(!captured[place] || pieces.iter().any(|p| p.cut > 0), "{} was captured", place),
            }
        }
        prop_assert_eq!(lost, got.iter().filter(|byte| byte.is_none()).count() as u64);
        prop_assert!(u64::from(gaps) <= lost);
    }

    /// Every byte once or more, in any order, is the whole of it.
    #[test]
    fn segments_that_cover_everything_give_everything(
        base in any::<u32>(),
        sizes in prop::collection::vec(1..40usize, 1..40),
        shuffle in any::<u64>(),
        again in pieces(),
    ) {
        let mut from = 0;
        let mut pieces: Vec<Piece> = Vec::new();
        for size in sizes {
            let length = size.min(SAID - from);
            if length > 0 {
                pieces.push(Piece { from, length, cut: 0 });
            }
            from += length;
        }
        pieces.extend(again.into_iter().filter(|piece| piece.from + piece.length <= from).map(|piece| Piece { cut: 0, ..piece }));
        let mut seed = shuffle;
        for last in (1..pieces.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let other = usize::try_from(seed >> 33).unwrap() % (last + 1);
            pieces.swap(last, other);
        }
        let (got, lost, gaps) = read(base, &pieces);
        let whole: Vec<Option<u8>> = said().into_iter().take(from).map(Some).collect();
        prop_assert_eq!(got, whole);
        prop_assert_eq!((lost, gaps), (0, 0));
    }
}
