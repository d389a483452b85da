//! What travels: frames between hub and agent, the agent's credential, problem bodies, what a
//! certificate or the head of a database says.
//!
//! Only shapes and their bytes. Invariant: a shape that was sent once is never re-encoded, and
//! unknown fields of frames are ignored, so that programs of two versions can talk.

pub mod address;
pub mod amount;
pub mod certificate;
pub mod credential;
pub mod frame;
pub mod join;
pub mod log;
pub mod newer;
pub mod pin;
pub mod problem;
pub mod replica;
pub mod report;
pub mod sale;
pub mod signed;
pub mod sqlite_file;
pub mod topic;

/// Versions of the frames that this build speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// Versions of the frames that this build speaks.
pub const PROTOCOL_MAX: u32 = 1;
