//! From a finding at night to the last report: explained, in hand, accepted for a time, resolved; an incident and whom it
//! was told to. On the sample terminal, as its officer does it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lab::harborview;
use serde_json::Value;
use support::{AS_OF, folder, seawall};

/// What is recorded now, of a day that was judged before.
const KNOWN: &[&str] = &["--known-at", "2100-01-01T00:00:00Z"];

/// The sample terminal's site folder, with the captures of its bad day apart.
struct Terminal {
    site: PathBuf,
    bad: PathBuf,
}

impl Terminal {
    fn new(name: &str) -> Terminal {
        let site = folder(name);
        harborview::bad_day().write(&site).unwrap();
        let bad = site.join("bad");
        fs::rename(site.join("captures"), &bad).unwrap();
        Terminal { site, bad }
    }

    fn site(&self) -> &str {
        self.site.to_str().unwrap()
    }

    fn bad(&self) -> &str {
        self.bad.to_str().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let run = seawall(words);
        assert_eq!(run.status, 0, "{words:?}: {}", run.err);
        run.out
    }

    fn refuses(&self, words: &[&str]) -> String {
        let run = seawall(words);
        assert_ne!(run.status, 0, "{words:?}: {}", run.out);
        run.err
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[words, &["--format", "json"]].concat())).unwrap()
    }

    fn record(&self, kind: &str, id: &str, fields: &[&str]) {
        let words = ["record", kind, "--site", self.site(), "--id", id];
        self.says(&[&words, fields].concat());
    }

    /// The finding of a program load that nobody allowed.
    fn download(&self, at: &str) -> Value {
        let asked = ["assess", self.site(), self.bad(), "--as-of", at];
        let all = self.json(&[&asked[..], KNOWN].concat());
        let measures = all["measures"].as_array().unwrap();
        let c9 = measures.iter().find(|one| one["id"] == "C9").unwrap();
        let subjects = c9["subjects"].as_array().unwrap();
        subjects
            .iter()
            .find(|one| one["subject"] == "rcms1 → plc9" && !one["finding"].is_null())
            .unwrap()
            .clone()
    }
}

#[test]
fn a_finding_is_explained_from_packet_to_command() {
    let terminal = Terminal::new("explained");
    let finding = terminal.download(AS_OF);
    let id = finding["finding"].as_str().unwrap();
    let asked = [
        "explain",
        terminal.site(),
        terminal.bad(),
        id,
        "--as-of",
        AS_OF,
    ];
    let one = terminal.json(&asked);
    assert_eq!(one["reason"], finding["reason"]);
    let seen = &one["seen"][0];
    assert_eq!(seen["frames"], finding["evidence"][0]["frames"]);
    assert_eq!(
        (&seen["from"]["name"], &seen["from"]["zone"]),
        (&"rcms1".into(), &"remote-operations".into())
    );
    assert_eq!(
        (&seen["to"]["name"], &seen["to"]["crane"]),
        (&"plc9".into(), &"STS-09".into())
    );
    let looked = one["looked_at"].as_array().unwrap();
    let told = |what: &str| {
        looked
            .iter()
            .any(|one| one["why"].as_str().unwrap().contains(what))
    };
    assert!(
        told("but allows s7comm:read, not s7comm:program-download"),
        "{looked:#?}"
    );
    assert_eq!(one["paragraphs"][0]["id"], "2-manage");
    let text = terminal.says(&asked);
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= 80 || line.starts_with("    seawall ")),
        "{text}"
    );
    // The commands that it names are such.
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("    seawall "))
        .collect();
    assert!(commands.len() >= 4);
    let packets: Vec<&str> = commands[0].split(' ').collect();
    assert_eq!(packets[0], "packets");
    let out = terminal.site.join("cut.pcapng");
    let cut = [
        &packets[..packets.len() - 1],
        &[out.to_str().unwrap()],
        &["--as-of", AS_OF],
    ]
    .concat();
    assert!(terminal.says(&cut).contains(" packets of "));
    assert!(
        terminal
            .refuses(&["explain", terminal.site(), terminal.bad(), "C9-none"])
            .contains("no finding is called")
    );
}

