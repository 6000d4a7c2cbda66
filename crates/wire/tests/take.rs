//! What a sensor hands on bit by bit is what it would have told at the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;

use facts::{Facts, Time};
use lab::{Scenario, harborview};
use wire::{Frame, Limits, Link, Shard, Worker};

/// Reads a scenario, and tells after each `stride` frames (and at the end); 0 tells at the end only.
fn tellings(scenario: &Scenario, stride: usize) -> Vec<Facts> {
    let mut worker = Worker::new(Shard::default(), Limits::live());
    let (mut told, mut count) = (Vec::new(), 0);
    for (capture, index) in scenario.captures.iter().zip(0u32..) {
        for (frame, number) in capture.frames.iter().zip(1u32..) {
            worker.frame(&Frame {
                link: Link::Ethernet,
                time: Time(frame.at * 1000),
                data: &frame.bytes,
                wire_len: u32::try_from(frame.length).unwrap(),
                capture: index,
                number,
            });
            count += 1;
            if stride > 0 && count % stride == 0 {
                told.push(worker.take().into_facts(Vec::new()));
            }
        }
    }
    told.push(worker.finish().into_facts(Vec::new()));
    told
}

/// For each key the sum over all rows of all tellings.
fn sums<T, K: Ord>(
    told: &[Facts],
    rows: impl Fn(&Facts) -> &Vec<T>,
    key: impl Fn(&T) -> (K, u64),
) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for row in told.iter().flat_map(rows) {
        let (key, count) = key(row);
        *sums.entry(key).or_default() += count;
    }
    sums
}

/// For each key the row told last.
fn latest<T: Clone, K: Ord>(
    told: &[Facts],
    rows: impl Fn(&Facts) -> &Vec<T>,
    key: impl Fn(&T) -> K,
) -> BTreeMap<K, T> {
    let rows = told.iter().flat_map(rows);
    rows.map(|row| (key(row), row.clone())).collect()
}

fn same<K: Ord + Debug, V: PartialEq + Debug>(one: &BTreeMap<K, V>, two: &BTreeMap<K, V>) {
    assert!(!one.is_empty());
    for (key, value) in one {
        assert_eq!(Some(value), two.get(key), "{key:?}");
    }
    assert_eq!(one.len(), two.len());
}

#[test]
fn what_is_taken_bit_by_bit_adds_up_to_what_one_look_at_the_end_tells() {
    let scenario = harborview::bad_day();
    let whole = tellings(&scenario, 0);
    assert_eq!(whole.len(), 1);
    for stride in [37, 500] {
        hold(&whole, &tellings(&scenario, stride));
    }
}

fn hold(whole: &[Facts], parts: &[Facts]) {
    assert!(parts.len() > 8, "{} tellings", parts.len());

    // Operations: each once, or counted once, in whichever interval.
    let operations = |told: &[Facts]| {
        sums(
            told,
            |facts| &facts.operations,
            |row| {
                let ends = (row.source, row.target, row.vlan);
                let what = (row.protocol.clone(), row.operation, row.object.clone());
                let how = (row.detail.clone(), row.outcome, row.content_sha256.clone());
                ((ends, what, how), row.count)
            },
        )
    };
    same(&operations(whole), &operations(parts));

    // Conversations and sessions: the row told last is the row of an offline run.
    let conversations = |told: &[Facts]| latest(told, |facts| &facts.conversations, |row| row.uid);
    same(&conversations(whole), &conversations(parts));
    let rows = whole.iter().map(|facts| facts.conversations.len());
    assert_eq!(conversations(whole).len(), rows.sum::<usize>());
    let sessions = |told: &[Facts]| latest(told, |facts| &facts.remote_sessions, |row| row.uid);
    same(&sessions(whole), &sessions(parts));

    // Addresses and oddities: counts of the intervals.
    let addresses = |told: &[Facts]| {
        let key = |row: &facts::kinds::AddressFact| ((row.mac, row.ip, row.vlan), row.packets);
        sums(told, |facts| &facts.addresses, key)
    };
    same(&addresses(whole), &addresses(parts));
    let oddities = |told: &[Facts]| {
        let key = |row: &facts::kinds::Oddity| {
            let who = (row.source, row.target, row.vlan);
            ((row.what.clone(), who, row.detail.clone()), row.count)
        };
        sums(told, |facts| &facts.oddities, key)
    };
    same(&oddities(whole), &oddities(parts));
    let identities = |told: &[Facts]| {
        let key = |row: &facts::kinds::Identity| {
            let what = (row.attribute.clone(), row.value.clone(), row.source.clone());
            ((row.mac, row.ip, row.vlan, what), 0)
        };
        sums(told, |facts| &facts.identities, key)
    };
    same(&identities(whole), &identities(parts));
}

#[test]
fn a_flow_without_news_is_not_told_again_and_frames_are_those_of_the_interval() {
    let scenario = harborview::clean_day();
    let capture = scenario.captures.first().unwrap();
    let mut worker = Worker::new(Shard::default(), Limits::live());
    let read = |worker: &mut Worker, range: std::ops::Range<usize>| {
        for (nth, frame) in capture.frames.iter().enumerate() {
            if range.contains(&nth) {
                worker.frame(&Frame {
                    link: Link::Ethernet,
                    time: Time(frame.at * 1000),
                    data: &frame.bytes,
                    wire_len: u32::try_from(frame.length).unwrap(),
                    capture: 0,
                    number: u32::try_from(nth + 1).unwrap(),
                });
            }
        }
    };
    read(&mut worker, 0..600);
    let first = worker.take();
    assert_eq!(
        first.frames().values().map(|one| one.total).sum::<u64>(),
        600
    );
    let open = worker.load().flows;
    assert!(open > 10, "{open} flows live on");
    let second = worker.take();
    assert!(second.frames().is_empty());
    let facts = second.into_facts(Vec::new());
    assert_eq!(facts, Facts::default(), "nothing new");
    read(&mut worker, 600..601);
    let facts = worker.take().into_facts(Vec::new());
    assert_eq!(facts.conversations.len(), 1, "one packet, one flow");
    assert_eq!(worker.load().frames, 601);
}
