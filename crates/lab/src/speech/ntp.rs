//! NTP version 4: a client asks a server for the time.
use crate::net::bytes::Bytes;
use crate::net::{Host, Micros, Network};

pub const PORT: u16 = 123;

/// Seconds from 1900 to 1970.
const EPOCH: i64 = 2_208_988_800;

fn stamp(at: Micros) -> u64 {
    let seconds = u64::try_from(at.div_euclid(1_000_000).saturating_add(EPOCH)).unwrap_or(0);
    let micros = u64::try_from(at.rem_euclid(1_000_000)).unwrap_or(0);
    ((seconds & 0xffff_ffff) << 32) | ((micros << 32) / 1_000_000)
}

pub fn ask(net: &mut Network, at: Micros, client: Host, server: Host) {
    let question = Bytes::hex("23 00 06 ec")
        .be32(0)
        .be32(0x100)
        .be32(0)
        .zeros(24)
        .be64(stamp(at))
        .done();
    net.udp(at, client, PORT, server, PORT, &question);
    let answer = Bytes::hex("24 01 06 e9")
        .be32(0x10)
        .be32(0x20)
        .text("GPS\0")
        .be64(stamp(at.saturating_sub(12_000_000)))
        .be64(stamp(at))
        .be64(stamp(at.saturating_add(300)))
        .be64(stamp(at.saturating_add(330)))
        .done();
    net.udp(at.saturating_add(700), server, PORT, client, PORT, &answer);
}
