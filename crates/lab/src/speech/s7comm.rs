//! S7comm over ISO-on-TCP (RFC 1006): variables, blocks up and down, start and stop, system state lists, clock, password.
use crate::net::bytes::{Bytes, len16, small};
use crate::net::{Host, MILLI, Micros, Network, Tcp};
use crate::truth::{Deed, sha256};

pub const PORT: u16 = 102;
/// Bytes of a block that one download or upload message carries.
const PIECE: usize = 222;

/// What a TSAP says first: PG for engineering, OP for operating, basic for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Programmer = 1,
    Operator = 2,
    Basic = 3,
}

/// One S7 connection.
#[derive(Clone, Debug)]
pub struct S7 {
    pub tcp: Tcp,
    reference: u16,
}

fn tpkt(cotp: &[u8]) -> Vec<u8> {
    Bytes::hex("03 00")
        .be16(len16(cotp.len().saturating_add(4)))
        .raw(cotp)
        .done()
}

fn data(s7: &[u8]) -> Vec<u8> {
    tpkt(&Bytes::hex("02 f0 80").raw(s7).done())
}

fn job(reference: u16, parameter: &[u8], payload: &[u8]) -> Vec<u8> {
    data(
        &pdu(1, reference)
            .be16(len16(parameter.len()))
            .be16(len16(payload.len()))
            .raw(parameter)
            .raw(payload)
            .done(),
    )
}

fn ack(reference: u16, error: u16, parameter: &[u8], payload: &[u8]) -> Vec<u8> {
    data(
        &pdu(3, reference)
            .be16(len16(parameter.len()))
            .be16(len16(payload.len()))
            .be16(error)
            .raw(parameter)
            .raw(payload)
            .done(),
    )
}

fn userdata(reference: u16, parameter: &[u8], payload: &[u8]) -> Vec<u8> {
    data(
        &pdu(7, reference)
            .be16(len16(parameter.len()))
            .be16(len16(payload.len()))
            .raw(parameter)
            .raw(payload)
            .done(),
    )
}

fn pdu(kind: u8, reference: u16) -> Bytes {
    Bytes::hex("32").u8(kind).be16(0).be16(reference)
}

/// A block as the file name of the protocol: type letter, number, `A` active or `P` passive file system.
fn file_name(block: &str, system: char) -> String {
    let (kind, number) = block.split_at_checked(2).unwrap_or((block, "0"));
    let letter = match kind {
        "OB" => '8',
        "DB" => 'A',
        "FC" => 'C',
        "FB" => 'E',
        _ => 'B',
    };
    format!("0{letter}{number:0>5}{system}")
}

/// A block of MC7 code with its header of 36 bytes, its content drawn from the seed.
pub fn block(kind: u8, number: u16, code: &[u8]) -> Vec<u8> {
    let total = code.len().saturating_add(36);
    Bytes::hex("7070 01 01")
        .u8(1)
        .u8(kind)
        .be16(number)
        .be32(crate::net::bytes::len32(total))
        .be32(0)
        .hex_times()
        .be16(0)
        .be16(0)
        .be16(0)
        .be16(len16(code.len()))
        .raw(code)
        .done()
}

impl Bytes {
    /// Last change and change of the interface: 2026-11-02 09:14:00, as milliseconds of the day and days since 1984.
    fn hex_times(self) -> Bytes {
        let (day, millis) = (15_646, 33_240_000);
        self.be32(millis).be16(day).be32(millis).be16(day)
    }
}

impl S7 {
    /// Connects: TCP, COTP with TSAPs (rack 0), setup communication.
    pub fn connect(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        as_a: Device,
        slot: u8,
    ) -> S7 {
        let tcp = Tcp::open(net, at, client, server, PORT);
        let mut s7 = S7 {
            tcp,
            reference: 0x0100,
        };
        let tsaps = |code: u8, from: &str, to: &str| {
            tpkt(
                &Bytes::hex("11")
                    .u8(code)
                    .raw(&crate::net::bytes::unhex(from))
                    .raw(&crate::net::bytes::unhex(to))
                    .hex_tail(as_a, slot)
                    .done(),
            )
        };
        let (request, confirm) = (
            tsaps(0xe0, "0000", "000c 00"),
            tsaps(0xd0, "000c", "0005 00"),
        );
        s7.tcp.exchange(net, &request, &confirm);
        s7.job(
            net,
            &Bytes::hex("f0 00 0002 0002 01e0").done(),
            &[],
            |reference| {
                ack(
                    reference,
                    0,
                    &Bytes::hex("f0 00 0002 0002 00f0").done(),
                    &[],
                )
            },
        );
        s7
    }

    fn next(&mut self) -> u16 {
        self.reference = self.reference.wrapping_add(0x0100);
        self.reference
    }

    fn job(
        &mut self,
        net: &mut Network,
        parameter: &[u8],
        payload: &[u8],
        answer: impl Fn(u16) -> Vec<u8>,
    ) {
        let reference = self.next();
        self.tcp
            .exchange(net, &job(reference, parameter, payload), &answer(reference));
        self.tcp.pause(MILLI);
    }

