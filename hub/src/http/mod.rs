//! HTTP and WebSocket: requests in, problems and JSON out. The only place that knows axum.
//!
//! One noun is one file with its routes, handlers and bodies. It decides nothing: whatever
//! changes something goes through `commands`. Invariant: every route but the open ones proves
//! its caller before it looks at the body.

mod admin;
mod agent_copies;
mod caught_up;
mod changes;
mod channel_steps;
mod channels;
mod deliveries;
mod docs;
mod enrolments;
mod exports;
mod extract;
mod guard;
mod hooks;
mod import_mappings;
mod import_previews;
mod imports;
mod items;
mod json_ld;
mod keys;
mod late_facts;
mod layers;
mod line;
mod listen;
mod locations;
mod movements;
mod notices;
mod openapi;
mod origins;
mod page;
mod pages;
mod policies;
mod prices;
mod problem;
mod problems;
mod public;
mod public_stock;
mod rejected_facts;
mod reservations;
mod schema;
mod sending;
mod session;
mod shop;
mod sse;
mod staff;
mod stock;
mod stores;
mod transfer_body;
mod transfers;
pub mod ws;

use axum::Router;

use crate::app::App;

pub use admin::metrics_handle;
pub use guard::ClientAddress;
pub use layers::Proxy;
pub use listen::{Listening, Served, listen};
pub use openapi::document;
pub use problem::{Answer, Error};
pub use problems::CATALOGUE;

/// Everything that the hub serves on its main listener.
pub fn main_router(app: App) -> Router {
    let (api, _) = openapi::api().split_for_parts();
    let open = pages::routes().merge(docs::routes()).merge(problems::routes());
    layers::around(api.merge(open), app)
}

/// Health, readiness and metrics, for the second listener.
pub fn admin_router(app: App) -> Router {
    layers::plain(admin::routes().with_state(app))
}
