//! TeamViewer on TCP 5938: the commands whose first bytes are publicly known (0x1724 at the start, then 0x1130).
use crate::net::bytes::{Bytes, len32};
use crate::net::{MILLI, Network, Tcp};

pub const PORT: u16 = 5_938;

pub fn session(net: &mut Network, tcp: &mut Tcp, rounds: usize) {
    let first = |command: u8, body: &[u8]| {
        Bytes::hex("17 24")
            .u8(command)
            .u8(0x20)
            .zeros(4)
            .le32(len32(body.len()))
            .raw(body)
            .done()
    };
    let later = |command: u8, body: &[u8]| {
        Bytes::hex("11 30")
            .u8(command)
            .u8(0)
            .le32(len32(body.len()))
            .raw(body)
            .done()
    };
    let (ping, pong) = (
        first(0x0a, &net.dice.bytes(24)),
        first(0x0a, &net.dice.bytes(16)),
    );
    tcp.exchange(net, &ping, &pong);
    for _ in 0..rounds {
        tcp.pause(500 * MILLI);
        let (ask, answer) = (
            later(0x36, &net.dice.bytes(24)),
            later(0x3c, &net.dice.bytes(120)),
        );
        tcp.exchange(net, &ask, &answer);
    }
}
