//! The languages of receipts: their fixed words, and how an amount is written.
//!
//! The store's, by the agent's option; a page's language is the browser's own matter.

use clap::ValueEnum;
use oneshelf_domain::item::Unit;
use oneshelf_hardware::printer::Words;

/// A language that receipts are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Language {
    /// English: 34.90
    #[default]
    En,
    /// German: 34,90
    De,
}

impl Language {
    /// The words that the layout puts in.
    pub(crate) fn words(self) -> Words {
        match self {
            Language::En => Words::default(),
            Language::De => Words {
                receipt: "Beleg".to_owned(),
                cashier: "Bedient von".to_owned(),
                register: "Kasse".to_owned(),
                copy: "KOPIE".to_owned(),
                change: "Rückgeld".to_owned(),
                tax: "Steuer".to_owned(),
                net: "Netto".to_owned(),
                gross: "Brutto".to_owned(),
            },
        }
    }

    /// Stands before the minor digits.
    pub(crate) fn decimal_mark(self) -> char {
        match self {
            Language::En => '.',
            Language::De => ',',
        }
    }

    /// Pieces, or a weight or volume: `3`, `0.862 kg`.
    pub(crate) fn measure(self, quantity: i64, unit: Unit) -> String {
        let thousandths = || {
            let (whole, part) = (quantity / 1_000, quantity % 1_000);
            format!("{whole}{}{part:03}", self.decimal_mark())
        };
        match unit {
            Unit::Each => quantity.to_string(),
            Unit::Gram => format!("{} kg", thousandths()),
            Unit::Millilitre => format!("{} l", thousandths()),
        }
    }

    /// The price of one, where several were sold.
    pub(crate) fn each(self, amount: &str) -> String {
        match self {
            Language::En => format!("{amount} each"),
            Language::De => format!("je {amount}"),
        }
    }

    /// What stands on top of a test page.
    pub(crate) fn test_page(self) -> &'static str {
        match self {
            Language::En => "Test page",
            Language::De => "Testseite",
        }
    }

    /// The sum of all lines.
    pub(crate) fn total(self) -> &'static str {
        match self {
            Language::En => "Total",
            Language::De => "Summe",
        }
    }

    /// How a tender is called; other kinds than cash name themselves.
    pub(crate) fn tender(self, kind: &str) -> &str {
        match (kind, self) {
            ("cash", Language::En) => "Cash",
            ("cash", Language::De) => "Bar",
            (other, _) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use oneshelf_hardware::printer::{Currency, Drawer, Profile, Receipt, receipt_job};

    use super::*;

    #[test]
    fn german_words_reach_the_printer_in_its_code_page() {
        let mut euro = Currency::new("EUR", 2);
        euro.decimal_mark = Language::De.decimal_mark();
        let words = Language::De.words();
        let receipt = Receipt { change: Some(-5), words, ..Receipt::new("S07-R1-000001", euro) };
        let job = receipt_job("job", &receipt, &Profile::default(), Drawer::Leave).unwrap();
        let has = |what: &[u8]| job.bytes.windows(what.len()).any(|w| w == what);
        // Page 16 is WPC1252, the first one of the profile.
        assert!(has(b"\x1bt\x10") && has(b"R\xfcckgeld"));
        assert!(has(b"-0,05") && has(b"Beleg S07-R1-000001") && has(b"Bedient von"));
    }

    #[test]
    fn words_follow_the_language() {
        let (en, de) = (Language::En, Language::De);
        assert_eq!((en.each("4.50"), de.each("4,50")), ("4.50 each".into(), "je 4,50".into()));
        assert_eq!(en.measure(3, Unit::Each), "3");
        assert_eq!(de.measure(862, Unit::Gram), "0,862 kg");
        assert_eq!(en.measure(12_005, Unit::Millilitre), "12.005 l");
        assert_eq!((en.total(), de.total()), ("Total", "Summe"));
        assert_eq!((en.tender("cash"), de.tender("cash")), ("Cash", "Bar"));
        assert_eq!(de.tender("voucher"), "voucher");
    }
}
