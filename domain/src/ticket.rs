//! The ticket: a register's sale in progress, its totals, and paying it.
//!
//! Prices include tax. Invariant: the total is the sum of its lines; a paid ticket's tenders less
//! change equal its total.

use serde::{Deserialize, Serialize};

use crate::code::Sku;
use crate::id::{LineId, TicketId};
use crate::item::{Component, Unit};
use crate::limits;
use crate::money::{Currency, Money, MoneyError, tax_included_half_even};
use crate::record::TaxRate;

/// Why a line beyond the store's share is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Nobody had claimed it when the line fell.
    FreeWhenOffline,
    /// It may be promised online.
    Promised,
    /// The books have none of it, and nobody was promised any: the shelf knows better.
    Uncounted,
}

impl Warning {
    /// The worst first: what a kit says of its parts.
    const ALL: [Self; 3] = [Self::Promised, Self::FreeWhenOffline, Self::Uncounted];
}

/// A part of the kits of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPart {
    /// Which item, and how many units of it are in one kit.
    #[serde(flatten)]
    pub component: Component,
    /// Units of it that the share does not cover.
    pub beyond: i64,
    /// Which case that is.
    pub warning: Option<Warning>,
}

impl From<Component> for TicketPart {
    fn from(component: Component) -> Self {
        Self { component, beyond: 0, warning: None }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketLine {
    /// Its id.
    pub id: LineId,
    /// Which item.
    pub sku: Sku,
    /// As on the receipt.
    pub name: String,
    /// Option values.
    pub options: Option<String>,
    /// What the quantity counts.
    #[serde(default)]
    pub unit: Unit,
    /// How many, above zero.
    pub quantity: i64,
    /// Of a piece, a kilogram or a litre, tax included.
    pub unit_price: Money,
    /// What a label of its own says that all of it costs, instead of price times quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_total: Option<Money>,
    /// Tax class.
    pub tax: String,
    /// What one of it is made of, as it was when it was scanned; none: it is no kit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<TicketPart>,
    /// Units that the share does not cover; of a kit as many as its parts do not make.
    pub beyond: i64,
    /// Which case that is; of a kit's parts the worst.
    pub warning: Option<Warning>,
}

impl TicketLine {
    /// Units by the item that they lie in: of a kit those of its parts.
    pub fn units(&self) -> Vec<(&Sku, i64)> {
        if self.parts.is_empty() {
            return vec![(&self.sku, self.quantity)];
        }
        let parts = self.parts.iter().map(|part| &part.component);
        parts.map(|part| (&part.sku, part.quantity * self.quantity)).collect()
    }

    /// Marks units of an item as beyond the share, at most as many as it has: how many those are.
    pub fn mark(&mut self, sku: &Sku, beyond: i64, warning: Option<Warning>) -> i64 {
        let units = self.units().into_iter().find(|(of, _)| *of == sku).map_or(0, |(_, n)| n);
        let beyond = beyond.min(units);
        let warning = warning.filter(|_| beyond > 0);
        if units > 0 && self.parts.is_empty() {
            (self.beyond, self.warning) = (beyond, warning);
        } else if let Some(part) = self.parts.iter_mut().find(|part| part.component.sku == *sku) {
            (part.beyond, part.warning) = (beyond, warning);
            // A kit with one unit short is a kit short.
            let short = |p: &TicketPart| {
                let each = p.component.quantity.max(1);
                (p.beyond + each - 1) / each
            };
            self.beyond = self.parts.iter().map(short).max().unwrap_or(0);
            let some = |w: &Warning| self.parts.iter().any(|p| p.warning == Some(*w));
            self.warning = Warning::ALL.into_iter().find(some);
        }
        beyond
    }

    /// Units of an item that are beyond the share, and which case that is.
    pub fn marked(&self, sku: &Sku) -> Option<(i64, Warning)> {
        let part = self.parts.iter().find(|part| part.component.sku == *sku);
        let own =
            (self.parts.is_empty() && self.sku == *sku).then_some((self.beyond, self.warning));
        let (beyond, warning) = part.map(|p| (p.beyond, p.warning)).or(own)?;
        Some((beyond, warning?))
    }

    /// Lines of a fact that it becomes.
    fn entries(&self) -> usize {
        self.parts.len().max(1)
    }

    /// As its label says, else price times quantity, rounded half up.
    pub fn total(&self) -> Result<Money, MoneyError> {
        match self.label_total {
            Some(total) => Ok(total),
            None => self.unit_price.of_units_half_up(self.quantity, self.unit.priced_by()),
        }
    }

    /// Two scans that are one line: the same goods at the same price.
    fn continues(&self, other: &TicketLine) -> bool {
        let labelled = self.label_total.is_some() || other.label_total.is_some();
        let made_alike = || {
            let parts = |line: &TicketLine| -> Vec<Component> {
                line.parts.iter().map(|part| part.component.clone()).collect()
            };
            parts(self) == parts(other)
        };
        !labelled && self.sku == other.sku && self.unit_price == other.unit_price && made_alike()
    }
}

/// A sale in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id; also what its sale is known by.
    pub id: TicketId,
    /// Of every line.
    pub currency: Currency,
    /// In the order of scanning.
    pub lines: Vec<TicketLine>,
}

/// Tax of one rate on a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    /// As on the receipt.
    pub name: String,
    /// 2300 means 23 %.
    pub rate_basis_points: i64,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// What a ticket refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefusal {
    /// No line has this id.
    #[error("this line is not on the ticket any more")]
    LineUnknown,
    /// Too many lines.
    #[error("a ticket has at most 200 lines, parts of kits counted; take payment, start another")]
    TooManyLines,
    /// Out of range.
    #[error("a quantity is 1 to 1,000,000")]
    Quantity,
    /// Its price is for the quantity on its label.
    #[error("the label says what this costs; take the line off and scan the label of each")]
    Labelled,
    /// Nothing to pay.
    #[error("the ticket is empty; scan an item first")]
    Empty,
    /// Not enough was given.
    #[error("the amount given is less than the total; {missing} minor units are missing")]
    TenderTooSmall {
        /// Minor units.
        missing: i64,
    },
    /// Only cash, in the shop's currency, for now.
    #[error("this kind of tender is not taken here; give cash in the shop's currency")]
    TenderKind,
    /// Sums out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Most units of one line.
pub const LINE_UNITS_MAX: i64 = 1_000_000;

impl Ticket {
    /// An empty one.
    pub fn new(id: TicketId, currency: Currency) -> Self {
        Self { id, currency, lines: vec![] }
    }

