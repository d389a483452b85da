//! `hub notice` and `hub rejected`: what needs a look by a person, and what becomes of it.

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Where, part};
use super::office::{done, list};

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
    /// Lists those that nobody has settled, the newest first; `--json` has the frames as they came.
    List {
        /// Of this location alone.
        #[arg(long)]
        location: Option<String>,
        /// Also those that somebody has settled, with what became of them.
        #[arg(long)]
        all: bool,
    },
    /// Books one now: after an update that can read it, or when a fault of the database is mended.
    Book {
        /// `cmd_...`, as `list` shows it.
        id: String,
        /// Why, for those who look later.
        #[arg(long)]
        note: String,
    },
    /// Says that one was seen to by hand: by a count, an adjustment, or since it is nothing.
    Settle {
        /// `cmd_...`, as `list` shows it.
        id: String,
        /// Why, for those who look later.
        #[arg(long)]
        note: String,
    },
}

pub(super) async fn notice(command: &NoticeCommand) -> anyhow::Result<()> {
    let NoticeWhat::List = command.what;
    let headings = ["recorded_at", "code", "subject", "text", "actor", "version"];
    list(&command.at, "/v1/notices", "notices", &headings).await
}

pub(super) async fn rejected(command: &RejectedCommand) -> anyhow::Result<()> {
    let at = &command.at;
    match &command.what {
        RejectedWhat::List { location, all } => {
            let of = location.as_ref().map(|code| format!("&location={}", part(code)));
            let path = format!("/v1/rejected-facts?open={}{}", !all, of.unwrap_or_default());
            let headings = ["recorded_at", "location", "code", "id", "agent", "settled"];
            let shown = if *all { &headings[..] } else { &headings[..5] };
            list(at, &path, "facts", shown).await
        }
        RejectedWhat::Book { id, note } => {
            let path = format!("/v1/rejected-facts/{}/book", part(id));
            let answer = at.client()?.post(&path, &json!({"note": note})).await?;
            done(at, &answer, &format!("{id} is booked"))
        }
        RejectedWhat::Settle { id, note } => {
            let path = format!("/v1/rejected-facts/{}/settle", part(id));
            let answer = at.client()?.post(&path, &json!({"note": note})).await?;
            done(at, &answer, &format!("{id} is settled; the stock is as it was"))
        }
    }
}
