//! `/openapi.json` and `/docs`: the document, and the document as a page for people.
//!
//! The page is made here, without scripts and without anything from another host.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::Value;

use super::openapi;
use crate::app::App;

static TEXT: OnceLock<String> = OnceLock::new();
static PAGE: OnceLock<String> = OnceLock::new();

const STYLE: &str = include_str!("docs.css");
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(json))
        .route("/docs", get(docs))
        .route("/docs/style.css", get(style))
}

async fn json() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, TEXT.get_or_init(openapi::text).as_str())
}

async fn docs() -> Html<&'static str> {
    Html(PAGE.get_or_init(page).as_str())
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// A page around a body of our own.
pub(super) fn shell(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Oneshelf</title><link rel=\"stylesheet\" href=\"/docs/style.css\">\
         </head><body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page() -> String {
    let document: Value = serde_json::from_str(TEXT.get_or_init(openapi::text)).unwrap_or_default();
    let mut body = String::new();
    let about = document["info"]["description"].as_str().unwrap_or_default();
    let _ = write!(
        body,
        "<p>{}</p><p><a href=\"/openapi.json\">openapi.json</a> · <a href=\"/problems\">problems\
         </a></p>",
        escaped(about)
    );
    let tags = document["tags"].as_array().cloned().unwrap_or_default();
    body.push_str("<nav>");
    for tag in &tags {
        let name = escaped(tag["name"].as_str().unwrap_or_default());
        let _ = write!(body, "<a href=\"#{name}\">{name}</a> ");
    }
    body.push_str("</nav>");
    for tag in &tags {
        section(&document, tag, &mut body);
    }
    shell("Hub API", &body)
}

fn section(document: &Value, tag: &Value, body: &mut String) {
    let name = tag["name"].as_str().unwrap_or_default();
    let about = escaped(tag["description"].as_str().unwrap_or_default());
    let _ = write!(body, "<h2 id=\"{0}\">{0}</h2><p>{about}</p>", escaped(name));
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for method in METHODS {
            let operation = &item[method];
            let tagged = operation["tags"].as_array().is_some_and(|t| t.iter().any(|t| t == name));
            if tagged {
                self::operation(document, method, path, operation, body);
            }
        }
    }
}

fn operation(document: &Value, method: &str, path: &str, operation: &Value, body: &mut String) {
    let summary = escaped(operation["summary"].as_str().unwrap_or_default());
    let _ = write!(
        body,
        "<details><summary><b class=\"{method}\">{}</b> <code>{}</code> {summary}</summary>",
        method.to_uppercase(),
        escaped(path)
    );
    if let Some(parameters) = operation["parameters"].as_array() {
        body.push_str("<h3>Parameters</h3><table>");
        for p in parameters {
            let _ = write!(
                body,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escaped(p["name"].as_str().unwrap_or_default()),
                escaped(p["in"].as_str().unwrap_or_default()),
                escaped(p["description"].as_str().unwrap_or_default()),
            );
        }
        body.push_str("</table>");
    }
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(body, "<h3>Body <small>{}</small></h3>", escaped(kind));
        schema(document, &content["schema"], body);
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let about = escaped(response["description"].as_str().unwrap_or_default());
        if status.starts_with('2') {
            let _ = write!(body, "<h3>{status} {about}</h3>");
            for content in response["content"].as_object().into_iter().flat_map(|c| c.values()) {
                schema(document, &content["schema"], body);
            }
        }
    }
    let refusals: Vec<&str> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, _)| status.as_str())
        .filter(|status| status.starts_with(['4', '5']))
        .collect();
    let _ = write!(body, "<p>Refusals: {}</p></details>", escaped(&refusals.join(", ")));
}

/// A schema as JSON; the one that a reference names.
fn schema(document: &Value, schema: &Value, body: &mut String) {
    let named = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/"));
    let shown = match named {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    };
    let text = serde_json::to_string_pretty(shown).unwrap_or_default();
    let _ = write!(body, "<pre>{}</pre>", escaped(&text));
}
