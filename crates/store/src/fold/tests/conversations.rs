use facts::kinds::Name;

use super::*;

const CONDUITS: &str = r#"
[[conduit]]
name = "set points"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm:read", "s7comm:write"]
because = "FAT"

[[conduit]]
name = "old"
from = ["zone:port"]
to = ["zone:control"]
services = ["tcp/443"]
because = "trial"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2026-06-30T00:00:00Z

[[conduit]]
name = "service"
from = ["eng1"]
to = ["plc1"]
services = ["s7comm", "ftp"]
because = "maintenance"
during = "work-order"

[[conduit]]
name = "vendor portal"
from = ["eng1"]
to = ["party:vendor"]
services = ["tls"]
because = "contract"

[[work_order]]
id = "WO-1"
sources = ["eng1"]
targets = ["plc1"]
operations = ["stop"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T08:05:00Z
"#;

fn judged(one: Conversation) -> Conversation {
    let addresses = vec![
        claimed(FW_CONTROL, "10.20.10.1", 10),
        claimed(HMI, "10.20.10.20", 10),
    ];
    let facts = Facts {
        addresses,
        conversations: vec![one],
        ..Facts::default()
    };
    folded(facts, &site(CONDUITS)).conversations.remove(0)
}

/// Conduit and reason.
fn why(one: Conversation) -> (String, String) {
    let one = judged(one);
    (
        one.conduit.unwrap_or_default().to_string(),
        one.reason.unwrap_or_default().to_string(),
    )
}

fn pair(conduit: &str, reason: &str) -> (String, String) {
    (conduit.to_owned(), reason.to_owned())
}

#[test]
fn both_ends_are_named_as_the_site_names_them() {
    let one = judged(tcp("10.20.90.50", "10.20.10.10", 102, "s7comm"));
    assert_eq!(
        (one.client_asset.as_deref(), one.client_zone.as_deref()),
        (Some("eng1"), Some("port"))
    );
    assert_eq!(
        (one.server_asset.as_deref(), one.server_zone.as_deref()),
        (Some("plc1"), Some("control"))
    );
    assert!(one.crosses);
    let stranger = judged(tcp("10.20.10.20", "203.0.113.9", 443, "tls"));
    assert_eq!(
        (
            stranger.server_asset.as_deref(),
            stranger.server_party.as_deref()
        ),
        (Some("203.0.113.9"), Some("vendor"))
    );
    assert!(!judged(tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")).crosses);
}

#[test]
fn the_first_conduit_that_covers_ends_and_service_explains() {
    assert_eq!(
        why(tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")),
        pair("set points", "")
    );
}

#[test]
fn a_conduit_that_names_the_service_explains_before_one_that_allows_any() {
    let any = "[[conduit]]\nname = \"anything\"\nfrom = [\"hmi1\"]\nto = [\"plc1\"]\nservices = [\"any\"]\nbecause = \"trial\"\n";
    let site = site(&format!("{any}{CONDUITS}"));
    let one = |protocol| tcp("10.20.10.20", "10.20.10.10", 102, protocol);
    let facts = Facts {
        conversations: vec![one("s7comm"), one("telnet")],
        ..Facts::default()
    };
    let judged = folded(facts, &site).conversations;
    let by: Vec<_> = judged.iter().map(|one| one.conduit.as_deref()).collect();
    assert_eq!(by, [Some("set points"), Some("anything")]);
}

#[test]
fn what_no_conduit_explains_says_how_near_one_came() {
    let cases = [
        (
            tcp("10.20.10.20", "10.20.10.10", 23, "telnet"),
            "conduit 'set points' allows s7comm:read, s7comm:write, not telnet",
        ),
        (
            tcp("10.20.10.20", "10.20.10.10", 9999, ""),
            "conduit 'set points' allows s7comm:read, s7comm:write, not tcp/9999",
        ),
        (
            tcp("10.20.10.10", "10.20.10.20", 102, "s7comm"),
            "conduit 'set points' is the other way round",
        ),
        (
            tcp("10.20.90.7", "10.20.10.10", 443, "tls"),
            "conduit 'old' expired on 2026-06-30 00:00:00 UTC",
        ),
        (
            tcp("10.20.10.20", "198.51.100.1", 443, "tls"),
            "no conduit leads from hmi1 (control) to 198.51.100.1 (internet)",
        ),
    ];
    for (one, reason) in cases {
        assert_eq!(why(one), pair("", reason));
    }
    let early = Time::parse("2025-12-31T00:00:00Z").unwrap();
    let one = Conversation {
        time: early,
        last: early,
        ..tcp("10.20.90.7", "10.20.10.10", 443, "tls")
    };
    assert_eq!(
        why(one),
        pair(
            "",
            "conduit 'old' is not valid before 2026-01-01 00:00:00 UTC"
        )
    );
}

#[test]
fn a_conduit_must_be_in_force_from_the_first_packet_to_the_last() {
    let at = |time: &str| Time::parse(time).unwrap();
    let (inside, edge, past) = (
        at("2026-06-29T23:00:00Z"),
        at("2026-06-30T00:00:00Z"),
        at("2026-06-30T00:00:01Z"),
    );
    let one = |last| Conversation {
        time: inside,
        last,
        ..tcp("10.20.90.7", "10.20.10.10", 443, "tls")
    };
    assert_eq!(why(one(edge)).0, "old");
    assert_eq!(why(one(past)).0, "", "expired and still flowing");
}

#[test]
fn during_work_order_needs_an_order_that_names_both_ends_at_that_time() {
    let one = tcp("10.20.90.50", "10.20.10.10", 102, "s7comm");
    assert_eq!(why(one.clone()), pair("service", ""));
    let (conduit, reason) = why(Conversation {
        last: time(301),
        ..one.clone()
    });
    assert_eq!(
        (
            conduit.as_str(),
            reason.contains("holds only during a work order")
        ),
        ("", true),
        "{reason}"
    );
    assert_eq!(
        why(Conversation {
            time: time(300),
            last: time(300),
            ..one
        })
        .0,
        "service",
        "the limit belongs to it"
    );
}

#[test]
fn a_time_without_an_order_between_two_is_not_explained_by_either() {
    let second = "[[work_order]]\nid = \"WO-2\"\nsources = [\"eng1\"]\ntargets = [\"plc1\"]\noperations = [\"stop\"]\nfrom = 2026-11-21T09:00:00Z\nuntil = 2026-11-21T10:00:00Z\n";
    let judged = |packets: u64, operations: Vec<Operation>| {
        let one = Conversation {
            last: time(3_700),
            packets_out: packets,
            packets_in: 0,
            uid: facts::Uid(7),
            community_id: Some("1:a".into()),
            ..tcp("10.20.90.50", "10.20.10.10", 102, "s7comm")
        };
        let facts = Facts {
            conversations: vec![one],
            operations,
            ..Facts::default()
        };
        let folded = folded(facts, &site(&format!("{CONDUITS}\n{second}")));
        let one = &folded.conversations[0];
        (
            one.without_order.map_or("", |word| word.as_str()),
            pair(
                one.conduit.as_deref().unwrap_or_default(),
                one.reason.as_deref().unwrap_or_default(),
            ),
        )
    };
    let read = |at: i64| Operation {
        time: time(at),
        last: time(at),
        community_id: Some("1:a".to_owned()),
        ..operation("10.20.90.50", "10.20.10.10", Verb::Read)
    };
    let only = "conduit 'service' holds only during a work order, and";
    let unknown = format!(
        "{only} whether anything passed when the one of 2026-11-21 08:05:00 UTC was over and the next had not begun is not known"
    );
    assert_eq!(judged(90, Vec::new()), ("unclear", pair("", &unknown)));
    assert_eq!(
        judged(2, Vec::new()),
        ("", pair("service", "")),
        "each has its order"
    );
    let both = vec![read(60), read(3_650)];
    let still = ("unclear", pair("", &unknown));
    assert_eq!(judged(90, both), still, "these had theirs");
    let known = format!("{only} none named both ends when some of it was done");
    let passed = ("passed", pair("", &known));
    assert_eq!(judged(90, vec![read(60), read(600)]), passed);
}

#[test]
fn what_only_a_work_order_explains_is_explained_while_it_lasts() {
    let later = "[[work_order]]\nid = \"WO-2\"\nsources = [\"eng1\"]\ntargets = [\"plc1\"]\noperations = [\"stop\"]\nfrom = 2026-11-21T09:00:00Z\nuntil = 2026-11-21T10:00:00Z\n";
    let deed = |verb: Verb, at: i64| Operation {
        time: time(at),
        last: time(at),
        community_id: Some("1:a".to_owned()),
        ..operation("10.20.90.50", "10.20.10.10", verb)
    };
    // Enip, which no conduit allows between the two.
    let judged = |first: i64, last: i64, packets: u64, deeds: Vec<Operation>| {
        let one = Conversation {
            time: time(first),
            last: time(last),
            packets_out: packets,
            packets_in: 0,
            community_id: Some("1:a".into()),
            ..tcp("10.20.90.50", "10.20.10.10", 44_818, "enip")
        };
        let operations = deeds.into_iter().map(|deed| Operation {
            protocol: "enip".to_owned(),
            ..deed
        });
        let facts = Facts {
            conversations: vec![one],
            operations: operations.collect(),
            ..Facts::default()
        };
        let folded = folded(facts, &site(&format!("{CONDUITS}\n{later}")));
        let one = &folded.conversations[0];
        let word = one.without_order.map(|word| word.as_str());
        (word, one.reason.clone().unwrap_or_default().to_string())
    };
    let stop = || deed(Verb::Stop, 60);
    assert_eq!(
        judged(0, 300, 90, vec![stop()]).0,
        None,
        "to its last moment"
    );
    let (word, reason) = judged(0, 400, 90, vec![stop()]);
    assert_eq!(word, Some("passed"), "its last packet had none");
    let nearest = "conduit 'old' allows tcp/443, not enip";
    let why = "and work order WO-1 covers what was done, but not all the time that packets passed";
    assert_eq!(reason, format!("{nearest}, {why}"));
    let (word, reason) = judged(0, 3_700, 90, vec![stop()]);
    assert_eq!(word, Some("unclear"), "its last packet had the other");
    assert!(reason.ends_with("is not known"), "{reason}");
    assert_eq!(judged(0, 3_700, 2, vec![stop()]).0, None, "each its own");
    let read = deed(Verb::Read, 600);
    assert_eq!(
        judged(0, 3_700, 90, vec![stop(), read]).0,
        Some("passed"),
        "something was done between the two"
    );
    assert_eq!(
        judged(500, 600, 90, vec![stop()]).0,
        Some("passed"),
        "another connection with the same ports, after the order"
    );
    assert_eq!(
        judged(0, 400, 90, vec![deed(Verb::Read, 60)]).0,
        None,
        "no order allowed anything: nothing explains it anyway"
    );
}

#[test]
fn a_negotiated_channel_goes_with_the_one_that_negotiated_it() {
    let data = Conversation {
        parent: Some("ftp".into()),
        ..tcp("10.20.90.50", "10.20.10.10", 40_001, "ftp-data")
    };
    assert_eq!(why(data), pair("service", ""));
}

#[test]
fn who_spoke_first_in_the_middle_may_be_the_one_who_answers() {
    let turned = Conversation {
        client_port: Some(102),
        server_port: Some(50_000),
        direction: "first".into(),
        midstream: true,
        ..tcp("10.20.10.10", "10.20.10.20", 50_000, "s7comm")
    };
    assert_eq!(why(turned.clone()), pair("set points", "answers"));
    // With its handshake seen there is no doubt.
    let sure = Conversation {
        direction: "handshake".into(),
        ..turned
    };
    assert_eq!(why(sure).0, "");
}

#[test]
fn housekeeping_needs_no_conduit() {
    let plain = |transport: &str, protocol: &str, variant: &str| Conversation {
        transport: transport.into(),
        variant: Some(variant)
            .filter(|variant| !variant.is_empty())
            .map(Into::into),
        client_port: None,
        server_port: None,
        ..tcp("10.20.10.20", "10.20.10.10", 0, protocol)
    };
    for (transport, protocol, variant, keeps_house) in [
        ("ethertype/0x0806", "arp", "", true),
        ("ip/2", "igmp", "", true),
        ("icmp6", "icmp6", "neighbour-discovery", true),
        ("icmp", "icmp", "error", true),
        ("icmp", "icmp", "echo", false),
        ("icmp", "icmp", "redirect", false),
        ("ethertype/0x8892", "profinet-dcp", "", false),
    ] {
        let (_, reason) = why(plain(transport, protocol, variant));
        assert_eq!(
            reason == "housekeeping",
            keeps_house,
            "{protocol} {variant}: {reason}"
        );
    }
}

#[test]
fn dhcp_is_housekeeping_with_a_declared_server_only() {
    let dhcp = |client: &str, from: u16, server: &str, to: u16| Conversation {
        transport: "udp".into(),
        client_port: Some(from),
        server_port: Some(to),
        ..tcp(client, server, to, "dhcp")
    };
    assert_eq!(
        why(dhcp("0.0.0.0", 68, "255.255.255.255", 67)).1,
        "housekeeping",
        "a call for a server"
    );
    assert_eq!(
        why(dhcp("10.20.10.20", 68, "10.20.10.1", 67)).1,
        "housekeeping",
        "the firewall is declared"
    );
    assert_eq!(
        why(dhcp("10.20.10.1", 67, "255.255.255.255", 68)).1,
        "housekeeping"
    );
    assert_ne!(
        why(dhcp("10.20.10.66", 67, "255.255.255.255", 68)).1,
        "housekeeping",
        "who is this?"
    );
    assert_ne!(
        why(dhcp("10.20.10.10", 67, "10.20.10.20", 68)).1,
        "housekeeping",
        "a controller hands out no addresses"
    );
}

#[test]
fn a_group_is_in_the_zone_of_who_speaks_to_it() {
    let one = judged(Conversation {
        transport: "udp".into(),
        ..tcp("10.20.10.20", "224.0.0.251", 5353, "mdns")
    });
    assert_eq!(
        (one.server_zone.as_deref(), one.crosses),
        (Some("control"), false)
    );
    assert_eq!(one.server_asset.as_deref(), Some("224.0.0.251"));
}

#[test]
fn a_third_party_is_known_by_the_name_that_was_looked_up() {
    let name = |client: &str, name: &str, answers: &[&str]| facts::kinds::Name {
        client: at(client),
        server: at("10.20.90.53"),
        name: name.to_owned(),
        via: "dns".to_owned(),
        answers: answers.iter().map(|one| (*one).to_owned()).collect(),
        ..facts::kinds::Name::default()
    };
    let facts = Facts {
        names: vec![
            name("10.20.90.50", "portal.vendor.example", &["198.51.100.20"]),
            name("10.20.90.50", "notvendor.example", &["198.51.100.21"]),
            name(
                "10.20.90.50",
                "cdn.example",
                &["gateway.logink.cn", "198.51.100.22"],
            ),
        ],
        conversations: vec![
            tcp("10.20.90.50", "198.51.100.20", 443, "tls"),
            tcp("10.20.90.50", "198.51.100.21", 443, "tls"),
            tcp("10.20.10.20", "198.51.100.20", 443, "tls"),
        ],
        ..Facts::default()
    };
    let facts = folded(facts, &site(CONDUITS));
    let told = |index: usize| {
        (
            facts.conversations[index].server_party.as_deref(),
            facts.conversations[index].conduit.as_deref(),
        )
    };
    assert_eq!(told(0), (Some("vendor"), Some("vendor portal")));
    assert_eq!(told(1), (None, None));
    assert_eq!(told(2), (None, None), "another client did not look it up");
    assert_eq!(
        (
            facts.names[0].party.as_deref(),
            facts.names[0].client_asset.as_deref()
        ),
        (Some("vendor"), Some("eng1"))
    );
    assert_eq!(facts.names[1].party, None);
    assert_eq!(
        facts.names[2].platform.as_deref(),
        Some("LOGINK"),
        "by its alias"
    );
}

#[test]
fn who_comes_in_is_a_third_party_by_an_address_that_a_resolver_gave() {
    let inward = "[[conduit]]\nname = \"support\"\nfrom = [\"party:vendor\"]\nto = [\"eng1\", \"plc1\"]\nservices = [\"ssh\", \"s7comm\", \"http\"]\nbecause = \"contract\"\n";
    let outward = inward
        .replace(
            "from = [\"party:vendor\"]\nto = [\"eng1\", \"plc1\"]",
            "from = [\"eng1\"]\nto = [\"party:vendor\"]",
        )
        .replace("support", "updates");
    let looked_up = |via: &str| Name {
        via: via.to_owned(),
        answers: vec!["198.51.100.20".to_owned()],
        name: "vpn.vendor.example".to_owned(),
        client: at("10.20.90.50"),
        ..Name::default()
    };
    let told = |via: &str| {
        let read = Operation {
            community_id: None,
            ..operation("198.51.100.20", "10.20.10.10", Verb::Read)
        };
        let update = facts::kinds::File {
            protocol: "http".to_owned(),
            direction: "download".to_owned(),
            source: at("198.51.100.20"),
            target: at("10.20.90.50"),
            time: time(0),
            last: time(0),
            ..facts::kinds::File::default()
        };
        let facts = Facts {
            names: vec![looked_up(via)],
            conversations: vec![tcp("198.51.100.20", "10.20.90.50", 22, "ssh")],
            operations: vec![read],
            carried_files: vec![update],
            ..Facts::default()
        };
        let site = site(&format!("{inward}{outward}"));
        let mut facts = folded(facts, &site);
        let one = facts.conversations.remove(0);
        (
            one.client_party.map(|party| party.to_string()),
            one.conduit.map(|name| name.to_string()),
            facts.operations.remove(0).conduit,
            facts.carried_files.remove(0).conduit,
        )
    };
    let some = |text: &str| Some(text.to_owned());
    let by_name = (
        some("vendor"),
        some("support"),
        some("support"),
        some("updates"),
    );
    assert_eq!(told("dns"), by_name);
    // Anyone on the link may answer that; who asked by it still knows whom it asks.
    assert_eq!(told("mdns"), (None, None, None, some("updates")));
}

#[test]
fn layer_2_crosses_nothing_unless_both_ends_are_known_to_be_elsewhere() {
    let frame = |client: &str, server: &str, vlan: Option<u16>| Conversation {
        transport: "ethertype/0x8892".into(),
        vlan,
        vlans: vlan.into_iter().collect(),
        community_id: None,
        ..tcp(client, server, 0, "profinet")
    };
    let untagged = judged(frame(PLC, "00:00:5d:00:00:01", None));
    assert_eq!(
        (
            untagged.client_asset.as_deref(),
            untagged.server_zone.as_deref()
        ),
        (Some("plc1"), Some("control"))
    );
    assert!(!untagged.crosses);
    let turned = judged(frame("00:00:5d:00:00:01", PLC, None));
    assert_eq!(
        (turned.client_zone.as_deref(), turned.crosses),
        (Some("control"), false)
    );
    assert_eq!(
        judged(frame("00:00:5d:00:00:01", "01:0e:cf:00:00:00", Some(30)))
            .server_zone
            .as_deref(),
        Some("cameras")
    );
}

#[test]
fn what_a_proxy_leads_to_by_name_is_not_covered_by_leave_to_speak_to_the_proxy() {
    let more = r#"
[[asset]]
name = "jump1"
role = "jump-host"
interface = [{ ip = "10.20.90.8", vlan = 90 }]

[[asset]]
name = "hmi2"
role = "hmi"
hostnames = ["HMI2.Crane.lan."]
interface = [{ ip = "10.20.10.22", vlan = 10 }]

[[asset]]
name = "leased"
role = "hmi"
interface = [{ mac = "00:1b:1b:00:00:77", vlan = 10 }]

[[conduit]]
name = "to the jump host"
from = ["eng1"]
to = ["jump1"]
services = ["any"]
because = "maintenance"

[[conduit]]
name = "to the panel"
from = ["eng1"]
to = ["hmi2"]
services = ["vnc"]
because = "maintenance"
"#;
    let led = |number: u64, protocol: &str, asked_for: Option<&str>| Conversation {
        carried_by: asked_for.map(|_| "socks".into()),
        asked_for: asked_for.map(Into::into),
        community_id: Some(format!("1:{number}").into()),
        ..tcp("10.20.90.50", "10.20.90.8", 22, protocol)
    };
    let web = Conversation {
        parent: Some("socks".into()),
        ..led(5, "tls", Some("portal.example"))
    };
    let conversations = vec![
        led(0, "ssh", None),
        led(1, "ssh", Some("PLC1")),
        led(2, "ssh", Some("db.elsewhere")),
        led(3, "vnc", Some("hmi2.crane.lan")),
        led(4, "vnc", Some("hmi2.crane.lan.example")),
        web,
        led(6, "ssh", Some("leased")),
    ];
    let sessions = conversations.iter().map(|one| facts::kinds::RemoteSession {
        time: one.time,
        last: one.last,
        protocol: "ssh".to_owned(),
        client: one.client,
        server: one.server,
        community_id: one.community_id.as_deref().map(str::to_owned),
        ..facts::kinds::RemoteSession::default()
    });
    let facts = Facts {
        remote_sessions: sessions.collect(),
        operations: vec![Operation {
            source: conversations[1].client,
            target: conversations[1].server,
            protocol: "ssh".to_owned(),
            community_id: conversations[1].community_id.as_deref().map(str::to_owned),
            ..Operation::default()
        }],
        credentials: vec![facts::kinds::Credential {
            client: conversations[1].client,
            server: conversations[1].server,
            asked_for: Some("plc1".to_owned()),
            ..facts::kinds::Credential::default()
        }],
        carried_files: vec![facts::kinds::File {
            source: conversations[1].client,
            target: conversations[1].server,
            direction: "upload".to_owned(),
            asked_for: Some("plc1".to_owned()),
            ..facts::kinds::File::default()
        }],
        conversations,
        ..Facts::default()
    };
    let facts = folded(facts, &site(&format!("{CONDUITS}{more}")));
    assert_eq!(facts.credentials[0].server_asset.as_deref(), Some("plc1"));
    let file = &facts.carried_files[0];
    let ends = [&file.source_asset, &file.target_asset].map(|one| one.as_deref());
    assert_eq!((ends, file.enters), ([Some("eng1"), Some("plc1")], true));
    let told: Vec<_> = facts
        .conversations
        .iter()
        .map(|one| {
            let conduit = one.conduit.as_deref();
            (
                one.server_asset.as_deref().unwrap_or_default(),
                one.server_zone.as_deref().unwrap_or_default(),
                conduit.or(one.reason.as_deref()).unwrap_or_default(),
            )
        })
        .collect();
    let nowhere =
        |place: &str| format!("no conduit leads from eng1 (port) to {place} (in no zone)");
    assert_eq!(
        told,
        [
            ("jump1", "port", "to the jump host"),
            ("plc1", "control", "conduit 'old' allows tcp/443, not ssh"),
            ("db.elsewhere", "", nowhere("db.elsewhere").as_str()),
            ("hmi2", "control", "to the panel"),
            (
                "hmi2.crane.lan.example",
                "",
                nowhere("hmi2.crane.lan.example").as_str()
            ),
            ("jump1", "port", "to the jump host"),
            // Declared by its MAC address alone.
            ("leased", "control", "conduit 'old' allows tcp/443, not ssh"),
        ]
    );
    let sessions: Vec<_> = facts
        .remote_sessions
        .iter()
        .map(|one| (one.server_asset.as_deref(), one.conduit.is_some()))
        .collect();
    assert_eq!(sessions[0], (Some("jump1"), true));
    assert_eq!(sessions[1], (Some("plc1"), false));
    assert_eq!(sessions[2], (Some("db.elsewhere"), false));
    assert_eq!(facts.operations[0].target_asset.as_deref(), Some("plc1"));
    assert_eq!(facts.operations[0].conduit, None);
}

#[test]
fn bytes_that_one_conversation_carries_for_another_count_once_for_the_name() {
    let outer = tcp("10.20.10.20", "10.20.90.8", 1080, "socks");
    let inner = Conversation {
        carried_by: Some("socks".into()),
        protocol: Some("tls".into()),
        ..outer.clone()
    };
    let name = Name {
        via: "tls-sni".to_owned(),
        name: "plc.lan".to_owned(),
        client: outer.client,
        server: outer.server,
        community_id: outer.community_id.as_deref().map(str::to_owned),
        ..Name::default()
    };
    let facts = Facts {
        captures: vec!["span-1.pcap".to_owned()],
        names: vec![name],
        conversations: vec![outer, inner],
        ..Facts::default()
    };
    assert_eq!(folded(facts, &site("")).names[0].bytes_out, Some(1000));
}

#[test]
fn what_two_sensors_show_that_never_watched_together_has_no_time_to_hold_against_a_work_order() {
    let bounds = r#"
[[work_order]]
id = "WO-7"
sources = ["10.20.30.7"]
targets = ["plc1"]
operations = ["stop"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T09:00:00Z

[[conduit]]
name = "By order"
from = ["10.20.30.7"]
to = ["plc1"]
services = ["s7comm"]
because = "test"
during = "work-order"

[[sensor]]
name = "early"
sees = ["control"]
captures = ["early.pcap"]

[[sensor]]
name = "late"
sees = ["control"]
captures = ["late.pcap"]

[[sensor]]
name = "whole"
sees = ["control"]
captures = ["whole.pcap"]
"#;
    let told = |more: &[(&str, i64, i64)]| {
        let spans = [&[("early", 0, 600), ("late", 18_000, 18_600)], more].concat();
        let files = spans
            .iter()
            .zip(0..)
            .map(|((sensor, first, last), at)| Capture {
                time: Some(time(*first)),
                last: Some(time(*last)),
                evidence: Evidence::whole(at),
                ..capture(&format!("{sensor}.pcap"))
            });
        let facts = Facts {
            files: files.collect(),
            captures: spans
                .iter()
                .map(|(sensor, ..)| format!("{sensor}.pcap"))
                .collect(),
            conversations: vec![Conversation {
                time: time(60),
                last: time(18_060),
                ..tcp("10.20.30.7", "10.20.10.10", 102, "s7comm")
            }],
            ..Facts::default()
        };
        let one = folded(facts, &site(bounds)).conversations.remove(0);
        let word = one.without_order.map(|word| word.as_str().to_owned());
        (word, one.reason.unwrap_or_default().to_string())
    };
    let (word, reason) = told(&[]);
    assert_eq!(word.as_deref(), Some("unclear"));
    let why =
        "early and late, which show its beginning and its end, never watched at the same time";
    assert!(reason.contains(why), "{reason}");
    // Who watched all the time between bears the clocks out.
    let (word, _) = told(&[("whole", 300, 18_300)]);
    assert_eq!(word.as_deref(), Some("passed"));
}
