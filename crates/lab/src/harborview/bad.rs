//! The bad day: what the measures look for, planted one by one into the clean day, each with its truth.
use std::net::Ipv4Addr;

use crate::net::network::MINUTE;
use crate::net::{Host, MILLI, Micros, SECOND, Tcp, Via};
use crate::scenario::Stage;
use crate::speech::modbus::Modbus;
use crate::speech::s7comm::{self, Device, S7};
use crate::speech::tls::{self, Hello, Version};
use crate::speech::{
    anydesk, dhcp, dns, ftp, http, link, ntp, profinet, rdp, rtsp, smb, snmp, ssh, teamviewer,
    telnet, tftp, vnc,
};
use crate::truth::Planted;

use super::BEGIN;
use super::clean::blocks;
use super::hosts::*;
use super::plants::*;

pub(super) fn play(stage: &mut Stage) {
    modifications(stage);
    homes(stage);
    devices(stage);
    remote_access(stage);
    ways_out(stage);
    platforms(stage);
    unneeded(stage);
    probes(stage);
    crossings(stage);
}

fn planted(
    id: &'static str,
    measure: &'static str,
    also: &[&'static str],
    assets: &[&str],
    what: &'static str,
) -> Planted {
    Planted {
        id,
        measure,
        also: also.to_vec(),
        assets: assets.iter().map(|asset| (*asset).to_owned()).collect(),
        what,
        ..Planted::default()
    }
}

fn at(seconds: i64) -> Micros {
    BEGIN + seconds * SECOND
}

/// C9 and C8: who changes controllers.
fn modifications(stage: &mut Stage) {
    let (_, data, code) = blocks();
    let item = planted(
        "download-from-rcms",
        "C9",
        &["C8", "T3", "C11"],
        &["rcms1", "plc9"],
        "the RCMS downloads a data block into crane 9's controller",
    );
    stage.plant(item, |net| {
        let mut s7 = net.around(|net| S7::connect(net, at(95), RCMS1, PLC9, Device::Programmer, 2));
        s7.download(net, "DB11", &data);
        net.around(|net| s7.close(net));
    });

    let item = planted(
        "stop-after-work-order",
        "C9",
        &["C8", "C1"],
        &["eng1", "plc7"],
        "the engineering station stops crane 7's controller after WO-2211 has ended, and starts it again",
    );
    stage.plant(item, |net| {
        let mut s7 = S7::connect(net, at(540), ENG1, PLC7, Device::Programmer, 2);
        s7.stop(net);
        s7.tcp.pause(6 * SECOND);
        s7.start(net);
        s7.close(net);
    });

    let item = planted(
        "download-to-other-target",
        "C9",
        &["C8", "C1"],
        &["eng1", "plc9"],
        "the engineering station changes crane 9's controller, while its work order names crane 7's only",
    );
    stage.plant(item, |net| {
        let mut s7 = S7::connect(net, at(290), ENG1, PLC9, Device::Programmer, 2);
        s7.download(net, "FC30", &code);
        s7.close(net);
    });

    let item = planted(
        "write-from-rcms",
        "C9",
        &["C11", "C1"],
        &["rcms1", "hoist9"],
        "the RCMS writes a speed limit into a drive by Modbus; the drive refuses the second value",
    );
    stage.plant(item, |net| {
        let mut modbus = Modbus::connect(net, at(150), RCMS1, HOIST9, 1);
        modbus.write(net, 40, &[1_200]);
        modbus.refused_write(net, 9_999, 1);
        modbus.close(net);
    });

    let item = planted(
        "address-set-by-dcp",
        "C9",
        &["G7", "C2"],
        &["hmi7", "rio7"],
        "the panel sets the address of the remote I/O by PROFINET DCP",
    );
    stage.plant(item, |net| {
        net.around(|net| profinet::identify_all(net, at(200), HMI7, &[(RIO7, "rio7", 0x0301)]));
        profinet::set_address(net, at(201), HMI7, RIO7, RIO7.ip);
    });
}

/// C3: one host, two networks.
fn homes(stage: &mut Stage) {
    let item = planted(
        "cms7-in-business",
        "C3",
        &["C12", "C1", "G7"],
        &["cms7"],
        "crane 7's management system has a second home in the business network: same MAC address, same name",
    );
    stage.plant(item, |net| {
        link::arp_announce(net, at(62), CMS7_BUSINESS);
        let lease = dhcp::Lease {
            ip: CMS7_BUSINESS.ip,
            gateway: Ipv4Addr::new(10, 40, 0, 1),
            dns: DOMAIN1.ip,
        };
        dhcp::lease(net, at(63), CMS7_BUSINESS, DOMAIN1, lease);
        link::arp(net, at(64), CMS7_BUSINESS, DOMAIN1);
        dns::lookup(
            net,
            at(65),
            CMS7_BUSINESS,
            DOMAIN1,
            "www.carrier.example",
            &[outside([198, 51, 100, 20]).ip],
        );
    });

    let item = planted(
        "cms9-forwards",
        "C3",
        &["C12", "C1", "C11"],
        &["cms9"],
        "crane 9's management system forwards packets from crane management into the crane's control network, past the firewall",
    );
    stage.plant(item, |net| {
        // The engineering station sends to cms9's own MAC address; it leaves in the control network.
        net.around(|net| link::arp(net, at(118), ENG1, CMS9));
        link::arp(net, at(119), CMS9_CONTROL, GANTRY9);
        let via = Via {
            near: CMS9.mac,
            far: CMS9_CONTROL.mac,
        };
        let mut tcp = Tcp::open_via(net, at(120), ENG1, GANTRY9, 80, via);
        let page = http::Request {
            method: "GET",
            host: "10.20.9.22",
            path: "/status",
            headers: "",
            body: "",
        };
        tcp.ask(net, http::text(page).as_bytes());
        tcp.pause(30 * MILLI);
        tcp.answer(
            net,
            http::answer("text/html", "<html>drive ready</html>").as_bytes(),
        );
        tcp.close(net);
    });
}

/// C15, C16, G7: what stands where it should not.
fn devices(stage: &mut Stage) {
    let item = planted(
        "camera-in-control",
        "C15",
        &["C16", "G7", "C2", "C1", "C11"],
        &["10.20.9.99"],
        "a Hikvision camera sends its picture from the control network of crane 9",
    );
    stage.plant(item, |net| {
        link::arp(net, at(31), CAMERA, firewall([10, 20, 9], vlan::CONTROL_9));
        let mut stream = rtsp::play(net, at(32), RECORDER1, CAMERA, "Hikvision");
        for second in [34, 40, 46, 52] {
            stream.picture(net, at(second), 700);
        }
        stream.stop(net, at(58));
    });

    let item = planted(
        "nuctech-in-auxiliary",
        "C16",
        &["G7", "T2"],
        &["10.21.7.66"],
        "a device whose 28-bit prefix belongs to Nuctech stands in the auxiliary network of crane 7",
    );
    stage.plant(item, |net| {
        link::arp_announce(net, at(70), NUCTECH);
        link::arp(net, at(71), NUCTECH, CABIN7);
        link::ping(net, at(72), NUCTECH, CABIN7, 1, true);
    });

    let item = planted(
        "unknown-laptop",
        "G7",
        &["C2", "C9", "C11"],
        &["10.20.7.177"],
        "a laptop that nobody declared reads from crane 7's controller",
    );
    stage.plant(item, |net| {
        link::arp(net, at(310), LAPTOP, PLC7);
        let mut s7 = S7::connect(net, at(311), LAPTOP, PLC7, Device::Programmer, 2);
        s7.identify(net, "6ES7 315-2EH14-0AB0", [3, 2, 6]);
        s7.read(net, 10, 0, &[0; 16]);
        s7.close(net);
    });

    let item = planted(
        "address-of-no-zone",
        "C12",
        &["G7", "C1"],
        &["192.168.127.254"],
        "a device on the control network of crane 9 keeps an address of no network of the terminal",
    );
    stage.plant(item, |net| {
        link::arp_announce(net, at(83), NOWHERE);
        for nth in 0..4 {
            link::arp_request(
                net,
                at(84 + nth * 60),
                NOWHERE,
                Ipv4Addr::new(192, 168, 127, 1),
            );
        }
    });
}

/// C6: people at a distance who do not come by the jump host.
fn remote_access(stage: &mut Stage) {
    let item = planted(
        "rdp-past-jump-host",
        "C6",
        &["C1", "C11", "T3"],
        &["office1", "hmi7"],
        "an office computer opens the desktop of crane 7's panel",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(340), OFFICE1, HMI7, rdp::PORT);
        rdp::session(net, &mut tcp, "administrator", 3);
        tcp.close(net);
    });

    let item = planted(
        "vnc-past-jump-host",
        "C6",
        &["C2", "C11", "T3", "C1"],
        &["operator2", "hmi9"],
        "an operator station opens the panel of crane 9 by VNC",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(352), OPERATOR2, HMI9, vnc::PORT);
        vnc::session(net, &mut tcp, "HMI9", 4);
        tcp.close(net);
    });

    let item = planted(
        "vendor-ssh-past-jump-host",
        "C6",
        &["G5", "G7", "C1", "C11", "T3"],
        &["cms7"],
        "the vendor opens a shell on crane 7's management system directly, not by the jump host",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(365), VENDOR, CMS7, ssh::PORT);
        ssh::session(
            net,
            &mut tcp,
            "SSH-2.0-PuTTY_Release_0.81",
            "SSH-2.0-OpenSSH_for_Windows_9.5",
            5,
        );
        tcp.close(net);
    });

    let item = planted(
        "teamviewer-from-cms",
        "C6",
        &["C12", "C1", "C11", "T3", "G7"],
        &["cms9"],
        "crane 9's management system keeps a TeamViewer session with the Internet",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(376), CMS9, TEAMVIEWER, teamviewer::PORT);
        teamviewer::session(net, &mut tcp, 6);
        tcp.close(net);
    });

    let item = planted(
        "anydesk-from-operator",
        "C6",
        &["C12", "C1", "C11", "T3", "G7"],
        &["operator1"],
        "an operator station keeps an AnyDesk session with a relay on the Internet",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(386), OPERATOR1, ANYDESK, anydesk::PORT);
        anydesk::session(net, &mut tcp, "relay-5f3a11c2.net.anydesk.com", 4);
        tcp.close(net);
    });
}

