//! The state at a moment: the fold up to the last record that is not after it.

use workshop_events::{StateRecord, Timestamp};

use crate::Projection;

/// Folds a log up to a moment. Order is `seq`, so a clock that went back can put a record of before the moment after
/// one of after it; then everything up to that record counts.
#[derive(Debug)]
pub struct FoldUntil {
    moment: Timestamp,
    /// The fold up to the last record that counts for certain.
    certain: Projection,
    /// The fold of everything read since a record after the moment was seen.
    ahead: Option<Projection>,
}

impl FoldUntil {
    /// A fold that ends at `moment`.
    pub fn new(moment: Timestamp) -> Self {
        Self { moment, certain: Projection::default(), ahead: None }
    }

    /// Applies the record with this `seq`. Records come in the order of their `seq`.
    pub fn apply(&mut self, seq: u64, record: &StateRecord<'_>) {
        if record.ts > self.moment {
            self.ahead.get_or_insert_with(|| self.certain.clone()).apply(seq, record);
            return;
        }
        if let Some(ahead) = self.ahead.take() {
            self.certain = ahead;
        }
        self.certain.apply(seq, record);
    }

    /// The state at the moment.
    pub fn into_projection(self) -> Projection {
        self.certain
    }
}
