//! SMB: which files of which shares were read, written, renamed and deleted, by whom, in which version of the protocol, and
//! what the computers call themselves.
//!
//! Spec: RFC 1002, 4.3 (session service); [MS-CIFS] 2.2 and [MS-SMB] 2.2 (version 1); [MS-SMB2] 2.2 (versions 2 and 3);
//! [MS-NLMP] 2.2.1 (NTLM messages); [MS-FSCC] 2.4 (what is set of files).
//! Emits: files with their content's hash and the operations on them, the version as variant (`1`, `2`, `3`), host names and
//! system versions from NetBIOS and NTLM, the GUIDs of server and client, refused log-ins.
//! Blind to: what is encrypted or compressed (version 3 may); names in Kerberos log-ins; copies that a server makes by itself;
//! transactions of version 1; SMB over QUIC and RDMA.
mod shares;
mod v1;
mod v2;

use self::shares::{Piece, Shares};
use super::{netbios, ntlm};
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "smb",
    title: "SMB (Windows file sharing)",
    carriers: &[Carrier::Tcp(445), Carrier::Tcp(139)],
    probe,
    open: || Box::new(Smb::default()),
    remote: false,
    operations: &[Verb::FileRead, Verb::FileWrite, Verb::FileDelete],
    about: "Files read, written, renamed and deleted, with share, name, user, size, SHA-256 and kind; version of the protocol (1, 2, 3); computer names, system versions and GUIDs of both ends; refused log-ins.",
    spec: "RFC 1002; [MS-CIFS]; [MS-SMB]; [MS-SMB2]; [MS-NLMP]; [MS-FSCC]; [MS-ERREF]",
    blind: "what is encrypted or compressed; names in Kerberos log-ins; copies that a server makes by itself; transactions of version 1",
};

/// Header of the session service.
const SESSION: usize = 4;
/// As much of a message as is looked at: a whole session set-up is smaller.
const MOST_LOOK: usize = 16 * 1024;

/// Type and length of a session message (RFC 1002, 4.3.1; over port 445 the length has 24 bits).
fn session(r: &mut Reader<'_>) -> Result<(u8, usize), Malformed> {
    let kind = r.u8()?;
    r.check(matches!(kind, 0x00 | 0x81..=0x85), "session message type")?;
    let length = usize::try_from(r.u24()?).unwrap_or(usize::MAX);
    Ok((kind, length))
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        match session(r)? {
            (0x00, length) => {
                r.check(length >= 32, "session message length")?;
                let magic = r.array::<4>()?;
                let rest = r.peek();
                match &magic {
                    // Flags: 0x80 is set in replies ([MS-CIFS] 2.2.3.1).
                    b"\xffSMB" => Ok(sender(rest.get(5).map(|flags| flags & 0x80 != 0))),
                    // Flags: 0x01 is set in what servers send ([MS-SMB2] 2.2.1).
                    b"\xfeSMB" => Ok(sender(rest.get(12).map(|flags| flags & 0x01 != 0))),
                    b"\xfdSMB" | b"\xfcSMB" => Ok(Sender::Unknown),
                    _ => Err(Malformed::Bad("magic")),
                }
            }
            (0x81, _) => {
                netbios::name(r)?;
                Ok(Sender::Client)
            }
            (0x82, 0) | (0x83, 1) if head.on(139) => Ok(Sender::Server),
            (0x85, 0) if head.on(139) || head.on(445) => Ok(Sender::Unknown),
            _ => Err(Malformed::Bad("session message")),
        }
    })
}

const fn sender(reply: Option<bool>) -> Sender {
    match reply {
        Some(true) => Sender::Server,
        Some(false) => Sender::Client,
        None => Sender::Unknown,
    }
}

/// Where one side stands.
#[derive(Debug, Default)]
struct Half {
    /// Bytes that are left of the session message.
    left: u64,
    /// Content under way, and what of its message comes behind it.
    piece: Option<(Piece, u64)>,
}

/// One connection.
#[derive(Debug, Default)]
struct Smb {
    version: u8,
    client: Half,
    server: Half,
    shares: Shares,
    v1: v1::V1,
    v2: v2::V2,
}

