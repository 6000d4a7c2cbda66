//! The whole registry, and whole frames through a worker: the first two bytes of an input pick. `DECODER=modbus` plays every
//! input to that one.
//!
//! No panic, and a limit on work: an input that takes more time of the processor, or asks for more memory, than its
//! length allows ends the run as a panic would.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use libfuzzer_sys::fuzz_target;
use wire::{Decoder, fuzz, protocols};

/// Nanoseconds of the processor for any input, and for each byte of it: some five times what the worst took,
/// and far below what a loop over a length that a message claims would take.
const TIME: (u64, u64) = (20_000_000, 20_000);
/// Bytes asked of the allocator, all taken together, for any input and for each byte of it. Opening the tables of a
/// worker is the fixed part: places for flows are asked for many at a time, 12.6 MB for those awake and 11.5 for those at rest, of
/// which the system gives what is used.
const MEMORY: (u64, u64) = (32 << 20, 2 << 10);

struct Counting;

static ASKED_FOR: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED_FOR.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED_FOR.fetch_add(size as u64, Relaxed);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Time that this thread had of the processor: other programs of the machine do not count.
fn nanoseconds() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to the structure that it is given, and to nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The decoder asked for. A name that is none ends the run at once: silently fuzzing all would look like success.
static ASKED: LazyLock<Option<&'static Decoder>> = LazyLock::new(|| {
    let name = std::env::var("DECODER").ok()?;
    let Some(decoder) = protocols::by_name(&name) else {
        let names: Vec<&str> = protocols::ALL.iter().map(|decoder| decoder.name).collect();
        eprintln!("DECODER={name} is none of {}", names.join(", "));
        std::process::exit(2);
    };
    Some(decoder)
});

/// The most of what was taken so far, to be told when it grows by a quarter.
static MOST: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

fn within(what: usize, unit: &str, taken: u64, (fixed, per_byte): (u64, u64), input: &[u8]) {
    let allowed = fixed + per_byte * input.len() as u64;
    let percent = taken * 100 / allowed;
    let most = MOST[what].load(Relaxed);
    if percent > most + most / 4 {
        MOST[what].store(percent, Relaxed);
        let name = fuzz::named(input).map_or("", |(name, _)| name);
        eprintln!(
            "{percent} % of the limit: {taken} {unit} for {} bytes of {name}",
            input.len()
        );
    }
    assert!(taken <= allowed, "{taken} {unit} for {} bytes", input.len());
}

/// Plays an input: nanoseconds, and bytes asked for.
fn play(input: &[u8]) -> (u64, u64) {
    let (began, had) = (nanoseconds(), ASKED_FOR.load(Relaxed));
    match (*ASKED, input.get(2..)) {
        (Some(decoder), Some(script)) => fuzz::dialogue(decoder, script),
        _ => fuzz::any(input),
    };
    (nanoseconds() - began, ASKED_FOR.load(Relaxed) - had)
}

/// How often an input is played before it is too slow: on a busy host, what a virtual machine did not get of its processor counts as
/// the thread's own time.
const TRIES: u32 = 3;

fuzz_target!(|input: &[u8]| {
    let (mut time, memory) = play(input);
    let allowed = TIME.0 + TIME.1 * input.len() as u64;
    for _ in 1..TRIES {
        if time > allowed {
            time = time.min(play(input).0);
        }
    }
    within(0, "ns", time, TIME, input);
    within(1, "bytes asked for", memory, MEMORY, input);
});
