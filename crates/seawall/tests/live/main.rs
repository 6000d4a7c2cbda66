//! `seawall run` on a cable of its own: in a network namespace that the test makes, with tcpreplay at the other end. Needs
//! root, iproute2 and tcpreplay; without them the tests say "skipped".
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod clock;
mod disk;
mod load;
mod odds;
mod promise;
mod rig;
mod soak;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use lab::harborview;
use serde_json::Value;

use crate::rig::{
    Cable, Sensor, answered, arriving, events, offline, remembered, rows, state, terminal, until,
};
use crate::support::{seawall, text};

#[test]
fn what_passes_is_remembered_judged_and_told_and_nothing_is_sent() {
    let Some(cable) = Cable::new("bad") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "bad-day", "save_every = \"1 s\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    let modified =
        |event: &Value| event["event"] == "finding-opened" && event["measure"]["id"] == "C9";
    until("a change of a controller is told", || {
        events(&site).iter().any(modified)
    });
    sensor.stop();
    assert_eq!(cable.sent_by_sensor(), 0, "a sensor never sends");

    // The same as one offline run over the same packets.
    for kind in [
        "conversation",
        "operation",
        "name",
        "remote-session",
        "credential",
        "identity",
        "route",
        "address",
    ] {
        let (live, offline) = (remembered(&site, kind), offline(&site, kind));
        assert!(!offline.is_empty(), "{kind}");
        let differ: Vec<_> = live.symmetric_difference(&offline).take(4).collect();
        assert!(differ.is_empty(), "{kind}: {differ:#?}");
    }
    // It tells as well how much of it was understood, and how much came twice.
    let coverage = remembered(&site, "coverage");
    for what in ["classified", "once"] {
        let row = coverage
            .iter()
            .find(|row| row.contains(&format!("\"{what}\"")));
        let row: Value = serde_json::from_str(row.expect(what)).unwrap();
        assert!(row["good"].as_u64() > Some(0), "{row}");
    }

    // The packets of each finding were kept apart, all that it cites, what came after it opened too; and they are those that an
    // offline run finds. The ring has rolled over.
    let told = events(&site);
    let finding = told.iter().find(|event| modified(event)).unwrap();
    let id = text(&finding["finding"]);
    fs::remove_dir_all(state(&site).join("packets")).unwrap();
    let verdicts = fs::read(state(&site).join("verdicts.json")).unwrap();
    let verdicts: Value = serde_json::from_slice(&verdicts).unwrap();
    let measures = verdicts["measures"].as_array().unwrap().iter();
    let c9 = measures.filter(|measure| measure["id"] == "C9");
    let subjects = c9.flat_map(|measure| measure["subjects"].as_array().unwrap());
    let (cut, mut has_grown) = (site.join("cut.pcapng"), false);
    for subject in subjects.filter(|subject| subject["finding"].is_string()) {
        let evidence = subject["evidence"].as_array().unwrap();
        let frames = |cited: &Value| cited["frames"].as_array().unwrap().clone();
        let cited: BTreeSet<String> = evidence
            .iter()
            .flat_map(|cited| frames(cited).into_iter().map(|frame| frame.to_string()))
            .collect();
        has_grown |= evidence.len() > 1;
        let run = seawall([
            "packets".as_ref(),
            site.as_os_str(),
            "--finding".as_ref(),
            text(&subject["finding"]).as_ref(),
            "-o".as_ref(),
            cut.as_os_str(),
        ]);
        assert_eq!(run.status, 0, "{}", run.err);
        let all = format!(": {} packets of", cited.len());
        assert!(run.out.contains(&all), "{all}: {} {}", run.out, run.err);
        assert!(
            text(&subject["finding"]) != id || !rows(&[&cut], "operation").is_empty(),
            "the cut shows the operation"
        );
    }
    assert!(has_grown, "one happened again after it was told");
}

/// The findings that events leave open, and those told as new while they were.
fn findings(events: &[Value]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut open, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        let finding = || text(&event["finding"]);
        match event["event"].as_str() {
            Some("finding-opened") if !open.insert(finding()) => {
                twice.insert(finding());
            }
            Some("finding-closed") => {
                open.remove(&finding());
            }
            _ => {}
        }
    }
    (open, twice)
}

