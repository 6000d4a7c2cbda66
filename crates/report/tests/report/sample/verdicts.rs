//! What was judged of it, and the pages behind that.

use facts::Value;
use judge::{Cited, Judged, NotJudged, Subject, Verdict};
use report::PageText;

use super::{HOSTILE, at, text, texts};

fn subject(name: &str, verdict: Verdict, reason: &str, assets: &[&str]) -> Subject {
    Subject {
        subject: name.to_owned(),
        verdict,
        reason: reason.to_owned(),
        assets: texts(assets),
        facts: Vec::new(),
        finding: None,
        evidence: Vec::new(),
        records: Vec::new(),
        due: None,
        who: None,
        rests_on: Vec::new(),
    }
}

fn broken(
    id: &str,
    name: &str,
    reason: &str,
    assets: &[&str],
    frames: &[u64],
    time: &str,
) -> Subject {
    Subject {
        finding: Some(id.to_owned()),
        evidence: vec![Cited {
            capture: "span-0001.pcap".to_owned(),
            frames: frames.to_vec(),
            time: Some(at(time)),
            fact: "conversation 1".to_owned(),
        }],
        ..subject(name, Verdict::NotMet, reason, assets)
    }
}

fn judged(
    id: &str,
    title: &str,
    verdict: Verdict,
    summary: &str,
    subjects: Vec<Subject>,
) -> Judged {
    Judged {
        id: id.to_owned(),
        title: title.to_owned(),
        verdict,
        summary: summary.to_owned(),
        subjects: subjects.into(),
    }
}

fn met(id: &str, title: &str, subjects: &[&str], what: &str) -> Judged {
    let all = subjects
        .iter()
        .map(|name| Subject {
            rests_on: vec![
                "crane-span saw every frame of sts07-control from 21:58 to 09:32.".to_owned(),
            ],
            ..subject(name, Verdict::Met, &format!("{name}: {what}."), &[])
        })
        .collect();
    judged(
        id,
        title,
        Verdict::Met,
        &format!("All {} subjects hold.", subjects.len()),
        all,
    )
}

