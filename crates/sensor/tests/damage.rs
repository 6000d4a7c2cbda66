//! Hostile and broken bytes: nothing panics, frames stay in bounds, numbers go up.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A helper that fails, fails its test.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sensor::Captures;

fn seed(pcapng: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if pcapng {
        let mut block = |kind: u32, body: &[u8]| {
            let length = (12 + body.len()) as u32;
            bytes.extend(
                [
                    &kind.to_le_bytes(),
                    &length.to_le_bytes(),
                    body,
                    &length.to_le_bytes(),
                ]
                .concat(),
            );
        };
        block(
            0x0a0d_0d0a,
            b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        );
        block(
            1,
            b"\x01\0\0\0\0\0\0\0\x02\0\x04\0eth1\x09\0\x01\0\x09\0\0\0\0\0\0\0",
        );
        for n in 0..6u8 {
            block(
                6,
                &[
                    [0, 0, 0, 0, 0, 0, 0, 0, n, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0].as_slice(),
                    &[n; 40],
                ]
                .concat(),
            );
        }
        block(3, &[[8, 0, 0, 0].as_slice(), &[9; 8]].concat());
        block(5, &[0; 12]);
    } else {
        bytes.extend(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0");
        for n in 0..8u8 {
            bytes.extend([n, 0, 0, 0x65, 0, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0]);
            bytes.extend([n; 40]);
        }
    }
    bytes
}

fn survives(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("damage-{name}"));
    fs::write(&path, bytes).unwrap();
    let Ok(captures) = Captures::open(&[path]) else {
        return;
    };
    let mut walk = captures.walk();
    let mut last = 0;
    let mut frames = 0u64;
    while let Some(frame) = walk.next() {
        assert!(frame.number > last && frame.data.len() <= frame.wire_len as usize);
        last = frame.number;
        frames += 1;
        assert!(
            frames <= bytes.len() as u64,
            "each frame takes at least a header"
        );
    }
    let summary = walk.summaries().remove(0);
    assert!(summary.packets >= frames && summary.packets <= frames + summary.undecoded);
}

/// A place (by share of the file), and what happens there.
fn mutations() -> impl Strategy<Value = Vec<(f64, u8, u8)>> {
    proptest::collection::vec((0.0..1.0, 0u8..4, any::<u8>()), 1..6)
}

fn mutate(bytes: &mut Vec<u8>, mutations: &[(f64, u8, u8)]) {
    for (share, what, value) in mutations {
        let at = (bytes.len() as f64 * share) as usize;
        match what {
            0 if at < bytes.len() => bytes[at] = *value,
            1 => bytes.truncate(at.max(4)),
            2 => drop(bytes.splice(at..at, vec![*value; usize::from(*value) % 32])),
            _ => drop(bytes.drain(at..(at + usize::from(*value) % 32).min(bytes.len()))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_pcap_is_survived(mutations in mutations()) {
        let mut bytes = seed(false);
        mutate(&mut bytes, &mutations);
        survives("pcap", &bytes);
    }

    #[test]
    fn a_damaged_pcapng_is_survived(mutations in mutations()) {
        let mut bytes = seed(true);
        mutate(&mut bytes, &mutations);
        survives("pcapng", &bytes);
    }

    #[test]
    fn any_bytes_behind_a_magic_number_are_survived(magic in 0usize..6, rest in proptest::collection::vec(any::<u8>(), 0..600)) {
        let magics: [&[u8]; 6] = [
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
            b"\xa1\xb2\xc3\xd4",
            b"\x34\xcd\xb2\xa1",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x1f\x8b\x08\0\0\0\0\0\0\0",
            b"\x28\xb5\x2f\xfd",
        ];
        survives("any", &[magics[magic], &rest].concat());
    }
}
