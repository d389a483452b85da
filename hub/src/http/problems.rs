//! `/problems`: every code with its status and what to do, as pages.
//!
//! Invariant: every code of the domain and of the HTTP edge stands here; a test compares.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::problem::{Answer, Error};
use crate::app::App;

/// A code, its status, what it means, what to do.
pub struct Entry {
    /// Stable.
    pub code: &'static str,
    /// Of HTTP.
    pub status: u16,
    /// What happened.
    pub means: &'static str,
    /// The way out.
    pub way_out: &'static str,
}

macro_rules! entries {
    ($($code:literal $status:literal $means:literal $way_out:literal)+) => {
        &[$(Entry { code: $code, status: $status, means: $means, way_out: $way_out }),+]
    };
}

/// Every code.
pub const CATALOGUE: &[Entry] = entries! {
    "malformed" 400
        "The request cannot be read."
        "Mend the JSON or the query string that the detail names."
    "not_signed_in" 401
        "Nobody is known."
        "Send a key as `Authorization: Bearer ...`, or sign in."
    "wrong_secret" 401
        "The secret is wrong, ended or expired."
        "Ask for a new one."
    "signature_invalid" 401
        "No secret of the channel has signed this delivery, or its time is too far from now."
        "Sign `id.timestamp.body` with the channel's secret, as Standard Webhooks says."
    "not_allowed" 403
        "The role or key does not allow this."
        "Ask somebody whose role does, or for a key with the scope."
    "foreign_origin" 403
        "A page of this origin may not ask here."
        "List the origin at the publishable key."
    "approval_needed" 403
        "The change is beyond what this role may do alone."
        "Let a manager do it."
    "not_found" 404
        "There is nothing here, or nothing that you may see."
        "Check the address."
    "item_unknown" 404
        "There is no item with this SKU."
        "Check the SKU; it is written exactly as in the catalogue."
    "location_unknown" 404
        "There is no location with this code, or none that you work at."
        "Check the code."
    "reservation_unknown" 404
        "There is no such reservation, or none that you may see; a transfer is none."
        "Check the id, and who asks; transfers are under `/v1/transfers`."
    "transfer_unknown" 404
        "There is no such transfer, or none that you may see."
        "Check the id, and who asks."
    "record_unknown" 404
        "There is no such register, person, key, policy or agent."
        "Check its name."
    "method_not_allowed" 405
        "This address does not know the method."
        "See the documentation for those it knows."
    "command_reused" 409
        "The Idempotency-Key was used for another request."
        "Choose a new key for each request."
    "no_transit_location" 409
        "Goods on their way have no location to stand in."
        "Make one of kind transit: `hub location add ROAD 'On the road' --kind transit`."
    "item_retired" 409
        "The item is not sold any more."
        "Sell another, or make it active again."
    "location_retired" 409
        "The location is closed."
        "Use another, or make it active again."
    "barcode_in_use" 409
        "Another item has this barcode."
        "Remove it there first."
    "kit_has_no_stock" 409
        "The item is a kit: what lies on shelves are its parts."
        "Name its parts instead."
    "kit_nested" 409
        "A kit would be part of another kit."
        "Name the parts of that kit themselves."
    "item_has_stock" 409
        "The item has stock of its own, which nobody could sell or count once it is a kit."
        "Count it to zero there first, or make the kit a new item."
    "store_has_agent" 409
        "A store with an agent books its physical acts itself."
        "Do it in the store, so that its log has it."
    "fact_not_bookable" 409
        "This fact cannot be booked late: unreadable, of another store, or of that time alone."
        "Count the shelf, then settle it."
    "fact_overtaken" 409
        "The shelf was counted or corrected after the fact came, or its claim or transfer went on."
        "Look at the stock, then settle the fact by hand."
    "fact_on_its_way" 409
        "The store's log has not come to this fact yet: it may still be booked by itself."
        "Wait until the store has told everything, then look again."
    "fact_settled" 409
        "Somebody has settled this fact before."
        "Read what they said: `hub rejected list`."
    "agent_answers" 409
        "An agent that answers is not given up: its share can be had back from it."
        "Nothing is needed; a device that is to be replaced is switched off first."
    "agent_not_heard_yet" 409
        "This hub has just started and does not know yet whether the store's agent answers."
        "Try again in a quarter of a minute."
    "reservation_ended" 409
        "The reservation has ended."
        "Reserve again."
    "reservation_state" 409
        "The step does not fit the state of the reservation."
        "Read it again and take the step that fits."
    "reservation_short" 409
        "Units of the reservation were sold at a register."
        "Choose what to do with it first."
    "stale_timer" 409
        "The timer's subject moved on."
        "Nothing: this is the end of a timer."
    "not_enough_available" 409
        "Not enough units may be promised."
        "Ask for fewer, or at another location."
    "not_promised_now" 409
        "The units are the share of a store that did not give them back in time."
        "Ask again in a moment, under the same Idempotency-Key, or at another location."
    "too_many_holds" 409
        "Too many holds are open."
        "End one first, or wait until one runs out."
    "too_many_held" 409
        "As many units of the item are held from this address as one address may hold."
        "End one of these holds, wait until one runs out, or order the goods."
    "shop_key_missing" 409
        "The shop page has no key that may hold and follow live figures."
        "Make a publishable key of the channel `web` with the scopes `hold` and `live`."
    "channel_in_use" 409
        "There is a channel with this code already."
        "Choose another code, or change the channel that there is."
    "channel_ended" 409
        "There was a channel with this code. It keeps its orders."
        "Choose another code; to pause a channel, switch it off and on."
    "channel_stopped" 409
        "The channel is switched off."
        "Ask whoever runs the hub to switch it on."
    "last_admin" 409
        "This is the last admin key."
        "Make another one first."
    "enrolment_invalid" 410
        "The enrolment code is wrong, used or too old."
        "Make a new one."
    "reservation_expired" 410
        "The hold ran out."
        "Reserve again."
    "precondition_failed" 412
        "It changed since you read it."
        "Read it again and decide anew."
    "too_large" 413
        "The body is too large."
        "Send less at once; files go to `/v1/imports`."
    "unsupported_media_type" 415
        "The body is of another kind than is read here."
        "Send `application/json`, or `text/csv` for files."
    "invalid" 422
        "A field breaks a rule."
        "Mend the field that `field` points to."
    "too_many_requests" 429
        "Too many requests."
        "Wait as long as `Retry-After` says."
    "internal" 500
        "A fault of this hub."
        "Try again; its log has the cause under the request's id."
    "busy" 503
        "Not now."
        "Try again after `Retry-After`, with the same Idempotency-Key."
    "storage_failed" 503
        "The disk under the hub's database failed. Whether the request was kept is not known."
        "Try again after `Retry-After`, with the same Idempotency-Key: the hub starts anew."
    "storage_full" 507
        "The disk under the hub's database is full. Nothing was changed."
        "Make room on the hub's machine; the hub goes on by itself, and stores go on selling."
    "timed_out" 503
        "The request took too long."
        "Try again with the same Idempotency-Key."
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/problems", get(all)).route("/problems/{code}", get(one))
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(super::docs::shell(title, body))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.contains("json") && !accept.contains("html")
}

