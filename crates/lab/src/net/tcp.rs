//! TCP connections: handshake, segments of the usual size, acknowledgements, retransmission, end.
use super::frame::{self, ACK, Ends, FIN, PSH, RST, SYN, Segment};
use super::network::{Host, MILLI, Micros, Network, Via};
use crate::truth::Connection;

/// Payload that fits a segment on Ethernet.
const SEGMENT: usize = 1460;
/// SYN options: maximum segment size 1460, SACK permitted, no window scaling.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 1, 4, 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

#[derive(Clone, Debug)]
struct End {
    host: Host,
    port: u16,
    /// Sequence number of the next byte that it sends.
    next: u32,
    /// Whether the other end has yet to acknowledge.
    unacknowledged: bool,
}

/// One TCP connection between two hosts. Its clock advances with what is said; [`Tcp::pause`] lets time pass.
#[derive(Clone, Debug)]
pub struct Tcp {
    client: End,
    server: End,
    via: Via,
    at: Micros,
    last: Option<(Side, u32, Vec<u8>)>,
}

impl Tcp {
    /// A connection with its handshake.
    pub fn open(net: &mut Network, at: Micros, client: Host, server: Host, port: u16) -> Tcp {
        let via = net.by_router();
        Tcp::open_via(net, at, client, server, port, via)
    }

    /// A connection whose packets some other forwarder than the router carries.
    pub fn open_via(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        port: u16,
        via: Via,
    ) -> Tcp {
        let mut tcp = Tcp::begin(net, at, client, server, port, true);
        tcp.via = via;
        tcp.segment(net, Side::Client, SYN, &SYN_OPTIONS, &[]);
        tcp.segment(net, Side::Server, SYN | ACK, &SYN_OPTIONS, &[]);
        tcp.segment(net, Side::Client, ACK, &[], &[]);
        tcp
    }

    /// A connection that was open before anyone listened.
    pub fn midstream(net: &mut Network, at: Micros, client: Host, server: Host, port: u16) -> Tcp {
        Tcp::begin(net, at, client, server, port, false)
    }

    fn begin(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        port: u16,
        handshake: bool,
    ) -> Tcp {
        let from = net.port(client);
        net.connection(Connection {
            at,
            client,
            client_port: from,
            server,
            server_port: port,
            handshake,
        });
        let [a, b] = [net.dice.roll(), net.dice.roll()].map(|roll| (roll & 0xffff_ffff) as u32);
        let end = |host, port, next| End {
            host,
            port,
            next,
            unacknowledged: false,
        };
        Tcp {
            client: end(client, from, a),
            server: end(server, port, b),
            via: net.by_router(),
            at,
            last: None,
        }
    }

    /// A connection attempt that is refused with RST, or that nobody answers.
    pub fn attempt(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        port: u16,
        refused: bool,
    ) {
        let mut tcp = Tcp::begin(net, at, client, server, port, true);
        tcp.segment(net, Side::Client, SYN, &SYN_OPTIONS, &[]);
        if refused {
            tcp.segment(net, Side::Server, RST | ACK, &[], &[]);
        }
    }

    pub fn client(&self) -> Host {
        self.client.host
    }

    pub fn server(&self) -> Host {
        self.server.host
    }

    pub fn client_port(&self) -> u16 {
        self.client.port
    }

    pub fn now(&self) -> Micros {
        self.at
    }

    pub fn pause(&mut self, time: Micros) {
        self.at = self.at.saturating_add(time);
    }

    /// Moves the clock on to `at`, never back.
    pub fn until(&mut self, at: Micros) {
        self.at = self.at.max(at);
    }

    pub fn ask(&mut self, net: &mut Network, data: &[u8]) {
        self.send(net, Side::Client, data);
    }

    pub fn answer(&mut self, net: &mut Network, data: &[u8]) {
        self.send(net, Side::Server, data);
    }

    /// Question and answer.
    pub fn exchange(&mut self, net: &mut Network, question: &[u8], answer: &[u8]) {
        self.ask(net, question);
        self.pause(2 * MILLI);
        self.answer(net, answer);
    }

