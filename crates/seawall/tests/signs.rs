//! Each sign of a second home (C3) and of a hidden path (C12), from the frames that show it to the sentence on the page.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::fs;
use std::net::Ipv4Addr;

use lab::net::bytes::{Bytes, checksum};
use lab::net::capture::{self, Captured, Format};
use lab::net::frame::{self, ACK, Ends, PSH, SYN, Segment};
use lab::net::{Host, Micros, Network, SECOND, Tcp, Via};
use lab::speech::{dhcp, dns, link, modbus, smb, snmp, ssh, tls};
use serde_json::Value;
use support::{folder, seawall, text};

const SITE: &str = r#"
[terminal]
name = "Small"
time_zone = "UTC"
[[zone]]
name = "control"
kind = "crane-control"
vlans = [107]
subnets = ["10.20.7.0/24"]
[[zone]]
name = "office"
kind = "business"
vlans = [50]
subnets = ["10.50.0.0/24"]
[[zone]]
name = "internet"
kind = "internet"
subnets = ["0.0.0.0/0", "::/0"]
[[asset]]
name = "plc1"
role = "plc"
interface = [{ mac = "28:63:36:00:00:10", ip = "10.20.7.10", vlan = 107 }]
[[asset]]
name = "hmi1"
role = "hmi"
interface = [{ mac = "28:63:36:00:00:20", ip = "10.20.7.20", vlan = 107 }]
[[asset]]
name = "ws1"
role = "workstation"
interface = [{ mac = "00:1b:21:00:00:30", ip = "10.50.0.30", vlan = 50 }]
[[asset]]
name = "fw"
role = "firewall"
interface = [{ mac = "00:09:0f:00:00:01", ip = "10.20.7.1", vlan = 107 }, { mac = "00:09:0f:00:00:01", ip = "10.50.0.1", vlan = 50 }]
[[sensor]]
name = "span"
sees = ["control", "office"]
captures = ["*.pcap"]
"#;

const AT: Micros = 1_763_700_000 * SECOND;
const ROUTER: [u8; 6] = [0x00, 0x09, 0x0f, 0, 0, 1];
const PLC: Host = host("plc1", [0x28, 0x63, 0x36, 0, 0, 0x10], 7, 10);
const HMI: Host = host("hmi1", [0x28, 0x63, 0x36, 0, 0, 0x20], 7, 20);
const WS: Host = host("ws1", [0x00, 0x1b, 0x21, 0, 0, 0x30], 50, 30);
/// Two that nobody declared.
const HERE: Host = host("stranger", [0x00, 0x1b, 0x21, 0, 0, 0x99], 7, 99);
const THERE: Host = host("stranger", [0x00, 0x1b, 0x21, 0, 0, 0x77], 50, 99);

const fn host(name: &'static str, mac: [u8; 6], net: u8, last: u8) -> Host {
    let (ip, vlan) = match net {
        7 => (Ipv4Addr::new(10, 20, 7, last), 107),
        _ => (Ipv4Addr::new(10, 50, 0, last), 50),
    };
    Host {
        name,
        mac,
        ip,
        vlan,
        ttl: 64,
    }
}

/// What the program makes of a conversation: signs as `kind|weight|asset`, and the reasons on a page.
struct Seen {
    signs: Vec<String>,
    reasons: Vec<String>,
    facts: String,
}

