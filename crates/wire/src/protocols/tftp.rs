//! TFTP: which file went to or from whom, whole with its hash.
//!
//! Spec: RFC 1350 (protocol), RFC 2347 to RFC 2349 (options, block size, file size), RFC 7440 (window size).
//! Emits: one file-read or file-write per request, at its end, with the file; announces the ports of the transfer. Of a transfer
//! whose request was not seen, the file without a name.
//! Blind to: names of files whose request was not captured; of such, those in blocks of an unusual size, and those of one block
//! alone, between ports that are not TFTP's.
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::carried::{About, Content};
use crate::reader::text;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Probe, Reader, Sender,
    Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "tftp",
    title: "TFTP",
    carriers: &[Carrier::Udp(69)],
    probe,
    open: || Box::new(Tftp::default()),
    remote: false,
    operations: &[Verb::FileRead, Verb::FileWrite],
    about: "Files read and written with name, size, SHA-256 and outcome; the ports of the transfer are followed.",
    spec: "RFC 1350, RFC 2347, RFC 2348, RFC 2349, RFC 7440",
    blind: "names of files whose request was not captured; of such, transfers in blocks of an unusual size",
};

/// Longest file name that is kept.
const MOST_NAME: usize = 512;
/// Block size unless negotiated (RFC 1350, 2).
const BLOCK: usize = 512;

/// What blocks are where options made them larger: what fits a frame of Ethernet with this or that around it, and powers of two.
const USUAL: &[usize] = &[
    BLOCK, 1024, 1408, 1428, 1432, 1448, 1456, 1468, 2048, 4096, 8192,
];

/// A request says so much that no port is needed; the rest of a transfer is announced by it. Where its request was not seen, it
/// is known at the port of its own, by the options that a server agrees to, and by a first block of a usual size.
fn probe(head: &Head<'_>) -> Probe {
    let asked = head.read(|r| {
        Request::read(r)?;
        Ok(Sender::Client)
    });
    match asked {
        Probe::NotOurs if head.udp => orphan(head).map_or(Probe::NotOurs, Probe::Ours),
        known => known,
    }
}

fn orphan(head: &Head<'_>) -> Option<Sender> {
    let (&[high, low], rest) = head.bytes.split_first_chunk::<2>()?;
    let at_home = if head.from == 69 {
        Some(Sender::Server)
    } else {
        (head.to == 69).then_some(Sender::Client)
    };
    match (u16::from_be_bytes([high, low]), rest.len()) {
        (3, 2..) if at_home.is_some() => at_home,
        (3, 2..) if head.first && USUAL.contains(&(rest.len() - 2)) => Some(Sender::Unknown),
        (4, 2) => at_home,
        (5, 3..) if rest.starts_with(&[0]) && rest.ends_with(&[0]) => at_home,
        (6, _) if agrees(rest) => Some(Sender::Server),
        _ => None,
    }
}

/// RFC 2347 to RFC 2349 and RFC 7440: names that are known, and numbers.
fn agrees(options: &[u8]) -> bool {
    const KNOWN: [&str; 4] = ["blksize", "tsize", "timeout", "windowsize"];
    let Some(options) = options.strip_suffix(&[0]) else {
        return false;
    };
    let strings = options.split(|byte| *byte == 0);
    let strings: Vec<&[u8]> = strings.take(2 * KNOWN.len() + 1).collect();
    let (pairs, odd) = strings.as_chunks::<2>();
    odd.is_empty()
        && pairs.iter().all(|[name, value]| {
            let known = KNOWN
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            known && (1..=10).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
        })
}

#[derive(Clone, Debug, PartialEq)]
struct Request {
    verb: Verb,
    /// What was not seen: its name, and in which mode.
    name: Option<String>,
    mode: Option<&'static str>,
    block: usize,
    /// The block size that was asked for: an answer may lower it, and none may be seen (RFC 2348).
    wished: Option<usize>,
}

