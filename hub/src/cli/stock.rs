//! `hub stock show|receive|count|adjust`: figures of an item, and the shelf of a location without
//! an agent.
//!
//! It shows what the hub says, and decides nothing: where an agent works the hub sends people to
//! the store.

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Where, part};
use super::office::done;
use super::table::table;
use super::transfers::Line;

/// Stock as it is, and the shelf of a location without an agent.
#[derive(Args)]
pub(super) struct StockCommand {
    #[command(subcommand)]
    what: StockWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum StockWhat {
    /// Shows an item's stock at each location.
    Show {
        /// Which item.
        sku: String,
    },
    /// Takes in goods that came.
    Receive {
        /// Where.
        location: String,
        /// Units of an item, as in `FLASK=4`; may be given several times.
        #[arg(long = "line", value_name = "SKU=UNITS", required = true)]
        lines: Vec<Line>,
        /// The number of a delivery note.
        #[arg(long)]
        reference: Option<String>,
    },
    /// Says how many stand on the shelf: the stock follows, and doubt ends.
    Count {
        /// Where.
        location: String,
        /// Which item.
        sku: String,
        /// Base units on the shelf.
        found: u64,
    },
    /// Corrects an item's stock, with a reason.
    Adjust {
        /// Where.
        location: String,
        /// Which item.
        sku: String,
        /// Base units; with `correction` also below zero.
        #[arg(allow_negative_numbers = true)]
        quantity: i64,
        /// damaged, lost, stolen, found, sample, expired, correction or scrapped.
        #[arg(long)]
        reason: String,
        /// In words.
        #[arg(long)]
        note: Option<String>,
    },
}

pub(super) async fn stock(command: &StockCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let (path, body, said) = match &command.what {
        StockWhat::Show { sku } => {
            let answer = at.client()?.get(&format!("/v1/stock/{}", part(sku))).await?;
            let headings = ["location", "on_hand", "available", "store_share", "reserved"];
            let rows = answer["locations"].as_array().map_or(&[][..], Vec::as_slice);
            return done(at, &answer, &table(&headings, rows));
        }
        StockWhat::Receive { location, lines, reference } => {
            let rows = lines.iter().map(|line| json!({"sku": line.sku, "quantity": line.units}));
            let rows: Vec<_> = rows.collect();
            let body = json!({"location": location, "lines": rows, "reference": reference});
            ("receive", body, format!("taken in at {location}"))
        }
        StockWhat::Count { location, sku, found } => {
            let body = json!({"location": location, "sku": sku, "found": found});
            ("count", body, format!("{sku} at {location}: {found} on the shelf"))
        }
        StockWhat::Adjust { location, sku, quantity, reason, note } => {
            let body = json!({"location": location, "sku": sku, "quantity": quantity,
                "reason": reason, "note": note});
            ("adjust", body, format!("{sku} at {location} is corrected"))
        }
    };
    let answer = at.client()?.post(&format!("/v1/stock/{path}"), &body).await?;
    done(at, &answer, &said)
}
