//! Who there is, who may do what where, and who was told of it.
use crate::records::record::{choice, record};
use crate::records::{AssetName, Crane, Date, Filled, Party, Ref, ZoneName};

record! {
    /// Somebody whom other records name: staff, a vendor's technician, an approver.
    Person = "person" ["G1", "G4", "G6"] {
        /// Name, as on the badge.
        name: String,
        /// Third party that employs them; empty for the terminal's own staff.
        employer: Option<Ref<Party>>,
        /// What they do here, e.g. `cybersecurity officer`, `crane maintenance`.
        duties: Vec<String>,
        /// Telephone, reachable in an incident.
        phone: Option<String>,
        /// Electronic mail.
        email: Option<String>,
        /// First day of their work here.
        started: Option<Date>,
        /// Last day; access is to be gone by then.
        left: Option<Date>,
    }
    order { started <= left }
}

choice! {
    /// What a grant lets its holder do.
    Right {
        /// See values and pictures.
        View = "view",
        /// Drive the crane, write set points.
        Operate = "operate",
        /// Read out diagnostics.
        Diagnose = "diagnose",
        /// Change programs, parameters, firmware.
        Program = "program",
        /// Change accounts, networks, rules.
        Administer = "administer",
    }
}

choice! {
    /// How access is had.
    AccessPath {
        /// At the device itself.
        Console = "console",
        /// From within the crane network.
        Local = "local",
        /// Through the dedicated remote access system.
        JumpHost = "jump-host",
        /// Through a virtual private network that ends in the crane network.
        Vpn = "vpn",
        /// Through a modem or radio of the device's own.
        Modem = "modem",
    }
}

record! {
    /// Access that somebody was given.
    AccessGrant = "access-grant" ["G1", "G6", "C6", "T3"] {
        /// Who has it.
        person: Ref<Person>,
        /// Devices, zones or whole cranes.
        targets: Filled<Ref<(AssetName, ZoneName, Crane)>>,
        /// What they may do.
        rights: Filled<Right>,
        /// How they come in.
        path: AccessPath,
        /// Account on the device or system; empty where there is none.
        account: Option<String>,
        /// Whether a second factor is asked for.
        mfa: bool,
        /// Who granted it; not its holder.
        approved_by: Ref<Person>,
        /// Contract, ticket or duty that needs it.
        because: String,
        /// First day.
        granted: Date,
        /// Last day; empty if until it is revoked.
        ends: Option<Date>,
        /// Day on which the account or key was taken away.
        revoked: Option<Date>,
    }
    order { granted <= ends, granted <= revoked }
}

record! {
    /// A look through all grants: are they still needed, and do the devices have these accounts and no others.
    AccessReview = "access-review" ["G1", "G6"] {
        /// Day.
        done: Date,
        /// Who looked.
        reviewer: Ref<Person>,
        /// Devices, zones or cranes that were looked at.
        targets: Filled<Ref<(AssetName, ZoneName, Crane)>>,
        /// Whether the accounts on the devices themselves were compared.
        accounts_compared: bool,
        /// Grants and accounts looked at.
        looked_at: u64,
        /// Of these, taken away.
        removed: u64,
        /// What was found.
        remarks: Option<String>,
    }
}

record! {
    /// Staff were told who maintains access to which technology, and what to look out for.
    Briefing = "briefing" ["G6"] {
        /// Day.
        held: Date,
        /// What it was about.
        topic: String,
        /// Devices, zones, cranes or third parties whose access was explained.
        about: Filled<Ref<(AssetName, Crane, Party)>>,
        /// Who spoke.
        speaker: Ref<Person>,
        /// Who was there.
        people: Filled<Ref<Person>>,
        /// Of these, who confirmed having understood.
        acknowledged: Vec<Ref<Person>>,
    }
}
