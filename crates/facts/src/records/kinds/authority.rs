//! What allows traffic and work, beside the site file: an operation that a recorded work order names counts like one of
//! the site's own.
use super::Person;
use crate::Time;
use crate::records::record::record;
use crate::records::{AssetName, Filled, Party, Ref, ServiceName, ZoneName};
use crate::site::WorkKind;

record! {
    /// A work order: who may do what to which devices, when. Its id is the number of the work order.
    WorkOrderRecord = "work-order" ["C9", "C6", "C4", "C14", "R0"] {
        /// From where: any of these.
        sources: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// On what: any of these.
        targets: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// What may be done.
        operations: Filled<WorkKind>,
        /// Not before.
        begins: Time,
        /// Not after.
        ends: Time,
        /// What for.
        purpose: String,
        /// Who allowed it.
        approved_by: Ref<Person>,
    }
    order { begins <= ends }
}

record! {
    /// A conduit: what may be asked of whom by whom, and why. Its id is its name.
    ConduitRecord = "conduit" ["C1", "C2", "C11", "G7"] {
        /// Who may ask: any of these.
        sources: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// Who may be asked: any of these.
        targets: Filled<Ref<(AssetName, ZoneName, Party)>>,
        /// What may be asked.
        services: Filled<ServiceName>,
        /// Contract, ticket or design reference that allows it.
        because: String,
        /// Whether it is allowed only while a work order names source and target.
        during_work_order: bool,
        /// Not before; empty if always.
        begins: Option<Time>,
        /// Not after; empty if without end.
        ends: Option<Time>,
        /// Who allowed it.
        approved_by: Ref<Person>,
    }
    order { begins <= ends }
}
