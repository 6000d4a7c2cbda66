//! The sample terminal's year of records, recorded as a user would and judged beside what was on the wire: each lapse that is
//! planted in it is found once, under its measure, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lab::harborview;
use serde_json::Value;
use support::{AS_OF, Assessment, folder, seawall, text};

/// Later than whenever the test records: what counts is what is recorded, not when.
const KNOWN_AT: &str = "2100-01-01T00:00:00Z";

/// A lapse: its measure, its subject, what its reason says, and a record that shows it.
struct Lapse(&'static str, &'static str, &'static str, &'static str);

/// Lapses that the records alone show, or show beside the wire of either day.
#[rustfmt::skip]
const LAPSES: &[Lapse] = &[
    Lapse("G1", "Tunde Okafor at jump1", "left on 2026-09-30, and the grant still holds", "access-grant/AG-08"),
    Lapse("G2", "CVE-2021-36260 at quaycam9", "51 days overdue", "remediation/VU-2026-2"),
    Lapse("G4", "reaching the FBI", "not reached", "contact-test/CT-2026-4"),
    Lapse("G5", "vendor-a and jump1 by rdp", "expired, still flowing", "contract-permission/C-2025-17-1"),
    Lapse("G6", "STS-09", "last reviewed on 2026-03-17", "access-review/AR-2026-1"),
    Lapse("G8", "quay camera", "comes only from Hikvision", "supplier-part/PA-08"),
    Lapse("G10", "action EA-2026-2", "21 days overdue and not done", "exercise-action/EA-2026-2"),
    Lapse("C5", "medium VA-77 (MP-2026-3)", "too long before it could be used", "media-permit/MP-2026-3"),
    Lapse("C7", "fw1 rule 214", "is not made after 163 days", "rule-recertification/RR-2026-03"),
    Lapse("R1", "management station system disk of cms7", "the next is 16 days overdue", "backup/cms7-2026-10"),
    Lapse("R1", "spreader program of spreader9", "serial number 60A14377", "backup/spreader9-2026-10"),
    Lapse("R2", "firewall configuration of fw1", "stays connected to a network", "custody/CU-FW1"),
    Lapse("R3", "management station system disk of cms9", "failed: the image ends", "restore-test/RT-2026-16"),
    Lapse("R4", "crane switch", "was never switched on", "spare/SP-04"),
    Lapse("R5", "crane computer", "followed edition 2, and approved is 3", "rebuild-test/BT-2026-3"),
    Lapse("P1", "Crane workshop", "the next inspection is 42 days overdue", "facility/workshop"),
    Lapse("P2", "cabin9", "still with Tunde Okafor", "key/KEY-03"),
    Lapse("I1", "INC-2026-1", "to the FBI only after 33 hours", "report-sent/RS-2026-4"),
    // Somebody opened the cabinet while the device in it was changed, which only the bad day shows.
    Lapse("P2", "rio7", "its cabinet (cab-7T, STS-07, trolley) was opened", "door-event/DE-2026-4"),
];

/// What the bad day's wire shows against records that are as they should be: programs loaded that no baseline approves.
const WIRE: &[(&str, &str)] = &[("R0", "plc9 DB11"), ("R0", "plc9 FC30")];

