//! The sample terminal: the same bytes every time, packets that others read without complaint, a site file that knows
//! everyone, and a truth that agrees with the frames.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use lab::harborview::{self, hosts};
use lab::net::Format;
use lab::truth::sha256;
use lab::{Scenario, load, oddments};

fn both() -> [Scenario; 2] {
    [harborview::clean_day(), harborview::bad_day()]
}

#[test]
fn the_same_recipe_gives_the_same_bytes() {
    for (one, two) in both().iter().zip(both()) {
        for ((name, a), (_, b)) in one.files().iter().zip(two.files()) {
            assert_eq!(sha256(a), sha256(&b), "{name} of the {}", one.name);
        }
    }
    let load = || {
        let mut out = Vec::new();
        load::write(
            load::Load {
                packets: 5_000,
                ..load::Load::default()
            },
            &mut out,
        )
        .unwrap();
        out
    };
    assert_eq!(sha256(&load()), sha256(&load()));
}

/// Runs tshark over a capture; `None` where it is not installed.
fn tshark(name: &str, bytes: &[u8], arguments: &[&str]) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    let run = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(&file)
        .args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
        ])
        .args(["-o", "udp.check_checksum:TRUE"])
        .args(arguments)
        .output();
    match run {
        Err(_) => {
            eprintln!("skipped: no tshark");
            None
        }
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(String::from_utf8(output.stdout).unwrap())
        }
    }
}

#[test]
fn tshark_finds_nothing_malformed_and_no_wrong_checksum() {
    let filter = "_ws.malformed || _ws.short || ip.checksum.status == 0 || tcp.checksum.status == 0 \
                  || udp.checksum.status == 0 || icmp.checksum.status == 0 || cdp.checksum.status == 0 \
                  || icmpv6.checksum.status == 0 || igmp.checksum.status == 0 || _ws.unreassembled";
    let mut files: Vec<(String, Vec<u8>)> = both()
        .iter()
        .flat_map(|day| {
            day.files()
                .into_iter()
                .map(|(name, bytes)| (format!("{}-{name}", day.name), bytes))
        })
        .collect();
    let mut out = Vec::new();
    let mixed = load::Load {
        packets: 4_000,
        video_percent: 10,
        ..load::Load::default()
    };
    load::write(mixed, &mut out).unwrap();
    files.push(("load.pcap".to_owned(), out));
    files.extend(oddments::scenario().files());
    for (name, bytes) in files {
        let fields = [
            "-Y",
            filter,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "_ws.col.Info",
        ];
        if let Some(complaints) = tshark(&name, &bytes, &fields) {
            assert_eq!(complaints, "", "{name}");
        }
    }
}

#[test]
fn tshark_sees_every_protocol_that_was_spoken() {
    let day = harborview::bad_day();
    let mut seen = BTreeSet::new();
    for (name, bytes) in day.files() {
        let Some(layers) = tshark(
            &format!("speech-{name}"),
            &bytes,
            &["-T", "fields", "-e", "frame.protocols"],
        ) else {
            return;
        };
        seen.extend(
            layers
                .lines()
                .flat_map(|line| line.split(':'))
                .map(str::to_owned),
        );
    }
    for wanted in [
        "arp", "lldp", "cdp", "stp", "dhcp", "dns", "mdns", "llmnr", "nbns", "ntp", "tls", "http",
        "ssh", "telnet", "rdp", "vnc", "snmp", "ftp", "ftp-data", "tftp", "smb2", "rtsp", "rtp",
        "rtcp", "mbtcp", "s7comm", "enip", "cip", "cipio", "pn_dcp", "pn_rt", "opcua", "igmp",
        "icmp", "icmpv6", "x509sat",
    ] {
        assert!(seen.contains(wanted), "no {wanted} among {seen:?}");
    }
}

#[test]
fn tshark_counts_the_connections_and_operations_that_the_truth_names() {
    let day = harborview::clean_day();
    let crane = &day.files()[0];
    let Some(streams) = tshark(
        "streams.pcap",
        &crane.1,
        &[
            "-T",
            "fields",
            "-Y",
            "tcp",
            "-e",
            "ip.src",
            "-e",
            "tcp.srcport",
            "-e",
            "ip.dst",
            "-e",
            "tcp.dstport",
        ],
    ) else {
        return;
    };
    let seen: BTreeSet<Vec<String>> = streams
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split('\t').collect();
            let mut ends = vec![words[..2].join(":"), words[2..].join(":")];
            ends.sort();
            ends
        })
        .collect();
    let crane_vlans = harborview::TAPS[0].vlans;
    let told: BTreeSet<Vec<String>> = day
        .connections
        .iter()
        .filter(|one| {
            [one.client, one.server]
                .iter()
                .any(|host| crane_vlans.contains(&host.vlan))
        })
        .map(|one| {
            let mut ends = vec![
                format!("{}:{}", one.client.ip, one.client_port),
                format!("{}:{}", one.server.ip, one.server_port),
            ];
            ends.sort();
            ends
        })
        .collect();
    assert_eq!(seen, told);

    let filter = "s7comm.param.func == 0x1a && s7comm.header.rosctr == 1";
    let downloads = tshark("downloads.pcap", &crane.1, &["-Y", filter]).unwrap();
    // Each request is routed within the reach of one sensor; tshark takes the second sight for a retransmission.
    assert_eq!(
        downloads.lines().count(),
        day.count("eng1", "plc7", "program-download")
    );
}

