//! SKUs to numbers for one connection, with a placeholder item for goods that nobody has told of.
//!
//! A number never changes, so what was looked up once stays true.

use std::collections::BTreeMap;

use oneshelf_domain::item::{ItemDetails, ItemState, Unit};
use oneshelf_domain::stock::{Command, ItemNo, Outcome};
use oneshelf_domain::{CommandId, Sku};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use crate::app::App;
use crate::commands::{Accepted, Failure, Lane};
use crate::store::StoreError;

/// Names of ids made here.
const PLACEHOLDER: Uuid = Uuid::from_u128(0x0192_6f3a_51c7_7b1e_9d4f_7a60_11ce_0001);
/// What one connection remembers, rows.
const KEPT_MAX: usize = 100_000;

/// What was looked up.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_sku: BTreeMap<Sku, ItemNo>,
    by_no: BTreeMap<ItemNo, Sku>,
}

impl Numbers {
    pub(super) fn put(&mut self, sku: Sku, no: ItemNo) {
        if self.by_sku.len() >= KEPT_MAX {
            self.by_sku.clear();
            self.by_no.clear();
        }
        self.by_no.insert(no, sku.clone());
        self.by_sku.insert(sku, no);
    }

    pub(super) fn names(&self) -> &BTreeMap<ItemNo, Sku> {
        &self.by_no
    }

    pub(super) fn numbers(&self) -> &BTreeMap<Sku, ItemNo> {
        &self.by_sku
    }

    /// Looks up what is not known yet.
    pub(super) async fn learn(&mut self, app: &App, skus: &[Sku]) -> Result<(), StoreError> {
        let unknown: Vec<Sku> =
            skus.iter().filter(|s| !self.by_sku.contains_key(*s)).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut tx = app.store.read().await?;
        let found = crate::store::read::numbers::by_sku(&mut tx, &unknown).await?;
        tx.rollback().await?;
        for (sku, no) in found {
            self.put(sku, no);
        }
        Ok(())
    }

    /// Looks up the SKUs of numbers that are not known yet.
    pub(super) async fn learn_names(
        &mut self,
        app: &App,
        numbers: &[ItemNo],
    ) -> Result<(), StoreError> {
        let unknown: Vec<ItemNo> =
            numbers.iter().filter(|n| !self.by_no.contains_key(*n)).copied().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut tx = app.store.read().await?;
        let found = crate::store::read::numbers::by_no(&mut tx, &unknown).await?;
        tx.rollback().await?;
        for (sku, no) in found {
            self.put(sku, no);
        }
        Ok(())
    }

    /// Makes an item for each SKU that a fact names and nobody has told of. It has no price: a
    /// person completes it.
    pub(super) async fn make_up(&mut self, app: &App, skus: &[Sku]) -> Result<(), Failure> {
        for sku in skus {
            if self.by_sku.contains_key(sku) {
                continue;
            }
            let accepted = app.commands.submit(Lane::Agents, placeholder(sku)).await?;
            if let Accepted { outcome: Outcome::Item { no }, .. } = accepted {
                tracing::warn!(%sku, "a store sold an item that the catalogue does not have");
                self.put(sku.clone(), no);
            }
        }
        Ok(())
    }
}

fn placeholder(sku: &Sku) -> Submission {
    let details = ItemDetails {
        name: sku.to_string(),
        barcodes: vec![],
        unit: Unit::default(),
        price: None,
        tax: "standard".to_owned(),
        brand: None,
        category: None,
        image: None,
        options: None,
        state: ItemState::default(),
    };
    Submission {
        id: CommandId(Uuid::new_v5(&PLACEHOLDER, sku.as_str().as_bytes())),
        principal: "hub".to_owned(),
        actor: "hub".to_owned(),
        on_behalf_of: None,
        keyed: false,
        command: Command::PutItem { sku: sku.clone(), details },
    }
}