impl Request {
    fn read(r: &mut Reader<'_>) -> Result<Request, Malformed> {
        let verb = match r.u16()? {
            1 => Verb::FileRead,
            2 => Verb::FileWrite,
            _ => return Err(Malformed::Bad("opcode")),
        };
        let mut strings = r.rest().split(|byte| *byte == 0);
        let mut next = || strings.next().unwrap_or(&[]);
        let (name, mode) = (next(), next());
        let printable = name.iter().all(|byte| !byte.is_ascii_control());
        let name = text(name, MOST_NAME).filter(|_| printable);
        let mode = MODES
            .iter()
            .find(|known| mode.eq_ignore_ascii_case(known.as_bytes()));
        let (Some(name), Some(mode)) = (name, mode) else {
            return Err(Malformed::Bad("file name or mode"));
        };
        let options: Vec<&[u8]> = strings.collect();
        let wished = option(&options.join(&0), "blksize");
        Ok(Request {
            verb,
            name: Some(name),
            mode: Some(mode),
            block: BLOCK,
            wished,
        })
    }
}

const MODES: &[&str] = &["octet", "netascii", "mail"];

/// The value of an acknowledged option.
fn option(options: &[u8], wanted: &str) -> Option<usize> {
    let mut strings = options.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (strings.next(), strings.next()) {
        if name.eq_ignore_ascii_case(wanted.as_bytes()) {
            return std::str::from_utf8(value).ok()?.parse().ok();
        }
    }
    None
}

/// A file on its way.
struct Transfer {
    request: Request,
    /// `None`: it was not seen.
    asked: Option<Asked>,
    client: IpAddr,
    /// Of one whose request was not seen.
    orphan: Option<Orphan>,
    /// The highest block so far, counted on where numbers go round after 65535.
    highest: u64,
    content: Content,
    /// The size that an option stated (RFC 2349).
    stated: Option<u64>,
    /// The block size is agreed on.
    agreed: bool,
    /// A block was acknowledged: something was carried, whether it was seen or not.
    acknowledged: bool,
    /// The last block and the size that it gives the file; its acknowledgement ends a write.
    last: Option<(u16, u64)>,
    over: bool,
}

/// What is known of a transfer whose request was not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Orphan {
    /// The first of its blocks that was seen.
    begins: u64,
    /// Which end asked is known, by the port of requests or by an option agreed to.
    told: bool,
    /// It is beyond doubt: what looked like one block may have been anything.
    sure: bool,
}

/// One flow: that of the requests, or that of one transfer.
#[derive(Default)]
struct Tftp {
    transfer: Option<Box<Transfer>>,
    /// Shared by the two: the transfer took place on a port of its own, and is told there.
    elsewhere: Arc<AtomicBool>,
    /// This is the flow of the transfer.
    announced: bool,
}

impl Dialogue for Tftp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if self.announced {
            self.elsewhere.store(true, Ordering::Relaxed);
            // The server opens this flow, but it serves.
            let client = self.transfer.as_ref().map(|transfer| transfer.client);
            if client.is_some() && cx.flow.server.address.ip() == client {
                cx.server_is(Side::Client);
            }
        }
        let mut r = Reader::new(bytes);
        match self.read(cx, side, &mut r) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.end(cx);
    }
}

