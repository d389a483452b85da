//! What a receipt says, before anybody thought of paper.
//!
//! Owns the model of a receipt and of a test page, and how an amount is written. Must not know
//! layout, printers or where the figures came from. Invariant: amounts are whole minor units; no
//! sum is made here.

use serde::{Deserialize, Serialize};

/// The currency of all amounts of one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Currency {
    /// As printed, such as "EUR" or "€".
    pub text: String,
    /// Minor digits: 2 for EUR, 0 for JPY, 3 for BHD.
    pub decimals: u8,
    /// Stands before the minor digits.
    pub decimal_mark: char,
}

impl Currency {
    pub fn new(text: &str, decimals: u8) -> Currency {
        Currency { text: text.to_owned(), decimals, decimal_mark: '.' }
    }

    /// The amount without the currency's name: 3490 -> "34.90".
    pub fn amount(&self, minor: i64) -> String {
        let digits = minor.unsigned_abs().to_string();
        let decimals = usize::from(self.decimals.min(9));
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, part) = padded.split_at(padded.len() - decimals);
        let sign = if minor < 0 { "-" } else { "" };
        if part.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}{mark}{part}", mark = self.decimal_mark)
        }
    }
}

/// One line sold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// "2", or "0.450 kg".
    pub quantity: String,
    pub name: String,
    /// Printed below the name: option values, unit price.
    pub detail: Option<String>,
    pub total: i64,
}

/// One sum under the lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Total {
    pub name: String,
    pub amount: i64,
    /// Printed large, with the currency.
    pub grand: bool,
}

/// The tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaxLine {
    pub name: String,
    pub net: i64,
    pub tax: i64,
    pub gross: i64,
}

/// One means of payment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tender {
    pub name: String,
    pub amount: i64,
}

/// The fixed words of a receipt, in the store's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub receipt: String,
    pub cashier: String,
    pub register: String,
    pub copy: String,
    pub change: String,
    pub tax: String,
    pub net: String,
    pub gross: String,
}

impl Default for Words {
    fn default() -> Self {
        Words {
            receipt: "Receipt".to_owned(),
            cashier: "Cashier".to_owned(),
            register: "Register".to_owned(),
            copy: "COPY".to_owned(),
            change: "Change".to_owned(),
            tax: "Tax".to_owned(),
            net: "Net".to_owned(),
            gross: "Gross".to_owned(),
        }
    }
}

/// A sale as it is printed. All text may come from anywhere; the layout cleans it.
/// Agents keep it for as long as the sale: a field that comes later needs a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The shop's name first, then its address.
    pub header: Vec<String>,
    /// Unique; printed as text and as Code 128.
    pub number: String,
    pub cashier: String,
    pub register: String,
    /// Date and time in the store's zone, ready to print.
    pub time: String,
    pub currency: Currency,
    pub lines: Vec<ReceiptLine>,
    pub totals: Vec<Total>,
    pub taxes: Vec<TaxLine>,
    pub tenders: Vec<Tender>,
    pub change: Option<i64>,
    /// A reprint: marked, and never opens the drawer.
    pub copy: bool,
    pub footer: Vec<String>,
    pub qr: Option<String>,
    pub words: Words,
}

impl Receipt {
    /// An empty receipt of this number.
    pub fn new(number: &str, currency: Currency) -> Receipt {
        Receipt {
            header: Vec::new(),
            number: number.to_owned(),
            cashier: String::new(),
            register: String::new(),
            time: String::new(),
            currency,
            lines: Vec::new(),
            totals: Vec::new(),
            taxes: Vec::new(),
            tenders: Vec::new(),
            change: None,
            copy: false,
            footer: Vec::new(),
            qr: None,
            words: Words::default(),
        }
    }
}

/// What a printer prints to show that its profile is right.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestPage {
    pub title: String,
    /// Address, model, date: whatever helps to find the printer.
    pub details: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_digits_of_their_currency() {
        for (decimals, minor, text) in [
            (2, 3490, "34.90"),
            (2, 5, "0.05"),
            (2, -5, "-0.05"),
            (2, 0, "0.00"),
            (0, 1200, "1200"),
            (3, 1, "0.001"),
            (2, i64::MIN, "-92233720368547758.08"),
        ] {
            assert_eq!(Currency::new("X", decimals).amount(minor), text);
        }
        let mut euro = Currency::new("€", 2);
        euro.decimal_mark = ',';
        assert_eq!(euro.amount(123456), "1234,56");
    }
}
