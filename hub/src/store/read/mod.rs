//! Queries that only read, for pages, links and live figures. Each owner has files of their own.

pub mod changes;
pub mod figures;
pub mod frames;
pub mod free;
pub mod items;
pub mod movements;
pub mod notices;
pub mod numbers;
pub mod receipts;
pub mod rejected;
pub mod reservations;
pub mod shares;
pub mod standing;
pub mod stock;
pub mod transfers;
pub mod walk_in;