#[test]
fn a_killed_sensor_loses_nothing_that_was_saved_and_says_when_nobody_watched() {
    let Some(cable) = Cable::new("kill") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "kill", "save_every = \"1 s\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    until("all is saved", || {
        let there = offline(&site, "conversation").len() == rows(&[&capture], "conversation").len();
        there && answered(remembered(&site, "operation")) == answered(offline(&site, "operation"))
    });
    until("findings are told", || {
        events(&site)
            .iter()
            .any(|event| event["measure"]["id"] == "C9")
    });
    // What was told is noted right after, and what is not noted yet is told once more rather than never.
    let noted = || {
        let noted = fs::read_to_string(rig::state(&site).join("seen.json")).unwrap_or_default();
        let (mut open, _) = findings(&events(&site));
        open.retain(|finding| noted.contains(&format!("\"{finding}\"")));
        open
    };
    until("what was told is noted", || {
        let (open, _) = findings(&events(&site));
        !open.is_empty() && noted() == open
    });
    sensor.kill();
    let noted = noted();
    sleep(Duration::from_secs(2));
    let sensor = Sensor::start(&cable, &site);
    until("the gap is told", || {
        events(&site)
            .iter()
            .any(|event| text(&event["detail"]).contains("Nobody was watching from"))
    });
    assert_eq!(
        answered(remembered(&site, "operation")),
        answered(offline(&site, "operation"))
    );
    // A site with a mistake is refused, and the old one goes on.
    let declared = fs::read_to_string(site.join("site.toml")).unwrap();
    fs::write(
        site.join("site.toml"),
        format!("{declared}\n[[zone]]\ncolour = 3\n"),
    )
    .unwrap();
    sensor.signal("HUP");
    until("a broken site is refused", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "site-refused")
    });
    fs::write(site.join("site.toml"), declared).unwrap();
    sensor.signal("HUP");
    until("a mended one is taken", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "site-reloaded")
    });
    let second = seawall(["run".as_ref(), site.as_os_str()]);
    assert_eq!(
        second.status, 1,
        "two runs on one state folder: {}",
        second.err
    );
    sensor.stop();
    let (_, twice) = findings(&events(&site));
    let again: Vec<_> = noted.intersection(&twice).collect();
    assert!(
        again.is_empty(),
        "told as new while they were open: {again:?}"
    );
    let gaps = remembered(&site, "coverage");
    assert!(
        gaps.iter()
            .any(|row| row.contains("\"watching\"") && row.contains("\"ended\"")),
        "{gaps:?}"
    );
}

#[test]
fn what_the_kernel_drops_leaves_nothing_met() {
    let Some(cable) = Cable::new("drops") else {
        return;
    };
    let (site, capture) = terminal(&harborview::clean_day(), "drops", "ring = \"16 MB\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    // Subjects of a measure that rests on every frame of the crane zones.
    let met = || {
        let json = fs::read_to_string(state(&site).join("verdicts.json")).unwrap_or_default();
        let all: Value = serde_json::from_str(&json).unwrap_or_default();
        let measures = all["measures"].as_array().into_iter().flatten();
        let subjects = measures
            .filter(|one| one["id"] == "C15")
            .filter_map(|one| one["subjects"].as_array());
        subjects
            .flatten()
            .filter(|subject| subject["verdict"] == "met")
            .count()
    };
    until("control is shown to be apart", || met() > 0);
    // A sensor that stands still: its ring overflows.
    sensor.signal("STOP");
    for _ in 0..4 {
        cable.play(&capture, 5);
    }
    sensor.signal("CONT");
    until("the drops are told", || {
        events(&site).iter().any(|event| event["event"] == "drops")
    });
    until("nothing is met on what was not seen", || met() == 0);
    sensor.stop();
}

#[test]
fn finished_captures_are_read_as_they_come() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "folders", "");
    // The other sensor's captures come there too.
    let text = fs::read_to_string(site.join("site.toml")).unwrap();
    let text = text.replace(
        "captures = [\"core",
        "folder = \"arrive\"\ncaptures = [\"core",
    );
    fs::write(site.join("site.toml"), text).unwrap();
    let start = || Sensor::begin(&site);
    let sensor = start();
    until("it watches", || !events(&site).is_empty());
    scenario.write_captures(&arrive).unwrap();
    until("what the captures show is told", || {
        events(&site)
            .iter()
            .any(|event| event["measure"]["id"] == "C9" && event["event"] == "finding-opened")
    });
    sensor.stop();
    let counted = remembered(&site, "operation");
    // What was read is not read again, also where the program was killed after history was written and before the list was.
    fs::remove_file(state(&site).join("read.jsonl")).unwrap();
    let before = events(&site).len();
    let sensor = start();
    until("it watches again", || events(&site).len() > before);
    sleep(Duration::from_secs(8));
    sensor.stop();
    assert_eq!(remembered(&site, "operation"), counted);
}
