use facts::kinds::File;

use super::*;

const RULES: &str = r#"
[[asset]]
name = "gate1"
role = "transfer-gate"
interface = [{ ip = "10.20.90.20", vlan = 90 }]

[[conduit]]
name = "panels fetch from the file server"
from = ["hmi1"]
to = ["10.20.90.60/32"]
services = ["tcp/21"]
because = "SOP-3"

[[work_order]]
id = "WO-8"
sources = ["eng1"]
targets = ["plc1"]
operations = ["file"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z
"#;

fn judged(one: File) -> File {
    let mut data = tcp("10.20.10.20", "10.20.90.60", 50_010, "ftp-data");
    (data.parent, data.community_id) = (Some("ftp".into()), Some("1:data".into()));
    let facts = Facts {
        carried_files: vec![one],
        conversations: vec![tcp("10.20.10.20", "10.20.90.60", 21, "ftp"), data],
        ..Facts::default()
    };
    folded(facts, &site(RULES)).carried_files.remove(0)
}

fn file(source: &str, target: &str, direction: &str) -> File {
    File {
        time: time(0),
        last: time(60),
        source: at(source),
        target: at(target),
        protocol: "ftp".to_owned(),
        direction: direction.to_owned(),
        community_id: Some("1:data".to_owned()),
        ..File::default()
    }
}

#[test]
fn a_file_enters_when_its_receiver_is_of_the_crane_and_its_sender_is_not() {
    let enters = |source, target| judged(file(source, target, "upload")).enters;
    assert!(enters("10.20.90.50", "10.20.10.10"));
    assert!(enters("203.0.113.9", "10.20.30.5"));
    assert!(!enters("10.20.10.10", "10.20.90.50"), "it leaves");
    assert!(!enters("10.20.10.20", "10.20.30.5"), "it stays");
    assert!(!enters("10.20.90.50", "10.20.90.60"), "elsewhere");
}

#[test]
fn the_gate_a_work_order_and_a_conduit_let_files_in() {
    let gate = judged(file("10.20.90.20", "10.20.10.10", "upload"));
    assert_eq!((gate.gate.as_deref(), gate.reason), (Some("gate1"), None));
    for direction in ["upload", "download"] {
        let ordered = judged(file("10.20.90.50", "10.20.10.10", direction));
        assert_eq!(ordered.work_order.as_deref(), Some("WO-8"), "{direction}");
    }
    let late = judged(File {
        last: time(9000),
        ..file("10.20.90.50", "10.20.10.10", "upload")
    });
    assert_eq!(late.work_order, None);
    assert!(late.reason.unwrap().starts_with("WO-8"));
    // The service names the port of the connection that announced the data channel.
    let fetched = judged(file("10.20.90.60", "10.20.10.20", "download"));
    let by = Some("panels fetch from the file server");
    assert_eq!((fetched.conduit.as_deref(), fetched.reason), (by, None));
    let put = judged(file("10.20.90.60", "10.20.10.20", "upload"));
    assert_eq!(put.conduit, None, "the other way round nobody may ask");
}
