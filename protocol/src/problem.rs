//! Problem bodies (RFC 9457): one shape for every refusal and error over HTTP and WebSocket.
//!
//! `code` is stable and never reused; `type` is `/problems/<code>`, where it is documented.

use oneshelf_domain::refusal::{Refusal, RefusalKind};
use serde::{Deserialize, Serialize};

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem, in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// The request's id, as in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The refusal's own fields.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem of a transport.
    pub fn new(status: u16, code: &str, detail: &str) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title: code.replace('_', " "),
            status,
            detail: detail.to_owned(),
            code: code.to_owned(),
            instance: None,
            fields: serde_json::Map::new(),
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let status = match refusal.kind() {
            RefusalKind::Invalid => 422,
            RefusalKind::Unknown => 404,
            RefusalKind::Conflict => 409,
            RefusalKind::Gone => 410,
            RefusalKind::Denied => 403,
            RefusalKind::Changed => 412,
        };
        let mut problem = Self::new(status, refusal.code(), &refusal.to_string());
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(refusal) {
            problem.fields = fields;
            problem.fields.remove("code");
        }
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_fields() {
        let refusal = Refusal::NotEnoughAvailable { sku: "A".into(), available: 1, wanted: 2 };
        let body = serde_json::to_value(Problem::from(&refusal)).unwrap();
        assert_eq!(body["code"], "not_enough_available");
        assert_eq!(body["status"], 409);
        assert_eq!(body["available"], 1);
    }
}
