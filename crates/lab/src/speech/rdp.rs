//! Remote Desktop: X.224 connection with the user's cookie, security negotiation, then TLS.
use crate::net::bytes::{Bytes, len16, small};
use crate::net::{MILLI, Network, Tcp};

use super::tls::{self, Hello, Version};

pub const PORT: u16 = 3_389;

fn x224(code: u8, from: u16, variable: &[u8]) -> Vec<u8> {
    let tpdu = Bytes::new()
        .u8(small(variable.len().saturating_add(6)))
        .u8(code)
        .be16(0)
        .be16(from)
        .u8(0)
        .raw(variable)
        .done();
    Bytes::hex("03 00")
        .be16(len16(tpdu.len().saturating_add(4)))
        .raw(&tpdu)
        .done()
}

/// A session on an open connection: `user` goes in the clear, what follows is sealed.
pub fn session(net: &mut Network, tcp: &mut Tcp, user: &str, rounds: usize) {
    let cookie = format!("Cookie: mstshash={user}\r\n");
    // Negotiation request and answer: TLS and CredSSP offered, CredSSP chosen.
    let ask = Bytes::new()
        .text(&cookie)
        .raw(&[1, 0])
        .le16(8)
        .le32(3)
        .done();
    let answer = Bytes::new().raw(&[2, 0x1f]).le16(8).le32(2).done();
    tcp.exchange(net, &x224(0xe0, 0, &ask), &x224(0xd0, 0x1234, &answer));
    let name = tcp.server().name.to_uppercase();
    let hello = Hello {
        version: Version::Tls12,
        sni: None,
        alpn: &[],
        issuer: &name,
        names: &[&name],
    };
    tls::shake(net, tcp, hello);
    for _ in 0..rounds {
        tcp.pause(350 * MILLI);
        tls::data(net, tcp, 60, 640);
    }
}
