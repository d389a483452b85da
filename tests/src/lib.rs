//! What test binaries share. It asserts nothing itself and knows no area's rules.

pub mod bench;
pub mod chaos;
pub mod database;
pub mod demo;
pub mod program;