    /// Adds units: to the last line of the same item and price, else a new line. Returns its id.
    pub fn add(&mut self, line: TicketLine) -> Result<LineId, TicketRefusal> {
        if !(1..=LINE_UNITS_MAX).contains(&line.quantity) {
            return Err(TicketRefusal::Quantity);
        }
        let amounts = [Some(line.unit_price), line.label_total];
        if amounts.iter().flatten().any(|m| m.currency != self.currency) {
            return Err(MoneyError::Mixed.into());
        }
        let same = |l: &&mut TicketLine| l.continues(&line);
        if let Some(known) = self.lines.iter_mut().rev().find(same) {
            if known.quantity + line.quantity > LINE_UNITS_MAX {
                return Err(TicketRefusal::Quantity);
            }
            known.quantity += line.quantity;
            return Ok(known.id);
        }
        // Each part of a kit is a line of the sale's fact.
        let entries: usize = self.lines.iter().map(TicketLine::entries).sum();
        if entries + line.entries() > limits::LINES_MAX {
            return Err(TicketRefusal::TooManyLines);
        }
        let id = line.id;
        self.lines.push(line);
        Ok(id)
    }

    /// Sets a line's quantity.
    pub fn set_quantity(&mut self, id: LineId, quantity: i64) -> Result<(), TicketRefusal> {
        if !(1..=LINE_UNITS_MAX).contains(&quantity) {
            return Err(TicketRefusal::Quantity);
        }
        let line = self.lines.iter_mut().find(|l| l.id == id).ok_or(TicketRefusal::LineUnknown)?;
        if line.label_total.is_some() && line.quantity != quantity {
            return Err(TicketRefusal::Labelled);
        }
        line.quantity = quantity;
        Ok(())
    }

    /// Takes a line off and returns it.
    pub fn void_line(&mut self, id: LineId) -> Result<TicketLine, TicketRefusal> {
        let at = self.lines.iter().position(|l| l.id == id).ok_or(TicketRefusal::LineUnknown)?;
        Ok(self.lines.remove(at))
    }

    /// The sum of the lines.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.lines.iter().try_fold(Money::zero(self.currency), |sum, l| sum.plus(l.total()?))
    }

