//! A location that the hub knows an old state of: it was put back to a backup.
//!
//! While there is one, nothing of the location is promised and no share is granted; what takes it
//! away is its agent, once that has told everything (reference/shares.md section 6).

use serde::{Deserialize, Serialize};

use crate::stock::LocationNo;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovering {
    /// Where.
    pub location: LocationNo,
    /// The epoch that the restore began.
    pub epoch: i64,
}

impl Recovering {
    /// The key of a location's record.
    pub fn key(location: LocationNo) -> String {
        format!("recovering/{}", location.0)
    }
}
