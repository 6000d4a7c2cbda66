//! CODESYS 2: what a controller says of itself, files and boot projects, and what is typed into its shell.
//!
//! Spec: none is public; frames and services as those observed them who scan for controllers and who showed that nobody has to log
//! in for files and shell (Digital Bond, Project Basecamp, 2012); names of shell commands: WAGO 759-333, CoDeSys 2.3, PLC browser.
//! Emits: identification; files written, read and their hash, boot projects (`.prg`) as programs; the shell by command.
//! Blind to: every other service (log-in, variables, start and stop from the programming software, online change), which nobody
//! numbered in public; whether what was asked was done.
use super::super::asking::{Asks, Carried, Doing, Known};
use super::shell;
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "codesys2",
    title: "CODESYS 2 (WAGO, ABB AC500 and others)",
    carriers: &[Carrier::Tcp(2455), Carrier::Tcp(1200), Carrier::Tcp(1201)],
    probe,
    open: || Box::new(CodesysV2::default()),
    remote: false,
    operations: &[
        Verb::Identify,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::ProgramDownload,
        Verb::ProgramUpload,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::Configure,
        Verb::Operate,
        Verb::Read,
        Verb::Write,
        Verb::Diagnose,
    ],
    about: "Operating system and product of controllers when they are asked; files and boot projects written and read, with their hash; what is typed into the controller's shell.",
    spec: "no public specification; frames and services as observed",
    blind: "log-in, variables, start and stop by the programming software, outcomes",
};

/// What is meant for the controller itself, what is passed on to a channel, and what keeps that going.
const DIRECT: u16 = 0xbbbb;
const CHANNEL: u16 = 0xcccc;
const BESIDE: u16 = 0x6666;
/// A service with more is none.
const MOST: u32 = 1 << 18;
const HEADER: usize = 6;
/// That of a channel has its number, and more that is mostly empty, behind the length.
const LONG_HEADER: usize = 24;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 4;
/// What an identification says, from the start of its frame.
const OS: usize = 65;
const OS_VERSION: usize = 97;
const PRODUCT: usize = 129;

const WRITE_FIRST: u8 = 0x2f;
const WRITE_NEXT: u8 = 0x30;
const READ_FIRST: u8 = 0x31;
const READ_NEXT: u8 = 0x32;
const SHELL: u8 = 0x92;

/// Length of header and of the whole. Controllers speak in their own order of octets: the length is the lesser of the two.
fn length(r: &mut Reader<'_>) -> Result<(usize, usize), Malformed> {
    let magic = r.u16()?;
    r.check(matches!(magic, DIRECT | CHANNEL | BESIDE), "magic")?;
    let (header, least) = if magic == DIRECT {
        (HEADER, 1)
    } else {
        let version: [u8; 2] = r.array()?;
        r.check(matches!(version, [1, 0] | [0, 1]), "version")?;
        (LONG_HEADER, 0)
    };
    let octets: [u8; 4] = r.array()?;
    let length = u32::from_le_bytes(octets).min(u32::from_be_bytes(octets));
    r.check((least..=MOST).contains(&length), "length")?;
    Ok((
        header,
        header + usize::try_from(length).unwrap_or(usize::MAX),
    ))
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let direct = r.peek().starts_with(&DIRECT.to_be_bytes());
        let (_, whole) = length(r)?;
        let at_port = [2455, 1200, 1201].iter().any(|port| head.on(*port));
        let alone = direct && whole == head.bytes.len();
        r.check(alone || at_port, "length")?;
        Ok(Sender::Unknown)
    })
}

/// A file on its way, and whether its last block was sent.
struct Transfer {
    carried: Carried,
    reads: bool,
    ended: bool,
}

#[derive(Default)]
struct CodesysV2 {
    known: Known,
    transfer: Option<Transfer>,
    shell: Asks<(), (), MOST_WAITING>,
}

impl Dialogue for CodesysV2 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (header, whole) = match length(&mut Reader::new(bytes)) {
            Ok(found) => found,
            Err(Malformed::Short) => return Step::Need(HEADER.max(bytes.len() + 1)),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        let Some(frame) = bytes.get(..whole) else {
            return Step::Need(whole);
        };
        let body = frame.get(header..).unwrap_or(&[]);
        let meant = !frame.starts_with(&BESIDE.to_be_bytes());
        match side {
            Side::Client if meant => self.asks(cx, body),
            Side::Server if meant => {
                if header == HEADER {
                    identify(cx, side, frame);
                }
                self.answers(cx, body);
            }
            _ => {}
        }
        Step::Took(whole)
    }

    fn gap(&mut self, cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        self.known.gap();
        if let Some(transfer) = &mut self.transfer {
            transfer.carried.broke();
        }
        self.shell.forget(cx);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.finish(cx);
        self.shell.close(cx);
    }
}

