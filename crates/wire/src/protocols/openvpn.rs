//! OpenVPN: that a tunnel is opened, how its control channel is protected, and who both ends are where that does not hide
//! their certificates.
//!
//! The control channel carries TLS in packets of its own, numbered, acknowledged and sent again. Authentication by a shared
//! key (`tls-auth`) only signs these packets: what lies in them is still in the clear. Encryption by one (`tls-crypt`) hides
//! all but session and counter.
//!
//! Spec: draft-openvpn-wire-protocol (opcodes, packet headers, control channel, tls-auth, tls-crypt, tls-crypt-v2).
//! Emits: `tls-auth`, `tls-crypt` or `tls-crypt-v2` as variant (none: unprotected); of the TLS inside what TLS tells: server
//! names, JA4, certificates.
//! Blind to: what the tunnel carries; the control channel under tls-crypt; tunnels with a static key, which begin with data;
//! certificates of TLS 1.3; handshakes that renew a session's key.
use std::collections::BTreeMap;

use super::carried::Share;
use super::tls::Tls;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "openvpn",
    title: "OpenVPN",
    carriers: &[Carrier::Udp(PORT), Carrier::Tcp(PORT)],
    probe: |head| match sender(head) {
        Some(sender) => Probe::Ours(sender),
        None => Probe::NotOurs,
    },
    open: || Box::new(OpenVpn::default()),
    remote: false,
    operations: &[],
    about: "How the control channel is protected (`tls-auth`, `tls-crypt`, `tls-crypt-v2` as variants); where it is not encrypted, the TLS handshake inside: server names, JA4, certificates.",
    spec: "OpenVPN wire protocol (draft-openvpn-wire-protocol)",
    blind: "what the tunnel carries, control channels under tls-crypt, tunnels with a static key, certificates of TLS 1.3",
};

const PORT: u16 = 1194;
/// Opcode, session, no acknowledgements, packet 0.
const RESET: usize = 14;
/// Behind a digest: counter and time.
const REPLAY: usize = 8;
/// Digests of tls-auth by length: none, MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const DIGESTS: &[usize] = &[0, 16, 20, 28, 32, 48, 64];
/// The digest of tls-crypt, and with it opcode, session and counter.
const CRYPT: usize = 1 + 8 + REPLAY + 32;
/// Acknowledgements in one packet (RELIABLE_ACK_SIZE).
const MOST_ACKS: u8 = 8;
/// Packets that came before their turn, of one side.
const MOST_EARLY: usize = 8;
/// TLS bytes that wait for the rest of their record, of one side: the longest record and a packet.
const MOST_WAITING: usize = 20 * 1024;
/// Packets without a layout that is known, after which no more is looked at.
const MOST_UNKNOWN: u8 = 8;

/// Opcodes (5.2).
mod opcode {
    pub(super) const RESET_CLIENT_V1: u8 = 1;
    pub(super) const RESET_SERVER_V1: u8 = 2;
    pub(super) const CONTROL: u8 = 4;
    pub(super) const ACK: u8 = 5;
    pub(super) const DATA_V1: u8 = 6;
    pub(super) const RESET_CLIENT_V2: u8 = 7;
    pub(super) const RESET_SERVER_V2: u8 = 8;
    pub(super) const DATA_V2: u8 = 9;
    pub(super) const RESET_CLIENT_V3: u8 = 10;
    pub(super) const CONTROL_WKC: u8 = 11;
}

