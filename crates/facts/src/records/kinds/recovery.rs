//! What is needed to put a crane back to work: backups, tests of them, spares, parts.
use super::Person;
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{AssetName, Date, Filled, Ref, Sha256};

choice! {
    /// What an item is.
    ItemKind {
        /// Image of an operating system: crane management, cabin view, ground view, workstation.
        OsImage = "os-image",
        /// Program of a controller.
        PlcProgram = "plc-program",
        /// Settings of a drive.
        DriveSettings = "drive-settings",
        /// Configuration of a switch, router or firewall.
        NetworkSettings = "network-settings",
        /// Project of an operator panel.
        HmiProject = "hmi-project",
        /// Application, database or licence.
        Application = "application",
    }
}

record! {
    /// Something of which a backup must exist.
    RequiredItem = "required-item" ["R1", "R2", "R3", "G9"] {
        /// Of which device.
        device: Ref<AssetName>,
        /// What it is.
        what: ItemKind,
        /// Name, e.g. `crane management station, system disk`.
        name: String,
        /// A backup is taken at least every so many days.
        backup_days: u64,
        /// A restore is tested at least every so many days.
        test_days: u64,
        /// Restoring takes at most so many minutes.
        restore_minutes: Option<u64>,
        /// Who sees to it.
        owner: Ref<Person>,
    }
}

record! {
    /// A backup that was taken.
    Backup = "backup" ["R1", "R2", "R3", "G9"] {
        /// Of what.
        item: Ref<RequiredItem>,
        /// When.
        taken: Time,
        /// Hash of the file or of the set's list.
        sha256: Sha256,
        /// Size, in bytes.
        bytes: u64,
        /// Whether it was read back and compared.
        read_back: bool,
        /// Serial number of the device it was taken from.
        serial: Option<String>,
        /// Version of the program or image, as its maker calls it.
        release: Option<String>,
        /// By what program.
        tool: Option<String>,
        /// Who took it.
        taken_by: Option<Ref<Person>>,
    }
}

choice! {
    /// What a backup lies on.
    Medium {
        /// Hard disk or solid state disk.
        Disk = "disk",
        /// Memory stick or card.
        Stick = "stick",
        /// Tape.
        Tape = "tape",
        /// Disc that is written once.
        Disc = "disc",
        /// Paper: settings that are typed in.
        Paper = "paper",
        /// Storage that stays connected to a network.
        Online = "online",
    }
}

record! {
    /// Where backups lie, and when they were last connected to anything.
    Custody = "custody" ["R2"] {
        /// The backups on it.
        backups: Filled<Ref<Backup>>,
        /// What they lie on.
        medium: Medium,
        /// Its label or serial number.
        label: String,
        /// Where it lies: room, safe, slot.
        place: String,
        /// Number of the seal.
        seal: Option<String>,
        /// Whether it is encrypted.
        encrypted: bool,
        /// Since when it lies there.
        stored: Time,
        /// When it was last connected to any machine.
        connected: Time,
        /// Who has it in keeping.
        keeper: Ref<Person>,
        /// Device of the site file that the medium is, or is in; empty for one that has no address.
        device: Option<Ref<AssetName>>,
    }
}

choice! {
    /// How a test came out.
    Outcome {
        /// All of it worked.
        Passed = "passed",
        /// Some of it worked.
        Partly = "partly",
        /// It did not work.
        Failed = "failed",
    }
}

record! {
    /// A backup was restored to see whether it can be.
    RestoreTest = "restore-test" ["R3", "G9"] {
        /// Which backup.
        backup: Ref<Backup>,
        /// When.
        done: Time,
        /// On what it was restored: a spare, a test bench, a virtual machine, the device.
        onto: String,
        /// How it came out.
        outcome: Outcome,
        /// How long it took, in minutes.
        minutes: u64,
        /// Hash of what was there afterwards, read back.
        after_sha256: Option<Sha256>,
        /// Who did it.
        tester: Ref<Person>,
        /// What went wrong, or was learnt.
        remarks: Option<String>,
    }
}

