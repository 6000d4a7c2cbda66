//! What goes wrong is said with its place and its remedy, by the exit status that scripts rely on: 2 for a call that is off,
//! 1 for input that cannot be read, 0 wherever there was something to judge, be it all unproven.
mod support;

use std::path::{Path, PathBuf};

use support::{AS_OF, Assessment, Run, folder, seawall};

/// One zone, nothing else.
const SITE: &str = r#"
[terminal]
name = "Small"
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
"#;

fn site(name: &str, more: &str) -> PathBuf {
    let folder = folder(name);
    std::fs::write(folder.join("site.toml"), format!("{SITE}{more}")).unwrap();
    folder
}

fn assess(site: &Path, captures: &[&Path]) -> Run {
    let mut words = vec!["assess".as_ref(), site.as_os_str()];
    words.extend(captures.iter().map(|path| path.as_os_str()));
    words.extend(["--as-of", AS_OF].map(std::ffi::OsStr::new));
    seawall(words)
}

/// Exit status and words that the message holds.
#[track_caller]
fn fails(run: &Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{}{}", run.out, run.err);
    for word in words {
        assert!(run.err.contains(word), "no {word:?} in: {}", run.err);
    }
}

/// A little-endian pcap of one frame of four bytes.
fn pcap(link: u8) -> Vec<u8> {
    let mut bytes = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, link, 0, 0, 0,
    ];
    bytes.extend([
        0x80, 0x01, 0x23, 0x65, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4,
    ]);
    bytes
}

#[test]
fn files_that_are_no_captures_are_refused_with_what_they_are() {
    let folder = folder("no captures");
    let site = site("for no captures", "");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let empty = file("empty.pcap", b"");
    fails(
        &assess(&site, &[&empty]),
        1,
        &["empty.pcap", "is empty", "pcap"],
    );
    let text = file("notes.pcap", b"Dear diary,\n");
    fails(
        &assess(&site, &[&text]),
        1,
        &["notes.pcap", "Dear diary", "editcap"],
    );
    fails(
        &assess(&site, &[&folder.join("gone.pcap")]),
        1,
        &["gone.pcap", "No such file"],
    );
}

#[test]
fn a_folder_is_read_around_what_is_no_capture() {
    let site = site("with junk", "");
    let captures = site.join("captures");
    std::fs::create_dir(&captures).unwrap();
    std::fs::write(captures.join("README.txt"), "Taken on 3 March.\n").unwrap();
    std::fs::write(captures.join("empty.pcap"), "").unwrap();
    std::fs::write(captures.join("span.pcap"), pcap(1)).unwrap();
    let run = assess(&site, &[]);
    assert_eq!(run.status, 0, "{}", run.err);
    for skipped in ["README.txt", "empty.pcap"] {
        assert!(
            run.out.contains(skipped),
            "{skipped} is not told: {}",
            run.out
        );
    }
}

#[test]
fn a_link_type_that_is_not_decoded_is_counted_and_said() {
    let site = site("link type", "");
    let capture = site.join("user.pcap");
    std::fs::write(&capture, pcap(147)).unwrap();
    let seen = Assessment::of(&site, std::slice::from_ref(&capture));
    let evidence = &seen.0["evidence"][0];
    assert_eq!(evidence["packets"], 1);
    assert!(
        evidence["problems"].to_string().contains("link type 147"),
        "{evidence}"
    );
    assert!(
        seen.verdicts()
            .values()
            .all(|verdict| verdict == "unproven"),
        "{:?}",
        seen.verdicts()
    );
}

#[test]
fn without_captures_nothing_is_met() {
    let site = site("nothing to see", "");
    let seen = Assessment::of(&site, &[]);
    assert!(
        seen.verdicts()
            .values()
            .all(|verdict| verdict == "unproven"),
        "{:?}",
        seen.verdicts()
    );
    assert!(assess(&site, &[]).out.contains("No capture was read"));
}