/// Opcode in the upper five bits, key in the lower three; over TCP behind a length. A client's reset opens a session: it
/// counts at any port, what follows at its own.
fn sender(head: &Head<'_>) -> Option<Sender> {
    let mut packet = head.bytes;
    if !head.udp {
        let (length, rest) = packet.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length < RESET || length > rest.len() && !head.on(PORT) {
            return None;
        }
        packet = rest.get(..length).unwrap_or(rest);
    }
    let (first, rest) = packet.split_first()?;
    let (kind, key) = (first >> 3, first & 7);
    let likely = || {
        let session = rest.get(..8)?;
        (session != [0; 8]).then_some(())?;
        match kind {
            opcode::RESET_CLIENT_V2 => {
                let plain = DIGESTS
                    .iter()
                    .any(|digest| Control::read(kind, rest, *digest, None).is_some());
                (plain || packet.len() == CRYPT + 5 && counter(rest) == Some(1)).then_some(())
            }
            // The wrapped key of the client ends with its own length (tls-crypt-v2).
            opcode::RESET_CLIENT_V3 => {
                let wrapped = packet
                    .last_chunk::<2>()
                    .map(|length| usize::from(u16::from_be_bytes(*length)))?;
                let early = matches!(counter(rest), Some(1 | 0x0f00_0001));
                let fits = (CRYPT..packet.len()).contains(&(packet.len().checked_sub(wrapped)?));
                (early && fits && wrapped > 32).then_some(())
            }
            _ => None,
        }
    };
    if key == 0 && (likely().is_some() || head.on(PORT) && packet.len() >= RESET) {
        match kind {
            opcode::RESET_CLIENT_V2 | opcode::RESET_CLIENT_V3 => return Some(Sender::Client),
            opcode::RESET_SERVER_V2 if head.on(PORT) => return Some(Sender::Server),
            _ => {}
        }
    }
    (head.on(PORT) && matches!(kind, 4 | 5 | 6 | 9) && packet.len() >= RESET)
        .then_some(Sender::Unknown)
}

/// Where tls-crypt has it: behind the session. `rest` begins with that.
fn counter(rest: &[u8]) -> Option<u32> {
    rest.get(8..12)
        .and_then(|bytes| bytes.first_chunk::<4>())
        .map(|bytes| u32::from_be_bytes(*bytes))
}

/// A packet of the control channel whose layout is understood.
struct Control<'a> {
    session: [u8; 8],
    /// `None`: it only acknowledges.
    number: Option<u32>,
    tls: &'a [u8],
}

impl<'a> Control<'a> {
    /// Reads what is behind the opcode as if it were signed by a digest of that length; `None` where that cannot be.
    /// `other` is the session of the other end, where it is known.
    fn read(
        kind: u8,
        rest: &'a [u8],
        digest: usize,
        other: Option<[u8; 8]>,
    ) -> Option<Control<'a>> {
        let mut r = Reader::new(rest);
        let session = r.array::<8>().ok()?;
        if digest > 0 {
            r.skip(digest).ok()?;
            let (counter, _time) = (r.u32().ok()?, r.u32().ok()?);
            // It starts at one and is far from its end when a session begins.
            if !(1..1 << 16).contains(&counter) {
                return None;
            }
        }
        let acks = r.u8().ok()?;
        if acks > MOST_ACKS {
            return None;
        }
        r.skip(4 * usize::from(acks)).ok()?;
        if acks > 0 {
            let remote = r.array::<8>().ok()?;
            if remote == [0; 8] || other.is_some_and(|other| other != remote) {
                return None;
            }
        }
        if kind == opcode::ACK {
            return (acks > 0 && r.is_empty()).then_some(Control {
                session,
                number: None,
                tls: &[],
            });
        }
        let number = r.u32().ok()?;
        let tls = r.rest();
        let sane = match kind {
            opcode::CONTROL => !tls.is_empty() && number < 1 << 16 && (number > 1 || record(tls)),
            _ => tls.is_empty() && number == 0,
        };
        sane.then_some(Control {
            session,
            number: Some(number),
            tls,
        })
    }
}

/// A handshake or an alert of TLS begins here.
fn record(bytes: &[u8]) -> bool {
    matches!(bytes, [21 | 22, 3, 0..=4, ..])
}

/// How the control channel is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrap {
    /// In the clear, or signed by a digest of this length.
    Signed(usize),
    Crypt,
}

/// TLS of one side, put in order.
#[derive(Default)]
struct Half {
    session: Option<[u8; 8]>,
    /// Number of the packet that comes next; a reset is 0.
    next: u32,
    waiting: Vec<u8>,
    share: Option<Share>,
    early: BTreeMap<u32, (Vec<u8>, Option<Share>)>,
    done: bool,
}

