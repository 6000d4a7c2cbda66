//! What goes wrong on the cranes themselves: who changes controllers, which host has two homes, what stands where.
use std::net::Ipv4Addr;

use crate::net::{MILLI, SECOND, Tcp, Via};
use crate::scenario::Stage;
use crate::speech::modbus::Modbus;
use crate::speech::s7comm::{Device, S7};
use crate::speech::{dhcp, dns, http, link, profinet, rtsp};

use super::super::clean::blocks;
use super::super::hosts::*;
use super::super::plants::*;
use super::{at, planted};

/// C9 and C8: who changes controllers.
pub(super) fn modifications(stage: &mut Stage) {
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

    let stop = planted(
        "stop-after-work-order",
        "C9",
        &["C8", "C1"],
        &["eng1", "plc7"],
        "the engineering station stops crane 7's controller after WO-2211 has ended",
    );
    let start = planted(
        "start-after-work-order",
        "C9",
        &["C8", "C1"],
        &["eng1", "plc7"],
        "and starts it again, in the same session",
    );
    let mut session = None;
    stage.plant(stop, |net| {
        let mut s7 = net.around(|net| S7::connect(net, at(540), ENG1, PLC7, Device::Programmer, 2));
        s7.stop(net);
        s7.tcp.pause(6 * SECOND);
        session = Some(s7);
    });
    stage.plant(start, |net| {
        if let Some(mut s7) = session {
            s7.start(net);
            net.around(|net| s7.close(net));
        }
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
pub(super) fn homes(stage: &mut Stage) {
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
        "C12",
        &["C3", "C1", "C11"],
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
pub(super) fn devices(stage: &mut Stage) {
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
