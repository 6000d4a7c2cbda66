//! Frames and service data units of IEC 60870-5-104, as bytes.
use crate::{Malformed, Reader, Verb};

/// IEC 60870-5-104, 5: start octet, length, four control octets.
pub(super) const APCI: usize = 6;
/// Length field: the control octets at least, 253 at most.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=253;
/// Common address that means every station.
pub(super) const EVERY: u16 = 0xffff;

/// What a frame is, by its control octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Numbered information.
    Information { sent: u16 },
    /// Receipt of information.
    Supervisory,
    /// Start, stop or test; the octet says which, and whether it confirms.
    Unnumbered(u8),
}

/// Reads the head of a frame: its control octets and the octets of the whole.
pub(super) fn apci(r: &mut Reader<'_>) -> Result<(Control, usize), Malformed> {
    let start = r.u8()?;
    r.check(start == 0x68, "start octet")?;
    let length = usize::from(r.u8()?);
    r.check(LENGTHS.contains(&length), "length")?;
    let control = match r.array::<4>()? {
        // The receive number is even too: its lowest bit is not used (5.1).
        [low, high, received, _] if low & 1 == 0 && received & 1 == 0 => {
            r.check(length > 4, "information without content")?;
            Control::Information {
                sent: u16::from_le_bytes([low, high]) >> 1,
            }
        }
        [1, 0, received, _] if received & 1 == 0 && length == 4 => Control::Supervisory,
        [code @ (0x07 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83), 0, 0, 0] if length == 4 => {
            Control::Unnumbered(code)
        }
        _ => return Err(Malformed::Bad("control octets")),
    };
    Ok((control, length + 2))
}

/// Causes of transmission that are looked at (IEC 60870-5-101, 7.2.3).
pub(super) mod cause {
    pub const REQUEST: u8 = 5;
    pub const ACTIVATION: u8 = 6;
    pub const ACTIVATION_CONFIRMED: u8 = 7;
    pub const DEACTIVATION: u8 = 8;
    pub const DEACTIVATION_CONFIRMED: u8 = 9;
    pub const TERMINATION: u8 = 10;
    pub const UNKNOWN_TYPE: u8 = 44;
    pub const UNKNOWN_OBJECT: u8 = 47;
}

/// One application service data unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asdu<'a> {
    pub kind: u8,
    /// Objects in it.
    pub count: u8,
    pub cause: u8,
    pub negative: bool,
    /// Common address: the station.
    pub station: u16,
    /// Address of the first object.
    pub object: u32,
    /// The first object's elements, and what follows.
    pub elements: &'a [u8],
}

