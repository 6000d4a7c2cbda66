//! Ways in and out: remote access past the jump host, gateways that nobody declared, data for a watched platform.

use crate::net::{Tcp, Via};
use crate::scenario::Stage;
use crate::speech::tls::{self, Hello, Version};
use crate::speech::{anydesk, dhcp, dns, http, link, rdp, ssh, teamviewer, vnc};

use super::super::hosts::*;
use super::super::plants::*;
use super::{at, planted};

/// C6: people at a distance who do not come by the jump host.
pub(super) fn remote_access(stage: &mut Stage) {
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
pub(super) fn ways_out(stage: &mut Stage) {
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
pub(super) fn platforms(stage: &mut Stage) {
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
