use report::json;
use serde_json::Value;

use crate::sample::{HOSTILE, sample};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

#[test]
fn json_has_the_keys_of_the_contract_and_typed_values() {
    let sample = sample();
    let text = json(&sample.assessment, &sample.context());
    let tree: Value = serde_json::from_str(&text).unwrap();
    let tops = [
        "seawall",
        "terminal",
        "time_zone",
        "as_of",
        "edition",
        "evidence",
        "measures",
        "not_judged",
        "skipped",
        "notes",
    ];
    assert_eq!(keys(&tree), tops);
    assert_eq!(tree["as_of"], "2026-11-22T04:00:00.000000000Z");
    assert_eq!(
        keys(&tree["evidence"][0]),
        [
            "capture", "sha256", "packets", "first", "last", "sensor", "problems"
        ]
    );
    assert_eq!(tree["evidence"][0]["packets"], 46_120);
    let measures = tree["measures"].as_array().unwrap();
    assert_eq!(measures.len(), 15);
    let c9 = measures
        .iter()
        .find(|measure| measure["id"] == "C9")
        .unwrap();
    assert_eq!(keys(c9), ["id", "title", "verdict", "summary", "subjects"]);
    assert_eq!(c9["verdict"], "not met");
    let first = &c9["subjects"][0];
    assert_eq!(
        keys(first),
        [
            "subject", "verdict", "reason", "assets", "facts", "finding", "state", "evidence",
            "due", "who", "rests_on"
        ]
    );
    assert_eq!(first["finding"], "c9-4be1f07a");
    assert_eq!(first["facts"]["content_bytes"], 4_096);
    assert_eq!(first["facts"]["work_order"], Value::Null);
    assert_eq!(first["facts"]["signed"], false);
    assert_eq!(first["facts"]["share"], 0.25);
    assert_eq!(first["facts"]["blocks"], serde_json::json!(["DB11", "OB1"]));
    assert_eq!(first["facts"]["vlans"], serde_json::json!([10, 20]));
    assert_eq!(
        keys(&first["evidence"][0]),
        ["capture", "frames", "time", "fact"]
    );
    assert_eq!(
        first["evidence"][0]["frames"],
        serde_json::json!([812, 815])
    );
    assert_eq!(
        first["evidence"][0]["time"],
        "2026-11-21T07:12:44.123456789Z"
    );
    assert_eq!(
        c9["subjects"][8]["finding"],
        Value::Null,
        "no finding where the subject holds"
    );
    let words: Vec<&str> = measures
        .iter()
        .map(|measure| measure["verdict"].as_str().unwrap())
        .collect();
    for word in ["met", "not met", "unproven", "not applicable"] {
        assert!(words.contains(&word), "{word}");
    }
}

#[test]
fn json_keeps_hostile_names_whole_but_harmless_to_a_terminal() {
    let sample = sample();
    let text = json(&sample.assessment, &sample.context());
    assert!(!text.chars().any(|c| c == '\u{202e}' || c == '\u{1b}'));
    let tree: Value = serde_json::from_str(&text).unwrap();
    let g7 = tree["measures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|measure| measure["id"] == "G7")
        .unwrap();
    assert_eq!(g7["subjects"][0]["facts"]["hostname"], HOSTILE);
    assert_eq!(
        text,
        json(&sample.assessment, &sample.context()),
        "the same bytes again"
    );
}