impl Half {
    fn close(&mut self) {
        self.done = true;
        (self.waiting, self.share) = (Vec::new(), None);
        self.early.clear();
    }
}

/// One tunnel.
#[derive(Default)]
struct OpenVpn {
    wrap: Option<Wrap>,
    unknown: u8,
    tls: Option<Box<Tls>>,
    client: Half,
    server: Half,
}

impl Dialogue for OpenVpn {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (packet, whole) = if cx.flow.udp {
            (bytes, bytes.len())
        } else {
            let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
                return Step::Need(2);
            };
            let length = usize::from(u16::from_be_bytes(*length));
            let data = rest
                .first()
                .is_some_and(|first| matches!(first >> 3, opcode::DATA_V1 | opcode::DATA_V2));
            match rest.get(..length) {
                _ if length == 0 => return Step::Bad("empty packet"),
                // Data flows once the keys are agreed on.
                _ if data => {
                    self.half(side).close();
                    return Step::Done;
                }
                Some(packet) => (packet, 2 + length),
                None => return Step::Need(2 + length),
            }
        };
        if let Some((first, rest)) = packet.split_first() {
            self.packet(cx, side, (first >> 3, packet), rest);
        }
        if self.half(side).done {
            return Step::Done;
        }
        Step::Took(whole)
    }

    fn gap(&mut self, _: &mut Cx<'_>, side: Side, _: u64) {
        // Over TCP nothing is sent again: what is missing never comes.
        self.half(side).close();
    }
}

impl OpenVpn {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn packet(&mut self, cx: &mut Cx<'_>, side: Side, (kind, packet): (u8, &[u8]), rest: &[u8]) {
        match kind {
            opcode::RESET_CLIENT_V1..=opcode::ACK
            | opcode::RESET_CLIENT_V2
            | opcode::RESET_SERVER_V2 => {}
            opcode::RESET_CLIENT_V3 | opcode::CONTROL_WKC => {
                self.wrapped(cx, "tls-crypt-v2");
                return;
            }
            opcode::DATA_V1 | opcode::DATA_V2 => {
                self.half(side).close();
                return;
            }
            _ => return,
        }
        let other = self.half(side.other()).session;
        let known = match self.wrap {
            Some(Wrap::Crypt) => None,
            Some(Wrap::Signed(digest)) => Control::read(kind, rest, digest, other),
            None => {
                let mut read = DIGESTS.iter().filter_map(|digest| {
                    Control::read(kind, rest, *digest, other).map(|control| (*digest, control))
                });
                let found = read.next();
                if let Some((digest, _)) = found {
                    self.wrap = Some(Wrap::Signed(digest));
                    if digest > 0 {
                        cx.variant("tls-auth");
                    }
                }
                found.map(|(_, control)| control)
            }
        };
        let Some(control) = known else {
            let opens = matches!(kind, opcode::RESET_CLIENT_V2 | opcode::RESET_SERVER_V2);
            let sealed = packet.len() >= CRYPT + 5
                && counter(rest).is_some_and(|counter| (1..1 << 16).contains(&counter));
            if self.wrap.is_none() && opens && sealed {
                self.wrapped(cx, "tls-crypt");
                return;
            }
            self.unknown = self.unknown.saturating_add(1);
            if self.unknown >= MOST_UNKNOWN {
                self.client.close();
                self.server.close();
            }
            return;
        };
        let resets = matches!(
            kind,
            opcode::RESET_CLIENT_V1
                | opcode::RESET_SERVER_V1
                | opcode::RESET_CLIENT_V2
                | opcode::RESET_SERVER_V2
        );
        let half = self.half(side);
        if half.session != Some(control.session) {
            // A session began anew, on the same ports.
            if half.session.is_some() && !resets {
                return;
            }
            *half = Half {
                session: Some(control.session),
                ..Half::default()
            };
            if side == Side::Client {
                self.tls = None;
            }
        }
        match control.number {
            Some(number) if !control.tls.is_empty() => self.tls(cx, side, number, control.tls),
            _ => {}
        }
    }