impl Tftp {
    fn read(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let opcode = u16::from_be_bytes(r.peek().first_chunk().copied().unwrap_or_default());
        if matches!(opcode, 1 | 2) {
            let request = Request::read(r)?;
            self.ask(cx, request);
            return Ok(());
        }
        if self.transfer.is_none() {
            if cx.comes_early() {
                return Ok(());
            }
            self.transfer = Transfer::begun_unseen(cx, side, r.peek()).map(Box::new);
        }
        r.u16()?;
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.over) else {
            cx.comes_early();
            return Ok(());
        };
        match opcode {
            3 => {
                let block = r.u16()?;
                transfer.goes(cx, side);
                let before = transfer.highest;
                transfer.data(cx, block, r.rest());
                if let Some(orphan) = &mut transfer.orphan {
                    orphan.sure |= transfer.highest == before + 1 && before >= orphan.begins;
                }
                let whole =
                    (transfer.last).is_some_and(|(_, size)| transfer.content.is_whole(size));
                if whole && transfer.request.verb == Verb::FileRead {
                    transfer.tell(cx, Some(Outcome::Ok), None);
                }
            }
            4 => {
                let block = r.u16()?;
                transfer.acknowledged |= block > 0;
                let seen = transfer.nth(block) == Some(transfer.highest);
                if let Some(orphan) = &mut transfer.orphan {
                    orphan.sure |= seen && transfer.highest >= orphan.begins;
                }
                if transfer.last.is_some_and(|(last, _)| last == block) {
                    transfer.tell(cx, Some(Outcome::Ok), None);
                } else if transfer.nth(block) > Some(transfer.highest) {
                    cx.comes_early();
                }
            }
            5 => {
                let code = r.u16()?;
                let words = r.rest();
                let words = text(words.split(|byte| *byte == 0).next().unwrap_or(words), 80);
                let why = words.unwrap_or_else(|| format!("error {code}"));
                transfer.tell(cx, Some(Outcome::Refused), Some(why));
            }
            6 => {
                let block = option(r.rest(), "blksize");
                transfer.request.block = block.unwrap_or(BLOCK).max(1);
                transfer.agreed = true;
                let stated = option(r.rest(), "tsize").map(|size| size as u64);
                transfer.stated = stated.filter(|size| *size > 0);
                if let Some(orphan) = &mut transfer.orphan {
                    (orphan.told, orphan.sure) = (true, true);
                }
            }
            _ => return Err(Malformed::Bad("opcode")),
        }
        Ok(())
    }

    fn ask(&mut self, cx: &mut Cx<'_>, request: Request) {
        let known = self.transfer.as_ref();
        if known.is_some_and(|known| known.request == request && !known.over) {
            // Sent again since no answer came.
            return;
        }
        self.end(cx);
        let Some(client) = cx.flow.client.address.ip() else {
            return;
        };
        let transfer = || {
            Box::new(Transfer {
                request: request.clone(),
                asked: Some(cx.asked()),
                client,
                orphan: None,
                highest: 0,
                content: Content::default(),
                stated: None,
                agreed: false,
                acknowledged: false,
                last: None,
                over: false,
            })
        };
        self.elsewhere = Arc::default();
        let prepared = Tftp {
            transfer: Some(transfer()),
            elsewhere: Arc::clone(&self.elsewhere),
            announced: true,
        };
        self.transfer = Some(transfer());
        let port = cx.flow.client.port;
        cx.expect_dialogue(client, port, true, Box::new(prepared));
    }

    /// Tells what is not told yet.
    fn end(&mut self, cx: &mut Cx<'_>) {
        let told_there = !self.announced && self.elsewhere.load(Ordering::Relaxed);
        if told_there {
            cx.answered_elsewhere();
        }
        let Some(mut transfer) = self.transfer.take().filter(|_| !told_there) else {
            return;
        };
        if transfer.over || self.announced && !self.elsewhere.load(Ordering::Relaxed) {
            return;
        }
        if transfer.orphan.is_some() {
            let outcome = transfer.last.is_some().then_some(Outcome::Ok);
            transfer.tell(cx, outcome, None);
        } else if transfer.last.is_some() {
            transfer.tell(cx, Some(Outcome::Ok), None);
        } else if transfer.content.is_empty() && !transfer.acknowledged {
            let outcome = cx.unanswered(Side::Server);
            transfer.tell(cx, outcome, None);
        } else {
            transfer.tell(cx, None, Some("not seen to its end".to_owned()));
        }
    }
}

