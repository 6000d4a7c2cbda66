//! TLS: handshakes of versions 1.2 (with the server's certificate in the clear) and 1.3, then sealed records.
use crate::net::bytes::{Bytes, Dice, len16};
use crate::net::{MILLI, Network, Tcp};

use super::der;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// What is said in the clear.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    pub version: Version,
    /// Server name; none for clients that connect by address.
    pub sni: Option<&'a str>,
    pub alpn: &'a [&'a str],
    /// Issuer and names of the server's certificate; the wire shows them in version 1.2 only.
    pub issuer: &'a str,
    pub names: &'a [&'a str],
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    Bytes::new().u8(kind).be16(0x0303).len16(body).done()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    Bytes::new().u8(kind).len24(body).done()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    Bytes::new().be16(kind).len16(body).done()
}

fn client_hello(hello: Hello<'_>, dice: &mut Dice) -> Vec<u8> {
    let modern = hello.version == Version::Tls13;
    let mut suites = Bytes::new();
    if modern {
        suites = suites.be16(0x1301).be16(0x1302).be16(0x1303);
    }
    for suite in [
        0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c, 0x002f,
    ] {
        suites = suites.be16(suite);
    }
    let mut extensions = Vec::new();
    if let Some(name) = hello.sni {
        let entry = Bytes::new().u8(0).len16(name.as_bytes()).done();
        extensions.extend(extension(0, &Bytes::new().len16(&entry).done()));
    }
    extensions.extend(extension(23, &[]));
    extensions.extend(extension(10, &Bytes::hex("0006 001d 0017 0018").done()));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(
        13,
        &Bytes::hex("000a 0403 0804 0401 0503 0501").done(),
    ));
    if !hello.alpn.is_empty() {
        let list = hello
            .alpn
            .iter()
            .fold(Bytes::new(), |bytes, one| bytes.len8(one.as_bytes()))
            .done();
        extensions.extend(extension(16, &Bytes::new().len16(&list).done()));
    }
    if modern {
        let share = Bytes::new().be16(0x001d).len16(&dice.bytes(32)).done();
        extensions.extend(extension(43, &Bytes::hex("04 0304 0303").done()));
        extensions.extend(extension(45, &[1, 1]));
        extensions.extend(extension(51, &Bytes::new().len16(&share).done()));
    }
    let session = dice.bytes(if modern { 32 } else { 0 });
    let body = Bytes::new()
        .be16(0x0303)
        .raw(&dice.bytes(32))
        .len8(&session)
        .len16(&suites.done())
        .raw(&[1, 0])
        .len16(&extensions)
        .done();
    Bytes::new()
        .u8(22)
        .be16(0x0301)
        .len16(&handshake(1, &body))
        .done()
}

fn server_flight(hello: Hello<'_>, dice: &mut Dice) -> Vec<u8> {
    let random = dice.bytes(32);
    let alpn = |list: &mut Vec<u8>| {
        if let Some(one) = hello.alpn.first() {
            let chosen = Bytes::new().len8(one.as_bytes()).done();
            list.extend(extension(16, &Bytes::new().len16(&chosen).done()));
        }
    };
    match hello.version {
        Version::Tls12 => {
            let mut extensions = extension(0xff01, &[0]);
            alpn(&mut extensions);
            let body = Bytes::new()
                .be16(0x0303)
                .raw(&random)
                .len8(&dice.bytes(32))
                .be16(0xc02f)
                .u8(0)
                .len16(&extensions);
            let chain = Bytes::new()
                .len24(&der::certificate(hello.issuer, hello.names))
                .done();
            let exchange = Bytes::hex("03 001d")
                .len8(&dice.bytes(32))
                .be16(0x0804)
                .len16(&dice.bytes(256));
            [
                record(22, &handshake(2, &body.done())),
                record(22, &handshake(11, &Bytes::new().len24(&chain).done())),
                record(22, &handshake(12, &exchange.done())),
                record(22, &handshake(14, &[])),
            ]
            .concat()
        }
        Version::Tls13 => {
            let share = Bytes::new().be16(0x001d).len16(&dice.bytes(32)).done();
            let extensions = [extension(43, &[3, 4]), extension(51, &share)].concat();
            let body = Bytes::new()
                .be16(0x0303)
                .raw(&random)
                .len8(&dice.bytes(32))
                .be16(0x1301)
                .u8(0)
                .len16(&extensions);
            [
                record(22, &handshake(2, &body.done())),
                record(20, &[1]),
                record(23, &dice.bytes(1_150)),
            ]
            .concat()
        }
    }
}

/// The handshake on an open connection.
pub fn shake(net: &mut Network, tcp: &mut Tcp, hello: Hello<'_>) {
    let mut dice = net.dice;
    tcp.ask(net, &client_hello(hello, &mut dice));
    tcp.pause(3 * MILLI);
    tcp.answer(net, &server_flight(hello, &mut dice));
    tcp.pause(2 * MILLI);
    match hello.version {
        Version::Tls12 => {
            let key = Bytes::new().len8(&dice.bytes(32)).done();
            let flight = [
                record(22, &handshake(16, &key)),
                record(20, &[1]),
                record(22, &dice.bytes(40)),
            ]
            .concat();
            tcp.exchange(
                net,
                &flight,
                &[record(20, &[1]), record(22, &dice.bytes(40))].concat(),
            );
        }
        Version::Tls13 => tcp.ask(
            net,
            &[record(20, &[1]), record(23, &dice.bytes(53))].concat(),
        ),
    }
    tcp.pause(MILLI);
    net.dice = dice;
}

/// Sealed data, so many bytes each way.
pub fn data(net: &mut Network, tcp: &mut Tcp, out: usize, back: usize) {
    for (bytes, ask) in [(out, true), (back, false)] {
        let secret = net.dice.bytes(bytes);
        let records: Vec<u8> = secret
            .chunks(8_192)
            .flat_map(|piece| record(23, piece))
            .collect();
        if ask {
            tcp.ask(net, &records);
            tcp.pause(8 * MILLI);
        } else {
            tcp.answer(net, &records);
        }
    }
}

/// The sealed alert by which either side says that it is done, and the end of TCP.
pub fn close(net: &mut Network, tcp: &mut Tcp) {
    let alert = Bytes::new()
        .u8(21)
        .be16(0x0303)
        .be16(len16(26))
        .raw(&net.dice.bytes(26))
        .done();
    tcp.ask(net, &alert);
    tcp.close(net);
}
