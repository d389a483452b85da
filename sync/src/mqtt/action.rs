//! What goes into the endpoint of one connection, and what comes out.

use bytes::Bytes;
use oneshelf_domain::{LocationCode, Sku};

use super::{Connecting, Refusal, Rights, StockFilter};

/// What happens to a connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// The client said something.
    Bytes(&'a [u8]),
    /// Time passed.
    Tick,
    /// The client is who it says.
    Admit {
        /// What it may do.
        rights: Rights,
        /// Its name, where it had none.
        assigned: Option<String>,
    },
    /// It is not, or may not.
    Refuse(Refusal),
    /// A message of the client was settled: its effect is durable, or it has none. False: it was
    /// dropped, and must come again.
    Settled(u16, bool),
    /// A figure, now.
    Value {
        /// Where.
        location: &'a LocationCode,
        /// Of what.
        sku: &'a Sku,
        /// As told.
        payload: Bytes,
        /// It answers a SUBSCRIBE; otherwise it is news.
        current: bool,
    },
    /// A frame for the agent.
    Frame(Bytes),
    /// Another connection of the same client took over.
    TakenOver,
    /// The hub stops.
    Stopping,
    /// The client may not be here any more.
    Revoked,
    /// The link or the hub has no use for this connection any more.
    Busy,
}

/// What the shell is to do, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Bytes for the client.
    Send(Bytes),
    /// Find out who this is, and say [`Input::Admit`] or [`Input::Refuse`].
    Prove(Connecting),
    /// A frame of the agent; say [`Input::Settled`] when it has a ticket.
    Frame {
        /// As it came.
        payload: Bytes,
        /// Its packet id.
        ticket: Option<u16>,
    },
    /// The agent listens to its frames.
    Listens,
    /// Follow what the filters take, and say the figures of now that these take.
    Current(Vec<StockFilter>),
    /// End the connection.
    Close(&'static str),
}