impl Dialogue for Smb {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let half = self.half(side);
        if half.piece.is_some() {
            return self.content(cx, side, bytes);
        }
        if half.left > 0 {
            let step = self.inside(cx, side, bytes).unwrap_or_else(|step| step);
            let half = self.half(side);
            match step {
                Step::Took(count) => half.left = half.left.saturating_sub(count as u64),
                Step::Skip(count) => half.left = half.left.saturating_sub(count),
                Step::Bad(_) | Step::Done => half.left = 0,
                Step::Need(_) => {}
            }
            return step;
        }
        let mut r = Reader::new(bytes);
        let (kind, length) = match session(&mut r) {
            Ok(header) => header,
            Err(error) => return Step::from_error(error, bytes.len().max(SESSION - 1)),
        };
        let whole = SESSION + length;
        match kind {
            0x00 => {
                half.left = length as u64;
                Step::Took(SESSION)
            }
            0x81 => {
                let look = whole.min(MOST_LOOK);
                if bytes.len() < look {
                    return Step::Need(look);
                }
                if let (Ok(called), Ok(calling)) = (netbios::name(&mut r), netbios::name(&mut r)) {
                    for (side, name) in [(Side::Server, called), (Side::Client, calling)] {
                        if let Some(name) = name.name {
                            cx.identity(side, "hostname", name);
                        }
                    }
                }
                Step::Skip(whole as u64)
            }
            _ => Step::Skip(whole as u64),
        }
    }

    fn bridge(&mut self, _cx: &mut Cx<'_>, side: Side, lost: u64) -> bool {
        if side == Side::Client {
            self.shares.doubt();
        }
        let half = self.half(side);
        let Some((piece, _)) = half.piece.as_mut().filter(|(piece, _)| piece.length > lost) else {
            return false;
        };
        piece.offset = piece.offset.saturating_add(lost);
        piece.length -= lost;
        half.left = half.left.saturating_sub(lost);
        true
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        if side == Side::Client {
            self.shares.doubt();
        }
        *self.half(side) = Half::default();
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.shares.close(cx);
    }
}

impl Smb {
    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Content of a file.
    fn content(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let Some((piece, behind)) = &mut half.piece else {
            return Step::Bad("content");
        };
        let here = usize::try_from(piece.length)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        self.shares
            .content(cx, piece, bytes.get(..here).unwrap_or(&[]));
        let count = here as u64;
        piece.offset = piece.offset.saturating_add(count);
        piece.length -= count;
        if piece.length > 0 {
            half.left = half.left.saturating_sub(count);
            return Step::Took(here);
        }
        let behind = *behind;
        half.piece = None;
        half.left = half.left.saturating_sub(count + behind);
        Step::Skip(count + behind)
    }

