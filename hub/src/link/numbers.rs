//! SKUs of a frame to numbers, with a placeholder item for goods that nobody has told of.
//!
//! What is known is the hub's ([`crate::app::ItemNumbers`]); this adds only what a fact may not
//! wait for. Invariant: an item that is there stays as it is.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{Command, ItemNo, Outcome};
use oneshelf_domain::{CommandId, Sku};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use super::session::Ended;
use crate::app::App;
use crate::commands::Lane;

/// Numbers of the SKUs that exist.
pub(super) async fn known(app: &App, skus: &[Sku]) -> Result<BTreeMap<Sku, ItemNo>, Ended> {
    let numbers = app.items.of(&app.store, skus).await?;
    Ok(skus.iter().cloned().zip(numbers).filter_map(|(sku, no)| Some((sku, no?))).collect())
}

/// Numbers of all of them: what is not there is made, without a price. A person completes it.
pub(super) async fn all(app: &App, skus: &[Sku]) -> Result<BTreeMap<Sku, ItemNo>, Ended> {
    let mut numbers = known(app, skus).await?;
    for sku in skus {
        if numbers.contains_key(sku) {
            continue;
        }
        let command = Command::NameItem { sku: sku.clone() };
        let named = Submission::by_hub(CommandId(Uuid::now_v7()), command);
        let answer = app.commands.submit(Lane::Agents, named).await;
        let accepted = answer.map_err(|failure| Ended::Failed(format!("{failure:?}")))?;
        if let Outcome::Item { no } = accepted.outcome {
            tracing::warn!(%sku, "a store names an item that the catalogue does not have");
            app.items.learn(sku, no);
            numbers.insert(sku.clone(), no);
        }
    }
    Ok(numbers)
}