    /// Nothing more can be seen of the tunnel.
    fn wrapped(&mut self, cx: &mut Cx<'_>, how: &'static str) {
        self.wrap = Some(Wrap::Crypt);
        cx.variant(how);
        self.client.close();
        self.server.close();
    }

    /// A piece of the TLS inside, by its number: what is sent again counts once, what comes early waits.
    fn tls(&mut self, cx: &mut Cx<'_>, side: Side, number: u32, bytes: &[u8]) {
        let half = self.half(side);
        if half.done {
            return;
        }
        // The packet before, a reset, has number 0. Where its begin is missing, a record begins there too.
        if half.next == 0 {
            if !record(bytes) {
                return;
            }
            half.next = number;
        }
        if number > half.next {
            if half.early.len() < MOST_EARLY && !half.early.contains_key(&number) {
                match cx.picture.budget.take(bytes.len()) {
                    Some(share) => {
                        half.early.insert(number, (bytes.to_vec(), Some(share)));
                    }
                    None => cx.leave_out("pieces of handshakes", 1),
                }
            }
            return;
        }
        if number < half.next {
            return;
        }
        self.feed(cx, side, bytes);
        loop {
            let half = self.half(side);
            half.next = half.next.wrapping_add(1);
            let next = half.next;
            let Some((bytes, _share)) = half.early.remove(&next) else {
                return;
            };
            self.feed(cx, side, &bytes);
        }
    }

    /// Bytes of TLS, in order.
    fn feed(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) {
        let mut tls = self.tls.take().unwrap_or_else(|| Box::new(Tls::inside()));
        let half = self.half(side);
        let share = cx.picture.budget.take(half.waiting.len() + bytes.len());
        if half.done || share.is_none() || half.waiting.len() + bytes.len() > MOST_WAITING {
            if !half.done {
                cx.leave_out("pieces of handshakes", 1);
            }
            half.close();
            self.tls = Some(tls);
            return;
        }
        half.share = share;
        half.waiting.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(left) = half.waiting.get(taken..).filter(|left| !left.is_empty()) {
            match tls.message(cx, side, left) {
                Step::Took(count) => taken += count.max(1),
                Step::Need(_) => break,
                // Encrypted from here on, or not TLS at all.
                Step::Done | Step::Skip(_) | Step::Bad(_) => {
                    half.close();
                    break;
                }
            }
        }
        half.waiting.drain(..taken.min(half.waiting.len()));
        if half.waiting.is_empty() {
            half.share = None;
        }
        self.tls = Some(tls);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, flood, hex, render, run};

    /// A client hello for vpn.example, of the kind that every client sends, in a record.
    fn hello() -> String {
        let sni = "0000 0010 000e 00 000b 76706e2e6578616d706c65";
        let body = format!("0303 {} 00 0002 c02f 01 00 0014 {sni}", "11".repeat(32));
        let length = body.replace(' ', "").len() / 2;
        format!("16 0301 {:04x} 01 {:06x} {body}", length + 4, length)
    }

    const OPEN: &str = "38 0102030405060708 00 00000000";
    const ANSWER: &str = "40 1112131415161718 01 00000000 0102030405060708 00000000";

    fn control(number: u32, tls: &str) -> String {
        format!("20 0102030405060708 00 {number:08x} {tls}")
    }

