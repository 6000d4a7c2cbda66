//! The corpus that fuzzing grew from the project's own recipes (`fuzz/corpus.txt`), played again: no panic, and work and
//! memory in proportion to the bytes.
//!
//! A line is the name of a decoder, or `frames`, and its script in hexadecimal digits. `FUZZ_KEEP=FOLDER` makes the file
//! anew from the inputs of the fuzz target in that folder.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};
use wire::{fuzz, protocols};

/// Nanoseconds of the processor for any script, and for each byte of it. No measure of speed: the worst takes a twentieth
/// of it, also where the machine is busy, for only the time that this thread ran counts. A loop over what a field claims
/// takes far more.
const TIME: (u64, u64) = (40_000_000, 20_000);
/// Bytes by which memory may grow while the corpus is played again and again: what allocators keep in hand.
const GROWTH: u64 = 24 << 20;
const TIMES: u32 = 3;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus.txt")
}

fn nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Bytes of memory that this process has; nothing where the system does not tell it this way.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Name and script of each input.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let text = fs::read_to_string(file()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, digits) = line.split_once(' ').unwrap();
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let script = (0..digits.len()).step_by(2).map(byte).collect();
            (name.to_owned(), script)
        })
        .collect()
}

/// Plays an input; `false` for a decoder that is no longer there.
fn play(name: &str, script: &[u8]) -> bool {
    if name == fuzz::FRAMES {
        fuzz::frames(script);
        return true;
    }
    let decoder = protocols::by_name(name);
    decoder.is_some_and(|decoder| {
        fuzz::dialogue(decoder, script);
        true
    })
}

#[test]
fn the_kept_corpus_takes_time_by_its_length_and_no_memory_for_good() {
    if let Some(folder) = std::env::var_os("FUZZ_KEEP") {
        keep(Path::new(&folder));
    }
    let corpus = corpus();
    let names: BTreeSet<&String> = corpus.iter().map(|(name, _)| name).collect();
    let bytes: usize = corpus.iter().map(|(_, script)| script.len()).sum();
    let (mut most, mut begin) = (0, None);
    for _ in 0..=TIMES {
        for (name, script) in &corpus {
            let began = nanoseconds();
            assert!(
                play(name, script),
                "fuzz/corpus.txt names {name}, which is no decoder"
            );
            let taken = nanoseconds() - began;
            let allowed = TIME.0 + TIME.1 * script.len() as u64;
            assert!(
                taken <= allowed,
                "{taken} ns for {} bytes of {name}, {allowed} are allowed",
                script.len()
            );
            most = most.max(taken * 1000 / allowed);
        }
        begin = begin.or_else(memory);
    }
    println!(
        "{} inputs of {} decoders, {bytes} bytes; the worst took {most} thousandths of its time",
        corpus.len(),
        names.len()
    );
    // A corpus that reaches few decoders would prove little.
    assert!(names.len() * 3 > protocols::ALL.len() * 2, "{names:?}");
    if let (Some(begin), Some(end)) = (begin, memory()) {
        assert!(end < begin + GROWTH, "{begin} bytes of memory became {end}");
    }
}

/// Writes the corpus from inputs of the fuzz target.
fn keep(folder: &Path) {
    let entries = fs::read_dir(folder).unwrap();
    let lines: BTreeSet<String> = entries
        .map(|entry| {
            let input = fs::read(entry.unwrap().path()).unwrap();
            let (name, script) = fuzz::named(&input).unwrap();
            let mut line = format!("{name} ");
            for byte in script {
                write!(line, "{byte:02x}").unwrap();
            }
            line
        })
        .collect();
    let mut text = String::from(
        "# Grown by fuzzing from the recipes of crates/lab and the dialogues of crates/sensor/tests; see fuzz/README.md.\n",
    );
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    fs::write(file(), text).unwrap();
}
