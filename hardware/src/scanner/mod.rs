//! Scanners: from bytes on a serial line to whole codes.
//!
//! Owns framing, symbology marks, check digits and the serial port's thread. Must not know what a
//! code means. Invariant: a code is handed on whole or not at all.

pub mod frame;
pub mod gtin;
pub mod serial;
pub mod symbology;

pub use frame::{FrameEvent, FrameRules, Framer, Refusal, RepeatGuard, Scan};
pub use gtin::{check_digit, check_digit_ok, normalise_gtin, upc_e_to_upc_a};
pub use serial::{ScannerEvent, SerialScanner, SerialSettings};
pub use symbology::Symbology;
