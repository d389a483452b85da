//! The catalogue: items, versions that the caller has read, search, pages.

use serde_json::json;

use crate::support::Hub;

#[tokio::test]
async fn an_item_reads_back_as_it_was_put() {
    let hub = Hub::open().await;
    let body = json!({"name": "Tea  caddy", "barcodes": ["2", "1", "2"], "unit": "gram",
        "price": {"minor": 5, "currency": "EUR"}, "category": "Kitchen/Tea", "options": "Moss"});
    let put = hub.put("/v1/items/TEA%2F1", body).await.ok(200);
    assert_eq!((put["sku"].as_str(), put["name"].as_str()), (Some("TEA/1"), Some("Tea caddy")));
    assert_eq!(put["barcodes"], json!(["1", "2"]));
    assert_eq!((put["tax"].as_str(), put["brand"].is_null()), (Some("standard"), true));
    let got = hub.get("/v1/items/TEA%2F1").await;
    assert_eq!(got.headers["etag"].to_str().unwrap(), format!("\"{}\"", put["version"]));
    assert_eq!(got.ok(200), put);
    // What was read may be sent back as it is.
    assert_eq!(hub.put("/v1/items/TEA%2F1", put.clone()).await.ok(200), put);
    let retired = hub.post("/v1/items/TEA%2F1/retire", json!({})).await.ok(200);
    assert_eq!(retired["state"], "retired");
    hub.close().await;
}

#[tokio::test]
async fn of_writes_on_one_version_one_wins_and_may_ask_again() {
    let hub = Hub::open().await;
    let first = hub.get("/v1/items/FLASK").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let write = |n: usize| {
        let ask = hub.ask("PUT", "/v1/items/FLASK").admin().header("if-match", &tag);
        ask.key(&format!("write-{n}")).json(&json!({"name": format!("Flask {n}")})).send()
    };
    let all = futures_util::future::join_all((0..30).map(write)).await;
    let won: Vec<usize> = (0..30).filter(|n| all[*n].status == 200).collect();
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(all.iter().filter(|said| said.status == 412).count(), 29);
    // Its answer was lost.
    assert_eq!(write(won[0]).await.ok(200)["name"], format!("Flask {}", won[0]));
    hub.close().await;
}

#[tokio::test]
async fn a_write_on_an_old_version_is_refused() {
    let hub = Hub::open().await;
    let first = hub.get("/v1/items/FLASK").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let unchanged = hub.ask("GET", "/v1/items/FLASK").admin().header("if-none-match", &tag);
    assert_eq!(unchanged.send().await.status, 304);
    let body = json!({"name": "Flask 2"});
    let ask =
        |tag: &str| hub.ask("PUT", "/v1/items/FLASK").admin().header("if-match", tag).json(&body);
    ask(&tag).send().await.ok(200);
    ask(&tag).send().await.refused(412, "precondition_failed");
    let only_new = hub.ask("PUT", "/v1/items/FLASK").admin().header("if-none-match", "*");
    only_new.json(&body).send().await.refused(412, "precondition_failed");
    let retire = hub.ask("POST", "/v1/items/FLASK/retire").admin().header("if-match", &tag);
    retire.send().await.refused(412, "precondition_failed");
    ask("\u{e4}").send().await.refused(412, "precondition_failed");
    hub.close().await;
}

#[tokio::test]
async fn of_two_who_read_the_same_version_one_wins() {
    let hub = Hub::open().await;
    let first = hub.get("/v1/items/FLASK").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let put = |name: &'static str| {
        let ask = hub.ask("PUT", "/v1/items/FLASK").admin().header("if-match", &tag);
        ask.json(&json!({"name": name})).send()
    };
    let (a, b) = tokio::join!(put("A"), put("B"));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    hub.close().await;
}

#[tokio::test]
async fn a_barcode_belongs_to_one_item() {
    let hub = Hub::open().await;
    let body = json!({"name": "Other", "barcodes": ["5391520940118"]});
    let problem = hub.put("/v1/items/OTHER", body).await.refused(409, "barcode_in_use");
    assert_eq!(problem["barcode"], "5391520940118");
    let found = hub.get("/v1/items?barcode=5391520940118").await.ok(200);
    assert_eq!(found["items"][0]["sku"], "FLASK");
    hub.close().await;
}

#[tokio::test]
async fn an_item_fits_the_shop() {
    let hub = Hub::open().await;
    let field = async |body| {
        let problem = hub.put("/v1/items/X", body).await.refused(422, "invalid");
        problem["field"].as_str().unwrap().to_owned()
    };
    let dollars = json!({"name": "X", "price": {"minor": 1, "currency": "USD"}});
    assert_eq!(field(dollars).await, "/price/currency");
    assert_eq!(field(json!({"name": "X", "tax": "none"})).await, "/tax");
    assert_eq!(field(json!({"name": " \u{0} "})).await, "/name");
    assert_eq!(field(json!({"name": "X", "image": "javascript:1"})).await, "/image");
    let below = json!({"name": "X", "price": {"minor": -1, "currency": "EUR"}});
    assert_eq!(field(below).await, "/price");
    assert_eq!(field(json!({"name": "X", "sku": "Y"})).await, "/sku");
    hub.close().await;
}

#[tokio::test]
async fn the_catalogue_is_searched_and_paged() {
    let hub = Hub::open().await;
    for n in 0..7 {
        let body = json!({"name": format!("Käse-Brett {n}"), "brand": "Birke"});
        hub.put(&format!("/v1/items/B{n}"), body).await.ok(200);
    }
    let found = hub.get("/v1/items?search=kase%20BIRKE%203").await.ok(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(hub.get("/v1/items?search=%25").await.ok(200)["items"].as_array().unwrap().len(), 9);
    let mut skus = vec![];
    let mut path = "/v1/items?limit=4".to_owned();
    loop {
        let page = hub.get(&path).await.ok(200);
        let rows = page["items"].as_array().unwrap();
        skus.extend(rows.iter().map(|i| i["sku"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/items?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(skus, ["B0", "B1", "B2", "B3", "B4", "B5", "B6", "FLASK", "LAMP"]);
    hub.get("/v1/items?cursor=nope").await.refused(400, "malformed");
    hub.get("/v1/items?limit=").await.refused(400, "malformed");
    hub.get("/v1/items?limit=501").await.refused(422, "invalid");
    hub.get("/v1/items?serach=x").await.refused(400, "malformed");
    hub.get("/v1/items/NOPE").await.refused(404, "item_unknown");
    hub.close().await;
}
