//! What goes through the mailboxes of EtherCAT devices: objects, files, drive parameters.
use super::EtherCat;
use crate::protocols::asking::Carried;
use crate::reader::text;
use crate::{Cx, Malformed, Op, Outcome, Reader, Side, Verb};

/// Files under way at once.
const MOST_FILES: usize = 8;
/// The header of a mailbox message: length, address, channel, type.
const HEADER: usize = 6;

/// A file on its way into a device or out of it.
pub(super) struct File {
    station: u16,
    down: bool,
    name: Option<String>,
    carried: Carried<crate::Asked>,
    /// Content of the first piece; a shorter one is the last.
    full: Option<usize>,
}

impl EtherCat {
    /// A mailbox message for a station (`to`), or from it. Most data at such addresses is none: told by its own length and
    /// type.
    pub(super) fn mailbox(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        to: bool,
        data: &[u8],
    ) {
        let mut r = Reader::new(data);
        let mut read = || -> Result<(u8, Reader<'_>), Malformed> {
            let length = usize::from(r.u16_le()?);
            r.skip(3)?;
            let kind = r.u8()?;
            r.check(
                length >= 4 && length + HEADER <= data.len() && kind & 0x80 == 0,
                "mailbox",
            )?;
            Ok((kind & 0x0f, r.sub(length)?))
        };
        let Ok((kind, body)) = read() else { return };
        // Not understood is not malformed: buffers hold what they hold.
        let _ = match kind {
            3 => self.objects(cx, side, station, to, body),
            4 => self.files(cx, side, station, to, body),
            5 => self.drive(cx, side, station, to, body),
            _ => Ok(()),
        };
    }

