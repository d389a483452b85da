//! Items as rows of a file, both ways: what a row makes of an item, and the row that an item is.
//!
//! Pure. Invariant: a row that was made of an item, read back, changes nothing of it.

use oneshelf_domain::item::{Component, ItemDetails, ItemState, Unit};
use oneshelf_domain::record::{DecimalMark, Records};
use oneshelf_domain::{Barcode, Sku};

use super::rows::{Cells, Wrong, amount, cell};
use crate::catalogue;
use crate::csv::Style;

/// Between several barcodes or components of one cell.
const BETWEEN: char = '|';
/// Before one that is part of what stands there, and before itself.
const ESCAPE: char = '\\';

/// Between a component and how many of it are in one kit.
const TIMES: char = '*';

const UNITS: [(Unit, &str); 3] =
    [(Unit::Each, "each"), (Unit::Gram, "gram"), (Unit::Millilitre, "millilitre")];
const STATES: [(ItemState, &str); 2] =
    [(ItemState::Active, "active"), (ItemState::Retired, "retired")];

/// An item as a row says it; what the file has no column for stays as it was.
pub(super) fn item(
    cells: &Cells,
    records: &Records,
    mark: DecimalMark,
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
        components: vec![],
    });
    details.name = cell(cells, 1).unwrap_or_default().to_owned();
    if let Some(text) = cell(cells, 2) {
        details.barcodes = barcodes(text)?;
    }
    if let Some(text) = cell(cells, 3) {
        let currency = records.shop().map(|shop| shop.currency);
        details.price = match currency.filter(|_| !text.is_empty()) {
            Some(currency) => Some(amount(text, currency, mark)?),
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
    if let Some(text) = cell(cells, 9) {
        details.unit = word(&UNITS, text).map_err(|why| Wrong::new("unit_unknown", why))?;
    }
    if let Some(text) = cell(cells, 10) {
        details.state = word(&STATES, text).map_err(|why| Wrong::new("state_unknown", why))?;
    }
    if let Some(text) = cell(cells, 11) {
        details.components = components(text)?;
    }
    catalogue::fit(details, records).map_err(|refusal| Wrong::from(&refusal))
}

/// One of a few words; an empty cell is the first.
fn word<T: Copy>(words: &[(T, &str)], text: &str) -> Result<T, String> {
    let named = words.iter().find(|(_, word)| text.is_empty() || word.eq_ignore_ascii_case(text));
    named.map(|(value, _)| *value).ok_or_else(|| {
        let text = oneshelf_domain::code::plain_text(text, 40);
        let known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        format!("{text:?} is none of {}", known.join(", "))
    })
}

fn barcodes(text: &str) -> Result<Vec<Barcode>, Wrong> {
    let each = split(text);
    let each = each.iter();
    each.map(|t| Barcode::new(t).map_err(|e| Wrong::new("barcode_malformed", e.to_string())))
        .collect()
}

/// `CUP*2|SAUCER`: two of the one, one of the other.
fn components(text: &str) -> Result<Vec<Component>, Wrong> {
    let component = |text: String| {
        let counted = text
            .rsplit_once(TIMES)
            .and_then(|(sku, units)| Some((sku.trim_end().to_owned(), units.trim().parse().ok()?)));
        let (sku, quantity) = counted.unwrap_or((text, 1));
        let sku = Sku::new(&sku).map_err(|e| Wrong::new("component_malformed", e.to_string()))?;
        Ok(Component { sku, quantity })
    };
    split(text).into_iter().map(component).collect()
}

/// What stands in a cell of several.
fn split(text: &str) -> Vec<String> {
    let (mut each, mut one) = (vec![], String::new());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            BETWEEN => each.push(std::mem::take(&mut one)),
            // Before anything else it stands for itself.
            ESCAPE => one.push(signs.next_if(|s| [BETWEEN, ESCAPE].contains(s)).unwrap_or(sign)),
            _ => one.push(sign),
        }
    }
    each.push(one);
    let each = each.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    each.map(str::to_owned).collect()
}

fn join<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let mut cell = String::new();
    for (at, one) in all.into_iter().enumerate() {
        if at > 0 {
            cell.push(BETWEEN);
        }
        for sign in one.as_ref().chars() {
            if [BETWEEN, ESCAPE].contains(&sign) {
                cell.push(ESCAPE);
            }
            cell.push(sign);
        }
    }
    cell
}