/// C12: ways out that nobody declared.
fn ways_out(stage: &mut Stage) {
    let item = planted(
        "cellular-gateway",
        "C12",
        &["G7", "C16", "C1", "C11"],
        &["10.20.7.254"],
        "a cellular gateway (Quectel) on crane 7's control network hands out addresses and itself as second default route; the panel sends to the Internet through it",
    );
    stage.plant(item, |net| {
        link::arp_announce(net, at(41), CELLULAR);
        let lease = dhcp::Lease {
            ip: HMI7.ip,
            gateway: CELLULAR.ip,
            dns: CELLULAR.ip,
        };
        dhcp::lease(net, at(42), HMI7, CELLULAR, lease);
        link::arp(net, at(43), HMI7, CELLULAR);
        let via = Via {
            near: CELLULAR.mac,
            far: CELLULAR.mac,
        };
        let mut tcp = Tcp::open_via(net, at(44), HMI7, CLOUD, 443, via);
        let hello = Hello {
            version: Version::Tls13,
            sni: Some("telemetry.crane-cloud.example"),
            alpn: &["h2"],
            issuer: "Cloud CA",
            names: &["telemetry.crane-cloud.example"],
        };
        tls::shake(net, &mut tcp, hello);
        tls::data(net, &mut tcp, 2_400, 300);
        tls::close(net, &mut tcp);
    });

    let item = planted(
        "modem-in-management",
        "C12",
        &["G7"],
        &["10.23.0.250"],
        "a modem (Sierra Wireless) stands in crane management",
    );
    stage.plant(item, |net| {
        link::arp_announce(net, at(47), MODEM);
        for nth in 0..3 {
            link::arp(net, at(48 + nth * 150), MODEM, CMS7);
        }
    });

    let item = planted(
        "rogue-dhcp",
        "C12",
        &["G7"],
        &["10.25.0.200"],
        "a home router in remote operations hands out addresses and itself as gateway",
    );
    stage.plant(item, |net| {
        let lease = dhcp::Lease {
            ip: OPERATOR2.ip,
            gateway: ROGUE_DHCP.ip,
            dns: ROGUE_DHCP.ip,
        };
        dhcp::lease(net, at(102), OPERATOR2, ROGUE_DHCP, lease);
    });
}

