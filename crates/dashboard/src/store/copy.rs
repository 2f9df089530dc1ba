//! Rows for `COPY … WITH (FORMAT binary)`: what Postgres takes in fastest, with nothing to escape.

use sqlx::PgConnection;

use super::types::{Date, Timestamptz};

/// The signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;
const NULL: i32 = -1;
/// So much goes to the server at once.
const CHUNK: usize = 256 * 1024;

/// Rows of one table, as `COPY` takes them.
#[derive(Debug)]
pub struct CopyRows {
    bytes: Vec<u8>,
    rows: u64,
}

impl Default for CopyRows {
    fn default() -> Self {
        Self { bytes: HEAD.to_vec(), rows: 0 }
    }
}

impl CopyRows {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Begins a row of so many columns.
    pub fn row(&mut self, columns: i16) -> Row<'_> {
        self.rows += 1;
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        Row(&mut self.bytes)
    }

    /// Writes them by a `copy … from stdin (format binary)`.
    ///
    /// # Errors
    /// The database refuses them or does not answer.
    pub async fn write(mut self, connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
        if self.rows == 0 {
            return Ok(());
        }
        self.bytes.extend_from_slice(&END.to_be_bytes());
        let mut copy = connection.copy_in_raw(statement).await?;
        for chunk in self.bytes.chunks(CHUNK) {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        Ok(())
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
