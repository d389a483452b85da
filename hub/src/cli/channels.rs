//! `hub channel`: sales channels, how each is doing, what it was told and what it ordered.
//!
//! Each is the same command as an HTTP endpoint; here stand only its words.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Where, part};
use super::office::{done, list, remove};
use super::say;
use super::table::table;

/// Channels.
#[derive(Args)]
pub(super) struct ChannelCommand {
    #[command(subcommand)]
    what: ChannelWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum ChannelWhat {
    /// Makes a channel and prints its secret once.
    Add {
        /// Lower-case letters, digits and hyphens; for ever, buffers and orders name it.
        code: String,
        /// For people.
        #[arg(long)]
        name: String,
        /// Where it is told; without one it only sends orders.
        #[arg(long)]
        endpoint: Option<String>,
        /// Which locations serve it, the first first; several times; all when never.
        #[arg(long = "location")]
        locations: Vec<String>,
    },
    /// Changes a channel.
    Set {
        /// Which.
        code: String,
        /// For people.
        #[arg(long)]
        name: String,
        /// Where it is told; without one it only sends orders.
        #[arg(long)]
        endpoint: Option<String>,
        /// Which locations serve it, the first first; several times; all when never.
        #[arg(long = "location")]
        locations: Vec<String>,
    },
    /// Lists all channels and how each is doing.
    List,
    /// Switches a channel on: it is told everything that it may offer now.
    Enable {
        /// Which.
        code: String,
    },
    /// Switches a channel off.
    Disable {
        /// Which.
        code: String,
    },
    /// Makes a new secret and prints it once; the one before stays good for a day.
    Rotate {
        /// Whose.
        code: String,
    },
    /// Sends a message that says nothing.
    Ping {
        /// To whom.
        code: String,
    },
    /// Lists what a channel was told.
    Deliveries {
        /// Which.
        code: String,
    },
    /// Says something again: one delivery, or all since a time.
    Redeliver {
        /// To whom.
        code: String,
        /// Its id, `evt_...`.
        #[arg(long, conflicts_with = "since", required_unless_present = "since")]
        delivery: Option<String>,
        /// As in 2027-01-31T18:00:00Z.
        #[arg(long)]
        since: Option<String>,
    },
    /// Lists what a channel ordered.
    Orders {
        /// Which.
        code: String,
    },
    /// Tries orders and cancellations again that could not be written down.
    RetryOrders {
        /// Whose.
        code: String,
    },
    /// After a restore: says that a channel has sent its orders since the backup again.
    CaughtUp {
        /// Which.
        code: String,
    },
    /// Ends a channel.
    Remove {
        /// Which.
        code: String,
    },
}

pub(super) async fn channel(command: &ChannelCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let of = |code: &str, what: &str| format!("/v1/channels/{}{what}", part(code));
    let step = async |code: &str, what: &str| at.client()?.post(&of(code, what), &json!({})).await;
    match &command.what {
        ChannelWhat::Add { code, name, endpoint, locations } => {
            let body = json!({"code": code, "name": name, "endpoint": endpoint,
                "locations": locations});
            let answer = at.client()?.post("/v1/channels", &body).await?;
            done(at, &answer, answer["secret"].as_str().unwrap_or_default())
        }
        ChannelWhat::Set { code, name, endpoint, locations } => {
            let body = json!({"name": name, "endpoint": endpoint, "locations": locations});
            let answer = at.client()?.put(&of(code, ""), &body).await?;
            done(at, &answer, &format!("channel {code} is changed"))
        }
        ChannelWhat::List => all(at).await,
        ChannelWhat::Enable { code } => {
            done(at, &step(code, "/enable").await?, &format!("channel {code} is on"))
        }
        ChannelWhat::Disable { code } => {
            done(at, &step(code, "/disable").await?, &format!("channel {code} is off"))
        }
        ChannelWhat::CaughtUp { code } => {
            let answer = step(code, "/caught-up").await?;
            done(at, &answer, &format!("nothing waits for orders of {code} any more"))
        }
        ChannelWhat::Rotate { code } => {
            let answer = step(code, "/rotate").await?;
            done(at, &answer, answer["secret"].as_str().unwrap_or_default())
        }
        ChannelWhat::Ping { code } => {
            let answer = step(code, "/ping").await?;
            done(at, &answer, answer["delivery"].as_str().unwrap_or_default())
        }
        ChannelWhat::Deliveries { code } => {
            let headings = ["made_at", "kind", "subject", "quantity", "state", "id"];
            list(at, &of(code, "/deliveries"), "deliveries", &headings).await
        }
        ChannelWhat::Redeliver { code, delivery, since } => {
            let body = match delivery {
                Some(id) => json!({"delivery": id}),
                None => json!({"since": since}),
            };
            let answer = at.client()?.post(&of(code, "/redeliver"), &body).await?;
            done(at, &answer, &format!("{} said again", answer["again"]))
        }
        ChannelWhat::Orders { code } => {
            let headings = ["placed_at", "channel_order_id", "state", "code", "reservation"];
            list(at, &of(code, "/orders"), "orders", &headings).await
        }
        ChannelWhat::RetryOrders { code } => {
            let answer = step(code, "/retry-orders").await?;
            done(at, &answer, &format!("{} tried again", answer["again"]))
        }
        ChannelWhat::Remove { code } => {
            remove(at, &of(code, ""), &format!("channel {code} is ended")).await
        }
    }
}

/// The list with the figures of each channel's health among its columns.
async fn all(at: &Where) -> anyhow::Result<()> {
    let mut rows = at.client()?.all("/v1/channels", "channels").await?;
    if at.json {
        return say(&serde_json::to_string_pretty(&json!({ "channels": rows }))?);
    }
    for row in &mut rows {
        let health = row["health"].take();
        let (Value::Object(row), Value::Object(health)) = (row, health) else { continue };
        row.extend(health);
    }
    let headings = [
        "code",
        "name",
        "stopped",
        "backlog",
        "last_ok_at",
        "last_result",
        "failing_since",
        "needs_attention",
        "endpoint",
    ];
    say(&table(&headings, &rows))
}
