//! Values of GS1 codes: decimals, amounts, dates with a two-digit year.
//!
//! Owns how they are read and turned into whole numbers. Must not know identifiers or clocks: who
//! wants a full date says which year it is. Invariant: nothing is rounded unless the name says so.
//! Sections named here are those of the GS1 General Specifications, release 24.

use std::fmt;

use serde::Serialize;

/// `digits` with a point before the last `decimals` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decimal {
    pub digits: u64,
    pub decimals: u8,
}

impl Decimal {
    /// The same number in units of which `10^decimals` make one; `None` where it is no whole number
    /// of them, or too large.
    pub fn scaled(self, decimals: u8) -> Option<i64> {
        let digits = i64::try_from(self.digits).ok()?;
        match decimals.checked_sub(self.decimals) {
            Some(more) => digits.checked_mul(10i64.checked_pow(u32::from(more))?),
            None => {
                let unit = 10i64.checked_pow(u32::from(self.decimals - decimals))?;
                (digits % unit == 0).then_some(digits / unit)
            }
        }
    }

    /// Like `scaled`, with what is left over rounded half up.
    pub fn scaled_half_up(self, decimals: u8) -> Option<i64> {
        match self.decimals.checked_sub(decimals) {
            None | Some(0) => self.scaled(decimals),
            Some(less) => {
                let unit = 10u64.checked_pow(u32::from(less))?;
                i64::try_from(self.digits.checked_add(unit / 2)? / unit).ok()
            }
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::from(self.decimals);
        let text = format!("{:0>width$}", self.digits, width = decimals + 1);
        let (whole, part) = text.split_at(text.len() - decimals);
        out.write_str(whole)?;
        if part.is_empty() { Ok(()) } else { write!(out, ".{part}") }
    }
}

/// An amount to pay (392n, 393n).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The three digits of ISO 4217; without them the amount is in the shop's own currency.
    pub currency: Option<String>,
    pub amount: Decimal,
}

/// A date as codes carry it: without a century, and with a day 0 for the end of the month
/// (section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ShortDate {
    /// 0 to 99.
    pub year: u8,
    pub month: u8,
    /// 0: the month's last day.
    pub day: u8,
}

/// A whole date, in the order of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FullDate {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl fmt::Display for FullDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl ShortDate {
    /// Six digits, `YYMMDD`.
    pub fn new(text: &str) -> Option<ShortDate> {
        let [year, month, day] = [pair(text, 0)?, pair(text, 2)?, pair(text, 4)?];
        // Of the years that two digits can mean, those that 4 divides are leap years (2000 is).
        let fits = (1..=12).contains(&month) && day <= days(u16::from(year) + 2000, month);
        (text.len() == 6 && fits).then_some(ShortDate { year, month, day })
    }

    /// The date that is meant in the year `now`: the century is chosen so that it lies at most 49
    /// years back and 50 ahead (section 7.12).
    pub fn in_year(self, now: u16) -> FullDate {
        let (century, here) = (now - now % 100, now % 100);
        let ahead = i32::from(self.year) - i32::from(here);
        let century = match ahead {
            51.. => century.saturating_sub(100),
            ..=-50 => century + 100,
            _ => century,
        };
        let year = century + u16::from(self.year);
        let last = days(year, self.month);
        let day = if self.day == 0 { last } else { self.day.min(last) };
        FullDate { year, month: self.month, day }
    }
}

/// A production time (8008): a date, an hour, and perhaps minutes and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    pub date: ShortDate,
    pub hour: u8,
    pub minute: Option<u8>,
    pub second: Option<u8>,
}

impl Moment {
    /// `YYMMDDHH`, `YYMMDDHHMM` or `YYMMDDHHMMSS`.
    pub fn new(text: &str) -> Option<Moment> {
        if !matches!(text.len(), 8 | 10 | 12) {
            return None;
        }
        let date = ShortDate::new(text.get(..6)?).filter(|date| date.day != 0)?;
        let of = |place: usize, below: u8| match text.len() > place {
            true => pair(text, place).filter(|value| *value < below).map(Some),
            false => Some(None),
        };
        let hour = pair(text, 6).filter(|hour| *hour < 24)?;
        Some(Moment { date, hour, minute: of(8, 60)?, second: of(10, 60)? })
    }
}

fn pair(text: &str, place: usize) -> Option<u8> {
    let digits = text.get(place..place + 2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn days(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_whole_numbers_of_smaller_units() {
        let decimal = |digits, decimals| Decimal { digits, decimals };
        assert_eq!(decimal(1250, 3).scaled(3), Some(1250));
        assert_eq!(decimal(125, 2).scaled(3), Some(1250));
        assert_eq!(decimal(12500, 4).scaled(3), Some(1250));
        assert_eq!(decimal(12505, 4).scaled(3), None);
        assert_eq!(decimal(12505, 4).scaled_half_up(3), Some(1251));
        assert_eq!(decimal(12504, 4).scaled_half_up(3), Some(1250));
        assert_eq!(decimal(u64::MAX, 0).scaled(2), None);
        assert_eq!(decimal(5, 3).to_string(), "0.005");
        assert_eq!(decimal(1250, 0).to_string(), "1250");
    }

    #[test]
    fn day_zero_is_the_end_of_the_month() {
        for (text, date) in [
            ("260200", "2026-02-28"),
            ("280200", "2028-02-29"),
            ("280229", "2028-02-29"),
            ("261130", "2026-11-30"),
            ("990131", "1999-01-31"),
            ("760101", "2076-01-01"),
            ("770101", "1977-01-01"),
        ] {
            assert_eq!(ShortDate::new(text).unwrap().in_year(2026).to_string(), date, "{text}");
        }
        // From late in a century the next one is near.
        assert_eq!(ShortDate::new("010101").unwrap().in_year(2099).to_string(), "2101-01-01");
        for none in ["260229", "261301", "260001", "260132", "26011", "2601011", "26é01"] {
            assert_eq!(ShortDate::new(none), None, "{none}");
        }
    }

    #[test]
    fn a_moment_may_leave_out_what_is_small() {
        let moment = Moment::new("26112810").unwrap();
        assert_eq!((moment.hour, moment.minute, moment.second), (10, None, None));
        let moment = Moment::new("261128104259").unwrap();
        assert_eq!((moment.hour, moment.minute, moment.second), (10, Some(42), Some(59)));
        for none in ["26112824", "2611281060", "261128105960", "261128105", "26110010"] {
            assert_eq!(Moment::new(none), None, "{none}");
        }
    }
}
