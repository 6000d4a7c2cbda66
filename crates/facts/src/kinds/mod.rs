//! The kinds of fact, one file each. This is the only place that lists them.
//!
//! Columns whose doc begins with "Judged:" are worked out against the site when facts are folded (crate `store`); the
//! witness leaves them `None`.
mod address;
mod asset;
mod capture;
mod certificate;
mod conversation;
mod coverage;
mod credential;
mod file;
mod identity;
mod name;
mod oddity;
mod operation;
mod remote_session;
mod route;

pub use address::Address as AddressFact;
pub use asset::Asset;
pub use capture::Capture;
pub use certificate::Certificate;
pub use conversation::Conversation;
pub use coverage::Coverage;
pub use credential::Credential;
pub use file::File;
pub use identity::Identity;
pub use name::Name;
pub use oddity::Oddity;
pub use operation::{Operation, Outcome, Verb};
pub use remote_session::RemoteSession;
pub use route::Route;

use std::ops::Range;

use crate::{Kind, KindInfo, Plain, Value};

/// Calls the macro of that name with every kind, as `field: Type, …` in the order of the reference.
#[macro_export]
macro_rules! every_kind {
    ($call:ident) => {
        $call! {
            assets: $crate::kinds::Asset,
            addresses: $crate::kinds::AddressFact,
            conversations: $crate::kinds::Conversation,
            operations: $crate::kinds::Operation,
            carried_files: $crate::kinds::File,
            names: $crate::kinds::Name,
            remote_sessions: $crate::kinds::RemoteSession,
            credentials: $crate::kinds::Credential,
            certificates: $crate::kinds::Certificate,
            identities: $crate::kinds::Identity,
            routes: $crate::kinds::Route,
            coverage: $crate::kinds::Coverage,
            oddities: $crate::kinds::Oddity,
            files: $crate::kinds::Capture,
        }
    };
}

macro_rules! kinds {
    ($($field:ident : $kind:ty,)*) => {
        /// Every fact witnessed, by kind, each in the order of time.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Facts {
            /// Base names of the captures, by the index that [`Evidence`](crate::Evidence) uses.
            pub captures: Vec<String>,
            $(
                /// Facts of that kind, in the order of [`in_order`](crate::in_order).
                pub $field: Vec<$kind>,
            )*
        }

        /// The registry: every kind of fact, in the order of the reference.
        pub const KINDS: &[KindInfo] = &[$(<$kind as Kind>::INFO,)*];

        impl Facts {
            /// Calls `each` with every fact of the kind called `name` as a row; does nothing for an unknown name.
            pub fn rows(&self, name: &str, mut each: impl FnMut(Vec<Value>)) {
                $(if name == <$kind as Kind>::INFO.name {
                    for fact in &self.$field { each(fact.row(&self.captures)) }
                })*
            }

            /// How many facts of that kind there are.
            pub fn count(&self, name: &str) -> usize {
                $(if name == <$kind as Kind>::INFO.name {
                    return self.$field.len();
                })*
                0
            }

            /// Calls `each` with every cell of every fact of that kind, each row from its first column to its last, and `end`
            /// after each row; stops at the first error.
            ///
            /// # Errors
            /// The first one that `each` or `end` gives; the cells before it were told already.
            pub fn try_cells<T, E>(
                &self,
                name: &str,
                into: &mut T,
                each: impl Fn(&mut T, Plain<'_>) -> Result<(), E>,
                end: impl Fn(&mut T) -> Result<(), E>,
            ) -> Result<(), E> {
                self.try_cells_of(name, 0..usize::MAX, into, each, end)
            }

            /// Like [`Facts::try_cells`], of some of the facts by their places, from 0.
            pub fn try_cells_of<T, E>(
                &self,
                name: &str,
                places: Range<usize>,
                into: &mut T,
                each: impl Fn(&mut T, Plain<'_>) -> Result<(), E>,
                end: impl Fn(&mut T) -> Result<(), E>,
            ) -> Result<(), E> {
                let mut scratch = String::new();
                $(if name == <$kind as Kind>::INFO.name {
                    for fact in self.$field.iter().take(places.end).skip(places.start) {
                        fact.each_cell(&self.captures, &mut scratch, |cell| each(into, cell))?;
                        end(into)?;
                    }
                })*
                Ok(())
            }

            /// The evidence of the `index`-th fact of the kind called `name`, from 0.
            pub fn evidence(&self, name: &str, index: usize) -> Option<&crate::Evidence> {
                $(if name == <$kind as Kind>::INFO.name {
                    return self.$field.get(index).map(Kind::evidence);
                })*
                None
            }
        }
    };
}

every_kind!(kinds);

#[test]
fn every_kind_and_column_says_what_it_is() {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    names.dedup();
    assert_eq!(names.len(), KINDS.len());
    for kind in KINDS {
        for column in kind.columns {
            assert!(
                column.doc.trim().ends_with('.'),
                "{}.{}: {:?}",
                kind.name,
                column.name,
                column.doc
            );
        }
    }
}

#[test]
fn no_column_hides_the_kind_of_a_row_in_a_stream_of_several() {
    for kind in KINDS {
        assert!(
            kind.columns.iter().all(|column| column.name != "kind"),
            "{}",
            kind.name
        );
    }
}
