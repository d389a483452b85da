//! Finding items by words: what is indexed of an item, and how a query is spelled.

use oneshelf_domain::item::{Item, ItemState};

use super::text::from_json;
use super::{Fault, Reads};

/// Words of one query that are looked at.
const WORDS_MAX: usize = 8;

/// What is searched of an item.
pub(super) fn words_of(item: &Item) -> String {
    let d = &item.details;
    let mut words = vec![d.name.as_str(), item.sku.as_str()];
    words.extend(d.options.as_deref());
    words.extend(d.brand.as_deref());
    words.extend(d.category.as_deref());
    words.extend(d.barcodes.iter().map(|b| b.as_str()));
    words.join(" ")
}

/// An FTS5 query: every word must be the beginning of a word of the item. None: nothing to look
/// for.
fn spelled(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

impl Reads {
    /// Items that are sold and have these words, in the order of their numbers.
    pub(crate) async fn search(&self, text: &str, limit: usize) -> Result<Vec<Item>, Fault> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<String> = match spelled(text) {
            // Retired ones are left out below; there are few.
            Some(query) => {
                sqlx::query_scalar(
                    "select item.item from item_words join item on item.no = item_words.rowid
                     where item_words match ? order by item_words.rowid limit ?",
                )
                .bind(query)
                .bind(limit.saturating_mul(2))
                .fetch_all(&self.pool)
                .await?
            }
            None => {
                sqlx::query_scalar("select item from item order by no limit ?")
                    .bind(limit.saturating_mul(2))
                    .fetch_all(&self.pool)
                    .await?
            }
        };
        let mut found = vec![];
        for row in rows {
            let item: Item = from_json(&row)?;
            if item.details.state == ItemState::Active {
                found.push(item);
            }
        }
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_cannot_speak_the_language_of_the_index() {
        assert_eq!(spelled("camp lan").unwrap(), "\"camp\"* \"lan\"*");
        assert_eq!(spelled("a\" OR \"b* NEAR(").unwrap(), "\"a\"* \"OR\"* \"b\"* \"NEAR\"*");
        assert_eq!(spelled(" -*\" "), None);
    }
}
