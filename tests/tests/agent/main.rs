//! The agent of a store, whole and in this process, against a hub of hand-written frames and the
//! simulated printer and scanner. What the machine decides is tested in sync; here: that it is
//! kept, sent, printed and shown as it should be.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where something is not as expected"
)]

mod codes;
mod display;
mod doors;
mod folder;
mod hub;
mod kits;
mod line;
mod lives;
mod numbers;
mod page;
mod paper;
mod paying;
mod people;
mod prices;
mod printing;
mod receipts;
mod rolled_back;
mod selling;
mod spool;
mod stock;
mod store;
mod volume;
mod weighing;
mod words;
