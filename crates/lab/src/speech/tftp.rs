//! TFTP: a file read in blocks of 512 bytes.
use crate::net::bytes::{Bytes, len16};
use crate::net::{Host, Micros, Network};

pub const PORT: u16 = 69;

pub fn read(net: &mut Network, at: Micros, client: Host, server: Host, file: &str, content: &[u8]) {
    let (port, theirs) = (net.port(client), net.port(server));
    let request = Bytes::new()
        .be16(1)
        .text(file)
        .u8(0)
        .text("octet")
        .u8(0)
        .done();
    net.udp(at, client, port, server, PORT, &request);
    let mut when = at;
    // The last block is shorter than 512 bytes, if need be empty.
    let blocks = content.len() / 512;
    for (nth, piece) in content
        .chunks(512)
        .chain([&[][..]])
        .enumerate()
        .take(blocks.saturating_add(1))
    {
        let number = len16(nth).saturating_add(1);
        when = when.saturating_add(3_000);
        net.udp(
            when,
            server,
            theirs,
            client,
            port,
            &Bytes::new().be16(3).be16(number).raw(piece).done(),
        );
        net.udp(
            when.saturating_add(900),
            client,
            port,
            server,
            theirs,
            &Bytes::new().be16(4).be16(number).done(),
        );
    }
}
