//! From a scanned code to a line: what the code says, which item it is, and how much of it.
//!
//! The catalogue has the first word: its own codes, then GTINs, then SKUs; only a number that it
//! does not know is read by a pattern of the store. Invariant: what is past its date stops here and
//! is sold only when somebody said so; a weighed item never becomes a line without its weight;
//! while its register looks at scans (`looking`) none becomes a line.

use std::sync::Arc;

use oneshelf_domain::item::{Item, Unit};
use oneshelf_domain::money::Money;
use oneshelf_domain::ticket::TicketRefusal;
use oneshelf_domain::{Currency, LocationCode};
use oneshelf_hardware::scanner::symbology::split_mark;
use oneshelf_hardware::scanner::{
    Elements, Embedded, FrameEvent, Framer, Gtin, Reading, Refusal, ShortDate, Symbology,
    check_digit_ok,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::devices::SeenScan;
use super::ticket::Amount;
use super::{Added, Answer, Front, Refused, Session};
use crate::clock;
use crate::events::Event;
use crate::journal::{Keep, NewDeed};

/// A code that a page took from a keyboard wedge, or asks about again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanRequest {
    code: String,
    /// The cashier was told that it is past its date.
    #[serde(default)]
    accept_expired: bool,
}

/// What a code says beside the item's number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Says {
    pub lot: Option<String>,
    pub serial: Option<String>,
    /// The last day on which it may be sold, as `2026-11-30`.
    pub expires: Option<String>,
    pub best_before: Option<String>,
    pub count: Option<i64>,
    pub grams: Option<i64>,
    pub millilitres: Option<i64>,
    /// To be paid for all of it, minor units of the shop's currency.
    pub price_minor: Option<i64>,
}

impl Says {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

struct Found {
    item: Item,
    says: Says,
    /// What it says came from a label of the store's own.
    by_pattern: bool,
}

impl Front {
    /// A code from a keyboard wedge: one more of its item, or as much as the code says.
    pub(crate) async fn scan(
        self: &Arc<Self>,
        who: &Session,
        asked: &ScanRequest,
    ) -> Answer<Added> {
        let (code, symbology) = one_code(&asked.code)?;
        self.scanned(who, &code, symbology.as_ref(), "page", asked.accept_expired).await
    }

    /// A whole code of a scanner, framed already.
    pub(crate) async fn scan_code(
        self: &Arc<Self>,
        who: &Session,
        code: &str,
        symbology: Option<&Symbology>,
    ) -> Answer<Added> {
        self.scanned(who, code, symbology, "scanner", false).await
    }

    async fn scanned(
        self: &Arc<Self>,
        who: &Session,
        code: &str,
        symbology: Option<&Symbology>,
        from: &'static str,
        accept_expired: bool,
    ) -> Answer<Added> {
        self.in_lesson(who, code).await?;
        // A mark may stand behind what the scanner puts in front of all.
        let inner = self.code_in(code, symbology).await?;
        let (mark, code) = if inner == code { (None, code) } else { split_mark(inner) };
        let symbology = mark.as_ref().or(symbology);
        let reading = Reading::of(code, symbology);
        let meaning = match &reading {
            Ok(reading) => json!(reading),
            Err(fault) => json!({"kind": "fault", "says": fault.to_string()}),
        };
        let came = match reading {
            Ok(reading) => self.take_reading(who, code, symbology, &reading, accept_expired).await,
            Err(fault) => {
                let detail = format!("The code is not as GS1 wants it: {fault}. Scan again.");
                Err(Refused::new(422, "scan_unreadable", &detail))
            }
        };
        if !may_be_card(code) {
            self.shared.seen.scanned(SeenScan::of(code, symbology, from, meaning, &came));
        }
        self.shared.events.push(Event::devices());
        came
    }

    async fn take_reading(
        self: &Arc<Self>,
        who: &Session,
        code: &str,
        symbology: Option<&Symbology>,
        reading: &Reading,
        accept_expired: bool,
    ) -> Answer<Added> {
        let currency = self.shared.currency()?;
        let Found { item, says, by_pattern } = self.find(code, reading, currency).await?;
        if by_pattern && says.grams.is_some() && item.details.unit == Unit::Each {
            return Err(not_weighed(&item));
        }
        self.only_looked(who, &item)?;
        let mut keeps = vec![];
        if let Some(until) = says.expires.as_ref().filter(|day| **day < self.today()) {
            if !accept_expired {
                return Err(expired(&item, &says, until, &marked(code, symbology)));
            }
            let (register, staff) = (who.register.clone(), who.staff.clone());
            let lot = says.lot.as_deref().unwrap_or("-");
            let detail = format!("{}, lot {lot}, until {until}", item.sku);
            let deed = NewDeed { register, staff, kind: "expired_sold", detail };
            keeps.push(Keep::Deed(deed, clock::now()));
        }
        let amount = self.amount(&item, &says, currency).await?;
        let mut added = self.add(who, &item, amount, keeps).await?;
        added.says = (!says.is_nothing()).then_some(says);
        Ok(added)
    }