/// T1: LOGINK by name, by TLS, by HTTP.
fn platforms(stage: &mut Stage) {
    let item = planted(
        "logink-dns",
        "T1",
        &[],
        &["planner1"],
        "a planner's computer looks up a name of LOGINK",
    );
    stage.plant(item, |net| {
        dns::lookup(
            net,
            at(205),
            PLANNER1,
            DOMAIN1,
            "gateway.logink.cn",
            &[LOGINK_GATEWAY.ip],
        );
        net.around(|net| {
            dns::lookup(
                net,
                at(205) + 500,
                DOMAIN1,
                RESOLVER1,
                "gateway.logink.cn",
                &[LOGINK_GATEWAY.ip],
            );
        });
    });

    let item = planted(
        "logink-tls",
        "T1",
        &["G7", "C1"],
        &["planner1"],
        "a planner's computer sends data to LOGINK's gateway by TLS",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(206), PLANNER1, LOGINK_GATEWAY, 443);
        let hello = Hello {
            version: Version::Tls12,
            sni: Some("gateway.logink.cn"),
            alpn: &["http/1.1"],
            issuer: "Platform CA",
            names: &["*.logink.cn", "logink.cn"],
        };
        tls::shake(net, &mut tcp, hello);
        tls::data(net, &mut tcp, 5_200, 700);
        tls::close(net, &mut tcp);
    });

    let item = planted(
        "logink-http",
        "T1",
        &["G7", "C1"],
        &["tos1"],
        "the TOS sends a message to LOGINK's exchange server in the clear, on port 81",
    );
    stage.plant(item, |net| {
        let body = "<?xml version=\"1.0\"?><Root><Header><MessageReferenceNumber>HV-20261120-0001</MessageReferenceNumber><DocumentName>VesselStatus</DocumentName><DocumentVersionNumber>V3.1</DocumentVersionNumber><SenderCode>00000</SenderCode></Header><Body/></Root>";
        let request = http::Request {
            method: "POST",
            host: "exa.logink.org:81",
            path: "/cuteinfo/services/ExchangeTransportService",
            headers: "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"\"\r\n",
            body,
        };
        http::once(net, at(215), TOS1, LOGINK_EXCHANGE, 81, request, ("text/xml", "<ok/>"));
    });
}

