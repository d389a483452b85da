//! GS1 application identifiers: which there are, and how the value behind each is written.
//!
//! Owns the table and the check of one value. Must not know where an element string begins or
//! ends. Invariant: a value that does not have the form of its identifier is a fault, never text.
//! Sections named here are those of the GS1 General Specifications, release 24.

use serde::Serialize;

use super::gtin::{Gtin, check_digit};
use super::value::{Amount, Decimal, Moment, ShortDate};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Digits of which the last is a check digit (section 7.9).
    Key(usize),
    Date,
    Moment,
    Number {
        most: usize,
    },
    Digits(usize),
    /// Six digits; the identifier's fourth says how many stand behind the point.
    Measure,
    /// The same with up to fifteen digits, with or without a currency's number before them.
    Price {
        currency: bool,
    },
    Text {
        most: usize,
    },
}

/// The identifiers that a register understands (section 3.2); `n` is a digit of its own.
const KNOWN: &[(&str, Form)] = &[
    ("00", Form::Key(18)),
    ("01", Form::Key(14)),
    ("02", Form::Key(14)),
    ("10", Form::Text { most: 20 }),
    ("11", Form::Date),
    ("13", Form::Date),
    ("15", Form::Date),
    ("16", Form::Date),
    ("17", Form::Date),
    ("21", Form::Text { most: 20 }),
    ("240", Form::Text { most: 30 }),
    ("30", Form::Number { most: 8 }),
    ("310n", Form::Measure),
    ("311n", Form::Measure),
    ("312n", Form::Measure),
    ("313n", Form::Measure),
    ("314n", Form::Measure),
    ("315n", Form::Measure),
    ("316n", Form::Measure),
    ("37", Form::Number { most: 8 }),
    ("392n", Form::Price { currency: false }),
    ("393n", Form::Price { currency: true }),
    ("422", Form::Digits(3)),
    ("8005", Form::Digits(6)),
    ("8008", Form::Moment),
    ("8020", Form::Text { most: 25 }),
];

/// The first two digits of an identifier, how many digits it has, and how long its value is where
/// that is fixed for ever (section 7.8): such a value needs no separator behind it. Identifiers
/// of these shapes that are not in `KNOWN` are kept as text, so that what stands behind them is
/// still read.
const SHAPES: &[(&str, usize, Option<usize>)] = &[
    ("00", 2, Some(18)),
    ("01", 2, Some(14)),
    ("02", 2, Some(14)),
    ("03", 2, Some(14)),
    ("10", 2, None),
    ("11", 2, Some(6)),
    ("12", 2, Some(6)),
    ("13", 2, Some(6)),
    ("15", 2, Some(6)),
    ("16", 2, Some(6)),
    ("17", 2, Some(6)),
    ("20", 2, Some(2)),
    ("21", 2, None),
    ("22", 2, None),
    ("23", 3, None),
    ("24", 3, None),
    ("25", 3, None),
    ("30", 2, None),
    ("31", 4, Some(6)),
    ("32", 4, Some(6)),
    ("33", 4, Some(6)),
    ("34", 4, Some(6)),
    ("35", 4, Some(6)),
    ("36", 4, Some(6)),
    ("37", 2, None),
    ("39", 4, None),
    ("40", 3, None),
    ("41", 3, Some(13)),
    ("42", 3, None),
    ("43", 4, None),
    ("70", 4, None),
    ("71", 3, None),
    ("72", 4, None),
    ("80", 4, None),
    ("81", 4, None),
    ("82", 4, None),
];

/// The longest value of an identifier that is not in `KNOWN`; the longest of all has 90.
const OTHER_MOST: usize = 90;

/// Where the value of an identifier ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// After so many characters.
    After(usize),
    /// At the next separator, or with the code.
    Separator,
}

/// The identifier at the front of `text`, and where its value ends.
pub(super) fn identifier(text: &str) -> Option<(&str, End)> {
    let front = text.get(..2)?;
    let company = matches!(front.as_bytes(), [b'9', b'0'..=b'9']);
    let shape = SHAPES.iter().find(|(prefix, ..)| *prefix == front);
    let (digits, length) = match shape {
        Some((_, digits, length)) => (*digits, *length),
        // 90 to 99: for the use of one company.
        None if company => (2, None),
        None => return None,
    };
    let ai = text.get(..digits).filter(|ai| ai.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((ai, length.map_or(End::Separator, End::After)))
}

/// What a value says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// 01 and 02.
    Gtin(Gtin),
    /// 11 to 17.
    Date(ShortDate),
    /// 8008.
    Moment(Moment),
    /// 30 and 37.
    Count(u64),
    /// 310n to 316n, in the unit of the identifier (section 3.6): kilogram, metre, litre and so on.
    Measure(Decimal),
    /// 392n and 393n.
    Price(Amount),
    /// Everything else: lots, serials, references, and identifiers that are not understood here.
    Text(String),
}

/// Why a code that calls itself GS1 is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", content = "ai", rename_all = "snake_case")]
pub enum CodeFault {
    #[error("there is nothing in it")]
    Empty,
    #[error("an application identifier is not known: {0}")]
    UnknownIdentifier(String),
    #[error("the value of ({0}) is too short")]
    TooShort(String),
    #[error("the value of ({0}) is too long")]
    TooLong(String),
    #[error("the value of ({0}) has characters that it must not have")]
    ForeignCharacter(String),
    #[error("the check digit of ({0}) is wrong")]
    CheckDigit(String),
    #[error("({0}) is not a date")]
    NoDate(String),
    #[error("({0}) is there twice and says two things")]
    Contradiction(String),
}