    /// Sends data in segments; the other end acknowledges every second one, and before the same side speaks again.
    pub fn send(&mut self, net: &mut Network, side: Side, data: &[u8]) {
        if self.end(side).unacknowledged {
            self.acknowledge(net, side);
        }
        let pieces = data.len().div_ceil(SEGMENT);
        for (nth, piece) in data.chunks(SEGMENT).enumerate() {
            let last = nth.saturating_add(1) == pieces;
            let flags = if last { PSH | ACK } else { ACK };
            self.last = Some((side, self.end(side).next, piece.to_vec()));
            self.segment(net, side, flags, &[], piece);
            if nth % 2 == 1 && !last {
                self.acknowledge(net, side);
            }
        }
    }

    /// The last segment with data once more, as after a lost acknowledgement.
    pub fn again(&mut self, net: &mut Network) {
        let Some((side, seq, piece)) = self.last.clone() else {
            return;
        };
        let next = self.end(side).next;
        self.end_mut(side).next = seq;
        self.pause(200 * MILLI);
        self.segment(net, side, PSH | ACK, &[], &piece);
        self.end_mut(side).next = next;
    }

    /// Bytes that crossed the wire unseen: the sender's number moves on, nothing is captured.
    pub fn unseen(&mut self, side: Side, bytes: u32) {
        let end = self.end_mut(side);
        end.next = end.next.wrapping_add(bytes);
    }

    /// Both ends say that they are done.
    pub fn close(&mut self, net: &mut Network) {
        self.close_by(net, Side::Client);
    }

    pub fn close_by(&mut self, net: &mut Network, first: Side) {
        let second = other(first);
        if self.end(second).unacknowledged {
            self.acknowledge(net, second);
        }
        self.segment(net, first, FIN | ACK, &[], &[]);
        self.segment(net, second, FIN | ACK, &[], &[]);
        self.segment(net, first, ACK, &[], &[]);
    }

    /// One end hangs up.
    pub fn reset(&mut self, net: &mut Network, side: Side) {
        self.segment(net, side, RST | ACK, &[], &[]);
    }

    /// Whoever still owes an acknowledgement sends it.
    pub fn settle(&mut self, net: &mut Network) {
        for side in [Side::Client, Side::Server] {
            if self.end(side).unacknowledged {
                self.acknowledge(net, side);
            }
        }
    }

    /// The other end of `side` acknowledges what `side` has sent.
    fn acknowledge(&mut self, net: &mut Network, side: Side) {
        self.segment(net, other(side), ACK, &[], &[]);
    }

    fn segment(&mut self, net: &mut Network, side: Side, flags: u8, options: &[u8], data: &[u8]) {
        let (from, to) = match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        };
        let first = flags & SYN != 0 && flags & ACK == 0;
        let bytes = frame::tcp(
            Ends::V4(from.host.ip, to.host.ip),
            Segment {
                from: from.port,
                to: to.port,
                seq: from.next,
                ack: if first { 0 } else { to.next },
                flags,
                window: 64_240,
                options,
                payload: data,
            },
        );
        let (from, to) = (from.host, to.host);
        net.side(Some(side == Side::Client));
        let via = match side {
            Side::Client => self.via,
            Side::Server => Via {
                near: self.via.far,
                far: self.via.near,
            },
        };
        net.ip_via(self.at, from, to, via, frame::TCP, &bytes);
        net.side(None);
        let virtual_byte = u32::from(flags & (SYN | FIN) != 0);
        let length = u32::try_from(data.len()).unwrap_or(0);
        let end = self.end_mut(side);
        end.next = end.next.wrapping_add(length).wrapping_add(virtual_byte);
        end.unacknowledged |= !data.is_empty();
        if flags & ACK != 0 {
            self.end_mut(other(side)).unacknowledged = false;
        }
        self.pause(if data.is_empty() { 180 } else { 350 });
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}