    fn user(&mut self, net: &mut Network, ask: &str, payload: &[u8], reply: &str, answer: &[u8]) {
        let reference = self.next();
        self.tcp.exchange(
            net,
            &userdata(reference, &Bytes::hex(ask).done(), payload),
            &userdata(reference, &Bytes::hex(reply).done(), answer),
        );
        self.tcp.pause(MILLI);
    }

    fn deed(
        &self,
        net: &mut Network,
        operation: &'static str,
        object: &str,
        content: Option<&[u8]>,
    ) {
        net.deed(Deed {
            at: self.tcp.now(),
            source: self.tcp.client(),
            target: self.tcp.server(),
            protocol: "s7comm",
            operation,
            object: object.to_owned(),
            refused: false,
            content: content.map(|bytes| (bytes.len(), sha256(bytes))),
        });
    }

    /// Reads bytes of a data block.
    pub fn read(&mut self, net: &mut Network, db: u16, start: u32, value: &[u8]) {
        self.deed(net, "read", &format!("DB{db}"), None);
        let length = len16(value.len());
        let parameter = Bytes::hex("04 01").raw(&item(db, start, length)).done();
        let answer = Bytes::hex("ff 04")
            .be16(length.saturating_mul(8))
            .raw(value)
            .done();
        self.job(net, &parameter, &[], |reference| {
            ack(reference, 0, &[4, 1], &answer)
        });
    }

    /// The last answer once more, as after a lost acknowledgement.
    pub fn again(&mut self, net: &mut Network) {
        self.tcp.again(net);
    }

    /// Writes bytes of a data block.
    pub fn write(&mut self, net: &mut Network, db: u16, start: u32, value: &[u8]) {
        self.deed(net, "write", &format!("DB{db}"), None);
        let length = len16(value.len());
        let parameter = Bytes::hex("05 01").raw(&item(db, start, length)).done();
        let payload = Bytes::hex("00 04")
            .be16(length.saturating_mul(8))
            .raw(value)
            .done();
        self.job(net, &parameter, &payload, |reference| {
            ack(reference, 0, &[5, 1], &[0xff])
        });
    }

    /// Downloads a block: the controller fetches it piece by piece, then it is linked in (`_INSE`).
    pub fn download(&mut self, net: &mut Network, name: &str, content: &[u8]) {
        self.deed(net, "program-download", name, Some(content));
        let passive = format!("_{}", file_name(name, 'P'));
        let code = content.len().saturating_sub(36);
        let sizes = format!("1{:06}{:06}", content.len(), code);
        let named = |function: u8| {
            Bytes::new()
                .u8(function)
                .raw(&[0; 7])
                .len8(passive.as_bytes())
        };
        let request = Bytes::hex("1a 00 0100 0000 0000")
            .len8(passive.as_bytes())
            .len8(sizes.as_bytes())
            .done();
        self.job(net, &request, &[], |reference| {
            ack(reference, 0, &[0x1a], &[])
        });
        let pieces = content.len().div_ceil(PIECE);
        let mut theirs = 0;
        for (nth, piece) in content.chunks(PIECE).enumerate() {
            theirs = u16::from(small(nth)).saturating_add(1);
            let more = u8::from(nth.saturating_add(1) < pieces);
            let payload = Bytes::new()
                .be16(len16(piece.len()))
                .hex_fb()
                .raw(piece)
                .done();
            self.tcp.answer(net, &job(theirs, &named(0x1b).done(), &[]));
            self.tcp.pause(3 * MILLI);
            self.tcp.ask(net, &ack(theirs, 0, &[0x1b, more], &payload));
            self.tcp.pause(2 * MILLI);
        }
        let end = theirs.saturating_add(1);
        self.tcp.answer(net, &job(end, &named(0x1c).done(), &[]));
        self.tcp.pause(2 * MILLI);
        self.tcp.ask(net, &ack(end, 0, &[0x1c], &[]));
        self.tcp.pause(2 * MILLI);
        let argument = Bytes::hex("01 00").text(&file_name(name, 'P')).done();
        let insert = Bytes::hex("28 000000000000fd")
            .len16(&argument)
            .len8(b"_INSE")
            .done();
        self.job(net, &insert, &[], |reference| {
            ack(reference, 0, &[0x28], &[])
        });
    }

