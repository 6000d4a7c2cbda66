//! A terminal made by hand: fifteen measures, all four verdicts, and names that were made to deceive.

// Long because it is one sample terminal, told from top to bottom.
use facts::kinds::{
    Asset as AssetFact, Conversation, Coverage, Facts, Oddity, Operation, Outcome, Verb,
};
use facts::site::{Asset, Conduit, End, Place, Role, Service, Site, Zone, ZoneKind};
use facts::{Address, Evidence, Grade, Time, Value};
use judge::{Assessment, Cited, Judged, NotJudged, Source, Subject, Verdict};
use report::{Context, PageText};

/// Came by DHCP and DNS from a device that means no good.
pub(crate) const HOSTILE: &str =
    "<script>alert('x')</script>\u{202e}gpj.exe\u{1b}[2J\"><img src=x onerror=y>";

pub(crate) struct Sample {
    pub(crate) assessment: Assessment,
    pub(crate) site: Site,
    pub(crate) facts: Facts,
    pub(crate) pages: Vec<PageText>,
    pub(crate) skipped: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Sample {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            version: "0.1.0",
            site: &self.site,
            facts: &self.facts,
            pages: &self.pages,
            skipped: &self.skipped,
            notes: &self.notes,
            standings: None,
        }
    }
}

pub(crate) fn sample() -> Sample {
    Sample {
        assessment: Assessment {
            terminal: "Harborview".to_owned(),
            time_zone: "America/New_York".to_owned(),
            as_of: at("2026-11-22T04:00:00Z"),
            edition: "2024".to_owned(),
            evidence: vec![
                Source {
                    capture: "span-0001.pcap".to_owned(),
                    sha256: Some("9f2c61d37a8be0a4c1d5f9c8e6a01b24c7d3e8f95a6b0c1d2e3f405162738495".to_owned()),
                    packets: 46_120,
                    first: Some(at("2026-11-21T02:58:00Z")),
                    last: Some(at("2026-11-21T14:10:00Z")),
                    sensor: Some("crane-span".to_owned()),
                    problems: Vec::new(),
                },
                Source {
                    capture: "span-0002.pcap".to_owned(),
                    sha256: Some("1c0ffee0d37a8be0a4c1d5f9c8e6a01b24c7d3e8f95a6b0c1d2e3f4051627000".to_owned()),
                    packets: 2_091,
                    first: Some(at("2026-11-21T14:10:00Z")),
                    last: Some(at("2026-11-21T14:32:00Z")),
                    sensor: Some("crane-span".to_owned()),
                    problems: vec!["cut off at byte 1,048,576, in frame 2092".to_owned()],
                },
            ],
            measures: measures(),
            not_judged: not_judged(),
        },
        site: site(),
        facts: facts(),
        pages: pages(),
        skipped: vec![
            "span-0002.pcap: 1 frame was cut off and not read.".to_owned(),
            "span-0001.pcap: 12 frames of link type 147 are not decoded.".to_owned(),
        ],
        notes: vec![
            "Judged by the 2024 edition; a later edition, 2026-007, exists and is not part of this version.".to_owned(),
        ],
    }
}

pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).unwrap_or_default()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

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
        subjects,
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

