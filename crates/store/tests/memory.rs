//! What is told in pieces is remembered as if it had been told at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use facts::kinds::{AddressFact, Coverage, Name, Oddity, Operation};
use facts::{Evidence, Facts, Kind};
use lab::harborview;
use store::{Limits, Memory};
use support::{NOON, conversation, read, stop, tellings, told};

fn remembered(pieces: impl IntoIterator<Item = Facts>) -> Facts {
    let mut memory = Memory::new(&Limits::default());
    pieces.into_iter().for_each(|piece| memory.absorb(piece));
    memory.facts()
}

/// Sightings of a few things, over and over, each as a row of its own.
fn sightings() -> Vec<Facts> {
    let mut dice = 7u64;
    let mut roll = |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    (0..300i64)
        .map(|n| {
            let at = NOON.plus_secs(n / 3);
            let evidence = Evidence::one(u32::from(n > 140), u32::try_from(n % 141).unwrap() + 1);
            let vlan = Some(10 + u16::try_from(roll(3)).unwrap());
            let mut facts = told(
                vec![read(at, 1 + roll(3), 0)],
                vec![conversation(roll(5), NOON, at, u64::try_from(n).unwrap())],
            );
            facts.captures = vec!["a.pcap".to_owned(), "b.pcap".to_owned()];
            facts.operations.push(stop(at, "RUN"));
            for operation in &mut facts.operations {
                (operation.vlan, operation.evidence) = (vlan, evidence.clone());
            }
            facts.addresses.push(AddressFact {
                time: at,
                last: at,
                vlan,
                claimed: roll(9) == 0,
                hops: (roll(2) == 0).then(|| u8::try_from(roll(5)).unwrap()),
                packets: 1,
                evidence: evidence.clone(),
                ..AddressFact::default()
            });
            facts.names.push(Name {
                time: at,
                last: at,
                count: 1,
                vlan,
                name: "plc.example".to_owned(),
                answers: vec![format!("10.0.0.{}", roll(40))],
                answered: (roll(3) > 0).then(|| roll(2) == 0),
                evidence: evidence.clone(),
                ..Name::default()
            });
            facts.oddities.push(Oddity {
                time: at,
                last: at,
                count: 1,
                what: "ip.bad_length".to_owned(),
                vlan,
                evidence,
                ..Oddity::default()
            });
            let dropped = roll(4) / 3;
            facts
                .coverage
                .push(Coverage::drops("span", "eth1", at, at, 100, dropped));
            facts
        })
        .collect()
}

/// The facts of several pieces as one piece, rows not merged.
fn together(pieces: &[Facts]) -> Facts {
    let mut all = Facts::default();
    for piece in pieces.iter().cloned() {
        all.captures = piece.captures;
        all.operations.extend(piece.operations);
        all.conversations.extend(piece.conversations);
        all.addresses.extend(piece.addresses);
        all.names.extend(piece.names);
        all.oddities.extend(piece.oddities);
        all.coverage.extend(piece.coverage);
    }
    all
}

#[test]
fn however_the_time_is_cut_the_same_is_remembered() {
    let pieces = sightings();
    let whole = remembered([together(&pieces)]);
    assert_eq!(whole.addresses.len(), 3);
    assert_eq!(whole.conversations.len(), 5);
    assert_eq!(whole.names[0].answers.len(), 16);
    assert_eq!(whole.coverage.len(), 2, "good and bad times apart");
    for size in [1, 2, 7, 50, 299] {
        // Each interval is first brought together on its own, as a worker does.
        let cut = pieces
            .chunks(size)
            .map(|chunk| remembered([together(chunk)]));
        assert_eq!(remembered(cut), whole, "intervals of {size}");
    }
}

#[test]
fn a_terminals_day_told_bit_by_bit_is_the_day_told_at_once() {
    let scenario = harborview::bad_day();
    let whole = tellings(&scenario, 0).remove(0);
    assert!(whole.operations.len() > 20 && whole.names.len() > 5);
    for stride in [101, 997] {
        let [told, once] = [tellings(&scenario, stride), vec![whole.clone()]].map(remembered);
        same(&told.conversations, &once.conversations);
        same(&told.remote_sessions, &once.remote_sessions);
        same(&told.operations, &once.operations);
        same(&told.names, &once.names);
        same(&told.addresses, &once.addresses);
        same(&told.identities, &once.identities);
        same(&told.credentials, &once.credentials);
        same(&told.certificates, &once.certificates);
        same(&told.routes, &once.routes);
        same(&told.oddities, &once.oddities);
    }
}

/// Row by row, and of the evidence the place where it begins: the wire cites fewer frames of what it has told already.
fn same<K: Kind + Clone + PartialEq + std::fmt::Debug>(some: &[K], others: &[K]) {
    let begin = |row: &K| {
        let mut row = row.clone();
        row.evidence_mut().frames.truncate(1);
        row
    };
    for (one, other) in some.iter().zip(others) {
        assert_eq!(begin(one), begin(other));
    }
    assert_eq!(some.len(), others.len());
}

