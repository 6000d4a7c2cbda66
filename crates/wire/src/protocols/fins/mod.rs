//! Omron FINS over UDP and TCP: memory, programs, parameters, files, mode, clock and access right of Omron controllers.
//!
//! Spec: Omron W342, Communications Commands Reference Manual, 3 (headers) and 5 (commands); W420, Ethernet Units, 7-4
//! (FINS/TCP).
//! Emits: an operation per request with its end code; a program read or written in pieces is one, with its hash where all of
//! it was seen; model and version from controller data read.
//! Blind to: what controllers of the NJ and NX series do over EtherNet/IP instead; FINS of serial lines.
//! Tried on: `piercema__icsnpp-omron-fins__omron.pcap`, made by hand with 55 commands; requests per code agree with tshark.
//! Answers there have no requests: what changes a controller is told of them as well.
mod pdu;
#[cfg(test)]
mod tests;

use self::pdu::{HEADER, Message};
use super::asking::{Asks, Carried, maker};
use crate::reader::text;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "fins",
    title: "Omron FINS",
    carriers: &[Carrier::Udp(9600), Carrier::Tcp(9600)],
    probe,
    open: || Box::new(Fins::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::ProgramDelete,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::Configure,
        Verb::SetClock,
        Verb::Lock,
        Verb::Unlock,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every command with its memory range, program, parameter area or file, paired with its end code; programs in pieces as one transfer; model and version of controllers.",
    spec: "Omron W342 (FINS commands); W420 (FINS/TCP)",
    blind: "serial lines behind the Ethernet unit beyond their network numbers",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Programs on their way at once.
const MOST_TRANSFERS: usize = 8;
/// Magic, length, command, error code of FINS/TCP.
const TCP_HEADER: usize = 16;
/// A longer frame is none: FINS carries at most 2012 octets.
const TCP_MOST: usize = 4096;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        if !head.udp {
            let frame = TcpFrame::read_head(r)?;
            return match frame.command {
                0 => Ok(Sender::Client),
                1 => Ok(Sender::Server),
                2 => {
                    let message = Message::read(r)?;
                    r.check(message.is_sane() || head.on(9600), "command")?;
                    Ok(sender(&message))
                }
                _ => Ok(Sender::Unknown),
            };
        }
        let message = Message::read(r)?;
        let fits = if head.on(9600) {
            message.is_sane()
        } else {
            message.is_exact()
        };
        r.check(fits, "command")?;
        Ok(sender(&message))
    })
}

const fn sender(message: &Message<'_>) -> Sender {
    if message.response {
        Sender::Server
    } else {
        Sender::Client
    }
}

/// W420, 7-4-2: what stands before each FINS message on TCP.
struct TcpFrame {
    /// Octets after the length field.
    length: usize,
    command: u32,
    error: u32,
}

impl TcpFrame {
    fn read_head(r: &mut Reader<'_>) -> Result<TcpFrame, Malformed> {
        for expected in *b"FINS" {
            let byte = r.u8()?;
            r.check(byte == expected, "magic")?;
        }
        let length = r.u32()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        r.check((8..=TCP_MOST).contains(&length), "length")?;
        let command = r.u32()?;
        r.check(command <= 6, "command")?;
        Ok(TcpFrame {
            length,
            command,
            error: r.u32()?,
        })
    }
}

/// A request is known again by its service number, its command and who sent it.
type Key = (u8, u16, [u8; 3]);

/// A program on its way.
struct Transfer {
    down: bool,
    program: u16,
    carried: Carried<Asked>,
    /// A piece of it was taken by the other end: else its requests say all there is.
    taken: bool,
}

/// What is remembered of a request to read or write a program.
#[derive(Clone, Copy, Default)]
struct Tag {
    program: u16,
    begin: u32,
    last: bool,
}

#[derive(Default)]
struct Fins {
    asks: Asks<Key, Tag, MOST_WAITING>,
    transfers: Vec<Transfer>,
    identified: bool,
}

