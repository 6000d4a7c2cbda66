//! A station, a panel, and what a worker makes of the frames between them.
use std::net::Ipv4Addr;

use facts::Time;
use lab::net::{Host, Micros, Network, SECOND};
use wire::{Limits, Link, Picture, Shard, Worker};

pub const STATION: Host = host("station", 1);
pub const PANEL: Host = host("panel", 2);
pub const AT: Micros = 1_700_000_000 * SECOND;

const fn host(name: &'static str, last: u8) -> Host {
    Host {
        name,
        mac: [2, 0, 0, 0, 0, last],
        ip: Ipv4Addr::new(10, 20, 7, last),
        vlan: 107,
        ttl: 64,
    }
}

/// The frames that a conversation gives.
pub fn played(play: impl FnOnce(&mut Network)) -> Vec<Vec<u8>> {
    let mut net = Network::new([2, 0, 0, 0, 0, 9], 7);
    play(&mut net);
    let (frames, _, _) = net.finish();
    frames.into_iter().map(|frame| frame.bytes).collect()
}

/// A frame each millisecond, of each no more than `snap` bytes.
pub fn observed<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>, snap: usize) -> Picture {
    let mut worker = Worker::new(Shard::default(), Limits::default());
    for (bytes, number) in frames.into_iter().zip(1u32..) {
        worker.frame(&wire::Frame {
            link: Link::Ethernet,
            time: Time(i64::from(number) * 1_000_000),
            data: &bytes[..bytes.len().min(snap)],
            wire_len: u32::try_from(bytes.len()).unwrap(),
            capture: 0,
            number,
        });
    }
    worker.finish()
}