impl<'a> Asdu<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Asdu<'a>, Malformed> {
        let (kind, variable, cause) = (r.u8()?, r.u8()?, r.u8()?);
        r.check(kind != 0, "type")?;
        r.check(cause & 0x3f != 0, "cause")?;
        let _originator = r.u8()?;
        let station = r.u16_le()?;
        let [low, middle, high] = r.array()?;
        Ok(Asdu {
            kind,
            count: variable & 0x7f,
            cause: cause & 0x3f,
            negative: cause & 0x40 != 0,
            station,
            object: u32::from_le_bytes([low, middle, high, 0]),
            elements: r.rest(),
        })
    }

    /// The station's side of the talk: process data, or the end of its start.
    pub(super) const fn is_monitoring(&self) -> bool {
        matches!(self.kind, 1..=44 | 70)
    }

    /// What only the controlling station sends, or only the controlled one; `None` where either may.
    pub(super) fn is_asked(&self) -> Option<bool> {
        match (self.kind, self.cause) {
            (1..=44 | 70, _) => Some(false),
            (45..=69 | 100..=119, cause::ACTIVATION | cause::DEACTIVATION | cause::REQUEST) => {
                Some(true)
            }
            (45..=69 | 100..=119, _) => Some(false),
            _ => None,
        }
    }

    /// What a request does, and its name in the standard; `None` for those that ask nothing.
    pub(super) fn asks(&self) -> Option<(Verb, &'static str)> {
        Some(match self.kind {
            45 => (Verb::Operate, "C_SC_NA_1, single command"),
            46 => (Verb::Operate, "C_DC_NA_1, double command"),
            47 => (Verb::Operate, "C_RC_NA_1, regulating step command"),
            48 => (Verb::Operate, "C_SE_NA_1, set-point, normalised"),
            49 => (Verb::Operate, "C_SE_NB_1, set-point, scaled"),
            50 => (Verb::Operate, "C_SE_NC_1, set-point, floating point"),
            51 => (Verb::Operate, "C_BO_NA_1, bitstring of 32 bits"),
            58 => (Verb::Operate, "C_SC_TA_1, single command with time"),
            59 => (Verb::Operate, "C_DC_TA_1, double command with time"),
            60 => (
                Verb::Operate,
                "C_RC_TA_1, regulating step command with time",
            ),
            61 => (Verb::Operate, "C_SE_TA_1, set-point, normalised, with time"),
            62 => (Verb::Operate, "C_SE_TB_1, set-point, scaled, with time"),
            63 => (
                Verb::Operate,
                "C_SE_TC_1, set-point, floating point, with time",
            ),
            64 => (Verb::Operate, "C_BO_TA_1, bitstring of 32 bits with time"),
            100 => (Verb::Read, "C_IC_NA_1, interrogation"),
            101 => match self.elements.first().map(|qualifier| qualifier >> 6) {
                Some(1..=3) => (Verb::Write, "C_CI_NA_1, counter freeze or reset"),
                _ => (Verb::Read, "C_CI_NA_1, counter interrogation"),
            },
            102 => (Verb::Read, "C_RD_NA_1, read"),
            103 => (Verb::SetClock, "C_CS_NA_1, clock synchronisation"),
            104 => (Verb::Diagnose, "C_TS_NA_1, test"),
            105 => (Verb::Reset, "C_RP_NA_1, reset process"),
            106 => (Verb::Diagnose, "C_CD_NA_1, delay acquisition"),
            107 => (Verb::Diagnose, "C_TS_TA_1, test with time"),
            110 => (Verb::ParameterChange, "P_ME_NA_1, parameter, normalised"),
            111 => (Verb::ParameterChange, "P_ME_NB_1, parameter, scaled"),
            112 => (
                Verb::ParameterChange,
                "P_ME_NC_1, parameter, floating point",
            ),
            113 => (Verb::ParameterChange, "P_AC_NA_1, parameter activation"),
            _ => return None,
        })
    }

    /// IEC 60870-5-101, 7.2.6: the state that a command asks for, and whether it selects or executes.
    pub(super) fn qualifier(&self) -> Option<String> {
        let first = *self.elements.first()?;
        let (state, qualifier) = match self.kind {
            45 | 58 => (Some(if first & 1 == 0 { "off" } else { "on" }), first),
            46 | 59 => (
                Some(match first & 3 {
                    1 => "off",
                    2 => "on",
                    _ => "not permitted",
                }),
                first,
            ),
            47 | 60 => (
                Some(match first & 3 {
                    1 => "lower",
                    2 => "higher",
                    _ => "not permitted",
                }),
                first,
            ),
            48 | 49 | 61 | 62 => (None, *self.elements.get(2)?),
            50 | 63 => (None, *self.elements.get(4)?),
            100 if first != 20 => return Some(format!("qualifier {first}")),
            105 => {
                return Some(match first {
                    1 => "general reset".to_owned(),
                    2 => "time-tagged events".to_owned(),
                    _ => format!("qualifier {first}"),
                });
            }
            _ => return None,
        };
        let phase = if qualifier & 0x80 != 0 {
            "select"
        } else {
            "execute"
        };
        Some(match state {
            Some(state) => format!("{phase}, {state}"),
            None => phase.to_owned(),
        })
    }

    /// Whom it is about: `CA 3 IOA 1001`.
    pub(super) fn name(&self) -> String {
        let to = match self.station {
            EVERY => "every CA".to_owned(),
            station => format!("CA {station}"),
        };
        match (self.object, self.count) {
            (0, _) => to,
            (object, 0 | 1) => format!("{to} IOA {object}"),
            (object, count) => format!("{to} IOA {object} and {} more", count - 1),
        }
    }
}
