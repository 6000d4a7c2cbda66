//! What no crane needs: old services, scans, crossings without a conduit.
use std::net::Ipv4Addr;

use crate::net::{Host, MILLI, Tcp};
use crate::scenario::Stage;
use crate::speech::modbus::Modbus;
use crate::speech::s7comm::{self, Device, S7};
use crate::speech::{dns, ftp, link, ntp, smb, snmp, telnet, tftp};

use super::super::hosts::*;
use super::super::plants::*;
use super::{at, planted};

/// C2, C4 and G1: services that a crane network does not need, and what they carry.
pub(super) fn unneeded(stage: &mut Stage) {
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
        "C4",
        &["C2", "G1", "C1", "C11"],
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

    let times = [at(180), at(210), at(240)];
    let item = planted(
        "mdns-noise",
        "C2",
        &[],
        &["hmi9"],
        "crane 9's panel shouts for names by mDNS",
    );
    stage.plant(item, |net| {
        for when in times {
            dns::mdns_question(net, when, HMI9, "_http._tcp.local");
            dns::mdns_announcement(net, when + 300 * MILLI, HMI9, "hmi9.local");
        }
    });
    let item = planted("llmnr-noise", "C2", &[], &["hmi9"], "and by LLMNR");
    stage.plant(item, |net| {
        for when in times {
            dns::llmnr(net, when + 600 * MILLI, HMI9, "wpad");
        }
    });
    let item = planted("nbns-noise", "C2", &[], &["hmi9"], "and by NBNS");
    stage.plant(item, |net| {
        for when in times {
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
pub(super) fn probes(stage: &mut Stage) {
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
pub(super) fn crossings(stage: &mut Stage) {
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
}
