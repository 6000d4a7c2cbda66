//! Control traffic without end, for benches: thousands of small Modbus, S7comm and EtherNet/IP messages between many
//! hosts, written as it is made.
mod mixed;

use std::io::{self, Write};
use std::net::Ipv4Addr;

use crate::net::bytes::{Bytes, Dice, len16, len32};
use crate::net::capture::{pcap_header, pcap_record};
use crate::net::frame::{self, ACK, Ends, Ipv4, Mac, PSH, RST, SYN, Segment, Tag};
use crate::speech::modbus;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub packets: u64,
    /// Controllers; each is asked by `clients` of its network.
    pub controllers: u16,
    /// Clients of each controller: every pair is one TCP connection.
    pub clients: u8,
    /// Out of a hundred packets, how many are camera pictures of about 1,400 bytes.
    pub video_percent: u8,
    /// Each Modbus client writes a register that it never wrote before, once in so many requests; 0 is never. So what a
    /// sensor missed can be told by which of them are missing.
    pub marker_every: u64,
    pub seed: u64,
}

impl Default for Load {
    /// Pure control: 200 controllers with 3 clients each.
    fn default() -> Load {
        Load {
            packets: 1_000_000,
            controllers: 200,
            clients: 3,
            video_percent: 0,
            marker_every: 0,
            seed: 7,
        }
    }
}

pub use mixed::write_mixed;

const PUSHED: u8 = PSH | ACK;

/// What a controller answers with; as much of it as the protocol's answer has room for.
type Value = [u8; 32];

/// Where headers stand in a frame with one tag: IPv4 and TCP, both without options.
const IP: usize = 18;
const TCP: usize = IP + 20;
const PAYLOAD: usize = TCP + 20;

/// One open connection.
struct Flow {
    client: (Mac, Ipv4Addr, u16),
    server: (Mac, Ipv4Addr, u16),
    vlan: u16,
    seq: [u32; 2],
    ids: [u16; 2],
    round: u16,
    asked: u64,
    protocol: Protocol,
    /// The packets of the last question and of its answer.
    said: [Vec<u8>; 2],
}

#[derive(Clone, Copy)]
enum Protocol {
    Modbus,
    S7,
    Enip,
}

/// Writes a classic pcap file of exactly `load.packets` packets.
pub fn write(load: Load, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&pcap_header())?;
    let mut dice = Dice::new(load.seed);
    let mut flows = flows(load, &mut dice);
    let mut pen = Pen {
        out,
        left: load.packets,
        at: crate::harborview::BEGIN,
    };
    let tags = |vlan| [Tag::vlan(vlan)];

    for flow in &mut flows {
        for frame in flow.handshake() {
            pen.put(&frame)?;
        }
    }
    while pen.left > 0 && !flows.is_empty() {
        for flow in &mut flows {
            let tags = tags(flow.vlan);
            flow.round = flow.round.wrapping_add(1);
            flow.asked = flow.asked.saturating_add(1);
            if let Some((question, answer)) = flow.marker(load.marker_every) {
                pen.put(&flow.segment(true, PUSHED, &question, &tags))?;
                pen.put(&flow.segment(false, PUSHED, &answer, &tags))?;
            } else {
                let value = dice.array();
                pen.put(flow.again(true, &value))?;
                pen.put(flow.again(false, &value))?;
            }
            if dice.below(100) < u64::from(load.video_percent).saturating_mul(2) {
                pen.put(&flow.picture(&mut dice, &tags))?;
            }
        }
    }
    Ok(())
}

/// Packets of a short connection.
pub const SHORT: u64 = 6;

/// Writes a classic pcap file of short connections: a handshake, a question, its answer, and a reset. Always the same
/// 100 clients ask the same 10 controllers, each time from a port of its own.
pub fn write_short(connections: u64, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&pcap_header())?;
    let mut dice = Dice::new(Load::default().seed);
    let mut pen = Pen {
        out,
        left: connections.saturating_mul(SHORT),
        at: crate::harborview::BEGIN,
    };
    for number in 0..connections {
        let (client, server) = ((number % 100) as u8, (number / 100 % 10) as u8);
        let port = 1024u16.wrapping_add((number / 1000 % 64_000) as u16);
        let mut flow = Flow {
            client: (
                [0x8c, 0xec, 0x4b, 1, 0, client],
                Ipv4Addr::new(10, 120, 0, client.saturating_add(1)),
                port,
            ),
            server: (
                [0x28, 0x63, 0x36, 1, 0, server],
                Ipv4Addr::new(10, 120, 1, server.saturating_add(1)),
                modbus::PORT,
            ),
            vlan: 120,
            seq: [0x1000_0000, 0x4000_0000],
            ids: [(number & 0xffff) as u16, (number & 0xffff) as u16],
            round: 1,
            asked: 1,
            protocol: Protocol::Modbus,
            said: Default::default(),
        };
        let tags = [Tag::vlan(flow.vlan)];
        let (question, answer) = flow.messages(&dice.array());
        pen.put(&flow.segment(true, SYN, &[], &tags))?;
        pen.put(&flow.segment(false, SYN | ACK, &[], &tags))?;
        pen.put(&flow.segment(true, ACK, &[], &tags))?;
        pen.put(&flow.segment(true, PUSHED, &question, &tags))?;
        pen.put(&flow.segment(false, PUSHED, &answer, &tags))?;
        pen.put(&flow.segment(true, RST | ACK, &[], &tags))?;
    }
    Ok(())
}

