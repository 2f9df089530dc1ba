//! A moment in UTC with millisecond precision, as every line carries it.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC with three digits of fraction; any RFC 3339
/// time is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The range that RFC 3339 can write: years 0000 to 9999.
const RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

impl Timestamp {
    /// The moment `ms` milliseconds after the epoch, held within the years 0000 to 9999.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(*RANGE.start(), *RANGE.end()))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time; digits beyond milliseconds are dropped. `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(moment) = parse_own(text.as_bytes()) {
            return Some(moment);
        }
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Self::from_millis(moment.as_millisecond()))
    }
}

/// The form that we write, read without a general parser: it stands in every one of a million lines.
fn parse_own(b: &[u8]) -> Option<Timestamp> {
    let b: &[u8; 24] = b.try_into().ok()?;
    let shape = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if shape.iter().any(|&(at, byte)| b[at] != byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        b[from..to].iter().try_fold(0i64, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    Some(Timestamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms))
}

// jiff's timestamps end a day before the year 9999 does; a line may name its last moment.

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar: years begin in March, so that the leap day is
/// the last of its year and a month's first day is a linear function of its number.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days from 1970-01-01: the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl Timestamp {
    /// The form that is written, `2026-01-01T00:00:00.000Z`.
    pub(crate) fn digits(self) -> [u8; 24] {
        let (seconds, ms) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let fields = [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, second / 3600),
            (14..16, second / 60 % 60),
            (17..19, second % 60),
            (20..23, ms),
        ];
        for (place, mut number) in fields {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time, such as 2026-11-20T09:21:44Z")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Timestamp, E> {
                Timestamp::parse(v).ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "description": "RFC 3339, UTC, milliseconds"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use workshop_testing::rounds;

    #[test]
    fn general_forms() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Timestamp::parse(text).map(|t| t.to_string()).as_deref(), expected, "{text}");
        };
        check("2026-11-20T09:21:44.123Z", Some("2026-11-20T09:21:44.123Z"));
        check("2026-11-20T09:21:44Z", Some("2026-11-20T09:21:44.000Z"));
        check("2026-11-20T10:21:44.123999+01:00", Some("2026-11-20T09:21:44.123Z"));
        check("2024-02-29T00:00:00.000Z", Some("2024-02-29T00:00:00.000Z"));
        check("2023-02-29T00:00:00.000Z", None);
        check("0000-01-01T00:00:00.000Z", Some("0000-01-01T00:00:00.000Z"));
        check("9999-12-31T23:59:59.999Z", Some("9999-12-31T23:59:59.999Z"));
        check("2026-13-01T00:00:00.000Z", None);
        check("yesterday", None);
        check("", None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(256, 65_536)))]
        #[test]
        fn own_form_agrees_with_the_general_parser(ms in RANGE) {
            let written = Timestamp::from_millis(ms).to_string();
            let general: jiff::Timestamp = written.parse().unwrap();
            prop_assert_eq!(&written, &format!("{general:.3}"));
            prop_assert_eq!(parse_own(written.as_bytes()), Some(Timestamp(ms)));
            prop_assert_eq!(general.as_millisecond(), ms);
        }
    }
}
