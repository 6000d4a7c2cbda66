//! The sample terminal seen badly: frames lost, out of order, twice, cut short, one way only, or by half of the sensors.
//! Nothing is invented, and what was not seen is unproven.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use lab::{Capture, Scenario, harborview};
use serde_json::Value;
use support::{Assessment, Finding, facts, folder, text};

struct Day {
    scenario: Scenario,
    whole: Assessment,
}

fn day(name: &str, scenario: Scenario) -> Day {
    let site = folder(name);
    scenario.write(&site).unwrap();
    let whole = Assessment::of(&site, &[]);
    Day { scenario, whole }
}

static CLEAN: LazyLock<Day> = LazyLock::new(|| day("clean, whole", harborview::clean_day()));
static BAD: LazyLock<Day> = LazyLock::new(|| day("bad, whole", harborview::bad_day()));

fn days() -> [&'static Day; 2] {
    [&CLEAN, &BAD]
}

impl Day {
    /// The site with its captures as `disturb` leaves them.
    fn seen_as(&self, name: &str, disturb: impl Fn(&Capture) -> Capture) -> PathBuf {
        let site = folder(&format!("{}, {name}", self.scenario.name));
        let captures = self.scenario.captures.iter().map(disturb).collect();
        Scenario {
            captures,
            ..self.scenario.clone()
        }
        .write(&site)
        .unwrap();
        site
    }
}

/// What the finding says, without numbers that depend on how much of it was seen.
fn gist(finding: &Finding) -> (String, BTreeSet<String>) {
    (finding.measure.clone(), finding.assets.clone())
}

impl Day {
    /// Findings that the whole captures do not give, nor can be given for what was planted: where the better evidence is
    /// lost, a violation may show as another one of the same assets.
    fn invented(&self, disturbed: &Assessment) -> Vec<String> {
        let known: Vec<_> = self.whole.findings().iter().map(gist).collect();
        let new = disturbed.findings().into_iter().filter(|finding| {
            let (measure, assets) = gist(finding);
            let planted = self.scenario.planted.iter().any(|planted| {
                planted.also.contains(&measure.as_str())
                    && planted.assets.iter().any(|asset| assets.contains(asset))
            });
            !planted
                && !known
                    .iter()
                    .any(|(known, of)| *known == measure && assets.is_subset(of))
        });
        new.map(|finding| {
            format!(
                "{}: {} {:?}",
                finding.measure, finding.reason, finding.assets
            )
        })
        .collect()
    }
}

impl Day {
    /// Measures and subjects that are met now and were worse with all captures.
    fn gained(&self, disturbed: &Assessment) -> Vec<String> {
        let worse = |verdict: &String| verdict == "not met" || verdict == "unproven";
        let before = self.whole.verdicts();
        let now = disturbed.verdicts();
        let measures = now
            .iter()
            .filter(|(id, verdict)| *verdict == "met" && before.get(*id).is_some_and(worse));
        let measures = measures.map(|(id, _)| format!("{id} is met"));
        // Where a page tells two things of one name, the best of them.
        let mut best: BTreeMap<[String; 2], bool> = BTreeMap::new();
        for [id, subject, verdict, _] in self.whole.subjects() {
            *best.entry([id, subject]).or_insert(true) &= worse(&verdict);
        }
        let subjects = disturbed.subjects().into_iter();
        let gained = subjects.filter(|[id, subject, verdict, _]| {
            verdict == "met" && best.get(&[id.clone(), subject.clone()]) == Some(&true)
        });
        let gained = gained.map(|[id, subject, _, reason]| format!("{id} {subject}: {reason}"));
        measures.chain(gained).collect()
    }
}

fn nothing_invented(name: &str, day: &Day, disturb: impl Fn(&Capture) -> Capture) -> Assessment {
    let assessment = Assessment::of(&day.seen_as(name, disturb), &[]);
    let invented = day.invented(&assessment);
    assert!(
        invented.is_empty(),
        "{} {name}:\n{}",
        day.scenario.name,
        invented.join("\n")
    );
    let gained = day.gained(&assessment);
    assert!(
        gained.is_empty(),
        "{} {name}:\n{}",
        day.scenario.name,
        gained.join("\n")
    );
    assessment
}

#[test]
fn lost_frames_invent_nothing_and_leave_measures_unproven() {
    for day in days() {
        for percent in [1, 5, 20] {
            let seen = nothing_invented(&format!("lossy {percent}"), day, |one| {
                lab::lossy(one, percent, 7)
            });
            assert_ne!(seen.verdicts()["C9"], "met", "{percent} %");
            assert_ne!(seen.verdicts()["C10"], "met", "{percent} %");
        }
    }
}

