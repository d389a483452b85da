//! Weight and price in the number of an EAN-13, by the patterns of a shop.
//!
//! Owns patterns such as `2PPPPPCWWWWWC`, what they must look like and what a number says by one.
//! Must not know items. Which countries and shops use which pattern is theirs alone (GS1 General
//! Specifications, sections 2.1.11 and 2.1.12, restricted circulation numbers). Invariant: a
//! number is only read by a pattern when every digit that can be checked fits.
//!
//! Letters: a digit stands for itself; `P` item, `W` grams, `M` money in minor units, `N` pieces,
//! `C` in the last place the check digit of the whole, elsewhere that of the value (section 7.9.3
//! for four digits, 7.9.4 for five), `.` any digit.
//!
//! A catalogue comes first: see `reading`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::gtin::{Gtin, check_digit};

const PLACES: usize = 13;

/// A pattern of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    letters: [u8; PLACES],
    value: u8,
}

/// What stands beside the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Embedded {
    Grams(i64),
    /// In the minor units of the shop's currency.
    Price(i64),
    Pieces(i64),
}

/// A number read by a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// The item's digits, as a scale knows them.
    pub item: String,
    /// The number with the value taken out (zeros, check digits made anew): as a catalogue may
    /// list the item.
    pub base: Gtin,
    pub value: Embedded,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a pattern has 13 places, `{0}` has not")]
    Length(String),
    #[error("`{letter}` in `{pattern}` is none of the digits and P W M N C .")]
    Letter { pattern: String, letter: char },
    #[error("`{0}` must begin with 02 or 2: other numbers are of somebody else's goods")]
    Prefix(String),
    #[error("`{0}` must have one stretch of P, the item")]
    Item(String),
    #[error("`{0}` must have one stretch of W, M or N, the value, and of one of them only")]
    Value(String),
    #[error("`{0}` must end with C, the check digit of an EAN-13")]
    Check(String),
    #[error("`{0}` has more than one C inside")]
    TwoChecks(String),
    #[error("the C inside `{0}` needs a value of four or five digits")]
    CheckedValue(String),
    #[error("`{later}` is never reached: all its numbers are taken by `{earlier}` before it")]
    Hidden { later: String, earlier: String },
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        let of = || text.to_owned();
        if let Some(letter) =
            text.chars().find(|l| !matches!(l, '0'..='9' | '.' | 'C' | 'M' | 'N' | 'P' | 'W'))
        {
            return Err(PatternError::Letter { pattern: of(), letter });
        }
        let letters: [u8; PLACES] =
            text.as_bytes().try_into().map_err(|_| PatternError::Length(of()))?;
        if letters[0] != b'2' && !letters.starts_with(b"02") {
            return Err(PatternError::Prefix(of()));
        }
        if letters[PLACES - 1] != b'C' {
            return Err(PatternError::Check(of()));
        }
        if stretches(&letters, b'P') != 1 {
            return Err(PatternError::Item(of()));
        }
        let values: Vec<u8> =
            [b'W', b'M', b'N'].into_iter().filter(|letter| letters.contains(letter)).collect();
        let [value] = values[..] else { return Err(PatternError::Value(of())) };
        if stretches(&letters, value) != 1 {
            return Err(PatternError::Value(of()));
        }
        let pattern = Pattern { letters, value };
        match letters[..PLACES - 1].iter().filter(|letter| **letter == b'C').count() {
            0 => Ok(pattern),
            1 if matches!(pattern.places(value).len(), 4 | 5) => Ok(pattern),
            1 => Err(PatternError::CheckedValue(of())),
            _ => Err(PatternError::TwoChecks(of())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters.iter().try_for_each(|letter| write!(out, "{}", char::from(*letter)))
    }
}

impl Pattern {
    /// `None`: the number is not of this pattern.
    pub fn read(&self, number: &Gtin) -> Option<Measured> {
        let digits = number.ean13()?;
        let fits = |(letter, digit): (&u8, u8)| !letter.is_ascii_digit() || *letter == digit;
        if !self.letters.iter().zip(digits.bytes()).all(fits) {
            return None;
        }
        let value = digits.get(self.places(self.value))?;
        if let Some(place) = self.inner_check()
            && value_check_digit(value) != digits.as_bytes().get(place).copied()
        {
            return None;
        }
        let amount = value.parse().ok()?;
        Some(Measured {
            item: digits.get(self.places(b'P'))?.to_owned(),
            base: self.without_value(digits)?,
            value: match self.value {
                b'W' => Embedded::Grams(amount),
                b'M' => Embedded::Price(amount),
                _ => Embedded::Pieces(amount),
            },
        })
    }

