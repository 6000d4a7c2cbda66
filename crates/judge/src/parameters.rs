//! Parameters of pages: periods and thresholds, each with a default and its source, that a site may set for itself.
use facts::Value;
use facts::site::{Place, Problem, Site};
use serde::Deserialize;

use crate::{Error, Page};

/// A value that a page's query names (`:name`).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// As the query names it, without the colon.
    pub name: String,
    /// What is judged by.
    pub value: Value,
    /// What holds where a site sets nothing.
    pub default: Value,
    /// Of a number, e.g. `days`; empty if it has none.
    pub unit: String,
    /// Where the default comes from.
    pub source: String,
    /// What it means, a sentence.
    pub about: String,
    /// Where the site sets it.
    pub set: Option<Place>,
}

impl Parameter {
    /// The value with its unit, as people read it.
    pub fn shown(&self) -> String {
        let value = shown(&self.value);
        match self.unit.as_str() {
            "" => value,
            unit => format!("{value} {unit}"),
        }
    }
}

/// A parameter as the front matter of a page declares it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    default: toml::Value,
    #[serde(default)]
    unit: String,
    source: String,
    about: String,
}

/// Names that the engine itself gives to every query.
pub(crate) const TAKEN: &[&str] = &["as_of", "edition", "editions"];

pub(crate) fn read(name: &str, written: Written) -> Result<Parameter, String> {
    if TAKEN.contains(&name) {
        return Err(format!(
            "parameter {name:?} is one that every page has; name it otherwise"
        ));
    }
    if written.source.trim().is_empty() || written.about.trim().is_empty() {
        return Err(format!(
            "parameter {name:?} has to say what it means and where its default comes from"
        ));
    }
    let default = value(&written.default).ok_or_else(|| {
        format!("parameter {name:?} must be a number, a text, true or false, or a list of texts")
    })?;
    Ok(Parameter {
        name: name.to_owned(),
        value: default.clone(),
        default,
        unit: written.unit,
        source: written.source,
        about: written.about,
        set: None,
    })
}

fn value(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(n) => Value::Int(*n),
        toml::Value::Float(n) => Value::Real(*n),
        toml::Value::Boolean(on) => Value::Bool(*on),
        toml::Value::Array(list) => Value::List(
            list.iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        ),
        toml::Value::Datetime(_) | toml::Value::Table(_) => return None,
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(list) => list.join(", "),
        Value::Numbers(list) => {
            let words: Vec<String> = list.iter().map(ToString::to_string).collect();
            words.join(", ")
        }
    }
}