#[test]
fn snapped_frames_invent_nothing_and_leave_measures_unproven() {
    for day in days() {
        for length in [60, 96, 128] {
            let seen = nothing_invented(&format!("snapped {length}"), day, |one| {
                lab::snapped(one, length)
            });
            assert_ne!(seen.verdicts()["C9"], "met", "{length} bytes");
        }
    }
}

#[test]
fn one_direction_invents_nothing_and_leaves_measures_unproven() {
    for day in days() {
        let seen = nothing_invented("one-sided", day, lab::one_sided);
        assert_ne!(seen.verdicts()["C9"], "met");
        assert_ne!(seen.verdicts()["C1"], "met");
    }
}

#[test]
fn a_capture_that_ends_in_the_middle_invents_nothing_and_says_so() {
    for day in days() {
        let site = folder(&format!("{}, cut", day.scenario.name));
        day.scenario.write(&site).unwrap();
        let crane = &day.scenario.captures[0];
        let bytes = lab::cut(crane, crane.file().len() / 2 + 5);
        std::fs::write(site.join("captures").join(&crane.name), bytes).unwrap();
        let seen = Assessment::of(&site, &[]);
        let invented = day.invented(&seen);
        assert!(invented.is_empty(), "{}", invented.join("\n"));
        let gained = day.gained(&seen);
        assert!(gained.is_empty(), "{}", gained.join("\n"));
        let problems = seen.0["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["capture"] == *crane.name)
            .unwrap();
        assert!(
            text(&problems["problems"]).contains("cut off"),
            "{problems}"
        );
        assert_ne!(seen.verdicts()["C10"], "met");
    }
}

/// Rows of facts without the columns that tell where and when exactly they were seen.
fn rows(site: &std::path::Path, kind: &str, without: &[&str]) -> Vec<String> {
    let arguments = [
        "--site".as_ref(),
        site.as_os_str(),
        "--kind".as_ref(),
        kind.as_ref(),
        "--kind".as_ref(),
        "coverage".as_ref(),
    ];
    let found = facts(&arguments);
    let mut rows: Vec<String> = found
        .get(kind)
        .into_iter()
        .flatten()
        .map(|row| {
            let mut row: serde_json::Map<String, Value> = row.as_object().unwrap().clone();
            for column in without.iter().chain(&["capture", "frames"]) {
                row.remove(*column);
            }
            serde_json::to_string(&row).unwrap()
        })
        .collect();
    rows.sort();
    rows
}

/// Kinds, and the columns of each in which copies and order may show: a conversation is named by its first packet too.
const SAME: &[(&str, &[&str])] = &[
    ("operation", &["time", "last"]),
    // Where a routed question is seen first behind the router, its VLAN is that one, and it is counted apart.
    ("name", &["time", "last", "count", "vlan", "client_mac"]),
    ("remote-session", &["time", "last", "uid"]),
    ("credential", &["time", "last"]),
    ("certificate", &["time", "last"]),
    (
        "conversation",
        &["time", "last", "uid", "packets_out", "packets_in"],
    ),
    ("asset", &["time", "last", "packets"]),
];

fn same_facts_and_findings(name: &str, day: &Day, disturb: impl Fn(&Capture) -> Capture) {
    let plain = day.seen_as(&format!("{name} not"), |one| one.clone());
    let site = day.seen_as(name, disturb);
    let mut wrong = Vec::new();
    for (kind, without) in SAME {
        let [one, two] = [&plain, &site].map(|site| {
            let mut rows = rows(site, kind, without);
            rows.dedup();
            rows
        });
        wrong.extend(
            one.iter()
                .filter(|row| !two.contains(row))
                .take(4)
                .map(|row| format!("- {row}")),
        );
        wrong.extend(
            two.iter()
                .filter(|row| !one.contains(row))
                .take(4)
                .map(|row| format!("+ {row}")),
        );
        if one.len() != two.len() {
            wrong.push(format!("{} rows of {kind} became {}", one.len(), two.len()));
        }
    }
    let seen = Assessment::of(&site, &[]);
    let ids = |assessment: &Assessment| -> BTreeSet<String> {
        assessment
            .findings()
            .into_iter()
            .map(|one| one.id)
            .collect()
    };
    let (before, after) = (ids(&day.whole), ids(&seen));
    wrong.extend(
        before
            .symmetric_difference(&after)
            .map(|id| format!("finding {id} of one alone")),
    );
    assert!(
        wrong.is_empty(),
        "{} {name}:\n{}",
        day.scenario.name,
        wrong.join("\n")
    );
}

#[test]
fn frames_out_of_order_give_the_facts_of_frames_in_order() {
    for day in days() {
        same_facts_and_findings("reordered", day, |one| lab::reordered(one, 5));
    }
}

#[test]
fn frames_seen_twice_give_the_facts_of_frames_seen_once() {
    for day in days() {
        same_facts_and_findings("duplicated", day, lab::duplicated);
    }
}

#[test]
fn what_only_the_missing_sensor_saw_is_unproven() {
    // Zones of the two sensors of the sample terminal, by their VLANs.
    for (kept, lost) in [(0, 1), (1, 0)] {
        for day in days() {
            let site = folder(&format!("{} without {lost}", day.scenario.name));
            let captures = vec![day.scenario.captures[kept].clone()];
            Scenario {
                captures,
                ..day.scenario.clone()
            }
            .write(&site)
            .unwrap();
            let seen = Assessment::of(&site, &[]);
            let invented = day.invented(&seen);
            assert!(invented.is_empty(), "{}", invented.join("\n"));
            let gained = day.gained(&seen);
            assert!(gained.is_empty(), "without {lost}:\n{}", gained.join("\n"));
            // Zones that only the missing sensor saw: the crane's, or those on shore.
            let own: &[&str] = if lost == 0 {
                &[
                    "sts07",
                    "sts09",
                    "crane-management",
                    "crane-video",
                    "remote-operations",
                ]
            } else {
                &[
                    "zone port-operations",
                    "zone business",
                    "zone dmz",
                    "zone screening",
                ]
            };
            for [measure, subject, verdict, reason] in seen.subjects() {
                let on_paper = reason.contains("was never used") || reason.contains("was not used");
                let unseen = own.iter().any(|zone| subject.contains(zone));
                assert!(
                    verdict != "met" || on_paper || !unseen,
                    "{measure} {subject}: {reason}"
                );
            }
            let expected = if lost == 0 { "unproven" } else { "met" };
            assert_eq!(seen.verdicts()["C10"], expected);
        }
    }
}

#[test]
fn a_vlan_that_the_mirror_port_leaves_out_makes_nothing_met() {
    let day = &*BAD;
    let crane = &day.scenario.captures[0];
    let vlan = |frame: &[u8]| match frame.get(12..16) {
        Some([0x81, 0x00, high, low]) => Some(u16::from_be_bytes([high & 0x0f, *low])),
        _ => None,
    };
    let tags = crane.frames.iter().filter_map(|frame| vlan(&frame.bytes));
    let tags: BTreeSet<u16> = tags.collect();
    assert!(tags.len() > 5, "{tags:?}");
    let mut gained = Vec::new();
    for tag in tags {
        let site = day.seen_as(&format!("without VLAN {tag}"), |one| {
            let mut one = one.clone();
            if one.name == crane.name {
                one.frames.retain(|frame| vlan(&frame.bytes) != Some(tag));
            }
            one
        });
        let more = day.gained(&Assessment::of(&site, &[]));
        gained.extend(more.into_iter().map(|one| format!("VLAN {tag}: {one}")));
    }
    assert!(gained.is_empty(), "{}", gained.join("\n"));
}

#[test]
fn a_mirror_port_that_was_off_for_a_while_proves_nothing_and_a_quiet_network_does() {
    const MINUTE: i64 = 60_000_000;
    let off = |name: &str, lost: &dyn Fn(usize, i64) -> bool| {
        let day = &*CLEAN;
        let site = folder(&format!("clean day, {name}"));
        let captures = day.scenario.captures.iter().enumerate();
        let captures = captures.map(|(which, capture)| {
            let begin = capture.frames.iter().map(|frame| frame.at).min().unwrap();
            let mut capture = capture.clone();
            capture
                .frames
                .retain(|frame| !lost(which, (frame.at - begin) / MINUTE));
            capture
        });
        Scenario {
            captures: captures.collect(),
            ..day.scenario.clone()
        }
        .write(&site)
        .unwrap();
        let file = site.join("site.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{text}\n[run]\nsilence = \"2 min\"\n")).unwrap();
        let subjects = Assessment::of(&site, &[]).subjects();
        let silent = subjects
            .iter()
            .filter(|[.., reason]| reason.contains("sensor crane-span saw no frame for"));
        let silent: Vec<_> = silent.map(|[_, _, verdict, _]| verdict.clone()).collect();
        let met = |subject: &&[String; 4]| subject[2] == "met";
        (silent, subjects.iter().filter(met).count())
    };
    let (silent, whole) = off("nothing off", &|_, _| false);
    assert!(silent.is_empty() && whole > 20, "{whole} met");
    let (silent, met) = off("one off", &|which, minute| {
        which == 0 && (4..8).contains(&minute)
    });
    assert!(silent.len() > 5, "{silent:?}");
    assert!(silent.iter().all(|verdict| verdict == "unproven"));
    assert!(met < whole);
    // Nobody saw anything: that is a quiet network.
    let (silent, _) = off("both off", &|_, minute| (4..8).contains(&minute));
    assert_eq!(silent, Vec::<String>::new());
}
