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
            let names: Vec<&str> = match body.get(field.name) {
                Some(Json::String(name)) => vec![name],
                Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
                _ => Vec::new(),
            };
            for name in names {
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
