//! Bad input: each mistake gets its message with place and remedy, or an honest unproven; never a crash, never a pass.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::path::{Path, PathBuf};

use lab::harborview;
use support::{AS_OF, Assessment, Run, folder, seawall};

/// A small site that loads.
const SITE: &str = r#"
[terminal]
name = "Test"
time_zone = "UTC"
[[zone]]
name = "control"
kind = "crane-control"
vlans = [10]
subnets = ["10.20.10.0/24"]
[[asset]]
name = "plc1"
role = "plc"
interface = [{ ip = "10.20.10.10" }]
[[sensor]]
name = "span"
sees = ["control"]
captures = ["*"]
"#;

fn site(name: &str, text: &str) -> PathBuf {
    let folder = folder(name);
    std::fs::write(folder.join("site.toml"), text).unwrap();
    folder
}

fn assess(site: &Path, captures: &[&Path]) -> Run {
    let mut arguments = vec!["assess".into(), site.as_os_str().to_owned()];
    arguments.extend(captures.iter().map(|path| path.as_os_str().to_owned()));
    arguments.extend(["--as-of", AS_OF].map(Into::into));
    seawall(arguments)
}

/// The run failed with that status, and its message says all of that.
fn says(run: &Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{}", run.err);
    for word in words {
        assert!(
            run.err.contains(word),
            "{word:?} is not said in: {}",
            run.err
        );
    }
}

#[test]
fn a_file_that_is_no_capture_is_named_with_what_to_do() {
    let site = site("no-capture", SITE);
    let empty = site.join("empty.pcap");
    std::fs::write(&empty, b"").unwrap();
    says(&assess(&site, &[&empty]), 1, &["empty.pcap", "empty"]);
    let words = site.join("notes.pcap");
    std::fs::write(
        &words,
        b"these are notes of a meeting, and no packets at all\n",
    )
    .unwrap();
    says(&assess(&site, &[&words]), 1, &["notes.pcap", "pcap"]);
    let missing = site.join("missing.pcap");
    says(&assess(&site, &[&missing]), 1, &["missing.pcap"]);
}

#[test]
fn frames_of_an_unknown_link_type_are_counted_and_nothing_is_met() {
    let site = site("unknown-link", SITE);
    // pcap, little endian, microseconds, link type 147 (reserved for private use), one frame of four bytes.
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    bytes.extend([0; 8]);
    bytes.extend([0, 0, 4, 0, 147, 0, 0, 0]);
    bytes.extend([
        0, 0, 0, 0x69, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4,
    ]);
    let capture = site.join("radio.pcap");
    std::fs::write(&capture, bytes).unwrap();
    let run = assess(&site, &[&capture]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.out.contains("147"), "{}", run.out);
    assert!(run.out.contains("NOT MET 0"), "{}", run.out);
    let facts = seawall([
        "facts".as_ref(),
        capture.as_os_str(),
        "--kind".as_ref(),
        "capture-file".as_ref(),
    ]);
    assert!(facts.out.contains("\"undecoded\":1"), "{}", facts.out);
}

#[test]
fn a_capture_cut_in_the_middle_is_read_as_far_as_it_goes() {
    let day = harborview::clean_day();
    let site = folder("cut");
    day.write(&site).unwrap();
    let path = std::fs::read_dir(site.join("captures"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2 + 7]).unwrap();
    let run = assess(&site, &[]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.out.contains("NOT MET 0"), "{}", run.out);
    let facts = seawall([
        "facts".as_ref(),
        path.as_os_str(),
        "--kind".as_ref(),
        "coverage".as_ref(),
    ]);
    assert!(facts.out.contains("cut off"), "{}", facts.out);
}

#[test]
fn mistakes_in_a_site_are_told_with_file_line_and_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "unknown-key",
            "[terminal]\nname = \"T\"\ncolour = \"red\"\n",
            &["site.toml:3", "colour"],
        ),
        (
            "same-subnet",
            "[[zone]]\nname = \"a\"\nkind = \"business\"\nsubnets = [\"10.0.0.0/24\"]\n[[zone]]\nname = \"b\"\nkind = \"dmz\"\nsubnets = [\"10.0.0.0/24\"]\n",
            &["site.toml:8", "10.0.0.0/24", "site.toml:4"],
        ),
        (
            "missing-asset",
            "[[conduit]]\nname = \"c\"\nfrom = [\"hmi1\"]\nto = [\"plc9\"]\nservices = [\"s7comm\"]\nbecause = \"x\"\n",
            &["site.toml:3", "hmi1", "site.toml:4", "plc9"],
        ),
        ("no-toml", "[terminal\nname = 1\n", &["site.toml:1"]),
    ];
    for (name, text, words) in cases {
        says(&assess(&site(name, text), &[]), 1, words);
    }
    let strange = folder("not-text");
    std::fs::write(strange.join("site.toml"), [0xff, 0xfe, 0x00]).unwrap();
    says(&assess(&strange, &[]), 1, &["site.toml", "UTF-8"]);
    says(&assess(&folder("no-site"), &[]), 1, &["site.toml"]);
    says(
        &assess(Path::new("/nonexistent/site"), &[]),
        1,
        &["/nonexistent/site"],
    );
}

