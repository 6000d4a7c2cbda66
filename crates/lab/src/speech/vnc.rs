//! VNC (RFB 3.8): versions, VNC authentication, desktop, a few updates.
use crate::net::bytes::{Bytes, len32};
use crate::net::{MILLI, Network, Tcp};

pub const PORT: u16 = 5_900;

pub fn session(net: &mut Network, tcp: &mut Tcp, desktop: &str, rounds: usize) {
    let version = b"RFB 003.008\n";
    tcp.answer(net, version);
    tcp.pause(2 * MILLI);
    tcp.exchange(net, version, &[2, 2, 16]);
    let challenge = net.dice.bytes(16);
    tcp.exchange(net, &[2], &challenge);
    let response = net.dice.bytes(16);
    tcp.exchange(net, &response, &[0, 0, 0, 0]);
    let format = Bytes::hex("20 18 00 01 00ff 00ff 00ff 10 08 00 000000").done();
    let init = Bytes::new()
        .be16(1280)
        .be16(800)
        .raw(&format)
        .be32(len32(desktop.len()))
        .text(desktop)
        .done();
    tcp.exchange(net, &[1], &init);
    tcp.ask(net, &Bytes::hex("02 00 0001 00000000").done());
    for _ in 0..rounds {
        tcp.pause(400 * MILLI);
        // Asks for a strip of 16 by 2 pixels and gets it raw.
        let strip = net.dice.bytes(128);
        let update = Bytes::hex("00 00 0001 0000 0000 0010 0002 00000000")
            .raw(&strip)
            .done();
        tcp.exchange(
            net,
            &Bytes::hex("03 01 0000 0000 0010 0002").done(),
            &update,
        );
    }
}
