//! Programs by others against our parts: what they send is understood, what we send they read.
//!
//! Owns the claims about third parties; their scripts lie in `tests/peers`. Must not know how ours
//! work inside. Invariant: a peer that is not installed is a failure that says how to get it.

#[cfg(test)]
mod codes;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod mqtt;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod receiptio;
#[cfg(test)]
mod second_client;
#[cfg(test)]
mod second_encoder;
#[cfg(test)]
mod webhooks;
