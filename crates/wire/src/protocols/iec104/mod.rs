//! IEC 60870-5-104: what a controlling station asks of controlled ones.
//!
//! Spec: IEC 60870-5-104:2006, 5 (frames), 7 to 9 (selection of types); IEC 60870-5-101:2003, 7 (service data units);
//! IEC 60870-5-5, 6 (application functions).
//! Emits: one operation per command, with its confirmation or refusal; one per file read or written, with the hash of its
//! content; the stations by common address.
//! Blind to: the values reported and set; events that stations report; private types; IEC 62351-3 (TLS) and -5.
//! Tried on: every capture that the tests are given; the number of requests by type equals tshark's.
mod asdu;
mod files;
#[cfg(test)]
mod tests;

use self::asdu::{Asdu, Control, cause};
use self::files::Files;
use super::asking::{Asking, Doing, Known, fingerprint};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Pending, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "iec104",
    title: "IEC 60870-5-104",
    carriers: &[Carrier::Tcp(2404)],
    probe,
    open: || Box::new(Iec104::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::Reset,
        Verb::ParameterChange,
        Verb::SetClock,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
    ],
    about: "Commands, set-points, interrogations, parameters, clock, reset and test with their confirmations, by common \
            address and object; files with their hashes; who is which station.",
    spec: "IEC 60870-5-104:2006; IEC 60870-5-101:2003",
    blind: "the values reported and set, events that stations report, private types, IEC 62351 (TLS, authentication)",
};

/// Commands that wait for their confirmation.
const MOST_WAITING: usize = 64;
/// Stations of one flow whose addresses are told.
const MOST_STATIONS: usize = 64;

/// Start, stop and test are told by six octets that fit, at any port. Data says little of itself and needs the port, and
/// what follows a frame must be one too: a start octet alone is common elsewhere.
fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let shown = r.peek();
        let (control, size) = asdu::apci(r)?;
        let after = shown.get(size..);
        let chained = after.is_none_or(|after| matches!(after, [] | [0x68, ..]));
        r.check(chained, "what follows")?;
        let here = head.on(2404);
        match control {
            // Each of start, stop and test has its confirmation.
            Control::Unnumbered(0x07 | 0x13) => Ok(Sender::Client),
            Control::Unnumbered(0x0b | 0x23) => Ok(Sender::Server),
            Control::Unnumbered(_) => Ok(Sender::Unknown),
            Control::Supervisory if here => Ok(Sender::Unknown),
            Control::Information { .. } if here => {
                let mut content = r.sub(size - asdu::APCI)?;
                let asdu = match Asdu::read(&mut content) {
                    Err(Malformed::Short) => return Err(Malformed::Bad("content")),
                    read => read?,
                };
                r.check(asdu.kind <= 127, "type")?;
                Ok(match asdu.is_asked() {
                    Some(true) => Sender::Client,
                    Some(false) => Sender::Server,
                    None => Sender::Unknown,
                })
            }
            _ => Err(Malformed::Bad("port")),
        }
    })
}

/// Type, common address, object, and whether it is the deactivation.
type Key = (Side, u8, u16, u32, bool);

/// One connection.
#[derive(Default)]
struct Iec104 {
    waiting: Pending<Key, Asking, MOST_WAITING>,
    known: Known,
    files: Files,
    stations: Vec<u16>,
    /// Number of the next information frame, by side.
    next: [Option<u16>; 2],
    /// Every station was asked at once: more than one confirms.
    asked_every: bool,
    /// Something was lost: confirmations may come without their requests.
    lost: bool,
}

impl Dialogue for Iec104 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (control, size) = match asdu::apci(&mut Reader::new(bytes)) {
            Ok(read) => read,
            Err(Malformed::Short) => return Step::Need(asdu::APCI.max(bytes.len() + 1)),
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let Some(content) = bytes.get(asdu::APCI..size) else {
            return Step::Need(size);
        };
        if let Control::Information { sent } = control {
            self.number(cx, side, sent);
            if let Err(error) = self.unit(cx, side, content) {
                let what = match error {
                    Malformed::Bad(what) => what,
                    Malformed::Short => "length",
                };
                cx.oddity("iec104.malformed", side, Some(what.to_owned()));
            }
        }
        Step::Took(size)
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        self.known.gap();
        self.next = [None, None];
        self.files.gap();
        self.lost = true;
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Asking> = self.waiting.drain().collect();
        for asking in waiting {
            self.known.lost(cx, asking);
        }
        self.files.close(cx);
    }

    fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.files.is_empty()
    }
}

impl Iec104 {
    /// Information frames are numbered without holes (IEC 60870-5-104, 5.1).
    fn number(&mut self, cx: &mut Cx<'_>, side: Side, sent: u16) {
        let [client, server] = &mut self.next;
        let next = match side {
            Side::Client => client,
            Side::Server => server,
        };
        if let Some(wanted) = *next
            && wanted != sent
        {
            cx.oddity("iec104.sequence", side, None);
        }
        *next = Some((sent + 1) & 0x7fff);
    }

