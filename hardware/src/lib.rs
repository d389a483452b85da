//! Devices of a store: scanners and receipt printers, each with a simulator that third-party
//! clients accept.
//!
//! Owns bytes on the wire and how a device behaves. Must not know items, tickets, stock, HTTP or
//! SQL: callers hand in finished text and amounts. Invariant: text from outside never becomes a
//! command of a device, and "printed" is only said when the printer itself said so.

pub mod printer;
pub mod scanner;
pub mod sim;