    fn without_value(&self, digits: &str) -> Option<Gtin> {
        let inner = self.inner_check();
        let body: String = digits
            .chars()
            .take(PLACES - 1)
            .enumerate()
            // The check digit of nothing but zeros is zero too.
            .map(|(place, digit)| match self.letters[place] == self.value || inner == Some(place) {
                true => '0',
                false => digit,
            })
            .collect();
        Gtin::new(&format!("{body}{}", check_digit(&body)?))
    }

    fn inner_check(&self) -> Option<usize> {
        self.letters[..PLACES - 1].iter().position(|letter| *letter == b'C')
    }

    fn places(&self, letter: u8) -> std::ops::Range<usize> {
        let start = self.letters.iter().position(|l| *l == letter).unwrap_or(0);
        let length = self.letters[start..].iter().take_while(|l| **l == letter).count();
        start..start + length
    }

    /// Whether every number of `other` is one of this pattern as far as its fixed digits go.
    fn covers(&self, other: &Pattern) -> bool {
        let wider = |(mine, theirs): (&u8, &u8)| !mine.is_ascii_digit() || mine == theirs;
        self.inner_check().is_none() && self.letters.iter().zip(&other.letters).all(wider)
    }
}

fn stretches(letters: &[u8; PLACES], letter: u8) -> usize {
    letters.chunk_by(|a, b| a == b).filter(|chunk| chunk[0] == letter).count()
}

/// The shop's patterns in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Refuses a pattern that an earlier one leaves nothing for.
    pub fn new(patterns: Vec<Pattern>) -> Result<Patterns, PatternError> {
        for (place, later) in patterns.iter().enumerate() {
            if let Some(earlier) = patterns[..place].iter().find(|earlier| earlier.covers(later)) {
                let (later, earlier) = (later.to_string(), earlier.to_string());
                return Err(PatternError::Hidden { later, earlier });
            }
        }
        Ok(Patterns(patterns))
    }

    /// Reads each line's pattern.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Patterns, PatternError> {
        let patterns: Result<Vec<Pattern>, PatternError> =
            texts.iter().map(|text| text.as_ref().trim().parse()).collect();
        Patterns::new(patterns?)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the number says by the first pattern that it fits. To be asked after the catalogue.
    pub fn read(&self, number: &Gtin) -> Option<Measured> {
        self.0.iter().find_map(|pattern| pattern.read(number))
    }
}

/// The digit that proves a value of four or five digits (sections 7.9.3 and 7.9.4), as a byte.
fn value_check_digit(value: &str) -> Option<u8> {
    let digits: Vec<usize> = value
        .bytes()
        .map(|byte| byte.is_ascii_digit().then(|| usize::from(byte - b'0')))
        .collect::<Option<_>>()?;
    let sum = |weights: &[&[u8; 10]]| -> u8 {
        digits.iter().zip(weights).map(|(digit, weight)| weight[*digit]).sum()
    };
    let digit = match digits.len() {
        4 => 3 * sum(&[&TWO_MINUS, &TWO_MINUS, &THREE, &FIVE_MINUS]) % 10,
        5 => {
            let rest = (10
                - sum(&[&FIVE_PLUS, &TWO_MINUS, &FIVE_MINUS, &FIVE_PLUS, &TWO_MINUS]) % 10)
                % 10;
            u8::try_from(FIVE_MINUS.iter().position(|product| *product == rest)?).ok()?
        }
        _ => return None,
    };
    Some(b'0' + digit)
}

