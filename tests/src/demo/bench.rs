//! The bench page and the few requests that it makes.
//!
//! Loopback only. It moves devices and lines of the demo; it can do nothing to hub or agent.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use oneshelf_hardware::sim::PaperLevel;
use serde::Deserialize;
use serde_json::{Value, json};

use super::orders::Tally;
use super::stores::Store;

/// What the page moves.
pub struct World {
    /// The hub's address.
    pub hub: String,
    /// The stores.
    pub stores: Vec<Store>,
    /// Of the orders.
    pub tally: Arc<Tally>,
}

type Shared = Arc<World>;

/// The routes.
pub fn routes(world: Shared) -> Router {
    Router::new()
        .route("/", get(|| async { file("bench.html") }))
        .route("/assets/{*path}", get(asset))
        .route("/bench/state", get(state))
        .route("/bench/stores/{code}/receipts", get(receipts))
        .route("/bench/stores/{code}/receipts/{number}", get(receipt))
        .route("/bench/stores/{code}/scan", post(scan))
        .route("/bench/stores/{code}/line", post(line))
        .route("/bench/stores/{code}/printer", post(printer))
        .route("/bench/stores/{code}/register", post(register))
        .layer(axum::middleware::from_fn(own_pages_only))
        .with_state(world)
}

/// A page from elsewhere may not move anything here.
async fn own_pages_only(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (host, origin) = (text(header::HOST), text(header::ORIGIN));
    let ours = host.starts_with("127.0.0.1:") || host.starts_with("localhost:");
    if !ours || !(origin.is_empty() || origin == format!("http://{host}")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

fn file(path: &str) -> Response {
    match oneshelf_web::file(path) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn asset(Path(path): Path<String>) -> Response {
    file(&format!("assets/{path}"))
}

async fn state(State(world): State<Shared>) -> Json<Value> {
    let stores: Vec<Value> = world.stores.iter().map(store_state).collect();
    let count = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
    Json(json!({
        "shop_url": format!("{}/shop/", world.hub),
        "setup_url": format!("{}/setup/", world.hub),
        "stores": stores,
        "orders": {
            "placed": count(&world.tally.placed),
            "shipped": count(&world.tally.shipped),
            "refused": count(&world.tally.refused),
        },
    }))
}

fn store_state(store: &Store) -> Value {
    let knobs = store.printer.knobs();
    let paper = match knobs.paper {
        PaperLevel::Ok => "ok",
        PaperLevel::Low => "low",
        PaperLevel::Out => "out",
    };
    let barcodes: Vec<Value> = store
        .buttons
        .iter()
        .map(|p| {
            let price = json!({"minor": p.price_cents, "currency": "EUR"});
            json!({"code": p.barcode, "name": p.name, "price": price})
        })
        .collect();
    json!({
        "code": store.code,
        "name": store.name,
        "register_url": store.register(),
        "line_up": store.line.is_up(),
        "printer": {"paper": paper, "cover": if knobs.cover_open { "open" } else { "closed" }},
        "barcodes": barcodes,
    })
}

fn store<'a>(world: &'a World, code: &str) -> Result<&'a Store, StatusCode> {
    world.stores.iter().find(|s| s.code == code).ok_or(StatusCode::NOT_FOUND)
}

async fn receipts(
    State(world): State<Shared>,
    Path(code): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let printed = store(&world, &code)?.printer.printed();
    let last = printed.sheets_total;
    let kept = printed.sheets.len() as u64;
    let receipts: Vec<Value> = (last - kept + 1..=last)
        .rev()
        .take(8)
        .map(|n| {
            let url = format!("bench/stores/{code}/receipts/{n}");
            json!({"number": n, "svg_url": url})
        })
        .collect();
    Ok(Json(json!({"receipts": receipts, "pulses": printed.pulses_total})))
}

async fn receipt(
    State(world): State<Shared>,
    Path((code, number)): Path<(String, u64)>,
) -> Result<Response, StatusCode> {
    let printed = store(&world, &code)?.printer.printed();
    let first = printed.sheets_total - printed.sheets.len() as u64 + 1;
    let at = number.checked_sub(first).and_then(|n| usize::try_from(n).ok());
    let sheet = at.and_then(|at| printed.sheets.get(at)).ok_or(StatusCode::NOT_FOUND)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], sheet.svg()).into_response())
}

#[derive(Deserialize)]
struct Scan {
    code: String,
}

async fn scan(
    State(world): State<Shared>,
    Path(code): Path<String>,
    Json(body): Json<Scan>,
) -> Result<Json<Value>, StatusCode> {
    let scanned = store(&world, &code)?.scan(&body.code);
    scanned.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct LineSwitch {
    up: bool,
}

async fn line(
    State(world): State<Shared>,
    Path(code): Path<String>,
    Json(body): Json<LineSwitch>,
) -> Result<Json<Value>, StatusCode> {
    store(&world, &code)?.line.set_up(body.up);
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Printer {
    paper: String,
    cover: String,
    /// Its line breaks behind so many bytes of the next connection that carries as many.
    cut_after: Option<usize>,
}

async fn printer(
    State(world): State<Shared>,
    Path(code): Path<String>,
    Json(body): Json<Printer>,
) -> Result<Json<Value>, StatusCode> {
    let paper = match body.paper.as_str() {
        "ok" => PaperLevel::Ok,
        "low" => PaperLevel::Low,
        "out" => PaperLevel::Out,
        _ => return Err(StatusCode::UNPROCESSABLE_ENTITY),
    };
    let store = store(&world, &code)?;
    store.set_printer(paper, body.cover == "open");
    if let Some(bytes) = body.cut_after {
        store.cut_printer(bytes);
    }
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Register {
    url: String,
}

/// The program that starts the agents says where their pages are.
async fn register(
    State(world): State<Shared>,
    Path(code): Path<String>,
    Json(body): Json<Register>,
) -> Result<Json<Value>, StatusCode> {
    if !body.url.starts_with("http://127.0.0.1:") {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    store(&world, &code)?.set_register(&body.url);
    Ok(Json(json!({})))
}
