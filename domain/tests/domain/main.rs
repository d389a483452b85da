//! The rules of the core from outside: text tables for each rule, properties for all of them.
//!
//! Everything goes through `decide` and `apply`, as in a shell. `world` looks at the invariants of
//! stock after every single command, so that no table has to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod cold;
mod properties;
mod records;
mod rows;
mod table;
mod tables;
mod words;
mod world;