struct Pen<'a, W> {
    out: &'a mut W,
    left: u64,
    at: i64,
}

impl<W: Write> Pen<'_, W> {
    /// Writes the frame unless enough are written.
    fn put(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left = self.left.saturating_sub(1);
        self.at = self.at.saturating_add(11);
        pcap_record(self.out, self.at, frame, frame.len())
    }
}

fn flows(load: Load, dice: &mut Dice) -> Vec<Flow> {
    let mut flows = Vec::new();
    for controller in 0..load.controllers {
        let [high, low] = controller.to_be_bytes();
        let vlan = 100u16.saturating_add(controller % 40);
        for client in 0..load.clients {
            let (protocol, port) = match (controller + u16::from(client)) % 3 {
                0 => (Protocol::Modbus, modbus::PORT),
                1 => (Protocol::S7, 102),
                _ => (Protocol::Enip, 44_818),
            };
            let ip = |last: u8| Ipv4Addr::new(10, 100u8.wrapping_add(high), low, last);
            let last = client.saturating_add(100);
            flows.push(Flow {
                client: ([0x8c, 0xec, 0x4b, high, low, last], ip(last), 50_000),
                server: ([0x28, 0x63, 0x36, high, low, 10], ip(10), port),
                vlan,
                seq: [len32(usize::from(len16(flows.len()))), 0x4000_0000],
                ids: [(dice.roll() & 0xffff) as u16, (dice.roll() & 0xffff) as u16],
                round: 0,
                asked: 0,
                protocol,
                said: Default::default(),
            });
        }
    }
    flows
}

impl Flow {
    fn packet(&mut self, from_client: bool, protocol: u8, payload: &[u8], tags: &[Tag]) -> Vec<u8> {
        let (from, to) = if from_client {
            (self.client, self.server)
        } else {
            (self.server, self.client)
        };
        let [client_id, server_id] = &mut self.ids;
        let id = if from_client { client_id } else { server_id };
        *id = id.wrapping_add(1);
        let header = Ipv4 {
            from: from.1,
            to: to.1,
            protocol,
            ttl: 64,
            id: *id,
            tos: 0,
            dont_fragment: true,
        };
        frame::ethernet(to.0, from.0, tags, frame::IPV4, &header.whole(payload))
    }

    fn handshake(&mut self) -> [Vec<u8>; 3] {
        let tags = [Tag::vlan(self.vlan)];
        [(true, SYN), (false, SYN | ACK), (true, ACK)]
            .map(|(client, flags)| self.segment(client, flags, &[], &tags))
    }

    fn segment(&mut self, from_client: bool, flags: u8, payload: &[u8], tags: &[Tag]) -> Vec<u8> {
        let (from, to) = if from_client {
            (self.client, self.server)
        } else {
            (self.server, self.client)
        };
        let [client_seq, server_seq] = self.seq;
        let (seq, ack) = if from_client {
            (client_seq, server_seq)
        } else {
            (server_seq, client_seq)
        };
        let segment = Segment {
            from: from.2,
            to: to.2,
            seq,
            ack: if flags & ACK == 0 { 0 } else { ack },
            flags,
            window: 8_192,
            options: &[],
            payload,
        };
        let bytes = frame::tcp(Ends::V4(from.1, to.1), segment);
        let step = len32(payload.len()).wrapping_add(u32::from(flags & SYN != 0));
        let [client_seq, server_seq] = &mut self.seq;
        let own = if from_client { client_seq } else { server_seq };
        *own = own.wrapping_add(step);
        self.packet(from_client, frame::TCP, &bytes, tags)
    }

    /// The question or its answer once more: the packet of the last time with the numbers of this one. An hour of packets
    /// made from nothing each takes longer than an hour.
    fn again(&mut self, from_client: bool, value: &Value) -> &[u8] {
        let [question, answer] = &mut self.said;
        let mut frame = std::mem::take(if from_client { question } else { answer });
        if frame.is_empty() {
            let (question, answer) = self.messages(value);
            let payload = if from_client { question } else { answer };
            frame = self.segment(from_client, PUSHED, &payload, &[Tag::vlan(self.vlan)]);
        } else {
            self.renew(&mut frame, from_client, value);
        }
        let [question, answer] = &mut self.said;
        let said = if from_client { question } else { answer };
        *said = frame;
        said
    }

