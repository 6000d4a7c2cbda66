//! Doors and locks: rooms on the ground, cabinets on board.
use super::Person;
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{AssetName, Crane, Date, Filled, Ref, Sha256};

choice! {
    /// What a facility is.
    FacilityKind {
        /// Closet with network equipment.
        DataCloset = "data-closet",
        /// Room with servers.
        ServerRoom = "server-room",
        /// Room from which cranes are driven or watched.
        OperatorRoom = "operator-room",
        /// Workshop or store of spares.
        Workshop = "workshop",
        /// Substation or electrical room.
        Substation = "substation",
    }
}

choice! {
    /// What keeps people out, or notices them.
    Control {
        /// Lock with a key.
        Lock = "lock",
        /// Reader of cards or codes, with a log.
        Reader = "reader",
        /// Camera on the door.
        Camera = "camera",
        /// Alarm on the door.
        Alarm = "alarm",
        /// Guard.
        Guard = "guard",
        /// Book of visitors.
        Visitors = "visitors",
    }
}

record! {
    /// A room on the ground that supports the cranes.
    Facility = "facility" ["P1"] {
        /// Name, as people call it.
        name: String,
        /// What it is.
        what: FacilityKind,
        /// Where it is.
        place: String,
        /// Devices of the site file in it.
        devices: Vec<Ref<AssetName>>,
        /// What keeps people out.
        controls: Filled<Control>,
        /// It is inspected at least every so many days.
        inspect_days: u64,
        /// Who answers for it.
        owner: Ref<Person>,
    }
}

choice! {
    /// How a cabinet is locked.
    LockKind {
        /// Key of its own.
        Key = "key",
        /// Key that fits others of its make as well.
        CommonKey = "common-key",
        /// Padlock.
        Padlock = "padlock",
        /// Code or card.
        Electronic = "electronic",
        /// Not at all.
        None = "none",
    }
}

record! {
    /// A cabinet with devices.
    Cabinet = "cabinet" ["P2", "P1"] {
        /// Where it is, e.g. `STS-07, machinery house, left of the door`.
        place: String,
        /// The crane it is on.
        crane: Option<Ref<Crane>>,
        /// The room it is in, on the ground.
        facility: Option<Ref<Facility>>,
        /// Devices of the site file in it.
        devices: Filled<Ref<AssetName>>,
        /// How it is locked.
        lock: LockKind,
        /// Whether a contact reports that its door opens.
        door_contact: bool,
        /// It is inspected at least every so many days.
        inspect_days: u64,
    }
}

record! {
    /// One key, card or code.
    Key = "key" ["P1", "P2"] {
        /// Number stamped on it, or that of the card.
        number: String,
        /// What it opens.
        opens: Filled<Ref<(Cabinet, Facility)>>,
        /// Who has it; empty while it is in the key safe.
        holder: Option<Ref<Person>>,
        /// Day on which it was handed out.
        handed_out: Option<Date>,
        /// Day on which it came back.
        returned: Option<Date>,
        /// Day on which it was found missing.
        lost: Option<Date>,
    }
    order { handed_out <= returned, handed_out <= lost }
}

choice! {
    /// What an inspection found.
    Condition {
        /// All as it should be.
        InOrder = "in-order",
        /// Something is to be put right.
        Defect = "defect",
        /// It could not be looked at.
        NotSeen = "not-seen",
    }
}

record! {
    /// Somebody went and looked.
    Inspection = "inspection" ["P1", "P2"] {
        /// At what.
        target: Ref<(Cabinet, Facility)>,
        /// When.
        done: Time,
        /// Who.
        inspector: Ref<Person>,
        /// Whether it was locked when they came.
        locked: bool,
        /// How it was.
        condition: Condition,
        /// Number of the seal that was there.
        seal: Option<String>,
        /// What is to be put right.
        defects: Vec<String>,
        /// Hashes of photographs, which can be attached.
        photos_sha256: Vec<Sha256>,
    }
}

choice! {
    /// What a door did.
    DoorAct {
        /// It was opened by somebody who may.
        Opened = "opened",
        /// It was closed.
        Closed = "closed",
        /// It was opened without leave.
        Forced = "forced",
        /// It stayed open.
        Held = "held",
        /// Somebody was not let in.
        Denied = "denied",
    }
}

record! {
    /// What a door contact, a reader or a guard's book tells.
    DoorEvent = "door-event" ["P1", "P2"] {
        /// Which door.
        target: Ref<(Cabinet, Facility)>,
        /// When.
        happened: Time,
        /// What.
        what: DoorAct,
        /// Who, where that is known.
        person: Option<Ref<Person>>,
        /// Key or badge that was used.
        badge: Option<String>,
        /// What tells it, e.g. `badge system`.
        source: String,
    }
}
