//! A bit that flipped anywhere in a ledger is found by who verifies it, in the file and at the entry where it is.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::json;
use store::ledger::{Content, FILE, Head, Ledger, New, Stamp, verify};

fn stamp() -> Stamp<'static> {
    Stamp {
        by: "tester",
        means: "cli",
        now: Time::from_secs(1_790_000_000),
    }
}

/// A ledger of that many entries; each tenth, from the second on, has a file of its own.
fn filled(name: &str, entries: usize) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("ledger_flipped")
        .join(name);
    fs::remove_dir_all(&folder).ok();
    let mut ledger = Ledger::open(&folder).unwrap();
    let mut writing = ledger.begin().unwrap();
    let records: Vec<New> = (1..=entries)
        .map(|number| {
            let file = format!("file {number}");
            let attachments = match number % 10 {
                2 => vec![writing.attach(Some(&file), file.as_bytes()).unwrap()],
                _ => Vec::new(),
            };
            let serde_json::Value::Object(body) = json!({ "note": "visit \"é\"\n", "n": number })
            else {
                panic!("an object");
            };
            New {
                kind: "visit".to_owned(),
                id: format!("V-{number}"),
                content: Content::Body(body),
                valid_from: Some(Time::from_secs(1_700_000_000)),
                valid_until: None,
                attachments,
            }
        })
        .collect();
    writing.append(&records, &stamp()).unwrap();
    folder
}

/// Flips that bit of a file, asks, and puts it back. In its place: a file that is emptied and written anew may be brought to
/// disk each time.
fn flipped<T>(path: &Path, bit: usize, ask: impl FnOnce() -> T) -> T {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let at = (bit / 8) as u64;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (bit % 8)], at).unwrap();
    let told = ask();
    file.write_all_at(&byte, at).unwrap();
    told
}

fn bits(path: &Path) -> usize {
    8 * usize::try_from(fs::metadata(path).unwrap().len()).unwrap()
}

/// Where each line of a file begins.
fn starts(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    std::iter::once(0)
        .chain(ends.map(|(at, _)| at + 1))
        .collect()
}

/// The first problem that is found is that of the line in which the bit flipped.
fn found_at_its_entry(folder: &Path, bits: impl Iterator<Item = usize>) {
    let path = folder.join(FILE);
    let starts = starts(&path);
    for bit in bits {
        let report = flipped(&path, bit, || verify(folder, None).unwrap());
        let line = starts.partition_point(|start| *start <= bit / 8) as u64;
        let found = report.problems.first().and_then(|problem| problem.line);
        assert_eq!(found, Some(line), "bit {bit}: {report}");
    }
}

#[test]
fn any_bit_of_a_small_ledger_is_found_at_its_entry_and_of_a_large_one_too() {
    let small = filled("small", 2);
    let every_byte = (0..bits(&small.join(FILE)) / 8).flat_map(|byte| {
        let bit = |more: usize| 8 * byte + (byte + more) % 8;
        [bit(0), bit(3)]
    });
    found_at_its_entry(&small, every_byte);
    // A bit here and there, in an entry in the middle and in the last more of them.
    let large = filled("large", 200);
    let starts = starts(&large.join(FILE));
    let more = [100, 199].map(|entry| (starts[entry]..starts[entry + 1]).step_by(5));
    let bytes = more
        .into_iter()
        .flatten()
        .chain((0..starts[200]).step_by(331));
    found_at_its_entry(&large, bytes.map(|byte| 8 * byte + byte % 8));
}

#[test]
fn any_bit_of_what_lies_beside_the_entries_is_found_in_its_file() {
    let folder = filled("beside", 12);
    assert!(verify(&folder, None).unwrap().is_sound());
    let mut files: Vec<(PathBuf, String)> = ["ledger.head", "ledger.key", "ledger.pub"]
        .map(|name| (folder.join(name), name.to_owned()))
        .into();
    for file in fs::read_dir(folder.join("attachments")).unwrap() {
        let path = file.unwrap().path();
        let number = fs::read_to_string(&path).unwrap().replace("file ", "");
        files.push((path, format!("of entry {number} (visit V-{number})")));
    }
    assert_eq!(files.len(), 5);
    for (path, told) in files {
        for bit in 0..bits(&path) {
            let report = flipped(&path, bit, || verify(&folder, None).unwrap());
            let problem = report.problems.first();
            let words = problem.unwrap_or_else(|| panic!("{}: bit {bit}", path.display()));
            assert!(words.to_string().contains(&told), "bit {bit}: {words}");
        }
    }
    assert!(verify(&folder, None).unwrap().is_sound());
}

#[test]
fn any_bit_of_a_checkpoint_makes_it_none() {
    let folder = filled("checkpoint", 2);
    let line = Ledger::open(&folder)
        .unwrap()
        .checkpoint()
        .unwrap()
        .unwrap();
    assert!(Head::parse(&line).is_ok());
    // What a copy by hand does to the end of the line changes nothing.
    assert!(Head::parse(line.trim_end()).is_ok());
    assert!(Head::parse(&line.replace('\n', "\r\n")).is_ok());
    // Blanks that a copy brought along are told as what they are, not as a forgery.
    let bare = line.trim_end();
    for copied in [
        format!(" {line}"),
        format!("{bare} \n"),
        format!("\n{bare}"),
    ] {
        let told = Head::parse(&copied).unwrap_err();
        assert!(told.contains("paste it without them"), "{told}");
    }
    for bit in 0..8 * line.len() {
        let mut bytes = line.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let text = String::from_utf8_lossy(&bytes);
        assert!(Head::parse(&text).is_err(), "bit {bit}: {text}");
    }
}
