//! How our times go to Postgres and come back.

use std::error::Error;

use sqlx::encode::IsNull;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};
use workshop_events::Timestamp;

/// 2000-01-01T00:00:00Z, from which Postgres counts, in milliseconds since 1970.
const EPOCH_MS: i64 = 946_684_800_000;

/// A moment as a `timestamptz`. What Postgres has beyond milliseconds is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamptz(pub Timestamp);

/// A day as a `date`: days since 2000-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i32);

impl Timestamptz {
    /// Microseconds since 2000-01-01, as Postgres has it.
    pub fn micros(self) -> i64 {
        (self.0.as_millis() - EPOCH_MS) * 1000
    }
}

impl From<Timestamp> for Timestamptz {
    fn from(ts: Timestamp) -> Self {
        Self(ts)
    }
}

impl Type<Postgres> for Timestamptz {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl PgHasArrayType for Timestamptz {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1185))
    }
}

impl Encode<'_, Postgres> for Timestamptz {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, Box<dyn Error + Send + Sync>> {
        Encode::<Postgres>::encode(self.micros(), buf)
    }
}

impl Decode<'_, Postgres> for Timestamptz {
    fn decode(value: PgValueRef<'_>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        binary(&value)?;
        let micros: i64 = Decode::<Postgres>::decode(value)?;
        Ok(Self(Timestamp::from_millis(micros.div_euclid(1000).saturating_add(EPOCH_MS))))
    }
}

impl Type<Postgres> for Date {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1082))
    }
}

impl PgHasArrayType for Date {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1182))
    }
}

impl Encode<'_, Postgres> for Date {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, Box<dyn Error + Send + Sync>> {
        Encode::<Postgres>::encode(self.0, buf)
    }
}

impl Decode<'_, Postgres> for Date {
    fn decode(value: PgValueRef<'_>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        binary(&value)?;
        Ok(Self(Decode::<Postgres>::decode(value)?))
    }
}

/// Queries without parameters that were not prepared answer in text; none of ours is so.
fn binary(value: &PgValueRef<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
    match value.format() {
        PgValueFormat::Binary => Ok(()),
        PgValueFormat::Text => Err("a time was answered as text".into()),
    }
}
