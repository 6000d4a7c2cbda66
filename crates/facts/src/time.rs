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
        // Tables are full of times, and most of them lie in these years: no library has to ask about others.
        match self.digits() {
            Some(digits) => f.write_str(str::from_utf8(&digits).unwrap_or_default()),
            None => write!(f, "{:.9}", self.stamp()),
        }
    }
}

impl Time {
    /// `2026-11-21T07:00:00.000000000Z` from 1970 on.
    fn digits(self) -> Option<[u8; 30]> {
        let nanos = u64::try_from(self.0).ok()?;
        let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let (day, second) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March end with the leap day; 400 of them are 146,097 days, and 719,468 days lie between the
        // first of March of the year 0 and 1970.
        let day = day + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = era * 400 + year + later;

        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let mut rest = text.as_mut_slice();
        for (width, mut number) in [
            (4, year),
            (2, month),
            (2, day),
            (2, second / 3600),
            (2, second / 60 % 60),
            (2, second % 60),
            (9, fraction),
        ] {
            let (place, after) = rest.split_at_mut_checked(width)?;
            for digit in place.iter_mut().rev() {
                *digit = b'0' + u8::try_from(number % 10).ok()?;
                number /= 10;
            }
            // Behind each number stands one sign.
            rest = after.get_mut(1..)?;
        }
        Some(text)
    }
}

#[test]
fn times_are_written_as_the_library_writes_them() {
    let leap = Time::parse("2028-02-29T23:59:59.999999999Z").unwrap();
    let days = (0..40_000).map(|day| Time(day * 86_400_000_000_000 + day * 7_919));
    for time in days.chain([Time(0), Time(-1), Time::MAX, Time::MIN, leap]) {
        assert_eq!(time.to_string(), format!("{:.9}", time.stamp()), "{time:?}");
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
