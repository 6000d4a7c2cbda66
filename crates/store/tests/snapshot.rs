//! Snapshots answer questions, only read, and tell flows by one story each.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use facts::kinds::{Conversation, Operation, Verb};
use facts::{Address, Evidence, Facts, Time, Value};
use store::{Error, Records, Snapshot};

fn ip(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

fn at(second: i64) -> Time {
    Time::from_secs(1_795_273_200 + second)
}

fn conversation(client: &str, server: &str, port: u16, zones: [&str; 2]) -> Conversation {
    let [client_zone, server_zone] = zones.map(|zone| Some(zone.into()));
    Conversation {
        time: at(0),
        last: at(1),
        transport: "tcp".into(),
        client: ip(client),
        server: ip(server),
        server_port: Some(port),
        state: "answered".into(),
        bytes_out: 10,
        bytes_in: 20,
        crosses: client_zone != server_zone,
        client_asset: Some(client.into()),
        server_asset: Some(server.into()),
        client_zone,
        server_zone,
        evidence: Evidence::one(0, 7),
        ..Conversation::default()
    }
}

fn site() -> facts::site::Site {
    let zone = |name: &str, kind| facts::site::Zone {
        name: name.into(),
        kind,
        crane: None,
        vlans: vec![10],
        subnets: vec!["10.0.10.0/24".parse().unwrap()],
        for_untrusted_suppliers: false,
        place: facts::site::Place {
            file: "site.toml".into(),
            line: 3,
        },
    };
    facts::site::Site {
        name: "Harborview".into(),
        time_zone: "America/New_York".into(),
        zones: vec![
            zone("control", facts::site::ZoneKind::CraneControl),
            zone("office", facts::site::ZoneKind::Business),
        ],
        ..facts::site::Site::default()
    }
}

fn snapshot(facts: &Facts) -> Snapshot {
    Snapshot::new(facts, &site(), at(100)).unwrap()
}

fn one(snapshot: &Snapshot, sql: &str) -> Value {
    snapshot.query(sql).unwrap().rows[0][0].clone()
}

#[test]
fn facts_and_site_stand_in_tables_with_their_evidence() {
    let facts = Facts {
        captures: vec!["span.pcap".into()],
        conversations: vec![conversation(
            "10.0.90.1",
            "10.0.10.1",
            102,
            ["office", "control"],
        )],
        ..Facts::default()
    };
    let snapshot = snapshot(&facts);
    let row = snapshot
        .query("SELECT id, client, vlans, crosses, capture, frames FROM conversation")
        .unwrap()
        .rows;
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        row,
        [[
            Value::Int(1),
            text("10.0.90.1"),
            text("[]"),
            Value::Int(1),
            text("span.pcap"),
            text("[7]")
        ]]
    );
    assert_eq!(
        one(
            &snapshot,
            "SELECT is_crane FROM site_zone WHERE name = 'control'"
        ),
        Value::Int(1)
    );
    assert_eq!(
        one(&snapshot, "SELECT local_time(as_of) FROM terminal"),
        text("2026-11-21 10:01:40 EST")
    );
    assert_eq!(
        one(
            &snapshot,
            "SELECT in_net('10.0.10.7', value) FROM site_zone, json_each(subnets)"
        ),
        Value::Int(1)
    );
    // Every table and column that the reference names is there.
    for table in store::tables()
        .into_iter()
        .filter(|table| !table.columns.is_empty())
    {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, _, _)| format!("\"{name}\""))
            .collect();
        snapshot
            .query(&format!(
                "SELECT {} FROM {} LIMIT 1",
                columns.join(", "),
                table.name
            ))
            .unwrap();
    }
}

#[test]
fn queries_only_read_and_never_run_for_ever() {
    let snapshot = snapshot(&Facts::default());
    let says = |sql: &str| snapshot.query(sql).unwrap_err().to_string();
    for sql in [
        "DELETE FROM conversation",
        "CREATE TABLE x(a)",
        "ATTACH 'x.db' AS x",
        "PRAGMA query_only = OFF",
        "INSERT INTO terminal(name) VALUES ('x') RETURNING name",
    ] {
        assert!(snapshot.query(sql).is_err(), "{sql} ran");
    }
    assert!(matches!(
        snapshot.query("SELECT 1; SELECT 2"),
        Err(Error::SeveralStatements)
    ));
    assert!(matches!(snapshot.query("-- nothing"), Err(Error::Empty)));
    assert!(says("SELECT random()").contains("the same facts must give the same answer"));
    assert!(says("SELECT datetime('now')").contains("the same facts must give the same answer"));
    assert!(says("SELECT * FROM conversatoin").contains("`seawall sql --tables` lists"));
    snapshot.set_work_limit(1);
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
    assert!(matches!(
        snapshot.query(endless),
        Err(Error::TooMuchWork { .. })
    ));
    assert_eq!(
        one(&snapshot, "SELECT 1"),
        Value::Int(1),
        "the next query has its own allowance"
    );
}

