//! Live stock: a subscriber gets the figures of its items now, then whole items that changed.
//!
//! The board reads and encodes what changed after each commit, once for all subscribers. A
//! subscriber that is slow gets the newest value, never a queue.
//! Invariant: `after` of a message is the `upto` of the one before it.

mod board;
mod figure;
mod halves;
mod inbox;
mod listener;
mod pace;
mod shelf;
mod sockets;
mod subscriber;
mod teller;
mod text;

pub use board::{Board, Follower, News};
pub use figure::Figure;
pub use halves::Halves;
pub use inbox::EVERYTHING_MAX;
pub use listener::Listener;
pub use sockets::{Full, Place, Sockets};
pub use subscriber::{Bounds, Ended, ITEMS_MAX, MESSAGE_BYTES_MAX, run};
pub use text::Text;