    /// Pieces on the ticket; a weighed or measured line is one.
    pub fn pieces(&self) -> i64 {
        self.lines.iter().map(|l| if l.unit == Unit::Each { l.quantity } else { 1 }).sum()
    }

    /// Tax by rate, in the order of the shop's rates. Rounded once per rate.
    pub fn taxes(&self, rates: &[TaxRate]) -> Result<Vec<TaxLine>, MoneyError> {
        let mut out = vec![];
        for rate in rates {
            let mut gross = Money::zero(self.currency);
            let mut any = false;
            for line in self.lines.iter().filter(|l| l.tax == rate.class) {
                gross = gross.plus(line.total()?)?;
                any = true;
            }
            if any {
                let minor = tax_included_half_even(gross.minor, rate.rate_basis_points);
                let tax = Money::new(minor, self.currency)?;
                let net = gross.minus(tax)?;
                let (name, rate_basis_points) = (rate.name.clone(), rate.rate_basis_points);
                out.push(TaxLine { name, rate_basis_points, net, tax });
            }
        }
        Ok(out)
    }

    /// The change for cash given.
    pub fn change(&self, given: &[Money]) -> Result<Money, TicketRefusal> {
        if self.lines.is_empty() {
            return Err(TicketRefusal::Empty);
        }
        if given.iter().any(|m| m.currency != self.currency || m.minor < 0) {
            return Err(TicketRefusal::TenderKind);
        }
        let sum = given.iter().try_fold(Money::zero(self.currency), |sum, m| sum.plus(*m))?;
        let change = sum.minus(self.total()?)?;
        if change.minor < 0 {
            return Err(TicketRefusal::TenderTooSmall { missing: -change.minor });
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::new("EUR").unwrap()).unwrap()
    }

    fn line(n: u128, sku: &str, quantity: i64, price: i64) -> TicketLine {
        TicketLine {
            id: LineId(Uuid::from_u128(n)),
            sku: Sku::new(sku).unwrap(),
            name: sku.to_owned(),
            options: None,
            unit: Unit::Each,
            quantity,
            unit_price: eur(price),
            label_total: None,
            tax: "standard".to_owned(),
            parts: vec![],
            beyond: 0,
            warning: None,
        }
    }

    fn ticket() -> Ticket {
        Ticket::new(TicketId(Uuid::nil()), Currency::new("EUR").unwrap())
    }

    #[test]
    fn scanning_an_item_again_raises_its_line() {
        let mut t = ticket();
        t.add(line(1, "A", 1, 250)).unwrap();
        t.add(line(2, "B", 1, 100)).unwrap();
        assert_eq!(t.add(line(3, "A", 2, 250)).unwrap(), LineId(Uuid::from_u128(1)));
        assert_eq!((t.lines.len(), t.pieces(), t.total().unwrap().minor), (2, 4, 850));
    }

    fn kit(n: u128, parts: &[(&str, i64)]) -> TicketLine {
        let part = |(sku, quantity): &(&str, i64)| {
            TicketPart::from(Component { sku: Sku::new(sku).unwrap(), quantity: *quantity })
        };
        TicketLine { parts: parts.iter().map(part).collect(), ..line(n, "KIT", 1, 1_500) }
    }

    #[test]
    fn a_kit_is_one_line_at_its_price_and_takes_its_parts() {
        let mut t = ticket();
        t.add(kit(1, &[("CUP", 2), ("POT", 1)])).unwrap();
        t.add(kit(2, &[("CUP", 2), ("POT", 1)])).unwrap();
        assert_eq!((t.lines.len(), t.pieces(), t.total().unwrap().minor), (1, 2, 3_000));
        let (cup, pot) = (Sku::new("CUP").unwrap(), Sku::new("POT").unwrap());
        assert_eq!(t.lines[0].units(), [(&cup, 4), (&pot, 2)]);
        // Made otherwise it is another line.
        t.add(kit(3, &[("CUP", 3), ("POT", 1)])).unwrap();
        assert_eq!(t.lines.len(), 2);
        let line = &mut t.lines[0];
        assert_eq!(line.mark(&cup, 3, Some(Warning::FreeWhenOffline)), 3);
        assert_eq!((line.beyond, line.warning), (2, Some(Warning::FreeWhenOffline)));
        assert_eq!(line.mark(&pot, 9, Some(Warning::Promised)), 2);
        assert_eq!((line.beyond, line.warning), (2, Some(Warning::Promised)));
        assert_eq!(line.marked(&cup), Some((3, Warning::FreeWhenOffline)));
        assert_eq!(line.mark(&pot, 0, None), 0);
        assert_eq!((line.mark(&cup, 0, None), line.beyond, line.warning), (0, 0, None));
        assert_eq!((line.marked(&line.sku), line.marked(&cup)), (None, None));
    }

