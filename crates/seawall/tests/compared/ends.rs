//! Who spoke to whom: the ends of every TCP connection and UDP exchange, in tunnels and outside of them.
use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;

pub const FIELDS: &[&str] = &[
    "frame.protocols",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
];

/// What tshark tells of one frame.
pub type Frame = BTreeMap<&'static str, Vec<String>>;

/// A packet of TCP or UDP: sender and target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    pub transport: &'static str,
    pub from: (String, String),
    pub to: (String, String),
}

impl Ends {
    /// Both ends, in an order that hangs on nothing but themselves.
    fn pair(&self) -> String {
        pair(&self.from, &self.to)
    }
}

fn pair(one: &(String, String), two: &(String, String)) -> String {
    let (low, high) = if one <= two { (one, two) } else { (two, one) };
    format!("{}:{} {}:{}", low.0, low.1, high.0, high.1)
}

/// The packets of a frame from the outermost tunnel to the innermost: each layer that tshark names takes the next of the
/// values of its fields.
pub fn layers(frame: &Frame) -> Vec<Ends> {
    let mut found = Vec::new();
    let (mut four, mut six, mut tcp, mut udp) = (0, 0, 0, 0);
    let mut addresses = None;
    let value = |field: &str, nth: usize| frame[field].get(nth).cloned();
    let names = frame["frame.protocols"].first();
    for layer in names.map_or("", String::as_str).split(':') {
        let (transport, nth) = match layer {
            "ip" => {
                addresses = value("ip.src", four).zip(value("ip.dst", four));
                four += 1;
                continue;
            }
            "ipv6" => {
                addresses = value("ipv6.src", six).zip(value("ipv6.dst", six));
                six += 1;
                continue;
            }
            // What an ICMP error quotes is no packet of the conversation.
            "icmp" | "icmpv6" => break,
            "tcp" => ("tcp", &mut tcp),
            "udp" => ("udp", &mut udp),
            _ => continue,
        };
        let (from, to) = match transport {
            "tcp" => ("tcp.srcport", "tcp.dstport"),
            _ => ("udp.srcport", "udp.dstport"),
        };
        let ports = value(from, *nth).zip(value(to, *nth));
        *nth += 1;
        if let (Some((src, dst)), Some((from, to))) = (addresses.clone(), ports) {
            found.push(Ends {
                transport,
                from: (src, from),
                to: (dst, to),
            });
        }
    }
    found
}

pub fn theirs(frames: &[Frame], transport: &str) -> BTreeSet<String> {
    let all = frames.iter().flat_map(layers);
    all.filter(|ends| ends.transport == transport)
        .map(|ends| ends.pair())
        .collect()
}

pub fn ours(facts: &Facts, transport: &str) -> BTreeSet<String> {
    let of = facts
        .conversations
        .iter()
        .filter(|one| one.transport == transport);
    let port = |port: Option<u16>| port.map_or(String::new(), |port| port.to_string());
    of.map(|one| {
        pair(
            &(one.client.to_string(), port(one.client_port)),
            &(one.server.to_string(), port(one.server_port)),
        )
    })
    .collect()
}
