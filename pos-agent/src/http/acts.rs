//! Goods in the store beside selling: `POST /api/stock/acts`, and what is on its way here:
//! `GET /api/stock/transfers`.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use oneshelf_domain::Sku;
use oneshelf_domain::item::Item;
use oneshelf_domain::record::LocationKind;
use oneshelf_protocol::replica::Row;
use serde_json::{Value, json};

use super::App;
use super::body::{Body, Who};
use crate::register::{Act, Answer, Refused};

/// Characters of a key.
const KEY_CHARS_MAX: usize = 255;
/// Transfers that a page shows.
const TRANSFERS_MAX: usize = 200;

/// What other locations send to this one and what this one is to send, as the hub last told and the
/// store went on; names of the items, and the locations that goods may go to.
pub(super) async fn transfers(State(app): State<App>, Who(_): Who) -> Answer<Json<Value>> {
    let shared = &app.front.shared;
    let way = shared.reads.on_the_way(TRANSFERS_MAX).await?;
    let incoming = way.incoming.iter().flat_map(|row| match row {
        Row::Transfer { lines, .. } => lines.iter().map(|(sku, _)| sku).collect(),
        _ => vec![],
    });
    let outgoing = way.outgoing.iter().flat_map(|row| match row {
        Row::Reservation { lines, .. } => lines.iter().map(|(sku, _, _)| sku).collect(),
        _ => vec![],
    });
    let skus: BTreeSet<&Sku> = incoming.chain(outgoing).collect();
    let items = shared.reads.items_of(&skus.into_iter().collect::<Vec<_>>()).await?;
    let named = |item: Item| {
        let d = item.details;
        let shown = json!({"name": d.name, "options": d.options, "unit": d.unit, "image": d.image});
        (item.sku.to_string(), shown)
    };
    let items: BTreeMap<String, Value> = items.into_iter().map(named).collect();
    let records = shared.records();
    let here = shared.identity().map(|identity| identity.location);
    let others = records
        .locations()
        .filter(|l| l.kind != LocationKind::Transit && here.as_deref() != Some(l.code.as_str()));
    let locations: Vec<Value> =
        others.map(|l| json!({"code": l.code, "name": l.name, "kind": l.kind})).collect();
    let (transfers, outgoing) = (way.incoming, way.outgoing);
    Ok(Json(json!({"transfers": transfers, "outgoing": outgoing, "items": items,
        "locations": locations})))
}

pub(super) async fn act(
    State(app): State<App>,
    Who(who): Who,
    headers: HeaderMap,
    Body(act): Body<Act>,
) -> Answer<Json<Value>> {
    let unreadable = || Refused::invalid("/Idempotency-Key", "1 to 255 characters of ASCII");
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| unreadable())?;
            if text.is_empty() || text.len() > KEY_CHARS_MAX {
                return Err(unreadable());
            }
            Some(text)
        }
    };
    let now = app.front.act(&who, key, act).await?;
    Ok(Json(json!({"logged": true, "again": !now})))
}
