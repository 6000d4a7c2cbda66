//! The site file that the contract shows, held against traffic in which each of its keys decides something, and two
//! sensors that look at one place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use lab::net::{Format, Host, Micros, Network, SECOND, Tcp};
use lab::speech::s7comm::{Device, S7};
use lab::speech::{dns, ssh};
use lab::{Stage, Tap};
use serde_json::Value;
use support::{Assessment, folder, seawall, text};

/// The contract's example, with the devices that it names and does not show.
const SITE: &str = r#"
[terminal]
name = "Harborview"
time_zone = "America/New_York"

[[zone]]
name = "sts07-control"
kind = "crane-control"
crane = "STS-07"
vlans = [10]
subnets = ["10.20.10.0/24"]
for_untrusted_suppliers = false

[[zone]]
name = "dmz"
kind = "dmz"
vlans = [90]
subnets = ["10.20.90.0/24"]

[[zone]]
name = "world"
kind = "internet"
subnets = ["0.0.0.0/0", "::/0"]

[[asset]]
name = "plc1"
role = "plc"
crane = "STS-07"
supplier = "Siemens"
hostnames = ["STS07-PLC1"]
interface = [{ mac = "28:63:36:8a:01:10", ip = "10.20.10.10", vlan = 10 }]

[[asset]]
name = "hmi1"
role = "hmi"
interface = [{ ip = "10.20.10.20" }]

[[asset]]
name = "eng1"
role = "engineering-station"
interface = [{ ip = "10.20.90.50" }]

[[asset]]
name = "jump-host"
role = "jump-host"
interface = [{ ip = "10.20.90.5" }]

[[asset]]
name = "camera1"
role = "camera"
interface = [{ mac = "44:19:b6:00:00:01" }]

[[conduit]]
name = "HMI reads and writes set points"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm:read", "s7comm:write"]
because = "FAT 2024-11"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2026-12-31T23:59:59Z

[[conduit]]
name = "Engineering"
from = ["eng1"]
to = ["zone:sts07-control"]
services = ["s7comm"]
because = "C-1"
during = "work-order"

[[conduit]]
name = "Vendor comes in"
from = ["party:vendor-a"]
to = ["jump-host"]
services = ["ssh", "tcp/443", "udp/2222", "ethertype/0x8892"]
because = "C-2025-17"

