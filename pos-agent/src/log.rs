//! The agent's log: to standard error, for people or machines, one line an event.
//!
//! What a line may hold is settled in [`oneshelf_protocol::log`]; the fields stand in
//! docs/operations/logs.md. Invariant: a panic is an event like any other.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use oneshelf_protocol::log::Lines;
use tracing_subscriber::EnvFilter;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Begins the log of this program.
///
/// # Errors
/// When the filter cannot be read, or a log has begun already.
pub fn begin(format: Format, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).context("--log")?;
    let coloured = format == Format::Text && io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(coloured)
        .with_writer(move || Lines::new(io::stderr(), coloured));
    let begun = match format {
        Format::Text => log.try_init(),
        Format::Json => log.json().try_init(),
    };
    begun.map_err(|e| anyhow::anyhow!(e))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(place, what, "a part of the program failed an assertion");
    }));
    Ok(())
}
