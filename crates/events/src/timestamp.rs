//! A moment in UTC with millisecond precision, as every line carries it.

use std::{borrow::Cow, fmt};

use jiff::{civil::DateTime, tz::Offset};
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
    let mut other = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')]
        .iter()
        .fold(false, |other, &(at, byte)| other | (b[at] != byte));
    let mut number = |from: usize, to: usize| {
        b[from..to].iter().fold(0, |number, byte| {
            let digit = byte.wrapping_sub(b'0');
            other |= digit > 9;
            number * 10 + i32::from(digit)
        })
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second, ms) = (number(11, 13), number(14, 16), number(17, 19), number(20, 23));
    if other {
        return None;
    }
    let moment = DateTime::new(
        year as i16,
        month as i8,
        day as i8,
        hour as i8,
        minute as i8,
        second as i8,
        ms * 1_000_000,
    );
    Some(Timestamp(Offset::UTC.to_timestamp(moment.ok()?).ok()?.as_millisecond()))
}

impl Timestamp {
    /// The form that is written, `2026-01-01T00:00:00.000Z`.
    pub(crate) fn digits(self) -> [u8; 24] {
        // Every time in the range is one.
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        let moment = Offset::UTC.to_datetime(moment);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let fields = [
            (0..4, moment.year()),
            (5..7, moment.month().into()),
            (8..10, moment.day().into()),
            (11..13, moment.hour().into()),
            (14..16, moment.minute().into()),
            (17..19, moment.second().into()),
            (20..23, moment.millisecond()),
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
        check("2026-13-01T00:00:00.000Z", None);
        check("yesterday", None);
        check("", None);
    }

    proptest! {
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
