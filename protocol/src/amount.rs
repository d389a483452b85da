//! Amounts in the bodies of requests: a field that nobody knows is refused there.
//!
//! The same amount in a frame or a stored row takes one more field, so that programs of two
//! versions can talk; that is why the type itself does not refuse it.

use oneshelf_domain::Money;
use oneshelf_domain::money::Currency;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "Money")]
struct Amount {
    minor: i64,
    currency: Currency,
}

impl From<Amount> for Money {
    fn from(Amount { minor, currency }: Amount) -> Self {
        Self { minor, currency }
    }
}

/// For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no amount, or says more than one.
pub fn asked<'de, D: Deserializer<'de>>(from: D) -> Result<Money, D::Error> {
    Amount::deserialize(from).map(Money::from)
}

/// The same where there may be none.
///
/// # Errors
/// When it is no amount, or says more than one.
pub fn asked_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Money>, D::Error> {
    Ok(Option::<Amount>::deserialize(from)?.map(Money::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(deserialize_with = "asked")]
        one: Money,
        #[serde(default, deserialize_with = "asked_if_any")]
        any: Option<Money>,
    }

    #[test]
    fn a_request_says_no_more_than_an_amount() {
        let read = |text: &str| serde_json::from_str::<Body>(text);
        let one = Money { minor: 5, currency: Currency::new("EUR").unwrap() };
        let eur = r#"{"minor":5,"currency":"EUR"}"#;
        let more = r#"{"minor":5,"currency":"EUR","tax":1}"#;
        let only = Body { one, any: None };
        assert_eq!(read(&format!(r#"{{"one":{eur}}}"#)).unwrap(), only);
        assert_eq!(read(&format!(r#"{{"one":{eur},"any":null}}"#)).unwrap(), only);
        let both = Body { one, any: Some(one) };
        assert_eq!(read(&format!(r#"{{"one":{eur},"any":{eur}}}"#)).unwrap(), both);
        for bad in [format!(r#"{{"one":{more}}}"#), format!(r#"{{"one":{eur},"any":{more}}}"#)] {
            assert!(read(&bad).unwrap_err().to_string().contains("unknown field `tax`"));
        }
        assert_eq!(serde_json::from_str::<Money>(more).unwrap(), one, "in a frame");
    }
}
