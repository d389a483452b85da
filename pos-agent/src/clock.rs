//! Time and fresh ids for the machine: the only place where the agent reads either.
//!
//! The agent's clock decides nothing; it stamps facts and receipts.

use chrono::Utc;
use oneshelf_domain::Timestamp;
use uuid::Uuid;

pub(crate) fn now() -> Timestamp {
    Timestamp(Utc::now().timestamp_micros())
}

/// UUIDv7: ids of one store sort by time.
pub(crate) fn fresh() -> Uuid {
    Uuid::now_v7()
}
