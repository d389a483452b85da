//! The pages and their files.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::register::Refused;

fn file(path: &str) -> Response {
    let Some(asset) = oneshelf_web::file(path) else {
        return Refused::new(404, "not_found", "There is no such file.").into_response();
    };
    let mut response = asset.bytes.into_owned().into_response();
    let kept = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

pub(super) async fn register() -> Response {
    file("register.html")
}

pub(super) async fn display() -> Response {
    file("display.html")
}

pub(super) async fn asset(Path(path): Path<String>) -> Response {
    file(&format!("assets/{path}"))
}
