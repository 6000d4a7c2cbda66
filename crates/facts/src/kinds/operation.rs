use std::fmt;

use crate::{Address, Cell, Mac, Plain, Time, Type, Value, kind};

kind! {
    /// What someone asked a device to do, in one vocabulary across protocols. Cyclic reads and writes of the same
    /// objects by the same pair are one row with a count (of devices that share their addresses a row each); every other
    /// operation is a row of its own.
    Operation = "operation" (counted if Operation::is_cyclic) {
        /// Request, or answer where the request was not seen.
        time: Time => first,
        /// Last repetition; equal to `time` unless counted.
        last: Time => last,
        /// How many times it was seen; retransmissions do not count.
        count: u64 => sum,
        /// The end that asked.
        source: Address,
        /// The end that was asked.
        target: Address,
        /// MAC address that carried the request.
        source_mac: Option<Mac>,
        /// MAC address to which the request went.
        target_mac: Option<Mac>,
        /// VLAN in which the request was seen; null when untagged.
        vlan: Option<u16>,
        /// Protocol, by the name of its decoder.
        protocol: String,
        /// The operation, one of the vocabulary.
        operation: Verb,
        /// What it was done to, e.g. `DB11` or `TWISTLOCK_CMD[0]`.
        object: Option<String>,
        /// More in the protocol's own words.
        detail: Option<String>,
        /// How it ended: `ok`, `refused`, `unanswered`; null when the answer cannot be seen.
        outcome: Option<Outcome>,
        /// Bytes of content carried (block, file, value).
        content_bytes: Option<u64> => opening,
        /// SHA-256 of the content carried, in hex; only when it was seen whole.
        content_sha256: Option<String> => opening,
        /// Community ID of the conversation that carried it.
        community_id: Option<String> => opening,
        /// Judged: whether the operation changes the device (every operation but read, diagnose, identify).
        modifies: bool,
        /// Judged: asset that asked, as named in the site file, else its address.
        source_asset: Option<String>,
        /// Judged: zone of the source.
        source_zone: Option<String>,
        /// Judged: asset that was asked, as named in the site file, else its address.
        target_asset: Option<String>,
        /// Judged: zone of the target.
        target_zone: Option<String>,
        /// Judged: crane that the target belongs to.
        crane: Option<String>,
        /// Judged: work order that covers source, target, operation and time.
        work_order: Option<String>,
        /// Judged: conduit that names this operation or its class from this source to this target.
        conduit: Option<String>,
        /// Judged: why nothing authorises it (the nearest work order and what does not fit).
        reason: Option<String>,
    }
}

macro_rules! verbs {
    ($($(#[doc = $doc:literal])+ $verb:ident = $name:literal,)*) => {
        /// The one vocabulary of operations.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb { #[default] $($(#[doc = $doc])+ $verb,)* }

        impl Verb {
            /// The whole vocabulary, in the order of the reference.
            pub const ALL: &[Verb] = &[$(Verb::$verb,)*];
            /// The word that site files, tables and reports use (contract, section "Operations").
            pub const fn name(self) -> &'static str {
                match self { $(Verb::$verb => $name,)* }
            }
            /// One line for the reference.
            pub const fn doc(self) -> &'static str {
                match self { $(Verb::$verb => concat!($($doc),+),)* }
            }
        }
    };
}

verbs! {
    /// Reads values.
    Read = "read",
    /// Writes values.
    Write = "write",
    /// Program leaves the controller.
    ProgramUpload = "program-upload",
    /// Program enters the controller.
    ProgramDownload = "program-download",
    /// Program or part of it is deleted.
    ProgramDelete = "program-delete",
    /// Controller set to run.
    Start = "start",
    /// Controller stopped.
    Stop = "stop",
    /// Operating mode changed otherwise.
    ModeChange = "mode-change",
    /// Restart or memory reset.
    Reset = "reset",
    /// Firmware sent to the device.
    FirmwareUpdate = "firmware-update",
    /// Parameter of a drive or device changed.
    ParameterChange = "parameter-change",
    /// Name, address, route or other configuration changed.
    Configure = "configure",
    /// Clock set.
    SetClock = "set-clock",
    /// Access locked.
    Lock = "lock",
    /// Access unlocked.
    Unlock = "unlock",
    /// Password or login given.
    Authenticate = "authenticate",
    /// File read from the device.
    FileRead = "file-read",
    /// File written to the device.
    FileWrite = "file-write",
    /// File deleted on the device.
    FileDelete = "file-delete",
    /// Switching command to the process (DNP3, IEC 104, MMS).
    Operate = "operate",
    /// Diagnosis: status, diagnostic buffers, loopback.
    Diagnose = "diagnose",
    /// Asks who the device is.
    Identify = "identify",
}

impl Operation {
    /// Whether repetitions count on one row: a cyclic operation whose content was not taken.
    pub fn is_cyclic(&self) -> bool {
        self.operation.is_cyclic() && self.content_sha256.is_none()
    }
}

impl Verb {
    /// The operation of that word, in exactly that spelling; `None` for any other.
    pub fn parse(text: &str) -> Option<Verb> {
        Verb::ALL.iter().copied().find(|verb| verb.name() == text)
    }

    /// The class `modify`: everything but read, diagnose, identify.
    pub const fn modifies(self) -> bool {
        !matches!(self, Verb::Read | Verb::Diagnose | Verb::Identify)
    }

    /// Repetitions of it for the same objects are one row with a count.
    pub const fn is_cyclic(self) -> bool {
        matches!(
            self,
            Verb::Read | Verb::Write | Verb::Diagnose | Verb::Identify
        )
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Cell for Verb {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text(self.name().to_owned())
    }
    fn plain<'a>(&'a self, _scratch: &'a mut String) -> Plain<'a> {
        Plain::Text(self.name())
    }
    fn read(value: Value) -> Option<Verb> {
        match value {
            Value::Text(text) => Verb::parse(&text),
            _ => None,
        }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The answer says that it was done.
    Ok,
    /// The answer is an error or a denial.
    Refused,
    /// No answer came; where answers cannot be seen at all there is no outcome.
    Unanswered,
}

impl Outcome {
    /// In the order of the reference.
    pub const ALL: [Outcome; 3] = [Outcome::Ok, Outcome::Refused, Outcome::Unanswered];

    /// The word that stands in the column `outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::Unanswered => "unanswered",
        }
    }
}

impl Cell for Outcome {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text(self.name().to_owned())
    }
    fn plain<'a>(&'a self, _scratch: &'a mut String) -> Plain<'a> {
        Plain::Text(self.name())
    }
    fn read(value: Value) -> Option<Outcome> {
        match value {
            Value::Text(text) => Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.name() == text),
            _ => None,
        }
    }
}
