//! GTIN arithmetic: check digits and the one form in which codes are compared.
//!
//! Owns the digits. Must not know items. Invariant: leading zeros are text and never lost, and a
//! code with a wrong check digit has no normal form.

use std::fmt;

use serde::Serialize;

use super::symbology::Symbology;

/// A Global Trade Item Number in the one form in which numbers are compared: 14 digits, the check
/// digit right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Gtin(String);

impl Gtin {
    /// Takes 8, 12, 13 or 14 digits; `None` when it is not so many, or the last does not fit.
    pub fn new(digits: &str) -> Option<Gtin> {
        (check_digit_ok(digits) == Some(true)).then(|| Gtin(format!("{digits:0>14}")))
    }

    /// All 14 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last 13 digits, when the first says nothing: what an EAN-13 or UPC-A shows.
    pub fn ean13(&self) -> Option<&str> {
        self.0.strip_prefix('0')
    }

    /// Whether a shop may give such numbers to its own goods: prefix 02 or 20 to 29 (GS1 General
    /// Specifications, sections 2.1.11 and 2.1.12, restricted circulation numbers).
    pub fn is_store_made(&self) -> bool {
        self.ean13().is_some_and(|digits| digits.starts_with('2') || digits.starts_with("02"))
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The check digit that belongs after these digits (3 and 1 weighted from the right).
/// `None` when anything else than digits is in it, or nothing.
pub fn check_digit(body: &str) -> Option<u8> {
    if body.is_empty() || !body.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| u32::from(byte - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// Whether the last digit fits: `None` when the code does not have the shape of a GTIN (8, 12, 13
/// or 14 digits), so that a caller can tell "misread" from "not such a code".
pub fn check_digit_ok(code: &str) -> Option<bool> {
    if !matches!(code.len(), 8 | 12 | 13 | 14) || !code.is_ascii() {
        return None;
    }
    let (body, last) = code.split_at(code.len() - 1);
    let expected = check_digit(body)?;
    let given = last.bytes().next().filter(u8::is_ascii_digit)? - b'0';
    Some(expected == given)
}

/// EAN-8, UPC-A, EAN-13 and GTIN-14 as 14 digits; UPC-E only where the scanner called it EAN/UPC.
/// `None` for other codes and wrong check digits.
pub fn normalise_gtin(code: &str, symbology: Option<&Symbology>) -> Option<String> {
    // Eight digits with the mark of EAN-13 are UPC-E: EAN-8 has a mark of its own.
    let upc_e = (code.len() == 8 && symbology == Some(&Symbology::Ean13))
        .then(|| upc_e_to_upc_a(code))
        .flatten();
    Gtin::new(upc_e.as_deref().unwrap_or(code)).map(|gtin| gtin.0)
}

/// Expands the eight digits of UPC-E (number system, six digits, check digit) to UPC-A.
pub fn upc_e_to_upc_a(code: &str) -> Option<String> {
    if code.len() != 8 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let system = code.get(0..1)?;
    if system != "0" && system != "1" {
        return None;
    }
    let six = code.get(1..7)?;
    let (maker, item) = match six.get(5..6)? {
        last @ ("0" | "1" | "2") => (format!("{}{last}00", &six[..2]), format!("00{}", &six[2..5])),
        "3" => (format!("{}00", &six[..3]), format!("000{}", &six[3..5])),
        "4" => (format!("{}0", &six[..4]), format!("0000{}", &six[4..5])),
        last => (six[..5].to_owned(), format!("0000{last}")),
    };
    let upc_a = format!("{system}{maker}{item}{}", code.get(7..8)?);
    (check_digit_ok(&upc_a) == Some(true)).then_some(upc_a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_shops_own_is_told_by_its_prefix() {
        for (digits, own) in [
            ("2123450012505", true),
            ("0212345001256", true),
            ("212345001257", true),
            ("4006381333931", false),
            ("96385074", false),
        ] {
            let body = &digits[..digits.len() - 1];
            let code = format!("{body}{}", check_digit(body).unwrap());
            assert_eq!(Gtin::new(&code).unwrap().is_store_made(), own, "{code}");
        }
        assert_eq!(Gtin::new("10012345678902").unwrap().ean13(), None);
    }

    #[test]
    fn check_digits_of_known_codes() {
        for (code, fits) in [
            ("4006381333931", Some(true)),
            ("4006381333930", Some(false)),
            ("96385074", Some(true)),
            ("036000291452", Some(true)),
            ("036000291453", Some(false)),
            ("10012345678902", Some(true)),
            ("400638133393", Some(false)),
            ("12345", None),
            ("40063813339ab", None),
            ("", None),
        ] {
            assert_eq!(check_digit_ok(code), fits, "{code}");
        }
        assert_eq!(check_digit("400638133393"), Some(1));
        assert_eq!(check_digit(""), None);
    }

    #[test]
    fn every_length_comes_to_fourteen_digits() {
        assert_eq!(normalise_gtin("96385074", None).as_deref(), Some("00000096385074"));
        assert_eq!(normalise_gtin("036000291452", None).as_deref(), Some("00036000291452"));
        assert_eq!(normalise_gtin("0036000291452", None).as_deref(), Some("00036000291452"));
        assert_eq!(normalise_gtin("4006381333931", None).as_deref(), Some("04006381333931"));
        assert_eq!(normalise_gtin("10012345678902", None).as_deref(), Some("10012345678902"));
        assert_eq!(normalise_gtin("4006381333930", None), None);
        assert_eq!(normalise_gtin("S07-R2-000123", None), None);
    }

    #[test]
    fn upc_e_expands_by_its_last_digit() {
        for (upc_e, upc_a) in [
            ("04252614", Some("042100005264")),
            ("01234565", Some("012345000065")),
            ("01234531", Some("012300000451")),
            ("01234532", None),
            ("24252614", None),
        ] {
            assert_eq!(upc_e_to_upc_a(upc_e).as_deref(), upc_a, "{upc_e}");
        }
        assert_eq!(
            normalise_gtin("04252614", Some(&Symbology::Ean13)).as_deref(),
            Some("00042100005264")
        );
        assert_eq!(normalise_gtin("04252614", None), None, "without a mark it may be anything");
    }
}