fn sheets(below: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/records");
    let entries = fs::read_dir(folder.join(below)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

/// Records the files of that folder in the order of their names, each named by its kind: `14-backup.csv`.
fn record(site: &Path, below: &str) {
    record_in(site, &site.join("ledger"), &sheets(below));
}

fn record_in(site: &Path, ledger: &Path, sheets: &[PathBuf]) {
    for file in sheets {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let (_, kind) = stem.split_once('-').unwrap();
        let path = file.to_str().unwrap();
        let place = places(site, ledger);
        let run = seawall(["record", kind, "--csv", path].into_iter().chain(place));
        assert_eq!(run.status, 0, "{stem}: {}", run.err);
        assert!(run.out.contains(", 0 said already"), "{stem}: {}", run.out);
    }
}

fn places<'a>(site: &'a Path, ledger: &'a Path) -> [&'a str; 4] {
    let (site, ledger) = (site.to_str().unwrap(), ledger.to_str().unwrap());
    ["--site", site, "--ledger", ledger]
}

fn assessed(site: &Path) -> Assessment {
    Assessment(serde_json::from_str(&assessed_by(site, &site.join("ledger"))).unwrap())
}

fn assessed_by(site: &Path, ledger: &Path) -> String {
    let at = ["--as-of", AS_OF, "--known-at", KNOWN_AT];
    let words = ["assess", site.to_str().unwrap(), "--format", "json"];
    // A ledger that is not there can only be the site's own.
    let named = ["--ledger", ledger.to_str().unwrap()];
    let named = named.into_iter().filter(|_| ledger.is_dir());
    let run = seawall(words.into_iter().chain(at).chain(named));
    assert_eq!(run.status, 0, "{}", run.err);
    run.out
}

/// Measure and subject of everything that is not met.
fn not_met(assessment: &Assessment) -> Vec<(String, &Value)> {
    let measures = assessment.0["measures"].as_array().unwrap().iter();
    let of = |measure: &'_ Value| text(&measure["id"]);
    measures
        .flat_map(|measure| {
            let subjects = measure["subjects"].as_array().unwrap().iter();
            let open = subjects.filter(|one| one["verdict"] == "not met");
            open.map(move |one| (of(measure), one))
        })
        .collect()
}

fn cites(subject: &Value, record: &str) -> bool {
    let evidence = subject["evidence"].as_array().unwrap().iter();
    evidence.into_iter().any(|one| one["record"] == record)
}

#[test]
fn each_lapse_in_a_year_of_records_is_found_once_and_nothing_else_and_what_sets_it_right_ends_it() {
    let bad = folder("bad");
    harborview::bad_day().write(&bad).unwrap();
    let wire = not_met(&assessed(&bad)).len();
    record(&bad, "");
    let judged = assessed(&bad);
    let (open, mut wrong) = (not_met(&judged), Vec::new());
    let mut explained = Vec::new();
    for Lapse(measure, subject, says, record) in LAPSES {
        let told: Vec<&&Value> = open
            .iter()
            .filter(|(id, one)| id == measure && one["subject"] == *subject)
            .map(|(_, one)| one)
            .collect();
        match told.as_slice() {
            [one] if text(&one["reason"]).contains(says) && cites(one, record) => {}
            _ => wrong.push(format!("{measure} {subject}: {told:#?}")),
        }
        explained.push((*measure, *subject));
    }
    explained.extend(WIRE);
    let of_records = |(measure, one): &&(String, &Value)| {
        one["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .any(|cited| cited["record"].is_string())
            || measure.starts_with(['R', 'P', 'I'])
            || (measure.starts_with('G') && measure != "G7")
    };
    let strange = open
        .iter()
        .filter(of_records)
        .filter(|(measure, one)| !explained.contains(&(measure, one["subject"].as_str().unwrap())));
    wrong.extend(strange.map(|(measure, one)| format!("not planted: {measure} {}", one["reason"])));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What the wire shows by itself stays as it was, one for one.
    assert_eq!(open.len(), wire + LAPSES.len() + WIRE.len());

    // The clean day's terminal is the same one, where somebody set each lapse right; its door was opened too.
    let clean = folder("clean");
    harborview::clean_day().write(&clean).unwrap();
    fs::create_dir(clean.join("ledger")).unwrap();
    for entry in fs::read_dir(bad.join("ledger")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, clean.join("ledger").join(path.file_name().unwrap())).unwrap();
        }
    }
    record(&clean, "set-right");
    let judged = assessed(&clean);
    let told: Vec<String> = not_met(&judged)
        .iter()
        .map(|(measure, one)| format!("{measure}: {}", one["reason"]))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    let waits = |measure: &&Value| {
        let subjects = measure["subjects"].as_array().unwrap().iter();
        subjects
            .into_iter()
            .any(|one| text(&one["reason"]).contains("`seawall record"))
    };
    let measures = judged.0["measures"].as_array().unwrap();
    let waiting: Vec<String> = measures
        .iter()
        .filter(waits)
        .map(|one| text(&one["id"]))
        .collect();
    assert!(waiting.is_empty(), "nothing is recorded for {waiting:?}");
    let unjudged = judged.0["not_judged"].as_array().unwrap();
    assert!(unjudged.is_empty(), "without a verdict: {unjudged:?}");
    let met = [
        "G4", "G5", "G6", "G8", "G9", "G10", "R0", "R1", "R2", "R3", "R4", "R5", "P1", "P2", "I1",
        "T2",
    ];
    let verdicts = judged.verdicts();
    let open: Vec<&&str> = met.iter().filter(|id| verdicts[**id] != "met").collect();
    assert!(open.is_empty(), "{open:?}");
}

