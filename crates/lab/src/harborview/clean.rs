//! The clean day: cyclic control, cameras, work orders, a vendor's visit by the jump host, names and time, offices.
//! Everything in it is declared.
use std::net::Ipv4Addr;

use crate::net::network::MINUTE;
use crate::net::{Host, MILLI, Micros, Network, SECOND, Tcp};
use crate::speech::enip::{Enip, Identity};
use crate::speech::link::{self, Station};
use crate::speech::modbus::Modbus;
use crate::speech::opcua::OpcUa;
use crate::speech::s7comm::{self, Device, S7};
use crate::speech::tls::{self, Hello, Version};
use crate::speech::{dhcp, dns, enip, http, ntp, profinet, rdp, rtsp, snmp, ssh};

use super::BEGIN;
use super::hosts::*;

/// How long the captures last.
const LENGTH: Micros = 10 * MINUTE;
/// What the spreader's controller states of itself.
const SPREADER: Identity = Identity {
    vendor: 1,
    device_type: 14,
    product: 107,
    revision: (33, 11),
    serial: 0x60a1_4409,
    name: "1769-L33ER/A LOGIX5333ER",
};

/// One crane's control network.
struct Crane {
    plc: Host,
    safety: Host,
    hoist: Host,
    gantry: Host,
    rio: Host,
    hmi: Host,
    cms: Host,
}

const CRANES: [Crane; 2] = [
    Crane {
        plc: PLC7,
        safety: SAFETY7,
        hoist: HOIST7,
        gantry: GANTRY7,
        rio: RIO7,
        hmi: HMI7,
        cms: CMS7,
    },
    Crane {
        plc: PLC9,
        safety: SAFETY9,
        hoist: HOIST9,
        gantry: GANTRY9,
        rio: RIO9,
        hmi: HMI9,
        cms: CMS9,
    },
];

