//! Files that cross by IEC 60870-5-104: selected or announced, carried in segments, acknowledged; one operation each.
//!
//! Spec: IEC 60870-5-5, 6.12; IEC 60870-5-101, 7.3.6 (types 120 to 126).
use super::asdu::Asdu;
use crate::protocols::asking::{Asking, Carried, Doing};
use crate::{Cx, Malformed, Outcome, Reader, Side, Verb};

/// Files under way in one flow.
const MOST: usize = 8;

/// Station, object, name of file.
type Name = (u16, u32, u16);

#[derive(Debug)]
struct Transfer {
    name: Name,
    /// The side that sends the content.
    from: Side,
    carried: Carried,
    /// Octets that were announced.
    length: Option<u64>,
    /// The last segment was seen.
    ended: bool,
    /// The other side reacted.
    answered: bool,
}

impl Transfer {
    fn is_whole(&self) -> bool {
        self.ended && self.length == Some(self.carried.bytes())
    }

    fn tell(self, cx: &mut Cx<'_>, outcome: Option<Outcome>, why: Option<&str>) {
        let whole = self.is_whole();
        self.carried.tell(cx, whole, outcome, why);
    }

    fn tell_late(self, cx: &mut Cx<'_>) {
        let outcome = if self.answered {
            None
        } else {
            cx.unanswered(self.carried.asking.side.other())
        };
        let whole = self.is_whole();
        self.carried.tell_late(cx, whole, outcome);
    }
}

/// The transfers of one flow.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: Vec<Transfer>,
}

fn called((station, object, file): Name) -> String {
    format!("CA {station} IOA {object} file {file}")
}

impl Files {
    /// Types 120 to 126.
    pub(super) fn read(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        asdu: &Asdu<'_>,
    ) -> Result<(), Malformed> {
        let mut r = Reader::new(asdu.elements);
        let name = (asdu.station, asdu.object, r.u16_le()?);
        match asdu.kind {
            // File ready: announces the length, and may refuse.
            120 => {
                let [low, middle, high] = r.array()?;
                let length = u64::from(u32::from_le_bytes([low, middle, high, 0]));
                let refused = r.u8()? & 0x80 != 0;
                self.ready(cx, side, name, length, refused);
            }
            // Section ready.
            121 => self.react(name, side),
            122 => {
                let _section = r.u8()?;
                self.call(cx, side, name, r.u8()? & 0x0f);
            }
            // Last section or segment: 1 and 2 end the file, 2 and 4 with an abort.
            123 => {
                let _section = r.u8()?;
                let last = r.u8()?;
                if let Some(transfer) = self.find(name, Some(side)) {
                    transfer.ended |= matches!(last, 1 | 2);
                    if matches!(last, 2 | 4) {
                        transfer.carried.broke();
                    }
                }
            }
            // Acknowledgement: 1 and 2 of the file.
            124 => {
                let _section = r.u8()?;
                let ended = match r.u8()? & 0x0f {
                    1 => (Some(Outcome::Ok), None),
                    2 => (Some(Outcome::Refused), Some("file not acknowledged")),
                    _ => return Ok(()),
                };
                if let Some(transfer) = self.take(name) {
                    transfer.tell(cx, ended.0, ended.1);
                }
            }
            125 => {
                let _section = r.u8()?;
                let length = usize::from(r.u8()?);
                let segment = r.bytes(length)?;
                if self.find(name, Some(side)).is_none() {
                    // Its begin was not captured.
                    self.begin(cx, side, name, None, "begin not seen");
                }
                if let Some(transfer) = self.find(name, Some(side)) {
                    transfer.answered = true;
                    transfer.carried.add(cx, segment);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn find(&mut self, name: Name, from: Option<Side>) -> Option<&mut Transfer> {
        self.list
            .iter_mut()
            .find(|known| known.name == name && from.is_none_or(|from| known.from == from))
    }

    fn take(&mut self, name: Name) -> Option<Transfer> {
        let place = self.list.iter().position(|known| known.name == name)?;
        Some(self.list.remove(place))
    }

    fn react(&mut self, name: Name, side: Side) {
        if let Some(transfer) = self.find(name, None)
            && transfer.carried.asking.side != side
        {
            transfer.answered = true;
        }
    }

    /// A transfer of content from `from`; the controlling station asked for it either way.
    fn begin(&mut self, cx: &mut Cx<'_>, from: Side, name: Name, length: Option<u64>, how: &str) {
        if let Some(before) = self.take(name) {
            before.tell_late(cx);
        }
        if self.list.len() >= MOST {
            self.list.remove(0).tell_late(cx);
        }
        let verb = match from {
            Side::Server => Verb::FileRead,
            Side::Client => Verb::FileWrite,
        };
        let doing = Doing::new(verb, Some(called(name)), how);
        let asking = Asking::once(cx, Side::Client, doing);
        self.list.push(Transfer {
            name,
            from,
            carried: Carried::new(asking, true),
            length,
            ended: false,
            answered: false,
        });
    }

    fn ready(&mut self, cx: &mut Cx<'_>, side: Side, name: Name, length: u64, refused: bool) {
        if side == Side::Client {
            self.begin(
                cx,
                side,
                name,
                Some(length),
                "type 120 F_FR_NA_1, file given",
            );
            return;
        }
        if refused {
            if let Some(transfer) = self.take(name) {
                transfer.tell(cx, Some(Outcome::Refused), Some("file not ready"));
            }
            return;
        }
        if let Some(transfer) = self.find(name, Some(Side::Server)) {
            transfer.length = Some(length);
            transfer.answered = true;
        }
    }

    /// Type 122: select, call, delete.
    fn call(&mut self, cx: &mut Cx<'_>, side: Side, name: Name, what: u8) {
        match (side, what) {
            (Side::Client, 1) => {
                self.begin(
                    cx,
                    Side::Server,
                    name,
                    None,
                    "type 122 F_SC_NA_1, file selected",
                );
            }
            (Side::Client, 4) => {
                let doing = Doing::new(
                    Verb::FileDelete,
                    Some(called(name)),
                    "type 122 F_SC_NA_1, file deleted",
                );
                // Nothing answers it but the directory, which may come at any time.
                Carried::new(Asking::once(cx, side, doing), false).tell(cx, false, None, None);
            }
            (_, 3) => {
                if let Some(transfer) = self.take(name) {
                    transfer.tell(cx, None, Some("given up"));
                }
            }
            _ => self.react(name, side),
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self) {
        for transfer in &mut self.list {
            transfer.carried.broke();
            // Whether the other side reacted may have been lost as well.
            transfer.answered = true;
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        for transfer in std::mem::take(&mut self.list) {
            transfer.tell_late(cx);
        }
    }
}
