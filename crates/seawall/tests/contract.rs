//! What other programs rely on: the shape of the JSON, the exit status, the output file.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lab::harborview;
use serde_json::Value;
use support::{AS_OF, Assessment, folder, seawall, text};

fn bad_day(name: &str) -> PathBuf {
    let site = folder(name);
    harborview::bad_day().write(&site).unwrap();
    site
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
fn the_output_file_holds_what_would_be_shown_whatever_the_number_of_workers() {
    let site = bad_day("output");
    let call = |more: &[&str]| {
        let words = [
            "assess",
            site.to_str().unwrap(),
            "--as-of",
            AS_OF,
            "--format",
            "html",
        ];
        seawall(words.iter().chain(more))
    };
    let shown = call(&["--workers", "1"]);
    let output = site.join("report.html");
    let written = call(&["--workers", "3", "--output", output.to_str().unwrap()]);
    assert_eq!(
        (written.status, written.out.as_str()),
        (0, ""),
        "{}",
        written.err
    );
    assert_eq!(std::fs::read_to_string(&output).unwrap(), shown.out);
    assert!(shown.out.starts_with("<!DOCTYPE html>"));
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
