//! `hub transfer list|show|new|ship|receive|cancel`: goods that go from one location to another.
//!
//! It shows what the hub says, and decides nothing. Invariant: what arrived is what somebody said:
//! each line, or with `--all` what was sent.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Where, part};
use super::office::done;
use super::say;
use super::table::table;

/// Goods from one location to another.
#[derive(Args)]
pub(super) struct TransferCommand {
    #[command(subcommand)]
    what: TransferWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum TransferWhat {
    /// Lists transfers, the newest first.
    List {
        /// In this state: committed, picked, `in_transit`, releasing, transferred or released.
        #[arg(long)]
        state: Option<String>,
        /// Sent by this location.
        #[arg(long)]
        from: Option<String>,
        /// Sent to this location.
        #[arg(long)]
        to: Option<String>,
    },
    /// Shows one transfer with its lines.
    Show {
        /// `rsv_...`, as `list` shows it.
        id: String,
    },
    /// Reserves goods at one location that are to go to another: all of them or none.
    New {
        /// Who sends; of what is available there, never of a store's share.
        #[arg(long)]
        from: String,
        /// Who gets it.
        #[arg(long)]
        to: String,
        /// Units of an item, as in `FLASK=4`; may be given several times.
        #[arg(long = "line", value_name = "SKU=UNITS", required = true)]
        lines: Vec<Line>,
        /// A location of kind transit, where the goods stand on the way; the first one when not
        /// said.
        #[arg(long)]
        via: Option<String>,
        /// A number of yours.
        #[arg(long)]
        reference: Option<String>,
    },
    /// The goods leave. At a store with an agent its staff say so there.
    Ship {
        /// `rsv_...`, as `list` shows it.
        id: String,
    },
    /// Goods arrived. At a store with an agent its staff say so there.
    Receive {
        /// `rsv_...`, as `list` shows it.
        id: String,
        /// Units of an item that came and are fit to be sold, as in `FLASK=4`; may be given several
        /// times.
        #[arg(long = "line", value_name = "SKU=UNITS", conflicts_with = "all")]
        lines: Vec<Line>,
        /// Units of an item that came and are not for sale; may be given several times.
        #[arg(long, value_name = "SKU=UNITS", conflicts_with = "all")]
        damaged: Vec<Line>,
        /// All that is still on its way came, and is fit to be sold.
        #[arg(long)]
        all: bool,
        /// Nothing more of it will come: what is missing is booked as lost.
        #[arg(long)]
        close: bool,
    },
    /// Gives a transfer up that has not left.
    Cancel {
        /// `rsv_...`, as `list` shows it.
        id: String,
    },
}

/// Units of an item as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub sku: String,
    pub units: i64,
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "a SKU, an equals sign and units, as in FLASK=4".to_owned();
        // A SKU may have the sign too; units have none.
        let (sku, units) = text.rsplit_once('=').ok_or_else(wrong)?;
        let units = units.parse().ok().filter(|units| *units >= 0).ok_or_else(wrong)?;
        if sku.is_empty() {
            return Err(wrong());
        }
        Ok(Self { sku: sku.to_owned(), units })
    }
}

pub(super) async fn transfer(command: &TransferCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let path = |id: &str| format!("/v1/transfers/{}", part(id));
    match &command.what {
        TransferWhat::List { state, from, to } => {
            let asked = [("state", state), ("from", from), ("to", to)];
            listed(at, asked.map(|(name, value)| (name, value.as_deref()))).await
        }
        TransferWhat::Show { id } => {
            let transfer = at.client()?.get(&path(id)).await?;
            done(at, &transfer, &shown(&transfer))
        }
        TransferWhat::New { from, to, lines, via, reference } => {
            let line = |line: &Line| json!({"sku": line.sku, "quantity": line.units});
            let lines: Vec<Value> = lines.iter().map(line).collect();
            let body = json!({"from": from, "to": to, "via": via, "reference": reference,
                "lines": lines});
            let transfer = at.client()?.post("/v1/transfers", &body).await?;
            done(at, &transfer, &shown(&transfer))
        }
        TransferWhat::Ship { id } => step(at, &format!("{}/ship", path(id)), &json!({})).await,
        TransferWhat::Cancel { id } => step(at, &format!("{}/cancel", path(id)), &json!({})).await,
        TransferWhat::Receive { id, lines, damaged, all, close } => {
            let came = match *all {
                true => on_its_way(&at.client()?.get(&path(id)).await?),
                false => came(lines, damaged),
            };
            if came.is_empty() && !close {
                bail!("what came? --line SKU=UNITS, --all, or --close when nothing will come");
            }
            let body = json!({"lines": came, "close": close});
            step(at, &format!("{}/receive", path(id)), &body).await
        }
    }
}

