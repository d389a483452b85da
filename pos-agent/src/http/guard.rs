//! Who may ask at all: the host by which pages were opened, the origin of their scripts, JSON.
//!
//! A page of another site can make a browser send requests here; its Origin shows it. A name that
//! was rebound to this address shows in Host. Every answer carries the headers that keep pages in
//! their place.

use std::collections::HashSet;
use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::register::Refused;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The hosts of this agent's pages.
pub(super) struct Guard {
    hosts: HashSet<String>,
    cookie: String,
    display_cookie: String,
}

impl Guard {
    pub(super) fn new(address: SocketAddr, more: &[String]) -> Self {
        let port = address.port();
        let mut hosts: HashSet<String> = more.iter().map(|h| h.to_ascii_lowercase()).collect();
        hosts.insert(address.to_string());
        if address.ip().is_loopback() {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                hosts.insert(format!("{name}:{port}"));
            }
        }
        // Browsers do not tell ports apart in cookies: two agents of one machine would sign each
        // other's cashiers out.
        let cookie = format!("oneshelf_agent_{port}");
        Self { hosts, cookie, display_cookie: format!("oneshelf_display_{port}") }
    }

    pub(super) fn cookie_name(&self) -> &str {
        &self.cookie
    }

    pub(super) fn display_cookie_name(&self) -> &str {
        &self.display_cookie
    }

    fn refusal(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Refused> {
        let text = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or_default().to_ascii_lowercase();
        if !self.hosts.contains(&host) {
            let detail = "These pages are not served under this host name.";
            return Some(Refused::new(421, "host_not_allowed", detail));
        }
        let foreign = |origin: &str| {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            host.is_none_or(|host| !self.hosts.contains(&host.to_ascii_lowercase()))
        };
        let site = HeaderName::from_static("sec-fetch-site");
        let crossed = path.starts_with("/api")
            && text(site).is_some_and(|s| s != "same-origin" && s != "none");
        if text(header::ORIGIN).is_some_and(foreign) || crossed {
            let detail = "Only the agent's own pages may ask this.";
            return Some(Refused::new(403, "origin_not_allowed", detail));
        }
        if path.starts_with("/api") && !is_json(method, headers) {
            let detail = "Send application/json.";
            return Some(Refused::new(415, "json_only", detail));
        }
        None
    }
}

/// A request that changes something is JSON, also when a form would do.
fn is_json(method: &Method, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or("?"));
    let essence = kind.map(|k| k.split(';').next().unwrap_or_default().trim());
    let json = essence.is_some_and(|e| e.eq_ignore_ascii_case("application/json"));
    match *method {
        Method::GET | Method::HEAD => true,
        Method::DELETE => kind.is_none() || json,
        _ => json,
    }
}

pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let api = path.starts_with("/api");
    let refusal = app.guard.refusal(request.method(), path, request.headers());
    let mut response = match refusal {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, path: &str, pairs: &[(&'static str, &str)]) -> Option<u16> {
        let guard = Guard::new("127.0.0.1:8090".parse().unwrap(), &["shop.lan:8090".into()]);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        guard.refusal(&method, path, &headers).map(|r| r.0.status)
    }

    #[test]
    fn only_known_hosts_and_own_origins_pass() {
        let own = ("host", "127.0.0.1:8090");
        let json = ("content-type", "application/json; charset=utf-8");
        let post = Method::POST;
        assert_eq!(refused(Method::GET, "/", &[own]), None);
        assert_eq!(refused(Method::GET, "/", &[("host", "LOCALHOST:8090")]), None);
        assert_eq!(refused(Method::GET, "/", &[("host", "shop.lan:8090")]), None);
        assert_eq!(refused(Method::GET, "/", &[("host", "evil.example:8090")]), Some(421));
        assert_eq!(refused(Method::GET, "/", &[("host", "127.0.0.1:8091")]), Some(421));
        assert_eq!(refused(Method::GET, "/", &[]), Some(421));
        let origin = |o| ("origin", o);
        let from = |o| refused(post.clone(), "/api/no-sale", &[own, json, origin(o)]);
        assert_eq!(from("http://127.0.0.1:8090"), None);
        assert_eq!(from("http://evil.example"), Some(403));
        assert_eq!(from("null"), Some(403));
        let site = ("sec-fetch-site", "same-site");
        assert_eq!(refused(Method::GET, "/api/state", &[own, site]), Some(403));
        assert_eq!(refused(Method::GET, "/", &[own, ("sec-fetch-site", "cross-site")]), None);
    }

    #[test]
    fn a_form_of_another_site_is_no_json() {
        let own = ("host", "127.0.0.1:8090");
        let form = ("content-type", "text/plain");
        assert_eq!(refused(Method::POST, "/api/no-sale", &[own, form]), Some(415));
        assert_eq!(refused(Method::POST, "/api/no-sale", &[own]), Some(415));
        assert_eq!(refused(Method::DELETE, "/api/ticket", &[own]), None);
        assert_eq!(refused(Method::DELETE, "/api/ticket", &[own, form]), Some(415));
    }
}
