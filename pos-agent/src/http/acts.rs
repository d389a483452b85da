//! Goods in the store beside selling: `POST /api/stock/acts`, and what is on its way here:
//! `GET /api/stock/transfers`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::App;
use super::body::{Body, Who};
use crate::register::{Act, Answer, Refused};

/// Characters of a key.
const KEY_CHARS_MAX: usize = 255;
/// Transfers that a page shows.
const TRANSFERS_MAX: usize = 200;

/// What other locations send to this one, as the hub last told.
pub(super) async fn transfers(State(app): State<App>, Who(_): Who) -> Answer<Json<Value>> {
    let rows = app.front.shared.reads.transfers(TRANSFERS_MAX).await?;
    Ok(Json(json!({"transfers": rows})))
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