#[test]
fn a_work_order_of_the_future_loads_and_without_captures_nothing_is_met() {
    let order = "[[work_order]]\nid = \"WO-1\"\nsources = [\"plc1\"]\ntargets = [\"plc1\"]\noperations = [\"stop\"]\nfrom = 2099-01-01T00:00:00Z\nuntil = 2099-01-02T00:00:00Z\n";
    let site = site("future", &format!("{SITE}{order}"));
    let run = assess(&site, &[]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.out.contains("NOT MET 0"), "{}", run.out);
    assert!(
        run.out.contains(" MET 0 "),
        "nothing witnessed is nothing met: {}",
        run.out
    );
    let failed = seawall([
        "assess".as_ref(),
        site.as_os_str(),
        "--fail-on".as_ref(),
        "unproven".as_ref(),
    ]);
    assert_eq!(failed.status, 1, "{}", failed.err);
}

#[test]
fn words_that_the_command_line_does_not_know_are_usage_errors() {
    let site = site("usage", SITE);
    let path = site.as_os_str();
    let runs: [(&[&std::ffi::OsStr], &str); 8] = [
        (
            &[
                "assess".as_ref(),
                path,
                "--as-of".as_ref(),
                "yesterday".as_ref(),
            ],
            "RFC 3339",
        ),
        (
            &["assess".as_ref(), path, "--format".as_ref(), "pdf".as_ref()],
            "html",
        ),
        (&["assess".as_ref()], "SITE"),
        (
            &["facts".as_ref(), path, "--workers".as_ref(), "0".as_ref()],
            "give 1 or more",
        ),
        (
            &["facts".as_ref(), path, "--kind".as_ref(), "mood".as_ref()],
            "conversation",
        ),
        (&["measures".as_ref(), "Z9".as_ref()], "C9"),
        (&["sql".as_ref(), path], "QUERY"),
        (&["judge".as_ref()], "unrecognized"),
    ];
    for (arguments, word) in runs {
        says(&seawall(arguments), 2, &[word]);
    }
    let edition = seawall([
        "assess".as_ref(),
        path,
        "--edition".as_ref(),
        "1999".as_ref(),
    ]);
    says(&edition, 2, &["1999", "2024"]);
    let finding = seawall([
        "packets".as_ref(),
        path,
        "--finding".as_ref(),
        "C9-0".as_ref(),
        "--output".as_ref(),
        "x.pcapng".as_ref(),
    ]);
    says(&finding, 1, &["C9-0"]);
}

#[test]
fn queries_only_read_one_thing_and_end() {
    let site = site("sql", SITE);
    let ask = |query: &str| seawall(["sql".as_ref(), site.as_os_str(), query.as_ref()]);
    says(&ask("DELETE FROM site_zone"), 1, &["read"]);
    says(&ask("SELECT 1; SELECT 2"), 1, &["one statement"]);
    says(&ask("ATTACH 'x.db' AS x"), 1, &["sea"]);
    says(&ask("SELECT mood FROM site_zone"), 1, &["mood"]);
    says(
        &ask(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
        ),
        1,
        &["stopped"],
    );
    let good = ask("SELECT name, kind FROM site_zone");
    assert_eq!(
        (good.status, good.out.as_str()),
        (
            0,
            "name     kind\n-------  -------------\ncontrol  crane-control\n"
        )
    );
}

#[test]
fn a_folder_without_a_capture_is_told_and_one_named_twice_is_not() {
    let site = site("empty-folder", SITE);
    let (empty, full) = (site.join("old"), site.join("new"));
    for folder in [&empty, &full] {
        std::fs::create_dir(folder).unwrap();
    }
    harborview::clean_day().write_captures(&full).unwrap();
    let run = assess(&site, &[&empty, &full, &full.join("../new")]);
    says(&run, 0, &["old holds no capture", "pcap"]);
    assert_eq!(run.err.matches("holds no capture").count(), 1);
}

