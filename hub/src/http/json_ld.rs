//! A product as search engines read it: schema.org's `Product` with an `Offer`, as JSON-LD that
//! may stand in a `script` element of any page.
//!
//! It says no more than the key shows. Invariant: whatever a title says, the text has no character
//! that could end the element or begin another one.

use oneshelf_domain::Money;
use oneshelf_domain::item::{Item, Unit};
use oneshelf_domain::promise::{Level, Shown};
use oneshelf_domain::record::LocationKind;
use serde_json::{Map, Value, json};

use crate::shown::ShownItem;

/// A count of so many is "the last few", as a display in words has it by default.
const FEW: i64 = 3;

/// The text for an item that has a price.
pub(super) fn text(item: &Item, price: Money, shown: &ShownItem) -> String {
    let details = &item.details;
    let mut product = Map::new();
    let mut put = |name: &str, value: Value| product.insert(name.to_owned(), value);
    put("@context", json!("https://schema.org"));
    put("@type", json!("Product"));
    put("sku", json!(item.sku));
    put("name", json!(details.name));
    if let Some(image) = &details.image {
        put("image", json!(image));
    }
    if let Some(category) = &details.category {
        put("category", json!(category));
    }
    if let Some(brand) = &details.brand {
        put("brand", json!({"@type": "Brand", "name": brand}));
    }
    put("offers", offer(price, details.unit, shown));
    harmless(&Value::Object(product).to_string())
}

fn offer(price: Money, unit: Unit, shown: &ShownItem) -> Value {
    let stores = shown.locations.iter().filter(|l| l.kind == LocationKind::Store);
    let stores: Vec<Value> = stores
        .filter(|l| availability(l.shown) != "OutOfStock")
        .map(|l| json!({"@type": "Store", "branchCode": l.location, "name": l.name}))
        .collect();
    let mut offer = json!({
        "@type": "Offer",
        "price": decimal(price),
        "priceCurrency": price.currency.code(),
        "availability": format!("https://schema.org/{}", availability(shown.total)),
    });
    // Of goods that are measured it is the price of a kilogram or a litre (UN/CEFACT codes).
    let measured = match unit {
        Unit::Each => None,
        Unit::Gram => Some("KGM"),
        Unit::Millilitre => Some("LTR"),
    };
    if let Some(code) = measured {
        offer["priceSpecification"] = json!({
            "@type": "UnitPriceSpecification",
            "price": decimal(price),
            "priceCurrency": price.currency.code(),
            "referenceQuantity": {"@type": "QuantitativeValue", "value": 1, "unitCode": code},
        });
    }
    if !stores.is_empty() {
        offer["availableAtOrFrom"] = Value::Array(stores);
    }
    offer
}

fn availability(shown: Shown) -> &'static str {
    match shown {
        Shown::Exact { count: ..=0, more: false }
        | Shown::Level { level: Level::Out }
        | Shown::YesNo { available: false } => "OutOfStock",
        Shown::Exact { count: ..=FEW, more: false } | Shown::Level { level: Level::Low } => {
            "LimitedAvailability"
        }
        _ => "InStock",
    }
}

/// As schema.org wants it: a point, no currency, no thousands.
fn decimal(price: Money) -> String {
    let places = usize::try_from(price.currency.decimals()).unwrap_or(2);
    let digits = format!("{:0width$}", price.minor, width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// In JSON these stand in texts alone, where they may be written as their numbers.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Currency;

    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, Currency::new(currency).unwrap()).unwrap()
    }

    #[test]
    fn prices_have_the_places_of_their_currency() {
        assert_eq!(decimal(money(3490, "EUR")), "34.90");
        assert_eq!(decimal(money(5, "EUR")), "0.05");
        assert_eq!(decimal(money(1200, "JPY")), "1200");
    }

    #[test]
    fn words_are_those_of_schema_org() {
        let exact = |count, more| availability(Shown::Exact { count, more });
        assert_eq!([exact(0, false), exact(3, false)], ["OutOfStock", "LimitedAvailability"]);
        assert_eq!([exact(4, false), exact(2, true)], ["InStock", "InStock"]);
        assert_eq!(availability(Shown::YesNo { available: true }), "InStock");
        assert_eq!(availability(Shown::Level { level: Level::Low }), "LimitedAvailability");
    }

    #[test]
    fn no_text_ends_the_element_that_it_stands_in() {
        let hostile = "</script><script>alert(1)</script><!-- & \u{2028}\u{2029} \"\\";
        let text = harmless(&json!({ "name": hostile }).to_string());
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], hostile);
    }
}
