//! EtherCAT: what a master makes its devices do, by the frames that come back to it.
//!
//! A frame runs through all devices and returns with what they read out, with counters of how many took part, and with the
//! second bit of its source address set by the first of them. So the way back holds the way out as well: operations are told
//! there, with the outcome that the working counter shows.
//!
//! Spec: ETG.1000.4 (frames, datagrams, registers), ETG.1000.6 (mailbox: objects, files, drives).
//! Emits: process data exchanged, by address; states requested of devices; parameters, files and drive parameters through the
//! mailbox; station addresses, EEPROM and resets; counters lower than they were.
//! Blind to: masters whose returning frames the capture lacks; Ethernet inside EtherCAT; mailboxes addressed by position; which
//! device hides behind a station number; sync manager and FMMU registers.
//! Tried on: `ControlThings-io__ct-samples__EtherCAT.pcap`; SDO requests and datagrams agree with tshark.
mod mailbox;
#[cfg(test)]
mod tests;

use facts::{Address, Mac};

use self::mailbox::File;
use super::asking::Asks;
use crate::{
    Carrier, Cx, Decoder, Dialogue, End, Head, Malformed, Memo, Op, Outcome, Probe, Reader, Sender,
    Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "ethercat",
    title: "EtherCAT",
    carriers: &[Carrier::EtherType(0x88a4), Carrier::Udp(34980)],
    probe,
    open: || Box::new(EtherCat::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ModeChange,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::Reset,
        Verb::FirmwareUpdate,
        Verb::FileRead,
        Verb::Identify,
    ],
    about: "Process data by address, states requested, objects (CoE), files (FoE) and drive parameters (SoE) through mailboxes, station addresses, EEPROM and resets, from the frames that return to the master; working counters that fall.",
    spec: "ETG.1000.4; ETG.1000.6",
    blind: "frames that do not return, Ethernet over EtherCAT, mailboxes addressed by position, registers of sync managers",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Ranges of process data whose working counter is known.
const MOST_RANGES: usize = 64;
/// Datagrams read of a frame.
const MOST_DATAGRAMS: usize = 128;
/// ETG.1000.4, table 31: memory begins behind the registers; mailboxes lie there.
const MEMORY: u16 = 0x1000;

fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let header = r.u16_le()?;
        let length = usize::from(header & 0x07ff);
        r.check(header >> 12 == 1 && length == r.left(), "header")?;
        let mut datagrams = *r;
        loop {
            let datagram = Datagram::read(&mut datagrams)?;
            if !datagram.more {
                break;
            }
        }
        r.check(datagrams.is_empty(), "datagrams")?;
        Ok(if head.to == 34980 {
            Sender::Client
        } else {
            Sender::Unknown
        })
    })
}

/// ETG.1000.4, 5.4.
struct Datagram<'a> {
    command: u8,
    address: u32,
    data: &'a [u8],
    more: bool,
    counter: u16,
}

impl<'a> Datagram<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Datagram<'a>, Malformed> {
        let command = r.u8()?;
        r.check(command <= 14, "command")?;
        r.skip(1)?;
        let address = r.u32_le()?;
        let length = r.u16_le()?;
        r.skip(2)?;
        Ok(Datagram {
            command,
            address,
            data: r.bytes(usize::from(length & 0x07ff))?,
            more: length & 0x8000 != 0,
            counter: r.u16_le()?,
        })
    }

    const fn is_logical(&self) -> bool {
        matches!(self.command, 10..=12)
    }

    const fn writes(&self) -> bool {
        matches!(self.command, 2 | 3 | 5 | 6 | 8 | 9 | 11 | 12)
    }

    /// Station or position, and the register.
    const fn place(&self) -> (u16, u16) {
        ((self.address & 0xffff) as u16, (self.address >> 16) as u16)
    }

    fn target(&self) -> String {
        let (station, _) = self.place();
        match self.command {
            // By position: each device on the way adds one, so that what returns no longer says which was meant.
            1..=3 | 13 => "a device by position".to_owned(),
            7..=9 => "all devices".to_owned(),
            _ => format!("station {station}"),
        }
    }
}