/// Sets what the site sets. All that is wrong with it comes at once, each with file and line.
///
/// # Errors
/// [`Error::Parameters`] with all that is wrong. What is right was set all the same, so the pages are not to be
/// judged by then.
pub fn set(pages: &mut [Page], site: &Site) -> Result<(), Error> {
    let mut problems = Vec::new();
    for setting in &site.settings {
        let measure = &setting.measure;
        let ids: Vec<String> = pages.iter().map(|page| page.id.clone()).collect();
        let Some(page) = pages
            .iter_mut()
            .find(|page| page.id.eq_ignore_ascii_case(measure))
        else {
            problems.push(setting.problem(
                format!("\"{measure}\" in [parameters] is no measure with a page"),
                format!("measures are {}", ids.join(", ")),
            ));
            continue;
        };
        let (id, known) = (page.id.clone(), names(&page.parameters));
        let Some(parameter) = page
            .parameters
            .iter_mut()
            .find(|parameter| parameter.name == setting.parameter)
        else {
            let remedy = match known.is_empty() {
                true => format!("{id} has none; delete the line"),
                false => format!("parameters of {id} are {known}"),
            };
            let what = format!("{id} has no parameter \"{}\"", setting.parameter);
            problems.push(setting.problem(what, remedy));
            continue;
        };
        match fitting(&setting.value, &parameter.default) {
            Ok(value) => {
                parameter.value = value;
                parameter.set = Some(setting.place.clone());
            }
            Err(wants) => problems.push(setting.problem(
                format!(
                    "{id}.{} is {}, not {wants}",
                    setting.parameter,
                    shown(&setting.value)
                ),
                format!(
                    "write e.g. {id}.{} = {}",
                    parameter.name,
                    written(&parameter.default)
                ),
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Parameters {
            problems: problems.iter().map(Problem::to_string).collect(),
        }),
    }
}

fn names(parameters: &[Parameter]) -> String {
    let names: Vec<&str> = parameters.iter().map(|one| one.name.as_str()).collect();
    names.join(", ")
}

/// The value as of the default's type, or what it should be.
fn fitting(value: &Value, default: &Value) -> Result<Value, &'static str> {
    match (default, value) {
        // A period or threshold below nothing is a slip of the pen.
        (Value::Int(_), Value::Int(0..)) => Ok(value.clone()),
        (Value::Int(_), _) => Err("a whole number from 0"),
        (Value::Real(_), Value::Real(n)) if *n >= 0.0 => Ok(value.clone()),
        #[allow(clippy::cast_precision_loss, reason = "a threshold; 53 bits are ample")]
        (Value::Real(_), Value::Int(n @ 0..)) => Ok(Value::Real(*n as f64)),
        (Value::Real(_), _) => Err("a number from 0"),
        (Value::Bool(_), Value::Bool(_)) => Ok(value.clone()),
        (Value::Bool(_), _) => Err("true or false"),
        (Value::List(_), Value::List(_)) => Ok(value.clone()),
        (Value::List(_), _) => Err("a list of texts"),
        (_, Value::Text(_)) => Ok(value.clone()),
        (_, _) => Err("a text"),
    }
}

/// As a site file writes it.
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::List(list) => format!("{list:?}"),
        Value::Bool(on) => on.to_string(),
        other => shown(other),
    }
}

#[cfg(test)]
mod tests {
    use facts::site::{Setting, Site};

    use super::*;
    use crate::built_in;

    fn site(set: &[(&str, &str, Value)]) -> Site {
        let settings = (1..)
            .zip(set)
            .map(|(line, (measure, name, value))| Setting {
                measure: (*measure).to_owned(),
                parameter: (*name).to_owned(),
                value: value.clone(),
                place: Place {
                    file: "site.toml".to_owned(),
                    line,
                },
            });
        Site {
            settings: settings.collect(),
            ..Site::default()
        }
    }

    #[test]
    fn a_site_sets_a_period_and_its_mistakes_name_line_and_choice() {
        let mut pages = built_in().unwrap();
        set(&mut pages, &site(&[("R3", "notice_days", Value::Int(7))])).unwrap();
        let page = pages.iter().find(|page| page.id == "R3").unwrap();
        let days = page.parameters.iter().find(|one| one.name == "notice_days");
        let days = days.unwrap();
        assert_eq!(
            (days.shown().as_str(), &days.value),
            ("7 days", &Value::Int(7))
        );
        assert!(days.set.is_some() && days.default != days.value);
        let wrong = [
            ("R99", "notice_days", Value::Int(7)),
            ("R3", "notice", Value::Int(7)),
            ("R3", "notice_days", Value::Text("soon".into())),
            ("R3", "notice_days", Value::Int(-1)),
        ];
        let error = set(&mut pages, &site(&wrong)).unwrap_err().to_string();
        for part in [
            "site.toml:1: \"R99\" in [parameters] is no measure with a page; measures are T1",
            "site.toml:2: R3 has no parameter \"notice\"; parameters of R3 are notice_days",
            "site.toml:3: R3.notice_days is soon, not a whole number from 0; write e.g. R3.notice_days = 30",
            "site.toml:4: R3.notice_days is -1",
        ] {
            assert!(error.contains(part), "{part}\n{error}");
        }
    }
}