/// C2 and G1: services that a crane network does not need.
fn unneeded(stage: &mut Stage) {
    let item = planted(
        "telnet-to-drive",
        "C2",
        &["C6", "G1", "C1", "C11"],
        &["cms7", "hoist7"],
        "the management system logs in to a drive by Telnet, user and password in the clear",
    );
    stage.plant(item, |net| {
        let mut tcp = Tcp::open(net, at(131), CMS7, HOIST7, telnet::PORT);
        telnet::login(
            net,
            &mut tcp,
            "FENA-21 service shell",
            "service",
            "crane07",
            &[("show status", "ready")],
        );
        tcp.close(net);
    });

    let item = planted(
        "ftp-to-panel",
        "C2",
        &["G1", "C4", "C1", "C11"],
        &["office2", "hmi7"],
        "an office computer stores a recipe on crane 7's panel by FTP",
    );
    stage.plant(item, |net| {
        let recipe: Vec<u8> = b"lane;speed\r\n1;1200\r\n".repeat(40);
        ftp::transfer(
            net,
            at(140),
            OFFICE2,
            HMI7,
            ("operator", "operator1"),
            true,
            ("recipe.csv", &recipe),
        );
    });

    let item = planted(
        "tftp-from-switch",
        "C2",
        &["C4", "C1"],
        &["office2", "switch7"],
        "an office computer fetches the configuration of crane 7's switch by TFTP",
    );
    stage.plant(item, |net| {
        let config = b"vlan database\nvlan 107\nvlan 117\nvlan 127\n".repeat(20);
        tftp::read(net, at(146), OFFICE2, SWITCH7, "startup.cfg", &config);
    });

    let item = planted(
        "snmp-v1-public",
        "C2",
        &["G1", "C1", "C11"],
        &["cms7", "switch7"],
        "the management system asks a switch by SNMP version 1 with the community public",
    );
    stage.plant(item, |net| {
        for nth in 0..3 {
            let when = at(160 + nth * 20);
            snmp::get(
                net,
                when,
                CMS7,
                SWITCH7,
                0,
                "public",
                "Hirschmann MSP30 09.0.02",
            );
        }
    });

    let item = planted(
        "snmp-v2c-private",
        "C2",
        &["G1", "C1", "C11"],
        &["cms9", "switch9"],
        "the management system asks a switch by SNMP version 2c with the community private",
    );
    stage.plant(item, |net| {
        snmp::get(
            net,
            at(165),
            CMS9,
            SWITCH9,
            1,
            "private",
            "Hirschmann MSP30 09.0.02",
        )
    });

    let item = planted(
        "name-noise",
        "C2",
        &[],
        &["hmi9"],
        "crane 9's panel shouts for names by mDNS, LLMNR and NBNS",
    );
    stage.plant(item, |net| {
        for nth in 0..3 {
            let when = at(180 + nth * 30);
            dns::mdns_question(net, when, HMI9, "_http._tcp.local");
            dns::mdns_announcement(net, when + 300 * MILLI, HMI9, "hmi9.local");
            dns::llmnr(net, when + 600 * MILLI, HMI9, "wpad");
            dns::nbns(net, when + 900 * MILLI, HMI9, "WPAD");
        }
    });

    let item = planted(
        "smb-in-crane",
        "C2",
        &["C1", "C4"],
        &["cms9", "hmi9"],
        "the management system opens a file share of crane 9's panel",
    );
    stage.plant(item, |net| smb::negotiate(net, at(190), CMS9, HMI9));

    let item = planted(
        "time-from-internet",
        "C2",
        &["C1", "C11", "C12", "G7"],
        &["rcms1"],
        "the RCMS asks a server on the Internet for the time",
    );
    stage.plant(item, |net| {
        ntp::ask(net, at(195), RCMS1, outside([198, 51, 100, 123]))
    });
}

