//! The hub's store and write path on the engine of this run (`ONESHELF_TEST_ENGINE`).
//!
//! They reach the hub through `Store` and `Commands`, and look into its tables with SQL of their
//! own. No test waits for time to pass.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod audit;
mod batches;
mod bulk;
mod channels;
mod day;
mod differential;
mod frames;
mod ids;
mod jobs;
mod model;
mod races;
mod random;
mod shop;
mod tables;
mod world;
