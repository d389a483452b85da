//! `pos-agent doctor`: the words for looking at a store's agent. Exit code 1 when something is bad.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::doctor::{Asked, examine};

/// What to look at: say the same as to `pos-agent serve`, or run it with the same environment.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The folder with the agent's database and key.
    #[arg(long, env = "POS_AGENT_DATA")]
    data: PathBuf,
    /// The hub's address, when it is not the one that was joined any more.
    #[arg(long, env = "HUB_URL")]
    hub: Option<String>,
    /// A root certificate (PEM) that the hub's leads to, beside those of the system.
    #[arg(long, env = "HUB_CA")]
    hub_ca: Option<PathBuf>,
    /// Where the agent serves its pages.
    #[arg(long, env = "POS_AGENT_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The receipt printer, as tcp://HOST:PORT.
    #[arg(long, env = "POS_AGENT_PRINTER")]
    printer: Option<String>,
    /// The serial scanner's port, as /dev/serial/by-id/...
    #[arg(long, env = "POS_AGENT_SCANNER")]
    scanner: Option<String>,
    /// Prints the checks as JSON.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what was found. False when something is bad.
pub(super) async fn doctor(args: DoctorArgs) -> Result<bool> {
    let DoctorArgs { data, hub, hub_ca, listen, printer, scanner, json } = args;
    let report = examine(&Asked { data, hub, hub_ca, listen, printer, scanner }).await;
    match json {
        true => super::say(&serde_json::to_string_pretty(&report)?)?,
        false => super::say(&report.table())?,
    }
    Ok(report.is_well())
}