impl Transfer {
    /// A transfer that is at work, and whose request was not seen.
    fn begun_unseen(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Option<Transfer> {
        let mut r = Reader::new(bytes);
        let (opcode, block) = (r.u16().ok()?, r.u16().unwrap_or(0));
        let at_home = [Side::Client, Side::Server]
            .into_iter()
            .find(|side| cx.flow.end(*side).port == 69);
        // Who serves: whose port is that of requests, or who agrees to options. Else it is who sends, since files are mostly read.
        let server = match opcode {
            3 => at_home.unwrap_or(side),
            6 => side,
            _ => return None,
        };
        let told = at_home.is_some() || opcode == 6;
        if told {
            cx.server_is(server);
        }
        let verb = if opcode == 3 && server != side {
            Verb::FileWrite
        } else {
            Verb::FileRead
        };
        let begins = if opcode == 3 { u64::from(block) } else { 1 };
        // A block of the usual size or larger is full, and a shorter one is the last.
        let size = if opcode == 3 {
            r.left().max(BLOCK)
        } else {
            BLOCK
        };
        Some(Transfer {
            request: Request {
                verb,
                name: None,
                mode: None,
                block: size,
                wished: None,
            },
            asked: None,
            client: cx.flow.end(server.other()).address.ip()?,
            orphan: Some(Orphan {
                begins,
                told,
                sure: told,
            }),
            highest: begins.saturating_sub(1),
            content: Content::default(),
            stated: None,
            agreed: true,
            acknowledged: false,
            last: None,
            over: false,
        })
    }

    /// Of a transfer known by its options alone, who sends tells whether it is read or written.
    fn goes(&mut self, cx: &Cx<'_>, sender: Side) {
        if self.orphan.is_some_and(|orphan| orphan.told) && self.content.is_empty() {
            let writes = cx.flow.end(sender).address.ip() == Some(self.client);
            self.request.verb = if writes {
                Verb::FileWrite
            } else {
                Verb::FileRead
            };
        }
    }

    /// Numbers go round: the block meant is the nearest one of that number.
    fn nth(&self, block: u16) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "16 bits are what is compared"
        )]
        let ahead = block.wrapping_sub(self.highest as u16) as i16;
        self.highest.checked_add_signed(i64::from(ahead))
    }

    /// The first block tells its size, where the answer that agreed on one was not captured: a server that takes no options
    /// sends blocks of 512 (RFC 2347, 2), and one that does takes what was asked for, or less (RFC 2348).
    fn agree(&mut self, length: usize) {
        let Some(wished) = self.request.wished.filter(|_| !self.agreed) else {
            return;
        };
        let larger = length > BLOCK && length <= wished;
        if larger || length == wished {
            self.request.block = length;
        }
        self.agreed = true;
    }

    fn data(&mut self, cx: &Cx<'_>, block: u16, content: &[u8]) {
        self.agree(content.len());
        let Some(nth) = self.nth(block) else {
            return;
        };
        let Some(before) = nth.checked_sub(1) else {
            return;
        };
        let offset = before.saturating_mul(self.request.block as u64);
        if content.len() > self.request.block || self.last.is_some_and(|(_, size)| offset > size) {
            return;
        }
        self.highest = self.highest.max(nth);
        self.content.put(cx, offset, content);
        // A short block is the last, unless the capture made it short.
        if content.len() < self.request.block && !cx.is_cut() {
            let size = offset.saturating_add(content.len() as u64);
            self.last = Some((block, size));
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>, outcome: Option<Outcome>, why: Option<String>) {
        self.over = true;
        if self.orphan.is_some_and(|orphan| !orphan.sure) {
            return;
        }
        let carried = self.last.is_some() || !self.content.is_empty();
        // Watched from the middle on, it may have gone round before, and its size is not known.
        let from_middle = self.orphan.is_some_and(|orphan| orphan.begins > 1);
        let counted = self.last.filter(|_| !from_middle).map(|(_, size)| size);
        let size = counted.or(self.stated);
        let mut sum = std::mem::take(&mut self.content).finish(size, false);
        if outcome != Some(Outcome::Ok) {
            sum.sha256 = None;
        }
        let unseen = self.orphan.map(|orphan| match orphan.begins {
            0 | 1 => "its request was not seen".to_owned(),
            begins => format!("its request was not seen, nor what came before block {begins}"),
        });
        let mode = self.request.mode.map(str::to_owned);
        let words: Vec<String> = [mode, unseen, why].into_iter().flatten().collect();
        let detail = Some(words.join(", "));
        let asked_by = if cx.flow.server.address.ip() == Some(self.client) {
            Side::Server
        } else {
            Side::Client
        };
        // Where who asked is not known, no operation is told of anybody.
        if self.orphan.is_none_or(|orphan| orphan.told) {
            let op = Op {
                object: self.request.name.clone(),
                detail: detail.clone(),
                outcome,
                content_bytes: carried.then_some(sum.bytes),
                content_sha256: sum.sha256.clone(),
                asked: self.asked.clone(),
                ..Op::new(self.request.verb)
            };
            cx.operation(asked_by, op);
        }
        if carried {
            let upload = self.request.verb == Verb::FileWrite;
            let about = About {
                sender: Some(if upload { asked_by } else { asked_by.other() }),
                upload,
                path: self.request.name.clone(),
                detail,
                outcome,
                asked: self.asked.clone(),
                ..About::default()
            };
            cx.file(about, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, hex, run};

    const READ: &str = "0001 636f6e6669672e747874 00 6f63746574 00"; // config.txt, octet

    #[test]
    fn a_file_answered_from_the_same_port_is_whole_with_its_hash() {
        check_at(
            &DECODER,
            6969,
            &[
                (Client, READ),
                (Client, READ), // sent again
                (Server, "0003 0001 616263"),
                (Client, "0004 0001"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=3/1 bytes=42/7
                operation file-read "config.txt" (octet) ok content=3 sha256=ba7816bf count=1 frames=[1, 3]
                file download "config.txt" (octet)  10.0.0.2→10.0.0.1 3/3 text ba7816bf ok frames=[1, 3]
            "#]],
        );
    }

    #[test]
    fn a_write_ends_with_the_acknowledgement_of_its_last_block() {
        check(
            &DECODER,
            &[
                (Client, "0002 6677 00 4f43544554 00 626c6b73697a65 00 38 00"), // fw, blksize 8
                (Server, "0006 626c6b73697a65 00 38 00"),
                (Client, "0003 0001 0102030405060708"),
                (Server, "0004 0001"),
                (Client, "0003 0001 0102030405060708"), // sent again
                (Client, "0003 0002 09"),
                (Server, "0004 0002"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=4/3 bytes=50/20
                operation file-write "fw" (octet) ok content=9 sha256=47e4ee7f count=1 frames=[1, 7]
                file upload "fw" (octet)  10.0.0.1→10.0.0.2 9/9 data 47e4ee7f ok frames=[1, 3, 5, 6]
            "#]],
        );
    }

    #[test]
    fn a_refused_and_an_unanswered_request_say_so() {
        check(
            &DECODER,
            &[
                (Client, READ),
                (Server, "0005 0001 66696c65206e6f7420666f756e64 00"),
                (Client, "0001 62 00 6f63746574 00"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=2/1 bytes=29/19
                operation file-read "config.txt" (octet, file not found) refused count=1 frames=[1, 2]
                operation file-read "b" (octet) unanswered count=1 frames=[3]
            "#]],
        );
    }

    #[test]
    fn the_first_block_tells_its_size_where_the_answer_to_the_options_was_not_captured() {
        // config.txt, octet, with windowsize 2 (RFC 7440) and a block size; then two blocks and a half in windows of two.
        let ask = |size: &str| {
            format!("{READ} 77696e646f7773697a65 00 32 00 626c6b73697a65 00 {size} 00")
        };
        let full = "61".repeat(600);
        let blocks = [
            (Server, format!("0003 0001 {full}")),
            (Server, format!("0003 0002 {full}")),
            (Client, "0004 0002".to_owned()),
            (Server, "0003 0003 626364".to_owned()),
            (Client, "0004 0003".to_owned()),
        ];
        let told = |size: &str| {
            let mut messages = vec![(Client, hex(&ask(size)))];
            messages.extend(blocks.iter().map(|(side, text)| (*side, hex(text))));
            let facts = run(&DECODER, None, &messages);
            let [file] = facts.carried_files.as_slice() else {
                panic!("{:?}", facts.carried_files);
            };
            (file.bytes, file.size, file.complete, file.sha256.is_some())
        };
        // 600 as asked for, and lowered to that from 1428.
        assert_eq!(told("363030"), (1203, Some(1203), true, true));
        assert_eq!(told("31343238"), (1203, Some(1203), true, true));
        // One block alone does not tell whether it is full.
        let messages = [
            (Client, hex(&ask("31343238"))),
            (Server, hex(&format!("0003 0001 {full}"))),
            (Client, hex("0004 0001")),
        ];
        let facts = run(&DECODER, None, &messages);
        assert_eq!(facts.operations[0].outcome, None);
        assert_eq!(facts.operations[0].content_sha256, None);
        // Small blocks, as agreed on unseen, are no ends.
        let small = ask("38");
        let messages = [
            (Client, hex(&small)),
            (Server, hex("0003 0001 0102030405060708")),
            (Server, hex("0003 0002 0102")),
        ];
        let facts = run(&DECODER, None, &messages);
        assert_eq!(facts.carried_files[0].size, Some(10));
    }

    #[test]
    fn a_transfer_whose_request_was_not_seen_is_a_file_without_a_name() {
        let full = "61".repeat(512);
        // At the port of requests, from its first block on.
        check_at(
            &DECODER,
            69,
            &[
                (Client, &format!("0003 0001 {full}")),
                (Server, "0004 0001"),
                (Client, "0003 0002 6263"),
                (Server, "0004 0002"),
                (Client, "0003 0002 6263"), // sent again
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=3/2 bytes=528/8
                operation file-write (its request was not seen) ok content=514 sha256=2d4fd081 count=1 frames=[4]
                file upload "?" (its request was not seen)  10.0.0.1→10.0.0.2 514/514 text 2d4fd081 ok frames=[1, 3]
            "#]],
        );
        // Between other ports, in the middle: which end asked is not known.
        check_at(
            &DECODER,
            3000,
            &[
                (Server, &format!("0003 0025 {full}")),
                (Client, "0004 0025"),
                (Server, &format!("0003 0026 {full}")),
                (Client, "0004 0026"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=2/2 bytes=8/1032
                file download "?" (its request was not seen, nor what came before block 37)  10.0.0.2→10.0.0.1 1024/? data - ? frames=[1, 3]
            "#]],
        );
        // Known by the options that the server agrees to: a write of a size that it repeats.
        check_at(
            &DECODER,
            3000,
            &[
                (Server, "0006 7473697a65 00 3132 00 626c6b73697a65 00 38 00"),
                (Client, "0003 0001 0102030405060708"),
                (Server, "0004 0001"),
                (Client, "0003 0002 090a0b0c"),
                (Server, "0004 0002"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=2/3 bytes=20/29
                operation file-write (its request was not seen) ok content=12 sha256=206402ca count=1 frames=[5]
                file upload "?" (its request was not seen)  10.0.0.1→10.0.0.2 12/12 data 206402ca ok frames=[2, 4]
            "#]],
        );
    }

    #[test]
    fn what_only_looks_like_a_block_is_told_as_no_file() {
        let told = |port: u16, messages: &[(crate::Side, String)]| {
            let messages: Vec<_> = (messages.iter())
                .map(|(side, text)| (*side, hex(text)))
                .collect();
            let facts = run(&DECODER, Some(port), &messages);
            (facts.carried_files.len(), facts.operations.len())
        };
        let block = |number: &str| (Client, format!("0003 {number} {}", "5a".repeat(512)));
        assert_eq!(told(3000, &[block("1234")]), (0, 0));
        assert_eq!(told(3000, &[block("1234"), block("9234")]), (0, 0));
        assert_eq!(told(3000, &[block("1234"), block("1235")]), (1, 0));
    }

    #[test]
    fn a_missing_block_costs_the_hash() {
        let full = "00".repeat(512);
        check(
            &DECODER,
            &[
                (Client, READ),
                (Server, &format!("0003 0001 {full}")),
                (Server, "0003 0003 616263"),
            ],
            expect![[r#"
                conversation protocol=tftp state=answered packets=1/2 bytes=19/523
                operation file-read "config.txt" (octet) ok count=1 frames=[1]
                file download "config.txt" (octet)  10.0.0.2→10.0.0.1 515/1027 data - ok frames=[1, 2, 3]
            "#]],
        );
    }
}
