//! Scales: asking one what lies on it.
//!
//! Owns the dialog of Weigh-Tronix's SCP-01 (NCI General Serial Communications Protocol, document
//! 8408-14788-01), which counter scales of many makers speak, also as "NCI": the register sends
//! `W`, the scale answers with what it displays and with what state it is in. Must not know items
//! or prices. Invariants: a weight is whole grams of a pan that stood still; pounds are never
//! turned into grams, as one of the two is then not what the display says.

mod address;
mod answer;
mod client;

pub use address::{ScaleAddress, ScaleAddressError};
pub use answer::{ScaleFault, Weighed, read_answer};
pub use client::{Scale, ScaleState, ScaleTimes};