/// Checks and reads the value of one identifier.
pub(super) fn value(ai: &str, text: &str) -> Result<Value, CodeFault> {
    let is = |name: &str| match name.strip_suffix('n') {
        Some(front) => ai.len() == front.len() + 1 && ai.starts_with(front),
        None => name == ai,
    };
    let form = KNOWN.iter().find(|(name, _)| is(name)).map(|(_, form)| *form);
    let form = form.unwrap_or(Form::Text { most: OTHER_MOST });
    let (least, most) = match form {
        Form::Key(length) | Form::Digits(length) => (length, length),
        Form::Date | Form::Measure => (6, 6),
        Form::Moment => (8, 12),
        Form::Number { most } | Form::Text { most } => (1, most),
        Form::Price { currency: false } => (1, 15),
        Form::Price { currency: true } => (4, 18),
    };
    if text.len() < least {
        return Err(CodeFault::TooShort(ai.to_owned()));
    }
    if text.len() > most {
        return Err(CodeFault::TooLong(ai.to_owned()));
    }
    let allowed = match form {
        Form::Text { .. } => text.bytes().all(is_of_set_82),
        _ => text.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if !allowed {
        return Err(CodeFault::ForeignCharacter(ai.to_owned()));
    }
    read(ai, text, form)
}

/// `text` has the length and the characters of the form.
fn read(ai: &str, text: &str, form: Form) -> Result<Value, CodeFault> {
    let no_date = || CodeFault::NoDate(ai.to_owned());
    let foreign = || CodeFault::ForeignCharacter(ai.to_owned());
    // The decimals of (310n) and its like.
    let decimals = ai.bytes().last().map_or(0, |byte| byte - b'0');
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| foreign());
    Ok(match form {
        Form::Key(14) => {
            let gtin = Gtin::new(text).ok_or_else(|| CodeFault::CheckDigit(ai.to_owned()))?;
            Value::Gtin(gtin)
        }
        Form::Key(_) => {
            let (body, last) = text.split_at(text.len() - 1);
            if check_digit(body).map(|digit| digit.to_string()).as_deref() != Some(last) {
                return Err(CodeFault::CheckDigit(ai.to_owned()));
            }
            Value::Text(text.to_owned())
        }
        Form::Date => Value::Date(ShortDate::new(text).ok_or_else(no_date)?),
        Form::Moment => Value::Moment(Moment::new(text).ok_or_else(no_date)?),
        Form::Number { .. } => Value::Count(number(text)?),
        Form::Measure => Value::Measure(Decimal { digits: number(text)?, decimals }),
        Form::Price { currency } => {
            let (currency, digits) = text.split_at(if currency { 3 } else { 0 });
            let currency = (!currency.is_empty()).then(|| currency.to_owned());
            Value::Price(Amount { currency, amount: Decimal { digits: number(digits)?, decimals } })
        }
        Form::Digits(_) | Form::Text { .. } => Value::Text(text.to_owned()),
    })
}

/// GS1's character set 82 (section 7.11): the characters that every alphabet's ISO 646 shares.
fn is_of_set_82(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'"' | b'%'..=b'/' | b':'..=b'?' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_identifier_has_a_shape_that_finds_it() {
        for (name, form) in KNOWN {
            let ai = name.replace('n', "2");
            let code = format!("{ai}xxxx");
            let (found, end) = identifier(&code).unwrap();
            assert_eq!(found, ai);
            if let End::After(length) = end {
                let fixed = match form {
                    Form::Key(length) => *length,
                    Form::Date | Form::Measure => 6,
                    other => panic!("({ai}) is {other:?} and of fixed length"),
                };
                assert_eq!(length, fixed, "({ai})");
            }
        }
        assert_eq!(identifier("99x"), Some(("99", End::Separator)));
        for none in ["", "0", "05xx", "38xx", "6012", "31", "31a2", "é1"] {
            assert_eq!(identifier(none), None, "{none}");
        }
    }

    #[test]
    fn the_set_of_82_characters_has_82() {
        assert_eq!((0..=255u8).filter(|byte| is_of_set_82(*byte)).count(), 82);
        for byte in *b" #$@[]^`{}~\x1d\x7f" {
            assert!(!is_of_set_82(byte), "{}", char::from(byte));
        }
    }

    #[test]
    fn a_value_is_checked_before_it_is_read() {
        let fault = |ai: &str, text: &str| value(ai, text).unwrap_err();
        assert_eq!(fault("01", "0400638133393"), CodeFault::TooShort("01".to_owned()));
        assert_eq!(fault("01", "04006381333930"), CodeFault::CheckDigit("01".to_owned()));
        assert_eq!(fault("00", "106141412345678907"), CodeFault::CheckDigit("00".to_owned()));
        assert_eq!(fault("17", "261301"), CodeFault::NoDate("17".to_owned()));
        assert_eq!(fault("17", "2613x1"), CodeFault::ForeignCharacter("17".to_owned()));
        assert_eq!(fault("10", "a b"), CodeFault::ForeignCharacter("10".to_owned()));
        assert_eq!(fault("10", ""), CodeFault::TooShort("10".to_owned()));
        assert_eq!(fault("30", "123456789"), CodeFault::TooLong("30".to_owned()));
        assert_eq!(fault("3932", "978"), CodeFault::TooShort("3932".to_owned()));
        assert!(value("00", "106141412345678908").is_ok());
    }
}
