//! `hub notice list` and `hub rejected list`: what needs a look by a person.

use clap::{Args, Subcommand};

use super::client::{Where, part};
use super::office::list;

/// Notices of the rules.
#[derive(Args)]
pub(super) struct NoticeCommand {
    #[command(subcommand)]
    what: NoticeWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum NoticeWhat {
    /// Lists them, the newest first: short reservations, copies of agents, odd sales ...
    List,
}

/// Facts of stores that the hub could not book.
#[derive(Args)]
pub(super) struct RejectedCommand {
    #[command(subcommand)]
    what: RejectedWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum RejectedWhat {
    /// Lists them, the newest first; `--json` has the frames as they came.
    List {
        /// Of this location alone.
        #[arg(long)]
        location: Option<String>,
    },
}

pub(super) async fn notice(command: &NoticeCommand) -> anyhow::Result<()> {
    let NoticeWhat::List = command.what;
    let headings = ["recorded_at", "code", "subject", "text", "actor", "version"];
    list(&command.at, "/v1/notices", "notices", &headings).await
}

pub(super) async fn rejected(command: &RejectedCommand) -> anyhow::Result<()> {
    let RejectedWhat::List { location } = &command.what;
    let path = match location {
        Some(code) => format!("/v1/rejected-facts?location={}", part(code)),
        None => "/v1/rejected-facts".to_owned(),
    };
    list(&command.at, &path, "facts", &["recorded_at", "location", "code", "id", "agent"]).await
}
