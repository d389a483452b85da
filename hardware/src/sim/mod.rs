//! Simulated devices, for the demo, for tests and for anybody without hardware.
//!
//! Owns a receipt printer on TCP or a pseudo terminal, a scanner and a scale, byte for byte as real
//! ones behave, nuisances included. Must not share the encoder's code: the printer here reads bytes
//! with an interpreter of its own, so that a wrong byte shows. Invariant: memory is bounded
//! whatever a peer sends.

mod cable;
pub mod code128;
pub mod device;
pub mod ean;
pub mod page;
pub mod parser;
pub mod picture;
pub mod printer;
pub mod render;
pub mod scale;
pub mod scanner;
mod terminal;

pub use device::{Device, Knobs, PaperLevel, Printed, Pulse};
pub use page::Sheet;
pub use printer::{Panel, PrinterSim};
pub use scale::{ScaleKnobs, ScaleSim};
pub use scanner::ScannerSim;
pub use terminal::TerminalPrinterSim;
