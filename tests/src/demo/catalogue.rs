//! What the demo sells, wherever it comes from, as the two CSV files that the hub imports.
//!
//! It knows no source. Invariant: the same catalogue makes the same files.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{mixed, number_of};

/// A thing sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its SKU.
    pub sku: String,
    /// As on the receipt.
    pub name: String,
    /// What scans as it.
    pub barcode: String,
    /// Euro cents, tax included.
    pub price_cents: i64,
    /// Shown under the name.
    pub options: String,
    /// Category path.
    pub category: String,
}

/// A line of an order: SKU and units.
pub type OrderLine = (String, i64);

/// An order of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The channel's number.
    pub reference: String,
    /// What is ordered.
    pub lines: Vec<OrderLine>,
}

/// Products and orders, and where they come from.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// In words, for the terminal.
    pub source: String,
    /// By SKU.
    pub products: Vec<Product>,
    /// In the order of arrival.
    pub orders: Vec<Order>,
}

impl Catalogue {
    /// Drops products whose SKU or barcode is there already, and orders of things not sold.
    pub fn tidied(mut self) -> Self {
        let (mut skus, mut barcodes) = (BTreeSet::new(), BTreeSet::new());
        self.products.retain(|p| {
            let new = !skus.contains(&p.sku) && !barcodes.contains(&p.barcode);
            if new {
                skus.insert(p.sku.clone());
                barcodes.insert(p.barcode.clone());
            }
            new
        });
        for order in &mut self.orders {
            order.lines.retain(|(sku, units)| skus.contains(sku) && *units > 0);
        }
        self.orders.retain(|o| !o.lines.is_empty());
        self
    }

    /// The file of items.
    pub fn items_csv(&self) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        csv.write_record(["sku", "name", "barcode", "price", "tax", "category", "options"])?;
        for p in &self.products {
            let price = format!("{}.{:02}", p.price_cents / 100, p.price_cents % 100);
            csv.write_record([
                &p.sku,
                &p.name,
                &p.barcode,
                &price,
                "standard",
                &p.category,
                &p.options,
            ])?;
        }
        Ok(csv.into_inner()?)
    }

    /// The file of opening stock: much at the warehouse, a few at each store.
    pub fn stock_csv(&self, warehouse: &str, stores: &[String]) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        csv.write_record(["sku", "location", "quantity"])?;
        for p in &self.products {
            let number = number_of(&p.sku);
            csv.write_record([&p.sku, warehouse, &(20 + mixed(number) % 60).to_string()])?;
            for (at, store) in stores.iter().enumerate() {
                let units = mixed(number ^ (at as u64 + 1)) % 12;
                if units > 0 {
                    csv.write_record([&p.sku, store, &units.to_string()])?;
                }
            }
        }
        Ok(csv.into_inner()?)
    }

    /// A few products with short names for the buttons of a store.
    pub fn on_buttons(&self, store: &str) -> Vec<Product> {
        let mut short: Vec<&Product> =
            self.products.iter().filter(|p| p.name.is_ascii() && p.name.len() <= 32).collect();
        short.sort_by_key(|p| mixed(number_of(&p.sku)));
        let skip = usize::from(store.bytes().last().unwrap_or(b'0') % 2) * 4;
        short.into_iter().skip(skip).take(12).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_and_orders_of_nothing_are_dropped() {
        let product = |sku: &str, barcode: &str| Product {
            sku: sku.into(),
            name: "N".into(),
            barcode: barcode.into(),
            price_cents: 105,
            options: String::new(),
            category: String::new(),
        };
        let order = |sku: &str| Order { reference: sku.into(), lines: vec![(sku.into(), 1)] };
        let catalogue = Catalogue {
            source: String::new(),
            products: vec![product("A", "1"), product("A", "2"), product("B", "1")],
            orders: vec![order("A"), order("B")],
        };
        let tidied = catalogue.tidied();
        assert_eq!((tidied.products.len(), tidied.orders.len()), (1, 1));
        let items = String::from_utf8(tidied.items_csv().unwrap()).unwrap();
        assert!(items.ends_with("A,N,1,1.05,standard,,\n"), "{items}");
    }
}
