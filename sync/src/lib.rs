//! The sans-IO machines: planning the write path, the two ends of the link between hub and agent.
//!
//! No clock, no randomness, no socket, no database: inputs carry the time and fresh ids, outputs
//! say what to store and what to send. The shells of hub and agent and the simulator run the same
//! code. Invariant: nothing is sent that depends on a write which was not stored first.

pub mod agent;
pub mod hub;
pub mod mqtt;
pub mod plan;