choice! {
    /// What a class of components is.
    ComponentKind {
        /// Controllers.
        Plc = "plc",
        /// Embedded and other small computers.
        Computer = "computer",
        /// Switches, routers, firewalls, radios.
        Network = "network",
        /// Drives.
        Drive = "drive",
        /// Inputs and outputs, sensors.
        Io = "io",
        /// Panels and screens.
        Panel = "panel",
    }
}

record! {
    /// Components that can stand in for each other.
    ComponentClass = "component-class" ["R4", "R5", "G8"] {
        /// Name, e.g. `crane controller`.
        name: String,
        /// What they are.
        what: ComponentKind,
        /// Order numbers or models that fit.
        models: Filled<String>,
        /// How many are in use.
        installed: u64,
        /// At least so many spares are kept.
        least_spares: u64,
        /// A new one takes so many days to come.
        lead_days: u64,
        /// A rebuild onto a spare is tested at least every so many days.
        rebuild_days: u64,
        /// Last day of the maker's support.
        support_ends: Option<Date>,
    }
}

choice! {
    /// How a spare stands.
    SpareState {
        /// It can be put in as it is.
        Ready = "ready",
        /// It needs its program or image first.
        Bare = "bare",
        /// It does not work.
        Defective = "defective",
        /// It was put in or given away.
        Gone = "gone",
    }
}

record! {
    /// One spare, by its serial number.
    Spare = "spare" ["R4"] {
        /// Its class.
        class: Ref<ComponentClass>,
        /// Order number or model.
        model: String,
        /// Serial number.
        serial: String,
        /// Version of its firmware.
        firmware: Option<String>,
        /// Hash of the image or program on it.
        image_sha256: Option<Sha256>,
        /// Where it lies.
        place: String,
        /// How it stands.
        state: SpareState,
        /// Day on which it was last switched on and worked.
        powered: Option<Date>,
        /// Day on which it was last counted.
        counted: Date,
    }
}

record! {
    /// How a component of a class is rebuilt onto a spare.
    RebuildProcedure = "rebuild-procedure" ["R5", "G8"] {
        /// The class.
        class: Ref<ComponentClass>,
        /// Title, with the number under which it is kept.
        title: String,
        /// Edition of the text.
        edition: String,
        /// Hash of the document, which can be attached.
        document_sha256: Option<Sha256>,
        /// Who keeps it up to date.
        owner: Ref<Person>,
        /// Day on which it was approved.
        approved: Date,
    }
}

record! {
    /// A component was rebuilt by the procedure, to see whether that works.
    RebuildTest = "rebuild-test" ["R5"] {
        /// The procedure.
        procedure: Ref<RebuildProcedure>,
        /// Edition of it that was followed.
        edition: String,
        /// The spare onto which it was rebuilt.
        spare: Option<Ref<Spare>>,
        /// The backup that was put on it.
        backup: Option<Ref<Backup>>,
        /// When.
        done: Time,
        /// How it came out.
        outcome: Outcome,
        /// How long it took, in minutes.
        minutes: u64,
        /// Who did it.
        tester: Ref<Person>,
        /// What went wrong, or was learnt.
        remarks: Option<String>,
    }
}

record! {
    /// Who can supply a component, and how soon.
    SupplierPart = "supplier-part" ["G8"] {
        /// The class.
        class: Ref<ComponentClass>,
        /// Name of the supplier, as lists of suppliers spell it.
        supplier: String,
        /// Order number.
        order_number: String,
        /// Delivery takes so many days.
        lead_days: u64,
        /// Day on which that was asked.
        asked: Date,
        /// Other parts that would do; empty if there is none.
        alternatives: Vec<String>,
        /// Last day on which it is sold.
        sale_ends: Option<Date>,
        /// Last day on which it is supported.
        support_ends: Option<Date>,
    }
    order { sale_ends <= support_ends }
}