#[test]
fn indicators_are_of_others_and_a_vendor_is_named_as_such() {
    let terminal = Terminal::new("indicators");
    let (site, bad) = (terminal.site(), terminal.bad());
    let all = terminal.json(&["findings", site, bad, "--as-of", AS_OF]);
    let all = all["findings"].as_array().unwrap();
    let id_of = |subject: &str| {
        let one = all.iter().find(|one| one["subject"] == subject).unwrap();
        one["finding"].as_str().unwrap().to_owned()
    };
    // A vendor came from outside, by the firewall; a device that nobody declared is on the link itself.
    let (vendor, stranger) = (id_of("203.0.113.45 → cms7"), id_of("10.20.7.177"));
    let open = [
        "incident",
        site,
        "open",
        bad,
        "--id",
        "INC-9",
        "--finding",
        &vendor,
        "--finding",
        &stranger,
    ];
    terminal.says(&open);
    let listed = terminal.says(&["records", "incident", "--site", site, "--format", "jsonl"]);
    let incident: Value = serde_json::from_str(listed.trim()).unwrap();
    let indicators = incident["indicators"].to_string();
    assert!(indicators.contains("address 203.0.113.45"), "{indicators}");
    assert!(indicators.contains("address 10.20.7.177"), "{indicators}");
    let firewall = "00:1b:54:9e:00:01";
    assert!(!indicators.contains(firewall), "{indicators}");
    assert!(indicators.contains("mac "), "{indicators}");
    assert_eq!(incident["party"], "vendor-a");
    let text = terminal.says(&["explain", site, bad, &vendor]);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("third party vendor-a"), "{text}");
}

