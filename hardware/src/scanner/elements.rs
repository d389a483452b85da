//! GS1 element strings: what `01`, `10`, `17` and so on say about the thing that was scanned.
//!
//! Owns cutting a string into elements and the names of what they say. Must not know whether a
//! code is GS1 at all (`reading` does), nor items. Invariants: the elements account for every
//! character of the string, and an identifier that stands twice says the same thing twice.
//! Sections named here are those of the GS1 General Specifications, release 24.

use serde::Serialize;

use super::ai::{CodeFault, End, Value, identifier, value};
use super::gtin::Gtin;
use super::value::{Amount, Decimal, ShortDate};

/// FNC1 between elements, as scanners send it (section 7.8).
pub const SEPARATOR: char = '\u{1d}';

/// One identifier and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Two to four digits.
    pub ai: String,
    /// As it stood there.
    pub text: String,
    pub value: Value,
}

/// What a GS1 code says, in its own order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Elements(Vec<Element>);

impl Elements {
    /// Reads an element string without its symbology mark. A separator at the very front stands for
    /// the FNC1 that opens the symbol; one behind a value of fixed length, or at the very end, is
    /// not needed but seen in shops.
    pub fn parse(code: &str) -> Result<Elements, CodeFault> {
        let mut rest = code.strip_prefix(SEPARATOR).unwrap_or(code);
        let mut elements = Elements::default();
        while !rest.is_empty() {
            let unknown = || CodeFault::UnknownIdentifier(rest.chars().take(4).collect());
            let (ai, end) = identifier(rest).ok_or_else(unknown)?;
            let after = &rest[ai.len()..];
            let until = after.find(SEPARATOR).unwrap_or(after.len());
            let until = match end {
                End::Separator => until,
                End::After(length) if until < length => {
                    return Err(CodeFault::TooShort(ai.to_owned()));
                }
                End::After(length) => length,
            };
            let text = after.get(..until);
            let text = text.ok_or_else(|| CodeFault::ForeignCharacter(ai.to_owned()))?;
            elements.push(ai, text)?;
            rest = &after[until..];
            rest = rest.strip_prefix(SEPARATOR).unwrap_or(rest);
        }
        if elements.0.is_empty() { Err(CodeFault::Empty) } else { Ok(elements) }
    }

    /// Adds an element. The same one again adds nothing (section 4.13: all of one identifier must
    /// agree).
    pub(super) fn push(&mut self, ai: &str, text: &str) -> Result<(), CodeFault> {
        let value = value(ai, text)?;
        match self.0.iter().find(|element| element.ai == ai) {
            Some(before) if before.text == text => {}
            Some(_) => return Err(CodeFault::Contradiction(ai.to_owned())),
            None => self.0.push(Element { ai: ai.to_owned(), text: text.to_owned(), value }),
        }
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Element> {
        self.0.iter()
    }

    fn value(&self, ai: &str) -> Option<&Value> {
        self.0.iter().find(|element| element.ai == ai).map(|element| &element.value)
    }

    /// The text of an identifier.
    pub fn text(&self, ai: &str) -> Option<&str> {
        self.0.iter().find(|element| element.ai == ai).map(|element| element.text.as_str())
    }

    /// (01) What was scanned.
    pub fn gtin(&self) -> Option<&Gtin> {
        match self.value("01")? {
            Value::Gtin(gtin) => Some(gtin),
            _ => None,
        }
    }

    /// (02) What is inside the thing that was scanned; `count` says how many.
    pub fn content(&self) -> Option<&Gtin> {
        match self.value("02")? {
            Value::Gtin(gtin) => Some(gtin),
            _ => None,
        }
    }

    /// (00) The number of a pallet or parcel.
    pub fn sscc(&self) -> Option<&str> {
        self.text("00")
    }

    /// (10)
    pub fn lot(&self) -> Option<&str> {
        self.text("10")
    }

    /// (21)
    pub fn serial(&self) -> Option<&str> {
        self.text("21")
    }

    /// (30) of an item of variable measure, else (37) of the content.
    pub fn count(&self) -> Option<u64> {
        match self.value("30").or_else(|| self.value("37"))? {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// (17) Not to be used after.
    pub fn expires(&self) -> Option<ShortDate> {
        self.date("17")
    }

    /// (15) Still good after, but no longer as promised.
    pub fn best_before(&self) -> Option<ShortDate> {
        self.date("15")
    }

    /// (16) Not to be sold after.
    pub fn sell_by(&self) -> Option<ShortDate> {
        self.date("16")
    }

    /// (11), (13), (15), (16) and (17).
    pub fn date(&self, ai: &str) -> Option<ShortDate> {
        match self.value(ai)? {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }

    /// (310n) in grams; what is finer is rounded half up.
    pub fn net_weight_grams(&self) -> Option<i64> {
        self.measure("310")?.scaled_half_up(3)
    }

    /// (315n) in millilitres; what is finer is rounded half up.
    pub fn net_volume_millilitres(&self) -> Option<i64> {
        self.measure("315")?.scaled_half_up(3)
    }

    /// A measure by the first three digits of its identifier, in its own unit.
    pub fn measure(&self, front: &str) -> Option<Decimal> {
        self.0.iter().find_map(|element| match &element.value {
            Value::Measure(measure) if element.ai.starts_with(front) => Some(*measure),
            _ => None,
        })
    }

    /// (392n) or (393n) What is to be paid.
    pub fn price(&self) -> Option<&Amount> {
        self.0.iter().find_map(|element| match &element.value {
            Value::Price(amount) => Some(amount),
            _ => None,
        })
    }
}

#[cfg(test)]
#[path = "elements_tests.rs"]
mod tests;
