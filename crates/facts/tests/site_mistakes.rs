//! Every mistake of a site folder is told with file, line and remedy.
use expect_test::{Expect, expect};
use facts::site::read;

/// Zones, assets and a party that the mistakes below stand beside; 16 lines.
const BASE: &str = r#"[[zone]]
name = "control"
kind = "crane-control"
vlans = [10]
subnets = ["10.20.10.0/24"]
[[asset]]
name = "plc1"
role = "plc"
interface = [{ mac = "28:63:36:8a:01:10", ip = "10.20.10.10", vlan = 10 }]
[[asset]]
name = "hmi1"
role = "hmi"
interface = [{ ip = "10.20.10.20" }]
[[party]]
name = "vendor-a"
addresses = ["203.0.113.45"]
"#;

fn told(files: &[(&str, &str)]) -> String {
    let files: Vec<(String, String)> = files
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()))
        .collect();
    match read(&files, &[]) {
        Ok(site) => site
            .warnings
            .iter()
            .map(|one| format!("warning: {one}\n"))
            .collect(),
        Err(problems) => problems.iter().map(|one| format!("{one}\n")).collect(),
    }
}

/// What is told of `mistake`, which begins at line 17 of `site.toml`.
fn check(mistake: &str, expect: &Expect) {
    expect.assert_eq(&told(&[("site.toml", &format!("{BASE}{mistake}"))]));
}

