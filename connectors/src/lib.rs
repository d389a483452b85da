//! Connectors: translators between the domain and the bytes of the outside. No I/O, no state.
//!
//! `port` is what a connector is, `channels` has one file each, `signature`, `secret` and `pacing`
//! are what several share. The shell resolves, connects, retries and keeps; it must not look into
//! bytes. Adding a channel is one file, one line of [`CHANNELS`] and one of the conformance suite.

pub mod channels;
pub mod pacing;
pub mod port;
pub mod secret;
pub mod signature;

pub use channels::webhook::Webhook;
pub use port::{
    Account, Allowance, Connector, Incoming, Intake, Location, Message, NotTaken, Order, OrderLine,
    Outgoing, Received, Reply, Request, Verdict,
};
pub use secret::Secret;

/// Every channel connector there is. Its name stands in records, so it never changes.
pub const CHANNELS: &[&dyn Connector] = &[&Webhook];

/// The connector with this name.
pub fn channel(name: &str) -> Option<&'static dyn Connector> {
    CHANNELS.iter().copied().find(|connector| connector.name() == name)
}
