//! The catalogue of a clone without shared data: 300 items and a day of orders from a seed.
//!
//! Invariant: the same seed makes the same catalogue. Barcodes use the prefix that GS1 keeps for
//! use within a company (2, General Specifications section 1.4), so that they are nobody's.

use super::catalogue::{Catalogue, Order, Product};
use super::mixed;

const ITEMS: usize = 300;
const ORDERS: usize = 400;

const KINDS: [(&str, &str, i64); 10] = [
    ("Mug", "Kitchen", 1290),
    ("Tea towel", "Kitchen", 990),
    ("Candle", "Home", 1490),
    ("Notebook", "Paper", 690),
    ("Tote bag", "Bags", 1990),
    ("Wool scarf", "Clothing", 3490),
    ("Rain jacket", "Clothing", 8990),
    ("Enamel jug", "Kitchen", 2490),
    ("Print, framed", "Home", 4500),
    ("Soap bar", "Bath", 590),
];
const PLACES: [&str; 6] = ["Harbour", "Claddagh", "Burren", "Kinvara", "Atlantic", "Lough"];
const COLOURS: [&str; 5] = ["Moss", "Slate", "Heather", "Sand", "Indigo"];

/// Makes it.
pub fn catalogue(seed: u64) -> Catalogue {
    let products: Vec<Product> = (0..ITEMS).map(product).collect();
    let orders = (0..ORDERS).map(|at| order(seed, at, &products)).collect();
    let source = format!("a generated catalogue of {ITEMS} items (seed {seed})");
    Catalogue { source, products, orders }.tidied()
}

fn product(at: usize) -> Product {
    let (kind, category, cents) = KINDS[at % KINDS.len()];
    let place = PLACES[at / KINDS.len() % PLACES.len()];
    let colour = COLOURS[at / KINDS.len() / PLACES.len() % COLOURS.len()];
    Product {
        sku: format!("HG-{:04}", at + 1),
        name: format!("{place} {}", kind.to_lowercase()),
        barcode: ean13(200_000_000_000 + at as u64 + 1),
        price_cents: cents,
        options: colour.to_owned(),
        category: category.to_owned(),
    }
}

fn order(seed: u64, at: usize, products: &[Product]) -> Order {
    let mut draw = mixed(seed ^ (at as u64) << 20);
    let mut next = |below: usize| {
        draw = mixed(draw);
        usize::try_from(draw % below as u64).unwrap_or(0)
    };
    let mut lines: Vec<(String, i64)> = vec![];
    for _ in 0..=next(3) {
        let sku = &products[next(products.len())].sku;
        if !lines.iter().any(|(known, _)| known == sku) {
            lines.push((sku.clone(), 1 + i64::from(next(4) == 0)));
        }
    }
    Order { reference: format!("W-{:05}", at + 1), lines }
}

/// Twelve digits with their check digit (GS1 General Specifications section 7.9).
pub fn ean13(twelve: u64) -> String {
    let digits = format!("{twelve:012}");
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| u32::from(b - b'0') * if at % 2 == 0 { 3 } else { 1 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_catalogue() {
        let (one, two) = (catalogue(7), catalogue(7));
        assert_eq!((&one.products, &one.orders), (&two.products, &two.orders));
        assert_eq!(one.products.len(), ITEMS);
        assert!(one.orders.len() > 300);
        assert_ne!(one.orders, catalogue(8).orders);
    }

    #[test]
    fn check_digits_are_right() {
        assert_eq!(ean13(400_638_133_393), "4006381333931");
    }
}