    fn unit(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) -> Result<(), Malformed> {
        let asdu = Asdu::read(&mut Reader::new(content))?;
        if asdu.is_monitoring() {
            self.station(cx, side, asdu.station);
            if asdu.cause == cause::REQUEST {
                // What a read asked for.
                self.answered(cx, side, 102, &asdu, None);
            }
            return Ok(());
        }
        if (120..=126).contains(&asdu.kind) {
            return self.file(cx, side, &asdu, content);
        }
        match asdu.cause {
            cause::ACTIVATION | cause::DEACTIVATION | cause::REQUEST => {
                self.ask(cx, side, &asdu, content);
            }
            cause::ACTIVATION_CONFIRMED | cause::DEACTIVATION_CONFIRMED => {
                self.station(cx, side, asdu.station);
                let why = asdu.negative.then_some("negative confirmation");
                self.answered(cx, side, asdu.kind, &asdu, why);
            }
            cause::UNKNOWN_TYPE..=cause::UNKNOWN_OBJECT => {
                let why = match asdu.cause {
                    44 => "unknown type",
                    45 => "unknown cause",
                    46 => "unknown common address",
                    _ => "unknown object",
                };
                self.answered(cx, side, asdu.kind, &asdu, Some(why));
            }
            // The end of what was confirmed; some stations confirm with it alone.
            cause::TERMINATION => {
                let key = (side.other(), asdu.kind, asdu.station, asdu.object, false);
                if let Some(asking) = self.waiting.take(&key) {
                    let outcome = if asdu.negative {
                        Outcome::Refused
                    } else {
                        Outcome::Ok
                    };
                    self.known.tell(cx, asking, Some(outcome), None);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn station(&mut self, cx: &mut Cx<'_>, side: Side, station: u16) {
        if self.stations.contains(&station) || self.stations.len() >= MOST_STATIONS {
            return;
        }
        self.stations.push(station);
        let role = format!("IEC 104 station with common address {station}");
        cx.identity(side, "role", role);
    }

    fn doing(asdu: &Asdu<'_>) -> Option<Doing> {
        let (verb, name) = asdu.asks()?;
        let mut detail = format!("type {} {name}", asdu.kind);
        if asdu.cause == cause::DEACTIVATION {
            detail.push_str(", cancelled");
        } else if let Some(qualifier) = asdu.qualifier() {
            detail.push_str(", ");
            detail.push_str(&qualifier);
        }
        Some(Doing::new(verb, Some(asdu.name()), detail))
    }

    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, asdu: &Asdu<'_>, content: &[u8]) {
        let Some((verb, _)) = asdu.asks() else {
            let detail = format!("type {}", asdu.kind);
            cx.oddity("iec104.unknown_command", side, Some(detail));
            return;
        };
        let doing = || Self::doing(asdu).unwrap_or_else(|| Doing::new(verb, None, ""));
        let asking = if verb.is_cyclic() {
            self.known.ask(cx, side, fingerprint([content]), doing)
        } else {
            self.known.once(cx, side, doing())
        };
        self.asked_every |= asdu.station == asdu::EVERY;
        let cancels = asdu.cause == cause::DEACTIVATION;
        let key = (side, asdu.kind, asdu.station, asdu.object, cancels);
        if let Some(lost) = self.waiting.put(key, asking) {
            self.known.lost(cx, lost);
        }
    }

    /// `side` confirms or refuses a request of type `kind`.
    fn answered(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        kind: u8,
        asdu: &Asdu<'_>,
        why: Option<&str>,
    ) {
        let cancels = asdu.cause == cause::DEACTIVATION_CONFIRMED;
        let asker = side.other();
        let mut asked = None;
        for station in [asdu.station, asdu::EVERY] {
            // One that does not know the request does not say which of the two it was.
            for cancels in [cancels, cancels || asdu.cause >= cause::UNKNOWN_TYPE] {
                let key = (asker, kind, station, asdu.object, cancels);
                asked = asked.or_else(|| self.waiting.take(&key));
            }
        }
        let outcome = if why.is_some() {
            Outcome::Refused
        } else {
            Outcome::Ok
        };
        if let Some(asking) = asked {
            self.known.tell(cx, asking, Some(outcome), why);
            return;
        }
        if kind == 102 || self.asked_every {
            return;
        }
        if !cx.flow.midstream && !self.lost && cx.flow.end(asker).seen {
            cx.oddity("iec104.confirmation_without_request", side, None);
            return;
        }
        // The request was not captured: its confirmation repeats it.
        if let Some(doing) = Self::doing(asdu) {
            let asking = self.known.once(cx, asker, doing);
            self.known.tell(cx, asking, Some(outcome), why);
        }
    }

    fn file(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        asdu: &Asdu<'_>,
        content: &[u8],
    ) -> Result<(), Malformed> {
        // Type 122 with cause 5 asks for the directory, type 126 is one.
        match (asdu.kind, asdu.cause) {
            (122, cause::REQUEST) => {
                let asking = self.known.ask(cx, side, fingerprint([content]), || {
                    let detail = "type 122 F_SC_NA_1, directory called";
                    Doing::new(Verb::Read, Some(asdu.name()), detail)
                });
                let key = (side, 122, asdu.station, asdu.object, false);
                if let Some(lost) = self.waiting.put(key, asking) {
                    self.known.lost(cx, lost);
                }
                Ok(())
            }
            (126, _) => {
                let key = (side.other(), 122, asdu.station, asdu.object, false);
                if let Some(asking) = self.waiting.take(&key) {
                    self.known.tell(cx, asking, Some(Outcome::Ok), None);
                }
                Ok(())
            }
            _ => self.files.read(cx, side, asdu),
        }
    }
}