/// Runs a command on a ledger.
fn on(ledger: &Path, words: &[&str]) -> String {
    let place = ["--ledger", ledger.to_str().unwrap()];
    let run = seawall(words.iter().copied().chain(place));
    assert_eq!(run.status, 0, "{words:?}: {}", run.err);
    run.out
}

fn export(ledger: &Path, to: &Path) {
    on(
        ledger,
        &["ledger", "export", "--output", to.to_str().unwrap()],
    );
}

fn import(ledger: &Path, from: &Path) {
    on(ledger, &["ledger", "import", from.to_str().unwrap()]);
}

/// What an assessment says, but for where a record stands in the ledger: an import into a ledger with entries of its own
/// numbers them anew, with a time of recording of its own and therefore other hashes.
fn but_for_places(json: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(strip),
            Value::Object(object) => {
                if object.contains_key("record") {
                    for place in ["entry", "sha256", "recorded_at"] {
                        object.remove(place);
                    }
                }
                object.values_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let mut tree: Value = serde_json::from_str(json).unwrap();
    strip(&mut tree);
    let notes = tree["notes"].as_array_mut().unwrap();
    // The one that names the last entry.
    let before = notes.len();
    notes.retain(|note| !text(note).starts_with("Records: what was recorded by"));
    assert_eq!(notes.len() + 1, before);
    tree
}

#[test]
fn a_second_installation_imports_the_export_and_gives_the_same_verdicts() {
    let first = folder("first");
    harborview::bad_day().write(&first).unwrap();
    let (own, all) = (first.join("ledger"), sheets(""));
    let (early, late) = all.split_at(16);
    record_in(&first, &own, early);
    let photo = first.join("contract.pdf");
    fs::write(&photo, "a contract").unwrap();
    let attach = ["--id", "C-2025-17", "--attach", photo.to_str().unwrap()];
    let words = ["record", "third-party-contract"].into_iter().chain(attach);
    let run = seawall(words.chain(places(&first, &own)));
    assert!(run.out.contains("version 2"), "{}{}", run.out, run.err);
    let (before, whole) = (first.join("before"), first.join("whole"));
    export(&own, &before);
    record_in(&first, &own, late);
    export(&own, &whole);
    let told = assessed_by(&first, &own);

    let second = folder("second");
    harborview::bad_day().write(&second).unwrap();
    let theirs = second.join("ledger");
    import(&theirs, &whole);
    for (file, same) in [
        ("ledger.jsonl", true),
        ("ledger.pub", false),
        ("ledger.key", false),
    ] {
        let read = |ledger: &Path| fs::read(ledger.join(file)).unwrap();
        assert_eq!(read(&own) == read(&theirs), same, "{file}");
    }
    let verified = on(&theirs, &["ledger", "verify"]);
    assert!(verified.contains(" 1 attached file,"), "{verified}");
    // Into an empty ledger all comes as it is, so nothing differs at all.
    assert_eq!(assessed_by(&second, &theirs), told);

    // Two offices go on by themselves from the same beginning. A third installation, which has entries of its own, takes in
    // what both have: whichever comes first, and however often.
    let office = |name: &str, sheets: &[PathBuf]| {
        let (ledger, export_to) = (first.join(name), first.join(format!("{name}-export")));
        import(&ledger, &before);
        record_in(&first, &ledger, sheets);
        export(&ledger, &export_to);
        export_to
    };
    let (workshop, gate) = late.split_at(10);
    let (a, b) = (office("workshop", workshop), office("gate", gate));
    let expected = but_for_places(&told);
    for (name, order) in [
        ("a-b", [&before, &a, &b, &a]),
        ("b-a", [&b, &before, &a, &b]),
    ] {
        let third = first.join(name);
        let person = ["record", "person", "--id", "x", "name=Nobody"];
        on(&third, &person);
        on(
            &third,
            &["record", "--withdraw", "person", "x", "--reason", "a trial"],
        );
        for export in order {
            import(&third, export);
        }
        let verified = on(&third, &["ledger", "verify"]);
        assert!(verified.starts_with("sound"), "{verified}");
        let told = but_for_places(&assessed_by(&first, &third));
        assert_eq!(told, expected, "{name}");
    }
}
