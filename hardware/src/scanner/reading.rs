//! What a scan says: a trade item's number, a GS1 code, or something of the shop's own.
//!
//! Owns the order in which a code is understood. Must not know items or shops' patterns. Invariant:
//! a code is only read as GS1 when its mark or a separator says so: the digits of a plain EAN look
//! like one (`400...` is an identifier too).
//!
//! A register looks a code up in this order: its own text in the catalogue, then its GTIN, and only
//! then a pattern of the shop (`pattern`): numbers that shops made themselves may be whole numbers
//! of items, though they begin like a weighed article.

use serde::Serialize;

use super::ai::CodeFault;
use super::elements::{Elements, SEPARATOR};
use super::gtin::{Gtin, check_digit_ok, normalise_gtin};
use super::link;
use super::symbology::Symbology;

/// What a code says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "says", rename_all = "snake_case")]
pub enum Reading {
    /// EAN-8, UPC-A, UPC-E, EAN-13, ITF-14: the item's number and nothing else.
    Gtin(Gtin),
    /// A GS1 element string.
    Elements(Elements),
    /// A GS1 digital link.
    Link(Elements),
    /// Anything else: a label of the shop, a receipt, another address.
    Other,
    /// It has a GTIN's length, but its check digit is wrong: misread, or no GTIN.
    WrongCheckDigit,
}

impl Reading {
    /// Reads a whole code without its mark, as the framing machine hands it on.
    pub fn of(code: &str, symbology: Option<&Symbology>) -> Result<Reading, CodeFault> {
        if symbology.is_some_and(Symbology::is_gs1) || code.starts_with(SEPARATOR) {
            return Elements::parse(code).map(Reading::Elements);
        }
        // A scanner without marks that leaves the leading FNC1 out still sends those in between.
        // Other codes may hold that character too, so this may fail without being a fault.
        if symbology.is_none()
            && code.contains(SEPARATOR)
            && let Ok(elements) = Elements::parse(code)
        {
            return Ok(Reading::Elements(elements));
        }
        if let Some(link) = link::parse(code) {
            return link.map(Reading::Link);
        }
        let gtin = normalise_gtin(code, symbology).or_else(|| {
            // Eight digits without a mark that are no EAN-8 may be UPC-E.
            let unmarked = symbology.is_none();
            unmarked.then(|| normalise_gtin(code, Some(&Symbology::Ean13))).flatten()
        });
        if let Some(gtin) = gtin.and_then(|digits| Gtin::new(&digits)) {
            return Ok(Reading::Gtin(gtin));
        }
        Ok(match check_digit_ok(code) {
            Some(false) => Reading::WrongCheckDigit,
            _ => Reading::Other,
        })
    }

    /// The number of the item that was scanned.
    pub fn gtin(&self) -> Option<&Gtin> {
        match self {
            Reading::Gtin(gtin) => Some(gtin),
            Reading::Elements(elements) | Reading::Link(elements) => elements.gtin(),
            Reading::Other | Reading::WrongCheckDigit => None,
        }
    }

    /// What a GS1 code or link says beside that.
    pub fn elements(&self) -> Option<&Elements> {
        match self {
            Reading::Elements(elements) | Reading::Link(elements) => Some(elements),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(code: &str, mark: &str) -> Reading {
        Reading::of(code, kind(mark).as_ref()).unwrap()
    }

    fn kind(mark: &str) -> Option<Symbology> {
        let mut letters = mark.chars();
        Some(Symbology::from_aim(letters.next()?, letters.next()?))
    }

    #[test]
    fn a_plain_number_is_never_taken_for_an_element_string() {
        // (400) is an identifier, and these are the digits of an EAN-13.
        for mark in ["E0", "C0", ""] {
            assert_eq!(
                read("4006381333931", mark).gtin().map(Gtin::as_str),
                Some("04006381333931"),
                "{mark}"
            );
        }
        let reading = read("0104006381333931", "C0");
        assert_eq!(reading, Reading::Other, "Code 128 without FNC1 in front is not GS1-128");
    }

    #[test]
    fn marks_and_separators_say_that_it_is_gs1() {
        let whole = "010400638133393110AB\u{1d}17261130";
        for (code, mark) in [
            (whole.to_owned(), "C1"),
            (whole.to_owned(), "d2"),
            (whole.to_owned(), "Q3"),
            (whole.to_owned(), "e0"),
            (format!("\u{1d}{whole}"), ""),
            (format!("\u{1d}{whole}"), "d1"),
            (whole.to_owned(), ""),
        ] {
            let reading = read(&code, mark);
            let elements = reading.elements().unwrap_or_else(|| panic!("{mark}: {reading:?}"));
            assert_eq!(elements.lot(), Some("AB"));
            assert_eq!(reading.gtin().map(Gtin::as_str), Some("04006381333931"));
        }
        assert_eq!(read(whole, "d1"), Reading::Other, "DataMatrix of somebody's own");
        assert_eq!(read("A\u{1d}B", ""), Reading::Other);
        assert!(Reading::of("A\u{1d}B", kind("d2").as_ref()).is_err());
        assert!(Reading::of("\u{1d}", None).is_err());
    }

    #[test]
    fn links_upc_e_and_everything_else() {
        let link = "https://id.gs1.org/01/09506000134352/10/L1";
        assert_eq!(read(link, "Q1").gtin().map(Gtin::as_str), Some("09506000134352"));
        assert_eq!(read(link, "").elements().unwrap().lot(), Some("L1"));
        assert_eq!(read("https://shop.example/r/S07-R2-000123", "Q1"), Reading::Other);
        for mark in ["E0", ""] {
            let gtin = read("04252614", mark);
            assert_eq!(gtin.gtin().map(Gtin::as_str), Some("00042100005264"), "{mark}");
        }
        assert_eq!(read("S07-R2-000123", "C0"), Reading::Other);
        assert_eq!(read("4006381333930", "E0"), Reading::WrongCheckDigit);
    }

    proptest! {
        #[test]
        fn no_code_is_too_odd_to_be_read(code in any::<String>(), mark in "([A-Za-z][0-9])?") {
            // A refusal is an answer; so is "other".
            let _ = Reading::of(&code, kind(&mark).as_ref());
        }

        #[test]
        fn numbers_with_a_right_check_digit_are_found(body in "[0-9]{12}") {
            let code = format!("{body}{}", super::super::gtin::check_digit(&body).unwrap());
            let reading = read(&code, "E0");
            prop_assert_eq!(reading.gtin().map(Gtin::ean13), Some(Some(code.as_str())));
        }
    }
}
