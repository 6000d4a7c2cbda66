//! Files that cross by DNP3: opened, carried block by block, closed; one operation each.
use super::app::{Fragment, function};
use crate::protocols::asking::{Asking, Carried, Doing};
use crate::reader::text;
use crate::{Cx, Malformed, Outcome, Reader, Side, Verb};

/// Files open at a time in one flow.
const MOST_OPEN: usize = 16;
/// Characters of a file name.
const MOST_NAME: usize = 200;

/// What a request has to do with a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Open,
    /// Block of an open file wanted, or given.
    Block(u32),
    Close(u32),
}

/// IEEE 1815, A.27.3: object 70, variation 3. Name, and whether it is opened to be read.
pub(super) fn command(content: &[u8]) -> Option<(Option<String>, u16)> {
    let mut r = Reader::new(content);
    let mut read = || -> Result<(usize, usize, u16), Malformed> {
        let (offset, size) = (r.u16_le()?, r.u16_le()?);
        // Time, permissions, authentication key, size.
        r.skip(6 + 2 + 4 + 4)?;
        Ok((usize::from(offset), usize::from(size), r.u16_le()?))
    };
    let (offset, size, mode) = read().ok()?;
    let name = content.get(offset..)?.get(..size)?;
    Some((text(name, MOST_NAME), mode))
}

/// A.27.2: object 70, variation 2. The user, and whether the password is empty.
pub(super) fn authentication(content: &[u8]) -> Option<(Option<String>, bool)> {
    let mut r = Reader::new(content);
    let (offset, size) = (r.u16_le().ok()?, r.u16_le().ok()?);
    let _password_offset = r.u16_le().ok()?;
    let password = r.u16_le().ok()?;
    let user = content
        .get(usize::from(offset)..)?
        .get(..usize::from(size))?;
    Some((text(user, MOST_NAME), password == 0))
}

/// The name in a request that names a file.
fn named(fragment: &Fragment<'_>) -> Option<(Option<String>, u16)> {
    let header = fragment.headers().find(|header| header.group == 70)?;
    let content = header.first()?;
    match header.variation {
        3 => command(content),
        7 => {
            let mut r = Reader::new(content);
            let (offset, size) = (r.u16_le().ok()?, r.u16_le().ok()?);
            let name = content
                .get(usize::from(offset)..)?
                .get(..usize::from(size))?;
            Some((text(name, MOST_NAME), 0))
        }
        8 => Some((text(content, MOST_NAME), 0)),
        _ => None,
    }
}

/// The handle in a request or an answer, and the rest behind it.
fn handle<'a>(fragment: &Fragment<'a>, variation: u8) -> Option<(u32, Reader<'a>)> {
    let header = fragment
        .headers()
        .find(|header| (header.group, header.variation) == (70, variation))?;
    let mut r = Reader::new(header.first()?);
    Some((r.u32_le().ok()?, r))
}

/// What a request does to files, in words if it is an operation of its own.
pub(super) fn request(
    fragment: &Fragment<'_>,
    station: u16,
) -> Option<(Option<Step>, Option<Doing>)> {
    let to = format!("outstation {station}");
    let object = |name: Option<String>| match name {
        Some(name) => Some(format!("{to} {name}")),
        None => Some(to.clone()),
    };
    Some(match fragment.function {
        function::OPEN_FILE => {
            let (name, mode) = named(fragment)?;
            let (verb, what) = match mode {
                2 => (Verb::FileWrite, "to be written"),
                3 => (Verb::FileWrite, "to be added to"),
                _ => (Verb::FileRead, "to be read"),
            };
            let detail = format!("function 25, open file, {what}");
            (
                Some(Step::Open),
                Some(Doing::new(verb, object(name), detail)),
            )
        }
        function::READ | function::WRITE => {
            let (handle, _) = handle(fragment, 5)?;
            (Some(Step::Block(handle)), None)
        }
        function::CLOSE_FILE | function::ABORT_FILE => {
            let (handle, _) = handle(fragment, 4)?;
            (Some(Step::Close(handle)), None)
        }
        function::DELETE_FILE => {
            let (name, _) = named(fragment)?;
            let detail = "function 27, delete file";
            (
                None,
                Some(Doing::new(Verb::FileDelete, object(name), detail)),
            )
        }
        function::GET_FILE_INFO => {
            let (name, _) = named(fragment)?;
            let detail = "function 28, get file information";
            (None, Some(Doing::new(Verb::FileRead, object(name), detail)))
        }
        _ => return None,
    })
}

