//! Codes that people read and type: SKU, barcode, location, register, staff.
//!
//! Each is a checked text. A value of these types is safe to print, to log and to put in a path.

use serde::{Deserialize, Serialize};

/// Why a text is no such code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {rule}")]
pub struct NotACode {
    what: &'static str,
    rule: &'static str,
}

macro_rules! code {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the rule of this code.
            pub fn new(text: &str) -> Result<Self, NotACode> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NotACode { what: $what, rule: $rule })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotACode;

            fn try_from(text: String) -> Result<Self, NotACode> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0.into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotACode;

            fn from_str(text: &str) -> Result<Self, NotACode> {
                Self::new(text)
            }
        }
    };
}

fn within(text: &str, longest: usize, allowed: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(allowed)
}

code!(
    /// The retailer's number of an item.
    Sku,
    "SKU",
    "1 to 64 printable ASCII characters without spaces at the ends",
    |t| within(t, 64, |b| (0x20..0x7f).contains(&b)) && t.trim() == t
);
code!(
    /// What a scanner reads: a GTIN, a pack code or an internal code.
    Barcode,
    "barcode",
    "1 to 80 printable ASCII characters without spaces at the ends",
    |t| within(t, 80, |b| (0x20..0x7f).contains(&b)) && t.trim() == t
);
code!(
    /// A location's code; the first part of its receipt numbers.
    LocationCode,
    "location code",
    "1 to 12 upper-case letters and digits",
    |t| within(t, 12, |b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
code!(
    /// A register's code within its location; the second part of receipt numbers.
    RegisterCode,
    "register code",
    "1 to 8 upper-case letters and digits",
    |t| within(t, 8, |b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
code!(
    /// A member of staff, as typed at sign-in.
    StaffCode,
    "staff code",
    "1 to 32 lower-case letters, digits, dots and hyphens",
    |t| within(t, 32, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
);
code!(
    /// A sales channel.
    ChannelCode,
    "channel code",
    "1 to 32 lower-case letters, digits and hyphens",
    |t| within(t, 32, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

/// True when the last digit is the GS1 check digit (mod 10) of 8, 12, 13 or 14 digits.
/// Source: GS1 General Specifications, section 7.9.
pub fn gtin_check_digit_ok(code: &str) -> bool {
    if !matches!(code.len(), 8 | 12 | 13 | 14) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = code
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| u32::from(b - b'0') * if i % 2 == 1 { 3 } else { 1 })
        .sum();
    sum.is_multiple_of(10)
}

/// Removes what must never reach a printer, a terminal or a page: control characters and the
/// marks that reorder text. Keeps every other character of the title.
pub fn plain_text(text: &str, chars_max: usize) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let spaced: String = text.chars().map(|c| if hostile(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_refuse_what_they_cannot_print() {
        assert!(Sku::new("85123A").is_ok());
        for bad in ["", " 1", "a\nb", "\u{1b}p", "näh"] {
            assert!(Sku::new(bad).is_err(), "{bad:?}");
        }
        assert!(LocationCode::new("s07").is_err());
        assert!(StaffCode::new("ana.murphy").is_ok());
    }

    #[test]
    fn check_digits_follow_gs1() {
        for good in ["4006381333931", "96385074", "036000291452", "00012345600012"] {
            assert!(gtin_check_digit_ok(good), "{good}");
        }
        for bad in ["4006381333930", "", "123", "400638133393x"] {
            assert!(!gtin_check_digit_ok(bad), "{bad}");
        }
    }

    #[test]
    fn hostile_titles_become_harmless_text() {
        let hostile = "Tea\u{1b}p\u{0}\u{202e}\u{61c}evil\u{2069}  <b>=1+1</b>\n";
        assert_eq!(plain_text(hostile, 100), "Tea p evil <b>=1+1</b>");
        assert_eq!(plain_text("abcdef", 3), "abc");
    }
}
