//! Web origins: which pages may ask here. Knows the fetch headers of browsers, no endpoint.
//!
//! Invariant: a name that was pointed at our address by somebody else (DNS rebinding) is never
//! our own origin: without a public URL only numbers and `localhost` are.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, header};
use oneshelf_domain::record::{ApiKey, KeyKind, Record, Records};

use crate::app::App;
use crate::auth::is_alive;

/// Whether a request with a cookie comes from a page of this hub.
pub fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => is_own(app, headers, origin),
        None => fetch_site(headers) == Some("same-origin"),
    }
}

/// Whether a page of this origin may use a publishable key. Without an origin only a browser
/// that says "elsewhere" is refused: others could write what they like.
pub fn may_use(app: &App, headers: &HeaderMap, key: &ApiKey) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => is_own(app, headers, origin) || lists(key, origin),
        None => !matches!(fetch_site(headers), Some("cross-site" | "same-site")),
    }
}

/// Whether any living key lists this origin: the answer to a browser's question before it asks.
pub fn is_listed(app: &App, origin: &HeaderValue) -> bool {
    let seen = app.seen();
    publishable(&seen.records).any(|key| is_alive(key, app.now()) && lists(key, origin))
}

fn publishable(records: &Records) -> impl Iterator<Item = &ApiKey> {
    records.of_kind("key").filter_map(|(_, record)| match record {
        Record::Key(key) if key.kind == KeyKind::Publishable => Some(key),
        _ => None,
    })
}

fn lists(key: &ApiKey, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|o| key.origins.iter().any(|listed| listed.eq_ignore_ascii_case(o)))
}

fn fetch_site(headers: &HeaderMap) -> Option<&str> {
    headers.get("sec-fetch-site").and_then(|v| v.to_str().ok())
}

fn is_own(app: &App, headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if app
        .public_url
        .as_deref()
        .and_then(origin_of)
        .is_some_and(|own| own.eq_ignore_ascii_case(origin))
    {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|a| a.eq_ignore_ascii_case(host)) && is_number_or_localhost(host)
}

/// `scheme://host[:port]` of an address.
pub fn origin_of(url: &str) -> Option<&str> {
    let host_from = url.find("://")? + 3;
    let end = url[host_from..].find(['/', '?', '#']).map_or(url.len(), |at| host_from + at);
    (end > host_from).then(|| &url[..end])
}

/// Whether a text is an origin as browsers write it.
pub fn is_origin(text: &str) -> bool {
    let scheme_ok = text.starts_with("https://") || text.starts_with("http://");
    let host = text.split_once("://").map_or("", |(_, host)| host);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    scheme_ok && text.len() <= 200 && !host.is_empty() && host.bytes().all(allowed)
}

/// Where this request found us, as far as that can be believed.
pub fn believed_url(app: &App, headers: &HeaderMap) -> Option<String> {
    if let Some(url) = &app.public_url {
        return Some(url.trim_end_matches('/').to_owned());
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let scheme = if app.tls.is_some() { "https" } else { "http" };
    is_number_or_localhost(host).then(|| format!("{scheme}://{host}"))
}

fn is_number_or_localhost(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_cut_and_checked() {
        assert_eq!(origin_of("https://shop.example/a?b"), Some("https://shop.example"));
        assert_eq!(origin_of("http://127.0.0.1:8080"), Some("http://127.0.0.1:8080"));
        assert_eq!(origin_of("nothing"), None);
        assert!(is_origin("https://shop.example:8443") && !is_origin("https://shop.example/"));
        assert!(!is_origin("null") && !is_origin("https://") && !is_origin("https://a b"));
        for own in ["127.0.0.1:80", "[::1]:8080", "localhost", "192.168.1.5"] {
            assert!(is_number_or_localhost(own), "{own}");
        }
        assert!(!is_number_or_localhost("evil.example:8080"));
    }
}
