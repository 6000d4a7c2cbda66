//! Names that records refer to: whether what they name is there.
use serde_json::{Map, Value as Json};

use super::form::{Form, Target, Wrong, either, name_hint};
use super::record::RecordInfo;

/// Who knows what is declared: the site and the ledger.
pub trait Known {
    /// Whether something of that kind is called so, letter by letter.
    fn has(&self, target: Target, name: &str) -> bool;
    /// All of them, for the question what was meant.
    fn names(&self, target: Target) -> Vec<&str>;
}

/// Knows nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Known for Nothing {
    fn has(&self, _: Target, _: &str) -> bool {
        false
    }
    fn names(&self, _: Target) -> Vec<&str> {
        Vec::new()
    }
}

impl RecordInfo {
    /// The fields that may name a record of that kind.
    pub fn fields_naming(&self, kind: &str) -> Vec<&'static str> {
        let is_meant = |target: &Target| matches!(target, Target::Record(of) if *of == kind);
        let naming = self.fields.iter().filter(
            |field| matches!(field.form, Form::Name(targets) if targets.iter().any(is_meant)),
        );
        naming.map(|field| field.name).collect()
    }

    /// Every name in the body that nobody knows, with its field.
    pub fn unknown_names(
        &self,
        body: &Map<String, Json>,
        known: &dyn Known,
    ) -> Vec<(&'static str, Wrong)> {
        let mut wrongs = Vec::new();
        for field in self.fields {
            let Form::Name(targets) = field.form else {
                continue;
            };
            for name in named(body, field.name) {
                if targets.iter().any(|target| known.has(*target, name)) {
                    continue;
                }
                let words: Vec<&str> = targets.iter().map(|target| target.name()).collect();
                let all: Vec<&str> = targets
                    .iter()
                    .flat_map(|target| known.names(*target))
                    .collect();
                let what = format!("no {} is called \"{name}\"", either(&words));
                wrongs.push((field.name, Wrong::new(what, name_hint(name, targets, &all))));
            }
        }
        wrongs
    }
}

/// The names that stand in a field.
pub fn named<'b>(body: &'b Map<String, Json>, field: &str) -> Vec<&'b str> {
    match body.get(field) {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}
