//! EtherNet/IP and CIP: identity, sessions, tags by name, Forward Open, cyclic I/O.
use crate::net::bytes::{Bytes, len16, small};
use crate::net::{Host, MILLI, Micros, Network, Tcp};
use crate::truth::Deed;

pub const PORT: u16 = 44_818;
pub const IO_PORT: u16 = 2_222;
const SESSION: u32 = 0x1a2b_0001;

fn command(code: u16, session: u32, payload: &[u8]) -> Vec<u8> {
    Bytes::new()
        .le16(code)
        .le16(len16(payload.len()))
        .le32(session)
        .le32(0)
        .raw(b"crane\0\0\0")
        .le32(0)
        .raw(payload)
        .done()
}

/// What a device states of itself.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    pub vendor: u16,
    pub device_type: u16,
    pub product: u16,
    pub revision: (u8, u8),
    pub serial: u32,
    pub name: &'static str,
}

/// ListIdentity by UDP, answered by the device.
pub fn list_identity(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    identity: Identity,
) {
    note(net, at, client, server, "identify", "");
    let port = net.port(client);
    net.udp(at, client, port, server, PORT, &command(0x63, 0, &[]));
    let socket = Bytes::new()
        .be16(2)
        .be16(PORT)
        .raw(&server.ip.octets())
        .zeros(8)
        .done();
    let item = Bytes::new()
        .le16(1)
        .raw(&socket)
        .le16(identity.vendor)
        .le16(identity.device_type)
        .le16(identity.product)
        .u8(identity.revision.0)
        .u8(identity.revision.1)
        .le16(0x0060)
        .le32(identity.serial)
        .len8(identity.name.as_bytes())
        .u8(3)
        .done();
    let payload = Bytes::new()
        .le16(1)
        .le16(0x0c)
        .le16(len16(item.len()))
        .raw(&item)
        .done();
    net.udp(
        at.saturating_add(900),
        server,
        PORT,
        client,
        port,
        &command(0x63, 0, &payload),
    );
}

fn note(
    net: &mut Network,
    at: Micros,
    source: Host,
    target: Host,
    operation: &'static str,
    object: &str,
) {
    net.deed(Deed {
        at,
        source,
        target,
        protocol: "enip",
        operation,
        object: object.to_owned(),
        refused: false,
        content: None,
    });
}

/// One explicit session.
#[derive(Clone, Debug)]
pub struct Enip {
    pub tcp: Tcp,
}

impl Enip {
    /// TCP and RegisterSession.
    pub fn connect(net: &mut Network, at: Micros, client: Host, server: Host) -> Enip {
        let mut tcp = Tcp::open(net, at, client, server, PORT);
        let version = Bytes::new().le16(1).le16(0).done();
        tcp.exchange(
            net,
            &command(0x65, 0, &version),
            &command(0x65, SESSION, &version),
        );
        Enip { tcp }
    }

    fn unconnected(&mut self, net: &mut Network, question: &[u8], answer: &[u8]) {
        let wrap = |cip: &[u8]| {
            let payload = Bytes::new()
                .le32(0)
                .le16(5)
                .le16(2)
                .le32(0)
                .le16(0xb2)
                .le16(len16(cip.len()))
                .raw(cip)
                .done();
            command(0x6f, SESSION, &payload)
        };
        self.tcp.exchange(net, &wrap(question), &wrap(answer));
        self.tcp.pause(MILLI);
    }

    /// Service 0x4c: reads one element of a tag of type DINT.
    pub fn read_tag(&mut self, net: &mut Network, tag: &str, value: u32) {
        note(
            net,
            self.tcp.now(),
            self.tcp.client(),
            self.tcp.server(),
            "read",
            tag,
        );
        let question = request(0x4c, &symbol(tag)).le16(1).done();
        let answer = Bytes::hex("cc 00 00 00").le16(0xc4).le32(value).done();
        self.unconnected(net, &question, &answer);
    }

    /// Service 0x4d: writes one element of a tag of type DINT.
    pub fn write_tag(&mut self, net: &mut Network, tag: &str, value: u32) {
        note(
            net,
            self.tcp.now(),
            self.tcp.client(),
            self.tcp.server(),
            "write",
            tag,
        );
        let question = request(0x4d, &symbol(tag))
            .le16(0xc4)
            .le16(1)
            .le32(value)
            .done();
        self.unconnected(net, &question, &Bytes::hex("cd 00 00 00").done());
    }

    /// Get_Attributes_All of the identity object.
    pub fn identity(&mut self, net: &mut Network, identity: Identity) {
        note(
            net,
            self.tcp.now(),
            self.tcp.client(),
            self.tcp.server(),
            "identify",
            "",
        );
        let question = request(0x01, &Bytes::hex("20 01 24 01").done()).done();
        let answer = Bytes::hex("81 00 00 00")
            .le16(identity.vendor)
            .le16(identity.device_type)
            .le16(identity.product)
            .u8(identity.revision.0)
            .u8(identity.revision.1)
            .le16(0x0060)
            .le32(identity.serial)
            .len8(identity.name.as_bytes())
            .done();
        self.unconnected(net, &question, &answer);
    }

    /// Forward Open of a class 1 connection, as a scanner does before cyclic I/O; gives the two connection numbers.
    pub fn forward_open(&mut self, net: &mut Network) -> (u32, u32) {
        let (out, back) = (0x8f01_0007, 0x0042_0012);
        let path = Bytes::hex("20 04 24 97 2c 96 2c 64").done();
        let question = request(0x54, &Bytes::hex("20 06 24 01").done())
            .u8(0x0a)
            .u8(0x0e)
            .le32(0)
            .le32(back)
            .le16(0x0101)
            .le16(0x004d)
            .le32(0x00c0_ffee)
            .u8(3)
            .zeros(3)
            .le32(100_000)
            .le16(0x480a)
            .le32(100_000)
            .le16(0x480a)
            .u8(0x01)
            .u8(small(path.len() / 2))
            .raw(&path)
            .done();
        let answer = Bytes::hex("d4 00 00 00")
            .le32(out)
            .le32(back)
            .le16(0x0101)
            .le16(0x004d)
            .le32(0x00c0_ffee)
            .le32(100_000)
            .le32(100_000)
            .u8(0)
            .u8(0)
            .done();
        self.unconnected(net, &question, &answer);
        (out, back)
    }

    pub fn close(&mut self, net: &mut Network) {
        let session = command(0x66, SESSION, &[]);
        self.tcp.ask(net, &session);
        self.tcp.close(net);
    }
}

/// A cyclic datagram of an open class 1 connection.
pub fn io(
    net: &mut Network,
    at: Micros,
    from: Host,
    to: Host,
    connection: u32,
    count: u16,
    data: &[u8],
) {
    let real = Bytes::new().le16(count).le32(1).raw(data).done();
    let payload = Bytes::new()
        .le16(2)
        .le16(0x8002)
        .le16(8)
        .le32(connection)
        .le32(u32::from(count))
        .le16(0x00b1)
        .le16(len16(real.len()))
        .raw(&real)
        .done();
    net.udp(at, from, IO_PORT, to, IO_PORT, &payload);
}

fn request(service: u8, path: &[u8]) -> Bytes {
    Bytes::new().u8(service).u8(small(path.len() / 2)).raw(path)
}

/// A tag by its name: an ANSI extended symbol segment, filled to an even length.
fn symbol(tag: &str) -> Vec<u8> {
    Bytes::new()
        .u8(0x91)
        .len8(tag.as_bytes())
        .zeros(tag.len() % 2)
        .done()
}
