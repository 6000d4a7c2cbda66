//! Ways in and out on real captures: what others computed on them, and that no capture shows one that is not there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use facts::Facts;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if folder.join("INDEX.tsv").exists() {
        Some(folder)
    } else {
        println!("skipped: no captures");
        None
    }
}

fn facts(path: &Path) -> Facts {
    let captures = sensor::Captures::open(&[path.to_owned()]).unwrap();
    sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap()
}

/// What tshark 4.0.17 reads in these captures (`ssh.kex.hassh`, `ssh.kex.hasshserver`, `kerberos.CNameString` and `.realm`,
/// `kerberos.SNameString`, `tds.7login.username`, `radius.User_Name`, `mqtt.clientid`, the server name in QUIC version 2, `x509sat.uTF8String` inside OpenVPN with
/// `-d` for its ports, `vnc.auth_result`); it
/// knows no tunnels in DNS: there its `dns.qry.name` shows the zone, and the capture's maker calls it a tunnel. `users.rs` asks
/// tshark itself, of every capture.
const KNOWN: &[(&str, &str)] = &[
    (
        "ntop__nDPI__ssh.pcap",
        "hassh 21b457a327ce7a2d4fce5ef2c42400bd",
    ),
    (
        "ntop__nDPI__ssh.pcap",
        "hassh b1c6c0d56317555b85c7005a3de29325",
    ),
    (
        "zeek__zeek__reverse-ssh.pcap",
        "hassh 413e646031ea5204c5ec2fe2d5b7946e",
    ),
    (
        "zeek__zeek__reverse-ssh.pcap",
        "hassh 18f369389d126cfeecade20e1ea5ff9b",
    ),
    (
        "zeek__zeek__sshguess.pcap",
        "hassh 1f120ecfc2c57fbdeaf66b93a3bf26ee",
    ),
    (
        "zeek__zeek__sshguess.pcap",
        "hassh 3711ee816d3ea9975d96c39c31c54299",
    ),
    (
        "OISF__suricata-verify__kerberoast.pcap",
        "user spotless@OFFENSE.LOCAL",
    ),
    (
        "OISF__suricata-verify__kerberoast.pcap",
        "kerberos dc-mantvydas.offense.local",
    ),
    ("arkime__arkime__tds7.pcap", "user testuser"),
    ("zeek__zeek__radius.pcap", "user John.McGuirk"),
    (
        "EmreEkin__ICS-Pcaps__mqtt_user_credentials.pcap",
        "client_id MQTT_Client",
    ),
    ("ntop__nDPI__quic-v2.pcapng", "tls-sni test"),
    (
        "ntop__nDPI__openvpn.pcap",
        "system certificate of CN=OpenVPN Server, issued by CN=OpenVPN CA",
    ),
    (
        "zeek__zeek__vncmac.pcap",
        "login.refused vnc: authentication refused",
    ),
];

