//! Points in time: nanoseconds since 1970-01-01T00:00:00Z, written as RFC 3339 in UTC.
use std::fmt;

/// A point in time in nanoseconds since the Unix epoch, UTC.
///
/// Written with nine fractional digits, so that text order is time order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    pub const MIN: Time = Time(i64::MIN);
    pub const MAX: Time = Time(i64::MAX);

    pub const fn from_secs(secs: i64) -> Time {
        Time(secs.saturating_mul(1_000_000_000))
    }

    /// Reads RFC 3339 with an offset; `None` if the text is not of that form or out of range.
    pub fn parse(text: &str) -> Option<Time> {
        let stamp: jiff::Timestamp = text.trim().parse().ok()?;
        i64::try_from(stamp.as_nanosecond()).ok().map(Time)
    }

    /// Nanoseconds from `earlier` to `self`; negative when the order is the other way round.
    pub const fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Time {
        Time(self.0.saturating_add(secs.saturating_mul(1_000_000_000)))
    }

    fn stamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// `2026-11-21 08:00:00` in the time zone of that IANA name; in UTC (and said so) if the name is unknown.
    pub fn local(self, zone: &str) -> String {
        match self.stamp().in_tz(zone) {
            Ok(zoned) => zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
            Err(_) => self.stamp().strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", self.stamp())
    }
}

#[test]
fn times_are_written_so_that_text_order_is_time_order() {
    let a = Time::parse("2026-11-21T08:00:00+01:00").unwrap();
    assert_eq!(a.to_string(), "2026-11-21T07:00:00.000000000Z");
    assert_eq!(Time::parse(&a.to_string()), Some(a));
    assert!(Time(a.0 + 1).to_string() > a.to_string());
    assert_eq!(
        Time::parse("2026-11-21T08:00:00"),
        None,
        "an offset is required"
    );
    assert_eq!(a.local("America/New_York"), "2026-11-21 02:00:00 EST");
}
