//! Secrets that a channel shares with us, as Standard Webhooks writes them: `whsec_` and base64.
//!
//! Invariant: a secret shows in no `Debug` and in no error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "whsec_";
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A shared secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// A text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// A secret of these bytes.
    ///
    /// # Errors
    /// When there are too few or too many.
    pub fn new(bytes: &[u8]) -> Result<Self, NotASecret> {
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes.to_vec())) } else { Err(NotASecret) }
    }

    /// Reads `whsec_...`.
    ///
    /// # Errors
    /// When the text is another.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        Self::new(&STANDARD.decode(encoded).map_err(|_| NotASecret)?)
    }

    /// As it is given to whoever runs the channel.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_and_never_shows() {
        let secret = Secret::new(&[7; 32]).unwrap();
        assert_eq!(Secret::parse(&secret.text()), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for wrong in ["", "whsec_", "whsec_AAAA", "whsec_%%%", &secret.text()[6..]] {
            assert_eq!(Secret::parse(wrong), Err(NotASecret), "{wrong}");
        }
        assert_eq!(Secret::new(&[0; 65]), Err(NotASecret));
    }
}