[[work_order]]
id = "WO-1234"
sources = ["eng1"]
targets = ["plc1"]
operations = ["program-download", "stop", "start"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z

[[party]]
name = "vendor-a"
addresses = ["203.0.113.45/32"]
domains = ["vendor-a.example"]
contract = "C-2025-17"
access = "jump-host"

[[supplier]]
name = "Hikvision"
names = ["Hangzhou Hikvision Digital Technology"]
ouis = ["44:19:b6"]
trust = "untrusted"
lists = ["FY2019 NDAA 889"]

[[platform]]
name = "Rival"
domains = ["rival.example"]

[[sensor]]
name = "crane-span"
sees = ["sts07-control", "dmz"]
captures = ["span*.pcap*"]
"#;

const fn host(name: &'static str, mac: [u8; 6], ip: [u8; 4], vlan: u16) -> Host {
    let [a, b, c, d] = ip;
    Host {
        name,
        mac,
        ip: Ipv4Addr::new(a, b, c, d),
        vlan,
        ttl: 64,
    }
}

const FIREWALL: [u8; 6] = [0, 0x80, 0x63, 0, 0, 1];
const PLC1: Host = host(
    "plc1",
    [0x28, 0x63, 0x36, 0x8a, 1, 0x10],
    [10, 20, 10, 10],
    10,
);
const HMI1: Host = host(
    "hmi1",
    [0x28, 0x63, 0x36, 0x8a, 1, 0x20],
    [10, 20, 10, 20],
    10,
);
const CAMERA1: Host = host("camera1", [0x44, 0x19, 0xb6, 0, 0, 1], [10, 20, 10, 30], 10);
const STRANGER: Host = host(
    "10.20.10.99",
    [0x8c, 0xec, 0x4b, 0, 0, 0x99],
    [10, 20, 10, 99],
    10,
);
const ENG1: Host = host("eng1", [0x8c, 0xec, 0x4b, 0, 0, 0x50], [10, 20, 90, 50], 90);
const JUMP: Host = host(
    "jump-host",
    [0x8c, 0xec, 0x4b, 0, 0, 5],
    [10, 20, 90, 5],
    90,
);
const VENDOR: Host = host("vendor-a", FIREWALL, [203, 0, 113, 45], 0);
const RESOLVER: Host = host("resolver", FIREWALL, [203, 0, 113, 53], 0);

/// 2026-11-21T00:00:00Z, the day of the contract's work order.
const MIDNIGHT: Micros = 1_795_219_200_000_000;

const fn at(hour: i64, second: i64) -> Micros {
    MIDNIGHT + (hour * 3600 + second) * SECOND
}

fn s7(
    net: &mut Network,
    when: Micros,
    from: Host,
    device: Device,
    speak: impl FnOnce(&mut S7, &mut Network),
) {
    let mut s7 = S7::connect(net, when, from, PLC1, device, 2);
    speak(&mut s7, net);
    s7.close(net);
}

fn worked(net: &mut Network, when: Micros, from: Host, to: Host) {
    let mut tcp = Tcp::open(net, when, from, to, 22);
    ssh::session(
        net,
        &mut tcp,
        "SSH-2.0-PuTTY_0.78",
        "SSH-2.0-OpenSSH_9.2",
        8,
    );
    tcp.close(net);
}

const BOTH: &[u16] = &[10, 90];

fn written(name: &str, taps: &[Tap], site: &str, play: impl FnOnce(&mut Network)) -> PathBuf {
    let mut stage = Stage::new(FIREWALL, 7);
    play(&mut stage.net);
    let site_folder = folder(name);
    stage
        .finish("contract", SITE, taps)
        .write(&site_folder)
        .unwrap();
    std::fs::write(site_folder.join("site.toml"), site).unwrap();
    site_folder
}

const ONE: &[Tap] = &[Tap {
    file: "span1.pcap",
    format: Format::Pcap,
    vlans: BOTH,
}];

fn assessed(site: &Path, more: &[&str]) -> Assessment {
    let words = [
        "assess",
        site.to_str().unwrap(),
        "--as-of",
        "2027-01-02T00:00:00Z",
        "--format",
        "json",
    ];
    let run = seawall(words.iter().chain(more));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    Assessment(serde_json::from_str(&run.out).unwrap())
}

/// Each finding as measure and assets, with its reason.
fn findings(assessment: &Assessment) -> Vec<(String, String)> {
    let all = assessment.findings().into_iter();
    all.map(|one| {
        let assets: Vec<String> = one.assets.into_iter().collect();
        (format!("{} {}", one.measure, assets.join(" ")), one.reason)
    })
    .collect()
}

fn everything(net: &mut Network) {
    s7(net, at(8, 60), HMI1, Device::Operator, |s7, net| {
        s7.read(net, 5, 0, &[1, 2]);
        s7.write(net, 5, 0, &[3, 4]);
    });
    s7(net, at(9, 0), ENG1, Device::Programmer, |s7, net| {
        s7.download(net, "DB11", &[7; 300]);
    });
    s7(net, at(9, 60), ENG1, Device::Programmer, |s7, net| {
        s7.set_clock(net);
    });
    s7(net, at(10, 1), ENG1, Device::Programmer, S7::stop);
    s7(net, at(11, 0), STRANGER, Device::Programmer, |s7, net| {
        s7.read(net, 5, 0, &[1, 2]);
    });
    worked(net, at(12, 0), VENDOR, JUMP);
    worked(net, at(12, 60), VENDOR, PLC1);
    dns::lookup(net, at(13, 0), ENG1, RESOLVER, "www.logink.cn", &[]);
    dns::lookup(net, at(13, 1), ENG1, RESOLVER, "edi.rival.example", &[]);
    dns::lookup(net, at(13, 2), ENG1, RESOLVER, "mylogink.cn", &[]);
    net.udp(at(14, 0), CAMERA1, 4000, PLC1, 4001, b"picture");
    // The conduit of the panel has run out by then.
    s7(net, at(42 * 24, 0), HMI1, Device::Operator, |s7, net| {
        s7.write(net, 5, 0, &[3, 4]);
    });
}

#[test]
fn each_key_of_the_contract_s_site_decides() {
    let site = written("decides", ONE, SITE, everything);
    let assessment = assessed(&site, &[]);
    let found = findings(&assessment);
    let one = |who: &str, what: &str| {
        let fits = found
            .iter()
            .filter(|(key, reason)| key == who && reason.contains(what));
        assert_eq!(fits.count(), 1, "{who}: {what} in {found:#?}");
    };
    one(
        "C9 eng1 plc1",
        "ran set-clock (clock) on plc1 (STS-07) by s7comm on 2026-11-21 at 04:01:00 EST, and nothing authorises it: WO-1234 allows program-download, stop, start, not set-clock",
    );
    one(
        "C9 eng1 plc1",
        "ran stop on plc1 (STS-07) by s7comm on 2026-11-21 at 05:00:01 EST, and nothing authorises it: WO-1234 names source and target but ended at 2026-11-21 05:00:00 EST",
    );
    one("C9 hmi1 plc1", "expired on 2026-12-31 18:59:59 EST");
    one("G7 10.20.10.99", "the site file does not declare it");
    one("C6 203.0.113.45 plc1", "of vendor-a");
    one(
        "C6 203.0.113.45 plc1",
        "past the dedicated system jump-host",
    );
    one("T1 eng1", "asked for www.logink.cn of LOGINK");
    one("T1 eng1", "asked for edi.rival.example of Rival");
    one("C15 camera1", "sts07-control");
    assert!(
        !found
            .iter()
            .any(|(key, _)| key == "C6 203.0.113.45 jump-host")
    );
    let measures: BTreeSet<&str> = found
        .iter()
        .filter_map(|(key, _)| key.split(' ').next())
        .collect();
    assert_eq!(
        measures,
        BTreeSet::from(["C15", "C6", "C9", "G7", "T1"]),
        "{found:#?}"
    );
}

#[test]
fn a_finding_keeps_its_name_whatever_else_is_seen_and_however_it_is_read() {
    let whole = written("whole", ONE, SITE, everything);
    let part = written("part", ONE, SITE, |net| {
        s7(net, at(10, 1), ENG1, Device::Programmer, S7::stop);
    });
    let names = |site: &Path, more: &[&str]| -> BTreeSet<String> {
        let findings = assessed(site, more).findings();
        findings.into_iter().map(|one| one.id).collect()
    };
    let (all, few) = (names(&whole, &["--workers", "1"]), names(&part, &[]));
    assert_eq!(all, names(&whole, &["--workers", "3"]));
    assert!(few.len() == 1 && few.is_subset(&all), "{few:?} of {all:?}");
}

#[test]
fn rows_of_operations_have_the_agreed_columns_and_words() {
    let site = written("columns", ONE, SITE, everything);
    let run = seawall([
        "facts".as_ref(),
        "--kind".as_ref(),
        "operation".as_ref(),
        site.join("captures").as_os_str(),
    ]);
    let rows: Vec<Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let columns = [
        "time",
        "source",
        "target",
        "source_mac",
        "target_mac",
        "vlan",
        "protocol",
        "operation",
        "object",
        "detail",
        "outcome",
        "content_bytes",
        "content_sha256",
        "capture",
        "frames",
        "count",
        "last",
    ];
    for row in &rows {
        for column in columns {
            assert!(row.get(column).is_some(), "no {column} in {row}");
        }
        assert!(["ok", "refused", "unanswered"].contains(&text(&row["outcome"]).as_str()));
    }
    let told =
        |operation: &'static str| rows.iter().filter(move |row| row["operation"] == operation);
    let download = told("program-download").next().unwrap();
    assert_eq!(download["object"], "DB11");
    assert_eq!(text(&download["content_sha256"]).len(), 64);
    assert_eq!(
        told("write")
            .map(|row| text(&row["count"]))
            .collect::<Vec<_>>(),
        ["2"],
        "the same write by the same two is one row"
    );
    assert_eq!(told("stop").count(), 1);
}

#[test]
fn two_sensors_on_one_place_are_not_blind_for_what_the_other_saw_first() {
    let taps = ["span1.pcap", "core1.pcap"].map(|file| Tap {
        file,
        format: Format::Pcap,
        vlans: BOTH,
    });
    let second = "\n[[sensor]]\nname = \"core\"\nsees = [\"sts07-control\", \"dmz\"]\ncaptures = [\"core*\"]\n";
    let site = written("two sensors", &taps, &format!("{SITE}{second}"), everything);
    // The same place, not the same file.
    let core = site.join("captures/core1.pcap");
    let bytes = std::fs::read(&core).unwrap();
    let first = 24 + 16 + u32::from_le_bytes(bytes[32..36].try_into().unwrap()) as usize;
    std::fs::write(&core, [&bytes[..24], &bytes[first..]].concat()).unwrap();
    let verdicts = |assessment: &Assessment| {
        let all = assessment.subjects().into_iter();
        all.filter(|[id, ..]| id == "C10")
            .map(|[_, subject, verdict, _]| (subject, verdict))
            .collect::<Vec<_>>()
    };
    let control = ("sts07-control".to_owned(), "met".to_owned());
    assert_eq!(verdicts(&assessed(&site, &[])), [control]);
    // One that sees another place than it should is blind, whatever the first saw.
    let taps = [
        taps[0],
        Tap {
            vlans: &[90],
            ..taps[1]
        },
    ];
    let site = written("one of two", &taps, &format!("{SITE}{second}"), everything);
    assert_eq!(verdicts(&assessed(&site, &[]))[0].1, "unproven");
}
