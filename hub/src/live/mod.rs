//! Live stock: a subscriber gets the figures of its items now, then whole items that changed.
//!
//! One feed reads what changed after each commit, once for all subscribers. A subscriber that is
//! slow gets the newest value, never a queue: what it missed is read again.
//! Invariant: `after` of a message is the `upto` of the one before it.

mod feed;
mod listener;
mod pace;
mod sockets;
mod subscriber;

pub use feed::{Feed, Tick};
pub use listener::Listener;
pub use sockets::{Full, Place, Sockets};
pub use subscriber::{Bounds, Ended, ITEMS_MAX, MESSAGE_BYTES_MAX, run};
