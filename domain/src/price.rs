//! Prices that take effect at a moment: an item's list of them, and which one is in force.
//!
//! A price begins at an instant, or with a day; a day begins at 00:00 where the goods are sold, so
//! that a price of 1 December is the price of each store's own 1 December. It knows no clock.
//! Invariant: a list names each moment once, and of two prices the one that began last is in force.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::money::{Currency, Money};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// When a price begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PriceFrom {
    /// With this day, at 00:00 of each location's own zone.
    Day(NaiveDate),
    /// At this instant, everywhere.
    Moment(Timestamp),
}

/// A text names no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a day as in 2026-12-01, or an instant as in 2026-12-01T06:00:00Z")]
pub struct NoMoment;

/// A price and when it begins. It is in force until the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedPrice {
    /// When.
    pub from: PriceFrom,
    /// Of a piece, a kilogram or a litre, tax included.
    pub price: Money,
}

/// The longest jump of a clock, in steps of [`GAP_STEP_MINUTES`]: a zone has left out a day.
const GAP_STEPS: i32 = 4 * 48;
/// Offsets of zones are multiples of it.
const GAP_STEP_MINUTES: i64 = 15;
/// Years that a price may begin in.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

impl PriceFrom {
    /// The instant at which it begins in a zone.
    pub fn begins(self, zone: Tz) -> Timestamp {
        match self {
            PriceFrom::Moment(at) => at,
            PriceFrom::Day(day) => day_begins(day, zone),
        }
    }
}

/// 00:00 of a day in a zone: the first of two, or the next time that the zone's clocks show.
pub fn day_begins(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = NaiveDateTime::from(day);
    let shown = (0..=GAP_STEPS).find_map(|step| {
        let later = TimeDelta::minutes(GAP_STEP_MINUTES * i64::from(step));
        zone.from_local_datetime(&midnight.checked_add_signed(later)?).earliest()
    });
    Timestamp(shown.map_or(midnight.and_utc().timestamp_micros(), |t| t.timestamp_micros()))
}

impl std::str::FromStr for PriceFrom {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let dated = text.len() == 10;
        let from = match dated {
            true => {
                PriceFrom::Day(NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| NoMoment)?)
            }
            false => {
                let at = DateTime::parse_from_rfc3339(text).map_err(|_| NoMoment)?;
                PriceFrom::Moment(Timestamp(at.timestamp_micros()))
            }
        };
        let year = match from {
            PriceFrom::Day(day) => Some(day.year()),
            PriceFrom::Moment(at) => at.utc().map(|t| t.year()),
        };
        if year.is_some_and(|year| YEARS.contains(&year)) { Ok(from) } else { Err(NoMoment) }
    }
}

impl std::fmt::Display for PriceFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PriceFrom::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            PriceFrom::Moment(at) => write!(f, "{at}"),
        }
    }
}

impl TryFrom<String> for PriceFrom {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        text.parse()
    }
}

impl From<PriceFrom> for String {
    fn from(from: PriceFrom) -> String {
        from.to_string()
    }
}

/// The price in force: of the dated ones that have begun the one that began last, else the item's
/// own. Where a day and an instant begin together, the instant counts: it says more.
pub fn in_force(
    own: Option<Money>,
    dated: &[DatedPrice],
    now: Timestamp,
    zone: Tz,
) -> Option<Money> {
    let begun = dated.iter().map(|p| (p.from.begins(zone), p)).filter(|(begins, _)| *begins <= now);
    begun.max_by_key(|(begins, p)| (*begins, p.from)).map_or(own, |(_, p)| Some(p.price))
}

/// A list in order, when it keeps the rules.
///
/// # Errors
/// Names the price that does not.
pub fn checked(
    mut dated: Vec<DatedPrice>,
    currency: Option<Currency>,
) -> Result<Vec<DatedPrice>, Refusal> {
    if dated.len() > limits::DATED_PRICES_MAX {
        return Err(Refusal::invalid("/prices", "at most 100"));
    }
    for (n, one) in dated.iter().enumerate() {
        fits(one.price, currency, &format!("/prices/{n}/price"))?;
    }
    dated.sort_by_key(|p| (p.from.begins(Tz::UTC), p.from));
    if dated.windows(2).any(|pair| pair[0].from == pair[1].from) {
        return Err(Refusal::invalid("/prices", "one price from each moment"));
    }
    Ok(dated)
}

