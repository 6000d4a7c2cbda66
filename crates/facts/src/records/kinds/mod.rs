//! The kinds of record, by what they are about. This is the only place that lists them.
//!
//! A period or threshold that a measure judges by is no field here, unless it is the terminal's own promise about one thing
//! (how often this image is backed up): what holds for all is a parameter of the measure's page.
mod access;
mod authority;
mod change;
mod contract;
mod finding;
mod incident;
mod physical;
mod practice;
mod recovery;
mod stance;

pub use access::*;
pub use authority::*;
pub use change::*;
pub use contract::*;
pub use finding::*;
pub use incident::*;
pub use physical::*;
pub use practice::*;
pub use recovery::*;
pub use stance::*;

use super::record::{Record, RecordInfo};

/// Calls a macro with every kind of record, in the order of the reference; parents before their children.
macro_rules! every_record {
    ($with:ident) => {
        $with! {
            Person,
            WorkOrderRecord,
            ConduitRecord,
            AccessGrant,
            AccessReview,
            Briefing,
            ThirdPartyContract,
            ContractPermission,
            PlatformDeclaration,
            ChangeRequest,
            Approval,
            RuleRecertification,
            ProgramBaseline,
            Remediation,
            MediaPermit,
            VendorVisit,
            RequiredItem,
            Backup,
            Custody,
            RestoreTest,
            ComponentClass,
            Spare,
            RebuildProcedure,
            RebuildTest,
            SupplierPart,
            Facility,
            Cabinet,
            Key,
            Inspection,
            DoorEvent,
            Drill,
            ExerciseAction,
            Membership,
            Contact,
            ContactTest,
            ReportingProfile,
            Incident,
            ReportSent,
            FindingStep,
            VerdictStep,
            Acknowledgement,
            Necessity,
            Exception,
            NotApplicable,
        }
    };
}

macro_rules! registry {
    ($($kind:ty,)*) => {
        /// The registry: every kind of record, in the order of the reference.
        pub const RECORDS: &[RecordInfo] = &[$(<$kind as Record>::INFO,)*];
    };
}
every_record!(registry);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value as Json};

    use super::*;
    use crate::Type;
    use crate::records::{COMMON, Form, Target};

    #[test]
    fn every_kind_is_told_apart_and_every_field_says_what_it_is() {
        let kinds: BTreeSet<&str> = RECORDS.iter().map(|info| info.name).collect();
        assert_eq!(kinds.len(), RECORDS.len());
        for info in RECORDS {
            let mut names: BTreeSet<&str> = COMMON.iter().map(|column| column.name).collect();
            for field in info.fields {
                let place = format!("{}.{}", info.name, field.name);
                assert!(names.insert(field.name), "{place} stands twice");
                assert!(field.doc.trim().ends_with('.'), "{place}: {:?}", field.doc);
                assert_eq!(field.ty == Type::List, field.shape.is_list(), "{place}");
            }
            for (first, then) in info.order {
                for name in [first, then] {
                    let form = info.field(name).map(|field| field.form);
                    assert!(
                        matches!(form, Some(Form::Date | Form::Time)),
                        "{}.{name}",
                        info.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_record_refers_to_kinds_that_stand_in_front_of_it_or_are_its_own() {
        let mut seen = BTreeSet::new();
        for info in RECORDS {
            seen.insert(info.name);
            for field in info.fields {
                let Form::Name(targets) = field.form else {
                    continue;
                };
                for target in targets {
                    if let Target::Record(kind) = target {
                        assert!(seen.contains(kind), "{}.{}: {kind}", info.name, field.name);
                    }
                }
            }
        }
    }

    /// The words of the command line, the ledger's body, the struct and the row are four shapes of the same record.
    #[test]
    fn every_kind_goes_from_text_to_body_to_struct_and_back() {
        fn round<R: Record>() {
            let info = R::INFO;
            let mut body = Map::new();
            for field in info.fields {
                let example = field.form.example();
                let text = match (field.shape.is_list(), field.form) {
                    (true, Form::Text | Form::Name(_)) => format!("{example}; other"),
                    _ => example,
                };
                let value = field.read(&text).unwrap().unwrap();
                assert_eq!(
                    field.read(&crate::records::Field::cell(&value)).unwrap(),
                    Some(value.clone())
                );
                body.insert(field.name.to_owned(), value);
            }
            assert_eq!(info.check(&body), [], "{}", info.name);
            let read = R::from_body(&body).unwrap();
            assert_eq!(read.body(), body, "{}", info.name);
            assert_eq!(info.row(&body).len(), info.table.columns.len());
            for field in info.fields {
                let mut other = body.clone();
                other.insert(field.name.to_owned(), Json::Object(Map::new()));
                assert_eq!(
                    R::from_body(&other).err(),
                    Some(field.name),
                    "{}",
                    info.name
                );
                other.remove(field.name);
                assert_eq!(
                    R::from_body(&other).is_err(),
                    field.shape.is_needed(),
                    "{}",
                    info.name
                );
                assert_eq!(info.check(&other).is_empty(), !field.shape.is_needed());
            }
        }
        // A kind that is listed is tried: the list is the registry's own.
        macro_rules! round_all {
            ($($kind:ty,)*) => { $(round::<$kind>();)* };
        }
        every_record!(round_all);
    }
}
