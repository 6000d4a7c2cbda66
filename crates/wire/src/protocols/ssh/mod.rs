//! SSH: what both ends run, what they agree on, the server's host key, and a guess how the login ended.
//!
//! Spec: RFC 4253 (identification 4.2, packets 6, key exchange 7 and 8), RFC 4252 (login), RFC 4419 (group exchange),
//! RFC 5656 (elliptic curves); HASSH.
//! Emits: software of both ends, fingerprints of both (HASSH) and of the host key, protocol version, algorithms agreed on
//! and those of them that are broken; every conversation is a remote session.
//! Blind to: users, commands and files, which are encrypted; sessions that began before the capture, which nothing but
//! the port tells from other encrypted traffic.
mod guess;
mod kex;

use sha2::{Digest, Sha256};

use self::guess::Guess;
use self::kex::Offer;
use super::carried::Share;
use crate::community_id::base64;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "ssh",
    title: "SSH",
    carriers: &[Carrier::Tcp(22)],
    probe,
    open: || Box::new(Ssh::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions with the software of both ends, the algorithms agreed on and a guess, by sizes, of refused logins, success and use; HASSH of both ends; the fingerprint of the host key as `ssh-keygen` prints it.",
    spec: "RFC 4252; RFC 4253; RFC 4419; RFC 5656; HASSH",
    blind: "users, commands and files; sessions under way when the capture began",
};

/// RFC 4253, 4.2: longest identification, with the line end.
const MOST_LINE: usize = 255;
/// Lines that a server may send before its identification.
const MOST_LINES: u8 = 32;
/// RFC 4253, 6.1: longest packet that everyone must take.
const MOST_PACKET: usize = 35_000;

/// RFC 4250, 4.1.2; RFC 4419 and RFC 5656 number the replies of their exchanges alike.
mod number {
    pub(crate) const KEX_INIT: u8 = 20;
    pub(crate) const NEW_KEYS: u8 = 21;
    /// Reply of Diffie-Hellman and elliptic curves; the group in group exchange.
    pub(crate) const KEX_REPLY: u8 = 31;
    /// Reply of group exchange.
    pub(crate) const GEX_REPLY: u8 = 33;
}

/// The identification tells; without it the packet that opens the key exchange does.
fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        return Probe::NotOurs;
    }
    const MARK: &[u8] = b"SSH-";
    if head.bytes.starts_with(MARK) {
        return match head.bytes.get(MARK.len()) {
            Some(b'1' | b'2') => Probe::Ours(Sender::Unknown),
            Some(_) => Probe::NotOurs,
            None => Probe::NeedMore,
        };
    }
    if head.open && MARK.starts_with(head.bytes) {
        return Probe::NeedMore;
    }
    let mut r = Reader::new(head.bytes);
    match Packet::read_header(&mut r) {
        Ok((number::KEX_INIT, _)) => {
            // The cookie, then a list of names.
            let first = r.skip(16).and_then(|()| r.u32());
            let name = r.u8();
            match (first, name) {
                (Ok(length), Ok(b'a'..=b'z')) if (4..4096).contains(&length) => {
                    Probe::Ours(Sender::Unknown)
                }
                _ => Probe::NotOurs,
            }
        }
        _ => Probe::NotOurs,
    }
}

struct Packet<'a> {
    number: u8,
    payload: &'a [u8],
    length: usize,
}

impl<'a> Packet<'a> {
    /// RFC 4253, 6: length, length of the padding, number of the message. Gives the number and the length of the rest.
    fn read_header(r: &mut Reader<'_>) -> Result<(u8, usize), Malformed> {
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        r.check((12..=MOST_PACKET).contains(&length), "packet length")?;
        let padding = usize::from(r.u8()?);
        r.check(padding >= 4 && padding + 1 < length, "padding")?;
        Ok((r.u8()?, length))
    }