#[test]
fn the_ledger_keeps_the_life_of_a_finding_and_no_hand_ends_it() {
    let terminal = Terminal::new("life");
    let (site, bad) = (terminal.site(), terminal.bad());
    let assess = |captures: &str, at: &str| {
        terminal.says(&["assess", site, captures, "--as-of", at, "--record"]);
    };
    let findings = |captures: &str, at: &str, id: &str| -> Value {
        let all = terminal.json(
            &[
                &["findings", site, captures, "--as-of", at, "--all"][..],
                KNOWN,
            ]
            .concat(),
        );
        let all = all["findings"].as_array().unwrap();
        all.iter().find(|one| one["finding"] == id).unwrap().clone()
    };
    let (first, later, last) = (
        "2026-11-21T17:00:00Z",
        "2026-11-21T23:00:00Z",
        "2026-11-22T05:30:00Z",
    );
    let refused = terminal.refuses(&[
        "assess",
        site,
        bad,
        "--as-of",
        "2100-01-01T00:00:00Z",
        "--record",
    ]);
    assert!(refused.contains("as of now or earlier"), "{refused}");
    let id = terminal.download(first)["finding"]
        .as_str()
        .unwrap()
        .to_owned();
    assess(bad, first);
    let lines = || {
        fs::read_to_string(Path::new(site).join("ledger/ledger.jsonl"))
            .unwrap()
            .lines()
            .count()
    };
    let before = lines();
    assess(bad, first);
    assert_eq!(lines(), before, "recording twice is recording once");
    let one = findings(bad, first, &id);
    assert_eq!(
        (&one["state"], &one["steps"][0]["step"]),
        (&"open".into(), &"opened".into())
    );
    assert!(
        one["steps"][0]["evidence"][0]
            .as_str()
            .unwrap()
            .contains("sha256")
    );
    let refused = terminal.refuses(&[
        "record",
        "finding",
        "--site",
        site,
        "--id",
        &id,
        "step=resolved",
    ]);
    assert!(refused.contains("never by hand"), "{refused}");
    let sheet = terminal.refuses(&["record", "finding", "--site", site, "--template"]);
    assert!(sheet.contains("never by hand"), "{sheet}");

    terminal.record("person", "jane", &["name=Jane Roe"]);
    let ack = format!("findings={id}");
    terminal.record(
        "acknowledgement",
        "ACK-1",
        &[
            &ack,
            "who=jane",
            "since=2026-11-21T12:00:00Z",
            "until=2026-11-21T20:00:00Z",
        ],
    );
    assert_eq!(findings(bad, first, &id)["state"], "acknowledged");
    assert_eq!(findings(bad, later, &id)["state"], "open");
    let of = format!("finding={id}");
    terminal.record(
        "exception",
        "EX-1",
        &[
            "measure=C9",
            "subject=rcms1 → plc9",
            &of,
            "risk=…",
            "reason=spare part ordered",
            "approved_by=jane",
            "decided=2026-11-21",
            "ends=2026-11-21",
        ],
    );
    let subject = terminal.download(later);
    assert_eq!(
        subject["verdict"], "not met",
        "an exception makes nothing met"
    );
    assert_eq!(
        (&subject["state"]["state"], &subject["state"]["who"]),
        (&"accepted".into(), &"jane".into())
    );
    let html = ["assess", site, bad, "--as-of", later, "--format", "html"];
    let page = terminal.says(&[&html[..], KNOWN].concat());
    assert!(page.contains("accepted until 2026-11-21 by jane"));
    assess(bad, later);
    assess(bad, last);
    let one = findings(bad, last, &id);
    let steps: Vec<&str> = one["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["opened", "accepted", "reopened"]);
    assert!(
        one["note"]
            .as_str()
            .unwrap()
            .contains("EX-1 ended on 2026-11-21")
    );

    // Of then, by what is known now: what came later had not happened, and before it was opened it was not there.
    let unseen = |at: &str| -> Option<Value> {
        let asked = ["findings", site, "--as-of", at, "--all"];
        let all = terminal.json(&[&asked[..], KNOWN].concat());
        let all = all["findings"].as_array().unwrap();
        all.iter().find(|one| one["finding"] == id).cloned()
    };
    let (then, now) = (unseen(first).unwrap(), unseen(last).unwrap());
    assert_eq!(then["reason"], one["steps"][0]["why"]);
    assert_eq!(now["reason"], one["steps"][2]["why"]);
    assert_ne!(then["reason"], now["reason"]);
    assert_eq!(unseen("2026-11-21T16:59:59Z"), None);

    // The clean day was captured before the bad one's finding: it shows nothing of what came after.
    let clean = folder("life-clean");
    harborview::clean_day().write(&clean).unwrap();
    let clean = clean.join("captures");
    let one = findings(clean.to_str().unwrap(), "2027-04-02T00:00:00Z", &id);
    assert_eq!(one["seen"], false);
    let resolved = one["state"] == "resolved";
    let note = one["note"].as_str().unwrap_or_default();
    assert!(
        !resolved || note.contains("resolved by this judgement"),
        "{one:#}"
    );
    // And the verdicts are a series.
    let series = terminal.json(&["findings", site, "--series", "--measure", "C9"]);
    assert_eq!(series["verdicts"][0]["verdict"], "not met");
    assert!(
        terminal
            .says(&["ledger", "verify", "--site", site])
            .starts_with("sound")
    );
}

#[test]
fn an_incident_is_opened_told_and_closed_and_invents_nothing() {
    let terminal = Terminal::new("incident");
    let (site, bad) = (terminal.site(), terminal.bad());
    let finding = terminal.download(AS_OF)["finding"]
        .as_str()
        .unwrap()
        .to_owned();
    let open = [
        "incident",
        site,
        "open",
        bad,
        "--as-of",
        AS_OF,
        "--id",
        "INC-1",
        "--what",
        "cyber-incident",
        "--ssi",
        "--finding",
    ];
    let refused = terminal.refuses(&[&open[..], &["C9-none"]].concat());
    assert!(refused.contains("no finding is called"), "{refused}");
    let refused = terminal.refuses(&[&open[..], &[&finding, "--reporter", "jane"]].concat());
    assert!(
        refused.contains("reporter: no person is called \"jane\""),
        "{refused}"
    );
    let shown = terminal.says(&[&open[..], &[&finding]].concat());
    assert!(
        shown.contains("CGCYBER") && shown.contains("NOT TOLD"),
        "{shown}"
    );
    assert!(
        terminal
            .refuses(&[&open[..], &[&finding]].concat())
            .contains("there is an incident INC-1 already")
    );

    let report =
        |more: &[&str]| terminal.says(&[&["incident", site, "report", "INC-1"], more].concat());
    let nrc = report(&["--to", "nrc"]);
    assert!(
        nrc.starts_with("SENSITIVE SECURITY INFORMATION\n"),
        "49 CFR 1520.13"
    );
    assert!(nrc.trim_end().ends_with("49 CFR parts 15 and 1520."));
    assert!(nrc.contains("1-800-424-8802") && nrc.contains("rcms1") && nrc.contains("plc9"));
    assert!(nrc.contains("Reporting party\n    not known\n"), "{nrc}");
    // Hidden is hidden in all of them, and by the same placeholder.
    let all = report(&["--redact", "all"]);
    for name in ["rcms1", "plc9", "STS-09", "Harborview", "10.20."] {
        assert!(!all.contains(name), "{name}: {all}");
    }
    // But for the moment of writing.
    let timeless = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| !line.contains("EST") || line.contains("of "));
        lines.map(str::to_owned).collect()
    };
    // Nor does a file tell by its name, or take the place of the whole text.
    let folder = terminal.site.join("texts");
    fs::create_dir(&folder).unwrap();
    let written = report(&[
        "--redact",
        "all",
        "--to",
        "nrc",
        "--output",
        folder.to_str().unwrap(),
    ]);
    assert!(
        written.trim_end().ends_with("INC-1-nrc-redacted.txt"),
        "{written}"
    );
    let other = report(&["--to", "other"]);
    assert!(!other.contains("list of contacts"), "{other}");
    let each = report(&["--redact", "addresses,names,people,serials,hashes"]);
    assert_eq!(timeless(&all), timeless(&each));
    assert!(all.contains("[name "));

    terminal.record(
        "person",
        "jane",
        &[
            "name=Jane Roe",
            "phone=+1 555 0100",
            "duties=cybersecurity officer",
        ],
    );
    terminal.record("incident", "INC-1", &["reporter=jane", "impact=degraded"]);
    let nrc = report(&["--to", "nrc"]);
    assert!(
        nrc.contains("Jane Roe, cybersecurity officer, +1 555 0100"),
        "{nrc}"
    );
    let sent = terminal.site.join("nrc.txt");
    fs::write(&sent, &nrc).unwrap();
    let told = [
        "incident",
        site,
        "sent",
        "INC-1",
        "--to",
        "nrc",
        "--channel",
        "phone",
        "--by",
        "jane",
        "--case",
        "NRC-77",
    ];
    terminal.says(&[&told[..], &["--file", sent.to_str().unwrap()]].concat());
    let one = terminal.json(&["incident", site, "show", "INC-1"]);
    let state = |rule: &str, to: &str| -> String {
        let duties = one["duties"].as_array().unwrap();
        let duty = duties
            .iter()
            .find(|duty| duty["rule"] == rule && duty["to"] == to)
            .unwrap();
        duty["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        state("33 CFR 6.16-1", "fbi"),
        "told by others",
        "the NRC reaches the FBI"
    );
    assert_eq!(state("33 CFR 6.16-1", "cisa"), "owed");
    assert_eq!(state("MARAD advisory, Contact Information", "nrc"), "told");
    assert_eq!(state("MARAD advisory, Contact Information", "fbi"), "owed");
    assert_eq!(state("CIRCIA (proposed)", "cisa"), "proposed");
    // What was sent is kept, and verified with the ledger.
    let verified = terminal.says(&["ledger", "verify", "--site", site]);
    assert!(verified.contains(" 1 attached file,"), "{verified}");
    let later = report(&["--to", "cisa"]);
    assert!(
        later.contains("National Response Center by phone") && later.contains("case NRC-77"),
        "{later}"
    );
    let closed = terminal.says(&[
        "incident",
        site,
        "close",
        "INC-1",
        "--action",
        "restored the program",
    ]);
    assert!(closed.contains("Incident INC-1, closed"), "{closed}");
    assert!(terminal.says(&["incident", site]).contains("INC-1 closed"));
    assert!(report(&["--to", "nrc"]).contains("restored the program"));
}