fn json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "code": entry.code,
        "status": entry.status,
        "means": entry.means,
        "way_out": entry.way_out,
    })
}

async fn all(headers: HeaderMap) -> Response {
    if wants_json(&headers) {
        let problems: Vec<_> = CATALOGUE.iter().map(json).collect();
        return axum::Json(serde_json::json!({ "problems": problems })).into_response();
    }
    let row = |e: &Entry| {
        format!(
            "<tr><td><a href=\"/problems/{0}\"><code>{0}</code></a></td><td>{1}</td><td>{2}</td>\
             </tr>",
            e.code, e.status, e.means
        )
    };
    let rows: String = CATALOGUE.iter().map(row).collect();
    let table = format!(
        "<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead>\
         <tbody>{rows}</tbody></table>"
    );
    page("Problems", &table).into_response()
}

async fn one(Path(code): Path<String>, headers: HeaderMap) -> Answer<Response> {
    let entry = CATALOGUE.iter().find(|e| e.code == code).ok_or_else(Error::not_found)?;
    if wants_json(&headers) {
        return Ok(axum::Json(json(entry)).into_response());
    }
    let text = format!(
        "<p>Status {}</p><p>{}</p><h2>What to do</h2><p>{}</p><p><a href=\"/problems\">All \
         problems</a></p>",
        entry.status, entry.means, entry.way_out
    );
    Ok(page(entry.code, &text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneshelf_domain::Refusal;

    #[test]
    fn every_refusal_is_explained_once() {
        for code in Refusal::CODES {
            assert_eq!(CATALOGUE.iter().filter(|e| e.code == code).count(), 1, "{code}");
        }
        for entry in CATALOGUE {
            assert_eq!(CATALOGUE.iter().filter(|e| e.code == entry.code).count(), 1);
        }
    }
}