    /// A message within a session message. What it says goes before where it ends.
    fn inside(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Result<Step, Step> {
        let left = self.half(side).left;
        let Some(magic) = bytes.first_chunk::<4>().filter(|_| left >= 32) else {
            return Err(if left < 32 {
                Step::Skip(left)
            } else {
                Step::Need(4)
            });
        };
        match magic {
            b"\xfeSMB" => self.inside_v2(cx, side, bytes, left),
            b"\xffSMB" => self.inside_v1(cx, side, bytes, left),
            // Version 3 adds encryption and compression; a plain header does not tell 2 from 3.
            b"\xfdSMB" | b"\xfcSMB" => {
                self.tell(cx, 3);
                Err(Step::Skip(left))
            }
            _ => Err(Step::Bad("magic")),
        }
    }

    fn inside_v2(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        bytes: &[u8],
        left: u64,
    ) -> Result<Step, Step> {
        let wait = |count: usize| {
            if bytes.len() < count {
                Err(Step::Need(count))
            } else {
                Ok(())
            }
        };
        if left < v2::HEADER as u64 {
            return Err(Step::Skip(left));
        }
        wait(v2::HEADER)?;
        let header = v2::Header::read(&mut Reader::new(bytes))
            .map_err(|error| Step::from_error(error, bytes.len()))?;
        let length = match u64::from(header.next) {
            0 => left,
            next if next >= v2::HEADER as u64 && next <= left => next,
            _ => return Err(Step::Bad("place of the next message")),
        };
        if matches!(
            (header.command, header.reply),
            (v2::command::READ, true) | (v2::command::WRITE, false)
        ) {
            let fixed = v2::HEADER + 16;
            if length < fixed as u64 {
                return Err(Step::Skip(length));
            }
            wait(fixed)?;
            let least = if header.reply { fixed } else { fixed + 32 };
            let before = v2::V2::before(&header, bytes).unwrap_or(0).max(least);
            if before as u64 > length {
                return Err(Step::Skip(length));
            }
            wait(before)?;
            let piece = self.v2.piece(cx, &mut self.shares, &header, bytes);
            return Ok(self.begin(side, piece.map(|piece| (piece, before)), length));
        }
        if !v2::tells(header.command) {
            return Ok(Step::Skip(length));
        }
        let look = usize::try_from(length).unwrap_or(MOST_LOOK).min(MOST_LOOK);
        wait(look)?;
        let message = bytes.get(..look).unwrap_or(bytes);
        match header.command {
            v2::command::NEGOTIATE | v2::command::SESSION_SETUP => {
                if header.command == v2::command::NEGOTIATE
                    && let Some(guid) = v2::guid(header.reply, message)
                {
                    cx.identity(side, "guid", guid);
                }
                let user = self.set_up(cx, side, message);
                if let Some(user) = user {
                    self.shares.log_in(cx, header.session, user);
                }
                if header.reply && header.command == v2::command::SESSION_SETUP {
                    self.turned_down(cx, side, header.status, header.session);
                }
            }
            // What cannot be read is left: the message has its length.
            _ => {
                let _ = self
                    .v2
                    .message(cx, &mut self.shares, side, &header, message);
            }
        }
        Ok(Step::Skip(length))
    }

    fn inside_v1(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        bytes: &[u8],
        left: u64,
    ) -> Result<Step, Step> {
        let wait = |count: usize| {
            if bytes.len() < count {
                Err(Step::Need(count))
            } else {
                Ok(())
            }
        };
        if left < v1::HEADER as u64 {
            return Err(Step::Skip(left));
        }
        wait(v1::HEADER)?;
        let header = v1::Header::read(&mut Reader::new(bytes))
            .map_err(|error| Step::from_error(error, bytes.len()))?;
        // A negotiation in the old form may lead to the new one ([MS-SMB2] 3.2.4.2.2).
        if header.command != v1::command::NEGOTIATE {
            self.tell(cx, 1);
        }
        if header.is_bulk() {
            let fixed = header.fixed();
            if fixed as u64 > left {
                return Err(Step::Skip(left));
            }
            wait(fixed)?;
            let piece = self.v1.piece(cx, &mut self.shares, &header, bytes);
            return Ok(self.begin(side, piece, left));
        }
        if !header.tells() {
            return Ok(Step::Skip(left));
        }
        let look = usize::try_from(left).unwrap_or(MOST_LOOK).min(MOST_LOOK);
        wait(look)?;
        let message = bytes.get(..look).unwrap_or(bytes);
        match header.command {
            v1::command::NEGOTIATE | v1::command::SESSION_SETUP => {
                let user = self.set_up(cx, side, message);
                if let Some(user) = user {
                    self.shares.log_in(cx, u64::from(header.user), user);
                }
                if header.reply && header.command == v1::command::SESSION_SETUP {
                    self.turned_down(cx, side, header.status, u64::from(header.user));
                }
                let _ = self
                    .v1
                    .message(cx, &mut self.shares, side, &header, message);
            }
            _ => {
                let _ = self
                    .v1
                    .message(cx, &mut self.shares, side, &header, message);
            }
        }
        Ok(Step::Skip(left))
    }

    /// The content of a message of that length begins after so many bytes.
    fn begin(&mut self, side: Side, piece: Option<(Piece, usize)>, length: u64) -> Step {
        let Some((mut piece, before)) = piece else {
            return Step::Skip(length);
        };
        let room = length.saturating_sub(before as u64);
        piece.length = piece.length.min(room);
        if piece.length == 0 || before == 0 {
            return Step::Skip(length);
        }
        let behind = room - piece.length;
        self.half(side).piece = Some((piece, behind));
        Step::Skip(before as u64)
    }

    fn tell(&mut self, cx: &mut Cx<'_>, version: u8) {
        if self.version < version {
            self.version = version;
            cx.variant(version.to_string());
        }
    }

    /// The answer to a session set-up, where it lets nobody in.
    fn turned_down(&self, cx: &mut Cx<'_>, side: Side, status: u32, session: u64) {
        if let Some(why) = refusal(status) {
            let user = self.shares.user(session);
            cx.login_refused(side.other(), why, user.as_deref());
        }
    }

    /// Negotiation and session set-up say more than their header. Gives who logs in.
    fn set_up(&mut self, cx: &mut Cx<'_>, side: Side, body: &[u8]) -> Option<String> {
        if side == Side::Server
            && let Some(version) = dialect(body)
        {
            self.tell(cx, version);
        }
        // Who logs in is told with the login itself.
        let said = ntlm::find(body)?;
        if let Some(host) = said.host {
            cx.identity(side, "hostname", host);
        }
        if let Some(os) = said.os {
            cx.identity(side, "os", os);
        }
        said.user
    }
}

/// [MS-ERREF] 2.3.1: what an answer to a session set-up says of the account. That more is needed is no refusal.
const fn refusal(status: u32) -> Option<&'static str> {
    Some(match status {
        0xc000_0022 => "access denied",
        0xc000_0064 => "no such user",
        0xc000_006a => "wrong password",
        0xc000_006d => "wrong name or password",
        0xc000_006e => "account restricted",
        0xc000_006f => "not at this hour",
        0xc000_0070 => "not from this computer",
        0xc000_0071 | 0xc000_0224 => "password expired",
        0xc000_0072 => "account disabled",
        0xc000_015b => "this kind of login is not granted",
        0xc000_0193 => "account expired",
        0xc000_0234 => "account locked out",
        _ => return None,
    })
}

