//! AnyDesk: TLS to a relay, known by its server name and by the certificate that every relay shows.
use crate::net::{MILLI, Network, Tcp};

use super::tls::{self, Hello, Version};

pub const PORT: u16 = 6_568;

pub fn session(net: &mut Network, tcp: &mut Tcp, relay: &str, rounds: usize) {
    let hello = Hello {
        version: Version::Tls12,
        sni: Some(relay),
        alpn: &["anydesk/6.2.0/windows"],
        issuer: "AnyNet Root CA",
        names: &["AnyNet Relay", relay],
    };
    tls::shake(net, tcp, hello);
    for _ in 0..rounds {
        tcp.pause(400 * MILLI);
        tls::data(net, tcp, 90, 400);
    }
}
