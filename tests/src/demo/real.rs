//! The catalogue of real products and orders, where the folder of shared data is there.
//!
//! Two files: orders of a gift shop (UCI "Online Retail", which has no barcodes: the stock code
//! becomes an internal one) and grocery products with real barcodes (Open Food Facts, which has no
//! prices: made up, and marked so).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::catalogue::{Catalogue, Order, Product};
use super::{mixed, number_of};

/// Grocery products that the demo takes; the file has 10,000.
const GROCERIES: usize = 1_500;

/// Reads both files below a folder.
///
/// # Errors
/// When one cannot be read.
pub fn catalogue(shared: &Path) -> Result<Catalogue> {
    let data = shared.join("data");
    let (mut products, orders) = gifts(&data.join("online_retail.csv"))?;
    products.extend(groceries(&data.join("off_products.csv"))?);
    let source = "real products and orders (UCI Online Retail; Open Food Facts)".to_owned();
    Ok(Catalogue { source, products, orders }.tidied())
}

fn reader(path: &Path) -> Result<csv::Reader<std::fs::File>> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))
}

fn text(record: &csv::ByteRecord, at: usize) -> String {
    String::from_utf8_lossy(record.get(at).unwrap_or_default()).trim().to_owned()
}

fn gifts(path: &Path) -> Result<(Vec<Product>, Vec<Order>)> {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    for record in reader(path)?.byte_records() {
        let record = record?;
        let (invoice, code, name) = (text(&record, 0), text(&record, 1), text(&record, 2));
        let units: i64 = text(&record, 3).parse().unwrap_or(0);
        let cents = cents(&text(&record, 5));
        // Postage, fees and gaps are no products.
        let is_product = code.len() >= 5 && code.bytes().take(5).all(|b| b.is_ascii_digit());
        if !is_product || name.is_empty() || cents <= 0 {
            continue;
        }
        products.entry(code.clone()).or_insert_with(|| Product {
            sku: code.clone(),
            name,
            barcode: format!("OS{code}"),
            price_cents: cents,
            options: String::new(),
            category: "Gifts".to_owned(),
        });
        // An invoice that begins with C takes goods back.
        if units > 0 && !invoice.starts_with('C') {
            let order = orders
                .entry(invoice.clone())
                .or_insert_with(|| Order { reference: format!("W-{invoice}"), lines: vec![] });
            // Wholesale quantities would empty the demo's shelves at once.
            if order.lines.len() < 5 && !order.lines.iter().any(|(sku, _)| *sku == code) {
                order.lines.push((code, units.min(3)));
            }
        }
    }
    Ok((products.into_values().collect(), orders.into_values().collect()))
}

fn groceries(path: &Path) -> Result<Vec<Product>> {
    let mut products = vec![];
    for record in reader(path)?.byte_records() {
        let record = record?;
        let (barcode, name) = (text(&record, 0), text(&record, 1));
        if text(&record, 2) != "1" || name.is_empty() || barcode.len() < 12 {
            continue;
        }
        products.push(Product {
            price_cents: 79 + i64::try_from(mixed(number_of(&barcode)) % 9).unwrap_or(0) * 50,
            sku: format!("F{barcode}"),
            name,
            barcode,
            options: "made-up price".to_owned(),
            category: "Groceries".to_owned(),
        });
    }
    // Names are in many scripts: take them from the whole file.
    products.sort_by_key(|p| mixed(number_of(&p.barcode)));
    products.truncate(GROCERIES);
    Ok(products)
}

/// Cents of a price such as `4.95` or `8.5`; 0 when it is none.
fn cents(price: &str) -> i64 {
    let (whole, part) = price.split_once('.').unwrap_or((price, "0"));
    let part = format!("{part:0<2}");
    match (whole.parse::<i64>(), part.get(..2).map(str::parse::<i64>)) {
        (Ok(whole), Some(Ok(part))) if whole >= 0 => whole * 100 + part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_without_floats() {
        for (price, wanted) in [("4.95", 495), ("8.5", 850), ("3", 300), ("0.0", 0), ("-1.2", 0)] {
            assert_eq!(cents(price), wanted, "{price}");
        }
    }
}