#[test]
fn what_is_told_twice_counts_twice_only_where_it_is_a_count() {
    let event = told(
        vec![stop(NOON, "RUN"), stop(NOON, "STOP")],
        vec![conversation(1, NOON, NOON.plus_secs(5), 9)],
    );
    let once = remembered([event.clone()]);
    assert_eq!(remembered([event.clone(), event]), once);
    let cyclic = told(vec![read(NOON, 3, 1)], vec![]);
    assert_eq!(remembered([cyclic.clone(), cyclic]).operations[0].count, 6);
}

#[test]
fn the_captures_of_each_telling_are_its_own() {
    let mut first = told(vec![stop(NOON, "RUN")], vec![]);
    first.captures = vec!["a.pcap".to_owned()];
    let mut second = told(
        vec![
            stop(NOON.plus_secs(1), "RUN"),
            stop(NOON.plus_secs(2), "RUN"),
        ],
        vec![],
    );
    second.captures = vec!["b.pcap".to_owned(), "a.pcap".to_owned()];
    second.operations[1].evidence = Evidence::one(1, 9);
    let facts = remembered([first, second]);
    let cited = |operation: &Operation| {
        let capture = operation.evidence.capture.unwrap() as usize;
        facts.captures[capture].clone()
    };
    let cited: Vec<String> = facts.operations.iter().map(cited).collect();
    assert_eq!(cited, ["a.pcap", "b.pcap", "a.pcap"]);
}

#[test]
fn what_ended_is_forgotten_with_the_captures_that_only_it_cited() {
    let mut memory = Memory::new(&Limits::default());
    let mut old = told(
        vec![stop(NOON, "RUN")],
        vec![conversation(1, NOON, NOON.plus_secs(90), 9)],
    );
    old.captures = vec!["old.pcap".to_owned(), "long.pcap".to_owned()];
    old.conversations[0].evidence.capture = Some(1);
    memory.absorb(old);
    let mut new = told(vec![stop(NOON.plus_secs(80), "RUN")], vec![]);
    new.captures = vec!["new.pcap".to_owned()];
    memory.absorb(new.clone());
    memory.forget(NOON.plus_secs(60));
    let facts = memory.facts();
    assert_eq!(facts.captures, ["long.pcap", "new.pcap"]);
    assert_eq!((facts.operations.len(), facts.conversations.len()), (1, 1));
    // What is left is still known.
    memory.absorb(new);
    assert_eq!(memory.facts(), facts);
}

#[test]
fn a_full_table_lets_the_oldest_go_and_says_so_until_that_is_forgotten() {
    let limits = Limits {
        operations: 100,
        ..Limits::default()
    };
    let mut memory = Memory::new(&limits);
    let at = |n: i64| NOON.plus_secs(n);
    for n in 0..250 {
        memory.absorb(told(vec![stop(at(n), "RUN")], vec![]));
    }
    let facts = memory.facts();
    assert!(facts.operations.len() <= 100, "{}", facts.operations.len());
    assert_eq!(
        facts.operations.last().unwrap().time,
        at(249),
        "the newest is there"
    );
    let [limit] = facts.coverage.as_slice() else {
        panic!("{:?}", facts.coverage);
    };
    assert_eq!(limit.part.as_deref(), Some("remembered operations"));
    assert_eq!(limit.total, 250, "none is gone without being counted");
    assert_eq!(limit.time, Some(at(0)));
    memory.forget(at(245));
    assert_eq!(memory.facts().coverage, []);
    assert_eq!(memory.facts().operations.len(), 5);
}

#[test]
fn what_is_lent_is_what_is_remembered_and_comes_back_as_it_was_told() {
    let limits = Limits {
        operations: 3,
        ..Limits::default()
    };
    let mut memory = Memory::new(&limits);
    let at = |n: i64| NOON.plus_secs(n);
    // Told late, so that its row has to move; and one more than there is room for.
    for n in [30, 40, 10, 50] {
        memory.absorb(told(vec![stop(at(n), "RUN")], vec![]));
    }
    let before = memory.facts();
    assert_eq!(before.coverage.len(), 1, "a row was let go");
    let operations = memory.lend(|facts| {
        assert_eq!(*facts, before);
        facts.coverage.clear();
        facts.assets.push(Default::default());
        for one in &mut facts.operations {
            one.source_zone = Some("judged".to_owned());
        }
        facts.operations.len()
    });
    assert_eq!(operations, 3);
    let after = memory.facts();
    assert_eq!(
        (&after.coverage, &after.assets),
        (&before.coverage, &vec![])
    );
    // Each row is found where it stands now.
    memory.absorb(told(vec![stop(at(40), "RUN")], vec![]));
    assert_eq!(memory.facts().operations.len(), 3);
}
