//! Points in time: nanoseconds since 1970-01-01T00:00:00Z, written as RFC 3339 in UTC.
use std::fmt;

/// A point in time in nanoseconds since the Unix epoch, UTC.
///
/// Written with nine fractional digits, so that text order is time order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// The first time that there is, in the year 1677.
    pub const MIN: Time = Time(i64::MIN);
    /// The last time that there is, in the year 2262.
    pub const MAX: Time = Time(i64::MAX);

    /// Whole seconds since the epoch; what is out of range becomes the first or last time.
    pub const fn from_secs(secs: i64) -> Time {
        Time(secs.saturating_mul(1_000_000_000))
    }

    /// Reads RFC 3339 with an offset; `None` if the text is not of that form or out of range.
    pub fn parse(text: &str) -> Option<Time> {
        if let Some(time) = Time::parse_own(text) {
            return Some(time);
        }
        i64::try_from(stamp_of(text)?.as_nanosecond())
            .ok()
            .map(Time)
    }

    /// The times that there can be, in words.
    pub const RANGE: &str = "between 1677-09-22 and 2262-04-11";

    /// Whether the text is a time, but none that there can be here.
    pub fn is_beyond(text: &str) -> bool {
        Time::parse(text).is_none() && stamp_of(text).is_some()
    }

    /// Reads what [`Time`] writes, from 1970 to 2261: a ledger of years holds millions of them. `None` is left to the whole
    /// reader, for what is no such text as for what lies elsewhere.
    fn parse_own(text: &str) -> Option<Time> {
        let text: &[u8; 30] = text.as_bytes().try_into().ok()?;
        #[rustfmt::skip]
        let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.', fraction @ .., b'Z'] = text
        else {
            return None;
        };
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        let two = |a: &u8, b: &u8| Some(digit(*a)? * 10 + digit(*b)?);
        let year = two(y1, y2)? * 100 + two(y3, y4)?;
        let (month, day) = (two(o1, o2)?, two(d1, d2)?);
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        let mut nanos = 0;
        for byte in fraction {
            nanos = nanos * 10 + digit(*byte)?;
        }
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let most = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => 31,
        };
        let is_one = (1970..2262).contains(&year)
            && (1..=12).contains(&month)
            && (1..=most).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !is_one {
            return None;
        }
        // Days of the civil calendar, in years that begin in March, so that the leap day is a year's last.
        let (years, months) = match month {
            3.. => (year, month - 3),
            _ => (year - 1, month + 9),
        };
        let days =
            years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day
                - 1
                - 719_468;
        let secs = ((days * 24 + hour) * 60 + minute) * 60 + second;
        Some(Time(secs * 1_000_000_000 + nanos))
    }

    /// Nanoseconds from `earlier` to `self`; negative when the order is the other way round.
    pub const fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Later by so many seconds, earlier by a negative number; it stops at the first and last time.
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

/// What jiff reads, but for offsets of a day and more: they are in no clock, and RFC 3339 has none.
fn stamp_of(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    let (_, clock) = text.split_once(['T', 't', ' '])?;
    let hours = clock
        .split_once(['+', '-'])
        .map_or("", |(_, offset)| offset);
    let hours = hours.get(..2).unwrap_or(hours);
    let is_day = hours.parse::<u8>().is_ok_and(|hours| hours > 23);
    text.parse().ok().filter(|_| !is_day)
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
        Time::parse("2026-11-21T08:00:00+25:00"),
        None,
        "no clock is a day ahead"
    );
    assert!(!Time::is_beyond("2026-11-21T08:00:00-24:00"));
    assert_eq!(
        Time::parse("2026-11-21T08:00:00"),
        None,
        "an offset is required"
    );
    assert_eq!(a.local("America/New_York"), "2026-11-21 02:00:00 EST");
}

#[test]
fn what_is_written_reads_as_the_whole_reader_reads_it() {
    let whole = |text: &str| {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(stamp.as_nanosecond()).ok().map(Time)
    };
    // Every day of leap and common years around a century's, at odd moments, and each last second of a year.
    for day in 0..(292 * 365 + 70) {
        let time = Time(day * 86_400_000_000_000 + day * 7_919_000_001 % 86_400_000_000_000);
        assert_eq!(Time::parse_own(&time.to_string()), Some(time), "{time}");
    }
    for text in [
        "2100-02-29T00:00:00.000000000Z",
        "2024-02-30T00:00:00.000000000Z",
        "2024-04-31T00:00:00.000000000Z",
        "2024-13-01T00:00:00.000000000Z",
        "2024-00-01T00:00:00.000000000Z",
        "2024-01-00T00:00:00.000000000Z",
        "2024-01-01T24:00:00.000000000Z",
        "2024-01-01T00:60:00.000000000Z",
        "2024-01-01T00:00:60.000000000Z",
        "2024-01-01T00:00:00.00000000 Z",
        "1969-12-31T23:59:59.999999999Z",
        "2262-04-11T23:47:16.854775807Z",
    ] {
        assert_eq!(Time::parse_own(text), None, "{text}");
        assert_eq!(Time::parse(text), whole(text), "{text}");
    }
}
