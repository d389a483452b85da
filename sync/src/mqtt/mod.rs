//! The hub's MQTT endpoint: 5 and 3.1.1, without a socket.
//!
//! It is a pipe and a doorbell, never the durability: no session is kept, no message is stored.
//! Bytes of a client go in, bytes for it and questions to the shell come out. It knows topics and
//! rights, and nothing of stock or of frames. Sources: OASIS MQTT 5.0 and 3.1.1.
//! Invariants: nobody hears or speaks before the shell admitted it; a PUBACK follows the shell's
//! word that the message was settled, in the order of arrival; what waits is bounded.

mod action;
mod answer;
mod endpoint;
mod packet;
mod rights;
mod values;

pub use action::{Input, Output};
pub use endpoint::Endpoint;
pub use packet::{Refusal, Version};
pub use rights::{Denied, Rights, StockFilter, StockRight};

use oneshelf_domain::limits;

/// A packet before the client is admitted, bytes.
pub const CONNECT_BYTES_MAX: usize = 8 << 10;
/// A packet afterwards, bytes: a frame and its topic.
pub const PACKET_BYTES_MAX: usize = limits::FRAME_BYTES_MAX + (1 << 10);
/// Messages of a client that are not settled yet.
pub const UNSETTLED_MAX: u16 = 128;
/// Messages to a client that it has not acknowledged.
pub const UNACKNOWLEDGED_MAX: usize = 64;
/// Topics whose newest value waits for a client.
pub const VALUES_MAX: usize = 10_000;
/// Filters of a client.
pub const FILTERS_MAX: usize = 100;
/// How long a client may take to say who it is, milliseconds.
pub const CONNECT_MS: i64 = 10_000;

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Connecting {
    /// Of the protocol.
    pub version: Version,
    /// As it calls itself; empty: the hub names it.
    pub client_id: String,
    /// The user, when one was said.
    pub user: String,
    /// The password, when one was said.
    pub password: String,
}

impl std::fmt::Debug for Connecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connecting({:?}, {:?}, {:?}, ..)", self.version, self.client_id, self.user)
    }
}
