//! What stands around every request: its id, its log line, its limits, headers for browsers.
//!
//! Knows no endpoint but the two that are streamed. Invariant: every answer carries the request's
//! id, and every refusal is a problem.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::limits;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;
use uuid::Uuid;

use super::origins;
use super::problem::{Error, REQUEST};
use crate::app::App;

/// How long a request may take.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long a file may take to come in.
const IMPORT_MAX: Duration = Duration::from_secs(30 * 60);

/// Live figures for pages that have no WebSocket; browsers read these as any other answer.
const LIVE_EVENTS: &str = "/v1/live/events";

/// Whether a proxy of ours stands in front and says who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Nobody: the connection's address counts.
    None,
    /// The last entry of `X-Forwarded-For` counts.
    Trusted,
}

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
    'unsafe-inline'; img-src 'self' https: data:; font-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(super) fn around(routes: Router<App>, app: App) -> Router {
    let cors_of = app.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| origins::is_listed(&cors_of, origin)))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            HeaderName::from_static("x-oneshelf-key"),
            HeaderName::from_static("idempotency-key"),
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::ETAG,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(Duration::from_secs(600));
    let routes = routes
        .fallback(async || Error::not_found())
        .method_not_allowed_fallback(async || {
            Error::new(405, "method_not_allowed", "this address does not know the method")
        })
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), only_public(cors)))
        .with_state(app);
    plain(routes)
}

/// For routes without cross-origin readers.
pub(super) fn plain(routes: Router) -> Router {
    routes.layer(middleware::from_fn(outer))
}

/// Cross-origin answers are for the public shop and live figures alone.
fn only_public(
    cors: CorsLayer,
) -> impl Fn(State<App>, Request, Next) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>>
+ Clone
+ Send
+ 'static {
    move |_: State<App>, request: Request, next: Next| {
        let cors = cors.clone();
        Box::pin(async move {
            let path = request.uri().path();
            if !path.starts_with("/v1/public/") && path != LIVE_EVENTS {
                return next.run(request).await;
            }
            let service = tower::service_fn(move |request: Request| {
                let next = next.clone();
                async move { Ok::<_, std::convert::Infallible>(next.run(request).await) }
            });
            let layered = tower::Layer::layer(&cors, service);
            match tower::ServiceExt::oneshot(layered, request).await {
                Ok(response) => response.into_response(),
            }
        })
    }
}

async fn outer(request: Request, next: Next) -> Response {
    let id = format!("req_{}", Uuid::now_v7().as_simple());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let span = tracing::info_span!("request", id = %id, method = %method, route = %route,
        principal = tracing::field::Empty, command = tracing::field::Empty);
    let limit = if route == "/v1/imports" { IMPORT_MAX } else { REQUEST_MAX };
    let began = Instant::now();
    let answered = REQUEST.scope(id.clone(), async {
        let Ok(response) = tokio::time::timeout(limit, next.run(request)).await else {
            let detail = "the request took too long; try again with the same Idempotency-Key";
            return Error::new(503, "timed_out", detail).into_response();
        };
        response
    });
    let mut response = answered.instrument(span.clone()).await;
    let status = response.status().as_u16();
    let took = began.elapsed();
    span.in_scope(|| tracing::debug!(status, took_us = took.as_micros() as u64, "answered"));
    let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
    metrics::counter!("oneshelf_http_requests_total", &labels).increment(1);
    metrics::histogram!("oneshelf_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
    dress(&mut response, &id);
    response
}

fn dress(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if is_page { PAGE_POLICY } else { "default-src 'none'; frame-ancestors 'none'" };
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        // Answers of an API are of this moment, and some carry secrets.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}
