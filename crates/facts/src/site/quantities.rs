//! Quantities of a site file, written with their unit: spans of time, sizes on disk, numbers of workers.
use schemars::{Schema, json_schema};
use toml::de::{DeInteger, DeValue};

use super::reader::{Value, Wrong};
use super::spelling::listed;

/// Splits `5 s` into number and factor of its unit.
fn quantity(
    value: &DeValue<'_>,
    units: &[(&'static str, u64)],
    example: &str,
) -> Result<u64, Wrong> {
    let text = value.as_str().ok_or(Wrong::Type)?.trim();
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let unit = unit.trim();
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let names = listed(units.iter().map(|(name, _)| *name));
        return Wrong::value(
            format!("\"{text}\" has no unit that is known here"),
            format!("write a whole number and one of {names}, e.g. {example}"),
        );
    };
    match number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(*factor))
    {
        Some(0) => Wrong::value(
            format!("\"{text}\" is nothing"),
            format!("write e.g. {example}"),
        ),
        // Nanoseconds and bytes alike must fit a signed number.
        Some(total) if i64::try_from(total).is_ok() => Ok(total),
        _ => Wrong::value(
            format!("\"{text}\" is no whole number of {unit} that can be counted"),
            format!("write e.g. {example}"),
        ),
    }
}

/// A span of time, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) i64);

const SECOND: u64 = 1_000_000_000;

impl Value for Span {
    const FORM: &'static str = "span of time";
    const EXAMPLE: &'static str = "\"5 s\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let units = [
            ("ms", SECOND / 1000),
            ("s", SECOND),
            ("min", 60 * SECOND),
            ("h", 3600 * SECOND),
            ("d", 86_400 * SECOND),
        ];
        let nanos = quantity(value, &units, Self::EXAMPLE)?;
        Ok(Span(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

/// A size in memory or on disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

impl Value for Size {
    const FORM: &'static str = "size";
    const EXAMPLE: &'static str = "\"20 GB\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let units = [
            ("kB", 1000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
        ];
        quantity(value, &units, Self::EXAMPLE).map(Size)
    }
}

/// How many workers share an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers(pub(super) u16);

impl Value for Workers {
    const FORM: &'static str = "number, 1 to 64";
    const EXAMPLE: &'static str = "2";
    const WANTS: &'static str = "a whole number";

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "title": Self::FORM, "minimum": 1, "maximum": 64, "examples": [2] })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let number: &DeInteger<'_> = value.as_integer().ok_or(Wrong::Type)?;
        match u16::from_str_radix(number.as_str(), number.radix()) {
            Ok(workers @ 1..=64) => Ok(Workers(workers)),
            _ => Wrong::value(
                format!("{number} workers cannot share an interface"),
                "write 1 to 64, no more than the machine has cores",
            ),
        }
    }
}
