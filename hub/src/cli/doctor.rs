//! `hub doctor`: the words for looking at a hub. Exit code 1 when something is bad.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::PlaceArgs;
use crate::auth::rates::Rates;
use crate::doctor::{Asked, examine};

/// What to look at: say the same as to `hub serve`, or run it with the same environment.
#[derive(Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The folder that backups are put into; the age of its newest file is judged.
    #[arg(long, env = "HUB_BACKUPS")]
    backups: Option<PathBuf>,
    /// A root certificate (PEM) that the hub's leads to, beside those of the system.
    #[arg(long, env = "HUB_CA")]
    hub_ca: Option<PathBuf>,
    /// Admin secret or key of the running hub, to look at the stores' links.
    #[arg(long, env = "HUB_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Prints the checks as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn doctor(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let asked = Asked { backups: args.backups, hub_ca: args.hub_ca, secret: args.secret };
    let options = args.place.options(Rates::default())?;
    let report = examine(&options, &asked).await;
    match args.json {
        true => super::say(&serde_json::to_string_pretty(&report)?)?,
        false => super::say(&report.table())?,
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
