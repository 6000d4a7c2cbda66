//! Packets of several interfaces, put in the order of their times.
//!
//! One connection may pass two sensors, and a packet that a router carried on is seen on both sides of it. To tell copies
//! from repetitions, a worker has to see them in the order in which they were on the wire; rings hand theirs over in blocks.
//!
//! How long a packet has waited is told by the steady clock: one that was set back or forward holds up no packet.
use std::collections::VecDeque;
use std::time::Duration;

use facts::Time;
use sensor::live::Packet;
use wire::Link;

/// Memory of the packets that may wait; beyond it the oldest go on, whether or not something earlier may still come.
const MOST_BYTES: usize = 64 << 20;
/// Memory of the buffers that are kept for reuse, and the largest that is: segments that were put together are rare, and
/// a packet of 60 bytes is not to take the room of one.
const MOST_SPARE: usize = 4 << 20;
const LARGEST_SPARE: usize = 2 << 10;

/// Packets that wait for earlier ones of other interfaces.
#[derive(Debug, Default)]
pub struct Queue {
    /// By interface. Within one, the order in which they came stays.
    lanes: Vec<VecDeque<Waiting>>,
    bytes: usize,
    /// Room of packets that went on, and how much that is.
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    time: Time,
    /// When it came, by the steady clock.
    came: Duration,
    link: Link,
    wire_len: u32,
    data: Vec<u8>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        size_of::<Waiting>() + self.data.capacity()
    }
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes a packet of that interface, which came at that time of the steady clock.
    pub fn put(&mut self, lane: usize, packet: &Packet<'_>, came: Duration) {
        while self.lanes.len() <= lane {
            self.lanes.push(VecDeque::new());
        }
        let Some(lane) = self.lanes.get_mut(lane) else {
            return;
        };
        let mut data = Vec::new();
        if packet.data.len() <= LARGEST_SPARE
            && let Some(spare) = self.spare.pop()
        {
            self.spare_bytes -= spare.capacity();
            data = spare;
        }
        data.extend_from_slice(packet.data);
        let waiting = Waiting {
            time: packet.time,
            came,
            link: packet.link,
            wire_len: packet.wire_len,
            data,
        };
        self.bytes += waiting.bytes();
        lane.push_back(waiting);
    }

    /// Hands on the packets that came by then, after all those with an earlier stamp, and more where too much waits; the
    /// earliest stamp first.
    pub fn settle(&mut self, came_by: Duration, each: &mut dyn FnMut(usize, &Packet<'_>)) {
        loop {
            let lanes = self.lanes.iter().enumerate();
            let fronts = lanes.filter_map(|(place, lane)| Some((place, lane.front()?)));
            let (mut due, mut earliest) = (self.bytes > MOST_BYTES, None);
            for (place, front) in fronts {
                due |= front.came <= came_by;
                if earliest.is_none_or(|(time, _)| front.time < time) {
                    earliest = Some((front.time, place));
                }
            }
            let lane = earliest
                .filter(|_| due)
                .and_then(|(_, place)| Some((place, self.lanes.get_mut(place)?)));
            let Some((place, lane)) = lane else {
                return;
            };
            let Some(waiting) = lane.pop_front() else {
                return;
            };
            let packet = Packet {
                time: waiting.time,
                data: &waiting.data,
                wire_len: waiting.wire_len,
                link: waiting.link,
            };
            each(place, &packet);
            self.bytes -= waiting.bytes();
            self.reuse(waiting.data);
        }
    }

    fn reuse(&mut self, mut data: Vec<u8>) {
        let room = data.capacity();
        if room <= LARGEST_SPARE && self.spare_bytes + room <= MOST_SPARE {
            data.clear();
            self.spare_bytes += room;
            self.spare.push(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What went on, in order: the lane, and the first byte of the packet.
    type Order = Vec<(usize, u8)>;

    fn put(queue: &mut Queue, lane: usize, came: u64, time: i64, name: u8) {
        let packet = Packet {
            time: Time(time),
            data: &[name],
            wire_len: 1,
            link: Link::Ethernet,
        };
        queue.put(lane, &packet, Duration::from_millis(came));
    }

    fn settle(queue: &mut Queue, came_by: u64) -> Order {
        let mut order = Order::new();
        let mut take = |lane: usize, packet: &Packet<'_>| order.push((lane, packet.data[0]));
        queue.settle(Duration::from_millis(came_by), &mut take);
        order
    }

    #[test]
    fn packets_of_two_interfaces_go_on_in_the_order_of_time() {
        let mut queue = Queue::default();
        put(&mut queue, 0, 1, 10, b'a');
        put(&mut queue, 0, 2, 30, b'c');
        put(&mut queue, 1, 3, 20, b'b');
        put(&mut queue, 1, 3, 40, b'd');
        assert_eq!(settle(&mut queue, 0), []);
        // The one that waited long enough, and what came later and was earlier.
        assert_eq!(settle(&mut queue, 2), [(0, b'a'), (1, b'b'), (0, b'c')]);
        assert_eq!(settle(&mut queue, 2), []);
        assert_eq!(settle(&mut queue, 3), [(1, b'd')]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_or_forward_holds_up_no_packet() {
        let hour = 3_600_000_000_000;
        let stepped = |step: i64| {
            let mut queue = Queue::default();
            put(&mut queue, 0, 1, 2 * hour, b'a');
            put(&mut queue, 1, 2, 2 * hour + 1, b'b');
            put(&mut queue, 0, 3, 2 * hour + step, b'c');
            put(&mut queue, 1, 4, 2 * hour + step + 1, b'd');
            [0, 2, 4].map(|came_by| settle(&mut queue, came_by))
        };
        let forward = [
            vec![],
            vec![(0, b'a'), (1, b'b')],
            vec![(0, b'c'), (1, b'd')],
        ];
        assert_eq!(stepped(hour), forward);
        // What was stamped after the step goes by its stamp, which is the earlier one.
        let back = [
            vec![],
            vec![(0, b'a'), (0, b'c'), (1, b'b')],
            vec![(1, b'd')],
        ];
        assert_eq!(stepped(-hour), back);
    }

    #[test]
    fn what_waits_and_what_is_kept_for_reuse_is_bounded_by_bytes() {
        let large = vec![0; 64 << 10];
        let mut queue = Queue::default();
        for number in 0..4096 {
            let packet = Packet {
                time: Time(number),
                data: if number % 2 == 0 { &large } else { &[1; 1500] },
                wire_len: 1,
                link: Link::Ethernet,
            };
            queue.put(0, &packet, Duration::MAX);
            queue.settle(Duration::ZERO, &mut |_, _| {});
            assert!(queue.bytes <= MOST_BYTES);
        }
        queue.settle(Duration::MAX, &mut |_, _| {});
        let spare: usize = queue.spare.iter().map(Vec::capacity).sum();
        assert_eq!((queue.bytes, queue.spare_bytes), (0, spare));
        assert!((1..=MOST_SPARE).contains(&spare), "{spare}");
    }
}
