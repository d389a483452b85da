//! Receipt printers: code pages, profiles and text that is safe to print.
//!
//! Must not know what a receipt says. Invariant: every character sent is one that the chosen page
//! really holds.

pub mod pages;
pub mod profile;
pub mod text;

pub use pages::CodePage;
pub use profile::{DrawerProfile, PageNumber, Profile};
