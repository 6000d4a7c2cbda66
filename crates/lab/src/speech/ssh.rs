//! SSH: banners, key exchange (curve25519, ed25519 host key), then sealed packets.
use crate::net::bytes::{Bytes, len32, small};
use crate::net::{Dice, MILLI, Network, Tcp};

pub const PORT: u16 = 22;

/// A packet before encryption: length, padding to a multiple of eight.
fn packet(payload: &[u8]) -> Vec<u8> {
    let bare = payload.len().saturating_add(5);
    let mut padding = bare.next_multiple_of(8).saturating_sub(bare);
    if padding < 4 {
        padding = padding.saturating_add(8);
    }
    let length = len32(payload.len().saturating_add(padding).saturating_add(1));
    Bytes::new()
        .be32(length)
        .u8(small(padding))
        .raw(payload)
        .zeros(padding)
        .done()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    Bytes::new().be32(len32(bytes.len())).raw(bytes).done()
}

fn key_init(cookie: &[u8]) -> Vec<u8> {
    let lists = [
        "curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519,rsa-sha2-512",
        "aes128-ctr,aes256-ctr",
        "aes128-ctr,aes256-ctr",
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let body = lists
        .iter()
        .fold(Bytes::new().u8(20).raw(cookie), |bytes, list| {
            bytes.raw(&string(list.as_bytes()))
        });
    packet(&body.u8(0).be32(0).done())
}

/// A session on an open connection.
pub fn session(net: &mut Network, tcp: &mut Tcp, client: &str, server: &str, rounds: usize) {
    let mut dice = net.dice;
    tcp.ask(net, format!("{client}\r\n").as_bytes());
    tcp.pause(4 * MILLI);
    tcp.answer(net, format!("{server}\r\n").as_bytes());
    let (ours, theirs) = (key_init(&dice.bytes(16)), key_init(&dice.bytes(16)));
    tcp.exchange(net, &ours, &theirs);
    let key = host_key(tcp.server().name);
    let offer = packet(&Bytes::new().u8(30).raw(&string(&dice.bytes(32))).done());
    let blob = [string(b"ssh-ed25519"), string(&key)].concat();
    let signature = [string(b"ssh-ed25519"), string(&dice.bytes(64))].concat();
    let reply = Bytes::new()
        .u8(31)
        .raw(&string(&blob))
        .raw(&string(&dice.bytes(32)))
        .raw(&string(&signature));
    let reply = [packet(&reply.done()), packet(&[21])].concat();
    tcp.exchange(net, &offer, &reply);
    tcp.ask(net, &packet(&[21]));
    for _ in 0..rounds {
        tcp.pause(300 * MILLI);
        let (ask, answer) = (sealed(&mut dice, 32), sealed(&mut dice, 96));
        tcp.exchange(net, &ask, &answer);
    }
    net.dice = dice;
}

/// A sealed packet: with encrypt-then-MAC its length stays in the clear; 32 bytes of authentication follow.
fn sealed(dice: &mut Dice, length: usize) -> Vec<u8> {
    Bytes::new()
        .be32(len32(length))
        .raw(&dice.bytes(length.saturating_add(32)))
        .done()
}

/// The host key of a server: the same in every session.
fn host_key(name: &str) -> Vec<u8> {
    let seed = name.bytes().fold(11u64, |sum, byte| {
        sum.wrapping_mul(131).wrapping_add(u64::from(byte))
    });
    Dice::new(seed).bytes(32)
}
