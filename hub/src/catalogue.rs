//! Fitting an item to the shop, wherever it comes from: a request, a file.
//!
//! Pure; the rules of an item by itself are the domain's.

use oneshelf_domain::Refusal;
use oneshelf_domain::item::ItemDetails;
use oneshelf_domain::record::Records;

/// Details with the shop's currency, one of its tax classes (its default when none is named),
/// and texts made harmless.
///
/// # Errors
/// Names the field that does not fit.
pub fn fit(mut details: ItemDetails, records: &Records) -> Result<ItemDetails, Refusal> {
    if let Some(shop) = records.shop() {
        if details.tax.is_empty() {
            details.tax = shop.taxes.first().map(|t| t.class.clone()).unwrap_or_default();
        }
        if !shop.taxes.iter().any(|t| t.class == details.tax) {
            return Err(Refusal::invalid("/tax", "one of the shop's tax classes"));
        }
        if details.price.is_some_and(|p| p.currency != shop.currency) {
            return Err(Refusal::invalid("/price/currency", "the shop's currency"));
        }
    }
    details.checked()
}
