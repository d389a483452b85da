//! Rows of a file beside others who change the same items, and rows of one item in one file.

use futures_util::future::join_all;
use oneshelf_domain::stock::Command;
use oneshelf_domain::{CommandId, Currency, Money, Sku};
use oneshelf_hub::commands::Lane;
use oneshelf_sync::plan::Submission;
use serde_json::json;
use uuid::Uuid;

use crate::imports::{end, errors, send};
use crate::support::Hub;

/// Fewer than a chunk of rows, and than commands that may wait.
const ITEMS: usize = 300;

fn price_of(n: usize, minor: i64) -> Submission {
    let price = Some(Money { minor, currency: Currency::new("EUR").unwrap() });
    let sku = Sku::new(&format!("I{n}")).unwrap();
    Submission {
        id: CommandId(Uuid::new_v4()),
        principal: "staff:ana".into(),
        actor: "staff:ana".into(),
        on_behalf_of: None,
        keyed: false,
        command: Command::SetPrice { sku, from: None, price },
    }
}

#[tokio::test]
async fn what_somebody_changes_while_a_row_is_on_its_way_stays() {
    let hub = Hub::open().await;
    for round in 1..=3 {
        let rows = (0..ITEMS).map(|n| format!("I{n},Name {n} of {round}\n"));
        let file = format!("sku,name\n{}", rows.collect::<String>());
        let made = send(&hub, "items", &file).await.ok(202);
        if round > 1 {
            // They overtake the rows, which were read and wait behind everybody's work.
            let edits = (0..ITEMS).map(|n| price_of(n, round));
            let edits = edits.map(|edit| hub.app().commands.submit(Lane::Interactive, edit));
            for edited in join_all(edits).await {
                edited.unwrap();
            }
        }
        let done = end(&hub, &made["id"]).await;
        assert_eq!((&done["state"], &done["rows_failed"]), (&json!("done"), &json!(0)), "{done}");
        if round > 1 {
            let page = hub.get("/v1/items?limit=500").await.ok(200);
            let items = page["items"].as_array().unwrap().iter();
            let own = items.filter(|item| item["sku"].as_str().unwrap().starts_with('I'));
            let lost: Vec<_> = own
                .filter(|item| {
                    let name = item["name"].as_str().unwrap();
                    !name.ends_with(&format!("of {round}")) || item["price"]["minor"] != round
                })
                .collect();
            assert!(lost.is_empty(), "{} of round {round}, as {}", lost.len(), lost[0]);
        }
    }
    hub.close().await;
}

#[tokio::test]
async fn a_second_row_of_an_item_begins_with_what_the_first_one_left() {
    let hub = Hub::open().await;
    // The first row is refused, so the second one, though the same, is no repetition.
    let file = "sku,name,barcode\nA1,Kettle,5391520940118\nA1,Kettle,5391520940118\n\
        A1,Kettle,1\nA1,Kettle,1\nA2,Pan,\nA1,Kettle 2,\n";
    let made = send(&hub, "items", file).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((&done["rows_done"], &done["rows_failed"]), (&json!(6), &json!(2)), "{done}");
    let refused = |row| (row, "barcode_in_use".to_owned());
    assert_eq!(errors(&hub, &made["id"]).await, [refused(2), refused(3)]);
    let kettle = hub.get("/v1/items/A1").await.ok(200);
    assert_eq!((&kettle["name"], &kettle["barcodes"]), (&json!("Kettle 2"), &json!([])));
    hub.close().await;
}
