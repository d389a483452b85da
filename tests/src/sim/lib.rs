//! The simulator as a library, for its program and its tests: compiled and optimised once.
//! What it is stands in `sim`; nothing is decided here.

#[path = "mod.rs"]
mod sim;

pub use sim::*;
