//! DNP3: what masters ask of outstations, over TCP and UDP.
//!
//! Spec: IEEE 1815-2012, 9 (data link), 8 (transport function), 4 (application layer), annex A (objects), 13 (IP).
//! Emits: one operation per request, answered or not; one per file read or written, with the hash of its content;
//! identity from addresses and device attributes; clear-text passwords of file access by user.
//! Blind to: the values read and written; what outstations report unasked; secure authentication beyond its outcome;
//! DNP3 in TLS.
//! Tried on: every capture of OpenDNP3, of Zeek, ICSNPP, Suricata and Digital Bond that the tests are given; the number of
//! requests by function equals tshark's.
mod app;
mod files;
mod link;
#[cfg(test)]
mod tests;
mod words;

use self::app::{Fragment, function};
use self::files::{Files, Step as FileStep};
use self::link::{Joined, Joining, Link};
use super::asking::{Asking, Doing, Known, fingerprint};
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Pending, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "dnp3",
    title: "DNP3",
    carriers: &[Carrier::Tcp(20000), Carrier::Udp(20000)],
    probe,
    open: || Box::new(Dnp3::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::SetClock,
        Verb::Authenticate,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
    ],
    about: "Requests of every function with their answers, by outstation and object; files with their names and hashes; \
            addresses and device attributes; passwords of file access (that they were given).",
    spec: "IEEE 1815-2012",
    blind: "the values read and written, what outstations report unasked, secure authentication beyond its outcome, DNP3 in TLS",
};

/// Requests that wait for their answers: one per station, and a gateway speaks for many.
const MOST_WAITING: usize = 64;
/// Stations of one flow whose addresses are told.
const MOST_STATIONS: usize = 64;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let link = Link::read(r)?;
        Ok(if link.is_of_master() {
            Sender::Client
        } else {
            Sender::Server
        })
    })
}

/// A request until its answer.
struct Request {
    function: u8,
    asking: Asking,
    file: Option<FileStep>,
}

/// Who asks (its side, its address, the outstation's address) under which number.
type Key = (Side, u16, u16, u8);

/// One connection, or what passes between two ports.
#[derive(Default)]
struct Dnp3 {
    joining: Joining,
    waiting: Pending<Key, Request, MOST_WAITING>,
    known: Known,
    files: Files,
    stations: Vec<(Side, u16)>,
    /// User data of the frame at hand.
    scratch: Vec<u8>,
    /// The request that was answered last: an answer may be repeated until it is confirmed.
    answered: Option<Key>,
    /// Something was lost: answers may come without their requests.
    lost: bool,
    /// The fragment at hand was put together from segments.
    joined: bool,
}

impl Dialogue for Dnp3 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let link = match Link::read(&mut r) {
            Ok(link) => link,
            Err(Malformed::Short) => return Step::Need(link::HEADER.max(bytes.len() + 1)),
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let size = link.size();
        let Some(blocks) = bytes.get(link::HEADER..size) else {
            return Step::Need(size);
        };
        self.station(cx, side, &link);
        if link.has_user_data() {
            let mut data = std::mem::take(&mut self.scratch);
            match link.user_data(blocks, &mut data) {
                Some(()) => self.segment(cx, side, &link, &data),
                None => {
                    self.lost = true;
                    cx.oddity("dnp3.checksum", side, None);
                }
            }
            self.scratch = data;
        }
        Step::Took(size)
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        self.known.gap();
        self.joining.gap(side);
        self.files.gap();
        self.lost = true;
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Request> = self.waiting.drain().collect();
        for request in waiting {
            self.not_answered(cx, request);
        }
        self.files.close(cx);
    }

    fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.files.is_empty()
    }
}

impl Dnp3 {
    /// Whoever speaks tells its address with every frame.
    fn station(&mut self, cx: &mut Cx<'_>, side: Side, link: &Link) {
        let station = (side, link.from);
        if self.stations.contains(&station) || self.stations.len() >= MOST_STATIONS {
            return;
        }
        self.stations.push(station);
        let what = if link.is_of_master() {
            "master"
        } else {
            "outstation"
        };
        cx.identity(side, "role", format!("DNP3 {what} {}", link.from));
    }

    fn segment(&mut self, cx: &mut Cx<'_>, side: Side, link: &Link, data: &[u8]) {
        let Some((head, data)) = data.split_first() else {
            return;
        };
        // FIN and FIR: a fragment of one segment is read where it lies.
        if head & 0xc0 == 0xc0 {
            self.fragment(cx, side, link, data);
            return;
        }
        match self.joining.add((side, link.from, link.to), *head, data) {
            Joined::Whole(whole) => {
                self.joined = true;
                self.fragment(cx, side, link, &whole);
                self.joined = false;
            }
            Joined::More => {}
            Joined::Lost if cx.flow.midstream || self.lost => {}
            Joined::Lost => cx.oddity("dnp3.segment_out_of_order", side, None),
        }
    }

    fn fragment(&mut self, cx: &mut Cx<'_>, side: Side, link: &Link, bytes: &[u8]) {
        match Fragment::read(&mut Reader::new(bytes)) {
            Ok(fragment) if fragment.is_answer() => self.answer(cx, side, link, &fragment),
            Ok(fragment) => self.ask(cx, side, link, &fragment, bytes),
            Err(error) => {
                // The frame around it was whole: only this fragment is lost.
                let what = match error {
                    Malformed::Bad(what) => what,
                    Malformed::Short => "length",
                };
                cx.oddity("dnp3.malformed", side, Some(what.to_owned()));
            }
        }
    }

    fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        link: &Link,
        fragment: &Fragment<'_>,
        bytes: &[u8],
    ) {
        if fragment.function == function::CONFIRM {
            return;
        }
        if fragment.function == function::AUTHENTICATE_FILE {
            let content = fragment.headers().next().and_then(|header| header.first());
            if let Some((user, empty)) = content.and_then(files::authentication) {
                cx.credential("password", user, empty);
            }
        }
        let (file, doing) = files::request(fragment, link.to).unwrap_or_default();
        let asking = match (&file, doing) {
            (_, Some(doing)) => self.known.once(cx, side, doing),
            (Some(_), None) => self
                .known
                .once(cx, side, Doing::new(Verb::FileRead, None, "")),
            (None, None) => {
                // All but the number that counts up, for this station.
                let asked = bytes.get(1..).unwrap_or_default();
                let same = fingerprint([&link.to.to_le_bytes(), asked]);
                self.known.ask(cx, side, same, || {
                    words::doing(fragment, link.to, link.is_broadcast())
                })
            }
        };
        if link.is_broadcast() || words::is_one_way(fragment.function) {
            self.known.tell(cx, asking, None, None);
            return;
        }
        if let (Some(FileStep::Block(_)), function::WRITE) = (&file, fragment.function) {
            self.files.block(cx, side, link.to, fragment);
        }
        let key = (side, link.from, link.to, fragment.sequence);
        // An answer to a challenge goes under the number of what was challenged, which still waits.
        if fragment.function != function::AUTHENTICATE {
            while let Some(lost) = self.waiting.take(&key) {
                self.not_answered(cx, lost);
            }
        }
        let request = Request {
            function: fragment.function,
            asking,
            file,
        };
        if let Some(lost) = self.waiting.put(key, request) {
            self.not_answered(cx, lost);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, link: &Link, answer: &Fragment<'_>) {
        if answer.function == function::UNSOLICITED {
            return;
        }
        identify(cx, side, answer);
        let challenged = answer.function == function::AUTHENTICATE_RESPONSE;
        if challenged && !words::is_authentication_error(answer) {
            // The outstation wants to know who asks before it acts.
            return;
        }
        let key = (side.other(), link.to, link.from, answer.sequence);
        let mut found = false;
        while let Some(request) = self.waiting.take(&key) {
            found = true;
            self.answered(cx, link.from, request, answer);
        }
        let repeated = self.answered == Some(key);
        // What was put together cannot be put together once more.
        if !found && !repeated && !self.joined && cx.comes_early() {
            return;
        }
        if found {
            self.answered = Some(key);
        }
        // Of a message in several fragments, the first takes the request.
        if !found && !repeated && answer.first && !cx.flow.midstream && !self.lost && !cx.flow.udp {
            cx.oddity("dnp3.answer_without_request", side, None);
        }
    }

    fn answered(&mut self, cx: &mut Cx<'_>, station: u16, request: Request, answer: &Fragment<'_>) {
        let Request {
            function,
            asking,
            file,
        } = request;
        let refused = if words::is_authentication_error(answer) {
            Some("authentication failed")
        } else {
            words::refusal(answer, function)
        };
        let side = asking.side;
        let refused = refused.or_else(|| {
            let of_files = file.is_some() || function == function::DELETE_FILE;
            of_files.then(|| files::refusal(answer)).flatten()
        });
        match (file, refused) {
            (Some(FileStep::Open) | None, Some(why)) => {
                self.known
                    .tell(cx, asking, Some(Outcome::Refused), Some(why));
            }
            (None, None) => self.known.tell(cx, asking, Some(Outcome::Ok), None),
            (Some(FileStep::Open), None) => self.files.opened(cx, station, asking, answer),
            (Some(FileStep::Block(handle)), Some(_)) => self.files.broke(side, station, handle),
            (Some(FileStep::Block(_)), None) => {
                if function == function::READ {
                    self.files.block(cx, side, station, answer);
                }
            }
            (Some(FileStep::Close(handle)), why) => {
                let why = match (function, why) {
                    (function::ABORT_FILE, None) => Some("aborted"),
                    (_, why) => why,
                };
                self.files.closed(cx, side, station, handle, why);
            }
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, request: Request) {
        match request.file {
            // Told with the file that they belong to.
            Some(FileStep::Block(_) | FileStep::Close(_)) => {}
            Some(FileStep::Open) | None => self.known.lost(cx, request.asking),
        }
    }
}

/// Device attributes (group 0) name the device.
fn identify(cx: &mut Cx<'_>, side: Side, answer: &Fragment<'_>) {
    for header in answer.headers().take_while(|header| header.group == 0) {
        let (Some(attribute), Some(content)) = (words::attribute(header.variation), header.first())
        else {
            continue;
        };
        // Type 1 is a visible string.
        if let [1, _, value @ ..] = content
            && let Some(value) = text(value, 100)
        {
            cx.identity(side, attribute, value);
        }
    }
}
