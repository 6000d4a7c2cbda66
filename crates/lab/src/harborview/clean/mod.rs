//! The clean day: cyclic control, cameras, work orders, a vendor's visit by the jump host, names and time, offices.
//! Everything in it is declared.
mod board;
mod landside;

use std::net::Ipv4Addr;

use crate::net::network::MINUTE;
use crate::net::{Host, MILLI, Micros, Network, SECOND, Tcp};
use crate::speech::link::{self, Station};
use crate::speech::opcua::OpcUa;
use crate::speech::s7comm::{self, Device, S7};
use crate::speech::tls::{self, Hello, Version};
use crate::speech::{dhcp, dns, ntp, rdp, snmp, ssh};

use super::BEGIN;
use super::hosts::*;

/// How long the captures last.
const LENGTH: Micros = 10 * MINUTE;

pub(super) fn play(net: &mut Network) {
    housekeeping(net);
    for (nth, crane) in (0..).zip(&board::CRANES) {
        board::control(net, crane, nth);
    }
    board::spreader(net);
    board::cameras(net);
    remote_operations(net);
    engineering(net);
    vendor_visit(net);
    services(net);
    landside::port(net);
    landside::offices(net);
    landside::screening(net);
}

/// Times from `start` seconds on, every `every` seconds, each a little late or early.
fn every(net: &mut Network, start: Micros, every: Micros) -> Vec<Micros> {
    let mut times = Vec::new();
    let mut at = BEGIN + start;
    while at < BEGIN + LENGTH - SECOND {
        times.push(at + i64::try_from(net.dice.below(20_000)).unwrap_or(0));
        at += every;
    }
    times
}

fn housekeeping(net: &mut Network) {
    let devices = [
        (
            SWITCH7,
            "switch7",
            "Hirschmann MSP30 Ethernet switch, HiOS 09.0.02",
            "1/1",
            0x0004,
        ),
        (
            SWITCH9,
            "switch9",
            "Hirschmann MSP30 Ethernet switch, HiOS 09.0.02",
            "1/1",
            0x0004,
        ),
        (
            PLC7,
            "plc7",
            "Siemens, SIMATIC S7, CPU 315-2 PN/DP, 6ES7 315-2EH14-0AB0, V3.2.6",
            "port-001",
            0x0080,
        ),
        (
            PLC9,
            "plc9",
            "Siemens, SIMATIC S7, CPU 315-2 PN/DP, 6ES7 315-2EH14-0AB0, V3.2.6",
            "port-001",
            0x0080,
        ),
        (
            HMI7,
            "hmi7",
            "Siemens, SIMATIC HMI, TP1500 Comfort, 6AV2 124-0QC02-0AX1, V17.0.0",
            "port-001",
            0x0080,
        ),
    ];
    for (nth, (host, name, description, port, capabilities)) in (0i64..).zip(devices) {
        for at in every(net, nth * 700 * MILLI, 60 * SECOND) {
            link::lldp(
                net,
                at,
                host,
                Station {
                    name,
                    description,
                    port,
                    capabilities,
                },
            );
        }
    }
    for at in every(net, 300 * MILLI, 30 * SECOND) {
        link::stp(net, at, SWITCH7);
        link::stp(net, at + 1_100, SWITCH9);
    }
    let edge = firewall([10, 40, 0], vlan::BUSINESS);
    for at in every(net, 900 * MILLI, 120 * SECOND) {
        link::cdp(
            net,
            at,
            edge,
            "fw1.harborview.example",
            "cisco FPR-2130",
            "Cisco Firepower Threat Defense 7.4.2",
        );
    }
    let pairs = [
        (HMI7, PLC7),
        (PLC7, HOIST7),
        (PLC7, GANTRY7),
        (HMI9, PLC9),
        (PLC9, HOIST9),
        (PLC9, GANTRY9),
        (CMS7, firewall([10, 23, 0], vlan::MANAGEMENT)),
        (CMS9, firewall([10, 23, 0], vlan::MANAGEMENT)),
        (PLC7, firewall([10, 20, 7], vlan::CONTROL_7)),
        (PLC9, firewall([10, 20, 9], vlan::CONTROL_9)),
        (RECORDER1, firewall([10, 24, 0], vlan::VIDEO)),
        (RCMS1, firewall([10, 25, 0], vlan::REMOTE)),
        (TOS1, firewall([10, 30, 0], vlan::PORT)),
        (OFFICE1, firewall([10, 40, 0], vlan::BUSINESS)),
        (JUMP1, firewall([10, 50, 0], vlan::DMZ)),
        (SCANNER1, IMAGES1),
        (MASTCAM7, firewall([10, 21, 7], vlan::AUXILIARY_7)),
        (QUAYCAM9, firewall([10, 22, 9], vlan::UNTRUSTED_9)),
    ];
    for (nth, (from, to)) in (0i64..).zip(pairs) {
        for at in every(net, 150 * MILLI + nth * 40 * MILLI, 240 * SECOND) {
            link::arp(net, at, from, to);
        }
    }
    link::arp_announce(net, BEGIN + 21 * SECOND, CABIN9);
    link::neighbour_discovery(net, BEGIN + 33 * SECOND, OFFICE1);
    link::join_group(
        net,
        BEGIN + 40 * SECOND,
        PRINTER1,
        Ipv4Addr::new(224, 0, 1, 60),
    );
}