    #[test]
    fn parts_count_as_lines() {
        let mut t = ticket();
        let parts: Vec<(&str, i64)> = ["A", "B", "C", "D", "E"].map(|sku| (sku, 1)).to_vec();
        for n in 0..40 {
            let price = eur(100 + i64::try_from(n).unwrap());
            t.add(TicketLine { unit_price: price, ..kit(n, &parts) }).unwrap();
        }
        assert_eq!(t.add(line(99, "A", 1, 1)), Err(TicketRefusal::TooManyLines));
    }

    #[test]
    fn a_weighed_line_is_one_piece() {
        let mut t = ticket();
        t.add(line(1, "A", 2, 250)).unwrap();
        let cheese = |n, grams| TicketLine { unit: Unit::Gram, ..line(n, "CHEESE", grams, 1_290) };
        t.add(cheese(2, 862)).unwrap();
        // 11.1198: half up.
        assert_eq!((t.pieces(), t.total().unwrap().minor), (3, 500 + 1_112));
        // Weighed twice is one line, rounded once: 862 g and 88 g are 12.255.
        t.add(cheese(3, 88)).unwrap();
        assert_eq!((t.pieces(), t.total().unwrap().minor), (3, 500 + 1_226));
    }

    #[test]
    fn what_a_label_says_is_what_it_costs() {
        let mut t = ticket();
        let price = |minor| Some(eur(minor));
        let ham = |n| TicketLine { unit: Unit::Gram, ..line(n, "HAM", 351, 1_999) };
        t.add(TicketLine { label_total: price(701), ..ham(1) }).unwrap();
        // Neither a second label nor what is weighed joins it.
        t.add(TicketLine { label_total: price(701), ..ham(2) }).unwrap();
        t.add(ham(3)).unwrap();
        assert_eq!((t.pieces(), t.total().unwrap().minor), (3, 701 + 701 + 702));
        let first = LineId(Uuid::from_u128(1));
        assert_eq!(t.set_quantity(first, 352), Err(TicketRefusal::Labelled));
        t.set_quantity(first, 351).unwrap();
        let yen = Money::new(900, Currency::new("JPY").unwrap()).unwrap();
        let mixed = t.add(TicketLine { label_total: Some(yen), ..ham(4) });
        assert_eq!(mixed, Err(MoneyError::Mixed.into()));
    }

    #[test]
    fn change_is_what_was_given_less_the_total() {
        let mut t = ticket();
        assert_eq!(t.change(&[eur(100)]), Err(TicketRefusal::Empty));
        t.add(line(1, "A", 2, 255)).unwrap();
        assert_eq!(t.change(&[eur(1000)]).unwrap(), eur(490));
        assert_eq!(t.change(&[eur(500)]), Err(TicketRefusal::TenderTooSmall { missing: 10 }));
        let yen = Money::new(900, Currency::new("JPY").unwrap()).unwrap();
        assert_eq!(t.change(&[yen]), Err(TicketRefusal::TenderKind));
    }

    #[test]
    fn tax_by_rate_adds_up_to_the_total() {
        let rates = [
            TaxRate { class: "standard".into(), rate_basis_points: 2300, name: "VAT 23%".into() },
            TaxRate { class: "reduced".into(), rate_basis_points: 900, name: "VAT 9%".into() },
        ];
        let mut t = ticket();
        t.add(line(1, "A", 3, 333)).unwrap();
        t.add(TicketLine { tax: "reduced".into(), ..line(2, "B", 1, 500) }).unwrap();
        let taxes = t.taxes(&rates).unwrap();
        let sum: i64 = taxes.iter().map(|x| x.net.minor + x.tax.minor).sum();
        assert_eq!((taxes.len(), sum), (2, t.total().unwrap().minor));
    }

    #[test]
    fn lines_that_are_gone_are_refused() {
        let mut t = ticket();
        let id = t.add(line(1, "A", 1, 100)).unwrap();
        assert_eq!(t.set_quantity(id, 0), Err(TicketRefusal::Quantity));
        t.void_line(id).unwrap();
        assert_eq!(t.void_line(id), Err(TicketRefusal::LineUnknown));
    }
}
