//! What must be so when the trouble is over: the agent has told everything, and both views agree.
//!
//! It compares what programs say through their APIs; what is right is the proof's own book.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::client::{Ask, Caller, until};
use super::register::Register;
use super::world::STORE;

/// Waits until the line is live, the agent has its first copy, and nothing waits to be told.
///
/// # Errors
/// When that does not happen in time.
pub async fn drained(agent: &Caller, limit: Duration) -> Result<()> {
    let look = async || {
        let state = match agent.once(&Ask::get("/api/state")).await {
            Ok(answer) => answer.body,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let link = &state["link"];
        let done = link["state"] == json!("live") && link["waiting"] == json!(0);
        // A copy brings its registers with its figures.
        let copied = state["registers"].as_array().is_some_and(|all| !all.is_empty());
        Ok(if done && copied { Ok(()) } else { Err(format!("copied {copied}, {link}")) })
    };
    until(limit, look).await.context("the agent has not told everything")
}

/// The hub's figures of an item at the store.
///
/// # Errors
/// When the hub does not answer.
pub async fn at_store(hub: &Caller, sku: &str) -> Result<Value> {
    at(hub, sku, STORE).await
}

/// The hub's figures of an item at a location; null when it never had any there.
///
/// # Errors
/// When the hub does not answer.
pub async fn at(hub: &Caller, sku: &str, location: &str) -> Result<Value> {
    let stock = hub.need(&Ask::get(&format!("/v1/stock/{sku}"))).await?;
    let mut all = stock["locations"].as_array().into_iter().flatten();
    Ok(all.find(|l| l["location"] == json!(location)).cloned().unwrap_or_default())
}

/// Waits until agent and hub say the same of every item.
///
/// # Errors
/// Names the figures that differ.
pub async fn same_views(
    register: &mut Register,
    hub: &Caller,
    skus: impl Iterator<Item = &String>,
) -> Result<()> {
    for sku in skus {
        // Rows follow a fact's answer by a moment.
        let look = async || {
            let (theirs, ours) = (register.here(sku).await?, at_store(hub, sku).await?);
            let pairs = [
                ("on_hand", "on_hand"),
                ("reserved", "reserved"),
                ("picked", "picked"),
                ("share", "store_share"),
            ];
            let differs = pairs.iter().find(|(here, there)| theirs[here] != ours[there]);
            Ok(match differs {
                None => Ok(()),
                Some(_) => Err(format!("{sku}: the agent says {theirs}, the hub {ours}")),
            })
        };
        until(Duration::from_secs(20), look).await.context("the views differ")?;
    }
    Ok(())
}

/// A figure must be what the proof's book says.
///
/// # Errors
/// Says what it is instead.
pub fn expect(figures: &Value, name: &str, book: i64, sku: &str) -> Result<()> {
    if figures[name].as_i64() != Some(book) {
        bail!("{sku}: {name} should be {book}, and the hub says {figures}");
    }
    Ok(())
}
