//! Sales channels, one file each.

pub mod webhook;
