//! TFTP: which file went to or from whom, whole with its hash.
//!
//! Spec: RFC 1350 (protocol), RFC 2347 to RFC 2349 (options, block size, file size), RFC 7440 (window size).
//! Emits: one file-read or file-write per request, at its end, with the file; announces the ports of the transfer.
//! Blind to: transfers whose request was not captured.
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
    blind: "transfers whose request was not captured",
};

/// Longest file name that is kept.
const MOST_NAME: usize = 512;
/// Block size unless negotiated (RFC 1350, 2).
const BLOCK: usize = 512;

/// A request says so much that no port is needed; the rest of a transfer is announced by it.
fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        Request::read(r)?;
        Ok(Sender::Client)
    })
}

#[derive(Clone, Debug, PartialEq)]
struct Request {
    verb: Verb,
    name: String,
    mode: &'static str,
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
            name,
            mode,
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
    asked: Asked,
    client: IpAddr,
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
    fn message(&mut self, cx: &mut Cx<'_>, _side: Side, bytes: &[u8]) -> Step {
        if self.announced {
            self.elsewhere.store(true, Ordering::Relaxed);
            // The server opens this flow, but it serves.
            let client = self.transfer.as_ref().map(|transfer| transfer.client);
            if client.is_some() && cx.flow.server.address.ip() == client {
                cx.server_is(Side::Client);
            }
        }
        let mut r = Reader::new(bytes);
        match self.read(cx, &mut r) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.end(cx);
    }
}

impl Tftp {
    fn read(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let opcode = u16::from_be_bytes(r.peek().first_chunk().copied().unwrap_or_default());
        if matches!(opcode, 1 | 2) {
            let request = Request::read(r)?;
            self.ask(cx, request);
            return Ok(());
        }
        r.u16()?;
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.over) else {
            cx.comes_early();
            return Ok(());
        };
        match opcode {
            3 => {
                let block = r.u16()?;
                transfer.data(cx, block, r.rest());
                let whole =
                    (transfer.last).is_some_and(|(_, size)| transfer.content.is_whole(size));
                if whole && transfer.request.verb == Verb::FileRead {
                    transfer.tell(cx, Some(Outcome::Ok), None);
                }
            }
            4 => {
                let block = r.u16()?;
                transfer.acknowledged |= block > 0;
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
                asked: cx.asked(),
                client,
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
        if transfer.last.is_some() {
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
        let carried = self.last.is_some() || !self.content.is_empty();
        let size = self.last.map(|(_, size)| size).or(self.stated);
        let mut sum = std::mem::take(&mut self.content).finish(size, false);
        if outcome != Some(Outcome::Ok) {
            sum.sha256 = None;
        }
        let mode = self.request.mode;
        let detail = why.map_or_else(|| mode.to_owned(), |why| format!("{mode}, {why}"));
        let op = Op {
            object: Some(self.request.name.clone()),
            detail: Some(detail.clone()),
            outcome,
            content_bytes: carried.then_some(sum.bytes),
            content_sha256: sum.sha256.clone(),
            asked: Some(self.asked.clone()),
            ..Op::new(self.request.verb)
        };
        let asked_by = if cx.flow.server.address.ip() == Some(self.client) {
            Side::Server
        } else {
            Side::Client
        };
        cx.operation(asked_by, op);
        if carried {
            let upload = self.request.verb == Verb::FileWrite;
            let about = About {
                sender: Some(if upload { asked_by } else { asked_by.other() }),
                upload,
                path: Some(self.request.name.clone()),
                detail: Some(detail),
                outcome,
                asked: Some(self.asked.clone()),
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