// The weighted products of section 7.9.2, by digit.
const TWO_MINUS: [u8; 10] = [0, 2, 4, 6, 8, 9, 1, 3, 5, 7];
const THREE: [u8; 10] = [0, 3, 6, 9, 2, 5, 8, 1, 4, 7];
const FIVE_PLUS: [u8; 10] = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];
const FIVE_MINUS: [u8; 10] = [0, 5, 9, 4, 8, 3, 7, 2, 6, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(body: &str) -> Gtin {
        Gtin::new(&format!("{body}{}", check_digit(body).unwrap())).unwrap()
    }

    #[test]
    fn the_specifications_own_examples_of_value_check_digits() {
        assert_eq!(value_check_digit("2875"), Some(b'9'));
        assert_eq!(value_check_digit("14685"), Some(b'6'));
        assert_eq!(value_check_digit("00000"), Some(b'0'));
        assert_eq!(value_check_digit("123"), None);
    }

    #[test]
    fn a_weighed_article_says_item_and_grams() {
        let pattern: Pattern = "2PPPPPCWWWWWC".parse().unwrap();
        let read = pattern.read(&number("212345614685")).unwrap();
        assert_eq!((read.item.as_str(), read.value), ("12345", Embedded::Grams(14_685)));
        assert_eq!(read.base, number("212345000000"));
        assert_eq!(pattern.read(&number("212345514685")), None, "the value's check digit is wrong");
        assert_eq!(pattern.read(&number("400638133393")), None);
        assert_eq!(pattern.read(&Gtin::new("10012345678902").unwrap()), None);
    }

    #[test]
    fn prices_pieces_and_upc_a() {
        let read =
            |pattern: &str, body: &str| pattern.parse::<Pattern>().unwrap().read(&number(body));
        let price = read("28PPPPPMMMMMC", "280012300450").unwrap();
        assert_eq!((price.item.as_str(), price.value), ("00123", Embedded::Price(450)));
        let pieces = read("29PPPPPPNNN.C", "290001230247").unwrap();
        assert_eq!((pieces.item.as_str(), pieces.value), ("000123", Embedded::Pieces(24)));
        let upc = read("02PPPPPCMMMMC", "021234592875").unwrap();
        assert_eq!((upc.item.as_str(), upc.value), ("12345", Embedded::Price(2875)));
    }

    #[test]
    fn a_pattern_that_cannot_be_meant_is_refused_in_words() {
        for (text, words) in [
            ("2PPPPPCWWWWW", "13 places"),
            ("2PPPPPCWWWWWCC", "13 places"),
            ("2PPPPPCQQQQQC", "`Q`"),
            ("2PPPPPCéWWWWC", "`é`"),
            ("4PPPPPCWWWWWC", "begin with 02 or 2"),
            ("2PPPPPCWWWWWP", "end with C"),
            ("2......WWWWWC", "one stretch of P"),
            ("2PP.PPPWWWWWC", "one stretch of P"),
            ("2PPPPPPPPPPPC", "one stretch of W, M or N"),
            ("2PPPPPWWWMMMC", "one of them only"),
            ("2PPPPCCWWWWWC", "more than one C"),
            ("2PPPPPPPCWWWC", "four or five digits"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn the_first_pattern_that_fits_counts_and_a_hidden_one_is_refused() {
        let patterns = Patterns::parse(&["29PPPPPWWWWWC", "2PPPPPPMMMMMC"]).unwrap();
        let read = |body: &str| patterns.read(&number(body)).unwrap().value;
        assert_eq!(read("291234500500"), Embedded::Grams(500));
        assert_eq!(read("281234500500"), Embedded::Price(500));
        let hidden = Patterns::parse(&["2PPPPPPMMMMMC", "29PPPPPWWWWWC"]).unwrap_err();
        assert!(hidden.to_string().contains("`29PPPPPWWWWWC` is never reached"), "{hidden}");
        assert!(Patterns::parse(&["2PPPPPCMMMMMC", "29PPPPPWWWWWC"]).is_ok());
        assert_eq!(Patterns::default().read(&number("291234500500")), None);
    }

    proptest! {
        #[test]
        fn what_a_scale_prints_is_read_back(item in 0..100_000u32, grams in 0..100_000i64) {
            let value = format!("{grams:05}");
            let check = char::from(value_check_digit(&value).unwrap());
            let read = "2PPPPPCWWWWWC".parse::<Pattern>().unwrap();
            let read = read.read(&number(&format!("2{item:05}{check}{value}"))).unwrap();
            prop_assert_eq!(read.item, format!("{item:05}"));
            prop_assert_eq!(read.value, Embedded::Grams(grams));
        }

        #[test]
        fn one_wrong_digit_is_noticed(grams in 0..100_000u32, place in 0..5usize, by in 1..10u8) {
            let value = format!("{grams:05}");
            let mut wrong = value.clone().into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert_ne!(value_check_digit(&value), value_check_digit(&wrong));
        }

        #[test]
        fn any_text_is_a_pattern_or_refused(text in any::<String>()) {
            let _ = text.parse::<Pattern>();
        }
    }
}