#[test]
fn unknown_keys() {
    check(
        r#"[[zone]]
name = "a"
kind = "dmz"
colour = "red"
vlan = [3]
"#,
        &expect![[r#"
            site.toml:20: unknown key "colour" in [[zone]]; keys are name, kind, crane, vlans, subnets, for_untrusted_suppliers
            site.toml:21: unknown key "vlan" in [[zone]]; did you mean "vlans"?
        "#]],
    );
    check(
        r#"[[zones]]
name = "a"
"#,
        &expect![[r#"
            site.toml:17: unknown key "zones" at the top level; did you mean "zone"?
        "#]],
    );
    check(
        r#"[terminal]
name = "x"
zone = [{ name = "a", kind = "dmz" }]
"#,
        &expect![[r#"
            site.toml:19: unknown key "zone" in [terminal]; it is no part of [terminal]: write [[zone]], or put it above the first table
        "#]],
    );
    check(
        r#"[terminal]
name = "x"
include = ["a.toml"]
"#,
        &expect![[r#"
            site.toml:19: unknown key "include" in [terminal]; it stands at the top of site.toml, above the first table
        "#]],
    );
    check(
        r#"[[asset]]
name = "a"
role = "plc"
interface = [{ ipv4 = "10.20.10.9" }]
"#,
        &expect![[r#"
            site.toml:20: unknown key "ipv4" in interface of [[asset]]; keys are mac, ip, vlan
            site.toml:20: an interface of "a" says nothing; give it mac, ip or vlan, or delete it
        "#]],
    );
}

#[test]
fn missing_keys() {
    check(
        r#"[[zone]]
"#,
        &expect![[r#"
            site.toml:17: [[zone]] has no "name"; add name = …, name of the zone
            site.toml:17: [[zone]] has no "kind"; add kind = …, what the zone is for
        "#]],
    );
    check(
        r#"[[conduit]]
name = "x"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm"]
"#,
        &expect![[r#"
            site.toml:17: [[conduit]] has no "because"; add because = …, contract, ticket or design reference that allows it
        "#]],
    );
    check(
        r#"[[conduit]]
name = "x"
from = []
to = ["plc1"]
services = []
because = " "
"#,
        &expect![[r#"
            site.toml:19: from of [[conduit]] is empty; name at least one, e.g. from = ["plc1"]
            site.toml:21: services of [[conduit]] is empty; name at least one, e.g. services = ["s7comm:read"]
            site.toml:22: because of [[conduit]] is empty; fill it in or delete it
        "#]],
    );
}

#[test]
fn wrong_types() {
    check(
        r#"[[zone]]
name = 7
kind = "dmz"
vlans = 10
subnets = [10]
for_untrusted_suppliers = "yes"
"#,
        &expect![[r#"
            site.toml:18: name of [[zone]] is a whole number, not a text; write e.g. name = "…"
            site.toml:20: vlans of [[zone]] is a whole number, not a list; write e.g. vlans = [10]
            site.toml:21: subnets of [[zone]] holds a whole number, not a text; write e.g. subnets = ["10.20.10.0/24"]
            site.toml:22: for_untrusted_suppliers of [[zone]] is a text, not true or false; write e.g. for_untrusted_suppliers = true
        "#]],
    );
    check(
        r#"[platform]
name = "a"
"#,
        &expect![[r#"
            site.toml:17: "platform" is one table, not a list of tables; write [[platform]], with two brackets
        "#]],
    );
    check(
        r#"[[asset]]
name = "a"
role = "plc"
interface = { ip = "10.20.10.9" }
"#,
        &expect![[r#"
            site.toml:20: "interface" is a table, not a list of tables; write interface = [{ … }]
        "#]],
    );
    check(
        r#"[[asset]]
name = "a"
role = "plc"
interface = ["10.20.10.9"]
"#,
        &expect![[r#"
            site.toml:20: interface holds a text, not a table; write a table with the keys of interface of [[asset]]
        "#]],
    );
}

#[test]
fn unknown_words() {
    check(
        r#"[[zone]]
name = "a"
kind = "crane_contorl"
"#,
        &expect![[r#"
            site.toml:19: "crane_contorl" is no kind of zone; did you mean "crane-control"?
        "#]],
    );
    check(
        r#"[[asset]]
name = "a"
role = "boss"
"#,
        &expect![[r#"
            site.toml:19: "boss" is no role; write one of plc, drive, remote-io, safety, hmi, engineering-station, cms, rcms, cabin-view, ground-view, operator-station, camera, scanner, switch, router, firewall, wireless, modem, jump-host, transfer-gate, server, tos, workstation, printer, other
        "#]],
    );
    check(
        r#"[[supplier]]
name = "a"
trust = "trustworthy"
"#,
        &expect![[r#"
            site.toml:19: "trustworthy" is no degree of trust; write one of untrusted, watched, trusted
        "#]],
    );
    check(
        r#"[[conduit]]
name = "x"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm:wirte", "tcp/0", "icmp/8"]
because = "x"
during = "night"
"#,
        &expect![[r#"
            site.toml:21: "wirte" of "s7comm:wirte" is no operation; did you mean "s7comm:write"?
            site.toml:21: "tcp/0" names no port; write one port from 1 to 65535, e.g. "tcp/443", and a service for each
            site.toml:21: "icmp/8" is no service; before the slash stands tcp, udp or ethertype; a protocol stands alone, e.g. "s7comm"
            site.toml:23: "night" is no condition; write one of work-order
        "#]],
    );
    check(
        r#"[[work_order]]
id = "WO-1"
sources = ["hmi1"]
targets = ["plc1"]
operations = ["program_download", "modify"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T09:00:00Z
"#,
        &expect![[r#"
            site.toml:21: "program_download" is no operation; did you mean "program-download"?
            site.toml:21: "modify" is no operation; write one of read, write, program-upload, program-download, program-delete, start, stop, mode-change, reset, firmware-update, parameter-change, configure, set-clock, lock, unlock, authenticate, file-read, file-write, file-delete, operate, diagnose, identify, remote-session, file
        "#]],
    );
    check(
        r#"[terminal]
name = "x"
time_zone = "America/NewYork"
"#,
        &expect![[r#"
            site.toml:19: "America/NewYork" is no time zone; did you mean "America/New_York"?
        "#]],
    );
}

#[test]
fn names_declared_twice() {
    check(
        r#"[[asset]]
name = "plc1"
role = "plc"
[[zone]]
name = "control"
kind = "dmz"
[[party]]
name = "vendor-a"
"#,
        &expect![[r#"
            site.toml:18: asset "plc1" is declared twice, first at site.toml:7; rename one of them or delete it
            site.toml:21: zone "control" is declared twice, first at site.toml:2; rename one of them or delete it
            site.toml:24: party "vendor-a" is declared twice, first at site.toml:15; rename one of them or delete it
        "#]],
    );
}

#[test]
fn names_that_nothing_declares() {
    check(
        r#"[[conduit]]
name = "x"
from = ["hmi2", "zone:contrl", "party:nobody", "control", "vendor-a"]
to = ["10.20.10.5/24", "10.20.10.300", "eng1"]
services = ["any"]
because = "x"
"#,
        &expect![[r#"
            site.toml:19: "hmi2" is neither an asset nor an address; did you mean "hmi1"?
            site.toml:19: "zone:contrl" names no zone; did you mean "zone:control"?
            site.toml:19: "party:nobody" names no party; declare it as [[party]], or name one of vendor-a
            site.toml:19: "control" is neither an asset nor an address; did you mean "zone:control"?
            site.toml:19: "vendor-a" is neither an asset nor an address; did you mean "party:vendor-a"?
            site.toml:20: 10.20.10.5/24 has bits beyond its prefix length; write 10.20.10.0/24 for the subnet, or 10.20.10.5/32 for the host
            site.toml:20: "10.20.10.300" is neither an asset nor an address; declare it as [[asset]], or write "zone:NAME", "party:NAME" or an address
            site.toml:20: "eng1" is neither an asset nor an address; declare it as [[asset]], or write "zone:NAME", "party:NAME" or an address
        "#]],
    );
    check(
        r#"[[party]]
name = "b"
domains = ["b.example"]
access = "jump1"
"#,
        &expect![[r#"
            site.toml:20: access of party "b" names "jump1", which is no asset; declare it as [[asset]], or name one of hmi1, plc1
        "#]],
    );
    check(
        r#"[[sensor]]
name = "s"
sees = ["zone:control", "yard"]
captures = ["*"]
"#,
        &expect![[r#"
            site.toml:19: sensor "s" sees "zone:control", which is no zone; write "control" alone
            site.toml:19: sensor "s" sees "yard", which is no zone; declare it as [[zone]], or name one of control
        "#]],
    );
    check(
        r#"[[asset]]
name = "eng1"
role = "engineer"
[[conduit]]
name = "x"
from = ["eng1"]
to = ["plc1"]
services = ["any"]
because = "x"
"#,
        &expect![[r#"
            site.toml:19: "engineer" is no role; write one of plc, drive, remote-io, safety, hmi, engineering-station, cms, rcms, cabin-view, ground-view, operator-station, camera, scanner, switch, router, firewall, wireless, modem, jump-host, transfer-gate, server, tos, workstation, printer, other
        "#]],
    );
}

#[test]
fn bad_addresses() {
    check(
        r#"[[zone]]
name = "a"
kind = "dmz"
vlans = [0, 4095, 70000]
subnets = ["10.20.10.5/24", "10.20.10.0", "10.20.0.0/33", "ten", "fd00::1/64"]
"#,
        &expect![[r#"
            site.toml:20: 0 is no VLAN; VLANs run from 1 to 4094
            site.toml:20: 4095 is no VLAN; VLANs run from 1 to 4094
            site.toml:20: 70000 is no VLAN; VLANs run from 1 to 4094
            site.toml:21: 10.20.10.5/24 has bits beyond its prefix length; write 10.20.10.0/24 for the subnet, or 10.20.10.5/32 for the host
            site.toml:21: 10.20.10.0 has no prefix length; add it, e.g. 10.20.10.0/24, or /32 for that one address
            site.toml:21: "33" is no prefix length; a prefix length runs from 0 to 32
            site.toml:21: "ten" is no subnet; write an address and its prefix length, e.g. 10.20.10.0/24 or fd00:20::/64
            site.toml:21: fd00::1/64 has bits beyond its prefix length; write fd00::/64 for the subnet, or fd00::1/128 for the host
        "#]],
    );
    check(
        r#"[[asset]]
name = "a"
role = "plc"
interface = [{ mac = "28:63:36" }, { mac = "ff:ff:ff:ff:ff:ff" }, { ip = "10.20.10.9/24" }, { ip = "224.0.0.1" }, { ip = "10.20.10" }, {}]
"#,
        &expect![[r#"
            site.toml:20: "28:63:36" is no MAC address; write six octets in hex, e.g. 28:63:36:8a:01:10
            site.toml:20: ff:ff:ff:ff:ff:ff is a group address or all zero, which no device has; write the interface's own, or leave mac out
            site.toml:20: 10.20.10.9/24 is a subnet, not the address of an interface; write 10.20.10.9
            site.toml:20: 224.0.0.1 is an address that no device has on a network; write the interface's own, or leave ip out
            site.toml:20: "10.20.10" is no IP address; write one, e.g. 10.20.10.10
            site.toml:20: an interface of "a" says nothing; give it mac, ip or vlan, or delete it
        "#]],
    );
    check(
        r#"[[platform]]
name = "p"
domains = ["*.logink.cn", "https://logink.cn/", "10.1.1.1"]
"#,
        &expect![[r#"
            site.toml:19: "*.logink.cn" is a pattern, not a domain; write "logink.cn"; what is below it counts too
            site.toml:19: "https://logink.cn/" is no domain; write its name alone, e.g. "vendor-a.example", without scheme or path, and as xn--… beyond ASCII
            site.toml:19: "10.1.1.1" is no domain; write its name alone, e.g. "vendor-a.example", without scheme or path, and as xn--… beyond ASCII
        "#]],
    );
    check(
        r#"[[supplier]]
name = "s"
trust = "watched"
ouis = ["44:19", "70:b3:d5:12:34:00/36", "zz:19:b6"]
"#,
        &expect![[r#"
            site.toml:20: "44:19" is no prefix of MAC addresses; write 24 bits or more in hex, e.g. 44:19:b6, 70:b3:d5:12:3, or 70:b3:d5:12:30:00/36
            site.toml:20: 70:b3:d5:12:34:00/36 has bits beyond its prefix length; set them to zero, or lengthen the prefix
            site.toml:20: "zz:19:b6" is no prefix of MAC addresses; write 24 bits or more in hex, e.g. 44:19:b6, 70:b3:d5:12:3, or 70:b3:d5:12:30:00/36
        "#]],
    );
    check(
        r#"[[sensor]]
name = "s"
sees = ["control"]
captures = ["day/*.pcap"]
"#,
        &expect![[r#"
            site.toml:20: "day/*.pcap" is a path; only base names are matched; write the name of the file alone; * stands for any run of characters, ? for any one
        "#]],
    );
}

#[test]
fn overlapping_addresses() {
    check(
        r#"[[zone]]
name = "b"
kind = "dmz"
vlans = [10]
subnets = ["10.20.10.0/24", "0.0.0.0/0"]
[[zone]]
name = "c"
kind = "internet"
subnets = ["0.0.0.0/0"]
"#,
        &expect![[r#"
            site.toml:20: VLAN 10 of zone "b" is that of zone "control" too, at site.toml:4; a VLAN belongs to one zone; take it out of the other
            site.toml:21: subnet 10.20.10.0/24 of zone "b" is that of zone "control" too, at site.toml:5; a subnet belongs to one zone; take it out of the other
            site.toml:25: subnet 0.0.0.0/0 of zone "c" is that of zone "b" too, at site.toml:21; a subnet belongs to one zone; take it out of the other
        "#]],
    );
    check(
        r#"[[asset]]
name = "b"
role = "plc"
interface = [{ mac = "28-63-36-8A-01-10", ip = "10.20.10.20" }]
"#,
        &expect![[r#"
            site.toml:20: IP address 10.20.10.20 of asset "b" is that of asset "hmi1" too, at site.toml:13; an address belongs to one interface; mend the one that is wrong, or give MAC address and VLAN alone where several cranes use the same addresses
            site.toml:20: MAC address 28:63:36:8a:01:10 of asset "b" is that of asset "plc1" too, at site.toml:9; a MAC address belongs to one asset; mend the one that is wrong
        "#]],
    );
    check(
        r#"[[asset]]
name = "b"
role = "router"
interface = [{ mac = "28:63:36:8a:01:11", ip = "10.20.10.8" }, { mac = "28:63:36:8a:01:11", ip = "10.20.10.8" }]
"#,
        &expect![[r#"
            site.toml:20: IP address 10.20.10.8 stands twice in asset "b", first at site.toml:20; delete one of them
        "#]],
    );
    check(
        r#"[[party]]
name = "b"
addresses = ["203.0.113.45/32"]
"#,
        &expect![[r#"
            site.toml:19: address 203.0.113.45/32 of party "b" is that of party "vendor-a" too, at site.toml:16; an address belongs to one party; take it out of the other
        "#]],
    );
}

#[test]
fn bad_times() {
    check(
        r#"[[work_order]]
id = "WO-1"
sources = ["hmi1"]
targets = ["plc1"]
operations = ["stop"]
from = 2026-11-21T08:00:00
until = 2026-11-21
"#,
        &expect![[r#"
            site.toml:22: 2026-11-21T08:00:00 has no offset, so it names no point in time; write 2026-11-21T08:00:00Z if it is UTC, else e.g. 2026-11-21T08:00:00-05:00
            site.toml:23: 2026-11-21 is a day, not a point in time; write e.g. 2026-11-21T08:00:00Z, or with the terminal's offset 2026-11-21T08:00:00-05:00
        "#]],
    );
    check(
        r#"[[work_order]]
id = "WO-1"
sources = ["hmi1"]
targets = ["plc1"]
operations = ["stop"]
from = "2026-11-21T10:00:00+02:00"
until = "2026-11-21T08:00:00Z"
"#,
        &expect![[r#"
            site.toml:23: until 2026-11-21T08:00:00Z is not after from 2026-11-21T08:00:00Z; swap them or mend the one that is wrong
        "#]],
    );
    check(
        r#"[[conduit]]
name = "x"
from = ["hmi1"]
to = ["plc1"]
services = ["any"]
because = "x"
valid_from = 8
valid_until = 9999-12-31T23:59:59Z
"#,
        &expect![[r#"
            site.toml:23: valid_from of [[conduit]] is a whole number, not a time; write e.g. valid_from = 2026-11-21T08:00:00Z
            site.toml:24: 9999-12-31T23:59:59Z is no time from 1678 to 2261 in RFC 3339; write e.g. 2026-11-21T08:00:00Z; what has no end leaves the key out
        "#]],
    );
    check(
        r#"[[conduit]]
name = "x"
from = ["hmi1"]
to = ["plc1"]
services = ["any"]
because = "x"
valid_from = "soon"
"#,
        &expect![[r#"
            site.toml:23: soon is no time from 1678 to 2261 in RFC 3339; write e.g. 2026-11-21T08:00:00Z; what has no end leaves the key out
        "#]],
    );
}

#[test]
fn how_it_runs() {
    check(
        r#"[run]
state = 3
window = "7 days"
ring = "64 MiB"
save_every = "0 s"
silence = "99999999999999 d"
workers = 0
[[output]]
name = "siem"
to = "syslog-tls"
address = "siem.port.example"
path = "/var/log/x"
certificate = "own.pem"
facility = "local9"
[[output]]
name = "siem"
to = "mail"
[[output]]
name = "log"
to = "file"
format = "xml"
[[output]]
name = "people"
to = "journal"
format = "ocsf"
"#,
        &expect![[r#"
            site.toml:18: state of [run] is a whole number, not a text; write e.g. state = "…"
            site.toml:19: "7 days" has no unit that is known here; write a whole number and one of ms, s, min, h, d, e.g. "5 s"
            site.toml:20: "64 MiB" has no unit that is known here; write a whole number and one of kB, MB, GB, TB, e.g. "20 GB"
            site.toml:21: "0 s" is nothing; write e.g. "5 s"
            site.toml:22: "99999999999999 d" is no whole number of d that can be counted; write e.g. "5 s"
            site.toml:23: 0 workers cannot share an interface; write 1 to 64, no more than the machine has cores
            site.toml:24: output "siem" has no "ca", which syslog-tls needs; add e.g. ca = "/etc/seawall/ca.pem"
            site.toml:24: output "siem" has no "key", which syslog-tls needs; add e.g. key = "/etc/seawall/own.key"
            site.toml:27: "siem.port.example" is no host and port; write both, e.g. "siem.port.example:6514", or "[fd00::1]:514"
            site.toml:28: path of output "siem" is nothing that syslog-tls knows; delete it, or mend "to"
            site.toml:30: "local9" is no syslog facility; did you mean "local0"?
            site.toml:33: "mail" is no kind of output; write one of journal, file, syslog-udp, syslog-tcp, syslog-tls
            site.toml:37: "xml" is no format of events; write one of text, json, ecs, ocsf
            site.toml:41: output "people" is the journal, which people read; delete format, or send it to a file or a syslog kind
        "#]],
    );
    check(
        r#"[[run]]
[[output]]
name = "log"
to = "file"
"#,
        &expect![[r#"
            site.toml:17: "run" is a list, not a table; write [run]
            site.toml:18: output "log" has no "path", which file needs; add e.g. path = "/var/log/seawall/events.jsonl"
        "#]],
    );
}

#[test]
fn what_is_not_toml() {
    check(
        r#"[[zone]
name = "a"
"#,
        &expect![[r#"
            site.toml:17: not TOML: unclosed array table, expected `]`; mend the line; texts stand in quotes, lists in [ ], tables under [[NAME]]
        "#]],
    );
    check(
        r#"[[zone]]
name = 
kind = dmz
"#,
        &expect![[r#"
            site.toml:18: not TOML: string values must be quoted, expected literal string; put the text in quotes
            site.toml:19: not TOML at `dmz`: string values must be quoted, expected literal string; put the text in quotes
        "#]],
    );
    check(
        r#"[[zone]]
name = "a"
name = "b"
kind = "dmz"
"#,
        &expect![[r#"
            site.toml:19: not TOML at `name`: duplicate key; each key and each [table] stands once; delete or rename one
        "#]],
    );
    check(
        r#"[terminal]
name = "a"
[terminal]
name = "b"
"#,
        &expect![[r#"
            site.toml:19: not TOML at `terminal`: duplicate key; each key and each [table] stands once; delete or rename one
            site.toml:20: not TOML at `name`: duplicate key; each key and each [table] stands once; delete or rename one
        "#]],
    );
    check(
        r#"[[zone]]
name = "a
"#,
        &expect![[r#"
            site.toml:18: not TOML: invalid basic string, expected `"`; mend the line; texts stand in quotes, lists in [ ], tables under [[NAME]]
        "#]],
    );
    check(
        r#"platform = "x"
"#,
        &expect![[r#"
            site.toml:17: unknown key "platform" in [[party]]; keys are name, addresses, domains, contract, access
        "#]],
    );
}

#[test]
fn files_of_a_folder() {
    let check = |files: &[(&str, &str)], expect: Expect| expect.assert_eq(&told(files));
    let named = "[terminal]\nname = \"x\"\n";
    check(
        &[("zones.toml", BASE)],
        expect![[r#"
        site.toml: no such file; a site is a folder that holds a site.toml
    "#]],
    );
    check(
        &[("site.toml", named), ("b.toml", BASE), ("c.toml", BASE)],
        expect![[r#"
            c.toml:2: zone "control" is declared twice, first at b.toml:2; rename one of them or delete it
            c.toml:4: VLAN 10 of zone "control" is that of zone "control" too, at b.toml:4; a VLAN belongs to one zone; take it out of the other
            c.toml:5: subnet 10.20.10.0/24 of zone "control" is that of zone "control" too, at b.toml:5; a subnet belongs to one zone; take it out of the other
            c.toml:7: asset "plc1" is declared twice, first at b.toml:7; rename one of them or delete it
            c.toml:9: IP address 10.20.10.10 of asset "plc1" is that of asset "plc1" too, at b.toml:9; an address belongs to one interface; mend the one that is wrong, or give MAC address and VLAN alone where several cranes use the same addresses
            c.toml:9: MAC address 28:63:36:8a:01:10 of asset "plc1" is that of asset "plc1" too, at b.toml:9; a MAC address belongs to one asset; mend the one that is wrong
            c.toml:11: asset "hmi1" is declared twice, first at b.toml:11; rename one of them or delete it
            c.toml:13: IP address 10.20.10.20 of asset "hmi1" is that of asset "hmi1" too, at b.toml:13; an address belongs to one interface; mend the one that is wrong, or give MAC address and VLAN alone where several cranes use the same addresses
            c.toml:15: party "vendor-a" is declared twice, first at b.toml:15; rename one of them or delete it
            c.toml:16: address 203.0.113.45/32 of party "vendor-a" is that of party "vendor-a" too, at b.toml:16; an address belongs to one party; take it out of the other
        "#]],
    );
    check(
        &[("site.toml", named), ("b.toml", named)],
        expect![[r#"
        b.toml:1: [terminal] stands twice, first at site.toml:1; keep one; a site folder describes one terminal
    "#]],
    );
    check(
        &[
            (
                "site.toml",
                "include = [\"zone.toml\", \"site.toml\", \"../x.toml\"]\n",
            ),
            ("zones.toml", ""),
        ],
        expect![[r#"
            site.toml:1: "../x.toml" is a path; only base names are matched; write the name of the file alone; * stands for any run of characters, ? for any one
            site.toml:1: include names "zone.toml", but the folder holds no such file; did you mean "zones.toml"?
            site.toml:1: site.toml includes itself; name the other files only
        "#]],
    );
    check(
        &[
            (
                "site.toml",
                "include = \"zones.toml\"\nzone = 3\nterminal = \"x\"",
            ),
            ("zones.toml", ""),
        ],
        expect![[r#"
            site.toml:1: include is a text, not a list; write e.g. include = ["assets.toml"]
            site.toml:2: "zone" is a whole number, not a list of tables; write [[zone]]
            site.toml:3: "terminal" is a text, not a table; write [terminal]
        "#]],
    );
    check(
        &[
            ("site.toml", "include = [\"b*.toml\"]\n"),
            ("b1.toml", "include = [\"c.toml\"]\n"),
            ("c.toml", ""),
        ],
        expect![[r#"
            b1.toml:1: include stands in b1.toml, which is itself included; name every file in the include of site.toml
        "#]],
    );
    check(
        &[
            ("site.toml", named),
            ("b.toml", "colour = 1\n[[zone]\n"),
            ("c.toml", "colour = 1\n"),
        ],
        expect![[r#"
            b.toml:2: not TOML: unclosed array table, expected `]`; mend the line; texts stand in quotes, lists in [ ], tables under [[NAME]]
            c.toml:1: unknown key "colour" at the top level; keys are include, terminal, zone, asset, conduit, work_order, party, supplier, platform, sensor, run, output, parameters
        "#]],
    );
}

#[test]
fn doubts_are_warnings() {
    check(
        r#"[[zone]]
name = "yard"
kind = "port-operations"
subnets = ["10.20.0.0/16"]
crane = "STS-07"
[[zone]]
name = "idle"
kind = "dmz"
[[zone]]
name = "world"
kind = "internet"
subnets = ["0.0.0.0/0"]
[[asset]]
name = "cam1"
role = "camera"
crane = "sts07"
interface = [{ ip = "10.20.30.1", vlan = 10 }, { ip = "192.168.1.1" }, { ip = "fd00::1" }, { ip = "fe80::1" }, { ip = "169.254.1.1" }, { vlan = 99 }]
[[asset]]
name = "ghost"
role = "other"
[[party]]
name = "b"
[[sensor]]
name = "s"
sees = ["control"]
"#,
        &expect![[r#"
            warning: site.toml: no [terminal] names the terminal; add one with name and time_zone
            warning: site.toml:17: subnet 10.20.0.0/16 of zone "yard" holds subnets of control; the longest prefix wins; nothing to do if that is meant
            warning: site.toml:22: zone "idle" holds no address and no frame; give it vlans or subnets
            warning: site.toml:29: interface of "cam1": 10.20.30.1 is of zone "yard", but VLAN 10 is of zone "control"; mend the address, the VLAN or the zones
            warning: site.toml:29: interface of "cam1": 192.168.1.1 is of no zone; add its subnet to a zone
            warning: site.toml:29: interface of "cam1": fd00::1 is of no zone; add its subnet to a zone
            warning: site.toml:29: interface of "cam1": VLAN 99 is of no zone; add the VLAN to a zone
            warning: site.toml:29: asset "cam1" is of crane "sts07", which no zone names; did you mean "STS-07"?
            warning: site.toml:34: asset "ghost" cannot be recognised; give it an interface with ip or mac
            warning: site.toml:37: party "b" cannot be recognised; give it addresses or domains
            warning: site.toml:39: sensor "s" has no source; give it captures, interface or folder; until then its zones are not seen
        "#]],
    );
}

proptest::proptest! {
    /// Whatever is torn out of a site file or put into it: it loads, or every problem names a line that exists.
    #[test]
    fn no_text_is_too_odd(at in 0usize..3000, length in 0usize..40, put in "[\\[\\]{}=\"'.,:/#0-9a-z\n\u{7f}é-]{0,12}") {
        let whole: Vec<char> = include_str!("../src/site/example.toml").chars().collect();
        let (head, rest) = whole.split_at(at.min(whole.len()));
        let tail = rest.iter().skip(length);
        let text: String = head.iter().copied().chain(put.chars()).chain(tail.copied()).collect();
        let lines = text.split('\n').count();
        match read(&[("site.toml".to_owned(), text)], &["s7comm"]) {
            Ok(site) => for warning in &site.warnings {
                proptest::prop_assert!(warning.place.line as usize <= lines);
            },
            Err(problems) => {
                proptest::prop_assert!(!problems.is_empty());
                for problem in &problems {
                    proptest::prop_assert!((1..=lines).contains(&(problem.place.line as usize)), "{}", problem);
                    proptest::prop_assert!(!problem.remedy.is_empty() && !problem.to_string().ends_with('.'));
                }
            }
        }
    }
}
