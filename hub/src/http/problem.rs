//! Every refusal and error of the HTTP edge as `application/problem+json`, made in this one file.
//!
//! Causes of 5xx are logged here, once, and never shown. Invariant: each code stands in
//! [`super::problems::CATALOGUE`].

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::Refusal;
use oneshelf_protocol::problem::Problem;

use crate::auth::passwords::HashingFailed;
use crate::commands::Failure;
use crate::secrets::SecretsError;
use crate::store::{Storage, StoreError};

/// A problem on its way out.
#[derive(Debug)]
pub struct Error {
    problem: Box<Problem>,
    headers: HeaderMap,
}

/// What handlers answer.
pub type Answer<T> = Result<T, Error>;

tokio::task_local! {
    /// The id of the request that this task answers.
    pub(super) static REQUEST: String;
}

impl Error {
    /// A problem with a code of the catalogue.
    pub fn new(status: u16, code: &str, detail: &str) -> Self {
        Problem::new(status, code, detail).into()
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: &str) -> Self {
        Self::new(400, "malformed", detail)
    }

    /// 401: nobody is known.
    pub fn not_signed_in() -> Self {
        let detail = "send a key as `Authorization: Bearer ...`, or sign in first";
        let mut error = Self::new(401, "not_signed_in", detail);
        let how = HeaderValue::from_static("Bearer realm=\"oneshelf\"");
        error.headers.insert(header::WWW_AUTHENTICATE, how);
        error
    }

    /// 401: the secret is not valid.
    pub fn wrong_secret() -> Self {
        let mut error = Self::not_signed_in();
        let detail = "this secret is wrong, ended or expired; ask for a new one";
        *error.problem = Problem::new(401, "wrong_secret", detail);
        error
    }

    /// 403: known, but not allowed.
    pub fn not_allowed() -> Self {
        let detail = "your role or key does not allow this; ask somebody whose does";
        Self::new(403, "not_allowed", detail)
    }

    /// 403: a page of another place asks.
    pub fn foreign_origin() -> Self {
        let detail = "pages of this origin may not ask here; list the origin at the key";
        Self::new(403, "foreign_origin", detail)
    }

    /// 404: nothing there, or nothing that the caller may see.
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "there is nothing here, or nothing that you may see")
    }

    /// 422: a field breaks a rule.
    pub fn invalid(pointer: &str, rule: &str) -> Self {
        Error::from(Refusal::invalid(pointer, rule))
    }

    /// 429: too many.
    pub fn too_many_requests(wait: Duration) -> Self {
        let mut error = Self::new(429, "too_many_requests", "too many requests; wait a moment");
        error.retry_after(wait.as_secs().max(1));
        error
    }

    /// 503: try again.
    pub fn busy(detail: &str) -> Self {
        let mut error = Self::new(503, "busy", detail);
        error.retry_after(1);
        error
    }

    /// 507 or 503: the disk under the database is full, or failed.
    fn of_storage(storage: Storage) -> Self {
        let (mut error, seconds) = match storage {
            Storage::Full => {
                let detail = "the hub's disk is full: nothing was changed; whoever runs the hub \
                              makes room, and it goes on by itself";
                (Self::new(507, "storage_full", detail), 5)
            }
            Storage::Failed => {
                let detail = "the hub's disk failed, and the hub starts anew; whether this was \
                              kept is not known: ask again with the same Idempotency-Key";
                (Self::new(503, "storage_failed", detail), 1)
            }
        };
        error.retry_after(seconds);
        error
    }

    /// 500: a fault of ours; the cause stays in the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let cause = cause.to_string();
        tracing::error!(cause = ?cause, "a request failed for a reason of our own");
        let detail = "a fault of this hub; its log has the cause under the request's id";
        Self::new(500, "internal", detail)
    }

    fn retry_after(&mut self, seconds: u64) {
        self.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }

    /// A lack of stock, without how much there is.
    pub fn without_figures(mut self, detail: &str) -> Self {
        if self.problem.code == "not_enough_available" {
            self.problem.fields.remove("available");
            detail.clone_into(&mut self.problem.detail);
        }
        self
    }

    /// The status, for tests and logs.
    pub fn status(&self) -> u16 {
        self.problem.status
    }

    /// The body, for a WebSocket that says it before it closes.
    pub fn into_problem(self) -> Problem {
        *self.problem
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), headers: HeaderMap::new() }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Problem::from(&refusal).into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::NotNow(_) => Self::busy("not now; try again in a moment"),
            Failure::Busy => Self::busy("too much waits to be written; try again in a moment"),
            Failure::Stopping => Self::busy("this hub is stopping; try again in a moment"),
            Failure::StorageFull => Self::of_storage(Storage::Full),
            Failure::StorageFailed => Self::of_storage(Storage::Failed),
            Failure::Internal => Self::internal("the writer"),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if error.passing() || matches!(error, StoreError::Behind) {
            tracing::warn!(cause = ?error.to_string(), "the database did not answer");
            return Self::busy("the database does not answer; try again in a moment");
        }
        if let Some(storage) = error.storage() {
            tracing::error!(cause = ?error.to_string(), "the disk of the database");
            return Self::of_storage(storage);
        }
        Self::internal(error)
    }
}

impl From<HashingFailed> for Error {
    fn from(error: HashingFailed) -> Self {
        Self::internal(error)
    }
}

impl From<SecretsError> for Error {
    fn from(error: SecretsError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut problem = *self.problem;
        problem.instance = REQUEST.try_with(Clone::clone).ok();
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, self.headers, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_when_to_try_again_and_what_is_ours_says_nothing_of_its_cause() {
        for failure in [Failure::Busy, Failure::Stopping, Failure::NotNow("gap")] {
            let response = Error::from(failure).into_response();
            assert_eq!(response.status(), 503);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
        }
        let error = Error::internal("password=hunter2");
        assert_eq!(error.status(), 500);
        assert!(!serde_json::to_string(&error.into_problem()).unwrap().contains("hunter2"));
    }
}
