//! What channels are to be told, what they confirmed and what they sent. Not commands.
//!
//! It knows rows and text; what a figure or a message means is for `channels`. Invariant: of an
//! item at most one delivery waits per channel, and a delivery's id never gets another message.

pub mod deliveries;
pub mod orders;
pub mod shadows;
