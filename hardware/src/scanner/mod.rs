//! Scanners: from bytes on a serial line to whole codes, and from codes to what they say.
//!
//! Owns framing, symbology marks, check digits, GS1's identifiers and links, shops' patterns of
//! weighed goods, and the thread of a scanner. Must not know items. Invariant: a code is handed on
//! whole or not at all.
//!
//! A register asks `Reading::of(code, symbology)` and, when the catalogue knows neither code nor
//! GTIN, `Patterns::read(gtin)`.

mod address;
mod ai;
pub mod elements;
pub mod frame;
pub mod gtin;
#[cfg(feature = "evdev")]
mod keyboard;
mod keys;
mod link;
pub mod pattern;
pub mod reader;
pub mod reading;
mod serial;
pub mod symbology;
pub mod value;

pub use address::{ScannerAddress, ScannerAddressError};
pub use ai::{CodeFault, Value};
pub use elements::{Element, Elements};
pub use frame::{FrameEvent, FrameRules, Framer, Refusal, RepeatGuard, Scan};
pub use gtin::{Gtin, check_digit, check_digit_ok, normalise_gtin, upc_e_to_upc_a};
pub use keys::{Keys, Press};
pub use pattern::{Embedded, Measured, Pattern, PatternError, Patterns};
pub use reader::{Scanner, ScannerEvent, ScannerSettings};
pub use reading::Reading;
pub use symbology::Symbology;
pub use value::{Amount, Decimal, FullDate, Moment, ShortDate};
