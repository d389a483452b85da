//! What a row of a file means: the command that it stands for, or what is wrong with it.
//!
//! Pure. Invariant: a cell is text and stays text: it never becomes a formula, a code or markup.

use oneshelf_domain::code::plain_text;
use oneshelf_domain::item::Item;
use oneshelf_domain::record::{DecimalMark, RecordState, Records};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo};
use oneshelf_domain::{Currency, LocationCode, Money, PriceFrom, Quantity, Refusal, Sku};

use crate::store::imports::ErrorRow;

/// The cells of a row, in the order of the kind's columns; none: the file has no such column.
pub(super) type Cells = Vec<Option<String>>;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub code: &'static str,
    pub detail: String,
}

impl Wrong {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// Of this row, whose cells are kept as they came.
    pub(super) fn at(self, line: i64, cells: &str) -> ErrorRow {
        let cells = Some(cells.to_owned());
        ErrorRow { line, code: self.code.to_owned(), detail: self.detail, cells }
    }
}

impl From<&Refusal> for Wrong {
    fn from(refusal: &Refusal) -> Self {
        Self { code: refusal.code(), detail: plain_text(&refusal.to_string(), 300) }
    }
}

pub(super) fn cell(cells: &Cells, at: usize) -> Option<&str> {
    cells.get(at).and_then(Option::as_deref)
}

/// The SKU of a row.
pub(super) fn sku(cells: &Cells) -> Result<Sku, Wrong> {
    let text = cell(cells, 0).unwrap_or_default();
    Sku::new(text).map_err(|e| Wrong::new("sku_malformed", e.to_string()))
}

/// An amount as people write it: `12.50`, `12`, `1250` yen; no sign, no thousands.
pub(super) fn amount(text: &str, currency: Currency, mark: DecimalMark) -> Result<Money, Wrong> {
    let wrong = || {
        let (text, sign) = (plain_text(text, 40), mark.sign());
        let detail = format!("the price {text:?} is not an amount like 12{sign}50");
        Wrong::new("price_malformed", detail)
    };
    let (whole, fraction) = text.split_once(mark.sign()).unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let places = usize::try_from(currency.decimals()).unwrap_or(2);
    let mark_alone = text.contains(mark.sign()) && fraction.is_empty();
    if whole.is_empty() || !digits(whole) || !digits(fraction) || mark_alone {
        return Err(wrong());
    }
    if fraction.len() > places {
        return Err(wrong());
    }
    let padded = format!("{whole}{fraction:0<places$}");
    let minor: i64 = padded.parse().map_err(|_| wrong())?;
    Money::new(minor, currency).map_err(|_| wrong())
}

/// A price as a row says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PriceRow {
    /// None: from now on.
    pub from: Option<PriceFrom>,
    /// None: it has none from then on, or that one does not come.
    pub price: Option<Money>,
}

/// Reads a price.
pub(super) fn price(
    cells: &Cells,
    records: &Records,
    mark: DecimalMark,
) -> Result<PriceRow, Wrong> {
    let none = || Wrong::from(&Refusal::invalid("/price", "a shop that is set up"));
    let currency = records.shop().map(|shop| shop.currency).ok_or_else(none)?;
    if let Some(text) = cell(cells, 2).filter(|t| !t.is_empty() && *t != currency.code()) {
        let text = plain_text(text, 40);
        let detail = format!("the currency {text:?} is not the shop's, which is {currency}");
        return Err(Wrong::new("currency_other", detail));
    }
    let text = cell(cells, 1).unwrap_or_default();
    let price = match text {
        "" => None,
        text => Some(amount(text, currency, mark)?),
    };
    let from = match cell(cells, 3).unwrap_or_default() {
        "" => None,
        text => Some(moment(text)?),
    };
    Ok(PriceRow { from, price })
}

/// A day, an instant, or a day as half of Europe writes it: with points it can mean nothing else.
fn moment(text: &str) -> Result<PriceFrom, Wrong> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let pointed = match [parts.next(), parts.next(), parts.next(), parts.next()] {
        [Some(Some(day)), Some(Some(month)), Some(Some(year)), None] => {
            Some(format!("{year:04}-{month:02}-{day:02}"))
        }
        _ => None,
    };
    pointed.as_deref().unwrap_or(text).parse().map_err(|e: oneshelf_domain::price::NoMoment| {
        let text = plain_text(text, 40);
        Wrong::new("from_malformed", format!("{text:?} is not {e}"))
    })
}

impl PriceRow {
    /// What it changes.
    pub(super) fn command(self, sku: Sku) -> Command {
        Command::SetPrice { sku, from: self.from, price: self.price }
    }

    /// The price that the item has from then on as it is, as far as a row can say.
    pub(super) fn before(self, item: &Item) -> Option<Money> {
        match self.from {
            None => item.details.price,
            Some(from) => item.prices.iter().find(|p| p.from == from).map(|p| p.price),
        }
    }

    /// True when it changes nothing. `dated`: a dated price is in force, which one from now on
    /// takes away.
    pub(super) fn is_idle(self, item: &Item, dated: bool) -> bool {
        self.before(item) == self.price && (self.from.is_some() || !dated)
    }
}

/// Opening stock as a row says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StockRow {
    pub item: ItemNo,
    pub location: LocationNo,
    pub quantity: Quantity,
}

/// Reads opening stock.
pub(super) fn stock(
    cells: &Cells,
    records: &Records,
    number: impl Fn(&Sku) -> Option<ItemNo>,
) -> Result<StockRow, Wrong> {
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
    Ok(StockRow { item, location, quantity })
}

impl StockRow {
    /// What it changes; nothing is no command.
    pub(super) fn command(self, import: &str) -> Option<Command> {
        let Self { item, location, quantity } = self;
        let reference = Some(import.to_owned());
        let lines = vec![(item, quantity.units())];
        (!quantity.is_zero()).then_some(Command::Receive { location, lines, reference })
    }
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
        let price = |text, currency| amount(text, currency, DecimalMark::Point);
        assert_eq!(price("12.5", eur).unwrap().minor, 1_250);
        assert_eq!(price("0.05", eur).unwrap().minor, 5);
        assert_eq!(price("1250", jpy).unwrap().minor, 1_250);
        for wrong in ["", "12,50", "12.505", "-1", "1 000", "=1+1", "1e3", ".5", "1.", "NaN"] {
            assert!(price(wrong, eur).is_err(), "{wrong}");
        }
        assert!(price("1.5", jpy).is_err());
        assert!(price("99999999999999999999", eur).is_err());
        assert_eq!(amount("12,5", eur, DecimalMark::Comma).unwrap().minor, 1_250);
        for wrong in ["12.50", "1.234,50", "1,"] {
            assert!(amount(wrong, eur, DecimalMark::Comma).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_days_or_instants() {
        let day: PriceFrom = "2026-12-01".parse().unwrap();
        assert_eq!(moment("01.12.2026"), Ok(day));
        assert_eq!(moment("2026-12-01"), Ok(day));
        assert!(matches!(moment("2026-12-01T06:00:00+01:00"), Ok(PriceFrom::Moment(_))));
        for wrong in ["12/01/2026", "31.2.2026", "tomorrow", "2026-12-01T06:00"] {
            assert_eq!(moment(wrong).unwrap_err().code, "from_malformed", "{wrong}");
        }
    }
}
