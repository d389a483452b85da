//! `hub store list|show|items|retire-agent`: how stores stand, and giving up an agent that is gone.
//!
//! It shows what the hub says. Invariant: an agent is retired only after somebody typed the code of
//! its store, or gave it with the command.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{Where, part};
use super::office::{done, list};
use super::table::table;
use super::{say, tell};

/// Stores as they stand.
#[derive(Args)]
pub(super) struct StoreCommand {
    #[command(subcommand)]
    what: StoreWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum StoreWhat {
    /// Lists all stores: how their lines look, units of share, promised, in doubt, missing.
    List,
    /// Shows one store, and what may go wrong if it stays so.
    Show {
        /// Which.
        code: String,
    },
    /// Lists the items behind one of a store's figures, the largest first.
    Items {
        /// Which.
        code: String,
        /// Which figure.
        #[arg(long, value_enum, default_value = "share")]
        of: Of,
    },
    /// Gives up a store's agent that does not answer: its share is in doubt until it is counted.
    RetireAgent {
        /// Whose.
        code: String,
        /// The store's code once more, instead of typing it when asked.
        #[arg(long)]
        confirm: Option<String>,
    },
}

/// One of a store's figures.
#[derive(Clone, Copy, ValueEnum)]
enum Of {
    /// Its registers' to sell.
    Share,
    /// Reserved or picked.
    Promised,
    /// In doubt.
    InDoubt,
    /// Lacked by reservations.
    Short,
    /// Not explained.
    Discrepancy,
}

impl Of {
    const fn name(self) -> &'static str {
        match self {
            Of::Share => "share",
            Of::Promised => "promised",
            Of::InDoubt => "in_doubt",
            Of::Short => "short",
            Of::Discrepancy => "discrepancy",
        }
    }
}

const FIGURES: [&str; 5] = ["share", "promised", "in_doubt", "short", "discrepancy"];

pub(super) async fn store(command: &StoreCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let path = |code: &str| format!("/v1/stores/{}", part(code));
    match &command.what {
        StoreWhat::List => {
            let rows = at.client()?.all("/v1/stores", "stores").await?;
            if at.json {
                return say(&serde_json::to_string_pretty(&json!({ "stores": rows }))?);
            }
            let rows: Vec<Value> = rows.into_iter().map(flat).collect();
            let headings = ["location", "name", "link", "last_answer_at", "waiting_facts"];
            say(&table(&[&headings[..], &FIGURES[..], &["risks"]].concat(), &rows))
        }
        StoreWhat::Show { code } => {
            let store = at.client()?.get(&path(code)).await?;
            done(at, &store, &shown(&store))
        }
        StoreWhat::Items { code, of } => {
            let path = format!("{}/items?of={}", path(code), of.name());
            list(at, &path, "items", &["sku", "name", "units"]).await
        }
        StoreWhat::RetireAgent { code, confirm } => {
            retire(at, &path(code), code, confirm.as_deref()).await
        }
    }
}

/// Its figures as units alone, its risks as codes.
fn flat(mut row: Value) -> Value {
    for name in FIGURES {
        row[name] = row[name]["units"].take();
    }
    let codes = row["risks"].as_array().into_iter().flatten().map(|risk| risk["code"].clone());
    row["risks"] = codes.collect();
    row
}

fn shown(store: &Value) -> String {
    let text = |name: &str| store[name].as_str().unwrap_or("-").to_owned();
    let mut lines = vec![
        format!("{} {}", text("location"), text("name")),
        format!("line: {}, last answer: {}", text("link"), text("last_answer_at")),
    ];
    for name in FIGURES {
        let of = &store[name];
        lines.push(format!("{name}: {} units of {} items", of["units"], of["items"]));
    }
    lines.extend(risks(store).map(|risk| format!("! {risk}")));
    lines.iter().map(|l| oneshelf_domain::code::plain_text(l, 400)).collect::<Vec<_>>().join("\n")
}

fn risks(store: &Value) -> impl Iterator<Item = &str> {
    store["risks"].as_array().into_iter().flatten().filter_map(|risk| risk["text"].as_str())
}

async fn retire(at: &Where, path: &str, code: &str, confirm: Option<&str>) -> anyhow::Result<()> {
    let client = at.client()?;
    let store = client.get(path).await?;
    let Some(life) = store["incarnation"].as_str() else {
        bail!("no agent speaks for {code}: there is nothing to retire");
    };
    tell(&shown(&store));
    let share = &store["share"];
    tell(&format!(
        "Retiring the agent of {code} means:\n\
         - {} units of {} items go in doubt: promised to nobody and granted to nobody, until they \
         are counted in the store;\n\
         - if the agent comes back, what it sold meanwhile is booked, the rest is free again, and \
         it goes on as a new life without share;\n\
         - reservations that were given up and wait for its word stay so until their items are \
         counted (`hub store items {code} --of promised`);\n\
         - what it sold and never tells is found by a count alone.",
        share["units"], share["items"]
    ));
    let typed = match confirm {
        Some(code) => code.to_owned(),
        None => asked(code)?,
    };
    if typed.trim() != code {
        bail!("that is not {code}: nothing was changed");
    }
    let body = json!({"incarnation": life});
    let store = client.post(&format!("{path}/retire-agent"), &body).await?;
    done(at, &store, &format!("the agent of {code} is retired\n{}", shown(&store)))
}

fn asked(code: &str) -> anyhow::Result<String> {
    tell(&format!("Type {code} to go on:"));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("standard input is closed")?;
    Ok(line)
}