    async fn find(&self, code: &str, reading: &Reading, currency: Currency) -> Answer<Found> {
        let reads = &self.shared.reads;
        let gtin = reading.gtin();
        let mut says =
            reading.elements().map(|e| said(e, self.year(), currency)).unwrap_or_default();
        if let Some(item) = reads.item_by_code(code, gtin.map(Gtin::as_str)).await? {
            return Ok(Found { item, says, by_pattern: false });
        }
        // Goods without a barcode carry labels with the SKU.
        if let Some(item) = reads.item(code).await? {
            return Ok(Found { item, says, by_pattern: false });
        }
        if let Some(measured) = gtin.and_then(|g| self.shared.patterns.read(g)) {
            let base = &measured.base;
            let plain = base.ean13().unwrap_or(base.as_str());
            let mut item = reads.item_by_code(plain, Some(base.as_str())).await?;
            if item.is_none() {
                item = reads.item_by_code(&measured.item, None).await?;
            }
            if item.is_none() {
                item = reads.item(&measured.item).await?;
            }
            if let Some(item) = item {
                // A label that was printed empty says nothing.
                match measured.value {
                    Embedded::Grams(0) | Embedded::Price(0) | Embedded::Pieces(0) => {}
                    Embedded::Grams(grams) => says.grams = Some(grams),
                    Embedded::Price(minor) => says.price_minor = Some(minor),
                    Embedded::Pieces(count) => says.count = Some(count),
                }
                return Ok(Found { item, says, by_pattern: true });
            }
        }
        let misread = *reading == Reading::WrongCheckDigit;
        Err(Refused::item_unknown(!misread && check_digit_ok(code) != Some(false)))
    }

    /// How much of the item the code says, and for how much where it says that too.
    async fn amount(&self, item: &Item, says: &Says, currency: Currency) -> Answer<Amount> {
        let label_total = says.price_minor.map(|minor| Money { minor, currency });
        let unit = item.details.unit;
        let measure = match unit {
            Unit::Each => says.count.or(Some(1)),
            Unit::Gram => says.grams,
            Unit::Millilitre => says.millilitres,
        };
        let quantity = match (measure, label_total, self.shared.price(item)) {
            (Some(units), _, _) => units,
            // A label without a weight: the weight follows from the price of a kilogram.
            (None, Some(all), Some(price)) if price.minor > 0 => by_price(all, price, unit)?,
            _ => self.weighed(item).await?,
        };
        Ok(Amount { quantity, label_total })
    }

    /// Today in the store's zone, as `2026-11-30`.
    fn today(&self) -> String {
        let records = self.shared.records();
        let identity = self.shared.identity();
        let code = identity.and_then(|i| LocationCode::new(&i.location).ok());
        let zone = code.as_ref().and_then(|c| records.location(c)).map(|l| l.zone.as_str());
        let zone: chrono_tz::Tz = zone.unwrap_or("UTC").parse().unwrap_or(chrono_tz::UTC);
        let utc = clock::now().utc();
        utc.map_or(String::new(), |utc| utc.with_timezone(&zone).format("%Y-%m-%d").to_string())
    }

    fn year(&self) -> u16 {
        self.today().get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026)
    }
}

fn said(elements: &Elements, year: u16, currency: Currency) -> Says {
    let day = |date: Option<ShortDate>| date.map(|d| d.in_year(year).to_string());
    let decimals = u8::try_from(currency.decimals()).unwrap_or(2);
    // Only goods of variable measure carry their price, by GS1's rule (indicator 9) or as the
    // store's own: anybody can print a cheaper one onto the rest. With a currency (393n) it may be
    // another one than the shop's.
    let varies = |g: &Gtin| g.as_str().starts_with('9') || g.is_store_made();
    let price = elements.price().filter(|p| p.currency.is_none());
    let price = price.filter(|_| elements.gtin().is_some_and(varies));
    let some = |n: Option<i64>| n.filter(|n| *n > 0);
    Says {
        lot: elements.lot().map(str::to_owned),
        serial: elements.serial().map(str::to_owned),
        // Whichever ends first; both are written as days that sort as they follow.
        expires: [day(elements.expires()), day(elements.sell_by())].into_iter().flatten().min(),
        best_before: day(elements.best_before()),
        count: elements.count().and_then(|n| i64::try_from(n).ok()),
        grams: some(elements.net_weight_grams()),
        millilitres: some(elements.net_volume_millilitres()),
        price_minor: some(price.and_then(|p| p.amount.scaled(decimals))),
    }
}

/// Units that cost this much, to the nearest; at least one.
fn by_price(all: Money, price: Money, unit: Unit) -> Answer<i64> {
    let units = all.of_units_half_up(unit.priced_by(), price.minor);
    Ok(units.map_err(TicketRefusal::from)?.minor.max(1))
}

