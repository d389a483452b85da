//! The two ends of the link, frame by frame: what each sends, stores and leaves alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod copy;
mod forecast;
mod hub;
mod lives;
mod recall;
mod shared;
