//! Benchmarks: what the product does beside a baseline of the same run.
//!
//! It judges nothing about correctness but the audit afterwards. Invariant: durability is on
//! everywhere, and a figure is never printed without the one it is compared with.

pub mod baseline;
pub mod live;
pub mod live_bare;
mod live_lags;
mod live_mqtt;
mod live_shop;
mod live_swarm;
pub mod ours;
pub mod probe;
pub mod replay;
mod replay_log;
pub mod report;
pub mod scan;
mod scan_page;
mod scan_probe;
mod scan_shop;
mod scan_silent;
pub mod spread;
pub mod stock;

/// Which items a load asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// 90 % ask for one item at one location.
    Hot,
    /// 1,000 items at 10 locations, evenly.
    Uniform,
}

impl Load {
    /// Both.
    pub const ALL: [Load; 2] = [Load::Hot, Load::Uniform];

    /// The name in tables and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Load::Hot => "hot",
            Load::Uniform => "uniform",
        }
    }
}