#[test]
fn captures_are_small() {
    for day in both() {
        let bytes: usize = day.files().iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes < 1_500_000, "{} takes {bytes} bytes", day.name);
    }
}

#[test]
fn the_site_file_names_every_host() {
    for host in hosts::DECLARED {
        let mac: Vec<String> = host.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!(
            "mac = \"{}\", ip = \"{}\", vlan = {}",
            mac.join(":"),
            host.ip,
            host.vlan
        );
        let after = harborview::SITE
            .split(&format!("name = \"{}\"", host.name))
            .nth(1);
        let own = after
            .and_then(|text| text.split("[[").next())
            .unwrap_or_default();
        assert!(own.contains(&line), "{}: no interface {line}", host.name);
    }
}

#[test]
fn everyone_in_the_clean_day_is_declared_or_outside() {
    let day = harborview::clean_day();
    assert!(day.planted.is_empty());
    let declared: BTreeSet<_> = hosts::DECLARED
        .iter()
        .map(|host| (host.mac, host.ip))
        .collect();
    for connection in &day.connections {
        for host in [connection.client, connection.server] {
            assert!(
                host.vlan == 0 || declared.contains(&(host.mac, host.ip)),
                "{host:?}"
            );
        }
    }
}

#[test]
fn every_planted_item_can_be_seen_and_its_frames_exist() {
    let day = harborview::bad_day();
    assert!(day.planted.len() >= 30);
    for item in &day.planted {
        assert!(
            item.sightings
                .iter()
                .any(|sighting| !sighting.shows.is_empty()),
            "{}",
            item.id
        );
        assert!(
            harborview::BEGIN <= item.first && item.first <= item.last,
            "{}",
            item.id
        );
        for sighting in &item.sightings {
            let capture = day
                .captures
                .iter()
                .find(|capture| capture.name == sighting.capture)
                .unwrap();
            for frame in &sighting.frames {
                assert!(
                    capture.frames[*frame as usize - 1].origin == *frame,
                    "{}",
                    item.id
                );
            }
            assert!(
                sighting
                    .shows
                    .iter()
                    .all(|frame| sighting.frames.contains(frame))
            );
        }
    }
}

#[test]
fn the_bad_day_holds_the_whole_clean_day() {
    let [clean, bad] = both();
    let connections: Vec<_> = bad
        .connections
        .iter()
        .map(|one| (one.at, one.client.ip, one.server.ip))
        .collect();
    for one in &clean.connections {
        assert!(
            connections.contains(&(one.at, one.client.ip, one.server.ip)),
            "{one:?}"
        );
    }
}

#[test]
fn disturbed_captures_know_where_their_frames_came_from() {
    let day = harborview::clean_day();
    let whole = &day.captures[0];
    let frames = whole.frames.len();

    let lossy = lab::lossy(whole, 10, 3);
    assert!((frames * 85 / 100..frames * 95 / 100).contains(&lossy.frames.len()));
    assert_eq!(lossy, lab::lossy(whole, 10, 3));
    assert_eq!(lab::lossy(whole, 0, 3).frames, whole.frames);
    assert!(
        lossy
            .frames
            .iter()
            .all(|one| whole.frames[one.origin as usize - 1] == *one)
    );

    let reordered = lab::reordered(whole, 3);
    assert_ne!(reordered.frames, whole.frames);
    let mut sorted = reordered.frames;
    sorted.sort_by_key(|one| one.origin);
    assert_eq!(sorted, whole.frames);

    assert_eq!(lab::duplicated(whole).frames.len(), 2 * frames);

    let snapped = lab::snapped(whole, 64);
    assert!(
        snapped
            .frames
            .iter()
            .all(|one| one.bytes.len() <= 64 && one.length >= 60)
    );
    assert!(
        snapped
            .frames
            .iter()
            .any(|one| one.bytes.len() < one.length)
    );

    let one_sided = lab::one_sided(whole);
    assert!(one_sided.frames.len() < frames);
    assert!(
        one_sided
            .frames
            .iter()
            .any(|one| one.from_client == Some(true))
    );
    assert!(
        one_sided
            .frames
            .iter()
            .all(|one| one.from_client != Some(false))
    );

    assert_eq!(lab::cut(whole, 12_345).len(), 12_345);
    assert_eq!(
        lab::converted(whole, Format::PcapNg).name,
        "crane-span.pcapng"
    );
}

#[test]
fn the_load_has_as_many_packets_as_asked_for() {
    for packets in [0, 1, 100, 5_000] {
        let mut out = Vec::new();
        load::write(
            load::Load {
                packets,
                ..load::Load::default()
            },
            &mut out,
        )
        .unwrap();
        let mut rest = &out[24..];
        let mut count = 0;
        while let Some(length) = rest.get(8..12) {
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            rest = &rest[16 + length..];
            count += 1;
        }
        assert_eq!(count, packets);
    }
}