#[test]
fn a_folder_is_read_around_what_is_no_capture() {
    let site = site("junk", SITE);
    let captures = site.join("captures");
    std::fs::create_dir(&captures).unwrap();
    std::fs::write(captures.join("README.txt"), "Taken on 3 March.\n").unwrap();
    std::fs::write(captures.join("empty.pcap"), "").unwrap();
    harborview::clean_day().write_captures(&captures).unwrap();
    let run = assess(&site, &[]);
    assert_eq!(run.status, 0, "{}", run.err);
    for skipped in ["README.txt", "empty.pcap"] {
        assert!(
            run.out.contains(skipped),
            "{skipped} is not told: {}",
            run.out
        );
    }
    let empty = site.join("nothing");
    std::fs::create_dir(&empty).unwrap();
    let run = seawall(["facts".as_ref(), empty.as_os_str()]);
    says(&run, 0, &["nothing was not read: no file lies in it"]);
}

#[test]
fn what_a_sensor_wrote_and_nobody_can_read_is_a_lack_and_no_pass() {
    let day = harborview::clean_day();
    let folder = folder("unread");
    day.write(&folder).unwrap();
    let whole = Assessment::of(&folder, &[]);
    assert_eq!(whole.verdicts()["C10"], "met");
    let captures = folder.join("captures");
    // Beside captures lies what is none.
    std::fs::write(captures.join("crane-span.pcap.sha256"), "0123\n").unwrap();
    assert_eq!(Assessment::of(&folder, &[]).verdicts()["C10"], "met");
    std::fs::write(captures.join("crane-span-2.pcap.gpg"), [0x85; 4000]).unwrap();
    let seen = Assessment::of(&folder, &[]);
    assert_eq!(seen.verdicts()["C10"], "unproven");
    let run = assess(&folder, &[]);
    let told = "crane-span-2.pcap.gpg, not read: not a capture";
    let flat: Vec<&str> = run.out.split_whitespace().collect();
    assert!(flat.join(" ").contains(told), "{}", run.out);
}

#[test]
fn times_that_cannot_be_are_told() {
    let folder = folder("clocks");
    harborview::clean_day().write(&folder).unwrap();
    let notes = |as_of: &str| {
        let site = folder.as_os_str();
        let run = seawall(["assess".as_ref(), site, "--as-of".as_ref(), as_of.as_ref()]);
        let words: Vec<&str> = run.out.split_whitespace().collect();
        words.join(" ")
    };
    assert!(!notes(AS_OF).contains("never saw the same moment"));
    assert!(!notes(AS_OF).contains("The captures go on until"));
    assert!(notes("2026-11-20T14:03:00Z").contains("The captures go on until 2026-11-20 09:"));
    // An hour's difference, as a sensor without daylight-saving time has.
    let capture = folder.join("captures").join("crane-span.pcap");
    let mut bytes = std::fs::read(&capture).unwrap();
    let mut at = 24;
    while let Some(head) = bytes.get(at..at + 16) {
        let word = |of: usize| u32::from_le_bytes(head[of..of + 4].try_into().unwrap());
        let (seconds, length) = (word(0) + 3600, word(8) as usize);
        bytes[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        at += 16 + length;
    }
    std::fs::write(&capture, bytes).unwrap();
    let told = notes(AS_OF);
    assert!(told.contains("they never saw the same moment"), "{told}");
}

#[test]
fn a_work_order_of_the_future_allows_nothing_yet() {
    let day = harborview::clean_day();
    let folder = folder("next year");
    day.write(&folder).unwrap();
    let file = folder.join("site.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (from, until) = (
        "from = 2026-11-20T08:30:00-05:00",
        "until = 2026-11-20T09:08:00-05:00",
    );
    assert!(text.contains(from) && text.contains(until));
    let later = |time: &str| time.replace("2026", "2027");
    std::fs::write(
        &file,
        text.replace(from, &later(from))
            .replace(until, &later(until)),
    )
    .unwrap();
    let seen = Assessment::of(&folder, &[]);
    assert_eq!(seen.verdicts()["C9"], "not met");
    let told = seen
        .findings()
        .iter()
        .any(|one| one.measure == "C9" && one.reason.contains("WO-2211"));
    assert!(told, "{:?}", seen.findings());
}
