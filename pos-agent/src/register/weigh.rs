//! Goods that are sold by their measure: the scale's weight, or what somebody types.
//!
//! Invariant: a line takes what the scale said of a pan that stood still, after it was asked for
//! this line; anything else becomes a question to the cashier, who may type the weight.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::Sku;
use oneshelf_domain::item::{Item, Unit};
use oneshelf_hardware::scale::{ScaleFault, Weighed};
use serde_json::json;
use tokio::time::Instant;

use super::ticket::Amount;
use super::{Added, Answer, Front, Refused, Session};

/// How long a pan may settle while somebody waits.
const SETTLE: Duration = Duration::from_millis(1_500);

impl Front {
    /// An item that was chosen on the page, with what lies on the scale.
    pub(crate) async fn weigh_item(self: &Arc<Self>, who: &Session, sku: &Sku) -> Answer<Added> {
        let item = self.shared.reads.item(sku.as_str()).await?;
        let item = item.ok_or_else(|| Refused::item_unknown(true))?;
        let units = self.weighed(&item).await?;
        self.add(who, &item, Amount::of(units), vec![]).await
    }

    /// The measure of an item that no code brought along.
    pub(super) async fn weighed(&self, item: &Item) -> Answer<i64> {
        let scale = self.shared.scale.as_ref().filter(|_| item.details.unit == Unit::Gram);
        let Some(scale) = scale else { return Err(weight_needed(item, None)) };
        let why = match scale.weigh_settled(Instant::now() + SETTLE).await {
            Ok(Weighed::Stable(grams)) if grams > 0 => return Ok(grams),
            Ok(Weighed::Stable(_) | Weighed::Zero) => "empty",
            Ok(Weighed::Moving) => "moving",
            Ok(Weighed::Overload) => "overload",
            Ok(Weighed::Underload) => "underload",
            Err(ScaleFault::OtherUnit) => "other_unit",
            Err(ScaleFault::Unreachable) => "unreachable",
            Err(ScaleFault::NotAnswering | ScaleFault::Garbled | ScaleFault::Faulty) => {
                "not_answering"
            }
        };
        Err(weight_needed(item, Some(why)))
    }
}

/// `scale`: why it gave no weight; none without a scale.
fn weight_needed(item: &Item, scale: Option<&str>) -> Refused {
    let detail = format!("{} is sold by its measure. Weigh it, or type it.", item.details.name);
    Refused::new(409, "weight_needed", &detail)
        .with("sku", item.sku.as_str())
        .with("name", item.details.name.clone())
        .with("unit", json!(item.details.unit))
        .with("scale", json!(scale))
}