impl CodesysV2 {
    fn asks(&mut self, cx: &mut Cx<'_>, body: &[u8]) {
        match *body {
            [WRITE_FIRST, more, ref rest @ ..] => {
                let Some((name, content)) = first_block(rest) else {
                    return;
                };
                self.begin(cx, name, false);
                self.block(cx, content, more == 0);
            }
            [WRITE_NEXT, more, ref rest @ ..] => {
                let writes = |transfer: &Transfer| !transfer.reads && !transfer.ended;
                if self.transfer.as_ref().is_some_and(writes) {
                    self.block(cx, counted(rest), more == 0);
                }
            }
            [READ_FIRST, _, ref rest @ ..] => {
                if let Some(name) = counted(rest).and_then(name) {
                    self.begin(cx, name, true);
                }
            }
            [SHELL, 0, _, _, _, ref line @ ..] => {
                let line = line.split(|byte| *byte == 0).next().unwrap_or(line);
                let Some(line) = text(line, 128) else { return };
                let (verb, object) = shell::command(&line);
                let what = object.clone();
                self.shell
                    .ask(cx, Side::Client, (), (), what.as_bytes(), || Op {
                        object: Some(object),
                        detail: Some("shell of the controller (92h)".to_owned()),
                        ..Op::new(verb)
                    });
            }
            // The next block is asked for.
            [READ_NEXT, ..] => {}
            _ => self.finish(cx),
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_>, name: String, reads: bool) {
        self.finish(cx);
        // The boot project is a file of this kind.
        let end = name.get(name.len().saturating_sub(4)..);
        let program = end.is_some_and(|end| end.eq_ignore_ascii_case(".prg"));
        let (verb, detail) = match (reads, program) {
            (true, true) => (Verb::ProgramUpload, "read boot project (31h)"),
            (true, false) => (Verb::FileRead, "read file (31h)"),
            (false, true) => (Verb::ProgramDownload, "write boot project (2fh)"),
            (false, false) => (Verb::FileWrite, "write file (2fh)"),
        };
        let doing = Doing::new(verb, Some(name), detail);
        let asking = self.known.once(cx, Side::Client, doing);
        self.transfer = Some(Transfer {
            carried: Carried::new(asking, true),
            reads,
            ended: false,
        });
    }

    /// A block; `None`: its lengths do not fit.
    fn block(&mut self, cx: &Cx<'_>, content: Option<&[u8]>, last: bool) {
        if let Some(transfer) = &mut self.transfer {
            match content {
                Some(content) => transfer.carried.add(cx, content),
                None => transfer.carried.broke(),
            }
            transfer.ended = last;
        }
    }

    fn answers(&mut self, cx: &mut Cx<'_>, body: &[u8]) {
        if let Some(asked) = self.shell.take(cx, Side::Server, ()) {
            return self.shell.answered(cx, asked);
        }
        let Some(transfer) = &self.transfer else {
            return;
        };
        if transfer.reads {
            // Two octets, whether more follows, and the block.
            if let [_, _, more, _, rest @ ..] = body {
                self.block(cx, counted(rest), *more == 0);
            } else {
                self.block(cx, None, true);
            }
        }
        if self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.ended)
        {
            self.finish(cx);
        }
    }

    /// Tells the file that was on its way. Answers do not say whether it was taken; content that came was given.
    fn finish(&mut self, cx: &mut Cx<'_>) {
        let Some(transfer) = self.transfer.take() else {
            return;
        };
        let given = transfer.reads && transfer.carried.bytes() > 0;
        let outcome = given.then_some(Outcome::Ok);
        transfer.carried.tell(cx, transfer.ended, outcome, None);
    }
}

/// Lengths of content and of name, both in the controller's order, then name and content. The content is `None` where the lengths
/// do not fit.
fn first_block(rest: &[u8]) -> Option<(String, Option<&[u8]>)> {
    let (&[a, b, c, d], after) = rest.split_first_chunk::<4>()?;
    let orders: [fn([u8; 2]) -> u16; 2] = [u16::from_le_bytes, u16::from_be_bytes];
    let split = orders.into_iter().find_map(|order| {
        let (content, name) = (usize::from(order([a, b])), usize::from(order([c, d])));
        let fits = content + name == after.len();
        fits.then(|| after.split_at_checked(name)).flatten()
    });
    Some(match split {
        Some((called, content)) => (name(called)?, Some(content)),
        None => (name(after)?, None),
    })
}

/// A length in either order, and as many octets.
fn counted(rest: &[u8]) -> Option<&[u8]> {
    let (octets, content) = rest.split_first_chunk::<2>()?;
    let length = [u16::from_le_bytes(*octets), u16::from_be_bytes(*octets)];
    let fits = length.iter().any(|one| usize::from(*one) == content.len());
    fits.then_some(content)
}

/// A file name, up to its end.
fn name(bytes: &[u8]) -> Option<String> {
    let name = bytes.split(|byte| *byte == 0).next()?;
    let plain = name.iter().all(|byte| (0x20..0x7f).contains(byte));
    plain.then(|| text(name, 128)).flatten()
}

fn identify(cx: &mut Cx<'_>, side: Side, frame: &[u8]) {
    let field = |from: usize| {
        let bytes = frame.get(from..)?.split(|byte| *byte == 0).next()?;
        let plain = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
        (plain && bytes.len() > 1)
            .then(|| text(bytes, 32))
            .flatten()
    };
    if let (Some(os), Some(product)) = (field(OS), field(PRODUCT)) {
        let os = match field(OS_VERSION) {
            Some(version) => format!("{os} {version}"),
            None => os,
        };
        cx.identity(side, "os", os);
        cx.identity(side, "model", product);
        let op = Op {
            detail: Some("identification".to_owned()),
            outcome: Some(Outcome::Ok),
            ..Op::new(Verb::Identify)
        };
        cx.operation(Side::Client, op);
    }
}
