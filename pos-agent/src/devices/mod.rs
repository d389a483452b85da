//! The store's devices: one task each for printer, scanner and scale.
//!
//! They carry between the hardware crate and the rules of the register; they decide nothing.

pub(crate) mod printer;
pub(crate) mod scale;
pub(crate) mod scanner;

pub(crate) use printer::Drawer;
