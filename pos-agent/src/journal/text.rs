//! Reading ids and JSON back from columns.

use super::Fault;

/// A value from its text.
pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::Row(format!("not readable: {text:?}")))
}

/// A value from its JSON.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    Ok(serde_json::from_str(text)?)
}

/// A value's JSON.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    Ok(serde_json::to_string(value)?)
}
