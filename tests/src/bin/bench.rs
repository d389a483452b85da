//! `bench`: what the product does beside a baseline of the same run.
//!
//! Started by `cargo xtask bench`, which brings a throw-away PostgreSQL. It owns only the choice.

use anyhow::Result;
use clap::{Parser, Subcommand};
use oneshelf_tests::bench::{live, live_bare, replay, scan, stock};

/// Benchmarks with a baseline in the same run.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Pairs of reserve and consume, beside PostgreSQL.
    Stock(stock::Options),
    /// Thousands of subscribers on a hot item, beside a bare broadcast server.
    Live(live::Options),
    /// That server.
    #[command(hide = true)]
    LiveBare(live_bare::Options),
    /// A store that was offline for weeks says its sales while shoppers reserve.
    Replay(replay::Options),
    /// From a scanner to the line in the register page, without a hub.
    Scan(scan::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().what {
        What::Stock(options) => stock::run(&options, &mut std::io::stdout()).await,
        What::Live(options) => live::run(&options, &mut std::io::stdout()).await,
        What::LiveBare(options) => live_bare::run(&options, &mut std::io::stdout()).await,
        What::Replay(options) => replay::run(&options, &mut std::io::stdout()).await,
        What::Scan(options) => scan::run(&options, &mut std::io::stdout()).await,
    }
}
