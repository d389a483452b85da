//! A text that many are told: made once, shared, and never copied to be handed on.
//!
//! Invariant: its bytes are UTF-8, for they were a text.

use bytes::Bytes;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Bytes);

impl Text {
    /// As it is read.
    pub fn as_str(&self) -> &str {
        // It was a text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As it is sent.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}
