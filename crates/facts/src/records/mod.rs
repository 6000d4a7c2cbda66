//! The kinds of record: what people declare of themselves, the terminal and what they did.
//!
//! A kind is declared once with the macro `record!`; its struct, the columns of its CSV and SQL tables, the JSON Schema, the
//! words of the command line and `docs/records.md` derive from that declaration. Records are flat: children name their parents by id.
//!
//! Absent: where records are kept (`store::ledger`), and whether a name is known (told by whoever implements [`Known`]).
mod csv;
mod form;
mod kinds;
mod names;
mod record;
mod reference;
mod sheet;
mod together;
mod types;

pub use form::{Form, Target, Wrong};
pub use kinds::*;
pub use names::{Known, Nothing, named};
pub use record::{Field, Record, RecordInfo, Shape};
pub use reference::{reference, schema, schemas};
pub use sheet::{Row, check_id, read as read_sheet, read_time, template};
pub use together::Together;
pub use types::{
    AssetName, Conduit, Crane, Date, Filled, Party, Ref, ServiceName, Sha256, WorkOrder, Zone,
    ZoneName,
};

/// What every record has beside its own fields, as columns of tables, in this order before them.
pub const COMMON: &[crate::Column] = {
    use crate::{Column, Type};
    const fn column(name: &'static str, ty: Type, doc: &'static str) -> Column {
        Column { name, ty, doc }
    }
    &[
        column(
            "id",
            Type::Text,
            " Id of the record, unique within its kind.",
        ),
        column(
            "version",
            Type::Int,
            " How many times it was recorded, from 1.",
        ),
        column(
            "recorded_at",
            Type::Time,
            " When this version was recorded.",
        ),
        column("by", Type::Text, " Who recorded it."),
        column(
            "means",
            Type::Text,
            " By what means: `cli`, `csv:NAME`, `import`.",
        ),
        column(
            "valid_from",
            Type::Time,
            " From when on it holds; null if it always did.",
        ),
        column(
            "valid_until",
            Type::Time,
            " Until when it holds; null if without end.",
        ),
    ]
};

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static RecordInfo> {
    RECORDS.iter().find(|info| info.name == name)
}

/// The kind that the name was probably meant to be.
pub fn closest_kind(name: &str) -> Option<&'static str> {
    crate::site::spelling::closest(name, RECORDS.iter().map(|info| info.name))
}