/// Whether a price may be asked for.
///
/// # Errors
/// `invalid`, with this field.
pub fn fits(price: Money, currency: Option<Currency>, field: &str) -> Result<(), Refusal> {
    if !(0..=limits::MONEY_MINOR_MAX).contains(&price.minor) {
        return Err(Refusal::invalid(field, "not negative"));
    }
    if currency.is_some_and(|shop| shop != price.currency) {
        return Err(Refusal::invalid(&format!("{field}/currency"), "the shop's currency"));
    }
    Ok(())
}

/// Takes out what no register can ask for any more: prices that another one has followed for
/// [`limits::ENDED_PRICE_DAYS`]. The log keeps them.
pub fn without_ended(dated: &mut Vec<DatedPrice>, now: Timestamp) {
    // The easternmost day begins first and the westernmost last: both lie within a day of UTC's.
    let Some(long_ago) =
        now.utc().and_then(|t| t.checked_sub_days(Days::new(limits::ENDED_PRICE_DAYS)))
    else {
        return;
    };
    let long_ago = Timestamp(long_ago.timestamp_micros());
    let begun = |p: &&DatedPrice| p.from.begins(Tz::UTC) <= long_ago;
    let last = dated.iter().filter(begun).max_by_key(|p| (p.from.begins(Tz::UTC), p.from));
    let Some(last) = last.map(|p| p.from.begins(Tz::UTC)) else { return };
    dated.retain(|p| p.from.begins(Tz::UTC) >= last);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money { minor, currency: Currency::new("EUR").unwrap() }
    }

    fn at(text: &str) -> Timestamp {
        match text.parse() {
            Ok(PriceFrom::Moment(at)) => at,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn list(rows: &[(&str, i64)]) -> Vec<DatedPrice> {
        let one = |(from, minor): &(&str, i64)| DatedPrice {
            from: from.parse().unwrap(),
            price: eur(*minor),
        };
        checked(rows.iter().map(one).collect(), Some(eur(0).currency)).unwrap()
    }

    #[test]
    fn the_price_that_began_last_is_in_force() {
        let winter = [("2026-12-01", 900), ("2026-12-24T18:00:00Z", 500), ("2027-01-01", 1_100)];
        // (zone, now, price): own price 1,000 until the first begins.
        let table = [
            ("Europe/Dublin", "2026-11-30T23:59:59.999999Z", 1_000),
            ("Europe/Dublin", "2026-12-01T00:00:00Z", 900),
            // Berlin's day begins an hour earlier, New York's five later.
            ("Europe/Berlin", "2026-11-30T23:00:00Z", 900),
            ("Europe/Berlin", "2026-11-30T22:59:59Z", 1_000),
            ("America/New_York", "2026-12-01T04:59:59Z", 1_000),
            ("America/New_York", "2026-12-01T05:00:00Z", 900),
            // An instant is the same everywhere.
            ("Europe/Berlin", "2026-12-24T17:59:59Z", 900),
            ("America/New_York", "2026-12-24T18:00:00Z", 500),
            ("Asia/Tokyo", "2026-12-31T15:00:00Z", 1_100),
            ("Europe/Dublin", "2026-12-31T23:59:59Z", 500),
            ("Europe/Dublin", "2030-06-01T00:00:00Z", 1_100),
        ];
        for (zone, now, price) in table {
            let found = in_force(Some(eur(1_000)), &list(&winter), at(now), zone.parse().unwrap());
            assert_eq!(found, Some(eur(price)), "{zone} {now}");
        }
        assert_eq!(in_force(None, &[], at("2026-12-01T00:00:00Z"), Tz::UTC), None);
        let of_tomorrow = list(&[("2026-12-02", 1)]);
        assert_eq!(in_force(None, &of_tomorrow, at("2026-12-01T00:00:00Z"), Tz::UTC), None);
    }

    #[test]
    fn an_instant_counts_where_a_day_begins_with_it() {
        let both = list(&[("2026-12-01T00:00:00Z", 2), ("2026-12-01", 1)]);
        let now = at("2026-12-01T00:00:00Z");
        assert_eq!(in_force(None, &both, now, Tz::UTC), Some(eur(2)));
        // In Tokyo the day is older, in New York it comes later.
        assert_eq!(in_force(None, &both, now, "Asia/Tokyo".parse().unwrap()), Some(eur(2)));
        let later = at("2026-12-01T06:00:00Z");
        assert_eq!(in_force(None, &both, later, "America/New_York".parse().unwrap()), Some(eur(1)));
    }

    #[test]
    fn a_day_begins_when_the_clocks_of_its_zone_say_so() {
        let table = [
            ("Europe/Dublin", "2026-03-29", "2026-03-29T00:00:00Z"),
            ("Europe/Dublin", "2026-07-01", "2026-06-30T23:00:00Z"),
            // Clocks went from 23:59 to 01:00: the day begins at one.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            // Clocks went back over midnight: the first of the two.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            // Samoa left the whole day out.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z"),
        ];
        for (zone, day, begins) in table {
            let from: PriceFrom = day.parse().unwrap();
            assert_eq!(from.begins(zone.parse().unwrap()), at(begins), "{zone} {day}");
        }
    }

    #[test]
    fn a_moment_is_a_day_or_an_instant() {
        for text in ["2026-12-01", "2026-12-01T06:00:00.000000Z"] {
            let from: PriceFrom = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(serde_json::to_string(&from).unwrap(), format!("\"{text}\""));
        }
        let berlin: PriceFrom = "2026-12-01T06:00:00+01:00".parse().unwrap();
        assert_eq!(berlin.to_string(), "2026-12-01T05:00:00.000000Z");
        for wrong in [
            "",
            "1.12.2026",
            "2026-13-01",
            "2026-02-30",
            "2026-12-01T06:00",
            "+262000-1-1",
            "0001-01-01",
            "2026-12-1x",
        ] {
            assert!(wrong.parse::<PriceFrom>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_names_each_moment_once_in_one_currency() {
        let price = |from: &str, minor, currency: &str| DatedPrice {
            from: from.parse().unwrap(),
            price: Money { minor, currency: Currency::new(currency).unwrap() },
        };
        let eur = Some(Currency::new("EUR").unwrap());
        let pointer = |list: Vec<DatedPrice>| match checked(list, eur) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let day = "2026-12-01";
        assert_eq!(pointer(vec![price(day, 1, "EUR"), price(day, 2, "EUR")]), "/prices");
        assert_eq!(pointer(vec![price(day, 1, "USD")]), "/prices/0/price/currency");
        assert_eq!(pointer(vec![price(day, -1, "EUR")]), "/prices/0/price");
        let many = limits::DATED_PRICES_MAX as i64 + 1;
        let many = (0..many).map(|n| {
            let from = PriceFrom::Moment(Timestamp(n));
            DatedPrice { from, ..price(day, 1, "EUR") }
        });
        assert_eq!(pointer(many.collect()), "/prices");
    }

    #[test]
    fn what_ended_long_ago_goes_and_what_is_in_force_stays() {
        let mut prices = list(&[
            ("2026-01-01", 1),
            ("2026-02-01", 2),
            ("2026-11-20", 3),
            ("2026-12-01T00:00:00Z", 4),
        ]);
        without_ended(&mut prices, at("2026-11-28T00:00:00Z"));
        let left: Vec<i64> = prices.iter().map(|p| p.price.minor).collect();
        assert_eq!(left, [2, 3, 4], "the second was in force until eight days ago");
        without_ended(&mut prices, at("2027-12-01T00:00:00Z"));
        let left: Vec<i64> = prices.iter().map(|p| p.price.minor).collect();
        assert_eq!(left, [4]);
    }
}
