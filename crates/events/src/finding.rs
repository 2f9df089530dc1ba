//! What can be wrong in a stream.

/// Something in a stream that is not as it should be. Reading goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Byte offset of the line.
    pub offset: u64,
    /// Its length in bytes, without a newline.
    pub len: u64,
    /// What is wrong.
    pub kind: FindingKind,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindingKind {
    /// Not a record.
    #[error("malformed line: {0}")]
    Malformed(String),
    /// The bytes are not those that were written.
    #[error("checksum does not match: the line was changed after it was written")]
    Corrupt,
    /// Zeros, as a crash of the machine leaves them.
    #[error("a run of zero bytes")]
    Zeros,
    /// Longer than [`crate::codec::MAX_FOREIGN_LINE`].
    #[error("line is too long")]
    TooLong,
    /// The last line has no newline: its writing was cut off.
    #[error("the last line is cut off")]
    Torn,
    /// The line names another log.
    #[error("line of another log, {0}")]
    Foreign(String),
    /// An earlier line has the same `seq` and other bytes, or the line comes too late to be put in order.
    #[error("record {0} stands already, or comes too late for its place")]
    Conflict(u64),
    /// Records are missing before this one.
    #[error("records {from} to {to} are missing")]
    Gap {
        /// First missing `seq`.
        from: u64,
        /// Last missing `seq`.
        to: u64,
    },
}