    fn read(bytes: &'a [u8]) -> Result<Packet<'a>, Step> {
        let mut r = Reader::new(bytes);
        let (number, length) = match Packet::read_header(&mut r) {
            Ok(header) => header,
            Err(error) => return Err(Step::from_error(error, bytes.len())),
        };
        let whole = 4 + length;
        let padding = usize::from(bytes.get(4).copied().unwrap_or(0));
        if bytes.len() < whole {
            return Err(Step::Need(whole));
        }
        let payload = bytes.get(6..whole - padding).unwrap_or(&[]);
        Ok(Packet {
            number,
            payload,
            length: whole,
        })
    }
}

#[derive(Default)]
struct Ssh {
    client: Half,
    server: Half,
    guess: Guess,
}

#[derive(Default)]
struct Half {
    /// Past its identification.
    identified: bool,
    lines: u8,
    version: Option<&'static str>,
    /// Until that of the other end comes.
    offer: Option<(Offer, Share)>,
    /// Behind its NEWKEYS: nothing but lengths is left.
    encrypted: bool,
}

impl Dialogue for Ssh {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let half = self.half(side);
        if half.encrypted {
            return if self.guess.see(side, bytes.len()) {
                Step::Took(bytes.len())
            } else {
                Step::Done
            };
        }
        // Picked up behind the identification, the length of a packet starts with zeros.
        if !half.identified && bytes.first() != Some(&0) {
            return self.line(cx, side, bytes);
        }
        half.identified = true;
        let packet = match Packet::read(bytes) {
            Ok(packet) => packet,
            Err(step) => return step,
        };
        match packet.number {
            number::KEX_INIT => self.offered(cx, side, packet.payload),
            number::NEW_KEYS => self.half(side).encrypted = true,
            number::KEX_REPLY | number::GEX_REPLY if side == Side::Server => {
                if let Ok(key) = host_key(packet.payload) {
                    let digest = base64(&Sha256::digest(key));
                    let fingerprint = format!("SHA256:{}", digest.trim_end_matches('='));
                    cx.identity(side, "key", fingerprint);
                }
            }
            _ => {}
        }
        Step::Took(packet.length)
    }

    fn gap(&mut self, _: &mut Cx<'_>, _: Side, _: u64) {
        self.guess.lost();
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        if let Some(guess) = self.guess.words() {
            cx.session(None, Some(guess));
        }
        if self.guess.turned_down() > 0 {
            cx.login_refused(Side::Client, "login refused, by sizes", None);
        }
    }
}

impl Ssh {
    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// An offer tells who makes it; both together tell what is agreed on.
    fn offered(&mut self, cx: &mut Cx<'_>, side: Side, payload: &[u8]) {
        let Ok(offer) = Offer::read(payload) else {
            return;
        };
        cx.identity(side, "hassh", offer.hassh(side));
        let Some(share) = cx.picture.budget.take(payload.len()) else {
            return cx.leave_out("offers of keys", 1);
        };
        self.half(side).offer = Some((offer, share));
        if let (Some((client, _)), Some((server, _))) = (&self.client.offer, &self.server.offer) {
            let agreed = client.agree(server);
            for weak in agreed.weak() {
                cx.oddity("ssh.weak_algorithm", Side::Server, Some(weak.to_owned()));
            }
            self.guess.begin(&agreed);
            cx.session(None, agreed.words());
            // Agreed once: what is negotiated anew later is encrypted.
            (self.client.offer, self.server.offer) = (None, None);
        }
    }

    fn line(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            return if bytes.len() <= MOST_LINE {
                Step::Need(bytes.len() + 1)
            } else {
                Step::Bad("identification")
            };
        };
        let line = bytes.get(..end).unwrap_or(&[]);
        let half = self.half(side);
        let Some(rest) = line.strip_prefix(b"SSH-") else {
            // RFC 4253, 4.2: the server may say something else first.
            half.lines += 1;
            return if half.lines <= MOST_LINES {
                Step::Took(end + 1)
            } else {
                Step::Bad("identification")
            };
        };
        half.identified = true;
        let mut parts = rest.splitn(2, |byte| *byte == b'-');
        let version = parts.next().unwrap_or(&[]);
        half.version = Some(match version {
            b"2.0" => "2.0",
            b"1.99" => "1.99",
            _ => "1",
        });
        if let Some(software) = parts.next().and_then(|software| text(software, 128)) {
            let who = match side {
                Side::Client => "client",
                Side::Server => "server",
            };
            cx.session(None, Some(format!("{who} {software}")));
            cx.identity(side, "software", software);
        }
        // 1.99 stands for both (RFC 4253, 5.1).
        let agreed = match (self.client.version, self.server.version) {
            (Some("1"), _) | (_, Some("1")) => "1",
            (Some("1.99"), Some("1.99")) | (None, Some("1.99")) | (Some("1.99"), None) => "1.99",
            _ => "2.0",
        };
        cx.variant(agreed);
        if agreed == "1" {
            return Step::Done;
        }
        Step::Took(end + 1)
    }
}