fn expired(item: &Item, says: &Says, until: &str, code: &str) -> Refused {
    let detail = format!("{} was to be sold until {until}. Put it aside.", item.details.name);
    let refused = Refused::new(409, "lot_expired", &detail);
    let lot = says.lot.clone().map_or(Value::Null, Value::from);
    refused
        .with("name", item.details.name.clone())
        .with("until", until)
        .with("lot", lot)
        .with("code_scanned", code)
}

/// The digits of a payment card, without a track's marks: they are kept nowhere. A GTIN is none.
fn may_be_card(code: &str) -> bool {
    let digits: Option<Vec<u32>> =
        code.chars().filter(|c| *c != ' ').map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|d| (13..=19).contains(&d.len())) else { return false };
    let luhn = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        1 => digit * 2 / 10 + digit * 2 % 10,
        _ => *digit,
    });
    check_digit_ok(code) != Some(true) && luhn.sum::<u32>() % 10 == 0
}

/// The code with its mark in front again, so that a page can ask about the same scan.
fn marked(code: &str, symbology: Option<&Symbology>) -> String {
    let mark = match symbology {
        Some(Symbology::Gs1_128) => "]C1",
        Some(Symbology::Gs1DataMatrix) => "]d2",
        Some(Symbology::Gs1Qr) => "]Q3",
        Some(Symbology::DataBar) => "]e0",
        _ => "",
    };
    format!("{mark}{code}")
}

/// The code in what a page sent: framed by the same rules as a serial scan.
pub(super) fn one_code(text: &str) -> Answer<(String, Option<Symbology>)> {
    let (mut framer, mut found) = (Framer::default(), vec![]);
    framer.push(text.trim_matches(' ').as_bytes(), std::time::Duration::ZERO, &mut found);
    framer.push(b"\r", std::time::Duration::ZERO, &mut found);
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(FrameEvent::Scan(scan)), None) => Ok((scan.code, scan.symbology)),
        (Some(FrameEvent::Refused(Refusal::CardTrack)), _) => Err(Refused::card()),
        _ => Err(Refused::item_unknown(true)),
    }
}

/// A label gives a weight, and the item is counted: it would sell as one piece whatever it weighs.
fn not_weighed(item: &Item) -> Refused {
    let name = &item.details.name;
    let detail = format!(
        "The label says a weight, but {name} is sold by the piece. Ask the office to set its unit."
    );
    Refused::new(409, "item_not_weighed", &detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_refused_and_a_mark_is_taken_off() {
        let refused = one_code(";4111111111111111=25121010000000000000?").unwrap_err();
        assert_eq!(refused.0.code, "card_refused");
        let (code, symbology) = one_code("]E04006381333931").unwrap();
        assert_eq!((code.as_str(), symbology), ("4006381333931", Some(Symbology::Ean13)));
        assert_eq!(one_code("a\rb").unwrap_err().0.code, "item_unknown");
        assert_eq!(one_code("").unwrap_err().0.code, "item_unknown");
    }

    #[test]
    fn a_code_is_asked_about_again_as_it_was() {
        for mark in ["]C1", "]d2", "]Q3", "]e0"] {
            let text = format!("{mark}010400638133393110AB");
            let (code, symbology) = one_code(&text).unwrap();
            assert_eq!(marked(&code, symbology.as_ref()), text);
        }
    }

    #[test]
    fn what_a_code_says_is_read_in_the_shops_units() {
        let read = |code: &str, currency| said(&Elements::parse(code).unwrap(), 2026, currency);
        let euro = Currency::new("EUR").unwrap();
        let code = "0194006381333934310300086217270131392212\u{1d}10AB";
        let says = read(&code.replace("392212", "39221251"), euro);
        assert_eq!((says.grams, says.price_minor), (Some(862), Some(1_251)));
        assert_eq!(says.expires.as_deref(), Some("2027-01-31"));
        let fixed = read("010400638133393139221251", euro);
        assert_eq!(fixed.price_minor, None, "its price is the catalogue's");
        let yen = Currency::new("JPY").unwrap();
        let says = read("019400638133393439221250", yen);
        assert_eq!(says.price_minor, None, "half a yen is no price");
    }

    #[test]
    fn card_numbers_are_told_from_item_numbers() {
        for (code, card) in [
            ("4111111111111111", true),
            ("4111 1111 1111 1111", true),
            ("4111111111111112", false),
            ("4006381333931", false),
            ("5391520940866", false),
            ("S07-R1-000123", false),
            ("0", false),
        ] {
            assert_eq!(may_be_card(code), card, "{code}");
        }
    }

    #[test]
    fn a_price_becomes_the_nearest_measure() {
        let eur = |minor| Money { minor, currency: Currency::new("EUR").unwrap() };
        let units = |all, price, unit| by_price(eur(all), eur(price), unit).ok();
        assert_eq!(units(701, 1_999, Unit::Gram), Some(351));
        assert_eq!(units(1_000, 3, Unit::Each), Some(333));
        assert_eq!(units(1_001, 2, Unit::Each), Some(501));
        assert_eq!(units(1, 100_000, Unit::Millilitre), Some(1));
    }
}
