//! Money: whole minor units of one currency. Checked, never mixed, never a float.
//!
//! Rounding happens only in functions that say so in their name.

use serde::{Deserialize, Serialize};

use crate::limits;

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why a value is no money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three upper-case letters.
    #[error("a currency is three upper-case letters, as in ISO 4217")]
    Currency,
    /// Beyond [`limits::MONEY_MINOR_MAX`] either way.
    #[error("the amount is too large")]
    Range,
    /// Two currencies in one sum.
    #[error("amounts of two currencies cannot be added")]
    Mixed,
}

impl Currency {
    /// Checks the shape.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| MoneyError::Currency)?;
        if bytes.iter().all(u8::is_ascii_uppercase) {
            Ok(Self(bytes))
        } else {
            Err(MoneyError::Currency)
        }
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the decimal mark (ISO 4217 exponent): 0, 2 or 3.
    pub fn decimals(&self) -> u32 {
        match self.code() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units (cents), at most [`limits::MONEY_MINOR_MAX`] either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; may be negative (a refund).
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
}

impl Money {
    /// Checks the range.
    pub fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        let range = -limits::MONEY_MINOR_MAX..=limits::MONEY_MINOR_MAX;
        if range.contains(&minor) { Ok(Self { minor, currency }) } else { Err(MoneyError::Range) }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The sum; both in one currency.
    pub fn plus(self, other: Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed);
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Range)?;
        Money::new(minor, self.currency)
    }

    /// The difference; both in one currency.
    pub fn minus(self, other: Money) -> Result<Money, MoneyError> {
        self.plus(Money { minor: other.minor.checked_neg().ok_or(MoneyError::Range)?, ..other })
    }

    /// What this many units cost when the amount is the price of `per` of them, rounded half up
    /// (away from zero). `per` is above zero.
    pub fn of_units_half_up(self, units: i64, per: i64) -> Result<Money, MoneyError> {
        let per = i128::from(per.max(1));
        let exact = i128::from(self.minor) * i128::from(units);
        let rounded = (exact.abs() * 2 + per) / (per * 2) * exact.signum();
        Money::new(i64::try_from(rounded).map_err(|_| MoneyError::Range)?, self.currency)
    }
}

/// The tax inside a gross amount, rounded half to even: `gross * rate / (1 + rate)`.
/// `rate_basis_points` 2300 means 23 %.
pub fn tax_included_half_even(gross_minor: i64, rate_basis_points: i64) -> i64 {
    let numerator = i128::from(gross_minor) * i128::from(rate_basis_points);
    let denominator = 10_000 + i128::from(rate_basis_points);
    let sign = if numerator < 0 { -1 } else { 1 };
    let magnitude = numerator.abs();
    let (quotient, rest) = (magnitude / denominator, magnitude % denominator);
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => quotient % 2,
        std::cmp::Ordering::Less => 0,
    };
    i64::try_from(sign * (quotient + up)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::new("EUR").unwrap()).unwrap()
    }

    #[test]
    fn currencies_never_mix() {
        let yen = Money::new(1, Currency::new("JPY").unwrap()).unwrap();
        assert_eq!(eur(1).plus(yen), Err(MoneyError::Mixed));
        assert_eq!(eur(150).minus(eur(200)).unwrap().minor, -50);
    }

    #[test]
    fn amounts_stay_in_range() {
        assert_eq!(eur(limits::MONEY_MINOR_MAX).plus(eur(1)), Err(MoneyError::Range));
        assert_eq!(eur(i64::MAX / 1_000_000).of_units_half_up(i64::MAX, 1), Err(MoneyError::Range));
    }

    #[test]
    fn a_price_of_a_thousand_rounds_half_up() {
        let cost = |minor, units| eur(minor).of_units_half_up(units, 1_000).unwrap().minor;
        assert_eq!([cost(1_290, 862), cost(1_290, 1_000), cost(1, 499)], [1_112, 1_290, 0]);
        assert_eq!([cost(1, 500), cost(-1, 500), cost(-1_290, 862)], [1, -1, -1_112]);
        assert_eq!(eur(1).of_units_half_up(7, 1).unwrap().minor, 7);
    }

    #[test]
    fn included_tax_rounds_half_to_even() {
        assert_eq!(tax_included_half_even(20_763, 2300), 3883);
        assert_eq!(tax_included_half_even(0, 2300), 0);
        assert_eq!(tax_included_half_even(-20_763, 2300), -3883);
        assert_eq!(tax_included_half_even(1_050, 500), 50);
        // 21 * 500 / 10500 = 1 exactly; 10.5 * ... : a half goes to the even neighbour.
        assert_eq!(tax_included_half_even(3, 10_000), 2);
        assert_eq!(tax_included_half_even(1, 10_000), 0);
    }
}