/// G7: scans.
fn probes(stage: &mut Stage) {
    let item = planted(
        "port-scan",
        "G7",
        &["C1", "C11", "C2"],
        &["office2", "plc7"],
        "an office computer tries sixty ports of crane 7's controller, one of which is open",
    );
    stage.plant(item, |net| {
        for nth in 0..60u16 {
            let port = if nth == 41 { 102 } else { 20 + nth * 17 };
            let when = at(440) + i64::from(nth) * 45 * MILLI;
            if port == 102 {
                let mut open = Tcp::open(net, when, OFFICE2, PLC7, port);
                open.reset(net, crate::net::Side::Client);
            } else {
                Tcp::attempt(net, when, OFFICE2, PLC7, port, nth % 3 != 0);
            }
        }
    });

    let item = planted(
        "arp-and-ping-sweep",
        "G7",
        &["C2"],
        &["10.20.7.177"],
        "the unknown laptop asks for every address of crane 7's control network, and pings those that answer",
    );
    stage.plant(item, |net| {
        for last in 1..=120u8 {
            let when = at(320) + i64::from(last) * 20 * MILLI;
            let wanted = Ipv4Addr::new(10, 20, 7, last);
            match [PLC7, SAFETY7, HOIST7, GANTRY7, RIO7, HMI7]
                .iter()
                .find(|host| host.ip == wanted)
            {
                Some(host) => {
                    link::arp(net, when, LAPTOP, *host);
                    link::ping(net, when + 5 * MILLI, LAPTOP, *host, u16::from(last), true);
                }
                None => link::arp_request(net, when, LAPTOP, wanted),
            }
        }
    });

    let item = planted(
        "ping-sweep-from-business",
        "G7",
        &["C1", "C11"],
        &["office2"],
        "an office computer pings forty addresses of crane 9's control network",
    );
    stage.plant(item, |net| {
        for last in 1..=40u8 {
            let ip = Ipv4Addr::new(10, 20, 9, last);
            let known = [PLC9, SAFETY9, HOIST9, GANTRY9, RIO9]
                .into_iter()
                .find(|host| host.ip == ip);
            let when = at(460) + i64::from(last) * 30 * MILLI;
            // The firewall asks in vain for the address of a host that is not there, so nothing leaves it.
            let target = known.unwrap_or(Host {
                ip,
                vlan: 0,
                ..PLC9
            });
            link::ping(net, when, OFFICE2, target, u16::from(last), known.is_some());
        }
    });
}

