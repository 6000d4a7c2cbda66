use super::*;

const ORDERS: &str = r#"
[[conduit]]
name = "set points"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm:write"]
because = "FAT"

[[conduit]]
name = "by port"
from = ["eng1"]
to = ["plc1"]
services = ["tcp/102"]
because = "FAT"

[[work_order]]
id = "WO-7"
sources = ["eng1"]
targets = ["plc1"]
operations = ["program-download", "write", "remote-session"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z
"#;

fn judged(one: Operation) -> Operation {
    let conversations = vec![tcp("10.20.90.50", "10.20.10.10", 102, "s7comm")];
    let facts = Facts {
        operations: vec![one],
        conversations,
        ..Facts::default()
    };
    folded(facts, &site(ORDERS)).operations.remove(0)
}

fn download() -> Operation {
    operation("10.20.90.50", "10.20.10.10", Verb::ProgramDownload)
}

#[test]
fn a_work_order_covers_source_target_operation_and_time_with_both_limits() {
    let one = judged(download());
    assert_eq!(
        (one.work_order.as_deref(), one.reason, one.modifies),
        (Some("WO-7"), None, true)
    );
    assert_eq!(
        (one.source_asset.as_deref(), one.target_asset.as_deref()),
        (Some("eng1"), Some("plc1"))
    );
    assert_eq!(
        (one.target_zone.as_deref(), one.crane.as_deref()),
        (Some("control"), Some("STS-07"))
    );
    for (seconds, covered) in [(-1, false), (0, true), (7200, true), (7201, false)] {
        let one = judged(Operation {
            time: time(seconds),
            last: time(seconds),
            ..download()
        });
        assert_eq!(one.work_order.is_some(), covered, "{seconds}");
        assert_eq!(one.reason.is_some(), !covered, "{seconds}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let late = judged(Operation {
        time: time(9000),
        last: time(9000),
        ..download()
    });
    assert_eq!(
        late.reason.as_deref(),
        Some("WO-7 names source and target but ended at 2026-11-21 10:00:00 UTC")
    );
    let stop = judged(operation("10.20.90.50", "10.20.10.10", Verb::Stop));
    assert!(
        stop.reason.as_ref().unwrap().contains("not stop"),
        "{:?}",
        stop.reason
    );
    let other = judged(operation("10.20.10.20", "10.20.10.20", Verb::Stop));
    assert_eq!(
        other.reason.as_deref(),
        Some("no work order names source or target, and no conduit allows the operation")
    );
}

#[test]
fn repetitions_must_all_fall_into_the_window() {
    let write = |last| Operation {
        count: 9,
        last: time(last),
        ..operation("10.20.90.50", "10.20.10.10", Verb::Write)
    };
    assert_eq!(judged(write(7200)).work_order.as_deref(), Some("WO-7"));
    let past = judged(write(7300));
    assert_eq!(past.work_order, None);
    assert!(
        past.reason.as_ref().unwrap().contains("ended at"),
        "{:?}",
        past.reason
    );
}

#[test]
fn a_conduit_allows_what_it_names_and_the_data_plane_of_its_port() {
    let hmi = |verb| judged(operation("10.20.10.20", "10.20.10.10", verb)).conduit;
    assert_eq!(hmi(Verb::Write).as_deref(), Some("set points"));
    assert_eq!(hmi(Verb::Read), None);
    let eng = |verb, id: Option<&str>| {
        let community_id = id.map(str::to_owned);
        judged(Operation {
            community_id,
            ..operation("10.20.90.50", "10.20.10.10", verb)
        })
        .conduit
    };
    assert_eq!(
        eng(Verb::Read, Some("1:10.20.90.50>10.20.10.10:102")).as_deref(),
        Some("by port")
    );
    assert_eq!(
        eng(Verb::Read, Some("1:other")),
        None,
        "not known to use that port"
    );
    assert_eq!(
        eng(Verb::Stop, Some("1:10.20.90.50>10.20.10.10:102")),
        None,
        "a port alone allows no stop"
    );
}

#[test]
fn a_remote_session_is_judged_like_its_conversation_and_by_its_work_order() {
    let session = |last| facts::kinds::RemoteSession {
        time: time(0),
        last: time(last),
        protocol: "ssh".to_owned(),
        client: at("10.20.90.50"),
        server: at("10.20.10.10"),
        server_port: Some(102),
        community_id: Some("1:10.20.90.50>10.20.10.10:102".to_owned()),
        ..facts::kinds::RemoteSession::default()
    };
    let conversations = vec![tcp("10.20.90.50", "10.20.10.10", 102, "ssh")];
    let facts = Facts {
        remote_sessions: vec![session(60), session(9000)],
        conversations,
        ..Facts::default()
    };
    let facts = folded(facts, &site(ORDERS));
    let one = &facts.remote_sessions[0];
    assert_eq!(
        (one.conduit.as_deref(), one.work_order.as_deref()),
        (Some("by port"), Some("WO-7"))
    );
    assert_eq!(
        (one.client_asset.as_deref(), one.server_zone.as_deref()),
        (Some("eng1"), Some("control"))
    );
    assert_eq!(facts.remote_sessions[1].work_order, None);
}

#[test]
fn a_command_by_mac_address_is_where_its_device_has_its_addresses() {
    let device = "28:63:36:00:00:09";
    let facts = |ips: &[&str]| Facts {
        addresses: ips.iter().map(|ip| address(device, ip, 0)).collect(),
        operations: vec![operation("8c:ec:4b:00:00:01", device, Verb::Configure)],
        ..Facts::default()
    };
    let zone = |ips: &[&str]| {
        let one = folded(facts(ips), &site(ORDERS)).operations.remove(0);
        one.target_zone
    };
    assert_eq!(zone(&["10.20.10.77"]).as_deref(), Some("control"));
    assert_eq!(zone(&["10.20.10.77", "10.20.90.77"]), None, "one of two");
    assert_eq!(zone(&[]), None);
}

#[test]
fn orders_that_follow_one_another_cover_what_goes_on_and_a_gap_between_them_does_not() {
    let order = |id: &str, from: &str, until: &str| {
        format!(
            "[[work_order]]\nid = \"{id}\"\nsources = [\"eng1\"]\ntargets = [\"plc1\"]\noperations = [\"write\"]\nfrom = 2026-11-21T{from}:00Z\nuntil = 2026-11-21T{until}:00Z\n"
        )
    };
    let orders = |second: &str| order("A", "08:00", "10:00") + &order("B", second, "12:00");
    let covered = |second: &str, count: u64| {
        let one = Operation {
            time: time(60),
            last: time(3 * 3600),
            count,
            ..operation("10.20.90.50", "10.20.10.10", Verb::Write)
        };
        let facts = Facts {
            operations: vec![one],
            ..Facts::default()
        };
        folded(facts, &site(&orders(second)))
            .operations
            .remove(0)
            .work_order
    };
    assert_eq!(covered("10:00", 500).as_deref(), Some("A"));
    assert_eq!(
        covered("10:01", 500),
        None,
        "some may be of the minute between"
    );
    assert_eq!(
        covered("10:01", 2).as_deref(),
        Some("A"),
        "each has its order"
    );
    assert_eq!(covered("11:30", 2), None, "the last has none");
}

#[test]
fn a_work_order_for_a_file_allows_what_carries_it_whoever_asks() {
    let order = r#"
[[work_order]]
id = "WO-7"
sources = ["eng1"]
targets = ["plc1"]
operations = ["file"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z
"#;
    let (eng, plc) = ("10.20.90.50", "10.20.10.10");
    let facts = Facts {
        operations: vec![
            operation(eng, plc, Verb::FileWrite),
            operation(plc, eng, Verb::FileRead),
            operation(eng, plc, Verb::FileDelete),
            operation(plc, eng, Verb::FileWrite),
        ],
        ..Facts::default()
    };
    let folded = folded(facts, &site(order));
    let orders = folded.operations.iter();
    let orders: Vec<_> = orders.map(|one| one.work_order.as_deref()).collect();
    assert_eq!(orders, [Some("WO-7"), Some("WO-7"), None, None]);
}
