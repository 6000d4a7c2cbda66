//! Frames that a crane network carries seldom, all of them healthy: priority tags, QinQ, fragments, IPv6, TCP that began
//! earlier, was half lost or repeats itself. One capture, two hosts of Harborview, the truth in its deeds.
use std::net::Ipv6Addr;

use crate::harborview::{self, BEGIN, hosts};
use crate::net::frame::{self, Ends, Tag};
use crate::net::{Format, Host, Network, SECOND, Side, Tcp};
use crate::scenario::{Scenario, Stage, Tap};
use crate::speech::link::{self, link_local};
use crate::speech::modbus::{self, Modbus};
use crate::speech::ntp;

/// The one capture: what a sensor hears on the control network of crane 7.
pub const TAPS: &[Tap] = &[Tap {
    file: "oddments.pcap",
    format: Format::Pcap,
    vlans: &[hosts::vlan::CONTROL_7],
}];

/// VLANs of the QinQ frames: the carrier's outside, the crane's inside.
pub const QINQ: (u16, u16) = (3_001, hosts::vlan::CONTROL_7);
/// Bytes of payload in the fragmented datagram.
pub const FRAGMENTED: usize = 3_200;
/// Bytes of the gap in the Modbus connection of [`hosts::GANTRY7`].
pub const GAP: u32 = 240;

const CLIENT: Host = hosts::PLC7;
const SERVER: Host = hosts::HOIST7;

pub fn scenario() -> Scenario {
    let mut stage = Stage::new(hosts::FIREWALL_MAC, 5);
    let net = &mut stage.net;
    tagged(net);
    let data = net.dice.bytes(FRAGMENTED);
    let at = BEGIN + 20 * SECOND;
    link::fragmented_udp(net, at, CLIENT, SERVER, (40_000, 40_001), &data, 1_480);
    over_ipv6(net);
    streams(net);
    stage.finish("oddments", harborview::SITE, TAPS)
}

/// One datagram with a priority tag (it names no VLAN), one without a tag, one in QinQ.
fn tagged(net: &mut Network) {
    let (outer, inner) = QINQ;
    let tags: [&[Tag]; 3] = [
        &[Tag::priority(5)],
        &[],
        &[Tag::service(outer), Tag::vlan(inner)],
    ];
    for (nth, tags) in (0i64..).zip(tags) {
        let ends = Ends::V4(CLIENT.ip, SERVER.ip);
        let datagram = frame::udp(ends, 40_100, 40_101, b"state of the crane, please");
        let header = frame::Ipv4 {
            from: CLIENT.ip,
            to: SERVER.ip,
            protocol: frame::UDP,
            ttl: CLIENT.ttl,
            id: 0x0a00,
            tos: 0,
            dont_fragment: false,
        };
        let bytes = frame::ethernet(
            SERVER.mac,
            CLIENT.mac,
            tags,
            frame::IPV4,
            &header.whole(&datagram),
        );
        net.put(BEGIN + nth * SECOND, CLIENT.vlan, bytes);
    }
}

/// A question for the time between link-local addresses.
fn over_ipv6(net: &mut Network) {
    let (from, to): (Ipv6Addr, Ipv6Addr) = (link_local(CLIENT.mac), link_local(SERVER.mac));
    let question = [&[0x23][..], &[0; 47]].concat();
    let datagram = frame::udp(Ends::V6(from, to), ntp::PORT, ntp::PORT, &question);
    let packet = frame::ipv6(from, to, frame::UDP, 64, &datagram);
    net.layer2(
        BEGIN + 25 * SECOND,
        CLIENT,
        SERVER.mac,
        frame::IPV6,
        &packet,
    );
}

fn streams(net: &mut Network) {
    // Under way when the capture begins, and the last answer comes twice.
    let mut early = Modbus::midstream(net, BEGIN + 30 * SECOND, CLIENT, SERVER, 1);
    for _ in 0..3 {
        early.read(net, 3, &[1, 2]);
    }
    early.tcp.again(net);
    early.close(net);

    // The sensor misses some answers, which the client acknowledges all the same.
    let mut torn = Modbus::connect(net, BEGIN + 40 * SECOND, CLIENT, hosts::GANTRY7, 1);
    torn.read(net, 3, &[1, 2]);
    torn.tcp.unseen(Side::Server, GAP);
    torn.read(net, 3, &[3, 4]);
    torn.close(net);

    // Several requests in one segment, and one request cut across two.
    let mut tcp = Tcp::open(net, BEGIN + 50 * SECOND, hosts::HMI7, SERVER, modbus::PORT);
    let ask = |number: u16| modbus::adu(number, 1, &[3, 0, 0, 0, 1]);
    let answer = |number: u16| modbus::adu(number, 1, &[3, 2, 0, 7]);
    tcp.ask(net, &[ask(1), ask(2), ask(3)].concat());
    tcp.answer(net, &[answer(1), answer(2), answer(3)].concat());
    let whole = ask(4);
    for piece in whole.chunks(5) {
        tcp.ask(net, piece);
    }
    tcp.answer(net, &answer(4));
    tcp.close(net);
}