/// The datagrams of a frame, until one says that it is the last.
fn datagrams(mut r: Reader<'_>) -> impl Iterator<Item = Result<Datagram<'_>, Malformed>> {
    let mut more = true;
    std::iter::from_fn(move || {
        if !std::mem::replace(&mut more, false) {
            return None;
        }
        let datagram = Datagram::read(&mut r);
        more = datagram.as_ref().is_ok_and(|datagram| datagram.more);
        Some(datagram)
    })
    .take(MOST_DATAGRAMS)
}

#[derive(Default)]
struct EtherCat {
    asks: Asks<u16, (u16, u8), MOST_WAITING>,
    known: Memo,
    files: Vec<File>,
    /// Address, length and counter of process data.
    ranges: Vec<(u32, usize, u16)>,
    /// Frames without a counter came from the same address: the bit in it is the master's own.
    locally_administered: bool,
}

impl Dialogue for EtherCat {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let Ok(header) = r.u16_le() else {
            return Step::Bad("header");
        };
        // Network variables and the mailbox gateway are other matters.
        if header >> 12 != 1 {
            return Step::Took(bytes.len());
        }
        let Ok(r) = r.sub(usize::from(header & 0x07ff)) else {
            return Step::Bad("length");
        };
        // Read twice, so that nothing of a frame is kept: whether it returns, and then what it says.
        match datagrams(r).try_fold(false, |counted, datagram| {
            datagram.map(|datagram| counted || datagram.counter != 0)
        }) {
            Err(_) => return Step::Bad("datagram"),
            Ok(false) => {
                self.locally_administered = true;
                return Step::Took(bytes.len());
            }
            Ok(true) => {}
        }
        let master = self.master(cx, side);
        self.asks.asks_for(master);
        for datagram in datagrams(r).flatten() {
            self.datagram(cx, side, &datagram);
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
        for file in std::mem::take(&mut self.files) {
            self.tell_file(cx, Side::Client, file, None, None, false);
        }
    }
}

impl EtherCat {
    /// The master under its own address: without the bit that the first device set.
    fn master(&self, cx: &Cx<'_>, side: Side) -> End {
        let mut end = *cx.flow.end(side);
        if let (Address::Mac(Mac([first, rest @ ..])), false) =
            (end.address, self.locally_administered)
        {
            let [b, c, d, e, f] = rest;
            let own = Mac([first & !2, b, c, d, e, f]);
            end.address = Address::Mac(own);
            end.mac = Some(own);
        }
        end
    }

    fn tell(&mut self, cx: &mut Cx<'_>, side: Side, op: Op) -> Option<crate::OpId> {
        let from = self.master(cx, side);
        let to = *cx.flow.end(side.other());
        cx.operation_between(&from, &to, op)
    }

    fn datagram(&mut self, cx: &mut Cx<'_>, side: Side, datagram: &Datagram<'_>) {
        if datagram.is_logical() {
            self.process_data(cx, side, datagram);
            return;
        }
        let (station, register) = datagram.place();
        if datagram.counter == 0 {
            // Positions are tried until none answers, and mailboxes may be empty; a register of a station must answer.
            if matches!(datagram.command, 4..=6) && register < MEMORY {
                cx.oddity("ethercat.no_answer", side, Some(datagram.target()));
            }
            return;
        }
        if register >= MEMORY {
            match datagram.command {
                4 => self.mailbox(cx, side, station, false, datagram.data),
                5 => self.mailbox(cx, side, station, true, datagram.data),
                _ => {}
            }
            return;
        }
        if datagram.writes()
            && let Some((verb, detail)) = register_write(register, datagram.data)
        {
            let op = Op {
                object: Some(datagram.target()),
                detail: Some(detail),
                outcome: Some(Outcome::Ok),
                ..Op::new(verb)
            };
            self.tell(cx, side, op);
        }
    }

    fn process_data(&mut self, cx: &mut Cx<'_>, side: Side, datagram: &Datagram<'_>) {
        let (address, length) = (datagram.address, datagram.data.len());
        let room = self.ranges.len() < MOST_RANGES;
        let known = self
            .ranges
            .iter_mut()
            .find(|known| (known.0, known.1) == (address, length));
        match known {
            Some(known) if datagram.counter < known.2 => {
                let detail = format!(
                    "process data {address:x}h: {} instead of {}",
                    datagram.counter, known.2
                );
                cx.oddity("ethercat.working_counter_fell", side, Some(detail));
            }
            Some(known) => known.2 = datagram.counter,
            None if room => {
                self.ranges.push((address, length, datagram.counter));
            }
            None => {}
        }
        if datagram.counter == 0 {
            return;
        }
        let mut what = [0; 16];
        let [a, b, c, d] = address.to_le_bytes();
        let parts = [datagram.command, a, b, c, d]
            .into_iter()
            .chain(length.to_le_bytes());
        for (place, byte) in what.iter_mut().zip(parts) {
            *place = byte;
        }
        let fingerprint = Memo::fingerprint(&what);
        if let Some(id) = self.known.get(fingerprint)
            && cx.again(id, cx.at.now)
        {
            return;
        }
        let (verb, detail) = match datagram.command {
            10 => (Verb::Read, "LRD"),
            11 => (Verb::Write, "LWR"),
            _ => (Verb::Write, "LRW"),
        };
        let op = Op {
            object: Some(format!("process data {address:x}h, {length} octets")),
            detail: Some(detail.to_owned()),
            outcome: Some(Outcome::Ok),
            ..Op::new(verb)
        };
        let id = self.tell(cx, side, op);
        self.known.put(fingerprint, id);
    }
}

/// ETG.1000.4, 6: registers whose writing changes what a device is or does.
fn register_write(register: u16, data: &[u8]) -> Option<(Verb, String)> {
    Some(match (register, data) {
        (0x0010, [low, high, ..]) => {
            let address = u16::from_le_bytes([*low, *high]);
            (Verb::Configure, format!("station address {address}"))
        }
        (0x0040 | 0x0041, [b'R' | b'E' | b'S', ..]) => (Verb::Reset, "reset register".to_owned()),
        (0x0120, [state, ..]) => {
            let name = match state & 0x0f {
                1 => "init",
                2 => "pre-operational",
                3 => "bootstrap",
                4 => "safe-operational",
                8 => "operational",
                _ => "invalid state",
            };
            let acknowledged = if state & 0x10 != 0 {
                ", error acknowledged"
            } else {
                ""
            };
            (
                Verb::ModeChange,
                format!("state {name} requested{acknowledged}"),
            )
        }
        // EEPROM control: bits 8 to 10 are the command, the address follows.
        (0x0502, [_, command, a, b, ..]) if command & 7 == 2 => {
            let word = u16::from_le_bytes([*a, *b]);
            (Verb::Configure, format!("EEPROM word {word:x}h written"))
        }
        _ => return None,
    })
}
