//! Flow records: what switches, routers and firewalls say of the traffic that they saw.
//!
//! That is second-hand. It opens no conversation here and proves nothing; but an address from which another device reports
//! traffic, and of which no frame was captured, is one that the sensors do not see (`fold::reported`).
//!
//! Spec: NetFlow version 5 (NetFlow Export Datagram Format); RFC 3954 (version 9); RFC 7011, RFC 7012 (IPFIX); sFlow
//! Version 5 (sFlow Datagram Format).
//! Emits: who exports, with which version, source or observation domain, agent, sampling and since when it is up; the
//! private addresses that its records name as senders, with how many records do, as coverage.
//! Blind to: NetFlow before 5, 7 and 8; sFlow before 5; IPFIX over TCP, SCTP and TLS; what records tell besides addresses;
//! records whose template was not captured.
mod netflow;
mod sflow;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) use self::netflow::DECODER as NETFLOW;
pub(super) use self::sflow::DECODER as SFLOW;
use crate::{Cx, Malformed, Reader, Side};

/// Sources, domains or agents told of one exporter.
const MOST_SOURCES: usize = 16;

/// What was said of an exporter already: each once.
#[derive(Default)]
struct Told {
    sources: Vec<u64>,
    sampling: Option<u64>,
    up: bool,
}

impl Told {
    /// `number` tells the source from others of the same exporter; `words` describe it.
    fn source(&mut self, cx: &mut Cx<'_>, number: u64, words: impl FnOnce() -> String) {
        if self.sources.contains(&number) || self.sources.len() >= MOST_SOURCES {
            return;
        }
        if self.sources.is_empty() {
            cx.identity(Side::Client, "role", "flow exporter");
        }
        self.sources.push(number);
        cx.identity(Side::Client, "service", words());
    }

    /// One packet of so many is looked at.
    fn sampling(&mut self, cx: &mut Cx<'_>, one_of: u64) {
        if one_of == 0 || self.sampling.is_some() {
            return;
        }
        self.sampling = Some(one_of);
        let words = match one_of {
            1 => "reports flows of every packet".to_owned(),
            _ => format!("reports flows of one packet in {one_of}"),
        };
        cx.identity(Side::Client, "system", words);
    }

    /// Milliseconds since its start, at the second at which it says it sent this.
    fn up(&mut self, cx: &mut Cx<'_>, milliseconds: u32, sent: Option<u32>) {
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        let now = sent.map_or(cx.now().0 / 1_000_000_000, i64::from);
        let begin = facts::Time::from_secs((now - i64::from(milliseconds) / 1000) / 60 * 60);
        cx.identity(Side::Client, "system", format!("up since {begin}"));
    }
}

/// An address of a network of one's own (RFC 1918, RFC 6598, RFC 4193). Those of the internet are without number, and no
/// sensor of a crane network sees them.
fn is_inner(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || matches!(ip.octets(), [100, 64..=127, _, _]),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// The sender of a record's packets. Who they went to may not exist: others may only have tried.
fn report(cx: &mut Cx<'_>, sender: Option<IpAddr>) {
    if let Some(ip) = sender.filter(|ip| is_inner(*ip)) {
        cx.reported(ip);
    }
}

/// An address of the length that its field has.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => bytes
            .first_chunk::<4>()
            .map(|bytes| Ipv4Addr::from(*bytes).into()),
        16 => bytes
            .first_chunk::<16>()
            .map(|bytes| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}

/// The sender of an IP packet of which the header is there.
fn of_packet(r: &mut Reader<'_>) -> Result<Option<IpAddr>, Malformed> {
    let [first, ..] = r.peek() else {
        return Err(Malformed::Short);
    };
    let (before, length) = match first >> 4 {
        4 => (12, 4),
        6 => (8, 16),
        _ => return Err(Malformed::Bad("IP version")),
    };
    r.skip(before)?;
    Ok(address(r.bytes(length)?))
}

#[cfg(test)]
mod tests;