/// The cells of an item behind its SKU, in the order of the columns.
pub fn cells(details: &ItemDetails, style: Style) -> [String; 11] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let named = |found: Option<&str>| found.unwrap_or_default().to_owned();
    [
        details.name.clone(),
        join(details.barcodes.iter().map(Barcode::as_str)),
        details.price.map(|p| style.amount(p)).unwrap_or_default(),
        details.tax.clone(),
        text(&details.category),
        text(&details.options),
        text(&details.image),
        text(&details.brand),
        named(UNITS.iter().find(|(unit, _)| *unit == details.unit).map(|(_, word)| *word)),
        named(STATES.iter().find(|(state, _)| *state == details.state).map(|(_, word)| *word)),
        join(details.components.iter().map(|c| format!("{}{TIMES}{}", c.sku, c.quantity))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Option<&str>]) -> Cells {
        cells.iter().map(|c| c.map(str::to_owned)).collect()
    }

    #[test]
    fn a_row_changes_only_what_the_file_has_columns_for() {
        let records = Records::default();
        let item = |cells, before| item(&row(cells), &records, DecimalMark::Point, before);
        let cells = &[Some("A"), Some("Tea"), Some("1|2"), None, Some("standard"), None];
        let mut first = item(cells, None).unwrap();
        assert_eq!(first.barcodes.len(), 2);
        first.brand = Some("Moss".into());
        let again = item(&[Some("A"), Some("=Tea\u{1b}p")], Some(&first)).unwrap();
        assert_eq!((again.name.as_str(), again.brand.as_deref()), ("=Tea p", Some("Moss")));
        assert_eq!(again.barcodes, first.barcodes);
        let unit = |text| {
            let mut cells = vec![Some("A"), Some("Tea")];
            cells.resize(9, None);
            cells.push(Some(text));
            super::item(&row(&cells), &records, DecimalMark::Point, Some(&first))
        };
        assert_eq!(unit("Gram").unwrap().unit, Unit::Gram);
        assert_eq!(unit("ounce").unwrap_err().code, "unit_unknown");
    }

    #[test]
    fn a_barcode_with_the_sign_between_barcodes_in_it_comes_back_whole() {
        let all = ["a|b", "|", "\\", "c\\", "\\|", "|\\|\\\\", "12"];
        let own: Vec<Barcode> = all.iter().map(|text| Barcode::new(text).unwrap()).collect();
        assert_eq!(barcodes(&join(own.iter().map(Barcode::as_str))), Ok(own));
        let read = |text| barcodes(text).unwrap().into_iter().map(String::from).collect::<Vec<_>>();
        assert_eq!(read(" 1 || 2 |"), ["1", "2"]);
        assert_eq!(read("1\\2|3\\|4"), ["1\\2", "3|4"], "as people write it");
    }

    #[test]
    fn components_are_read_as_people_write_them() {
        let read = |text| components(text).map(|all| all.into_iter().map(|c| (c.sku, c.quantity)));
        let sku = |text| Sku::new(text).unwrap();
        let all: Vec<_> = read(" CUP * 2 || SAUCER |A*B").unwrap().collect();
        assert_eq!(all, [(sku("CUP"), 2), (sku("SAUCER"), 1), (sku("A*B"), 1)]);
        assert_eq!(read("").unwrap().count(), 0);
        assert_eq!(read("Köder*2").err().map(|wrong| wrong.code), Some("component_malformed"));
    }

    #[test]
    fn the_row_of_an_item_is_that_item() {
        let details: ItemDetails = serde_json::from_value(serde_json::json!({
            "name": "=Käse", "barcodes": ["1", "2|3"], "unit": "gram", "tax": "standard",
            "brand": "@x", "category": "A/B", "options": "-", "state": "retired"}))
        .unwrap();
        let kit = |sku: &str, quantity| Component { sku: Sku::new(sku).unwrap(), quantity };
        let kit = vec![kit("CUP", 2), kit("A|B*3", 1), kit("C*D", 12)];
        let details = ItemDetails { components: kit, unit: Unit::Each, ..details };
        let cells = cells(&details, Style::of(DecimalMark::Comma));
        let mut row: Cells = vec![Some("A".to_owned())];
        row.extend(cells.map(Some));
        let read = item(&row, &Records::default(), DecimalMark::Comma, None).unwrap();
        assert_eq!(read, details);
    }
}