pub(super) fn measures() -> Vec<Judged> {
    use Verdict::{NotApplicable, NotMet, Unproven};
    let mut download = broken(
        "c9-4be1f07a",
        "rcms1 → plc1",
        "The RCMS rcms1 downloaded program block DB11 to plc1, and no work order names the two at that time.",
        &["rcms1", "plc1"],
        &[812, 815],
        "2026-11-21T07:12:44.123456789Z",
    );
    download.facts = vec![
        ("operation".into(), text("program-download")),
        ("object".into(), text("DB11")),
        ("time".into(), text("2026-11-21T07:12:44.123456789Z")),
        ("outcome".into(), text("ok")),
        ("content_bytes".into(), Value::Int(4_096)),
        ("work_order".into(), Value::Null),
        ("signed".into(), Value::Bool(false)),
        ("share".into(), Value::Real(0.25)),
        ("blocks".into(), Value::List(texts(&["DB11", "OB1"]))),
        ("vlans".into(), Value::Numbers(vec![10, 20])),
    ];
    download.rests_on =
        texts(&["crane-span saw every frame of sts07-control from 21:58 to 09:32."]);
    let stops = (0..7).map(|n| {
        broken(
            &format!("c9-5{n:07x}"),
            "rcms1 → plc1",
            &format!(
                "The RCMS rcms1 stopped plc1, time {} of 7, and no work order names the two.",
                n + 1
            ),
            &["rcms1", "plc1"],
            &[900 + n, 901 + n],
            "2026-11-21T07:13:00Z",
        )
    });
    let segment = vec![
        broken(
            "c1-7710aa02",
            "business → sts07-control",
            "tos-report in zone business opened modbus to plc1 in zone sts07-control, and no conduit names it.",
            &["tos-report", "plc1"],
            &[1204, 1205, 1206, 1207, 1230],
            "2026-11-21T08:40:02Z",
        ),
        subject(
            "remote-ops → sts08-control",
            Unproven,
            "No sensor sees zone sts08-control.",
            &[],
        ),
        subject(
            "remote-ops → sts07-control",
            Verdict::Met,
            "Everything seen between them is explained by a conduit.",
            &[],
        ),
    ];
    let unknown = vec![Subject {
        facts: vec![("hostname".into(), text(HOSTILE))],
        ..broken(
            "g7-00e1c377",
            "10.20.10.99",
            &format!(
                "A device that nobody declared, 10.20.10.99, calls itself {HOSTILE} in zone sts07-control."
            ),
            &["10.20.10.99"],
            &[77],
            "2026-11-21T03:00:00Z",
        )
    }];
    let logink = vec![broken(
        "t1-93c0d4aa",
        "tos-report",
        "tos-report sent 48,211 bytes to api.logink.example, a host of the watched platform LOGINK.",
        &["tos-report"],
        &[2001, 2002],
        "2026-11-21T09:00:00Z",
    )];
    let unwatched = [
        "sts08-control",
        "sts08-video",
        "sts09-control",
        "sts09-video",
        "rcms",
    ]
    .map(|zone| {
        subject(
            zone,
            Unproven,
            &format!("No sensor is declared to see zone {zone}."),
            &[],
        )
    });
    let cameras = vec![Subject {
        evidence: Vec::new(),
        facts: vec![
            ("file".into(), text("site.toml")),
            ("line".into(), Value::Int(41)),
        ],
        ..broken(
            "c15-0be55a10",
            "cam3",
            "Camera cam3 is declared on VLAN 10, the VLAN of the controllers of STS-07.",
            &["cam3"],
            &[],
            "",
        )
    }];
    vec![
        judged(
            "T1",
            "No use of, and no data to, LOGINK or a similar platform",
            NotMet,
            "1 of 3 systems uses one.",
            logink,
        ),
        judged(
            "T3",
            "It is known what can be controlled remotely on each crane",
            Unproven,
            "2 of 3 cranes are unproven.",
            vec![
                subject(
                    "STS-08",
                    Unproven,
                    "STS-08: nothing of its network was seen.",
                    &[],
                ),
                subject(
                    "STS-09",
                    Unproven,
                    "STS-09: nothing of its network was seen.",
                    &[],
                ),
                subject(
                    "STS-07",
                    Verdict::Met,
                    "STS-07 can be reached from rcms1 and eng1 only.",
                    &["plc1"],
                ),
            ],
        ),
        judged(
            "G7",
            "Third-party traffic is untrusted until validated",
            NotMet,
            "1 device is unknown.",
            unknown,
        ),
        judged(
            "C1",
            "The crane network is segmented from other port systems",
            NotMet,
            "1 of 3 pairs of zones is broken.",
            segment,
        ),
        met(
            "C2",
            "No unnecessary service between business and crane networks",
            &["plc1", "hmi1"],
            "only services that a conduit names were seen",
        ),
        met(
            "C3",
            "No system has homes in several networks",
            &[
                "plc1", "hmi1", "rcms1", "eng1", "cam1", "cam2", "sw1", "fw1",
            ],
            "seen in one network only",
        ),
        judged(
            "C6",
            "Remote access uses the dedicated system only",
            NotApplicable,
            "The site has no remote access: cabled crane, contract C-2025-17, until 2027-01-01.",
            vec![subject(
                "terminal",
                NotApplicable,
                "No remote access exists: J. Doe, contract C-2025-17, until 2027-01-01.",
                &[],
            )],
        ),
        met(
            "C8",
            "Management functions have segments of their own",
            &["eng1 → plc1"],
            "diagnosed from the management segment",
        ),
        judged(
            "C9",
            "Operational systems, on board and RCMS, cannot modify what they operate: each modifying operation has its ticket",
            NotMet,
            "8 of 9 operations are not allowed.",
            std::iter::once(download)
                .chain(stops)
                .chain([subject(
                    "eng1 → plc1",
                    Verdict::Met,
                    "eng1 downloaded OB1 under work order WO-1234.",
                    &["eng1", "plc1"],
                )])
                .collect(),
        ),
        judged(
            "C10",
            "All ingress and egress of the crane network is monitored",
            Unproven,
            "5 of 6 segments are unproven.",
            unwatched.into(),
        ),
        met(
            "C11",
            "Crossings to port systems are accounted for",
            &["tos → sts07-control"],
            "by conduit 'TOS job'",
        ),
        met(
            "C12",
            "All paths to the crane are known and watched",
            &["STS-07"],
            "no sign of a hidden path",
        ),
        judged(
            "C15",
            "On-board VLANs separate core control from cameras",
            NotMet,
            "1 of 4 devices is on the wrong VLAN.",
            cameras,
        ),
        met(
            "C16",
            "Devices of untrusted suppliers are on a VLAN of their own",
            &["cam1", "cam2"],
            "on VLAN 30, set apart for such devices",
        ),
        met(
            "A1",
            "The edition followed is in force",
            &["2024"],
            "in force as far as this version knows",
        ),
    ]
}