fn seen(name: &str, measure: &str, play: impl FnOnce(&mut Network)) -> Seen {
    let folder = folder(name);
    let mut net = Network::new(ROUTER, 7);
    // Those who are at home speak as they should.
    let mut tcp = Tcp::open(&mut net, AT, HMI, PLC, modbus::PORT);
    tcp.ask(&mut net, &[0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 1]);
    tcp.answer(&mut net, &[0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7]);
    tcp.close(&mut net);
    link::arp(&mut net, AT, HMI, PLC);
    play(&mut net);
    let (mut frames, _, _) = net.finish();
    frames.sort_by_key(|frame| frame.at);
    let frames: Vec<Captured> = (frames.into_iter().zip(1..))
        .map(|(frame, origin)| Captured {
            at: frame.at,
            length: frame.bytes.len(),
            bytes: frame.bytes,
            origin,
            from_client: frame.from_client,
        })
        .collect();
    let (site, captures) = (folder.join("site"), folder.join("captures"));
    for path in [&site, &captures] {
        fs::create_dir_all(path).unwrap();
    }
    fs::write(site.join("site.toml"), SITE).unwrap();
    let bytes = capture::write(Format::Pcap, &frames);
    fs::write(captures.join("span.pcap"), bytes).unwrap();
    let rows = |run: support::Run| -> Vec<Value> {
        assert_eq!(run.status, 0, "{}", run.err);
        let lines = run.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (site, captures) = (site.as_os_str(), captures.as_os_str());
    let query = "SELECT kind, weight, asset FROM sign ORDER BY kind, asset".as_ref();
    let signs = rows(seawall([
        "sql".as_ref(),
        site,
        captures,
        query,
        "--format".as_ref(),
        "jsonl".as_ref(),
    ]));
    let signs = signs
        .iter()
        .map(|row| {
            format!(
                "{}|{}|{}",
                text(&row["kind"]),
                text(&row["weight"]),
                text(&row["asset"])
            )
        })
        .collect();
    let run = seawall([
        "assess".as_ref(),
        site,
        captures,
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    let assessed: Value = serde_json::from_str(&run.out).unwrap();
    let measures = assessed["measures"].as_array().unwrap();
    let page = measures.iter().find(|one| one["id"] == measure).unwrap();
    let subjects = page["subjects"].as_array().unwrap().iter();
    let reasons = subjects
        .filter(|one| one["verdict"] != "met")
        .map(|one| {
            format!(
                "{}: {}: {}",
                text(&one["subject"]),
                text(&one["verdict"]),
                text(&one["reason"])
            )
        })
        .collect();
    let facts = seawall(["facts".as_ref(), captures]).out;
    Seen {
        signs,
        reasons,
        facts,
    }
}

/// What is missing of signs, of all that one test plays.
#[derive(Default)]
struct Pages {
    missing: Vec<String>,
}

impl Pages {
    /// The fact is there, so is the sign (`kind|weight|asset`), and the page says so.
    fn show(
        &mut self,
        name: &str,
        measure: &str,
        [fact, sign, words]: [&str; 3],
        play: impl FnOnce(&mut Network),
    ) {
        let Seen {
            signs,
            reasons,
            facts,
        } = seen(name, measure, play);
        if !facts.contains(fact) {
            self.missing.push(format!("{name}: no fact holds {fact}"));
        }
        if !signs.iter().any(|one| one == sign) {
            self.missing
                .push(format!("{name}: not {sign}, but {signs:?}"));
        }
        if !reasons.iter().any(|reason| reason.contains(words)) {
            self.missing
                .push(format!("{name}: {measure} says {reasons:#?}"));
        }
    }

    fn done(&self) {
        assert!(self.missing.is_empty(), "{}", self.missing.join("\n"));
    }
}

#[test]
fn nothing_is_a_sign_where_everybody_is_at_home() {
    for measure in ["C3", "C12"] {
        let seen = seen("at-home", measure, |net| {
            dns::lookup(net, AT, HMI, WS, "a.example", &[]);
        });
        assert_eq!(seen.signs, Vec::<String>::new());
        assert_eq!(
            seen.reasons
                .iter()
                .filter(|one| one.contains("not met"))
                .count(),
            0
        );
    }
}

#[test]
fn marks_that_two_zones_show_tell_of_a_second_home() {
    let mut pages = Pages::default();
    let speak = |net: &mut Network, who: Host, to: Host| link::arp(net, AT, who, to);
    let both = |net: &mut Network| {
        speak(net, HERE, PLC);
        speak(net, THERE, WS);
    };
    pages.show(
        "mac",
        "C3",
        ["00:1b:21:00:00:99", "addresses|10|10.20.7.99", "10.50.0.98"],
        |net| {
            speak(net, HERE, PLC);
            speak(
                net,
                Host {
                    ip: Ipv4Addr::new(10, 50, 0, 98),
                    vlan: 50,
                    ..HERE
                },
                WS,
            );
        },
    );
    pages.show(
        "ssh-key",
        "C3",
        ["\"attribute\":\"key\"", "key|6|10.20.7.99", "the same key"],
        |net| {
            both(net);
            for (client, server) in [(HMI, HERE), (WS, THERE)] {
                let mut tcp = Tcp::open(net, AT, client, server, ssh::PORT);
                ssh::session(
                    net,
                    &mut tcp,
                    "SSH-2.0-PuTTY_Release_0.81",
                    "SSH-2.0-OpenSSH_9.5",
                    1,
                );
                tcp.close(net);
            }
        },
    );
    pages.show(
        "certificate",
        "C3",
        [
            "\"kind\":\"certificate\"",
            "key|6|10.20.7.99",
            "the same key",
        ],
        |net| {
            both(net);
            let hello = tls::Hello {
                version: tls::Version::Tls12,
                sni: None,
                alpn: &[],
                issuer: "Own",
                names: &["box.example"],
            };
            for (client, server) in [(HMI, HERE), (WS, THERE)] {
                let mut tcp = Tcp::open(net, AT, client, server, 443);
                tls::shake(net, &mut tcp, hello);
                tls::close(net, &mut tcp);
            }
        },
    );
    pages.show(
        "smb-guid",
        "C3",
        [
            "\"attribute\":\"guid\"",
            "guid|6|10.20.7.99",
            "the same SMB identifier",
        ],
        |net| {
            both(net);
            let dice = net.dice;
            smb::negotiate(net, AT, HMI, HERE);
            net.dice = dice;
            smb::negotiate(net, AT, WS, THERE);
        },
    );
    pages.show(
        "snmp-engine",
        "C3",
        [
            "\"attribute\":\"engine\"",
            "engine|6|10.20.7.99",
            "the same SNMP engine",
        ],
        |net| {
            both(net);
            snmp::get_v3(net, AT, HMI, HERE, "admin");
            snmp::get_v3(net, AT, WS, THERE, "admin");
        },
    );
    pages.show(
        "host-name",
        "C3",
        [
            "\"attribute\":\"hostname\"",
            "hostname|6|10.20.7.99",
            "the same host name",
        ],
        |net| {
            both(net);
            dns::mdns_announcement(net, AT, HERE, "box9.local");
            dns::mdns_announcement(net, AT, THERE, "box9.local");
        },
    );
    // One DUID from two network cards (RFC 4361, 6.1).
    pages.show(
        "dhcp-id",
        "C3",
        [
            "\"attribute\":\"client_id\"",
            "client_id|6|10.20.7.99",
            "the same DHCP identifier",
        ],
        |net| {
            both(net);
            for who in [HERE, THERE] {
                let duid = Bytes::hex("ff 00000001 0001 0001 2a3b4c5d 001b21000099").done();
                let message = Bytes::hex("01 01 06 00 12345678 0000 0000")
                    .raw(&who.ip.octets())
                    .zeros(12)
                    .field(&who.mac, 16)
                    .zeros(192)
                    .be32(0x6382_5363)
                    .raw(&[53, 1, 8, 61])
                    .len8(&duid)
                    .u8(255)
                    .done();
                net.udp_group(AT, who, 68, (Ipv4Addr::BROADCAST, 67), 64, &message);
            }
        },
    );
    pages.done();
}

#[test]
fn clocks_that_two_zones_share_are_hints_of_a_second_home() {
    let mut pages = Pages::default();
    let both = |net: &mut Network| {
        link::arp(net, AT, HERE, PLC);
        link::arp(net, AT, THERE, WS);
    };
    // The moment in which the clock was set, in the requests of both.
    pages.show(
        "ntp-clock",
        "C3",
        [
            "\"attribute\":\"ntp_clock\"",
            "ntp_clock|3|10.20.7.99",
            "had its clock set in the same moment",
        ],
        |net| {
            both(net);
            for (who, whom) in [(HERE, HMI), (THERE, WS)] {
                let ask = Bytes::hex("23 03 06 ec 00000100 00000100 0a320001 ed000000 12341234")
                    .zeros(16)
                    .be64(0xed00_0100_0000_0000)
                    .done();
                net.udp(AT, who, 123, whom, 123, &ask);
            }
        },
    );
    pages.show(
        "tcp-clock",
        "C3",
        [
            "\"attribute\":\"tcp_clock\"",
            "tcp_clock|1|10.20.7.99",
            "counts its TCP timestamps",
        ],
        |net| {
            both(net);
            for (who, peers) in [
                (HERE, [HMI, PLC]),
                (
                    THERE,
                    [WS, host("ws2", [0, 0x1b, 0x21, 0, 0, 0x31], 50, 31)],
                ),
            ] {
                for (peer, port) in peers.into_iter().zip(40_000..) {
                    for nth in 0..60u32 {
                        let milliseconds = 5_000_000 + nth * 1000;
                        let options = Bytes::hex("01 01 08 0a").be32(milliseconds).be32(0).done();
                        let segment = Segment {
                            from: port,
                            to: 8888,
                            seq: 100 + nth,
                            ack: u32::from(nth > 0),
                            flags: if nth == 0 { SYN } else { ACK | PSH },
                            window: 4096,
                            options: &options,
                            payload: if nth == 0 { &[] } else { b"x" },
                        };
                        let bytes = frame::tcp(Ends::V4(who.ip, peer.ip), segment);
                        net.ip(AT + i64::from(nth) * SECOND, who, peer, frame::TCP, &bytes);
                    }
                }
            }
        },
    );
    pages.done();
}

#[test]
fn who_carries_or_offers_a_way_is_a_hidden_path() {
    let mut pages = Pages::default();
    let via = Via {
        near: HERE.mac,
        far: HERE.mac,
    };
    pages.show(
        "forwards",
        "C12",
        [
            "\"via\":\"forwards\"",
            "forwards|10|10.20.7.99",
            "forwards packets between control and office",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let mut tcp = Tcp::open_via(net, AT, HMI, WS, 8080, via);
            tcp.exchange(net, b"a question", b"an answer");
            tcp.close(net);
        },
    );
    pages.show(
        "proxy-arp",
        "C12",
        [
            "\"ip\":\"10.50.0.30\",\"vlan\":107,\"claimed\":true",
            "proxy-arp|3|10.20.7.99",
            "claims 10.50.0.30 of zone office by ARP in control",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let far = Host {
                ip: Ipv4Addr::new(10, 50, 0, 30),
                ..HERE
            };
            link::arp(net, AT + SECOND, HMI, far);
            let datagram = frame::udp(Ends::V4(HMI.ip, far.ip), 5000, 5001, b"through it");
            net.ip(AT + 2 * SECOND, HMI, far, frame::UDP, &datagram);
        },
    );
    pages.show(
        "default-route",
        "C12",
        [
            "\"via\":\"default-route\"",
            "gateway|10|10.20.7.99",
            "brings what hosts of the internet send",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let far = Host {
                ip: Ipv4Addr::new(198, 51, 100, 7),
                vlan: 0,
                ..WS
            };
            let mut tcp = Tcp::open_via(net, AT, HMI, far, 8080, via);
            tcp.exchange(net, b"a question", b"an answer");
            tcp.close(net);
        },
    );
    pages.show(
        "redirect",
        "C12",
        [
            "\"via\":\"redirect\"",
            "gateway|10|10.20.7.99",
            "redirects hosts to another way",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let lost = frame::Ipv4 {
                from: HMI.ip,
                to: WS.ip,
                protocol: frame::UDP,
                ttl: 64,
                id: 1,
                tos: 0,
                dont_fragment: false,
            }
            .whole(&frame::udp(Ends::V4(HMI.ip, WS.ip), 5000, 5001, b"lost"));
            let gateway = u32::from(Ipv4Addr::new(10, 20, 7, 98));
            net.ip(
                AT + SECOND,
                HERE,
                HMI,
                frame::ICMP,
                &frame::icmp(5, 1, gateway, &lost),
            );
        },
    );
    pages.show(
        "vrrp",
        "C12",
        [
            "\"via\":\"vrrp\"",
            "gateway|10|10.20.7.99",
            "offers a virtual router by VRRP",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            // Version 2: group 1, priority 100, one address, no authentication, each second.
            let message = |sum: u16| {
                Bytes::hex("21 01 64 01 00 01")
                    .be16(sum)
                    .raw(&[10, 20, 7, 254])
                    .zeros(8)
                    .done()
            };
            let sum = checksum(&[&message(0)]);
            net.ip_group(
                AT + SECOND,
                HERE,
                Ipv4Addr::new(224, 0, 0, 18),
                112,
                255,
                &message(sum),
            );
        },
    );
    pages.show(
        "hsrp",
        "C12",
        [
            "\"via\":\"hsrp\"",
            "gateway|10|10.20.7.99",
            "offers a virtual router by HSRP",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let hello = Bytes::hex("00 00 10 03 0a 64 01 00 636973636f000000 0a1407fe").done();
            net.udp_group(
                AT + SECOND,
                HERE,
                1985,
                (Ipv4Addr::new(224, 0, 0, 2), 1985),
                1,
                &hello,
            );
        },
    );
    pages.show(
        "distance",
        "C12",
        ["\"hops\":1", "distance|1|10.20.7.99", "a TTL one lower"],
        |net| {
            let near = Host { ttl: 63, ..HERE };
            link::arp(net, AT, near, PLC);
            link::ping(net, AT + SECOND, near, HMI, 1, true);
        },
    );
    pages.done();
}

#[test]
fn second_services_and_cards_of_nobody_are_signs_of_a_path() {
    let mut pages = Pages::default();
    pages.show(
        "dhcp",
        "C12",
        [
            "\"via\":\"dhcp\"",
            "dhcp|10|10.20.7.99",
            "hands out addresses by DHCP",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            let lease = dhcp::Lease {
                ip: HMI.ip,
                gateway: HERE.ip,
                dns: HERE.ip,
            };
            dhcp::lease(net, AT + SECOND, HMI, HERE, lease);
        },
    );
    pages.show(
        "dns",
        "C12",
        [
            "\"via\":\"dns\"",
            "dns|3|10.20.7.99",
            "answers DNS questions",
        ],
        |net| {
            link::arp(net, AT, HERE, PLC);
            dns::lookup(net, AT + SECOND, HMI, HERE, "a.example", &[WS.ip]);
        },
    );
    pages.show(
        "ntp",
        "C12",
        ["time server", "ntp|1|10.20.7.99", "gives the time by NTP"],
        |net| {
            link::arp(net, AT, HERE, PLC);
            lab::speech::ntp::ask(net, AT + SECOND, HMI, HERE);
        },
    );
    let tethered = Host {
        mac: [0x02, 0x1b, 0x21, 0, 0, 0x99],
        ..HERE
    };
    pages.show(
        "local-mac",
        "C12",
        [
            "02:1b:21:00:00:99",
            "local-mac|1|10.20.7.99",
            "no maker registered",
        ],
        |net| {
            link::arp(net, AT, tethered, PLC);
        },
    );
    // Sierra Wireless, by the prefix of its MAC address.
    let modem = Host {
        mac: [0x00, 0x14, 0x3e, 0, 0, 0x99],
        ..HERE
    };
    pages.show(
        "cellular",
        "C12",
        ["00:14:3e:00:00:99", "cellular|10|10.20.7.99", "cellular"],
        |net| {
            link::arp(net, AT, modem, PLC);
        },
    );
    pages.done();
}