/// C1 and C11: crossings that no conduit explains.
fn crossings(stage: &mut Stage) {
    let item = planted(
        "business-reads-drive",
        "C1",
        &["C11", "C2", "G7"],
        &["office1", "hoist7"],
        "an office computer reads a drive of crane 7 by Modbus",
    );
    stage.plant(item, |net| {
        let mut modbus = Modbus::connect(net, at(480), OFFICE1, HOIST7, 1);
        for nth in 0..4 {
            modbus.tcp.until(at(480 + nth * 5));
            modbus.read(net, 3, &[0x1237, 512, 12, 0]);
        }
        modbus.close(net);
    });

    let item = planted(
        "tos-asks-controller",
        "C11",
        &["C1", "G7"],
        &["tos1", "plc9"],
        "the TOS reads crane 9's controller itself, beside its conduit to the management system",
    );
    stage.plant(item, |net| {
        let mut s7 = S7::connect(net, at(500), TOS1, PLC9, Device::Basic, 2);
        s7.read(net, 20, 0, &[0; 20]);
        s7.close(net);
    });

    let item = planted(
        "backup-program-leaves",
        "C9",
        &["C8", "C11", "C1"],
        &["cms7", "plc7"],
        "the management system uploads a block from crane 7's controller without a work order",
    );
    stage.plant(item, |net| {
        let block = s7comm::block(0x0a, 20, &net.dice.bytes(400));
        let mut s7 = S7::connect(net, at(515), CMS7, PLC7, Device::Programmer, 2);
        s7.upload(net, "DB20", &block);
        s7.close(net);
    });
    debug_assert!(at(540) < BEGIN + 10 * MINUTE);
}

#[test]
fn every_planted_item_has_a_name_of_its_own() {
    let mut stage = super::stage();
    play(&mut stage);
    let scenario = stage.finish("bad day alone", super::SITE, super::TAPS);
    let mut ids: Vec<&str> = scenario.planted.iter().map(|item| item.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), scenario.planted.len());
}
