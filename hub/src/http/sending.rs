//! From a handler to the write path and back: command ids, waiting for what was written,
//! versions that the caller has read.
//!
//! Owns how a request becomes a submission. It decides nothing.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::CommandId;
use oneshelf_domain::stock::{Command, Version, Versions};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use super::extract::IdempotencyKey;
use super::problem::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::commands::{Accepted, Lane};
use crate::link::recall;

/// Names of ids that are made from a principal.
const NAMESPACE: Uuid = Uuid::from_u128(0x0192_6f3a_51c7_7b1e_9d4f_7a60_11ce_0002);

/// The id of a command: the same key of the same principal names the same command.
pub fn command_id(principal: &str, key: Option<&IdempotencyKey>) -> CommandId {
    match key {
        Some(IdempotencyKey(text)) => {
            let of_principal = Uuid::new_v5(&NAMESPACE, principal.as_bytes());
            CommandId(Uuid::new_v5(&of_principal, text.as_bytes()))
        }
        None => CommandId(Uuid::now_v7()),
    }
}

/// Who sends what under which id.
pub struct Sending<'a> {
    app: &'a App,
    principal: String,
    keyed: bool,
    /// The command's id.
    pub id: CommandId,
}

impl<'a> Sending<'a> {
    /// A command of a caller.
    pub fn new(app: &'a App, caller: &Caller, key: Option<&IdempotencyKey>) -> Self {
        Self::of(app, caller.principal(), key)
    }

    /// A command of a principal.
    pub fn of(app: &'a App, principal: String, key: Option<&IdempotencyKey>) -> Self {
        let id = command_id(&principal, key);
        // From here on the request's lines lead to its command.
        let span = tracing::Span::current();
        span.record("command", tracing::field::display(&id)).record("principal", &*principal);
        Self { app, principal, keyed: key.is_some(), id }
    }

    /// Hands it to the write path and waits for its commit.
    ///
    /// # Errors
    /// The refusal, or that there is no room now.
    pub async fn send(&self, command: Command) -> Answer<Accepted> {
        let submission = Submission {
            id: self.id,
            principal: self.principal.clone(),
            actor: self.principal.clone(),
            on_behalf_of: None,
            keyed: self.keyed,
            command,
        };
        Ok(recall::submit(self.app, Lane::Interactive, submission).await?)
    }

    /// As [`Sending::send`], for settings and rights: answers when the next request sees them.
    ///
    /// # Errors
    /// As [`Sending::send`].
    pub async fn settle(&self, command: Command) -> Answer<Accepted> {
        let accepted = self.send(command).await?;
        if let Some(version) = accepted.version {
            self.app.follow.reached(version).await;
        }
        Ok(accepted)
    }
}

/// The ETag of a version.
pub fn etag(version: Version) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", version.0))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// What the caller has read, as its request says.
#[derive(Debug, Default)]
pub struct Preconditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Preconditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let text = |name: header::HeaderName| {
            // What is no ETag of ours names no version; it must not count as no condition.
            let lines = parts.headers.get_all(name).iter().map(|v| v.to_str().unwrap_or_default());
            let lines: Vec<&str> = lines.collect();
            (!lines.is_empty()).then(|| lines.join(","))
        };
        Ok(Self { if_match: text(header::IF_MATCH), if_none_match: text(header::IF_NONE_MATCH) })
    }
}

/// The versions of a list of ETags; those that are not ours name none.
fn versions(list: &str) -> Versions {
    if list.split(',').any(|one| one.trim() == "*") {
        return Versions::Any;
    }
    let version = |tag: &str| {
        let tag = tag.trim().trim_start_matches("W/");
        let number = tag.strip_prefix('"')?.strip_suffix('"')?;
        Some(Version(number.parse().ok().filter(|n: &i64| n.to_string() == number)?))
    };
    Versions::These(list.split(',').filter_map(version).collect())
}

impl Preconditions {
    /// The change, on the condition that the caller named; the write path looks whether it holds,
    /// so that nothing comes between look and write.
    pub fn on(&self, change: Command) -> Command {
        let [at, not_at] = [&self.if_match, &self.if_none_match];
        if at.is_none() && not_at.is_none() {
            return change;
        }
        let versions = |list: &Option<String>| list.as_deref().map(versions);
        Command::OnlyIf { at: versions(at), not_at: versions(not_at), change: Box::new(change) }
    }

    /// A read with its ETag; 304 when the caller has this version.
    pub fn answer(&self, version: Version, body: impl serde::Serialize) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, etag(version));
        let known = self.if_none_match.as_deref().map(versions);
        if known.is_some_and(|known| known.name(Some(version))) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, axum::Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_command_of_one_principal() {
        let key = IdempotencyKey("a".into());
        assert_eq!(command_id("admin", Some(&key)), command_id("admin", Some(&key)));
        assert_ne!(command_id("admin", Some(&key)), command_id("staff:ana", Some(&key)));
        assert_ne!(command_id("admin", None), command_id("admin", None));
    }

    #[test]
    fn etags_are_versions() {
        assert_eq!(versions("\"11\", W/\"12\""), Versions::These(vec![Version(11), Version(12)]));
        assert_eq!(versions("\"1\", *"), Versions::Any);
        for foreign in ["", "7", "\"x\"", "\"+7\"", "\"07\"", "\"", "\"99999999999999999999\""] {
            assert_eq!(versions(foreign), Versions::These(vec![]), "{foreign}");
        }
    }
}