fn remote_operations(net: &mut Network) {
    for (nth, plc) in (0i64..).zip([PLC7, PLC9]) {
        let mut remote = S7::connect(
            net,
            BEGIN + 7 * SECOND + nth * 410 * MILLI,
            RCMS1,
            plc,
            Device::Basic,
            2,
        );
        for at in every(net, 9 * SECOND + nth * 500 * MILLI, 15 * SECOND) {
            remote.tcp.until(at);
            let state = net.dice.bytes(24);
            remote.read(net, 30, 0, &state);
        }
        remote.close(net);
    }
    let mut statistics = OpcUa::connect(net, BEGIN + 70 * SECOND, RCMS1, CMS9, "rcms1");
    for (round, at) in (0u32..).zip(every(net, 72 * SECOND, 60 * SECOND)) {
        statistics.tcp.until(at);
        statistics.read(net, "STS09.MovesPerHour", 28 + round % 3);
        statistics.read(net, "STS09.WindSpeed", 7 + round % 2);
    }
    statistics.close(net);
    for (nth, station) in (0i64..).zip([OPERATOR1, OPERATOR2]) {
        let at = BEGIN + 45 * SECOND + nth * 12 * SECOND;
        dns::lookup(
            net,
            at - SECOND,
            station,
            SERVICES1,
            "rcms1.crane.harborview.example",
            &[RCMS1.ip],
        );
        https(
            net,
            at,
            station,
            RCMS1,
            "rcms1.crane.harborview.example",
            Version::Tls12,
            (700, 4_200),
        );
    }
}

/// One HTTPS visit.
fn https(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    name: &str,
    version: Version,
    bytes: (usize, usize),
) {
    let mut tcp = Tcp::open(net, at, client, server, 443);
    let hello = Hello {
        version,
        sni: Some(name),
        alpn: &["http/1.1"],
        issuer: "Harborview Issuing CA",
        names: &[name],
    };
    tls::shake(net, &mut tcp, hello);
    tls::data(net, &mut tcp, bytes.0, bytes.1);
    tls::close(net, &mut tcp);
}