    /// ETG.1000.6, 5.6: CAN application protocol over EtherCAT.
    fn objects(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        to: bool,
        mut r: Reader<'_>,
    ) -> Result<(), Malformed> {
        let service = r.u16_le()? >> 12;
        let command = r.u8()?;
        let (index, sub) = (r.u16_le()?, r.u8()?);
        match (service, to) {
            (2, true) => {
                let size = match command {
                    // Expedited: four octets less those unused; else the length follows.
                    _ if command & 0x02 != 0 => u64::from(4 - (command >> 2 & 3)),
                    _ => u64::from(r.u32_le().unwrap_or(0)),
                };
                let (verb, detail) = match command >> 5 {
                    1 => (Verb::ParameterChange, "SDO download"),
                    2 if matches!(index, 0x1008..=0x100a | 0x1018) => {
                        (Verb::Identify, "SDO upload")
                    }
                    2 => (Verb::Read, "SDO upload"),
                    // Segments belong to what began them; an abort by the master ends it.
                    _ => return Ok(()),
                };
                let whole = command & 0x10 != 0;
                let [low, high] = index.to_le_bytes();
                let [a, b] = station.to_le_bytes();
                let what = [a, b, low, high, sub, command];
                let tag = (index, sub);
                self.asks.ask(cx, side, station, tag, &what, || Op {
                    object: Some(if whole {
                        format!("station {station} object {index:04x}h")
                    } else {
                        format!("station {station} object {index:04x}h:{sub}")
                    }),
                    detail: Some(detail.to_owned()),
                    content_bytes: (verb == Verb::ParameterChange && size > 0).then_some(size),
                    ..Op::new(verb)
                });
            }
            // A refusal comes as a request of the device.
            (2 | 3, false) if command >> 5 == 4 => {
                let code = r.u32_le()?;
                if let Some(asked) = self.asks.take(cx, side.other(), station) {
                    let why = format!("aborted, code {code:08x}");
                    self.asks.refused(cx, asked, &why);
                }
            }
            (3, false) if matches!(command >> 5, 2 | 3) => {
                if let Some(asked) = self.asks.take(cx, side.other(), station) {
                    if asked.tag == (index, sub) {
                        self.asks.done(cx, asked);
                    } else {
                        self.asks.answered(cx, asked);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// ETG.1000.6, 5.8: file access.
    fn files(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        to: bool,
        mut r: Reader<'_>,
    ) -> Result<(), Malformed> {
        let operation = r.u8()?;
        r.skip(1)?;
        let number = r.u32_le()?;
        match operation {
            1 | 2 if to => {
                let down = operation == 2;
                if number != 0 {
                    cx.credential("password", None, false);
                }
                self.end_file(cx, side, station, None, false);
                if self.files.len() >= MOST_FILES {
                    let old = self.files.remove(0);
                    self.tell_file(cx, side, old, None, None, false);
                }
                self.files.push(File {
                    station,
                    down,
                    name: text(r.rest(), 64),
                    carried: Carried::here(cx),
                    full: None,
                });
            }
            3 => {
                let content = r.rest();
                let Some(file) = self
                    .files
                    .iter_mut()
                    .find(|file| file.station == station && file.down == to)
                else {
                    return Ok(());
                };
                // Packets are numbered from one.
                let place = u64::from(number).wrapping_sub(1);
                file.carried.piece(Some(place), 1, content);
                let full = *file.full.get_or_insert(content.len());
                let over = content.len() < full || content.is_empty();
                // The last piece of an upload ends it; a download is over when the device takes the last.
                if over && !to {
                    self.end_file(cx, side, station, Some(Outcome::Ok), true);
                } else if over {
                    file.full = Some(usize::MAX);
                }
            }
            4 if !to => {
                let over = self.files.iter().any(|file| {
                    file.station == station && file.down && file.full == Some(usize::MAX)
                });
                if over {
                    self.end_file(cx, side, station, Some(Outcome::Ok), true);
                }
            }
            5 => {
                if let Some(place) = self.files.iter().position(|file| file.station == station) {
                    let file = self.files.remove(place);
                    let why = match text(r.rest(), 64) {
                        Some(said) => format!("error {number:x}h, {said}"),
                        None => format!("error {number:x}h"),
                    };
                    self.tell_file(cx, side, file, Some(Outcome::Refused), Some(why), false);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_file(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        outcome: Option<Outcome>,
        ended: bool,
    ) {
        if let Some(place) = self.files.iter().position(|file| file.station == station) {
            let file = self.files.remove(place);
            self.tell_file(cx, side, file, outcome, None, ended);
        }
    }

    pub(super) fn tell_file(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        file: File,
        outcome: Option<Outcome>,
        why: Option<String>,
        ended: bool,
    ) {
        let name = file.name.as_deref().unwrap_or("file");
        let object = Some(format!("station {} {name}", file.station));
        // Files go into devices as firmware, as a rule: ETG.5003 has no other use for them.
        let (verb, detail) = if file.down {
            (Verb::FirmwareUpdate, "FoE write")
        } else {
            (Verb::FileRead, "FoE read")
        };
        let detail = match why {
            Some(why) => format!("{detail}, {why}"),
            None => detail.to_owned(),
        };
        let op = file.carried.op(verb, object, Some(detail), outcome, ended);
        self.tell(cx, side, op);
    }

    /// ETG.1000.6, 5.7: servo drives.
    fn drive(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        station: u16,
        to: bool,
        mut r: Reader<'_>,
    ) -> Result<(), Malformed> {
        let head = r.u8()?;
        let elements = r.u8()?;
        let number = r.u16_le()?;
        let (operation, error, drive) = (head & 7, head & 0x10 != 0, head >> 5);
        match (operation, to) {
            (1 | 3, true) => {
                let verb = if operation == 3 {
                    Verb::ParameterChange
                } else {
                    Verb::Read
                };
                let [a, b] = station.to_le_bytes();
                let [low, high] = number.to_le_bytes();
                let what = [a, b, low, high, head, elements];
                let bytes = r.left() as u64;
                self.asks
                    .ask(cx, side, station, (number, drive), &what, || Op {
                        object: Some(format!(
                            "station {station} drive {drive} {}-{}-{:04}",
                            if number & 0x8000 == 0 { 'S' } else { 'P' },
                            number >> 12 & 7,
                            number & 0x0fff
                        )),
                        detail: Some(
                            if verb == Verb::Read {
                                "SoE read"
                            } else {
                                "SoE write"
                            }
                            .to_owned(),
                        ),
                        content_bytes: (verb != Verb::Read && bytes > 0).then_some(bytes),
                        ..Op::new(verb)
                    });
            }
            (2 | 4, false) => {
                if let Some(asked) = self.asks.take(cx, side.other(), station) {
                    if error {
                        self.asks.refused(cx, asked, "error of the drive");
                    } else {
                        self.asks.done(cx, asked);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