#[test]
fn mistakes_in_the_site_file_are_named_with_line_and_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "unknown key",
            "[[zone]]\nname = \"b\"\nkind = \"business\"\nsubnet = [\"10.40.0.0/24\"]\n",
            &["site.toml:19", "subnet", "did you mean \"subnets\""],
        ),
        (
            "overlapping",
            "[[zone]]\nname = \"b\"\nkind = \"business\"\nsubnets = [\"10.20.10.0/24\"]\n",
            &["site.toml:19", "10.20.10.0/24", "site.toml:10"],
        ),
        (
            "dangling",
            "[[conduit]]\nname = \"c\"\nfrom = [\"plc2\"]\nto = [\"plc1\"]\nservices = [\"any\"]\nbecause = \"none\"\n",
            &["site.toml:18", "\"plc2\"", "did you mean \"plc1\""],
        ),
        (
            "bad kind",
            "[[zone]]\nname = \"b\"\nkind = \"office\"\n",
            &["site.toml:18", "office", "business"],
        ),
        (
            "bad time",
            "[[work_order]]\nid = \"W\"\nsources = [\"plc1\"]\ntargets = [\"plc1\"]\noperations = [\"stop\"]\nfrom = \"soon\"\n",
            &["site.toml", "RFC 3339"],
        ),
        ("no TOML", "[[zone\n", &["site.toml:16"]),
    ];
    for (name, more, words) in cases {
        fails(&assess(&site(name, more), &[]), 1, words);
    }
    let latin = folder("latin");
    std::fs::write(latin.join("site.toml"), b"[terminal]\nname = \"K\xf6ln\"\n").unwrap();
    fails(&assess(&latin, &[]), 1, &["site.toml", "UTF-8"]);
    fails(&assess(&folder("no site"), &[]), 1, &["site.toml"]);
}

#[test]
fn a_work_order_of_the_future_allows_nothing_yet() {
    let day = lab::harborview::clean_day();
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

#[test]
fn calls_that_are_off_exit_with_2() {
    let site = site("calls", "");
    let site = site.to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["assess"], "SITE"),
        (&["assess", site, "--as-of", "yesterday"], "RFC 3339"),
        (&["assess", site, "--format", "pdf"], "html"),
        (&["assess", site, "--edition", "1999"], "2023-009"),
        (&["facts", site, "--kind", "colour"], "conversation"),
        (&["measures", "C99"], "C16"),
        (&["sql", site], "QUERY"),
        (&["asses"], "assess"),
    ];
    for (words, remedy) in cases {
        fails(&seawall(*words), 2, &[remedy]);
    }
}

#[test]
fn queries_only_read_and_come_one_at_a_time() {
    let site = site("queries", "");
    let sql = |query: &str| seawall(["sql".as_ref(), site.as_os_str(), query.as_ref()]);
    assert_eq!(
        sql("SELECT name FROM site_zone").out.lines().last(),
        Some("control")
    );
    fails(&sql("DELETE FROM asset"), 1, &["only read"]);
    fails(&sql("SELECT 1; SELECT 2"), 1, &["one statement"]);
    fails(&sql("SELECT nonsense FROM asset"), 1, &["nonsense"]);
    fails(&sql("ATTACH 'x.db' AS x"), 1, &["only read"]);
}

#[test]
fn a_finding_that_does_not_exist_is_said_so() {
    let site = site("no finding", "");
    let output = site.join("x.pcapng");
    let run = seawall([
        "packets".as_ref(),
        site.as_os_str(),
        "--finding".as_ref(),
        "C9-0".as_ref(),
        "--output".as_ref(),
        output.as_os_str(),
    ]);
    fails(&run, 1, &["C9-0"]);
    assert!(!output.exists());
}

#[test]
fn a_draft_is_never_written_over_a_site() {
    let site = site("learnt twice", "");
    let capture = site.join("a.pcap");
    std::fs::write(&capture, pcap(1)).unwrap();
    let run = seawall([
        "learn".as_ref(),
        capture.as_os_str(),
        "--output".as_ref(),
        site.as_os_str(),
    ]);
    fails(&run, 1, &["exists already"]);
}
