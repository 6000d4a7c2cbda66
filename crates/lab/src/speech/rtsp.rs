//! RTSP with RTP over UDP: a recorder fetches the picture of a camera.
use crate::net::bytes::{Bytes, len32};
use crate::net::{Host, MILLI, Micros, Network, Tcp};

pub const PORT: u16 = 554;

/// A running stream.
#[derive(Clone, Debug)]
pub struct Stream {
    tcp: Tcp,
    ports: (u16, u16),
    sequence: u16,
    session: u32,
}

/// OPTIONS, DESCRIBE, SETUP, PLAY.
pub fn play(net: &mut Network, at: Micros, recorder: Host, camera: Host, maker: &str) -> Stream {
    let mut tcp = Tcp::open(net, at, recorder, camera, PORT);
    let url = format!("rtsp://{}:554/stream1", camera.ip);
    let even = net.port(recorder) & 0xfffe;
    let ports = (even, 8_000 + (even % 500) * 2);
    let session = (net.dice.roll() & 0x7fff_ffff) as u32;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns={maker} stream\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n",
        camera.ip
    );
    let server = format!("Server: {maker} Rtsp Server\r\n");
    let transport = format!("RTP/AVP;unicast;client_port={}-{}", ports.0, ports.0 + 1);
    let steps = [
        (
            format!("OPTIONS {url}"),
            String::new(),
            format!("{server}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"),
        ),
        (
            format!("DESCRIBE {url}"),
            "Accept: application/sdp\r\n".to_owned(),
            format!(
                "{server}Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            ),
        ),
        (
            format!("SETUP {url}/track1"),
            format!("Transport: {transport}\r\n"),
            format!(
                "{server}Session: {session:08x};timeout=60\r\nTransport: {transport};server_port={}-{};ssrc={session:08X}\r\n\r\n",
                ports.1,
                ports.1 + 1
            ),
        ),
        (
            format!("PLAY {url}"),
            format!("Session: {session:08x}\r\nRange: npt=0.000-\r\n"),
            format!(
                "{server}Session: {session:08x}\r\nRTP-Info: url={url}/track1;seq=1;rtptime=0\r\n\r\n"
            ),
        ),
    ];
    for (nth, (line, headers, answer)) in steps.iter().enumerate() {
        let number = nth.saturating_add(1);
        let ask = format!(
            "{line} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: recorder/5.2\r\n{headers}\r\n"
        );
        tcp.exchange(
            net,
            ask.as_bytes(),
            format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{answer}").as_bytes(),
        );
        tcp.pause(4 * MILLI);
    }
    Stream {
        tcp,
        ports,
        sequence: 0,
        session,
    }
}

impl Stream {
    /// One RTP packet: a middle piece of a fragmented H.264 unit.
    pub fn picture(&mut self, net: &mut Network, at: Micros, bytes: usize) {
        self.sequence = self.sequence.wrapping_add(1);
        let stamp = len32(usize::from(self.sequence)).wrapping_mul(3_600);
        let data = net.dice.bytes(bytes);
        let packet = Bytes::hex("80 60")
            .be16(self.sequence)
            .be32(stamp)
            .be32(self.session)
            .raw(&[0x7c, 0x05])
            .raw(&data)
            .done();
        net.udp(
            at,
            self.tcp.server(),
            self.ports.1,
            self.tcp.client(),
            self.ports.0,
            &packet,
        );
    }

    /// A sender report by RTCP.
    pub fn report(&mut self, net: &mut Network, at: Micros) {
        let packet = Bytes::hex("80 c8")
            .be16(6)
            .be32(self.session)
            .be64(0xee22_1b20_0000_0000)
            .be32(u32::from(self.sequence).wrapping_mul(3_600))
            .be32(u32::from(self.sequence))
            .be32(u32::from(self.sequence).wrapping_mul(500))
            .raw(&[0x81, 0xca])
            .be16(3)
            .be32(self.session)
            .u8(1)
            .u8(6)
            .text("camera")
            .done();
        net.udp(
            at,
            self.tcp.server(),
            self.ports.1 + 1,
            self.tcp.client(),
            self.ports.0 + 1,
            &packet,
        );
    }

    /// TEARDOWN and the end of TCP.
    pub fn stop(&mut self, net: &mut Network, at: Micros) {
        self.tcp.until(at);
        let url = format!("rtsp://{}:554/stream1", self.tcp.server().ip);
        let session = self.session;
        let ask = format!("TEARDOWN {url} RTSP/1.0\r\nCSeq: 5\r\nSession: {session:08x}\r\n\r\n");
        self.tcp
            .exchange(net, ask.as_bytes(), b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n");
        self.tcp.close(net);
    }
}