async fn step(at: &Where, path: &str, body: &Value) -> anyhow::Result<()> {
    let transfer = at.client()?.post(path, body).await?;
    done(at, &transfer, &shown(&transfer))
}

async fn listed(at: &Where, asked: [(&str, Option<&str>); 3]) -> anyhow::Result<()> {
    let named = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query: Vec<String> = named.map(|(name, value)| format!("{name}={}", part(value))).collect();
    let path = match query.is_empty() {
        true => "/v1/transfers".to_owned(),
        false => format!("/v1/transfers?{}", query.join("&")),
    };
    let rows = at.client()?.all(&path, "transfers").await?;
    if at.json {
        return say(&serde_json::to_string_pretty(&json!({ "transfers": rows }))?);
    }
    let rows: Vec<Value> = rows.into_iter().map(summed).collect();
    let headings =
        ["id", "state", "from", "to", "units", "arrived", "items", "created_at", "reference"];
    say(&table(&headings, &rows))
}

/// Its lines as sums.
fn summed(mut row: Value) -> Value {
    let of = |name: &str| -> i64 { lines(&row).iter().filter_map(|l| l[name].as_i64()).sum() };
    let (units, arrived, items) = (of("quantity"), of("arrived"), lines(&row).len());
    row["units"] = json!(units);
    row["arrived"] = json!(arrived);
    row["items"] = json!(items);
    row
}

fn lines(transfer: &Value) -> &[Value] {
    transfer["lines"].as_array().map_or(&[], Vec::as_slice)
}

fn shown(transfer: &Value) -> String {
    let text = |name: &str| {
        let text = transfer[name].as_str().unwrap_or("-");
        oneshelf_domain::code::plain_text(text, 500)
    };
    let head = format!(
        "{} {}: {} to {} by way of {}, made {}, reference {}",
        text("id"),
        text("state"),
        text("from"),
        text("to"),
        text("via"),
        text("created_at"),
        text("reference")
    );
    let headings = ["sku", "name", "quantity", "short", "arrived"];
    format!("{head}\n{}", table(&headings, lines(transfer)))
}

/// All that has not arrived, as if it just did; an item may have several lines.
fn on_its_way(transfer: &Value) -> Vec<Value> {
    let mut left: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines(transfer) {
        let units = |name: &str| line[name].as_i64().unwrap_or(0);
        let sku = line["sku"].as_str().unwrap_or_default();
        *left.entry(sku).or_default() += units("quantity") - units("arrived");
    }
    let came = left.into_iter().filter(|(_, units)| *units > 0);
    came.map(|(sku, units)| json!({"sku": sku, "good": units})).collect()
}

/// An item that came in both ways is one line.
fn came(good: &[Line], damaged: &[Line]) -> Vec<Value> {
    let mut all: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    good.iter().for_each(|line| all.entry(&line.sku).or_default().0 += line.units);
    damaged.iter().for_each(|line| all.entry(&line.sku).or_default().1 += line.units);
    all.into_iter()
        .map(|(sku, (good, damaged))| json!({"sku": sku, "good": good, "damaged": damaged}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_is_a_sku_and_units() {
        assert_eq!(line("A=B=4"), Line { sku: "A=B".into(), units: 4 });
        for wrong in ["FLASK", "FLASK=", "FLASK=-1", "=4", "FLASK=4.5"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn good_and_damaged_units_of_an_item_are_one_line() {
        let came = came(&[line("MUG=2"), line("CUP=1"), line("MUG=1")], &[line("MUG=4")]);
        let wanted = [
            json!({"sku": "CUP", "good": 1, "damaged": 0}),
            json!({"sku": "MUG", "good": 3, "damaged": 4}),
        ];
        assert_eq!(came, wanted);
    }

    #[test]
    fn all_is_what_has_not_arrived() {
        let transfer = json!({"lines": [
            {"sku": "MUG", "quantity": 3, "short": 0, "arrived": 1},
            {"sku": "CUP", "quantity": 2, "short": 0, "arrived": 2},
            {"sku": "MUG", "quantity": 1, "short": 0, "arrived": 0},
        ]});
        assert_eq!(on_its_way(&transfer), [json!({"sku": "MUG", "good": 3})]);
    }
}