/// Work order WO-2211: the engineering station changes two blocks of crane 7's controller.
fn engineering(net: &mut Network) {
    let start = BEGIN + 4 * MINUTE;
    https(
        net,
        start - 40 * SECOND,
        ENG1,
        GATE1,
        "gate1.harborview.example",
        Version::Tls13,
        (500, 6_000),
    );
    let mut s7 = S7::connect(net, start, ENG1, PLC7, Device::Programmer, 2);
    s7.identify(net, "6ES7 315-2EH14-0AB0", [3, 2, 6]);
    s7.diagnose(net);
    s7.password(net);
    let (old, data, code) = blocks();
    s7.upload(net, "DB11", &old);
    s7.tcp.pause(4 * SECOND);
    s7.stop(net);
    s7.download(net, "DB11", &data);
    s7.download(net, "FC30", &code);
    s7.start(net);
    s7.set_clock(net);
    s7.close(net);
}

/// The blocks of the work order: the old and the new data block, and the new function.
pub(super) fn blocks() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut dice = crate::net::Dice::new(11);
    (
        s7comm::block(0x0a, 11, &dice.bytes(300)),
        s7comm::block(0x0a, 11, &dice.bytes(316)),
        s7comm::block(0x0c, 30, &dice.bytes(470)),
    )
}

/// Work order WO-2212: the vendor looks at crane 9's management system, by the jump host.
fn vendor_visit(net: &mut Network) {
    let start = BEGIN + 6 * MINUTE;
    let mut outer = Tcp::open(net, start, VENDOR, JUMP1, rdp::PORT);
    rdp::session(net, &mut outer, "vendor-a", 3);
    let mut inner = Tcp::open(net, outer.now() + SECOND, JUMP1, CMS9, ssh::PORT);
    ssh::session(
        net,
        &mut inner,
        "SSH-2.0-OpenSSH_9.2p1 Debian-2",
        "SSH-2.0-OpenSSH_for_Windows_9.5",
        6,
    );
    inner.close(net);
    let mut panel = Tcp::open(net, inner.now() + 2 * SECOND, JUMP1, CMS9, rdp::PORT);
    rdp::session(net, &mut panel, "maintenance", 3);
    panel.close(net);
    outer.until(panel.now() + SECOND);
    tls::data(net, &mut outer, 80, 500);
    outer.close(net);
}

/// Names, time and addresses inside, and the management of the switches.
fn services(net: &mut Network) {
    let clients = [
        PLC7, PLC9, SAFETY7, SAFETY9, HMI7, HMI9, CMS7, CMS9, ENG1, RCMS1, RECORDER1, SWITCH7,
        MASTCAM7, QUAYCAM9,
    ];
    for (nth, client) in (0i64..).zip(clients) {
        for at in every(net, 11 * SECOND + nth * 900 * MILLI, 300 * SECOND) {
            ntp::ask(net, at, client, SERVICES1);
        }
    }
    for (nth, client) in (0i64..).zip([OFFICE1, TOS1, PLANNER1, PRINTER1]) {
        ntp::ask(net, BEGIN + 17 * SECOND + nth * SECOND, client, DOMAIN1);
    }
    for (nth, client) in (0i64..).zip([CMS7, CMS9, RCMS1]) {
        for at in every(net, 14 * SECOND + nth * SECOND, 200 * SECOND) {
            dns::lookup(
                net,
                at,
                client,
                SERVICES1,
                "services1.crane.harborview.example",
                &[SERVICES1.ip],
            );
        }
    }
    let inside = dhcp::Lease {
        ip: ENG1.ip,
        gateway: Ipv4Addr::new(10, 23, 0, 1),
        dns: SERVICES1.ip,
    };
    dhcp::lease(net, BEGIN + 50 * SECOND, ENG1, SERVICES1, inside);
    let office = dhcp::Lease {
        ip: OFFICE2.ip,
        gateway: Ipv4Addr::new(10, 40, 0, 1),
        dns: DOMAIN1.ip,
    };
    dhcp::lease(net, BEGIN + 55 * SECOND, OFFICE2, DOMAIN1, office);
    for at in every(net, 90 * SECOND, 180 * SECOND) {
        snmp::get_v3(net, at, SERVICES1, SWITCH7, "monitor");
        snmp::get_v3(net, at + 50 * MILLI, SERVICES1, SWITCH9, "monitor");
    }
}