/// The version that a negotiation's answer selects.
fn dialect(body: &[u8]) -> Option<u8> {
    let mut r = Reader::new(body);
    match &r.array::<4>().ok()? {
        b"\xfeSMB" => {
            r.skip(8).ok()?;
            if r.u16_le().ok()? != 0 {
                return None;
            }
            r.skip(v2::HEADER - 14).ok()?;
            // Structure size 65, security mode, dialect.
            if r.u16_le().ok()? != 65 {
                return None;
            }
            r.skip(2).ok()?;
            match r.u16_le().ok()? {
                0x0202 | 0x0210 => Some(2),
                0x0300 | 0x0302 | 0x0311 => Some(3),
                // 0x02ff: the client is to ask again.
                _ => None,
            }
        }
        b"\xffSMB" => {
            // Command, then status, flags … up to word count and dialect index.
            if r.u8().ok()? != 0x72 {
                return None;
            }
            r.skip(27).ok()?;
            let words = r.u8().ok()?;
            let index = r.u16_le().ok()?;
            (words > 0 && index != 0xffff).then_some(1)
        }
        _ => None,
    }
}

/// Text in UTF-16.
fn wide(bytes: &[u8], most: usize) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    text(String::from_utf16_lossy(&units).as_bytes(), most)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    /// An SMB 2 header with that command and those flags.
    fn smb2(command: u8, flags: u8, body: &str) -> String {
        let body = body.replace(' ', "");
        let length = 64 + body.len() / 2;
        format!(
            "00{length:06x} fe534d42 4000 0000 00000000 {command:02x}00 0000 {flags:02x}000000 00000000 {} {body}",
            "00".repeat(40)
        )
    }

    #[test]
    fn the_answer_selects_the_version_and_the_challenge_names_the_server() {
        let challenge = "4e544c4d53535000 02000000 0000 0000 38000000 00000002 1122334455667788 0000000000000000 \
                         1000 1000 38000000 0a00 614a 0000000f 0100 0800 43004d0053003100 0000 0000";
        check_at(
            &DECODER,
            4455,
            &[
                (Client, &smb2(0, 0, "2400 0100")),
                (Server, &smb2(0, 1, "4100 0100 1103 0000")),
                (Client, &smb2(1, 0, "1900")),
                (Server, &smb2(1, 1, challenge)),
                (Client, &smb2(9, 0, "3100")),
            ],
            expect![[r#"
                conversation protocol=smb:3 state=answered packets=3/2 bytes=212/216
                identity 10.0.0.2 hostname=CMS1 stated
                identity 10.0.0.2 os=Windows 10.0 build 19041 stated
            "#]],
        );
    }

    #[test]
    fn a_session_set_up_that_lets_nobody_in_is_a_refused_log_in_and_one_that_goes_on_is_not() {
        // Domain PORT, user op, workstation ENG1.
        let answer = "4e544c4d53535000 03000000 0000000040000000 0000000040000000 0800080040000000 0400040048000000 \
                      080008004c000000 0000000054000000 01000000 50004f0052005400 6f007000 45004e0047003100";
        let status = |code: &str| {
            smb2(1, 1, "0900")
                .replacen(
                    "fe534d4240000000 00000000",
                    &format!("fe534d4240000000 {code}"),
                    1,
                )
                .replacen("4000 0000 00000000", &format!("4000 0000 {code}"), 1)
        };
        check(
            &DECODER,
            &[
                (Client, &smb2(1, 0, "1900")),
                (Server, &status("160000c0")),
                (Client, &smb2(1, 0, answer)),
                (Server, &status("6d0000c0")),
            ],
            expect![[r#"
                conversation protocol=smb state=answered packets=2/2 bytes=222/140
                identity 10.0.0.1 hostname=ENG1 stated
                oddity what=login.refused detail=smb: wrong name or password (PORT\op) frames=Numbers([4])
            "#]],
        );
    }

    #[test]
    fn both_ends_tell_their_guid_and_a_name_in_its_place_is_none() {
        let zeros = "00".repeat(40);
        // Security mode, capabilities, client GUID.
        let ask = format!("2400 0100 0100 0000 7f000000 33221100554477668899aabbccddeeff {zeros}");
        // Dialect 3.1.1, server GUID.
        let tell = format!("4100 0100 1103 0000 00112233445566778899aabbccddee00 {zeros}");
        let samba = format!("4100 0100 1103 0000 636d7331000000000000000000000000 {zeros}");
        check_at(
            &DECODER,
            4455,
            &[
                (Client, &smb2(0, 0, &ask)),
                (Server, &smb2(0, 1, &tell)),
                (Server, &smb2(0, 1, &samba)),
            ],
            expect![[r#"
                conversation protocol=smb:3 state=answered packets=1/2 bytes=136/264
                identity 10.0.0.1 guid=00112233-4455-6677-8899-aabbccddeeff stated
                identity 10.0.0.2 guid=33221100-5544-7766-8899-aabbccddee00 stated
            "#]],
        );
    }

    #[test]
    fn the_old_version_is_told_once_it_is_used() {
        let smb1 = |command: &str, flags: &str, body: &str| {
            format!(
                "00000025 ff534d42 {command} 00000000 {flags} {} {body}",
                "00".repeat(22)
            )
        };
        check(
            &DECODER,
            &[
                (Client, &smb1("72", "18", "00 02ff ff00 00")),
                (Server, &smb1("72", "98", "01 0000 0000 00")),
            ],
            expect![[r#"
                conversation protocol=smb:1 state=answered packets=1/1 bytes=42/42
            "#]],
        );
    }

    #[test]
    fn names_of_a_session_request_and_bulk_are_read_cheaply() {
        let name = |text: &str| {
            text.bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let called = name("EDENFDDADHCACACACACACACACACACACA");
        let calling = name("EFEOEHDBCACACACACACACACACACACAAA");
        let bulk = format!("00010000 fd534d42 {}", "00".repeat(60));
        check_at(
            &DECODER,
            139,
            &[
                (Client, &format!("81000044 20{called}00 20{calling}00")),
                (Server, "82000000"),
                (Client, &bulk),
                (Client, &"00".repeat(65536 - 64)),
                (Client, &smb2(9, 0, "3100")),
            ],
            expect![[r#"
                conversation protocol=smb:3 state=answered packets=4/1 bytes=65682/4
                identity 10.0.0.2 hostname=CMS07 stated
                identity 10.0.0.1 hostname=ENG1 stated
            "#]],
        );
    }

    #[test]
    fn a_flood_of_requests_that_nobody_answers_keeps_to_the_budget_and_gives_it_back() {
        // CLOSE: its size, flags, four octets, and which file.
        let close = smb2(6, 0, &format!("1800 0000 00000000 {}", "07".repeat(16)));
        let requests = 100;
        let bytes = crate::testing::hex(&close.repeat(requests));
        let clients = 4_000;
        let (kept, left_out, after) =
            crate::testing::flood(clients, 445, false, &bytes, "requests of files");
        let most = crate::protocols::carried::MOST_KEPT;
        assert!(kept <= most && kept > most - 1_000, "{kept}");
        // Eight of each wait for nothing.
        assert!(left_out > 0 && left_out < u64::from(clients) * (requests as u64 - 8));
        assert_eq!(after, 0);
    }
}
