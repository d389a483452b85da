//! Reading requests: bodies, paths, query strings. Every way to get them wrong is a problem.
//!
//! Knows no endpoint. Invariant: a body is bounded in bytes and depth before it is parsed, and a
//! field or parameter that nobody asked for is refused.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use oneshelf_domain::limits;
use serde::de::DeserializeOwned;

use super::problem::{Answer, Error};

/// A JSON body that is read when the handler has checked who asks.
pub struct Payload<T> {
    bytes: Result<Bytes, BytesRejection>,
    json: bool,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<S: Send + Sync, T> FromRequest<S> for Payload<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await;
        Ok(Self { bytes, json, of: std::marker::PhantomData })
    }
}

impl<T: DeserializeOwned> Payload<T> {
    /// The body.
    ///
    /// # Errors
    /// 400, 413, 415 or 422.
    pub fn read(self) -> Answer<T> {
        let bytes = self.bytes.map_err(|e| too_large_or_cut(&e))?;
        if !self.json {
            let detail = "send JSON with `Content-Type: application/json`";
            return Err(Error::new(415, "unsupported_media_type", detail));
        }
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            // Where an object is meant the parser would take a list of its fields too.
            parse::<serde::de::IgnoredAny>(&bytes)?;
            return Err(Error::invalid("", "a JSON object"));
        }
        parse(&bytes)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

pub(super) fn too_large_or_cut(rejection: &BytesRejection) -> Error {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Error::new(413, "too_large", "a request has at most 1 MiB");
    }
    Error::malformed("the body ended early")
}

/// Parses a body: syntax is 400, meaning is 422 with a pointer.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    if limits::json_depth(bytes) > limits::JSON_DEPTH_MAX {
        return Err(Error::malformed("JSON is nested at most 32 deep"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| wrong(&e))?;
    json.end().map_err(|_| Error::malformed("there is something behind the JSON"))?;
    Ok(value)
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    use serde_json::error::Category;
    match error.inner().classify() {
        Category::Data => Error::invalid(&pointer(error.path()), &rule(error.inner())),
        Category::Eof => Error::malformed("the JSON ends early"),
        Category::Syntax | Category::Io => {
            let (line, column) = (error.inner().line(), error.inner().column());
            Error::malformed(&format!("no JSON at line {line} column {column}"))
        }
    }
}

/// The parser's words without its place; what it quotes from the body is made harmless.
fn rule(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(rule, _)| rule);
    oneshelf_domain::code::plain_text(text, 300)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        text.push('/');
        match segment {
            Segment::Seq { index } => text.push_str(&index.to_string()),
            Segment::Map { key } => {
                let key = oneshelf_domain::code::plain_text(key, 100);
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { variant } => text.push_str(variant),
            Segment::Unknown => text.push('?'),
        }
    }
    text
}

/// A NUL, as an address has to spell it.
const NUL: &str = "%00";

/// The parts of the path; one that is no such thing is 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        type Inner<T> = axum::extract::Path<T>;
        if parts.uri.path().contains(NUL) {
            return Err(Error::not_found());
        }
        let path = <Inner<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        path.map(|p| Self(p.0)).map_err(|_| Error::not_found())
    }
}

/// The query string; keys may repeat where a list is wanted.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let query = parts.uri.query().unwrap_or_default();
        // No text of a query has one, and PostgreSQL takes none.
        if query.contains(NUL) {
            return Err(Error::malformed("the query string: there is a NUL in it"));
        }
        let read = serde_html_form::from_str(query).map(Self);
        read.map_err(|e| {
            let why = oneshelf_domain::code::plain_text(&e.to_string(), 300);
            Error::malformed(&format!("the query string: {why}"))
        })
    }
}

/// The caller's name for a request: the same one has one effect.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Option<Self>> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
        if text.is_empty() || text.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX {
            return Err(Error::malformed("Idempotency-Key: 1 to 255 characters"));
        }
        Ok(Some(Self(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Line {
        sku: String,
        quantity: i64,
    }

    fn code(body: &str) -> (u16, String) {
        let problem = parse::<Vec<Line>>(body.as_bytes()).unwrap_err().into_problem();
        let field = problem.fields.get("field").and_then(|f| f.as_str()).unwrap_or_default();
        (problem.status, field.to_owned())
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(code("[{"), (400, String::new()));
        assert_eq!(code("[nope]"), (400, String::new()));
        assert_eq!(code("[] []"), (400, String::new()));
        assert_eq!(code("[{\"sku\":\"A\",\"quantity\":\"1\"}]"), (422, "/0/quantity".into()));
        assert_eq!(code("[{\"sku\":\"A\",\"quantity\":1e400}]").0, 400);
        assert_eq!(code("[{\"sku\":\"A\",\"quantity\":99999999999999999999}]").0, 422);
        assert_eq!(code("[{\"sku\":\"A\",\"quantity\":1,\"x/y\":2}]"), (422, "/0/x~1y".into()));
        assert_eq!(code("[{\"sku\":\"A\"}]"), (422, "/0".into()));
    }

    #[test]
    fn what_is_nested_too_deep_is_not_parsed() {
        let deep = "[".repeat(33);
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().status(), 400);
    }
}
