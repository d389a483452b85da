//! The text that items are searched by: lower case, without accents, one space between words.
//!
//! Made in Rust, so that both engines find the same. A query goes through [`folded`] too.

use oneshelf_domain::item::Item;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text as it is compared in searches.
pub fn folded(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything that finds an item.
pub(super) fn item_text(item: &Item) -> String {
    let details = &item.details;
    let optional = [&details.options, &details.brand, &details.category];
    let mut all = vec![item.sku.as_str(), details.name.as_str()];
    all.extend(optional.into_iter().flatten().map(String::as_str));
    all.extend(details.barcodes.iter().map(|b| b.as_str()));
    folded(&all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_marks_do_not_matter() {
        assert_eq!(folded("  Käse-Brett,  ÉTÉ\u{202e} 3/4 "), "kase brett ete 3 4");
        assert_eq!(folded("ﬁne"), "fine");
    }
}