impl Dialogue for Fins {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        if cx.flow.udp {
            return match Message::read(&mut r) {
                Ok(message) => {
                    self.fins(cx, side, &message);
                    Step::Took(bytes.len())
                }
                Err(error) => Step::from_error(error, bytes.len()),
            };
        }
        let frame = match TcpFrame::read_head(&mut r) {
            Ok(frame) => frame,
            Err(error) => return Step::from_error(error, bytes.len().max(TCP_HEADER - 1)),
        };
        let whole = frame.length + 8;
        let Ok(mut body) = r.sub(frame.length - 8) else {
            return Step::Need(whole);
        };
        match frame.command {
            2 if body.left() >= HEADER => match Message::read(&mut body) {
                Ok(message) => self.fins(cx, side, &message),
                Err(_) => return Step::Bad("FINS header"),
            },
            2 => return Step::Bad("length"),
            // A connection that the other end does not take: all in use, or not an address that it protects.
            0 | 1 | 3 if frame.error != 0 => {
                cx.oddity(
                    "fins.tcp_error",
                    side,
                    Some(format!("error code {}", frame.error)),
                );
            }
            _ => {}
        }
        Step::Took(whole)
    }

    fn gap(&mut self, _: &mut Cx<'_>, _: Side, _: u64) {
        for transfer in &mut self.transfers {
            transfer.carried.broke();
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
        for transfer in std::mem::take(&mut self.transfers) {
            transfer.tell(cx, Side::Client, false);
        }
    }
}

