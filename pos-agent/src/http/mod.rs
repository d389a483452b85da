//! The pages' API, and the pages. The only place that knows axum.
//!
//! Handlers turn requests into acts of the register and answers into JSON; they decide nothing.
//! Invariant: an act that began is not dropped when its page goes away.

mod acts;
mod answer;
mod body;
mod devices;
mod display;
mod events;
mod guard;
mod pages;
mod people;
mod sales;
mod tickets;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::register::{Front, Refused};
use guard::Guard;

/// What handlers share.
#[derive(Clone)]
struct App {
    front: Arc<Front>,
    guard: Arc<Guard>,
    stop: CancellationToken,
}

/// Serves until it is stopped; requests that began are answered.
pub(crate) async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    hosts: Vec<String>,
    stop: CancellationToken,
) {
    let guard = match listener.local_addr() {
        Ok(address) => Arc::new(Guard::new(address, &hosts)),
        Err(error) => {
            tracing::error!(%error, "the listening address cannot be read");
            return;
        }
    };
    let app = App { front, guard, stop: stop.clone() };
    let serving = axum::serve(listener, router(app))
        .with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = serving.await {
        tracing::error!(%error, "the server ended");
    }
}

fn router(app: App) -> Router {
    let api = Router::new()
        .route("/state", get(people::state))
        .route("/staff", get(people::staff))
        .route("/sign-in", post(people::sign_in))
        .route("/sign-out", post(people::sign_out))
        .route("/me", get(people::me))
        .route("/cash-sessions", post(people::open_cash_session))
        .route("/no-sale", post(people::no_sale))
        .route("/ticket", get(tickets::ticket).delete(tickets::void))
        .route("/ticket/scan", post(tickets::scan))
        .route("/ticket/lines", post(tickets::add))
        .route("/ticket/weigh", post(tickets::weigh))
        .route("/ticket/lines/{id}", patch(tickets::set_quantity).delete(tickets::void_line))
        .route("/ticket/pay", post(tickets::pay))
        .route("/ticket/paid", post(tickets::paid))
        .route("/items", get(tickets::search))
        .route("/items/{sku}/here", get(tickets::item))
        .route("/stock/acts", post(acts::act))
        .route("/stock/transfers", get(acts::transfers))
        .route("/sales", get(sales::list))
        .route("/sales/{receipt_number}", get(sales::one))
        .route("/sales/{receipt_number}/reprint", post(sales::reprint))
        .route("/print-jobs", get(sales::jobs))
        .route("/print-jobs/{id}/answer", post(sales::answer_job))
        .route("/print-jobs/{id}/skip", post(devices::skip))
        .route("/printer/pause", post(devices::pause))
        .route("/printer/resume", post(devices::resume))
        .route("/printer/test-page", post(devices::test_page))
        .route("/scanner/teach", post(devices::teach).delete(devices::end_lesson))
        .route("/scanner/look", post(devices::look).delete(devices::end_look))
        .route("/devices", get(devices::all))
        .route("/display-keys", post(display::key))
        .route("/displays", delete(display::close))
        .route("/display", get(display::now))
        .route("/display/claim", post(display::claim))
        .route("/display/events", get(display::listen))
        .route("/events", get(events::listen))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method);
    Router::new()
        .nest("/api", api)
        .route("/", get(pages::register))
        .route("/display", get(pages::display))
        .route("/assets/{*path}", get(pages::asset))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(detached))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app)
}

/// Runs a request to its end even when nobody waits for the answer any more: an act in the middle
/// of its transaction must not be dropped.
async fn detached(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Refused::internal(&error).into_response(),
    }
}

async fn no_such_path() -> Response {
    Refused::new(404, "not_found", "There is nothing here.").into_response()
}

async fn wrong_method() -> Response {
    Refused::new(405, "method_not_allowed", "This path does not take this method.").into_response()
}
