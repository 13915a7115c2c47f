//! Times as the API writes them: RFC 3339 in UTC, to the millisecond.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment; in JSON a text such as `2026-03-01T07:05:09.250Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub SystemTime);

/// A text that is not a moment as [`Timestamp`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UTC time of RFC 3339, such as 2026-03-01T07:05:09.250Z")]
pub struct NotATimestamp;

const DAY_SECONDS: u64 = 86_400;

impl Timestamp {
    /// The time since an earlier moment; zero where it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.duration_since(earlier.0).unwrap_or_default()
    }

    /// Seconds since 1970; zero before.
    pub fn unix_seconds(self) -> f64 {
        self.since(Self(UNIX_EPOCH)).as_secs_f64()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.since(Self(UNIX_EPOCH));
        let seconds = elapsed.as_secs();
        let (year, month, day) = date_of(seconds / DAY_SECONDS);
        let second_of_day = seconds % DAY_SECONDS;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60,
            elapsed.subsec_millis()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let text = text.strip_suffix('Z').ok_or(NotATimestamp)?;
        let (date, time) = text.split_once('T').ok_or(NotATimestamp)?;
        let [year, month, day] = numbers(date, '-')?;
        let (time, millis) = time.split_once('.').ok_or(NotATimestamp)?;
        let [hour, minute, second] = numbers(time, ':')?;
        let [millis] = numbers(millis, '.')?;
        let in_range = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60
            && millis < 1000;
        if !in_range {
            return Err(NotATimestamp);
        }
        let seconds = days_to(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        let since = Duration::from_secs(seconds) + Duration::from_millis(millis);
        Ok(Self(UNIX_EPOCH + since))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn numbers<const N: usize>(text: &str, separator: char) -> Result<[u64; N], NotATimestamp> {
    let numbers: Result<Vec<u64>, _> = text.split(separator).map(str::parse).collect();
    numbers
        .map_err(|_| NotATimestamp)?
        .try_into()
        .map_err(|_| NotATimestamp)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn month_days(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970 to the first of January of a year.
const fn days_to_year(year: u64) -> u64 {
    let past = year - 1;
    // Leap days before 1970: 477.
    (year - 1970) * 365 + past / 4 - past / 100 + past / 400 - 477
}

fn days_to(year: u64, month: u64, day: u64) -> u64 {
    let months: u64 = (1..month).map(|month| month_days(year, month)).sum();
    days_to_year(year) + months + day - 1
}

/// Year, month and day of a day counted from 1970.
fn date_of(days: u64) -> (u64, u64, u64) {
    // A year has at most 366 days, so this guess is never too late.
    let mut year = 1970 + days / 366;
    while days_to_year(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - days_to_year(year);
    let mut month = 1;
    while rest >= month_days(year, month) {
        rest -= month_days(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64, millis: u64) -> Timestamp {
        Timestamp(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
    }

    #[test]
    fn known_moments_are_written_as_rfc_3339_does() {
        assert_eq!(at(0, 0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400, 7).to_string(), "2000-02-29T00:00:00.007Z");
        assert_eq!(
            at(1_700_000_000, 250).to_string(),
            "2023-11-14T22:13:20.250Z"
        );
        assert_eq!(at(4_107_542_400, 0).to_string(), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for text in [
            "",
            "now",
            "2026-13-01T00:00:00.000Z",
            "2026-01-01T00:00:00.000",
            "1-1-1T1:1:1.1Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(seconds in 0u64..250_000_000_000, millis in 0u64..1000) {
            let moment = at(seconds, millis);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }
    }
}
