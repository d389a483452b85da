//! The shell of a store: registers, devices, the link to the hub, the pages' API.
//!
//! Complete without the hub: everything that a sale needs is in its own database. Reading order:
//! [`serve`] (what runs), [`register`] (the rules, around the one `Front`), [`journal`] (what is
//! kept), [`link`], [`devices`], [`http`].
//! Invariant: nothing is sent, printed or answered before the transaction that it rests on.

pub mod backup;
pub mod cli;
mod clock;
mod devices;
pub mod doctor;
pub mod enrol;
mod events;
mod folder;
mod http;
mod journal;
mod key;
mod language;
mod link;
pub mod log;
mod pepper;
mod register;
pub mod serve;
mod service;
mod tls;
