//! Devices of a store: scanners, and the text and page tables of receipt printers.
//!
//! Owns bytes on the wire and how a device behaves. Must not know items, tickets, stock, HTTP or
//! SQL: callers hand in finished text and amounts. Invariant: text from outside never becomes a
//! command of a device.

pub mod printer;
pub mod scanner;
