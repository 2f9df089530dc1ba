//! Rows in Postgres' binary form, with nothing to escape. Many go by `COPY … WITH (FORMAT binary)`, which it takes in
//! fastest; few by `INSERT`, which is one message: the driver leaves Nagle's algorithm on, so that the end of a short
//! `COPY`, a message of its own, would wait 40 ms for the server's delayed acknowledgement of the rows.

use std::fmt::Write as _;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{AssertSqlSafe, Encode, PgConnection, Postgres, Type};

use super::types::{Date, Timestamptz};

/// The signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;
const NULL: i32 = -1;
/// So much goes to the server at once.
const CHUNK: usize = 256 * 1024;
/// More rows than these go by `COPY`.
const FEW: u64 = 1024;
/// How many rows one `INSERT` has. Few sizes: the server keeps each statement prepared.
const SIZES: [u64; 4] = [64, 16, 4, 1];

/// Rows of one table.
#[derive(Debug)]
pub struct CopyRows {
    bytes: Vec<u8>,
    rows: u64,
    columns: i16,
}

impl Default for CopyRows {
    fn default() -> Self {
        Self { bytes: HEAD.to_vec(), rows: 0, columns: 0 }
    }
}

impl CopyRows {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Begins a row of so many columns, of which all rows have the same number.
    pub fn row(&mut self, columns: i16) -> Row<'_> {
        self.rows += 1;
        self.columns = columns;
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        Row(&mut self.bytes)
    }

    /// Writes them. `into` is table and columns, as both statements name them: `events (log, seq, line)`.
    ///
    /// # Errors
    /// The database refuses them or does not answer.
    pub async fn write(self, connection: &mut PgConnection, into: &str) -> Result<(), sqlx::Error> {
        if self.rows > FEW {
            return self.copy(connection, into).await;
        }
        let mut fields = Fields(&self.bytes[HEAD.len()..]);
        let mut left = self.rows;
        while let Some(rows) = SIZES.into_iter().find(|size| *size <= left) {
            let mut query = sqlx::query(AssertSqlSafe(insert(into, rows, self.columns)));
            for _ in 0..rows {
                fields.skip_count();
                for field in fields.by_ref().take(self.columns.unsigned_abs().into()) {
                    query = query.bind(field);
                }
            }
            query.execute(&mut *connection).await?;
            left -= rows;
        }
        Ok(())
    }

    async fn copy(mut self, connection: &mut PgConnection, into: &str) -> Result<(), sqlx::Error> {
        self.bytes.extend_from_slice(&END.to_be_bytes());
        let mut copy = connection.copy_in_raw(&format!("copy {into} from stdin (format binary)")).await?;
        for chunk in self.bytes.chunks(CHUNK) {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        Ok(())
    }
}

/// `insert into t (a, b) values ($1, $2), ($3, $4)`.
fn insert(into: &str, rows: u64, columns: i16) -> String {
    let mut statement = format!("insert into {into} values ");
    let mut parameter = 0_u32;
    for row in 0..rows {
        statement.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            parameter += 1;
            // Writing to a string does not fail.
            let _ = write!(statement, "{}${parameter}", if column == 0 { "" } else { ", " });
        }
        statement.push(')');
    }
    statement
}

/// The values of rows, one after the other.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// Passes over what stands before each row: how many columns it has.
    fn skip_count(&mut self) {
        self.0 = self.0.get(size_of::<i16>()..).unwrap_or_default();
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Option<Field<'b>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first_chunk()?;
        // Less than nothing is null.
        let len = usize::try_from(i32::from_be_bytes(*len)).ok();
        let (value, rest) = rest.split_at_checked(len.unwrap_or(0))?;
        self.0 = rest;
        Some(len.map(|_| Field(value)))
    }
}

/// A value in binary form; the server tells by the column what it is.
struct Field<'b>(&'b [u8]);

impl Type<Postgres> for Field<'_> {
    fn type_info() -> PgTypeInfo {
        const UNKNOWN: Oid = Oid(705);
        PgTypeInfo::with_oid(UNKNOWN)
    }
}

impl Encode<'_, Postgres> for Field<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0);
        Ok(IsNull::No)
    }
}

/// A row being written: one call a column, in order.
pub struct Row<'r>(&'r mut Vec<u8>);

impl Row<'_> {
    /// A column.
    pub fn put<V: Column>(&mut self, value: V) -> &mut Self {
        value.append(self.0);
        self
    }
}

/// What a column can be.
pub trait Column {
    /// Appends length and value.
    fn append(self, out: &mut Vec<u8>);
}

impl Column for &[u8] {
    fn append(self, out: &mut Vec<u8>) {
        // No value comes near 2 GiB: they are parts of bodies, which are bounded.
        out.extend_from_slice(&i32::try_from(self.len()).unwrap_or(i32::MAX).to_be_bytes());
        out.extend_from_slice(self);
    }
}

impl Column for &str {
    fn append(self, out: &mut Vec<u8>) {
        self.as_bytes().append(out);
    }
}

impl Column for i64 {
    fn append(self, out: &mut Vec<u8>) {
        self.to_be_bytes().as_slice().append(out);
    }
}

impl Column for i32 {
    fn append(self, out: &mut Vec<u8>) {
        self.to_be_bytes().as_slice().append(out);
    }
}

impl Column for f64 {
    fn append(self, out: &mut Vec<u8>) {
        self.to_be_bytes().as_slice().append(out);
    }
}

impl Column for bool {
    fn append(self, out: &mut Vec<u8>) {
        [u8::from(self)].as_slice().append(out);
    }
}

impl Column for Date {
    fn append(self, out: &mut Vec<u8>) {
        self.0.append(out);
    }
}

impl Column for Timestamptz {
    fn append(self, out: &mut Vec<u8>) {
        self.micros().append(out);
    }
}

/// JSON as a `jsonb`.
pub struct Jsonb<'v>(pub &'v str);

impl Column for Jsonb<'_> {
    fn append(self, out: &mut Vec<u8>) {
        const VERSION: u8 = 1;
        let len = i32::try_from(self.0.len() + 1).unwrap_or(i32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        out.push(VERSION);
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl<V: Column> Column for Option<V> {
    fn append(self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.append(out),
            None => out.extend_from_slice(&NULL.to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_names_its_parameters_row_by_row() {
        assert_eq!(insert("t (a, b)", 2, 2), "insert into t (a, b) values ($1, $2), ($3, $4)");
    }

    #[test]
    fn fields_are_what_was_put() {
        let mut rows = CopyRows::default();
        rows.row(2).put("ä").put(None::<i64>);
        rows.row(2).put(7).put(Some("b"));
        let mut fields = Fields(&rows.bytes[HEAD.len()..]);
        let mut row = || {
            fields.skip_count();
            fields.by_ref().take(2).map(|field| field.map(|field| field.0.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(row(), [Some("ä".into()), None]);
        assert_eq!(row(), [Some(vec![0, 0, 0, 7]), Some(b"b".to_vec())]);
        assert_eq!(row(), []);
    }
}
