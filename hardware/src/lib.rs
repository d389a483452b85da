//! Devices of a store: scanners, receipt printers and scales, each with a simulator.
//!
//! Owns bytes on the wire and how a device behaves. Must not know items, tickets, stock, HTTP or
//! SQL: callers hand in finished text and amounts. Invariant: text from outside never becomes a
//! command of a device, and "printed" is only said when the printer itself said so.

mod port;
pub mod printer;
pub mod scale;
pub mod scanner;
pub mod sim;
