//! The only clock of the program.
use facts::Time;

/// The time now, UTC.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Time {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
