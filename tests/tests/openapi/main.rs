//! Programs by others take the OpenAPI document: schemathesis tries what it says against a hub,
//! openapi-typescript makes types of it.
//!
//! Invariant: a peer that is not installed is a failure that says how to get it.

#[cfg(test)]
mod peers;
#[cfg(test)]
#[path = "../api/support.rs"]
#[allow(dead_code, reason = "the binary `api` uses the rest")]
mod support;
