//! From a sale to its receipt: made once, with the sale, and printed from there ever after.
//!
//! Text is handed on as it is: the printer's layer makes it harmless. Time and language are the
//! store's.

use oneshelf_domain::item::Unit;
use oneshelf_domain::record::Records;
use oneshelf_hardware::printer::{Currency, Receipt, ReceiptLine, TaxLine, Tender, Total};

use super::pay::location_code;
use super::sale::PaidSale;
use crate::language::Language;

/// The receipt of a sale, as shop and store are called now.
pub(super) fn of(
    sale: &PaidSale,
    location: &str,
    records: &Records,
    language: Language,
) -> Receipt {
    let code = location_code(location);
    let place = code.as_ref().and_then(|c| records.location(c));
    let shop = records.shop();
    let header = place.map(|l| l.receipt_header.clone()).filter(|h| !h.is_empty());
    let header = header.unwrap_or_else(|| {
        let mut lines: Vec<String> = shop.iter().map(|s| s.name.clone()).collect();
        lines.extend(place.map(|l| l.name.clone()));
        lines.extend(place.and_then(|l| l.address.clone()));
        lines
    });
    let zone = place.map(|l| l.zone.as_str()).or(shop.map(|s| s.zone.as_str()));
    let decimals = u8::try_from(sale.total.currency.decimals()).unwrap_or(2);
    let mut currency = Currency::new(sale.total.currency.code(), decimals);
    currency.decimal_mark = language.decimal_mark();
    let amount = |minor: i64| currency.amount(minor);
    let lines = sale.lines.iter().map(|l| {
        let each = match l.unit {
            Unit::Each => (l.quantity > 1).then(|| language.each(&amount(l.unit_price.minor))),
            Unit::Gram => Some(format!("{}/kg", amount(l.unit_price.minor))),
            Unit::Millilitre => Some(format!("{}/l", amount(l.unit_price.minor))),
        };
        let detail: Vec<String> = l.options.clone().into_iter().chain(each).collect();
        ReceiptLine {
            quantity: language.measure(l.quantity, l.unit),
            name: l.name.clone(),
            detail: (!detail.is_empty()).then(|| detail.join(", ")),
            total: l.total.minor,
        }
    });
    let lines = lines.collect();
    let taxes = sale.taxes.iter().map(|t| TaxLine {
        name: t.name.clone(),
        net: t.net.minor,
        tax: t.tax.minor,
        gross: t.net.minor + t.tax.minor,
    });
    let tenders = sale
        .tenders
        .iter()
        .map(|t| Tender { name: language.tender(&t.kind).to_owned(), amount: t.given.minor });
    Receipt {
        header,
        cashier: sale.cashier.clone(),
        register: sale.register.to_string(),
        time: local_time(sale, zone.unwrap_or("UTC")),
        lines,
        totals: vec![Total {
            name: language.total().to_owned(),
            amount: sale.total.minor,
            grand: true,
        }],
        taxes: taxes.collect(),
        tenders: tenders.collect(),
        change: Some(sale.change.minor),
        words: language.words(),
        ..Receipt::new(&sale.receipt_number, currency)
    }
}

fn local_time(sale: &PaidSale, zone: &str) -> String {
    let zone: chrono_tz::Tz = zone.parse().unwrap_or(chrono_tz::UTC);
    match sale.paid_at.utc() {
        Some(utc) => utc.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        None => sale.paid_at.to_string(),
    }
}