pub(super) fn not_judged() -> Vec<NotJudged> {
    let one = |id: &str, title: &str, why: &str| NotJudged {
        id: id.to_owned(),
        title: title.to_owned(),
        why: why.to_owned(),
    };
    vec![
        one("G1", "Access control", "Needs grants and host accounts."),
        one(
            "G2",
            "Vulnerability mitigation",
            "Needs CSAF advisories and remediation records.",
        ),
        one(
            "R1",
            "Backups of key images and programs",
            "Needs the list of required items and the vault.",
        ),
        one(
            "P1",
            "Physical security of ground facilities",
            "Needs inspections and door events.",
        ),
    ]
}

pub(super) fn pages() -> Vec<PageText> {
    let page = |id: &str, asks: &str, judged: &str, fails: &str| PageText {
        id: id.to_owned(),
        what_it_asks_markdown: asks.to_owned(),
        how_judged_markdown: judged.to_owned(),
        when_it_fails_markdown: fails.to_owned(),
        parameters: Vec::new(),
        paragraphs: vec![
            ("2023-009".to_owned(), texts(&["crane network, bullet 7"])),
            (
                "2024".to_owned(),
                texts(&["crane network, bullet 9", "crane network, bullet 10"]),
            ),
        ],
        crosswalk: vec![
            ("IEC 62443-3-3".to_owned(), texts(&["SR 2.1", "SR 5.2"])),
            ("33 CFR 101 subpart F".to_owned(), texts(&["101.650(d)"])),
        ],
    };
    vec![
        page(
            "C9",
            "The systems that *operate* a crane, on board or from the RCMS, must not be able to change it. Whoever changes \
             a controller does so from an authorised engineering station, in a window, under a ticket.",
            "Each modifying operation seen on the wire is held against the work orders of the site file: its source, its \
             target, the operation and the time must all fit. `read`, `diagnose` and `identify` change nothing.",
            "Keep the crane out of service until the shift supervisor has spoken to whoever holds the source system. \
             Compare the controller's program with the approved one.\n\n1. Fetch the packets of the finding.\n2. Record \
             the work order if there was one, and ask why it came late.",
        ),
        page(
            "C1",
            "The crane network stands apart from the rest of the port. See [the advisory](https://example.org/advisory).",
            "Every conversation between two zones must be named by a conduit.",
            "Block the pair at the crane's firewall, then ask the owner of the source what it was for.",
        ),
        page(
            "T1",
            "No system uses LOGINK.",
            "Names are matched by label.",
            "Take the system off the network and call the FSO.",
        ),
        page(
            "G7",
            "Traffic is untrusted until validated.",
            "Unknown devices are shown.",
            "Find the device by its switch port and unplug it.",
        ),
        page(
            "C15",
            "Cameras stand apart.",
            "Roles and VLANs.",
            "Move the camera to its own VLAN.",
        ),
    ]
}