    #[test]
    fn an_unprotected_control_channel_shows_the_handshake_inside_however_it_is_cut_and_repeated() {
        let whole = hello().replace(' ', "");
        let (one, rest) = whole.split_at(40);
        let (two, three) = rest.split_at(30);
        let messages = [
            (Client, OPEN.to_owned()),
            (Server, ANSWER.to_owned()),
            (Client, control(1, one)),
            // Before its turn, again, and in its turn.
            (Client, control(3, three)),
            (Client, control(1, one)),
            (Client, control(2, two)),
            (Client, control(2, two)),
        ];
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, hex(text)))
            .collect();
        let told = render(&run(&DECODER, Some(40001), &messages));
        assert!(
            told.contains("name client=10.0.0.1 server=10.0.0.2 name=vpn.example via=tls-sni"),
            "{told}"
        );
        assert_eq!(told.matches("ja4=").count(), 1, "{told}");
        assert!(told.contains("protocol=openvpn state"), "{told}");
    }

    #[test]
    fn a_client_that_begins_anew_on_the_same_ports_is_read_anew() {
        let again = |text: &str| text.replace("0102030405060708", "2122232425262728");
        let (name, other) = ("76706e2e6578616d706c65", "76706e2e6f746865722e6e");
        let messages = [
            (Client, OPEN.to_owned()),
            (Client, control(1, &hello())),
            (Client, again(OPEN)),
            (Client, again(&control(1, &hello().replace(name, other)))),
        ];
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, hex(text)))
            .collect();
        let told = render(&run(&DECODER, Some(40001), &messages));
        for name in ["vpn.example", "vpn.other.n"] {
            assert!(told.contains(&format!("name={name} via=tls-sni")), "{told}");
        }
    }

    #[test]
    fn a_signed_control_channel_is_read_all_the_same() {
        let sign = |counter: u32| format!("{} {counter:08x} 57a1c15f", "aa".repeat(20));
        let messages = [
            (
                Client,
                format!("38 0102030405060708 {} 00 00000000", sign(1)),
            ),
            (
                Server,
                format!(
                    "40 1112131415161718 {} 01 00000000 0102030405060708 00000000",
                    sign(1)
                ),
            ),
            (
                Client,
                format!("20 0102030405060708 {} 00 00000001 {}", sign(2), hello()),
            ),
        ];
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, hex(text)))
            .collect();
        let told = render(&run(&DECODER, Some(40001), &messages));
        assert!(told.contains("protocol=openvpn:tls-auth"), "{told}");
        assert!(told.contains("name=vpn.example via=tls-sni"), "{told}");
    }

    #[test]
    fn an_encrypted_control_channel_says_only_that_it_is() {
        let sealed = "00000001 63cf4ff5 b89824b0aa4e93c089c1e24af5443766b5cab18c23c17d51081eb196a229085e ec179d0d88";
        check_at(
            &DECODER,
            40001,
            &[(Client, &format!("38 0102030405060708 {sealed}"))],
            expect![[r#"
                conversation protocol=openvpn:tls-crypt state=unanswered packets=1/0 bytes=54/0
            "#]],
        );
        let key = "cc".repeat(62);
        check_at(
            &DECODER,
            40001,
            &[(
                Client,
                &format!(
                    "50 0102030405060708 {} {key} 0040",
                    sealed.replacen("00", "0f", 1)
                ),
            )],
            expect![[r#"
                conversation protocol=openvpn:tls-crypt-v2 state=unanswered packets=1/0 bytes=118/0
            "#]],
        );
    }

    #[test]
    fn what_is_cut_short_or_lies_about_itself_is_left_alone() {
        check(
            &DECODER,
            &[
                (Client, OPEN),
                // A hundred acknowledgements, none there; a packet of nothing; TLS that is none.
                (Client, "20 0102030405060708 64 00000001"),
                (Client, "20"),
                (Client, "20 0102030405060708 00 00000001 160301ffff"),
                (Client, "20 0102030405060708 00 00000001 ffffffffff"),
                (Client, "20 ffffffffffffffff 00 00000001 16030100010100"),
                (Server, "28 1112131415161718 01"),
            ],
            expect![[r#"
                conversation protocol=openvpn state=answered packets=6/1 bytes=88/10
            "#]],
        );
    }

    #[test]
    fn a_flood_of_handshakes_that_never_end_keeps_to_the_budget_and_gives_it_back() {
        let mut packet = hex(&control(1, "16 0301 4000 01 003ffc"));
        packet.resize(1200, 0);
        let (kept, left_out, after) = flood(20_000, 1194, true, &packet, "pieces of handshakes");
        assert!(kept > 0 && left_out > 0, "{kept} {left_out}");
        assert_eq!(after, 0);
    }
}