/// The host key of a reply: a string that itself starts with the name of its algorithm.
fn host_key(payload: &[u8]) -> Result<&[u8], Malformed> {
    let mut r = Reader::new(payload);
    let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
    let key = r.bytes(length)?;
    let mut inner = Reader::new(key);
    let length = usize::try_from(inner.u32()?).unwrap_or(usize::MAX);
    let algorithm = inner.bytes(length)?;
    let known = [&b"ssh-"[..], b"ecdsa-", b"rsa-", b"sk-", b"x509v3-"];
    // The group of a group exchange has the same number, and is a number itself.
    inner.check(
        known.iter().any(|start| algorithm.starts_with(start)),
        "host key",
    )?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    const CLIENT: &str = "5353482d322e302d507554545920302e37380d0a"; // SSH-2.0-PuTTY 0.78
    const SERVER: &str = "5353482d322e302d4f70656e5353485f392e320d0a"; // SSH-2.0-OpenSSH_9.2

    fn packet(number: u8, payload: &str) -> String {
        let length = crate::testing::hex(payload).len() + 6;
        format!("{length:08x} 04 {number:02x} {payload} 00000000")
    }

    #[test]
    fn both_ends_and_the_host_key_are_told_until_it_is_encrypted() {
        // An Ed25519 key of 32 times 0x11.
        let key = format!(
            "0000000b 7373682d65643235353139 00000020 {}",
            "11".repeat(32)
        );
        let reply = packet(31, &format!("00000033 {key} 00000001 00 00000001 00"));
        check_at(
            &DECODER,
            2222,
            &[
                (Server, SERVER),
                (Client, CLIENT),
                (Server, &reply),
                (Server, &packet(21, "000000000000")),
                (Server, "ffffffffffffffff"),
            ],
            expect![[r#"
                conversation protocol=ssh:2.0 state=answered packets=1/4 bytes=20/120
                identity 10.0.0.2 software=OpenSSH_9.2 stated
                identity 10.0.0.1 software=PuTTY 0.78 stated
                identity 10.0.0.2 key=SHA256:SQfC+vTbLURn9cTkVxIS8fGQ3FKNAJWeB0o139+gV4M stated
                remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=2222 detail=server OpenSSH_9.2; client PuTTY 0.78 bytes=140 frames=Numbers([1, 2, 3, 4, 5])
            "#]],
        );
    }

    #[test]
    fn a_group_is_no_host_key_and_what_precedes_the_identification_is_passed_over() {
        let group = packet(31, "00000004 01020304 00000001 02");
        check(
            &DECODER,
            &[
                (Client, CLIENT),
                (Server, &format!("48656c6c6f0a {SERVER} {group}")),
            ],
            expect![[r#"
                conversation protocol=ssh:2.0 state=answered packets=1/1 bytes=20/50
                identity 10.0.0.1 software=PuTTY 0.78 stated
                identity 10.0.0.2 software=OpenSSH_9.2 stated
                remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=22 detail=client PuTTY 0.78; server OpenSSH_9.2 bytes=70 frames=Numbers([1, 2])
            "#]],
        );
    }

    #[test]
    fn version_one_says_so() {
        // SSH-1.5-Cisco-1.25
        check(
            &DECODER,
            &[(Server, "5353482d312e352d436973636f2d312e32350a")],
            expect![[r#"
                conversation protocol=ssh:1 state=unanswered packets=0/1 bytes=0/19
                identity 10.0.0.2 software=Cisco-1.25 stated
                remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=22 detail=server Cisco-1.25 bytes=19 frames=Numbers([1])
            "#]],
        );
    }

    /// A KEXINIT of the lists kex, host key, ciphers, MACs, compression, the same both ways.
    fn offer(lists: [&str; 5]) -> String {
        let list = |at: usize| {
            let letters: String = lists[at].bytes().map(|b| format!("{b:02x}")).collect();
            format!("{:08x}{letters}", lists[at].len())
        };
        let each = [0, 1, 2, 2, 3, 3, 4, 4].map(list).concat();
        let body = format!("{}{each}0000000000000000 00 00000000", "00".repeat(16));
        packet(20, &body)
    }

    /// Offers of an old client and server, and what follows of a login with aes128-cbc and hmac-md5: its refusal is a
    /// payload of 15 octets or more, its success one of one octet, 32 on the wire.
    #[test]
    fn algorithms_agreed_on_are_told_and_refusals_and_success_are_guessed_by_sizes() {
        let client = offer([
            "a,diffie-hellman-group1-sha1",
            "ssh-dss",
            "aes128-cbc",
            "hmac-md5",
            "none",
        ]);
        let server = offer([
            "diffie-hellman-group1-sha1,b",
            "ssh-dss",
            "aes128-cbc",
            "hmac-md5",
            "none",
        ]);
        let keys = packet(21, "000000000000");
        let (service, refusal, success) = ("ee".repeat(48), "ee".repeat(64), "ee".repeat(32));
        let mut play = vec![
            (Client, CLIENT.to_owned()),
            (Server, SERVER.to_owned()),
            (Client, client),
            (Server, server),
            (Client, keys.clone()),
            (Server, keys),
            (Client, service.clone()),
            (Server, service.clone()),
        ];
        // The question for methods, two wrong passwords, the right one.
        for answer in [&refusal, &refusal, &refusal, &success] {
            play.push((Client, service.clone()));
            play.push((Server, answer.clone()));
        }
        let play: Vec<_> = play
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check(
            &DECODER,
            &play,
            expect![[r#"
            conversation protocol=ssh:2.0 state=answered packets=8/8 bytes=426/459
            identity 10.0.0.1 software=PuTTY 0.78 stated
            identity 10.0.0.2 software=OpenSSH_9.2 stated
            identity 10.0.0.1 hassh=6abcfb11d0c66cee96ab894b0e199190 stated
            identity 10.0.0.2 hassh=471b16c09bb6059321f261127e175f25 stated
            remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=22 detail=client PuTTY 0.78; server OpenSSH_9.2; kex diffie-hellman-group1-sha1, host key ssh-dss, cipher aes128-cbc; by sizes: logged in after 2 refusals bytes=885 frames=Numbers([1, 2, 3, 4, 5, 6, 7, 8])
            oddity what=ssh.weak_algorithm detail=diffie-hellman-group1-sha1 frames=Numbers([4])
            oddity what=ssh.weak_algorithm detail=hmac-md5 frames=Numbers([4])
            oddity what=ssh.weak_algorithm detail=ssh-dss frames=Numbers([4])
        "#]],
        );
    }

    #[test]
    fn a_flood_of_offers_that_nobody_answers_keeps_to_the_budget_and_gives_it_back() {
        let names = ["a"; 600].join(",");
        let mut offer = vec![number::KEX_INIT];
        offer.extend([9; 16]);
        offer.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        offer.extend(names.as_bytes());
        // Nine more lists, nothing guessed, reserved.
        offer.extend([0; 9 * 4 + 1 + 4]);
        let mut message = b"SSH-2.0-flood\r\n".to_vec();
        // The length counts that of the padding, one octet, and the padding, four.
        message.extend(u32::try_from(offer.len() + 5).unwrap().to_be_bytes());
        message.push(4);
        message.extend(&offer);
        message.extend([0; 4]);
        let clients = 16_000;
        let (kept, left_out, after) =
            crate::testing::flood(clients, 22, false, &message, "offers of keys");
        let most = crate::protocols::carried::MOST_KEPT;
        let each = offer.len() - 1;
        assert!(kept <= most && kept > most - each, "{kept}");
        assert_eq!(left_out, u64::from(clients) - (kept / each) as u64);
        assert_eq!(after, 0);
    }
}
