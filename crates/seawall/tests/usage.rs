//! The commands as a person uses them: a draft from captures, the packets of a finding, replay, and output for programs.
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lab::harborview;
use serde_json::Value;
use support::{AS_OF, Assessment, base_name, folder, real_captures, seawall, text};

fn bad_day(name: &str) -> PathBuf {
    let site = folder(name);
    harborview::bad_day().write(&site).unwrap();
    site
}

#[test]
fn a_draft_of_any_capture_loads_and_is_judged() {
    // Each is two runs of the program: every seventh capture is a fair sample, a different kind each time.
    for capture in real_captures().iter().step_by(7) {
        let site = folder("draft");
        std::fs::remove_dir(&site).unwrap();
        let run = seawall([
            "learn".as_ref(),
            capture.as_os_str(),
            "--output".as_ref(),
            site.as_os_str(),
        ]);
        assert_eq!(run.status, 0, "{}: {}", base_name(capture), run.err);
        let run = seawall([
            "assess".as_ref(),
            site.as_os_str(),
            capture.as_os_str(),
            "--as-of".as_ref(),
            AS_OF.as_ref(),
        ]);
        assert_eq!(run.status, 0, "{}: {}", base_name(capture), run.err);
    }
}

#[test]
fn a_draft_of_the_clean_day_knows_networks_and_controllers() {
    let day = harborview::clean_day();
    let captures = folder("clean captures");
    day.write_captures(&captures).unwrap();
    let site = folder("drafted");
    std::fs::remove_dir(&site).unwrap();
    let run = seawall([
        "learn".as_ref(),
        captures.as_os_str(),
        "--output".as_ref(),
        site.as_os_str(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    let drafted = std::fs::read_to_string(site.join("site.toml")).unwrap();
    for vlan in harborview::TAPS.iter().flat_map(|tap| tap.vlans) {
        assert!(
            drafted.contains(&format!("vlans = [{vlan}]")),
            "no zone of VLAN {vlan}"
        );
    }
    for name in ["plc7", "plc9"] {
        let host = harborview::hosts::DECLARED
            .iter()
            .find(|host| host.name == name)
            .unwrap();
        let address = format!("ip = \"{}\"", host.ip);
        let asset = drafted
            .split("[[")
            .find(|part| part.starts_with("asset]]") && part.contains(&address));
        let asset = asset.unwrap_or_else(|| panic!("{name} is not drafted"));
        assert!(asset.contains("role = \"plc\""), "{asset}");
    }
}

#[test]
fn the_packets_of_a_finding_are_those_that_it_cites() {
    let site = bad_day("packets");
    let day = harborview::bad_day();
    let findings = Assessment::of(&site, &[]).findings();
    let findings: Vec<_> = findings
        .iter()
        .filter(|one| ["C9", "C12", "T1"].contains(&one.measure.as_str()))
        .collect();
    assert!(findings.len() > 5);
    for finding in findings {
        let output = site.join("cited.pcapng");
        let run = seawall([
            "packets".as_ref(),
            site.as_os_str(),
            "--finding".as_ref(),
            finding.id.as_ref(),
            "--output".as_ref(),
            output.as_os_str(),
            "--as-of".as_ref(),
            AS_OF.as_ref(),
        ]);
        assert_eq!(run.status, 0, "{}", run.err);
        let captures = sensor::Captures::open(std::slice::from_ref(&output)).unwrap();
        let mut walk = captures.walk();
        let mut got = BTreeSet::new();
        while let Some(frame) = walk.next() {
            got.insert((frame.time.0 / 1000, frame.data.to_vec()));
        }
        let mut cited = BTreeSet::new();
        for (capture, frames) in &finding.frames {
            let capture = day
                .captures
                .iter()
                .find(|one| one.name == *capture)
                .unwrap();
            for number in frames {
                let frame = &capture.frames[usize::try_from(*number).unwrap() - 1];
                cited.insert((frame.at, frame.bytes.clone()));
            }
        }
        assert_eq!(got, cited, "{}", finding.id);
    }
}

#[test]
fn the_same_call_gives_the_same_bytes() {
    let site = bad_day("replay");
    for format in ["text", "json", "html"] {
        let run = || {
            seawall([
                "assess".as_ref(),
                site.as_os_str(),
                "--as-of".as_ref(),
                AS_OF.as_ref(),
                "--format".as_ref(),
                format.as_ref(),
            ])
        };
        let (one, two) = (run(), run());
        assert_eq!(one.status, 0, "{}", one.err);
        assert!(!one.out.is_empty() && one.out == two.out, "{format}");
        let output = site.join("report");
        let run = seawall([
            "assess".as_ref(),
            site.as_os_str(),
            "--as-of".as_ref(),
            AS_OF.as_ref(),
            "--format".as_ref(),
            format.as_ref(),
            "--output".as_ref(),
            output.as_os_str(),
            "--workers".as_ref(),
            "3".as_ref(),
        ]);
        assert_eq!((run.status, run.out.as_str()), (0, ""), "{}", run.err);
        assert_eq!(
            std::fs::read_to_string(&output).unwrap(),
            one.out,
            "{format}"
        );
    }
}

#[test]
fn scripts_can_fail_on_a_verdict() {
    let bad = bad_day("fails");
    let clean = folder("fails not");
    harborview::clean_day().write(&clean).unwrap();
    let status = |site: &PathBuf, on: &str| {
        seawall([
            "assess".as_ref(),
            site.as_os_str(),
            "--as-of".as_ref(),
            AS_OF.as_ref(),
            "--fail-on".as_ref(),
            on.as_ref(),
        ])
        .status
    };
    assert_eq!(status(&bad, "not-met"), 1);
    assert_eq!(status(&clean, "not-met"), 0);
    assert_eq!(
        status(&clean, "unproven"),
        1,
        "the edition alone is unproven"
    );
}

/// The contract's shape, key by key.
#[test]
fn the_json_of_an_assessment_has_the_agreed_shape() {
    let seen = Assessment::of(&bad_day("shape"), &[]).0;
    let has = |value: &Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "no {key} in {value}");
        }
    };
    has(
        &seen,
        &[
            "seawall", "terminal", "as_of", "edition", "evidence", "measures",
        ],
    );
    assert_eq!(seen["terminal"], "Harborview");
    assert!(text(&seen["as_of"]).starts_with(AS_OF.trim_end_matches('Z')));
    for evidence in seen["evidence"].as_array().unwrap() {
        has(
            evidence,
            &[
                "capture", "sha256", "packets", "first", "last", "sensor", "problems",
            ],
        );
        assert_eq!(text(&evidence["sha256"]).len(), 64);
        assert!(evidence["packets"].as_u64().unwrap() > 0 && evidence["problems"].is_array());
    }
    let mut ids = BTreeSet::new();
    for measure in seen["measures"].as_array().unwrap() {
        has(measure, &["id", "title", "verdict", "subjects"]);
        let verdicts = ["met", "not met", "unproven", "not applicable"];
        assert!(verdicts.contains(&text(&measure["verdict"]).as_str()));
        let subjects = measure["subjects"].as_array().unwrap();
        for subject in subjects {
            has(
                subject,
                &[
                    "subject", "verdict", "reason", "assets", "facts", "finding", "evidence",
                ],
            );
            assert!(verdicts.contains(&text(&subject["verdict"]).as_str()));
            let reason = text(&subject["reason"]);
            assert!(
                reason.ends_with('.') && reason.len() > 20,
                "no sentence: {reason}"
            );
            assert!(subject["assets"].is_array() && subject["facts"].is_object());
            let not_met = subject["verdict"] == "not met";
            assert_eq!(subject["finding"].is_string(), not_met, "{subject}");
            for cited in subject["evidence"].as_array().unwrap() {
                has(cited, &["capture", "frames", "time"]);
            }
            if not_met {
                assert!(
                    !subject["evidence"].as_array().unwrap().is_empty(),
                    "{subject}"
                );
                assert!(
                    ids.insert(text(&subject["finding"])),
                    "two findings are called {}",
                    subject["finding"]
                );
            }
        }
        let worst = if subjects.iter().any(|one| one["verdict"] == "not met") {
            "not met"
        } else {
            "met"
        };
        assert!(
            measure["verdict"] == worst || worst == "met",
            "{}",
            measure["id"]
        );
    }
    assert!(ids.len() > 20);
}
