//! The hub's pages: the shop, the set-up, a small index, and the element for other pages. Files
//! are embedded in the program.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::problem::{Answer, Error};
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(async || "ok\n"))
        .route("/shop", get(async || Redirect::permanent("/shop/")))
        .route("/shop/", get(async || file("shop.html")))
        .route("/shop/assets/{*name}", get(asset))
        .route("/element/oneshelf.js", get(element))
        .route("/setup", get(async || Redirect::permanent("/setup/")))
        .route("/setup/", get(async || file("setup.html")))
        .route("/setup/assets/{*name}", get(asset))
}

async fn index() -> Html<String> {
    let links = "<ul><li><a href=\"/shop/\">Shop</a></li><li><a href=\"/setup/\">Set-up</a></li>\
        <li><a href=\"/docs\">API</a></li></ul>";
    Html(super::docs::shell("Oneshelf hub", links))
}

/// The live-stock element: any page may load it, at an address that never changes.
async fn element(headers: HeaderMap) -> Answer<Response> {
    let asset = oneshelf_web::file(oneshelf_web::ELEMENT).ok_or_else(Error::not_found)?;
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&asset.bytes)[..16]));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let same = known.is_some_and(|tags| tags.contains(&tag));
    let fixed = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=600, stale-while-revalidate=86400"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    let tag = [(header::ETAG, tag)];
    if same {
        return Ok((StatusCode::NOT_MODIFIED, fixed, tag).into_response());
    }
    Ok((fixed, tag, asset.bytes.into_owned()).into_response())
}

async fn asset(Path(name): Path<String>) -> Answer<Response> {
    file(&format!("assets/{name}"))
}

fn file(path: &str) -> Answer<Response> {
    let asset = oneshelf_web::file(path).ok_or_else(Error::not_found)?;
    let keep = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, keep)];
    Ok((headers, asset.bytes.into_owned()).into_response())
}
