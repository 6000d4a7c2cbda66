//! Packets of several interfaces, put in the order of their times.
//!
//! One connection may pass two sensors, and a packet that a router carried on is seen on both sides of it. To tell copies
//! from repetitions, a worker has to see them in the order in which they were on the wire; rings hand theirs over in blocks.
use std::collections::VecDeque;

use facts::Time;
use sensor::live::Packet;
use wire::Link;

/// Bytes that may wait; beyond them the oldest go on, whether or not something earlier may still come.
const MOST_BYTES: usize = 64 << 20;

/// Packets that wait for earlier ones of other interfaces.
#[derive(Debug, Default)]
pub struct Queue {
    /// By interface. Within one, the order in which they came stays.
    lanes: Vec<Lane>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Lane {
    packets: VecDeque<Waiting>,
    /// Room of packets that went on.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Waiting {
    time: Time,
    link: Link,
    wire_len: u32,
    data: Vec<u8>,
}

/// Buffers that a lane keeps for reuse.
const MOST_SPARE: usize = 4096;

impl Queue {
    /// Takes a packet of that interface.
    pub fn put(&mut self, lane: usize, packet: &Packet<'_>) {
        while self.lanes.len() <= lane {
            self.lanes.push(Lane::default());
        }
        let Some(lane) = self.lanes.get_mut(lane) else {
            return;
        };
        let mut data = lane.spare.pop().unwrap_or_default();
        data.extend_from_slice(packet.data);
        self.bytes += data.len();
        lane.packets.push_back(Waiting {
            time: packet.time,
            link: packet.link,
            wire_len: packet.wire_len,
            data,
        });
    }

    /// Hands on all packets from before that time, the earliest first, and more where too much waits.
    pub fn settle(&mut self, until: Time, each: &mut dyn FnMut(usize, &Packet<'_>)) {
        loop {
            let first = |lane: &Lane| lane.packets.front().map(|packet| packet.time);
            let lanes = self.lanes.iter().enumerate();
            let earliest = lanes
                .filter_map(|(place, lane)| Some((first(lane)?, place)))
                .min();
            let Some((time, place)) = earliest else {
                return;
            };
            if time >= until && self.bytes <= MOST_BYTES {
                return;
            }
            let Some(lane) = self.lanes.get_mut(place) else {
                return;
            };
            let Some(mut waiting) = lane.packets.pop_front() else {
                return;
            };
            let packet = Packet {
                time: waiting.time,
                data: &waiting.data,
                wire_len: waiting.wire_len,
                link: waiting.link,
            };
            each(place, &packet);
            self.bytes -= waiting.data.len();
            if lane.spare.len() < MOST_SPARE {
                waiting.data.clear();
                lane.spare.push(waiting.data);
            }
        }
    }
}

#[test]
fn packets_of_two_interfaces_go_on_in_the_order_of_time() {
    let packet = |time: i64, data: &'static [u8]| Packet {
        time: Time(time),
        data,
        wire_len: 1,
        link: Link::Ethernet,
    };
    let mut queue = Queue::default();
    queue.put(0, &packet(10, b"a"));
    queue.put(0, &packet(30, b"c"));
    queue.put(1, &packet(20, b"b"));
    queue.put(1, &packet(40, b"d"));
    let mut order = Vec::new();
    let mut take = |place: usize, packet: &Packet<'_>| order.push((place, packet.data.to_vec()));
    queue.settle(Time(40), &mut take);
    queue.settle(Time(40), &mut take);
    queue.settle(Time::MAX, &mut take);
    let expected: Vec<(usize, Vec<u8>)> = vec![
        (0, b"a".to_vec()),
        (1, b"b".to_vec()),
        (0, b"c".to_vec()),
        (1, b"d".to_vec()),
    ];
    assert_eq!(order, expected);
    assert_eq!(queue.bytes, 0);
}
