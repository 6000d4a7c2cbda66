//! OPC UA binary, security policy None: hello, secure channel, session, read, write.
use crate::net::bytes::{Bytes, len32};
use crate::net::{Host, MILLI, Micros, Network, Tcp};
use crate::truth::Deed;

pub const PORT: u16 = 4_840;
/// 2026-11-20T14:00:00Z in the time of OPC UA (100 ns since 1601).
const NOW: u64 = 134_396_568_000_000_000;
const NONE: &str = "http://opcfoundation.org/UA/SecurityPolicy#None";

impl Bytes {
    fn string(self, text: &str) -> Bytes {
        self.le32(len32(text.len())).text(text)
    }

    fn null(self) -> Bytes {
        self.le32(u32::MAX)
    }

    /// A numeric node of namespace 0 in four bytes.
    fn node(self, id: u16) -> Bytes {
        self.u8(1).u8(0).le16(id)
    }

    /// A node of namespace 3 by name, as SIMATIC controllers name their tags.
    fn tag(self, name: &str) -> Bytes {
        self.u8(3).le16(3).string(name)
    }

    fn request(self, id: u16, token: Option<u32>, handle: u32) -> Bytes {
        let token = match token {
            None => Bytes::new().raw(&[0, 0]),
            Some(token) => Bytes::new().u8(2).le16(1).le32(token),
        };
        self.node(id)
            .raw(&token.done())
            .le64(NOW)
            .le32(handle)
            .le32(0)
            .null()
            .le32(10_000)
            .raw(&[0, 0, 0])
    }

    fn response(self, id: u16, handle: u32) -> Bytes {
        self.node(id)
            .le64(NOW)
            .le32(handle)
            .le32(0)
            .u8(0)
            .le32(0)
            .raw(&[0, 0, 0])
    }
}

fn framed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    Bytes::new()
        .raw(kind)
        .le32(len32(body.len()).saturating_add(8))
        .raw(body)
        .done()
}

/// One client in a session.
#[derive(Clone, Debug)]
pub struct OpcUa {
    pub tcp: Tcp,
    sequence: u32,
    token: Option<u32>,
}

impl OpcUa {
    /// Hello, channel, CreateSession, ActivateSession as anonymous.
    pub fn connect(
        net: &mut Network,
        at: Micros,
        client: Host,
        server: Host,
        application: &str,
    ) -> OpcUa {
        let tcp = Tcp::open(net, at, client, server, PORT);
        let mut ua = OpcUa {
            tcp,
            sequence: 0,
            token: None,
        };
        let url = format!("opc.tcp://{}:{PORT}", server.ip);
        let limits = |bytes: Bytes| bytes.le32(0).le32(65_535).le32(65_535).le32(0).le32(0);
        let (hello, ack) = (
            limits(Bytes::new()).string(&url).done(),
            limits(Bytes::new()).done(),
        );
        ua.tcp
            .exchange(net, &framed(b"HELF", &hello), &framed(b"ACKF", &ack));

        ua.sequence = 1;
        let open = |bytes: Bytes| {
            let head = Bytes::new()
                .le32(7)
                .string(NONE)
                .null()
                .null()
                .le32(1)
                .le32(1);
            framed(b"OPNF", &head.raw(&bytes.done()).done())
        };
        let ask = open(
            Bytes::new()
                .request(446, None, 1)
                .le32(0)
                .le32(0)
                .le32(1)
                .null()
                .le32(3_600_000),
        );
        let answer = open(
            Bytes::new()
                .response(449, 1)
                .le32(0)
                .le32(7)
                .le32(1)
                .le64(NOW)
                .le32(3_600_000)
                .null(),
        );
        ua.tcp.exchange(net, &ask, &answer);

        let create = Bytes::new()
            .request(461, None, 2)
            .string(&format!("urn:{application}"))
            .string("urn:harborview:crane")
            .u8(2)
            .string(application)
            .le32(1)
            .null()
            .null()
            .le32(0)
            .null()
            .string(&url)
            .string(&format!("{application} session"))
            .null()
            .null()
            .le64(1_200_000f64.to_bits())
            .le32(0);
        let created = Bytes::new()
            .response(464, 2)
            .u8(2)
            .le16(1)
            .le32(900)
            .u8(2)
            .le16(1)
            .le32(901)
            .le64(1_200_000f64.to_bits())
            .null()
            .null()
            .le32(0)
            .le32(0)
            .null()
            .null()
            .le32(0);
        ua.service(net, create, created);
        ua.token = Some(901);
        let anonymous = Bytes::new().string("anonymous").done();
        let activate = Bytes::new()
            .request(467, ua.token, 3)
            .null()
            .null()
            .le32(0)
            .le32(0)
            .node(321)
            .u8(1)
            .le32(len32(anonymous.len()))
            .raw(&anonymous)
            .null()
            .null();
        ua.service(
            net,
            activate,
            Bytes::new().response(470, 3).null().le32(0).le32(0),
        );
        ua
    }

    fn service(&mut self, net: &mut Network, ask: Bytes, answer: Bytes) {
        self.sequence = self.sequence.saturating_add(1);
        let sequence = self.sequence;
        let message = |body: Bytes| {
            let head = Bytes::new().le32(7).le32(1).le32(sequence).le32(sequence);
            framed(b"MSGF", &head.raw(&body.done()).done())
        };
        self.tcp.exchange(net, &message(ask), &message(answer));
        self.tcp.pause(MILLI);
    }

    fn deed(&self, net: &mut Network, operation: &'static str, tag: &str) {
        net.deed(Deed {
            at: self.tcp.now(),
            source: self.tcp.client(),
            target: self.tcp.server(),
            protocol: "opcua",
            operation,
            object: tag.to_owned(),
            refused: false,
            content: None,
        });
    }

    /// Reads the value of one tag of type Int32.
    pub fn read(&mut self, net: &mut Network, tag: &str, value: u32) {
        self.deed(net, "read", tag);
        let handle = self.sequence.saturating_add(10);
        let ask = Bytes::new()
            .request(631, self.token, handle)
            .le64(0)
            .le32(3)
            .le32(1)
            .tag(tag)
            .le32(13)
            .null()
            .le16(0)
            .null();
        let answer = Bytes::new()
            .response(634, handle)
            .le32(1)
            .u8(1)
            .u8(6)
            .le32(value)
            .le32(0);
        self.service(net, ask, answer);
    }

    /// Writes the value of one tag of type Int32.
    pub fn write(&mut self, net: &mut Network, tag: &str, value: u32) {
        self.deed(net, "write", tag);
        let handle = self.sequence.saturating_add(10);
        let ask = Bytes::new()
            .request(673, self.token, handle)
            .le32(1)
            .tag(tag)
            .le32(13)
            .null()
            .u8(1)
            .u8(6)
            .le32(value);
        let answer = Bytes::new().response(676, handle).le32(1).le32(0).le32(0);
        self.service(net, ask, answer);
    }

    /// CloseSession, CloseSecureChannel and the end of TCP.
    pub fn close(&mut self, net: &mut Network) {
        let handle = self.sequence.saturating_add(10);
        let ask = Bytes::new().request(473, self.token, handle).u8(1);
        self.service(net, ask, Bytes::new().response(476, handle));
        let sequence = self.sequence.saturating_add(1);
        let body = Bytes::new()
            .le32(7)
            .le32(1)
            .le32(sequence)
            .le32(sequence)
            .request(452, None, handle.saturating_add(1));
        self.tcp.ask(net, &framed(b"CLOF", &body.done()));
        self.tcp.close(net);
    }
}
