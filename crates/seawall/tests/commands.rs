//! The other commands as a user meets them: a draft that loads, the packets of a finding, the same bytes twice.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use lab::harborview;
use support::{AS_OF, Assessment, folder, real_captures, seawall};

#[test]
fn learn_drafts_a_site_that_loads_and_allows_nothing() {
    let day = folder("learn");
    harborview::clean_day().write(&day).unwrap();
    let drafted = day.join("draft");
    let captures = day.join("captures");
    let learn = |to: &Path| {
        seawall([
            "learn".as_ref(),
            captures.as_os_str(),
            "--output".as_ref(),
            to.as_os_str(),
        ])
    };
    let run = learn(&drafted);
    assert_eq!(run.status, 0, "{}", run.err);
    let text = std::fs::read_to_string(drafted.join("site.toml")).unwrap();
    for word in [
        "vlans = [107]",
        "role = \"plc\"",
        "role = \"camera\"",
        "# [[conduit]]",
        "kind = \"internet\"",
    ] {
        assert!(text.contains(word), "{word} is not in the draft");
    }
    assert!(
        !text.contains("\n[[conduit]]"),
        "what was seen is not allowed by that alone"
    );
    let assessed = Assessment::of(&drafted, std::slice::from_ref(&captures));
    let met = assessed.0["measures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["verdict"] == "met")
        .count();
    assert_eq!(met, 0, "no sensor is declared, so nothing is met");
    let again = learn(&drafted);
    assert_eq!(again.status, 1, "a site file is never written over");
    assert!(again.err.contains("exists"), "{}", again.err);
}

#[test]
fn learn_drafts_a_site_that_loads_from_every_real_capture() {
    for capture in real_captures() {
        let drafted = folder("learn-real");
        let run = seawall([
            "learn".as_ref(),
            capture.as_os_str(),
            "--output".as_ref(),
            drafted.as_os_str(),
        ]);
        assert_eq!(run.status, 0, "{}: {}", capture.display(), run.err);
        let text = std::fs::read_to_string(drafted.join("site.toml")).unwrap();
        let read = facts::site::read(&[("site.toml".to_owned(), text)], &[]);
        assert!(read.is_ok(), "{}: {read:?}", capture.display());
    }
}

#[test]
fn packets_are_those_that_the_finding_cites() {
    let day = folder("packets");
    harborview::bad_day().write(&day).unwrap();
    let findings = Assessment::of(&day, &[]).findings();
    let finding = findings
        .iter()
        .find(|one| one.measure == "C9" && one.frames.len() == 1)
        .unwrap();
    let out = day.join("evidence.pcapng");
    let run = seawall([
        "packets".as_ref(),
        day.as_os_str(),
        "--as-of".as_ref(),
        AS_OF.as_ref(),
        "--finding".as_ref(),
        finding.id.as_ref(),
        "--output".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    let (capture, frames) = finding.frames.iter().next().unwrap();
    let cut = sensor::Capture::open(&out).unwrap();
    let whole = sensor::Capture::open(day.join("captures").join(capture)).unwrap();
    let bytes = |capture: &sensor::Capture, wanted: &dyn Fn(u32) -> bool| {
        let mut walk = capture.frames(0).unwrap();
        let mut all = Vec::new();
        while let Some(frame) = walk.next() {
            if wanted(frame.number) {
                all.push((frame.time, frame.data.to_vec()));
            }
        }
        all
    };
    let cited: BTreeSet<u64> = frames.clone();
    let expected = bytes(&whole, &|number| cited.contains(&u64::from(number)));
    assert!(!expected.is_empty());
    assert_eq!(bytes(&cut, &|_| true), expected);
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let day = folder("replay");
    harborview::bad_day().write(&day).unwrap();
    for format in ["json", "html", "text"] {
        let run = || {
            seawall([
                "assess".as_ref(),
                day.as_os_str(),
                "--as-of".as_ref(),
                AS_OF.as_ref(),
                "--format".as_ref(),
                format.as_ref(),
            ])
        };
        let first = run();
        assert_eq!(first.status, 0, "{}", first.err);
        assert_eq!(first.out, run().out, "{format}");
        assert!(first.err.is_empty(), "{}", first.err);
    }
    let failed = seawall([
        "assess".as_ref(),
        day.as_os_str(),
        "--fail-on".as_ref(),
        "not-met".as_ref(),
    ]);
    assert_eq!(failed.status, 1);
}

#[test]
fn a_list_in_the_site_folder_takes_the_place_of_the_one_built_in() {
    let day = folder("lists");
    harborview::clean_day().write(&day).unwrap();
    let lists = day.join("lists");
    std::fs::create_dir(&lists).unwrap();
    let platforms = "version = \"test\"\n[[platform]]\nname = \"Rival\"\ndomains = [\"nzpmc.com\"]\ndate = \"2026-01-01\"\nsource = \"a test\"\n";
    std::fs::write(lists.join("platforms.toml"), platforms).unwrap();
    let oui = "Registry,Assignment,Organization Name,Organization Address\r\nMA-L,8CEC4B,\"Crane Works, Ltd.\",Nowhere\r\n";
    std::fs::write(lists.join("oui.csv"), oui).unwrap();
    let findings = Assessment::of(&day, &[]).findings();
    assert!(
        !findings.is_empty(),
        "a name that the built-in list leaves alone is watched by this one"
    );
    for one in &findings {
        assert!(
            one.measure == "T1" && one.reason.contains("Rival"),
            "{one:?}"
        );
    }
    let asked = seawall([
        "sql".as_ref(),
        day.as_os_str(),
        "SELECT DISTINCT maker FROM asset WHERE maker_why LIKE 'oui %'".as_ref(),
    ]);
    assert!(asked.out.contains("Crane Works, Ltd."), "{}", asked.out);
    assert_eq!(
        asked.out.lines().count(),
        3,
        "no other prefix is known: {}",
        asked.out
    );
}

#[test]
fn a_reader_that_goes_away_ends_no_command_with_a_panic() {
    for words in [["sql", "--tables"], ["measures", "C9"]] {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_seawall"))
            .args(words)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let mut program = program.unwrap();
        drop(program.stdout.take());
        let end = program.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&end.stderr);
        assert_eq!(end.status.code(), Some(0), "{words:?}: {said}");
    }
}