    /// Uploads a block from the controller.
    pub fn upload(&mut self, net: &mut Network, name: &str, content: &[u8]) {
        self.deed(net, "program-upload", name, Some(content));
        let active = format!("_{}", file_name(name, 'A'));
        let start = Bytes::hex("1d 00 0000 0000 0000")
            .len8(active.as_bytes())
            .done();
        let length = format!("{:07}", content.len());
        let started = Bytes::hex("1d 00 0100 0000 0007")
            .len8(length.as_bytes())
            .done();
        self.job(net, &start, &[], |reference| {
            ack(reference, 0, &started, &[])
        });
        let pieces = content.len().div_ceil(PIECE);
        for (nth, piece) in content.chunks(PIECE).enumerate() {
            let more = u8::from(nth.saturating_add(1) < pieces);
            let payload = Bytes::new()
                .be16(len16(piece.len()))
                .hex_fb()
                .raw(piece)
                .done();
            let ask = Bytes::hex("1e 00 0000 0000 0007").done();
            self.job(net, &ask, &[], |reference| {
                ack(reference, 0, &[0x1e, more], &payload)
            });
        }
        let end = Bytes::hex("1f 00 0000 0000 0007").done();
        self.job(net, &end, &[], |reference| ack(reference, 0, &[0x1f], &[]));
    }

    /// Stops the controller.
    pub fn stop(&mut self, net: &mut Network) {
        self.deed(net, "stop", "", None);
        let stop = Bytes::hex("29 0000000000").len8(b"P_PROGRAM").done();
        self.job(net, &stop, &[], |reference| ack(reference, 0, &[0x29], &[]));
    }

    /// Warm restart.
    pub fn start(&mut self, net: &mut Network) {
        self.deed(net, "start", "", None);
        let start = Bytes::hex("28 000000000000fd 0000")
            .len8(b"P_PROGRAM")
            .done();
        self.job(net, &start, &[], |reference| {
            ack(reference, 0, &[0x28], &[])
        });
    }

    /// Reads the module identification (SZL 0x0011): order number and firmware.
    pub fn identify(&mut self, net: &mut Network, order_number: &str, firmware: [u8; 3]) {
        self.deed(net, "identify", "SZL 0x0011", None);
        let record = |index: u16, version: [u8; 2]| {
            let number = format!("{order_number:<20}");
            Bytes::new()
                .be16(index)
                .field(number.as_bytes(), 20)
                .be16(0x00c0)
                .raw(&version)
                .be16(1)
                .done()
        };
        let [major, minor, patch] = firmware;
        let list = Bytes::hex("0011 0000 001c 0002")
            .raw(&record(1, [0, 3]))
            .raw(
                &Bytes::new()
                    .be16(7)
                    .field(format!("{:<20}", "").as_bytes(), 20)
                    .be16(0x00c0)
                    .u8(b'V')
                    .u8(major)
                    .u8(minor)
                    .u8(patch)
                    .done(),
            )
            .done();
        let answer = Bytes::hex("ff 09").len16(&list).done();
        self.user(
            net,
            "000112 04 11 44 01 00",
            &Bytes::hex("ff 09 0004 0011 0000").done(),
            "000112 08 12 84 01 01 00 00 0000",
            &answer,
        );
    }

    /// Reads the diagnostic buffer (SZL 0x00a0), which is empty but for one entry.
    pub fn diagnose(&mut self, net: &mut Network) {
        self.deed(net, "diagnose", "SZL 0x00a0", None);
        let list = Bytes::hex(
            "00a0 0000 0014 0001 4302 00ff 0000 c7 00 0000 0000 26 11 20 05 11 02 00 06",
        )
        .done();
        let answer = Bytes::hex("ff 09").len16(&list).done();
        self.user(
            net,
            "000112 04 11 44 01 00",
            &Bytes::hex("ff 09 0004 00a0 0000").done(),
            "000112 08 12 84 01 02 00 00 0000",
            &answer,
        );
    }

    /// Sets the clock to the day of the captures.
    pub fn set_clock(&mut self, net: &mut Network) {
        self.deed(net, "set-clock", "", None);
        let clock = Bytes::hex("ff 09 000a 00 20 26 11 20 14 05 30 00 06").done();
        self.user(
            net,
            "000112 04 11 47 02 00",
            &clock,
            "000112 08 12 87 02 03 00 00 0000",
            &Bytes::hex("0a 00 0000").done(),
        );
    }

    /// Gives the session password.
    pub fn password(&mut self, net: &mut Network) {
        self.deed(net, "authenticate", "", None);
        let secret = Bytes::hex("ff 09 0008 64 73 55 17 61 72 44 06").done();
        self.user(
            net,
            "000112 04 11 45 01 00",
            &secret,
            "000112 08 12 85 01 04 00 00 0000",
            &Bytes::hex("0a 00 0000").done(),
        );
    }

    pub fn close(&mut self, net: &mut Network) {
        self.tcp.close(net);
    }
}

fn item(db: u16, start: u32, length: u16) -> Vec<u8> {
    let [_, a, b, c] = start.saturating_mul(8).to_be_bytes();
    Bytes::hex("12 0a 10 02")
        .be16(length)
        .be16(db)
        .u8(0x84)
        .raw(&[a, b, c])
        .done()
}

impl Bytes {
    /// Separator between length and content of a block's piece.
    fn hex_fb(self) -> Bytes {
        self.be16(0x00fb)
    }

    fn hex_tail(self, device: Device, slot: u8) -> Bytes {
        self.raw(&[0xc0, 1, 0x0a, 0xc1, 2, 1, 0, 0xc2, 2, device as u8, slot])
    }
}