fn measures() -> Vec<Judged> {
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
        ("operation".to_owned(), text("program-download")),
        ("object".to_owned(), text("DB11")),
        ("time".to_owned(), text("2026-11-21T07:12:44.123456789Z")),
        ("outcome".to_owned(), text("ok")),
        ("content_bytes".to_owned(), Value::Int(4_096)),
        ("work_order".to_owned(), Value::Null),
        ("signed".to_owned(), Value::Bool(false)),
        ("share".to_owned(), Value::Real(0.25)),
        ("blocks".to_owned(), Value::List(texts(&["DB11", "OB1"]))),
        ("vlans".to_owned(), Value::Numbers(vec![10, 20])),
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
        facts: vec![("hostname".to_owned(), text(HOSTILE))],
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
            ("file".to_owned(), text("site.toml")),
            ("line".to_owned(), Value::Int(41)),
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

fn not_judged() -> Vec<NotJudged> {
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

fn place(line: u32) -> Place {
    Place {
        file: "site.toml".to_owned(),
        line,
    }
}

fn zone(name: &str, kind: ZoneKind, crane: Option<&str>, vlan: u16, subnet: &str) -> Zone {
    Zone {
        name: name.to_owned(),
        kind,
        crane: crane.map(str::to_owned),
        vlans: vec![vlan],
        subnets: subnet.parse().into_iter().collect(),
        for_untrusted_suppliers: vlan == 30,
        place: place(u32::from(vlan)),
    }
}

fn site() -> Site {
    use ZoneKind::{
        Business, CraneAuxiliary, CraneControl, Internet, PortOperations, RemoteOperations,
        ThirdParty,
    };
    let conduit = |name: &str, from, to, service: &str| Conduit {
        name: name.to_owned(),
        from: vec![from],
        to: vec![to],
        services: vec![Service::Protocol {
            protocol: service.to_owned(),
            part: None,
        }],
        because: "FAT 2024-11".to_owned(),
        during_work_order: false,
        valid_from: None,
        valid_until: None,
        place: place(60),
    };
    Site {
        name: "Harborview".to_owned(),
        time_zone: "America/New_York".to_owned(),
        zones: vec![
            zone(
                "sts07-control",
                CraneControl,
                Some("STS-07"),
                10,
                "10.20.10.0/24",
            ),
            zone(
                "sts07-video",
                CraneAuxiliary,
                Some("STS-07"),
                30,
                "10.20.30.0/24",
            ),
            zone(
                "sts08-control",
                CraneControl,
                Some("STS-08"),
                11,
                "10.21.10.0/24",
            ),
            zone("remote-ops", RemoteOperations, None, 40, "10.40.0.0/24"),
            zone("tos", PortOperations, None, 50, "10.50.0.0/24"),
            zone("business", Business, None, 60, "10.60.0.0/24"),
            zone("vendor", ThirdParty, None, 0, "203.0.113.0/24"),
            zone("internet", Internet, None, 0, "0.0.0.0/0"),
        ],
        assets: vec![Asset {
            name: "cam3".to_owned(),
            role: Role::Camera,
            crane: Some("STS-07".to_owned()),
            supplier: None,
            hostnames: Vec::new(),
            interfaces: Vec::new(),
            place: place(41),
        }],
        conduits: vec![
            conduit("RCMS reads", End::Zone(3), End::Zone(0), "s7comm"),
            conduit("TOS job", End::Zone(4), End::Zone(0), "modbus"),
            conduit("Cabin video", End::Zone(3), End::Zone(1), "rtsp"),
            conduit("Vendor support", End::Zone(6), End::Zone(3), "rdp"),
        ],
        ..Site::default()
    }
}

fn ip(text: &str) -> Address {
    text.parse()
        .map_or_else(|_| Address::default(), Address::Ip)
}

#[derive(Clone, Copy)]
struct Talk(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    u32,
);

fn facts() -> Facts {
    let talks = [
        Talk(
            "10.40.0.5",
            "rcms1",
            "remote-ops",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            Some("RCMS reads"),
            812,
        ),
        Talk(
            "10.50.0.8",
            "tos1",
            "tos",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            Some("TOS job"),
            40,
        ),
        Talk(
            "10.40.0.6",
            "view1",
            "remote-ops",
            "10.20.30.4",
            "cam1",
            "sts07-video",
            Some("Cabin video"),
            55,
        ),
        Talk(
            "10.60.0.9",
            "tos-report",
            "business",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            None,
            1204,
        ),
        Talk(
            "10.60.0.9",
            "tos-report",
            "business",
            "198.51.100.7",
            "198.51.100.7",
            "internet",
            None,
            2001,
        ),
        Talk(
            "10.60.0.7",
            "10.60.0.7",
            "business",
            "10.50.0.8",
            "tos1",
            "tos",
            None,
            3001,
        ),
    ];
    let services = ["s7comm", "modbus", "rtsp", "modbus", "tls", "smb"];
    let conversations = talks
        .iter()
        .zip(services)
        .map(|(talk, service)| Conversation {
            time: at("2026-11-21T08:40:02Z"),
            last: at("2026-11-21T08:41:00Z"),
            transport: "tcp".to_owned(),
            client: ip(talk.0),
            client_asset: Some(talk.1.into()),
            client_zone: Some(talk.2.into()),
            server: ip(talk.3),
            server_asset: Some(talk.4.into()),
            server_zone: Some(talk.5.into()),
            protocol: Some(service.to_owned()),
            state: "answered".to_owned(),
            crosses: true,
            conduit: talk.6.map(Into::into),
            evidence: Evidence::one(0, talk.7),
            ..Conversation::default()
        });
    let asset = |name: &str, role: Role, zone: &str, address: &str, declared: bool| AssetFact {
        name: name.to_owned(),
        declared,
        seen: true,
        time: Some(at("2026-11-21T02:58:00Z")),
        last: Some(at("2026-11-21T14:32:00Z")),
        packets: 12_345,
        macs: texts(&["28:63:36:8a:01:10"]),
        ips: texts(&[address]),
        vlans: vec![10],
        zones: texts(&[zone]),
        zone: Some(zone.to_owned()),
        crane: zone.starts_with("sts07").then(|| "STS-07".to_owned()),
        role: Some(role.word().to_owned()),
        role_grade: Some(if declared {
            Grade::Declared
        } else {
            Grade::Inferred
        }),
        role_why: (!declared).then(|| "speaks s7comm as a client".to_owned()),
        maker: Some("Siemens AG".to_owned()),
        maker_grade: Some(Grade::Inferred),
        maker_why: Some("oui 28:63:36/24".to_owned()),
        model: declared.then(|| "CPU 317-2 PN/DP".to_owned()),
        firmware: declared.then(|| "V3.2.7".to_owned()),
        ..AssetFact::default()
    };
    let mut stranger = asset(
        "10.20.10.99",
        Role::Workstation,
        "sts07-control",
        "10.20.10.99",
        false,
    );
    stranger.hostnames = texts(&[HOSTILE]);
    let mut camera = asset("cam1", Role::Camera, "sts07-video", "10.20.30.4", true);
    camera.maker = Some("Hangzhou Hikvision Digital Technology".to_owned());
    camera.supplier = Some("Hikvision".to_owned());
    camera.trust = Some("untrusted".to_owned());
    camera.lists = texts(&["FY2019 NDAA 889"]);
    Facts {
        captures: texts(&["span-0001.pcap", "span-0002.pcap"]),
        assets: vec![
            asset("plc1", Role::Plc, "sts07-control", "10.20.10.10", true),
            asset("hmi1", Role::Hmi, "sts07-control", "10.20.10.20", true),
            asset("rcms1", Role::Rcms, "remote-ops", "10.40.0.5", true),
            asset("tos1", Role::Tos, "tos", "10.50.0.8", true),
            asset("tos-report", Role::Server, "business", "10.60.0.9", true),
            camera,
            stranger,
        ],
        conversations: conversations.collect(),
        operations: vec![
            operation(Verb::Read, "DB1", 4_211, Some("RCMS reads"), None),
            operation(Verb::ProgramDownload, "DB11", 1, None, None),
            operation(Verb::Stop, "CPU", 1, None, Some("WO-1234")),
        ],
        coverage: vec![
            coverage("sts07-control", "frames", 48_211, 48_211, "complete", None),
            coverage(
                "sts07-control",
                "streams",
                90_112,
                91_400,
                "partial",
                Some("1,288 bytes were acknowledged but not captured."),
            ),
            coverage(
                "sts08-control",
                "frames",
                0,
                0,
                "none",
                Some("no sensor sees this zone."),
            ),
        ],
        oddities: vec![Oddity {
            time: at("2026-11-21T08:40:02Z"),
            last: at("2026-11-21T08:41:00Z"),
            count: 3,
            what: "modbus.answer_without_request".to_owned(),
            source: Some(ip("10.20.10.10")),
            target: Some(ip("10.60.0.9")),
            detail: Some("transaction 7".to_owned()),
            evidence: Evidence::one(0, 1210),
            ..Oddity::default()
        }],
        ..Facts::default()
    }
}

fn operation(
    verb: Verb,
    object: &str,
    count: u64,
    conduit: Option<&str>,
    order: Option<&str>,
) -> Operation {
    Operation {
        time: at("2026-11-21T07:12:44Z"),
        last: if count > 1 {
            at("2026-11-21T14:12:44Z")
        } else {
            at("2026-11-21T07:12:44Z")
        },
        count,
        source: ip("10.40.0.5"),
        target: ip("10.20.10.10"),
        protocol: "s7comm".to_owned(),
        operation: verb,
        object: Some(object.to_owned()),
        outcome: Some(Outcome::Ok),
        modifies: verb.modifies(),
        source_asset: Some("rcms1".to_owned()),
        target_asset: Some("plc1".to_owned()),
        crane: Some("STS-07".to_owned()),
        conduit: conduit.map(str::to_owned),
        work_order: order.map(str::to_owned),
        reason: (conduit.is_none() && order.is_none())
            .then(|| "work order WO-1234 names eng1, not rcms1, as source".to_owned()),
        evidence: Evidence::one(0, 812),
        ..Operation::default()
    }
}

fn coverage(
    zone: &str,
    what: &str,
    good: u64,
    total: u64,
    state: &str,
    detail: Option<&str>,
) -> Coverage {
    Coverage {
        time: Some(at("2026-11-21T02:58:00Z")),
        last: Some(at("2026-11-21T14:32:00Z")),
        sensor: Some("crane-span".to_owned()),
        zone: Some(zone.to_owned()),
        what: what.to_owned(),
        good,
        total,
        state: state.to_owned(),
        detail: detail.map(str::to_owned),
        ..Coverage::default()
    }
}

fn pages() -> Vec<PageText> {
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
