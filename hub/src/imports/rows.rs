//! What a row of a file means: the command that it stands for, or what is wrong with it.
//!
//! Pure. Invariant: a cell is text and stays text: it never becomes a formula, a code or markup.

use oneshelf_domain::code::plain_text;
use oneshelf_domain::item::{ItemDetails, ItemState, Unit};
use oneshelf_domain::record::{RecordState, Records};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo};
use oneshelf_domain::{Barcode, Currency, LocationCode, Money, Quantity, Refusal, Sku};

use crate::catalogue;
use crate::store::imports::ErrorRow;

/// Between several barcodes of one cell.
const BARCODES_BETWEEN: char = '|';

/// The cells of a row, as kept.
pub(super) type Cells = Vec<Option<String>>;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    code: &'static str,
    detail: String,
}

impl Wrong {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    pub(super) fn at(self, line: i64) -> ErrorRow {
        ErrorRow { line, code: self.code.to_owned(), detail: self.detail }
    }
}

impl From<&Refusal> for Wrong {
    fn from(refusal: &Refusal) -> Self {
        Self { code: refusal.code(), detail: plain_text(&refusal.to_string(), 300) }
    }
}

fn cell(cells: &Cells, at: usize) -> Option<&str> {
    cells.get(at).and_then(Option::as_deref)
}

/// The SKU of a row.
pub(super) fn sku(cells: &Cells) -> Result<Sku, Wrong> {
    let text = cell(cells, 0).unwrap_or_default();
    Sku::new(text).map_err(|e| Wrong::new("sku_malformed", e.to_string()))
}

/// An item as a row says it; what the file has no column for stays as it was.
pub(super) fn item(
    cells: &Cells,
    records: &Records,
    before: Option<&ItemDetails>,
) -> Result<ItemDetails, Wrong> {
    let mut details = before.cloned().unwrap_or_else(|| ItemDetails {
        name: String::new(),
        barcodes: vec![],
        unit: Unit::default(),
        price: None,
        tax: String::new(),
        brand: None,
        category: None,
        image: None,
        options: None,
        state: ItemState::default(),
    });
    details.name = cell(cells, 1).unwrap_or_default().to_owned();
    if let Some(text) = cell(cells, 2) {
        details.barcodes = barcodes(text)?;
    }
    if let Some(text) = cell(cells, 3) {
        let currency = records.shop().map(|shop| shop.currency);
        details.price = match currency.filter(|_| !text.is_empty()) {
            Some(currency) => Some(price(text, currency)?),
            None => None,
        };
    }
    if let Some(text) = cell(cells, 4) {
        details.tax = text.to_owned();
    }
    let optional = [
        (&mut details.category, 5),
        (&mut details.options, 6),
        (&mut details.image, 7),
        (&mut details.brand, 8),
    ];
    for (field, at) in optional {
        if let Some(text) = cell(cells, at) {
            *field = Some(text.to_owned()).filter(|t| !t.is_empty());
        }
    }
    catalogue::fit(details, records).map_err(|refusal| Wrong::from(&refusal))
}

fn barcodes(text: &str) -> Result<Vec<Barcode>, Wrong> {
    let each = text.split(BARCODES_BETWEEN).map(str::trim).filter(|t| !t.is_empty());
    each.map(|t| Barcode::new(t).map_err(|e| Wrong::new("barcode_malformed", e.to_string())))
        .collect()
}

/// An amount as people write it: `12.50`, `12`, `1250` yen; no sign, no thousands.
fn price(text: &str, currency: Currency) -> Result<Money, Wrong> {
    let wrong = || {
        let text = plain_text(text, 40);
        Wrong::new("price_malformed", format!("the price {text:?} is not an amount like 12.50"))
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let places = usize::try_from(currency.decimals()).unwrap_or(2);
    let dot_alone = text.contains('.') && fraction.is_empty();
    if whole.is_empty() || !digits(whole) || !digits(fraction) || dot_alone {
        return Err(wrong());
    }
    if fraction.len() > places {
        return Err(wrong());
    }
    let padded = format!("{whole}{fraction:0<places$}");
    let minor: i64 = padded.parse().map_err(|_| wrong())?;
    Money::new(minor, currency).map_err(|_| wrong())
}

/// Opening stock as a row says it; no command for nothing.
pub(super) fn stock(
    cells: &Cells,
    records: &Records,
    number: impl Fn(&Sku) -> Option<ItemNo>,
    import: &str,
) -> Result<Option<Command>, Wrong> {
    let sku = sku(cells)?;
    let item =
        number(&sku).ok_or_else(|| Wrong::from(&Refusal::ItemUnknown { sku: sku.to_string() }))?;
    let location = location(cell(cells, 1).unwrap_or_default(), records)?;
    let text = cell(cells, 2).unwrap_or_default();
    let quantity = text.parse::<i64>().ok().and_then(|n| Quantity::new(n).ok());
    let quantity = quantity.ok_or_else(|| {
        let text = plain_text(text, 40);
        let detail = format!("the quantity {text:?} is not a whole number from 0 to 1,000,000,000");
        Wrong::new("quantity_malformed", detail)
    })?;
    if quantity.is_zero() {
        return Ok(None);
    }
    let reference = Some(import.to_owned());
    Ok(Some(Command::Receive { location, lines: vec![(item, quantity.units())], reference }))
}

fn location(text: &str, records: &Records) -> Result<LocationNo, Wrong> {
    let unknown = Refusal::LocationUnknown { location: plain_text(text, 40) };
    let code = LocationCode::new(text).map_err(|_| Wrong::from(&unknown))?;
    let location = records.location(&code).ok_or_else(|| Wrong::from(&unknown))?;
    if location.state == RecordState::Retired {
        return Err(Wrong::from(&Refusal::LocationRetired));
    }
    Ok(location.no)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_amounts_or_wrong() {
        let (eur, jpy) = (Currency::new("EUR").unwrap(), Currency::new("JPY").unwrap());
        assert_eq!(price("12.5", eur).unwrap().minor, 1_250);
        assert_eq!(price("0.05", eur).unwrap().minor, 5);
        assert_eq!(price("1250", jpy).unwrap().minor, 1_250);
        for wrong in ["", "12,50", "12.505", "-1", "1 000", "=1+1", "1e3", ".5", "1.", "NaN"] {
            assert!(price(wrong, eur).is_err(), "{wrong}");
        }
        assert!(price("1.5", jpy).is_err());
        assert!(price("99999999999999999999", eur).is_err());
    }

    #[test]
    fn a_row_changes_only_what_the_file_has_columns_for() {
        let row = |cells: &[Option<&str>]| -> Cells {
            cells.iter().map(|c| c.map(str::to_owned)).collect()
        };
        let records = Records::default();
        let mut first = item(
            &row(&[Some("A"), Some("Tea"), Some("1|2"), None, Some("standard"), None]),
            &records,
            None,
        )
        .unwrap();
        assert_eq!(first.barcodes.len(), 2);
        first.brand = Some("Moss".into());
        let again = item(&row(&[Some("A"), Some("=Tea\u{1b}p")]), &records, Some(&first)).unwrap();
        assert_eq!((again.name.as_str(), again.brand.as_deref()), ("=Tea p", Some("Moss")));
        assert_eq!(again.barcodes, first.barcodes);
    }
}
