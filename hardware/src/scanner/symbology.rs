//! AIM symbology identifiers (`]E0` and so on): which kind of code a scanner read.
//!
//! Owns the marks and their names. Must not know what a code stands for. Invariant: a code without
//! a mark has no symbology; it is never guessed from its digits.

use serde::Serialize;

/// The kind of code, as the scanner said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbology {
    /// EAN-13, UPC-A and UPC-E, sent as 13 digits.
    Ean13,
    Ean8,
    Code128,
    Gs1_128,
    DataMatrix,
    Gs1DataMatrix,
    Qr,
    Gs1Qr,
    DataBar,
    Code39,
    Interleaved2Of5,
    /// A mark that we do not name, kept as sent.
    Other(String),
}

impl Symbology {
    /// Names the two characters after the `]`.
    pub fn from_aim(letter: char, modifier: char) -> Symbology {
        match (letter, modifier) {
            ('E', '4') => Symbology::Ean8,
            ('E', _) => Symbology::Ean13,
            ('C', '1') => Symbology::Gs1_128,
            ('C', _) => Symbology::Code128,
            ('d', '2') => Symbology::Gs1DataMatrix,
            ('d', _) => Symbology::DataMatrix,
            ('Q', '3') => Symbology::Gs1Qr,
            ('Q', _) => Symbology::Qr,
            ('e', _) => Symbology::DataBar,
            ('A', _) => Symbology::Code39,
            ('I', _) => Symbology::Interleaved2Of5,
            (letter, modifier) => Symbology::Other(format!("]{letter}{modifier}")),
        }
    }

    /// Whether the scanner itself says that the content follows GS1's application identifiers.
    /// Nothing else may: a plain EAN read as GS1 turns into nonsense.
    pub fn is_gs1(&self) -> bool {
        matches!(
            self,
            Symbology::Gs1_128 | Symbology::Gs1DataMatrix | Symbology::Gs1Qr | Symbology::DataBar
        )
    }
}

/// Splits an AIM mark off the front of a code.
pub fn split_mark(text: &str) -> (Option<Symbology>, &str) {
    let mut letters = text.chars();
    if letters.next() != Some(']') {
        return (None, text);
    }
    match (letters.next(), letters.next()) {
        (Some(letter), Some(modifier))
            if letter.is_ascii_alphabetic()
                && modifier.is_ascii_alphanumeric()
                && !letters.as_str().is_empty() =>
        {
            (Some(Symbology::from_aim(letter, modifier)), letters.as_str())
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_stripped_and_kept_as_the_kind() {
        assert_eq!(split_mark("]E04006381333931"), (Some(Symbology::Ean13), "4006381333931"));
        assert_eq!(split_mark("]E496385074"), (Some(Symbology::Ean8), "96385074"));
        assert_eq!(
            split_mark("]d201040063813339312110"),
            (Some(Symbology::Gs1DataMatrix), "01040063813339312110")
        );
        assert_eq!(split_mark("]X9abc"), (Some(Symbology::Other("]X9".to_owned())), "abc"));
    }

    #[test]
    fn a_code_without_a_whole_mark_stays_as_it_is() {
        for code in ["4006381333931", "]E0", "]", "][1]", "]é0abc"] {
            assert_eq!(split_mark(code), (None, code), "{code}");
        }
    }
}
