//! Files in captures that others made: what we tell of them is what tshark takes out of them, byte for byte.
//!
//! tshark takes out the objects of HTTP, SMB, TFTP and FTP. Each has the same SHA-256 and the same name here, and what is
//! called whole here is an object there; what differs, differs for a reason that stands below.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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

/// What differs: capture, protocol, name, whose it is, and why.
const DIFFERENCES: &[(&str, &str, &str, Whose, &str)] = &[
    (
        "OISF__suricata-verify__tcp-urgent1.pcap",
        "http",
        "",
        Whose::Theirs,
        "a request that tshark does not recognise, since it takes the urgent byte out of it",
    ),
    (
        "OISF__suricata-verify__tcp-urgent1.pcap",
        "http",
        "malicxious",
        Whose::Ours,
        "so its answer has no name there",
    ),
    (
        "OISF__suricata-verify__tcp-urgent1.pcap",
        "http",
        "html",
        Whose::Theirs,
        "the same answer, called by its media type",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__f9421792-7d2c-47d3-90e0-07eb54ae12fa.pcap",
        "http",
        "line",
        Whose::Ours,
        "a folder that is asked something: tshark calls it by the question alone",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__f9421792-7d2c-47d3-90e0-07eb54ae12fa.pcap",
        "http",
        "",
        Whose::Theirs,
        "the same answer, called by the question",
    ),
    (
        "zeek__zeek__http-bad-request-with-version.pcap",
        "http",
        "",
        Whose::Ours,
        "an answer whose request cannot be read has no name",
    ),
    (
        "zeek__zeek__http-bad-request-with-version.pcap",
        "http",
        "plain",
        Whose::Theirs,
        "the same answer, called by its media type",
    ),
    (
        "arkime__arkime__wireshark-smb-on-windows10.pcap",
        "smb",
        "srvsvc",
        Whose::Theirs,
        "a pipe of remote procedures, no file",
    ),
    (
        "ntop__nDPI__dos_win98_smb_netbeui.pcap",
        "smb",
        "test.txt",
        Whose::Theirs,
        "goes over NetBEUI, which is not read",
    ),
    (
        "ntop__nDPI__fuzz-2006-09-29-28586.pcap",
        "http",
        "",
        Whose::Theirs,
        "damaged on purpose: single segments that tshark takes for messages",
    ),
    (
        "ntop__nDPI__softether.pcap",
        "http",
        "ddns.aspx",
        Whose::Theirs,
        "a form, which may hold secrets",
    ),
    (
        "zeek__zeek__http-post-large.pcap",
        "http",
        "hello",
        Whose::Theirs,
        "a form, which may hold secrets",
    ),
    (
        "zeek__zeek__mixed-vlan-mpls.pcap",
        "http",
        "",
        Whose::Theirs,
        "an answer of HTTP/0.9, which tshark takes out segment by segment",
    ),
    (
        "zeek__zeek__mpls-in-vlan.pcap",
        "http",
        "",
        Whose::Theirs,
        "a segment from the middle of an answer",
    ),
    (
        "zeek__zeek__retr.pcap",
        "ftp",
        "readme",
        Whose::Ours,
        "tshark names the data channel by the command before and takes nothing out",
    ),
];

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

/// Whether a capture may hold what tshark takes out: asking it of every capture takes minutes.
fn is_worth_asking(capture: &Path, files: &[File]) -> bool {
    let packed = capture
        .extension()
        .is_some_and(|ending| ending == "gz" || ending == "zst");
    let bytes = std::fs::read(capture).unwrap();
    let holds = |mark: &[u8]| bytes.windows(mark.len()).any(|part| part == mark);
    let marks: [&[u8]; 6] = [
        b"HTTP/1.", b"\xffSMB", b"\xfeSMB", b"RETR ", b"STOR ", b"octet\0",
    ];
    packed || !files.is_empty() || marks.into_iter().any(holds)
}

/// tshark writes characters that no file name has as `%2f`, numbers names that come again, and calls what has none `object12`.
fn plain(name: &str) -> String {
    let name = decoded(name);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let named = match (name.find('('), name.find(')')) {
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

/// Each `%2f` and its like as the character that it stands for.
fn decoded(name: &str) -> String {
    let mut text = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = match behind {
            [a, b, ..] if *first == b'%' => std::str::from_utf8(&[*a, *b])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        text.push(escaped.unwrap_or(*first));
        rest = escaped.map_or(behind, |_| &behind[2..]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The last part of a path, without what is asked of it, in small letters.
fn base(name: &str) -> String {
    let path = name.split(['?', '#', ';']).next().unwrap_or_default();
    let path = path.trim_end_matches('/');
    path.rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

fn ours(files: &[File]) -> BTreeSet<Object> {
    let whole = files.iter().filter_map(|file| {
        let path = file.path.as_deref().unwrap_or_default();
        Some((
            file.protocol.clone(),
            base(&decoded(path)),
            file.sha256.clone()?,
        ))
    });
    whole.collect()
}

/// What came of comparing captures.
#[derive(Debug, Default)]
struct Compared {
    same: usize,
    wrong: Vec<String>,
    /// Differences of the list that are there.
    explained: BTreeSet<usize>,
}

impl Compared {
    fn of(capture: &Path, into: &Path) -> Compared {
        let mut compared = Compared::default();
        let name = base_name(capture);
        let captures = sensor::Captures::open(&[capture.to_owned()]).unwrap();
        let files = sensor::observe(&captures, 1, 0, &|_, _| {})
            .unwrap()
            .carried_files;
        if !is_worth_asking(capture, &files) {
            return compared;
        }
        let (ours, theirs) = (ours(&files), theirs(capture, &into.join(&name)));
        compared.same = ours.intersection(&theirs).count();
        let alone = ours.difference(&theirs).map(|one| (Whose::Ours, one));
        for (whose, (protocol, file, hash)) in
            alone.chain(theirs.difference(&ours).map(|one| (Whose::Theirs, one)))
        {
            let known = DIFFERENCES.iter().position(|(of, by, called, who, _)| {
                *of == name && by == protocol && called == file && *who == whose
            });
            match known {
                Some(known) => {
                    compared.explained.insert(known);
                }
                None => compared.wrong.push(format!(
                    "{name}: {whose:?} alone: {protocol} {file:?} {}",
                    &hash[..8]
                )),
            }
        }
        compared
    }

    fn and(mut self, other: Compared) -> Compared {
        self.same += other.same;
        self.wrong.extend(other.wrong);
        self.explained.extend(other.explained);
        self
    }
}

#[test]
fn every_file_has_the_name_and_the_hash_that_tshark_finds() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: no tshark");
        return;
    }
    let captures: Vec<_> = real_captures().into_iter().enumerate().collect();
    let (even, odd): (Vec<_>, Vec<_>) = captures.into_iter().partition(|(nth, _)| nth % 2 == 0);
    let run = |name: &str, part: Vec<(usize, PathBuf)>| {
        let into = folder(name);
        let compared = part.iter().map(|(_, capture)| Compared::of(capture, &into));
        compared.fold(Compared::default(), Compared::and)
    };
    let compared = std::thread::scope(|scope| {
        let other = scope.spawn(|| run("odd", odd));
        run("even", even).and(other.join().unwrap())
    });
    let Compared {
        same,
        mut wrong,
        explained,
    } = compared;
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
