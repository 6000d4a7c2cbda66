//! Files in captures that others made: what we tell of them is what tshark takes out of them, byte for byte.
//!
//! tshark takes out the objects of HTTP, SMB, TFTP and FTP. Each has the same SHA-256 and the same name here, and what is
//! called whole here is an object there; what differs, differs for a reason that stands below.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use facts::kinds::File;
use lab::truth::sha256;
use support::{base_name, folder, real_captures};

/// Which objects tshark takes out, and of which protocol they are here.
const KINDS: &[(&str, &str)] = &[
    ("http", "http"),
    ("smb", "smb"),
    ("tftp", "tftp"),
    ("ftp-data", "ftp"),
];

/// What differs: capture, protocol, name (`*` for all), whose it is, and why.
const DIFFERENCES: &[(&str, &str, &str, Whose, &str)] = &[];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Ours,
    Theirs,
}

/// Protocol, name, hash.
type Object = (String, String, String);

fn theirs(capture: &Path, into: &Path) -> BTreeSet<Object> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-q").arg("-r").arg(capture);
    for (kind, _) in KINDS {
        let folder = into.join(kind);
        std::fs::create_dir_all(&folder).unwrap();
        tshark
            .arg("--export-objects")
            .arg(format!("{kind},{}", folder.display()));
    }
    tshark.output().unwrap();
    let mut objects = BTreeSet::new();
    for (kind, protocol) in KINDS {
        for entry in std::fs::read_dir(into.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let content = std::fs::read(&path).unwrap();
            let name = plain(&base_name(&path));
            objects.insert(((*protocol).to_owned(), name, sha256(&content)));
        }
    }
    objects
}

/// tshark writes characters that no file name has as `%2f`, numbers names that come again, and calls what has none `object12`.
fn plain(name: &str) -> String {
    let mut text = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = match behind {
            [a, b, ..] if *first == b'%' => std::str::from_utf8(&[*a, *b])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        (text, rest) = match escaped {
            Some(byte) => ([text, vec![byte]].concat(), &behind[2..]),
            None => ([text, vec![*first]].concat(), behind),
        };
    }
    let name = String::from_utf8_lossy(&text).into_owned();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let named = match (name.rfind('('), name.rfind(')')) {
        (Some(open), Some(close)) if open < close && number(&name[open + 1..close]) => {
            format!("{}{}", &name[..open], &name[close + 1..])
        }
        _ => name,
    };
    let base = base(&named);
    let stem = base.split('.').next().unwrap_or_default();
    match stem.strip_prefix("object") {
        Some(rest) if number(rest) => String::new(),
        _ => base,
    }
}

fn base(name: &str) -> String {
    let path = name.split(['?', '#', ';']).next().unwrap_or_default();
    let base = path.rsplit(['/', '\\']).next().unwrap_or_default();
    base.to_lowercase()
}

fn ours(files: &[File]) -> BTreeSet<Object> {
    let whole = files.iter().filter_map(|file| {
        let path = file.path.as_deref().unwrap_or_default();
        Some((file.protocol.clone(), base(path), file.sha256.clone()?))
    });
    whole.collect()
}

#[test]
fn every_file_has_the_name_and_the_hash_that_tshark_finds() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: no tshark");
        return;
    }
    let mut wrong = Vec::new();
    let (mut same, mut explained) = (0, BTreeSet::new());
    for capture in real_captures() {
        let name = base_name(&capture);
        let captures = sensor::Captures::open(std::slice::from_ref(&capture)).unwrap();
        let facts = sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap();
        let into = folder("objects");
        let (ours, theirs) = (ours(&facts.carried_files), theirs(&capture, &into));
        same += ours.intersection(&theirs).count();
        let mut differ = |whose: Whose, (protocol, file, hash): &Object| {
            let known = DIFFERENCES.iter().position(|(of, by, called, who, _)| {
                *of == name && by == protocol && (*called == "*" || called == file) && *who == whose
            });
            match known {
                Some(known) => {
                    explained.insert(known);
                }
                None => wrong.push(format!(
                    "{name}: {whose:?} alone: {protocol} {file:?} {}",
                    &hash[..8]
                )),
            }
        };
        ours.difference(&theirs)
            .for_each(|one| differ(Whose::Ours, one));
        theirs
            .difference(&ours)
            .for_each(|one| differ(Whose::Theirs, one));
    }
    for (known, difference) in DIFFERENCES.iter().enumerate() {
        if same > 0 && !explained.contains(&known) {
            wrong.push(format!("no difference any more: {difference:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{same} are the same\n{}",
        wrong.join("\n")
    );
    eprintln!(
        "{same} files are the same, {} differences are explained",
        explained.len()
    );
}
