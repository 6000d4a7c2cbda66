//! SMB 2: negotiation of the dialect, as every client begins.
use crate::net::bytes::{Bytes, len16, len32};
use crate::net::{Host, Micros, Network, Tcp};

pub const PORT: u16 = 445;

fn framed(command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
    let message = Bytes::hex("fe534d42")
        .le16(64)
        .le16(0)
        .le32(0)
        .le16(command)
        .le16(1)
        .le32(flags)
        .le32(0)
        .le64(0)
        .le32(0x0000_feff)
        .le32(0)
        .le64(0)
        .zeros(16)
        .raw(body)
        .done();
    Bytes::new().be32(len32(message.len())).raw(&message).done()
}

/// Bytes of one answer to a READ.
const PIECE: usize = 65_536;

/// Connects and reads a file, piece by piece.
pub fn fetch(net: &mut Network, at: Micros, client: Host, server: Host, content: &[u8]) {
    let mut tcp = Tcp::open(net, at, client, server, PORT);
    for piece in content.chunks(PIECE) {
        let question = Bytes::new()
            .le16(49)
            .u8(0x50)
            .u8(0)
            .le32(len32(piece.len()))
            .zeros(41);
        let answer = Bytes::new()
            .le16(17)
            .u8(80)
            .u8(0)
            .le32(len32(piece.len()))
            .zeros(8)
            .raw(piece);
        tcp.exchange(
            net,
            &framed(8, 0, &question.done()),
            &framed(8, 1, &answer.done()),
        );
    }
    tcp.close(net);
}

/// Connects, negotiates dialect 3.0.2 and leaves.
pub fn negotiate(net: &mut Network, at: Micros, client: Host, server: Host) {
    let mut tcp = Tcp::open(net, at, client, server, PORT);
    let client_id = net.dice.bytes(16);
    let server_id = net.dice.bytes(16);
    let question = Bytes::new()
        .le16(36)
        .le16(4)
        .le16(1)
        .le16(0)
        .le32(0x7f)
        .raw(&client_id)
        .le64(0)
        .le16(0x0202)
        .le16(0x0210)
        .le16(0x0300)
        .le16(0x0302)
        .done();
    // SPNEGO: an initial token that offers NTLM only.
    let token = Bytes::hex("601c06062b0601050502a0123010a00e300c060a2b06010401823702020a").done();
    let answer = Bytes::new()
        .le16(65)
        .le16(1)
        .le16(0x0302)
        .le16(0)
        .raw(&server_id)
        .le32(0x2f)
        .le32(8_388_608)
        .le32(8_388_608)
        .le32(8_388_608)
        .le64(134_396_568_000_000_000)
        .le64(0)
        .le16(128)
        .le16(len16(token.len()))
        .le32(0)
        .raw(&token)
        .done();
    tcp.exchange(net, &framed(0, 0, &question), &framed(0, 1, &answer));
    tcp.close(net);
}
