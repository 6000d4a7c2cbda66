//! MELSOFT: the connection by which GX Works programs and watches MELSEC controllers.
//!
//! Spec: none is public. Layout and commands as observed in the captures named below: command and its number at fixed places
//! of request and answer, names of files in UTF-16, files by handle, offset and length.
//! Emits: files opened, read and written, with hash where they were seen whole: programs as program-upload and -download; remote
//! run and stop; reads of the monitor; the model.
//! Blind to: whether a command was refused; over UDP, where both ends send to all from ever new ports, which answer and which
//! name belong to a request; commands not named here (they are counted as part of the conversation only); passwords.
//! Tried on: `ITI__ICS-Security-Tools__melsoft_129_clean.pcap` and `…melsoft_UDP_clean_2.pcap`.
use crate::protocols::asking::{Asks, Carried, maker};
use crate::reader::text;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step,
    Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "melsoft",
    title: "MELSOFT (Mitsubishi programming software)",
    carriers: &[Carrier::Tcp(5562), Carrier::Udp(5560), Carrier::Udp(5561)],
    probe,
    open: || Box::new(Melsoft::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Authenticate,
        Verb::Identify,
    ],
    about: "Files and programs read from and written to MELSEC controllers, with hashes; monitoring, remote run and stop; the model.",
    spec: "no public specification; as observed",
    blind: "refusals, commands that no capture explains, passwords",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 16;
/// Files open at once.
const MOST_FILES: usize = 16;
/// Up to the length field, which counts what follows.
const PREFIX: usize = 21;
const MOST_BODY: usize = 0x2000;

struct Message<'a> {
    response: bool,
    /// Short ones look for controllers and say no more.
    hello: bool,
    length: usize,
    command: u16,
    number: u16,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let kind = r.u8()?;
        let response = kind & 0x80 != 0;
        let hello = match kind {
            0x5a | 0xda => true,
            0x57 | 0xd7 => false,
            _ => return Err(Malformed::Bad("kind")),
        };
        if hello {
            let (zero, what) = (r.u16()?, r.u8()?);
            r.check(zero == 0 && matches!(what, 0x01 | 0xff), "hello")?;
            // Answers to one have no length of their own; they come as datagrams.
            r.check(response != r.is_empty() && r.left() <= 64, "hello")?;
            r.rest();
            return Ok(Message {
                response,
                hello,
                length: bytes.len(),
                command: 0,
                number: 0,
                data: &[],
            });
        }
        r.skip(2)?;
        let fixed: [u8; 4] = r.array()?;
        r.check(fixed == [0, 0, 0x11, 0x11], "header")?;
        let way = r.u8()?;
        r.check(way == if response { 0x7f } else { 0x07 }, "direction")?;
        r.skip(11)?;
        let length = usize::from(r.u16_le()?);
        r.check((28..=MOST_BODY).contains(&length), "length")?;
        let class = r.u8()?;
        r.check(class == if response { 0x9c } else { 0x1c }, "class")?;
        // Sixteen octets of zero and more; answers have four octets more than requests.
        r.skip(if response { 26 } else { 24 } - 1)?;
        let (command, number) = (r.u16()?, r.u16_le()?);
        r.skip(2)?;
        let whole = PREFIX + length;
        let rest = whole.saturating_sub(r.at()).min(r.left());
        Ok(Message {
            response,
            hello,
            length: whole,
            command,
            number,
            data: r.bytes(rest)?,
        })
    }
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let message = Message::read(r.peek())?;
        let at_port = head.on(5560) || head.on(5561) || head.on(5562);
        r.check(!message.hello || at_port && head.udp, "hello")?;
        r.check(
            message.hello || !head.udp || message.length == head.bytes.len(),
            "length",
        )?;
        Ok(if message.response {
            Sender::Server
        } else {
            Sender::Client
        })
    })
}

/// A file that the programming software has open.
struct File {
    handle: u16,
    name: Option<String>,
    /// Its opening was seen, then.
    opened: bool,
    asked: Option<Asked>,
    write: Option<Carried<Asked>>,
    read: Option<Carried<Asked>>,
}

/// What a request was about, for its answer.
#[derive(Clone, Default)]
struct Tag {
    name: Option<String>,
    handle: u16,
    offset: u32,
}

#[derive(Default)]
struct Melsoft {
    asks: Asks<(u16, u16), Tag, MOST_WAITING>,
    files: Vec<File>,
    identified: bool,
}

impl Dialogue for Melsoft {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if message.length > bytes.len() {
            return Step::Need(message.length);
        }
        if message.hello {
            return Step::Took(message.length);
        }
        if message.response {
            self.answer(cx, side, &message);
        } else {
            self.ask(cx, side, &message);
        }
        Step::Took(message.length)
    }

    fn gap(&mut self, _: &mut Cx<'_>, _: Side, _: u64) {
        for file in &mut self.files {
            if let Some(carried) = &mut file.write {
                carried.broke();
            }
            if let Some(carried) = &mut file.read {
                carried.broke();
            }
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
        for file in std::mem::take(&mut self.files) {
            file.tell(cx, Side::Client, false);
        }
    }
}

