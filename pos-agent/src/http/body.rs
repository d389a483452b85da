//! Reading requests: JSON bodies, the session's cookie, query strings.
//!
//! Only JSON with the fields that are known; a form of another site cannot send that.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, header};
use oneshelf_domain::limits;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::App;
use crate::register::{Refused, Session};

/// A JSON body.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refused> {
        let body = axum::body::to_bytes(request.into_body(), limits::BODY_BYTES_MAX).await;
        let too_large = |_| Refused::new(413, "too_large", "A body has at most 1 MiB.");
        let body = body.map_err(too_large)?;
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            not_readable(&path, error.inner())
        })?;
        reader.end().map_err(|error| not_readable(".", &error))?;
        Ok(Self(value))
    }
}

fn not_readable(path: &str, error: &serde_json::Error) -> Refused {
    if error.is_data() {
        let pointer = format!("/{}", path.trim_start_matches('.').replace('.', "/"));
        return Refused::invalid(&pointer, &error.to_string());
    }
    Refused::new(400, "malformed", &format!("The body is no JSON document: {error}"))
}

/// The session's token, as the cookie has it.
pub(super) struct Token(pub Option<String>);

impl FromRequestParts<App> for Token {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        Ok(Self(cookie(parts, app.guard.cookie_name())))
    }
}

fn cookie(parts: &Parts, name: &str) -> Option<String> {
    let cookies = parts.headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies.filter_map(|c| c.to_str().ok()).flat_map(|c| c.split(';'));
    let found = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    found.map(str::to_owned)
}

/// A customer display's token, as its own cookie has it.
pub(super) struct DisplayToken(pub Option<String>);

impl FromRequestParts<App> for DisplayToken {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        Ok(Self(cookie(parts, app.guard.display_cookie_name())))
    }
}

/// Who asks; a refusal when nobody is signed in. What changes something was done by a person, and
/// so decides whose a serial scan is; a page looks again by itself.
pub(super) struct Who(pub Session);

/// The same where a person asks to see something: what a search finds was typed.
pub(super) struct Person;

impl FromRequestParts<App> for Who {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let Token(token) = Token::from_request_parts(parts, app).await?;
        let acts = parts.method != Method::GET;
        Ok(Self(app.front.who(token.as_deref(), acts)?))
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let Token(token) = Token::from_request_parts(parts, app).await?;
        app.front.who(token.as_deref(), true)?;
        Ok(Self)
    }
}

/// `?search=&limit=`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    search: String,
    limit: Option<usize>,
}

/// A list's query, checked.
pub(super) struct Listed {
    pub search: String,
    pub limit: usize,
}

impl FromRequestParts<App> for Listed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let asked = Query::<Asked>::from_request_parts(parts, app).await;
        let Query(Asked { search, limit }) =
            asked.map_err(|error| Refused::invalid("/query", &error.body_text()))?;
        let limit = limit.unwrap_or(limits::PAGE_ROWS_DEFAULT);
        if !(1..=limits::PAGE_ROWS_MAX).contains(&limit) {
            return Err(Refused::invalid("/limit", "1 to 500"));
        }
        if search.chars().count() > limits::NAME_CHARS_MAX {
            return Err(Refused::invalid("/search", "at most 200 characters"));
        }
        Ok(Self { search, limit })
    }
}