    fn renew(&mut self, frame: &mut [u8], from_client: bool, value: &Value) {
        let ([client, server], [client_id, server_id]) = (&mut self.seq, &mut self.ids);
        let (seq, ack, id) = if from_client {
            (client, *server, client_id)
        } else {
            (server, *client, server_id)
        };
        *id = id.wrapping_add(1);
        put(frame, IP + 4, &id.to_be_bytes());
        put(frame, TCP + 4, &seq.to_be_bytes());
        put(frame, TCP + 8, &ack.to_be_bytes());
        *seq = seq.wrapping_add(len32(frame.len().saturating_sub(PAYLOAD)));
        match self.protocol {
            Protocol::Modbus => put(frame, PAYLOAD, &self.round.to_be_bytes()),
            Protocol::S7 => put(frame, PAYLOAD + 11, &self.round.to_be_bytes()),
            Protocol::Enip => put(frame, PAYLOAD + 12, &self.round.to_le_bytes()),
        }
        if !from_client {
            // The value ends each answer.
            let value = match self.protocol {
                Protocol::Modbus | Protocol::S7 => value.as_slice(),
                Protocol::Enip => value.get(..4).unwrap_or_default(),
            };
            put(frame, frame.len().saturating_sub(value.len()), value);
        }
        frame::sum_again(frame, IP);
    }

    /// Writing of a register that this client never wrote before, where it is time for one.
    fn marker(&self, every: u64) -> Option<(Vec<u8>, Vec<u8>)> {
        // Each in a round of its own, so that there is one at any time.
        let [.., controller, client] = self.client.1.octets();
        let turn = u64::from(controller).saturating_mul(3);
        let asked = self
            .asked
            .saturating_add(turn)
            .saturating_add(u64::from(client));
        let number = asked.checked_div(every)?;
        let due = asked.is_multiple_of(every) && matches!(self.protocol, Protocol::Modbus);
        let message = Bytes::new()
            .u8(6)
            .be16(1_000u16.saturating_add(u16::try_from(number).ok()?))
            .be16(1)
            .done();
        let message = modbus::adu(self.round, 1, &message);
        due.then(|| (message.clone(), message))
    }

    /// A question and its answer, as the clients of this controller repeat them.
    fn messages(&self, value: &Value) -> (Vec<u8>, Vec<u8>) {
        match self.protocol {
            Protocol::Modbus => {
                let question = Bytes::new().u8(3).be16(100).be16(16).done();
                let answer = Bytes::new().u8(3).len8(value).done();
                (
                    modbus::adu(self.round, 1, &question),
                    modbus::adu(self.round, 1, &answer),
                )
            }
            Protocol::S7 => {
                let question = Bytes::hex("0300 001f 02f080 32 01 0000")
                    .be16(self.round)
                    .raw(&Bytes::hex("000e 0000 04 01 12 0a 10 02 0020 000a 84 000000").done());
                let answer = Bytes::hex("0300 0039 02f080 32 03 0000")
                    .be16(self.round)
                    .raw(&Bytes::hex("0002 0024 0000 04 01 ff 04 0100").done())
                    .raw(value);
                (question.done(), answer.done())
            }
            Protocol::Enip => {
                let wrap = |cip: &[u8]| {
                    let length = len16(cip.len());
                    Bytes::new()
                        .le16(0x6f)
                        .le16(length.saturating_add(16))
                        .le32(0x1a2b_0001)
                        .le32(0)
                        .le64(u64::from(self.round))
                        .le32(0)
                        .le32(0)
                        .le16(5)
                        .le16(2)
                        .le32(0)
                        .le16(0xb2)
                        .le16(length)
                        .raw(cip)
                        .done()
                };
                let question = Bytes::hex("4c 05 91 08").text("LIFT_CNT").le16(1).done();
                let answer = Bytes::hex("cc 00 00 00 c4 00").field(value, 4).done();
                (wrap(&question), wrap(&answer))
            }
        }
    }

    /// A camera's picture beside the controller: RTP by UDP.
    fn picture(&mut self, dice: &mut Dice, tags: &[Tag]) -> Vec<u8> {
        let data = dice.bytes(1_380);
        let packet = Bytes::hex("80 60")
            .be16(self.round)
            .be32(0)
            .be32(0x5eed)
            .raw(&[0x7c, 5])
            .raw(&data);
        let datagram = frame::udp(
            Ends::V4(self.client.1, self.server.1),
            30_000,
            30_002,
            &packet.done(),
        );
        self.packet(true, frame::UDP, &datagram, tags)
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(field) = frame.get_mut(at..at.saturating_add(bytes.len())) {
        field.copy_from_slice(bytes);
    }
}
