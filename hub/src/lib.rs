//! The hub: the single source of truth for stock across shops, marketplaces and stores.
//!
//! `commands` is the only write path; `http`, `link`, `jobs` and `imports` hand commands to it and
//! read through `store`. `serve` puts the parts together, `cli` is how people start them.

/// A batch is many small texts that one thread makes and SQLite's thread, or a caller's, drops:
/// what the system's allocator is slowest at. SQLite's own rows go through it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod catalogue;
pub mod channels;
pub mod cli;
pub mod commands;
pub mod csv;
pub mod doctor;
pub mod exports;
pub mod follow;
pub mod http;
pub mod imports;
pub mod jobs;
pub mod link;
pub mod live;
pub mod log;
pub mod mqtt;
pub mod risk;
pub mod secrets;
pub mod serve;
pub mod service;
pub mod setup;
pub mod shown;
pub mod store;
pub mod tls;
pub mod witness;
