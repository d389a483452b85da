//! Live stock as server-sent events, for who cannot have a WebSocket: the same messages, told by
//! the same code.
//!
//! Invariant: a stream has a place as a WebSocket has, and gives it back when its reader is gone.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, future, stream};
use oneshelf_domain::{LocationCode, Sku, limits};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::ClientAddress;
use super::problem::{Answer, Error};
use super::ws;
use crate::app::App;
use crate::live;

/// How soon a browser comes back, milliseconds.
const RETRY: &str = "retry: 2000\n\n";
/// Texts between the hub and the line: what is newest is known to the hub alone.
const TEXTS: usize = 1;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Which SKUs, 1 to 500; the parameter repeats.
    #[serde(default)]
    #[param(min_items = 1, max_items = 500, style = Form, explode)]
    items: Vec<String>,
    /// Which locations are told; all, when it is left out. The parameter repeats.
    #[serde(default)]
    #[param(max_items = 500, style = Form, explode)]
    locations: Vec<String>,
    /// As at `/v1/live`.
    #[serde(default)]
    key: Option<String>,
}

/// Live figures, as server-sent events.
///
/// The `data` of each event is a message as `/v1/live` tells it: a `snapshot` at once, then
/// `changes`, and a `ping` every five seconds; `id` is the message's `upto`. Every connection
/// begins with a snapshot, so a `Last-Event-ID` is taken and not needed. When the key or session
/// ended, a `problem` is told, the stream ends, and asking again is refused.
#[utoipa::path(get, path = "/v1/live/events", tag = "live", operation_id = "open_live_events",
    params(EventsQuery), responses((status = 200, description = "The events",
        content_type = "text/event-stream", body = String)))]
async fn events(
    State(app): State<App>,
    Query(query): Query<EventsQuery>,
    address: ClientAddress,
    mut parts: Parts,
) -> Answer<Response> {
    let listener = ws::listener(&app, &mut parts, address, query.key.as_deref()).await?;
    let says = subscription(&query)?;
    let place = ws::place(&app, &listener, address)?;
    let (out, texts) = mpsc::channel(TEXTS);
    tokio::spawn(async move {
        serve(&app, listener, says, out).await;
        drop(place);
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        // nginx and its like would gather events before they pass them on.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(as_events(texts))).into_response())
}

/// What a WebSocket would say first.
fn subscription(query: &EventsQuery) -> Answer<String> {
    if query.items.is_empty() || query.items.len() > live::ITEMS_MAX {
        return Err(Error::invalid("items", "1 to 500 SKUs"));
    }
    if query.locations.len() > limits::PAGE_ROWS_MAX {
        return Err(Error::invalid("locations", "at most 500 codes"));
    }
    let items: Result<Vec<Sku>, _> = query.items.iter().map(|text| Sku::new(text)).collect();
    let items = items.map_err(|_| Error::invalid("items", "SKUs of 1 to 64 characters"))?;
    let codes: Result<Vec<LocationCode>, _> =
        query.locations.iter().map(|text| LocationCode::new(text)).collect();
    let codes = codes.map_err(|_| Error::invalid("locations", "codes of locations"))?;
    let locations = (!codes.is_empty()).then_some(codes);
    Ok(serde_json::json!({"subscribe": {"items": items, "locations": locations}}).to_string())
}

async fn serve(app: &App, listener: live::Listener, says: String, out: mpsc::Sender<live::Text>) {
    let reader = out.clone();
    // It says one thing, and is gone when its reader is.
    let gone = stream::once(async move { reader.closed().await });
    let incoming = stream::iter([says]).chain(gone.filter_map(|()| future::ready(None)));
    let line = live::Halves(Box::pin(incoming), PollSender::new(out));
    if let (_, Err(why)) = live::run(app, listener, live::Bounds::default(), line).await {
        tracing::debug!(%why, "a reader of live events left");
    }
}

fn as_events(
    texts: mpsc::Receiver<live::Text>,
) -> impl futures_util::Stream<Item = Result<String, Infallible>> {
    let events = stream::unfold(texts, |mut texts| async {
        let text = texts.recv().await?;
        Some((event(text.as_str()), texts))
    });
    stream::iter([RETRY.to_owned()]).chain(events).map(Ok)
}

/// A message is one line: JSON writes line breaks in texts with a backslash.
fn event(text: &str) -> String {
    match upto(text) {
        Some(upto) => format!("id: {upto}\ndata: {text}\n\n"),
        None => format!("data: {text}\n\n"),
    }
}

/// The version of a message about items; it stands before the items.
fn upto(text: &str) -> Option<&str> {
    let (head, _) = text.split_once(",\"items\":")?;
    let (_, digits) = head.split_once("\"upto\":")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_version_of_its_message() {
        let changes = "{\"kind\":\"changes\",\"after\":3,\"upto\":17,\"items\":[{\"sku\":\"A\"}]}";
        assert_eq!(event(changes), format!("id: 17\ndata: {changes}\n\n"));
        assert_eq!(event("{\"kind\":\"ping\"}"), "data: {\"kind\":\"ping\"}\n\n");
        let hostile = "{\"kind\":\"problem\",\"detail\":\"\\\"upto\\\":9,\\\"items\\\":\"}";
        assert!(event(hostile).starts_with("data: "));
    }

    #[test]
    fn a_question_is_bounded() {
        let asks = |items: usize, item: &str, location: &str| {
            let items = vec![item.to_owned(); items];
            let query = EventsQuery { items, locations: vec![location.to_owned()], key: None };
            subscription(&query)
        };
        let said = asks(2, "A \"1\"", "S07").unwrap();
        let all =
            "{\"subscribe\":{\"items\":[\"A \\\"1\\\"\",\"A \\\"1\\\"\"],\"locations\":[\"S07\"]}}";
        assert_eq!(said, all);
        assert!(asks(0, "A", "S07").is_err() && asks(501, "A", "S07").is_err());
        assert!(asks(1, " \u{7}", "S07").is_err() && asks(1, "A", "no code").is_err());
    }
}
