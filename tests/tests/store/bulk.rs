//! Rows of one statement arrive as they were given, whatever is in them.

use crate::shop::fresh;

#[tokio::test]
async fn every_text_and_number_arrives_as_it_was_given() {
    let (_database, hub) = fresh().await;
    let mut texts: Vec<Option<String>> =
        ["", "~", "null", "12", "\"quoted\"", "\\ \u{1b}\n\t", "né \u{1f375}"]
            .into_iter()
            .map(|t| Some(t.to_owned()))
            .collect();
    // Around the lengths where SQLite's form of a value changes.
    texts.extend([11, 12, 255, 256, 65_535, 65_536].map(|n| Some("x".repeat(n))));
    texts.push(None);
    let numbers = [0, -1, 7, i64::MAX, i64::MIN, 1 << 40];
    let mut tx = hub.store.read().await.unwrap();
    let mut rows = tx.rows("tbb");
    let mut given = vec![];
    for (at, text) in texts.into_iter().enumerate() {
        let number = (at % 5 != 4).then(|| numbers[at % numbers.len()]);
        rows.row(|r| {
            r.opt_text(text.as_deref()).opt_int(number).int(at as i64);
        });
        given.push((text, number, at as i64));
    }
    let sql = "select c0, c1, c2 from {rows} order by c2";
    let found: Vec<(Option<String>, Option<i64>, i64)> = tx.fetch(sql, rows).await.unwrap();
    assert_eq!(found, given);
    tx.rollback().await.unwrap();
    hub.stop().await;
}