impl Fins {
    fn fins(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        if message.response {
            self.answer(cx, side, message);
            return;
        }
        if !message.is_known() {
            let command = format!("{:04x}", message.command);
            cx.oddity("fins.unknown_command", side, Some(command));
            return;
        }
        let (mut tag, mut transfers) = (Tag::default(), false);
        if matches!(message.command, 0x0306 | 0x0307)
            && let Ok(piece) = Piece::read(message.data)
        {
            (tag, transfers) = (piece.tag, true);
            if message.command == 0x0307 {
                let since = cx.asked();
                self.piece(cx, true, &piece, since);
            }
        }
        let (what, used) = message.what();
        let what = what.get(..used).unwrap_or(&[]);
        let long;
        let what = if message.is_batch() {
            what
        } else {
            long = [what, message.data].concat();
            &long
        };
        if transfers || message.wants_answer {
            let key = (message.service, message.command, message.from);
            self.asks.ask(cx, side, key, tag, what, || message.op());
        } else {
            self.asks.ask_only(cx, side, what, || message.op());
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let refusal = message.refusal();
        let asked = self
            .asks
            .take(cx, side, (message.service, message.command, message.to));
        if message.command == 0x0501 && refusal.is_none() {
            self.identity(cx, side, message.data);
        }
        let Some(asked) = asked else {
            if cx.comes_early() {
                return;
            }
            // The answer names the command: what changes the device is told even where its request was lost.
            let mut op = Message {
                data: &[],
                ..*message
            }
            .op();
            if op.verb.modifies() && message.is_sane() && op.verb != Verb::ProgramDownload {
                op.outcome = Some(match refusal {
                    Some(_) => Outcome::Refused,
                    None => Outcome::Ok,
                });
                cx.operation(side.other(), op);
            }
            return;
        };
        if let Some(why) = refusal {
            if let Some(place) = self
                .place(asked.op().verb == Verb::ProgramDownload, asked.tag.program)
                .filter(|_| matches!(message.command, 0x0306 | 0x0307))
            {
                self.transfers.remove(place);
            }
            self.asks.refused(cx, asked, &why);
            return;
        }
        match message.command {
            0x0306 => {
                if let Ok(mut piece) = Piece::read(message.data.get(2..).unwrap_or(&[])) {
                    piece.tag.last |= asked.tag.last;
                    self.piece(cx, false, &piece, asked.asked);
                    self.end(cx, side.other(), false, &piece.tag);
                }
            }
            0x0307 => {
                let tag = asked.tag;
                self.end(cx, side.other(), true, &tag);
            }
            _ => self.asks.done(cx, asked),
        }
    }

    fn place(&self, down: bool, program: u16) -> Option<usize> {
        self.transfers
            .iter()
            .position(|known| known.down == down && known.program == program)
    }

    fn piece(&mut self, cx: &mut Cx<'_>, down: bool, part: &Piece<'_>, since: Asked) {
        let Piece {
            tag,
            length,
            content,
        } = part;
        let place = match self.place(down, tag.program) {
            // A program that begins anew: the one before was left unfinished.
            Some(place) if tag.begin == 0 => {
                let old = self.transfers.remove(place);
                old.tell(cx, Side::Client, false);
                None
            }
            place => place,
        };
        let place = place.unwrap_or_else(|| {
            if self.transfers.len() >= MOST_TRANSFERS {
                self.transfers.remove(0).tell(cx, Side::Client, false);
            }
            self.transfers.push(Transfer {
                down,
                program: tag.program,
                carried: Carried::since(since),
                taken: false,
            });
            self.transfers.len() - 1
        });
        if let Some(transfer) = self.transfers.get_mut(place) {
            transfer
                .carried
                .piece(Some(u64::from(tag.begin)), u64::from(*length), content);
        }
    }

    /// The answer to a piece came: the last one ends the transfer.
    fn end(&mut self, cx: &mut Cx<'_>, asker: Side, down: bool, tag: &Tag) {
        let Some(place) = self.place(down, tag.program) else {
            return;
        };
        if let Some(transfer) = self.transfers.get_mut(place) {
            transfer.taken = true;
        }
        if tag.last {
            self.transfers.remove(place).tell(cx, asker, true);
        }
    }

    /// W342, 5-3-16: model and version, 20 characters each.
    fn identity(&mut self, cx: &mut Cx<'_>, side: Side, data: &[u8]) {
        if std::mem::replace(&mut self.identified, true) {
            return;
        }
        let mut r = Reader::new(data);
        let mut read = || -> Result<_, Malformed> {
            r.skip(2)?;
            Ok((r.bytes(20)?, r.bytes(20)?))
        };
        let Ok((model, version)) = read() else { return };
        if let Some(model) = text(model, 20) {
            cx.identity(side, "model", model);
            maker(cx, side, "Omron");
        }
        if let Some(version) = text(version, 20) {
            cx.identity(side, "firmware", version);
        }
    }
}

impl Transfer {
    fn tell(self, cx: &mut Cx<'_>, asker: Side, ended: bool) {
        if !self.taken {
            return;
        }
        let (verb, detail) = if self.down {
            (Verb::ProgramDownload, "0307 program area write")
        } else {
            (Verb::ProgramUpload, "0306 program area read")
        };
        let outcome = if ended { Some(Outcome::Ok) } else { None };
        let detail = if ended {
            detail.to_owned()
        } else {
            format!("{detail}, last piece not seen")
        };
        let object = Some(format!("program {}", self.program));
        self.carried
            .tell_as(cx, asker, verb, object, Some(detail), outcome, ended);
    }
}

/// W342, 5-3-10 and 5-3-11: a part of a program. Bit 15 of the count marks the last.
struct Piece<'a> {
    tag: Tag,
    length: u16,
    content: &'a [u8],
}

impl<'a> Piece<'a> {
    fn read(data: &'a [u8]) -> Result<Piece<'a>, Malformed> {
        let mut r = Reader::new(data);
        let (program, begin, count) = (r.u16()?, r.u32()?, r.u16()?);
        Ok(Piece {
            tag: Tag {
                program,
                begin: if begin == u32::MAX { 0 } else { begin },
                last: count & 0x8000 != 0,
            },
            length: count & 0x7fff,
            content: r.rest(),
        })
    }
}
