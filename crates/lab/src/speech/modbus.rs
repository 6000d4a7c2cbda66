//! Modbus/TCP: cyclic reading and writing of registers, device identification.
use crate::net::bytes::{Bytes, len16, small};
use crate::net::{Host, MILLI, Micros, Network, Tcp};
use crate::truth::Deed;

pub const PORT: u16 = 502;

/// One connection; the transaction number counts its requests.
#[derive(Clone, Debug)]
pub struct Modbus {
    pub tcp: Tcp,
    unit: u8,
    transaction: u16,
}

impl Modbus {
    pub fn connect(net: &mut Network, at: Micros, client: Host, server: Host, unit: u8) -> Modbus {
        Modbus {
            tcp: Tcp::open(net, at, client, server, PORT),
            unit,
            transaction: 0,
        }
    }

    /// A connection that was open before the capture began.
    pub fn midstream(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        unit: u8,
    ) -> Modbus {
        Modbus {
            tcp: Tcp::midstream(net, at, client, server, PORT),
            unit,
            transaction: 0x2100,
        }
    }

    fn exchange(&mut self, net: &mut Network, question: &[u8], answer: &[u8]) {
        self.transaction = self.transaction.wrapping_add(1);
        let (question, answer) = (
            adu(self.transaction, self.unit, question),
            adu(self.transaction, self.unit, answer),
        );
        self.tcp.exchange(net, &question, &answer);
        self.tcp.pause(MILLI);
    }

    fn deed(&self, net: &mut Network, operation: &'static str, object: String, refused: bool) {
        net.deed(Deed {
            at: self.tcp.now(),
            source: self.tcp.client(),
            target: self.tcp.server(),
            protocol: "modbus",
            operation,
            object,
            refused,
            content: None,
        });
    }

    /// Function 3: read holding registers.
    pub fn read(&mut self, net: &mut Network, address: u16, values: &[u16]) {
        self.deed(net, "read", format!("holding {address}"), false);
        let question = Bytes::new()
            .u8(3)
            .be16(address)
            .be16(len16(values.len()))
            .done();
        let answer = Bytes::new().u8(3).len8(&registers(values)).done();
        self.exchange(net, &question, &answer);
    }

    /// Function 16: write multiple registers.
    pub fn write(&mut self, net: &mut Network, address: u16, values: &[u16]) {
        self.deed(net, "write", format!("holding {address}"), false);
        let head = Bytes::new().u8(16).be16(address).be16(len16(values.len()));
        let question = head.clone().len8(&registers(values)).done();
        self.exchange(net, &question, &head.done());
    }

    /// Function 6, answered with exception 2 (illegal data address).
    pub fn refused_write(&mut self, net: &mut Network, address: u16, value: u16) {
        self.deed(net, "write", format!("holding {address}"), true);
        let question = Bytes::new().u8(6).be16(address).be16(value).done();
        self.exchange(net, &question, &[0x86, 2]);
    }

    /// Function 43/14: basic device identification.
    pub fn identify(&mut self, net: &mut Network, maker: &str, product: &str, version: &str) {
        self.deed(net, "identify", "device identification".to_owned(), false);
        let mut answer = Bytes::hex("2b 0e 01 01 00 00 03");
        for (id, text) in [maker, product, version].into_iter().enumerate() {
            answer = answer.u8(small(id)).len8(text.as_bytes());
        }
        self.exchange(net, &Bytes::hex("2b 0e 01 00").done(), &answer.done());
    }

    pub fn close(&mut self, net: &mut Network) {
        self.tcp.close(net);
    }
}

/// A whole message: header, unit, function.
pub fn adu(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = len16(pdu.len().saturating_add(1));
    Bytes::new()
        .be16(transaction)
        .be16(0)
        .be16(length)
        .u8(unit)
        .raw(pdu)
        .done()
}

fn registers(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .fold(Bytes::new(), |bytes, value| bytes.be16(*value))
        .done()
}
