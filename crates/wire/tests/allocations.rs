//! What the way of a cyclic message costs in allocations: nothing, once its connection is known.
#![allow(
    unsafe_code,
    reason = "an allocator that counts can be had in no other way; it hands everything on to the system's"
)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use facts::Time;
use lab::load::{self, Load};
use wire::{Frame, Limits, Link, Shard, Worker};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HEADER: usize = 24;
const RECORD: usize = 16;

/// Time and bytes of each frame of a classic pcap file in the byte order of this machine's recipes.
fn records(capture: &[u8]) -> Vec<(Time, &[u8])> {
    let mut rest = &capture[HEADER..];
    let mut records = Vec::new();
    while rest.len() >= RECORD {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let nanos = i64::from(word(0)) * 1_000_000_000 + i64::from(word(4)) * 1000;
        let (head, length) = (RECORD, word(8) as usize);
        records.push((Time(nanos), &rest[head..head + length]));
        rest = &rest[head + length..];
    }
    records
}

/// All in one test: allocations of another one on the side would count too.
#[test]
fn a_cyclic_message_of_a_known_connection_costs_no_allocation() {
    let load = Load {
        packets: 60_000,
        controllers: 20,
        ..Load::default()
    };
    let mut capture = Vec::new();
    load::write(load, &mut capture).unwrap();
    let records = records(&capture);
    assert_eq!(records.len(), 60_000);
    let mut worker = Worker::new(Shard::default(), Limits::default());
    let mut counts = Vec::new();
    for part in records.chunks(20_000) {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for (nth, (time, data)) in part.iter().enumerate() {
            worker.frame(&Frame {
                link: Link::Ethernet,
                time: *time,
                data,
                wire_len: u32::try_from(data.len()).unwrap(),
                capture: 0,
                number: u32::try_from(nth + 1).unwrap(),
            });
        }
        counts.push(ALLOCATIONS.load(Ordering::Relaxed) - before);
    }
    let [first, .., last] = counts.as_slice() else {
        panic!("two parts at least")
    };
    assert!(*first > 0, "the counter counts");
    assert_eq!(*last, 0, "by part of 20,000 frames: {counts:?}");
    let told = worker.finish().into_facts(vec!["load.pcap".to_owned()]);
    let protocols: std::collections::BTreeSet<&str> = told
        .operations
        .iter()
        .map(|row| row.protocol.as_str())
        .collect();
    assert_eq!(
        protocols,
        std::collections::BTreeSet::from(["enip", "modbus", "s7comm"])
    );
}