#[test]
fn fingerprints_users_and_names_are_those_that_others_found() {
    let Some(folder) = folder() else { return };
    let mut lacking = Vec::new();
    let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (file, fact) in KNOWN {
        let known = told.entry(file).or_insert_with(|| {
            let facts = facts(&folder.join(file));
            let said = facts.identities.iter();
            let said = said.map(|one| format!("{} {}", one.attribute, one.value));
            let names = facts
                .names
                .iter()
                .map(|one| format!("{} {}", one.via, one.name));
            let odd = facts.oddities.iter();
            let odd =
                odd.map(|one| format!("{} {}", one.what, one.detail.as_deref().unwrap_or("")));
            said.chain(names).chain(odd).collect()
        });
        if !known.contains(*fact) {
            lacking.push(format!("{file}: {fact}"));
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

/// Protocols here, and by which names the index, which tshark wrote, knows them.
const ALIKE: &[(&str, &[&str])] = &[
    ("amqp", &["amqp"]),
    ("citrix", &["ica"]),
    ("dahua", &[]),
    ("dameware", &[]),
    ("dcerpc", &["dcerpc"]),
    ("digi-edp", &[]),
    ("hikvision-sadp", &[]),
    ("ike", &["isakmp", "udpencap"]),
    ("ipmi", &["rmcp"]),
    ("kerberos", &["kerberos"]),
    ("l2tp", &["l2tp"]),
    ("ldap", &["ldap", "cldap"]),
    ("mqtt", &["mqtt"]),
    ("mssql", &["tds"]),
    ("nebula", &[]),
    ("netflow", &["cflow"]),
    ("openvpn", &["openvpn"]),
    ("pptp", &["pptp"]),
    ("ptp", &["ptp"]),
    ("quic", &["quic", "gquic"]),
    ("radius", &["radius"]),
    ("radmin", &[]),
    ("rdp", &["rdp", "rdpudp"]),
    ("rlogin", &["rlogin"]),
    ("rustdesk", &[]),
    ("sflow", &["sflow"]),
    ("sip", &["sip"]),
    ("socks", &["socks"]),
    ("softether", &[]),
    ("ssh", &["ssh"]),
    ("stun", &["stun"]),
    ("syslog", &["syslog"]),
    ("tailscale", &[]),
    ("teamviewer", &[]),
    ("telnet", &["telnet"]),
    ("vnc", &["vnc"]),
    ("wireguard", &["wg"]),
    ("x11", &["x11"]),
    ("zerotier", &[]),
];

/// What is told where the index does not, and is there all the same.
const MORE: &[(&str, &str, &str)] = &[
    (
        "EmreEkin__ICS-Pcaps__mqtt.example.pcap",
        "x11",
        "an X server of XFree86 on port 13600, whatever the file is called",
    ),
    (
        "arkime__arkime__socks5-reverse.pcap",
        "socks",
        "a SOCKS 5 client at a port that tshark does not look at",
    ),
    (
        "ntop__nDPI__ossfuzz_seed_fake_traces_2.pcapng",
        "teamviewer",
        "made up to be it; tshark does not read it",
    ),
    (
        "ntop__nDPI__radmin3.pcapng",
        "radmin",
        "tshark does not read it",
    ),
    (
        "ntop__nDPI__softether.pcap",
        "softether",
        "packs of its traversal service in the clear; tshark does not read them",
    ),
    (
        "ntop__nDPI__softether.pcap",
        "remote-support",
        "the same host asks its maker's service for a name, by HTTP",
    ),
    (
        "ntop__nDPI__teamviewer.pcap",
        "teamviewer",
        "tshark does not read it",
    ),
    (
        "zeek__zeek__telnet-auth-missing-name.pcap",
        "telnet",
        "Telnet at a port that tshark does not look at",
    ),
];

#[test]
fn no_capture_shows_a_way_in_that_it_does_not_hold() {
    let Some(folder) = folder() else { return };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, theirs) = (columns[0], columns[6]);
        let theirs: BTreeSet<&str> = theirs
            .split(' ')
            .filter_map(|one| one.split(':').next())
            .collect();
        let facts = facts(&folder.join(file));
        let talked = facts
            .conversations
            .iter()
            .filter_map(|one| one.protocol.as_deref());
        let worked = facts
            .remote_sessions
            .iter()
            .map(|one| one.protocol.as_str());
        let ours: BTreeSet<&str> = talked.chain(worked).collect();
        for (protocol, names) in ALIKE {
            let known = names.iter().any(|name| theirs.contains(name))
                || MORE
                    .iter()
                    .any(|(at, what, _)| (at, what) == (&file, protocol));
            if ours.contains(protocol) && !known {
                wrong.push(format!("{file}: {protocol}"));
            }
        }
        let tools = ["anydesk", "remote-support"];
        let more = |one: &str| MORE.iter().any(|(at, what, _)| (*at, *what) == (file, one));
        wrong.extend(
            ours.iter()
                .filter(|one| tools.contains(one) && !more(one))
                .map(|one| format!("{file}: {one}")),
        );
        let signs = facts
            .oddities
            .iter()
            .filter(|one| one.what.ends_with(".tunnel_sign"));
        let tunnel = file.contains("tunnel") || file.contains("dns_txt");
        wrong.extend(
            signs
                .filter(|_| !tunnel)
                .map(|one| format!("{file}: {} {:?}", one.what, one.detail)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