impl Melsoft {
    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let tag = Tag::read(message).unwrap_or_default();
        if message.command == 0x1869 {
            let content = message.data.get(8..).unwrap_or(&[]);
            if let Some(file) = self.file(cx, tag.handle, false) {
                file.write.get_or_insert_with(|| Carried::here(cx)).piece(
                    Some(u64::from(tag.offset)),
                    content.len() as u64,
                    content,
                );
            }
            return;
        }
        if message.command == 0x186a {
            if let Some(place) = self.files.iter().position(|file| file.handle == tag.handle) {
                self.files.remove(place).tell(cx, side, true);
            }
            return;
        }
        let Some((name, verb)) = known(message.command) else {
            return;
        };
        let object = tag.name.clone();
        let key = (message.command, message.number);
        let what = [&message.command.to_be_bytes(), message.data].concat();
        self.asks.ask(cx, side, key, tag, &what, || Op {
            object,
            detail: Some(format!("{:04x} {name}", message.command)),
            ..Op::new(verb)
        });
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        // Over UDP both ends send to all, so that request and answer do not meet: what is said counts all the same.
        if message.command == 0x0121
            && !std::mem::replace(&mut self.identified, true)
            && let Some(model) = message.data.get(..16).and_then(|name| text(name, 16))
        {
            cx.identity(side, "model", model);
            maker(cx, side, "Mitsubishi Electric");
        }
        let Some(asked) = self.asks.take(cx, side, (message.command, message.number)) else {
            return;
        };
        match message.command {
            // Open: the answer gives the handle. What is done with the file is told when it is closed.
            0x1867 => {
                let mut r = Reader::new(message.data);
                if let Ok(handle) = r.u16_le()
                    && let Some(file) = self.file(cx, handle, true)
                {
                    file.name = asked.tag.name;
                }
            }
            0x1868 => {
                let (tag, since) = (asked.tag, asked.asked);
                let content = message.data.get(2..).unwrap_or(&[]);
                if let Some(file) = self.file(cx, tag.handle, false) {
                    file.read
                        .get_or_insert_with(|| Carried::since(since))
                        .piece(Some(u64::from(tag.offset)), content.len() as u64, content);
                }
            }
            _ => self.asks.answered(cx, asked),
        }
    }

    /// The file with that handle, known or not; one that was opened when the handle is given out anew is over.
    fn file(&mut self, cx: &mut Cx<'_>, handle: u16, opened: bool) -> Option<&mut File> {
        let mut place = self.files.iter().position(|file| file.handle == handle);
        if opened && let Some(old) = place.take() {
            self.files.remove(old).tell(cx, Side::Client, false);
        }
        if place.is_none() {
            if self.files.len() >= MOST_FILES {
                self.files.remove(0).tell(cx, Side::Client, false);
            }
            self.files.push(File {
                handle,
                name: None,
                opened,
                asked: opened.then(|| cx.asked()),
                write: None,
                read: None,
            });
        }
        let place = place.unwrap_or(self.files.len().saturating_sub(1));
        self.files.get_mut(place)
    }
}

impl File {
    fn tell(self, cx: &mut Cx<'_>, asker: Side, ended: bool) {
        let name = self
            .name
            .unwrap_or_else(|| format!("handle {}", self.handle));
        if self.write.is_none() && self.read.is_none() && self.opened {
            let op = Op {
                object: Some(name),
                detail: Some("1867 open file".to_owned()),
                asked: self.asked,
                ..Op::new(Verb::FileRead)
            };
            cx.operation(asker, op);
            return;
        }
        // Programs by their ending; parameters and the rest are files.
        let program = name.to_ascii_uppercase().ends_with(".PRG");
        for (carried, verbs, detail) in [
            (
                self.write,
                [Verb::FileWrite, Verb::ProgramDownload],
                "1869 write file",
            ),
            (
                self.read,
                [Verb::FileRead, Verb::ProgramUpload],
                "1868 read file",
            ),
        ] {
            let [file, whole] = verbs;
            let verb = if program { whole } else { file };
            if let Some(carried) = carried {
                let (name, detail) = (Some(name.clone()), Some(detail.to_owned()));
                carried.tell_as(cx, asker, verb, name, detail, None, ended);
            }
        }
    }
}

impl Tag {
    /// As observed: where name, handle and offset stand.
    fn read(message: &Message<'_>) -> Result<Tag, Malformed> {
        let mut r = Reader::new(message.data);
        let mut tag = Tag::default();
        match message.command {
            // Session, drive, length; open has six octets more. Then characters, two octets each.
            0x1867 | 0x185f => {
                r.skip(if message.command == 0x1867 { 12 } else { 6 })?;
                let length = usize::from(r.u16_le()?);
                let path = r.bytes(length.min(512))?;
                let plain: Vec<u8> = path.iter().copied().filter(|byte| *byte != 0).collect();
                tag.name = text(&plain, 128);
            }
            0x1868 | 0x1869 => {
                tag.handle = r.u16_le()?;
                tag.offset = r.u32_le()?;
            }
            0x186a => tag.handle = r.u16_le()?,
            _ => {}
        }
        Ok(tag)
    }
}

/// Commands whose meaning the captures show, or that SLMP shares.
const fn known(command: u16) -> Option<(&'static str, Verb)> {
    Some(match command {
        0x0114 => ("password", Verb::Authenticate),
        0x0121 => ("read type name", Verb::Identify),
        0x0410 | 0x0411 | 0x0413 => ("read", Verb::Read),
        0x1001 => ("remote run", Verb::Start),
        0x1002 => ("remote stop", Verb::Stop),
        0x1003 => ("remote pause", Verb::ModeChange),
        0x1005 => ("remote latch clear", Verb::Reset),
        0x1006 => ("remote reset", Verb::Reset),
        0x185f => ("look for file", Verb::FileRead),
        0x1867 => ("open file", Verb::FileRead),
        0x1868 => ("read file", Verb::FileRead),
        _ => return None,
    })
}