/// IEEE 1815, A.27.4 and A.27.6: status of file operations.
const fn status(code: u8) -> &'static str {
    match code {
        1 => "permission denied",
        2 => "invalid mode",
        3 => "file not found",
        4 => "file locked",
        5 => "too many open files",
        6 => "invalid handle",
        7 => "block too large",
        8 => "communication lost",
        9 => "cannot be aborted",
        16 => "not opened",
        17 => "handle expired",
        18 => "buffer overrun",
        19 => "fatal error",
        20 => "block out of sequence",
        _ => "undefined status",
    }
}

/// Why an answer refuses a file operation, if it does.
pub(super) fn refusal(answer: &Fragment<'_>) -> Option<&'static str> {
    let code = match handle(answer, 4) {
        // Handle, size, block size, request, status.
        Some((_, mut r)) => {
            r.skip(4 + 2 + 2).ok()?;
            r.u8().ok()?
        }
        // Handle, block, status.
        None => {
            let (_, mut r) = handle(answer, 6)?;
            r.skip(4).ok()?;
            r.u8().ok()?
        }
    };
    (code != 0).then(|| status(code))
}

#[derive(Debug)]
struct Open {
    side: Side,
    station: u16,
    handle: u32,
    carried: Carried,
    /// Number of the next block.
    next: u32,
    ended: bool,
}

/// The files open in one flow.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: Vec<Open>,
}

impl Files {
    /// A file was opened, or refused to be.
    pub(super) fn opened(
        &mut self,
        cx: &mut Cx<'_>,
        station: u16,
        asking: Asking,
        answer: &Fragment<'_>,
    ) {
        let Some((handle, _)) = handle(answer, 4) else {
            Carried::new(asking, false).tell(cx, false, Some(Outcome::Ok), None);
            return;
        };
        self.close_late(cx, asking.side, station, handle);
        self.add(cx, station, handle, asking, true);
    }

    fn add(
        &mut self,
        cx: &mut Cx<'_>,
        station: u16,
        handle: u32,
        asking: Asking,
        from_start: bool,
    ) {
        if self.list.len() >= MOST_OPEN {
            let oldest = self.list.remove(0);
            oldest.carried.tell_late(cx, oldest.ended, None);
        }
        self.list.push(Open {
            side: asking.side,
            station,
            handle,
            carried: Carried::new(asking, from_start),
            next: 0,
            ended: false,
        });
    }

    fn place(&self, side: Side, station: u16, handle: u32) -> Option<usize> {
        let wanted = (side, station, handle);
        self.list
            .iter()
            .position(|open| (open.side, open.station, open.handle) == wanted)
    }

    fn close_late(&mut self, cx: &mut Cx<'_>, side: Side, station: u16, handle: u32) {
        if let Some(place) = self.place(side, station, handle) {
            let open = self.list.remove(place);
            open.carried.tell_late(cx, open.ended, None);
        }
    }

    /// A block of a file that `side` opened at `station`: in an answer to a read, or in a write.
    pub(super) fn block(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        fragment: &Fragment<'_>,
    ) {
        let Some((handle, mut r)) = handle(fragment, 5) else {
            return;
        };
        let Ok(number) = r.u32_le() else { return };
        if self.place(side, station, handle).is_none() {
            // Its opening was not captured.
            let verb = if fragment.is_answer() {
                Verb::FileRead
            } else {
                Verb::FileWrite
            };
            let object = Some(format!("outstation {station} file handle {handle}"));
            let doing = Doing::new(verb, object, "opening not seen");
            let asking = Asking::once(cx, side, doing);
            self.add(cx, station, handle, asking, false);
        }
        let Some(place) = self.place(side, station, handle) else {
            return;
        };
        let Some(open) = self.list.get_mut(place) else {
            return;
        };
        // The highest bit marks the last block.
        let (last, number) = (number & 0x8000_0000 != 0, number & 0x7fff_ffff);
        if number.checked_add(1) == Some(open.next) {
            return;
        }
        if number != open.next {
            open.carried.broke();
        }
        open.next = number.wrapping_add(1);
        open.carried.add(cx, r.rest());
        open.ended |= last;
    }

    /// A block was refused, or lost on its way.
    pub(super) fn broke(&mut self, side: Side, station: u16, handle: u32) {
        if let Some(place) = self.place(side, station, handle)
            && let Some(open) = self.list.get_mut(place)
        {
            open.carried.broke();
        }
    }

    pub(super) fn closed(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        handle: u32,
        why: Option<&str>,
    ) {
        if let Some(place) = self.place(side, station, handle) {
            let open = self.list.remove(place);
            open.carried.tell(cx, open.ended, Some(Outcome::Ok), why);
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self) {
        for open in &mut self.list {
            if !open.ended {
                open.carried.broke();
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The flow is over.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for open in std::mem::take(&mut self.list) {
            open.carried.tell_late(cx, open.ended, None);
        }
    }
}