#[test]
fn a_parameter_is_a_value_and_never_a_piece_of_the_query() {
    let snapshot = snapshot(&Facts::default());
    let hostile = Value::Text("x' OR 1=1 --".into());
    let rows = snapshot.query_with(
        "SELECT :name = 'x' OR :other IS NOT NULL",
        &[("name", hostile), ("unused", Value::Int(1))],
    );
    assert_eq!(rows.unwrap().rows, [[Value::Int(0)]]);
}

#[test]
fn repeated_conversations_are_one_flow_and_tell_one_story() {
    let crossing = || conversation("10.0.90.1", "10.0.10.1", 102, ["office", "control"]);
    let later = Conversation {
        time: at(50),
        last: at(60),
        ..crossing()
    };
    let explained = Conversation {
        conduit: Some("HMI".into()),
        ..conversation("10.0.10.2", "10.0.10.1", 102, ["control"; 2])
    };
    let refused = Conversation {
        state: "refused".into(),
        ..conversation("10.0.90.2", "10.0.10.1", 22, ["office", "control"])
    };
    let carried = Conversation {
        community_id: Some("1:x".into()),
        ..conversation("10.0.90.3", "10.0.10.1", 102, ["office", "control"])
    };
    let stop = Operation {
        operation: Verb::Stop,
        modifies: true,
        community_id: Some("1:x".into()),
        ..Operation::default()
    };
    let facts = Facts {
        captures: vec!["span.pcap".into()],
        conversations: vec![crossing(), explained, later, refused, carried],
        operations: vec![stop],
        ..Facts::default()
    };
    let rows = snapshot(&facts)
        .query("SELECT client, count, story, bytes_out, evidence FROM flow ORDER BY id")
        .unwrap()
        .rows;
    let row = |client: &str, count, story: Option<&str>, bytes, evidence: &str| {
        let story = story.map_or(Value::Null, |story| Value::Text(story.into()));
        vec![
            Value::Text(client.into()),
            Value::Int(count),
            story,
            Value::Int(bytes),
            Value::Text(evidence.into()),
        ]
    };
    assert_eq!(
        rows,
        [
            row(
                "10.0.90.1",
                2,
                Some("segment"),
                20,
                r#"["conversation:1","conversation:3"]"#
            ),
            row("10.0.10.2", 1, None, 10, r#"["conversation:2"]"#),
            row("10.0.90.2", 1, Some("attempt"), 10, r#"["conversation:4"]"#),
            row(
                "10.0.90.3",
                1,
                Some("modification"),
                10,
                r#"["conversation:5"]"#
            ),
        ]
    );
}

#[test]
fn conversations_are_tabled_where_a_query_reads_them_and_shown_all_the_same() {
    let facts = Facts {
        captures: vec!["span.pcap".into()],
        conversations: vec![conversation(
            "10.0.10.1",
            "10.0.10.2",
            502,
            ["control", "control"],
        )],
        ..Facts::default()
    };
    let rows = |snapshot: &Snapshot, sql: &str| snapshot.query(sql).unwrap().rows;
    let count = "SELECT count(*) FROM conversation";
    for (asked, tabled) in [
        (vec!["SELECT * FROM flow", count], 1),
        (
            vec!["SELECT id FROM flow WHERE evidence <> 'conversation'"],
            0,
        ),
    ] {
        let snapshot =
            Snapshot::for_queries(&facts, &site(), Records::NONE, at(100), asked).unwrap();
        assert_eq!(rows(&snapshot, count), [[Value::Int(tabled)]]);
        let cited = "SELECT evidence FROM flow";
        assert_eq!(
            rows(&snapshot, cited),
            [[Value::Text("[\"conversation:1\"]".into())]]
        );
        let shown = snapshot.shown("conversation", 1).unwrap().unwrap();
        assert_eq!(
            (shown.capture.as_str(), shown.frames),
            ("span.pcap", vec![7])
        );
        assert_eq!(shown.time, Some(at(0)));
        assert_eq!(snapshot.shown("conversation", 2).unwrap(), None);
    }
}
