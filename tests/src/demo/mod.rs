//! The demo's world: what surrounds hub and agents. Devices of two stores, their lines, and
//! shoppers who order on the web.
//!
//! It talks to the hub as any app does, over HTTP with a key. Nothing here exists in the programs
//! of a shop. Invariant: a second start finds the first one's items and goes on.

pub mod bench;
pub mod catalogue;

pub mod generated;
pub mod hub;
pub mod line;
pub mod orders;
pub mod real;
pub mod stores;

/// A mixing of bits (SplitMix64, Steele, Lea and Flood 2014): the same in every run.
pub fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A text's number for [`mixed`] (FNV-1a).
pub fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
