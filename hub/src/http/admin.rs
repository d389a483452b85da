//! The second listener: health, readiness, metrics. On loopback; it asks nobody who they are.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::app::App;
use crate::link::LinkState;
use crate::store::Disk;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Bounds of the histograms, seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The recorder of this program, made once. None when another one is in the way.
pub fn metrics_handle() -> Option<&'static PrometheusHandle> {
    let made = METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).ok()?;
        builder.install_recorder().ok()
    });
    made.as_ref()
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Ready: the database answers, has room and all that was seen of it, the shop is set up, and the
/// program is not about to end.
async fn ready(State(app): State<App>) -> Response {
    let seen = app.seen();
    let database = app.store.head().await;
    let behind = database.as_ref().map(|(head, _)| head.version.0 - seen.version.0).unwrap_or(-1);
    let set_up = seen.records.shop().is_some();
    let stopping = app.stop.is_cancelled();
    let disk = app.store.disk();
    let rolled_back = app.store.behind().is_some();
    let sound = disk == Disk::Sound && !rolled_back;
    let ok = database.is_ok() && sound && set_up && !stopping;
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "ready": ok,
        "database": database.is_ok(),
        "disk": disk.name(),
        "database_behind": rolled_back,
        "set_up": set_up,
        "stopping": stopping,
        "version": seen.version.0,
        "versions_behind": behind,
    });
    (status, axum::Json(body)).into_response()
}

/// The stores that hang on this hub. Of several hubs of one database an agent hangs on one.
fn stores(app: &App) {
    let seen = app.seen();
    let expected = super::ws::expected(app);
    for location in seen.records.locations().filter(|location| expected.contains(&location.no)) {
        let linked = app.links.state(location.no) == LinkState::Fresh;
        let code = location.code.as_str().to_owned();
        metrics::gauge!("oneshelf_store_linked", "location" => code).set(f64::from(linked));
    }
}

async fn metrics(State(app): State<App>) -> Response {
    match metrics_handle() {
        Some(handle) => {
            handle.run_upkeep();
            stores(&app);
            let behind = f64::from(app.store.behind().is_some());
            metrics::gauge!("oneshelf_database_behind").set(behind);
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, handle.render()).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