pub(super) fn play(net: &mut Network) {
    housekeeping(net);
    for (nth, crane) in (0..).zip(&CRANES) {
        control(net, crane, nth);
    }
    spreader(net);
    cameras(net);
    remote_operations(net);
    engineering(net);
    vendor_visit(net);
    services(net);
    port(net);
    offices(net);
    screening(net);
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

fn control(net: &mut Network, crane: &Crane, nth: i64) {
    let offset = nth * 137 * MILLI;

    let mut panel = S7::connect(
        net,
        BEGIN + 1_200 * MILLI + offset,
        crane.hmi,
        crane.plc,
        Device::Operator,
        2,
    );
    for (round, at) in (0u64..).zip(every(net, 2 * SECOND + offset, 4 * SECOND)) {
        panel.tcp.until(at);
        let state = net.dice.bytes(32);
        panel.read(net, 10, 0, &state);
        if round % 15 == 7 {
            panel.write(net, 11, 4, &[0, 0x3c]);
        }
        if round == 40 {
            panel.again(net);
        }
    }
    panel.tcp.settle(net);

    // The drives were connected long before anyone listened, but for the gantry of the second crane.
    for (index, drive) in (0i64..).zip([crane.hoist, crane.gantry]) {
        let start = BEGIN + 400 * MILLI + offset + index * 55 * MILLI;
        let mut modbus = if index == 1 && nth == 1 {
            let mut modbus = Modbus::connect(net, start, crane.plc, drive, 1);
            modbus.identify(net, "ABB Oy", "ACS880 FENA-21", "3.17");
            modbus
        } else {
            Modbus::midstream(net, start, crane.plc, drive, 1)
        };
        for at in every(net, 700 * MILLI + offset + index * 60 * MILLI, 5 * SECOND) {
            modbus.tcp.until(at);
            let status = [0x1237, (net.dice.below(900)) as u16, 12, 0];
            modbus.read(net, 3, &status);
            modbus.write(net, 0, &[0x047f, 4_000]);
        }
        modbus.tcp.settle(net);
    }

    for (round, at) in (0u16..).zip(every(net, 100 * MILLI + offset, 4 * SECOND)) {
        let (out, back) = (net.dice.bytes(8), net.dice.bytes(8));
        let counter = round.wrapping_mul(64);
        profinet::cyclic(net, at, crane.plc, crane.rio, 0x8001, counter, &out);
        profinet::cyclic(net, at + 700, crane.rio, crane.plc, 0x8002, counter, &back);
    }

    let mut checks = S7::connect(
        net,
        BEGIN + 3 * SECOND + offset,
        crane.plc,
        crane.safety,
        Device::Basic,
        2,
    );
    for at in every(net, 5 * SECOND + offset, 20 * SECOND) {
        checks.tcp.until(at);
        checks.read(net, 100, 0, &[1, 1, 1, 0]);
    }
    checks.tcp.settle(net);

    let mut management = S7::connect(
        net,
        BEGIN + 6 * SECOND + offset,
        crane.cms,
        crane.plc,
        Device::Basic,
        2,
    );
    management.identify(net, "6ES7 315-2EH14-0AB0", [3, 2, 6]);
    for at in every(net, 8 * SECOND + offset, 10 * SECOND) {
        management.tcp.until(at);
        let counters = net.dice.bytes(64);
        management.read(net, 20, 0, &counters);
    }
    management.close(net);
}

fn spreader(net: &mut Network) {
    let mut link = Enip::connect(net, BEGIN + 2_300 * MILLI, SPREADER9, TWISTLOCK9);
    let (out, back) = link.forward_open(net);
    link.close(net);
    for (round, at) in (1u16..).zip(every(net, 3 * SECOND, 5 * SECOND)) {
        enip::io(net, at, SPREADER9, TWISTLOCK9, out, round, &[0x0f, 0]);
        enip::io(
            net,
            at + 900,
            TWISTLOCK9,
            SPREADER9,
            back,
            round,
            &[0x0f, 0, 1, 0],
        );
    }
    enip::list_identity(net, BEGIN + 9 * SECOND, CMS9, SPREADER9, SPREADER);
    let mut reader = Enip::connect(net, BEGIN + 9_500 * MILLI, CMS9, SPREADER9);
    reader.identity(net, SPREADER);
    for (round, at) in (0u32..).zip(every(net, 12 * SECOND, 15 * SECOND)) {
        reader.tcp.until(at);
        reader.read_tag(net, "TWISTLOCK_STATE", 0x0f);
        reader.read_tag(net, "LIFT_COUNT", 41_280 + round);
    }
    reader.close(net);
}

fn cameras(net: &mut Network) {
    let cameras = [
        (MASTCAM7, "Axis"),
        (QUAYCAM7, "Hikvision"),
        (MASTCAM9, "Axis"),
        (QUAYCAM9, "Hikvision"),
    ];
    for (nth, (camera, maker)) in (0i64..).zip(cameras) {
        let start = BEGIN + 4 * SECOND + nth * 310 * MILLI;
        let mut stream = rtsp::play(net, start, RECORDER1, camera, maker);
        for at in every(net, 6 * SECOND + nth * 210 * MILLI, 12 * SECOND) {
            stream.picture(net, at, 900);
        }
        for at in every(net, 60 * SECOND, 150 * SECOND) {
            stream.report(net, at);
        }
        stream.stop(net, BEGIN + LENGTH - 2 * SECOND);
    }
    for (nth, view) in (0i64..).zip([CABIN7, CABIN9]) {
        let start = BEGIN + 30 * SECOND + nth * 700 * MILLI;
        let mut stream = rtsp::play(net, start, view, RECORDER1, "Recorder");
        for at in every(net, 32 * SECOND + nth * 100 * MILLI, 30 * SECOND) {
            stream.picture(net, at, 600);
        }
        stream.stop(net, BEGIN + LENGTH - 3 * SECOND);
    }
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

/// The terminal operating system gives jobs to the cranes and hears what became of them.
fn port(net: &mut Network) {
    for (nth, (cms, crane)) in (0i64..).zip([(CMS7, "STS-07"), (CMS9, "STS-09")]) {
        let mut jobs = Tcp::open(
            net,
            BEGIN + 16 * SECOND + nth * 600 * MILLI,
            TOS1,
            cms,
            7_001,
        );
        for (round, at) in (1u32..).zip(every(net, 20 * SECOND + nth * 3 * SECOND, 45 * SECOND)) {
            jobs.until(at);
            let box_number = 7_402_110 + round * 13;
            jobs.exchange(
                net,
                format!(
                    "\u{2}JOB|{crane}|{round:05}|DISCHARGE|HVBU{box_number}|BAY 34|LANE 3\u{3}"
                )
                .as_bytes(),
                format!("\u{2}ACK|{crane}|{round:05}|ACCEPTED\u{3}").as_bytes(),
            );
            jobs.pause(2 * SECOND);
            jobs.answer(
                net,
                format!("\u{2}STA|{crane}|{round:05}|LANDED\u{3}").as_bytes(),
            );
            jobs.settle(net);
        }
        jobs.close(net);
    }
    for at in every(net, 35 * SECOND, 200 * SECOND) {
        dns::lookup(
            net,
            at - 200 * MILLI,
            PLANNER1,
            DOMAIN1,
            "tos1.harborview.example",
            &[TOS1.ip],
        );
        https(
            net,
            at,
            PLANNER1,
            TOS1,
            "tos1.harborview.example",
            Version::Tls13,
            (900, 5_000),
        );
    }
}

/// Offices at work, among them names that only look like those on the watch list.
fn offices(net: &mut Network) {
    let visits: [(Host, &str, [u8; 4], Version); 6] = [
        (
            OFFICE1,
            "www.carrier.example",
            [198, 51, 100, 20],
            Version::Tls13,
        ),
        (
            OFFICE1,
            "accounts.loginkakao.com",
            [198, 51, 100, 31],
            Version::Tls12,
        ),
        (OFFICE2, "www.nzpmc.com", [198, 51, 100, 32], Version::Tls12),
        (
            OFFICE2,
            "portal.mylogink.cn",
            [198, 51, 100, 33],
            Version::Tls13,
        ),
        (OFFICE1, "login.cn", [198, 51, 100, 34], Version::Tls13),
        (
            OFFICE2,
            "logink.cn.example.com",
            [198, 51, 100, 35],
            Version::Tls12,
        ),
    ];
    for (nth, (client, name, ip, version)) in (0i64..).zip(visits) {
        let at = BEGIN + 80 * SECOND + nth * 47 * SECOND;
        let server = outside(ip);
        look_up(net, at, client, name, server);
        https(
            net,
            at + 90 * MILLI,
            client,
            server,
            name,
            version,
            (800, 3_500),
        );
    }
    for (nth, name) in (0i64..).zip([
        "mylogink.cn",
        "loginkit.example.org",
        "relogink.example.net",
    ]) {
        look_up(
            net,
            BEGIN + 400 * SECOND + nth * 9 * SECOND,
            OFFICE1,
            name,
            outside([198, 51, 100, 36]),
        );
    }
    let request = http::Request {
        method: "GET",
        host: "www.nzpmc.com",
        path: "/logink.cn/price-list",
        headers: "",
        body: "",
    };
    http::once(
        net,
        BEGIN + 420 * SECOND,
        OFFICE1,
        outside([198, 51, 100, 32]),
        80,
        request,
        ("text/html", "<html>tide tables</html>"),
    );
    https(
        net,
        BEGIN + 130 * SECOND,
        OFFICE1,
        TOS1,
        "tos1.harborview.example",
        Version::Tls13,
        (600, 2_400),
    );
}

/// A name by the terminal's own resolver, which asks outside.
fn look_up(net: &mut Network, at: Micros, client: Host, name: &str, server: Host) {
    dns::lookup_within(net, at, 24_000, client, DOMAIN1, name, &[server.ip]);
    dns::lookup_within(
        net,
        at + 500,
        22_000,
        DOMAIN1,
        RESOLVER1,
        name,
        &[server.ip],
    );
    dns::lookup_within(net, at + 900, 20_000, RESOLVER1, QUAD9, name, &[server.ip]);
}

/// The container scanner keeps its pictures within its own network.
fn screening(net: &mut Network) {
    for at in every(net, 25 * SECOND, 180 * SECOND) {
        https(
            net,
            at,
            SCANNER1,
            IMAGES1,
            "images1.harborview.example",
            Version::Tls12,
            (9_000, 400),
        );
    }
}
