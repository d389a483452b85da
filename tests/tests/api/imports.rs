//! Files: items, prices and opening stock, mappings, rows that are left out, cells that want to be
//! code, restarts.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Hub, Said};

pub(crate) async fn send(hub: &Hub, kind: &str, file: &str) -> Said {
    let ask = hub.ask("POST", &format!("/v1/imports?kind={kind}")).admin();
    ask.bytes("text/csv", file).send().await
}

/// Waits for an import's end.
pub(crate) async fn end(hub: &Hub, id: &Value) -> Value {
    let path = format!("/v1/imports/{}", id.as_str().unwrap());
    loop {
        let now = hub.get(&path).await.ok(200);
        if now["state"] != "running" {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn errors(hub: &Hub, id: &Value) -> Vec<(i64, String)> {
    let path = format!("/v1/imports/{}/errors", id.as_str().unwrap());
    let page = hub.get(&path).await.ok(200);
    let rows = page["errors"].as_array().unwrap().iter();
    rows.map(|e| (e["row"].as_i64().unwrap(), e["code"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_file_fills_the_catalogue_and_says_what_it_left_out() {
    let hub = Hub::open().await;
    let file = "sku,name,barcode,price,tax,category,options,image\n\
        A1,Camp kettle,111|222,12.50,,Camp/Kitchen,,\n\
        A2,=1+1,,3,,,,\n\
        A3,\"<b>Tea\u{1b}p\u{202e}\",,,,,,\n\
        ,No SKU,,1,,,,\n\
        A4,Wrong price,,\"12,5 0\",,,,\n\
        A5,Same barcode,111,1,,,,\n\
        A6,No such tax,,1,luxury,,,\n\
        A7,short\n\
        A1,Camp kettle 2,111,13,,,,\n";
    let made = send(&hub, "items", file).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    let rows = |name: &str| done[name].as_i64();
    assert_eq!(
        (&done["id"], &done["kind"], &done["state"], &done["detail"]),
        (&made["id"], &json!("items"), &json!("done"), &Value::Null)
    );
    assert_eq!(
        (rows("rows_total"), rows("rows_done"), rows("rows_failed")),
        (Some(9), Some(9), Some(5))
    );
    assert!(done["rows_per_second"].is_i64() && done["ended_at"].is_string(), "{done}");
    let left: Vec<(i64, String)> = [
        (5, "sku_malformed"),
        (6, "price_malformed"),
        (7, "barcode_in_use"),
        (8, "invalid"),
        (9, "columns"),
    ]
    .map(|(row, code)| (row, code.to_owned()))
    .into();
    assert_eq!(errors(&hub, &made["id"]).await, left);
    let kettle = hub.get("/v1/items/A1").await.ok(200);
    assert_eq!(
        (kettle["name"].as_str(), kettle["price"]["minor"].as_i64(), &kettle["barcodes"]),
        (Some("Camp kettle 2"), Some(1300), &json!(["111"]))
    );
    assert_eq!(kettle["category"], Value::Null, "an empty cell empties");
    assert_eq!(hub.get("/v1/items/A2").await.ok(200)["name"], "=1+1");
    assert_eq!(hub.get("/v1/items/A3").await.ok(200)["name"], "<b>Tea p");
    let csv = hub.get(&format!("/v1/imports/{}/errors.csv", made["id"].as_str().unwrap())).await;
    assert!(csv.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(csv.text.lines().count(), 6, "{}", csv.text);
    hub.close().await;
}

#[tokio::test]
async fn opening_stock_comes_in_once() {
    let hub = Hub::open().await;
    let file = "location;sku;quantity\r\nS07;FLASK;5\r\nW01;FLASK;0\r\nS02;NOPE;1\r\nXX;LAMP;1\r\n\
        S07;LAMP;1.5\r\nS07;LAMP;-1\r\nS07;LAMP;99999999999\r\n";
    let ask = || {
        let ask = hub.ask("POST", "/v1/imports?kind=stock").admin().key("opening");
        ask.bytes("text/csv; charset=utf-8", file).send()
    };
    let made = ask().await.ok(202);
    assert_eq!(ask().await.ok(202), made);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((done["rows_done"].as_i64(), done["rows_failed"].as_i64()), (Some(7), Some(5)));
    let codes: Vec<String> = errors(&hub, &made["id"]).await.into_iter().map(|e| e.1).collect();
    assert_eq!(
        codes,
        [
            "item_unknown",
            "location_unknown",
            "quantity_malformed",
            "quantity_malformed",
            "quantity_malformed"
        ]
    );
    assert_eq!(hub.flask_at("S07").await["available"], 5);
    let movement = hub.get("/v1/movements?sku=FLASK").await.ok(200)["movements"][0].clone();
    assert_eq!(
        (movement["reference"].clone(), movement["actor"].as_str().unwrap()),
        (made["id"].clone(), &*format!("import:{}", made["id"].as_str().unwrap()))
    );
    hub.close().await;
}

#[tokio::test]
async fn an_import_goes_on_after_a_restart_and_doubles_nothing() {
    let mut hub = Hub::open().await;
    let mut file = "sku,location,quantity\n".to_owned();
    for _ in 0..3_000 {
        file.push_str("FLASK,W01,1\n");
    }
    let made = send(&hub, "stock", &file).await.ok(202);
    hub.restart().await;
    let done = end(&hub, &made["id"]).await;
    assert_eq!(
        (done["state"].as_str(), done["rows_done"].as_i64(), done["rows_failed"].as_i64()),
        (Some("done"), Some(3_000), Some(0))
    );
    assert_eq!(hub.flask_at("W01").await["available"], 3_000);
    hub.close().await;
}

/// Sends the beginning of a file and hangs up.
async fn cut_off(hub: &Hub, kind: &str, key: &str, beginning: &str) {
    let host = hub.base.strip_prefix("http://").unwrap();
    let mut line = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /v1/imports?kind={kind} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: {key}\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n",
        hub.admin
    );
    line.write_all(format!("{head}{beginning}").as_bytes()).await.unwrap();
    line.shutdown().await.unwrap();
    // Until the hub has hung up too.
    let _ = line.read_to_end(&mut vec![]).await;
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_sent_again_and_comes_in_once() {
    let hub = Hub::open().await;
    let file = "sku,location,quantity\nFLASK,S07,5\nFLASK,S07\nFLASK,W01,7\n";
    cut_off(&hub, "stock", "opening", &file[..50]).await;
    let ask = || {
        let ask = hub.ask("POST", "/v1/imports?kind=stock").admin().key("opening");
        ask.bytes("text/csv", file).send()
    };
    // The hub may still be about to note that the first one ended.
    let mut done = Value::Null;
    for _ in 0..200 {
        let made = ask().await.ok(202);
        done = end(&hub, &made["id"]).await;
        if done["state"] == "done" {
            break;
        }
    }
    let rows = |name: &str| done[name].as_i64();
    assert_eq!(
        (done["state"].as_str(), rows("rows_total"), rows("rows_done"), rows("rows_failed")),
        (Some("done"), Some(3), Some(3), Some(1))
    );
    // A third one finds it done.
    assert_eq!(ask().await.ok(202)["id"], done["id"]);
    assert_eq!(end(&hub, &done["id"]).await, done);
    let at = async |code: &str| hub.flask_at(code).await["available"].clone();
    assert_eq!((at("S07").await, at("W01").await), (json!(5), json!(7)));
    hub.close().await;
}

#[tokio::test]
async fn a_file_whose_end_could_not_be_noted_is_given_up() {
    let hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await; // Another hub of the same database may receive it.
    }
    let made = send(&hub, "items", "sku,name\nA1,Mug\n").await.ok(202);
    assert_eq!(end(&hub, &made["id"]).await["state"], "done");
    let id = made["id"].as_str().unwrap();
    let lost = format!("update import set state = 'receiving' where id = '{id}' returning id");
    assert_eq!(hub.texts(&lost).await.len(), 1);
    // Something to do wakes the worker.
    send(&hub, "items", "sku,name\nA2,Jug\n").await.ok(202);
    assert_eq!(end(&hub, &made["id"]).await["state"], "failed");
    hub.close().await;
}

#[tokio::test]
async fn a_quote_that_is_open_costs_its_own_row() {
    let hub = Hub::open().await;
    let file = "sku,name\nA1,\"Mug\nA2,Jug\nA3,\"Tea, black\"\n";
    let made = send(&hub, "items", file).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((done["rows_total"].as_i64(), done["rows_failed"].as_i64()), (Some(3), Some(1)));
    assert_eq!(errors(&hub, &made["id"]).await, [(2, "quote_open".to_owned())]);
    assert_eq!(hub.get("/v1/items/A2").await.ok(200)["name"], "Jug");
    assert_eq!(hub.get("/v1/items/A3").await.ok(200)["name"], "Tea, black");
    hub.get("/v1/items/A1").await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_whole() {
    let hub = Hub::open().await;
    send(&hub, "items", "name,price\nA,1\n").await.refused(422, "invalid");
    send(&hub, "items", "sku,name,colour\nA,B,red\n").await.refused(422, "invalid");
    send(&hub, "stock", "").await.refused(422, "invalid");
    send(&hub, "people", "sku\n").await.refused(400, "malformed");
    let json = hub.ask("POST", "/v1/imports?kind=items").admin().json(&json!([]));
    json.send().await.refused(415, "unsupported_media_type");
    hub.get("/v1/imports/imp_00000000000000000000000000000007").await.refused(404, "not_found");
    hub.get("/v1/imports/nope/errors").await.refused(404, "not_found");
    hub.close().await;
}

#[tokio::test]
async fn an_import_is_there_for_whoever_sent_it() {
    let hub = Hub::open().await;
    let (mine, other) =
        (hub.secret_key(&["catalogue"]).await, hub.secret_key(&["catalogue"]).await);
    let ask = hub.ask("POST", "/v1/imports?kind=items").bearer(&mine);
    let made = ask.bytes("text/csv", "sku,name\nA,B\n").send().await.ok(202);
    let path = format!("/v1/imports/{}", made["id"].as_str().unwrap());
    hub.ask("GET", &path).bearer(&mine).send().await.ok(200);
    hub.ask("GET", &path).bearer(&other).send().await.refused(404, "not_found");
    let stock = hub.ask("POST", "/v1/imports?kind=stock").bearer(&mine);
    stock.bytes("text/csv", "sku,location,quantity\n").send().await.refused(403, "not_allowed");
    hub.close().await;
}

#[tokio::test]
async fn prices_come_in_with_their_dates_and_a_comma_when_the_rows_have_one() {
    let hub = Hub::open().await;
    let file = "\u{feff}sku;price;currency;from\r\nFLASK;12,50;EUR;\r\nFLASK;9,9;;01.12.2999\r\n\
        LAMP;70;;2999-12-24T18:00:00+01:00\r\nFLASK;1,00;USD;\r\nFLASK;1.00;;\r\nNOPE;1;;\r\n\
        LAMP;1;;12/24/2026\r\n";
    let made = send(&hub, "prices", file).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((&done["decimal"], &done["rows_failed"]), (&json!("comma"), &json!(4)));
    let left = errors(&hub, &made["id"]).await;
    let codes: Vec<&str> = left.iter().map(|e| e.1.as_str()).collect();
    assert_eq!(codes, ["currency_other", "price_malformed", "item_unknown", "from_malformed"]);
    let flask = hub.get("/v1/items/FLASK/prices").await.ok(200);
    let eur = |minor: i64| json!({"minor": minor, "currency": "EUR"});
    assert_eq!(flask["price"], eur(1_250));
    assert_eq!(flask["prices"], json!([{"from": "2999-12-01", "price": eur(990)}]));
    let lamp = hub.get("/v1/items/LAMP/prices").await.ok(200);
    assert_eq!(lamp["prices"][0]["from"], "2999-12-24T17:00:00.000000Z");
    // The same again changes nothing; an empty price takes one that is to come away.
    let version = async || hub.get("/v1/items/FLASK").await.ok(200)["version"].clone();
    let before = version().await;
    let made = send(&hub, "prices", "sku,price,from\nFLASK,12.50,\nFLASK,9.90,2999-12-01\n").await;
    assert_eq!(end(&hub, &made.ok(202)["id"]).await["decimal"], "point");
    assert_eq!(version().await, before);
    let made = send(&hub, "prices", "sku,price,from\nFLASK,,2999-12-01\n").await.ok(202);
    end(&hub, &made["id"]).await;
    assert_eq!(hub.get("/v1/items/FLASK/prices").await.ok(200)["prices"], json!([]));
    hub.close().await;
}

#[tokio::test]
async fn a_mapping_is_kept_and_offered_again() {
    let hub = Hub::open().await;
    let file = "Artikelnr;Bezeichnung;Farbe;VK\nT1;Tee;rot;12,50\nT2;;blau;1\nFLASK;Flasche;;\n";
    let look = async |asked: &str, file: &str| {
        let path = format!("/v1/imports/preview?kind=items{asked}");
        hub.ask("POST", &path).admin().bytes("text/csv", file).send().await.ok(200)
    };
    let seen = look("", file).await;
    let columns = json!({"sku": "Artikelnr", "name": "Bezeichnung", "price": "VK"});
    assert_eq!((&seen["source"], &seen["mapping"]), (&json!("names"), &columns));
    assert_eq!((&seen["decimal"], &seen["delimiter"]), (&json!("comma"), &json!(";")));
    let effects: Vec<&Value> =
        seen["rows"].as_array().unwrap().iter().map(|row| &row["effect"]).collect();
    assert_eq!(effects, ["new", "left_out", "change"]);
    assert_eq!(seen["rows"][1]["error"]["code"], "invalid");
    let flask = hub.get("/v1/items/FLASK").await.ok(200);
    let change = &seen["rows"][2]["changes"][0];
    let expected = json!({"column": "name", "before": flask["name"], "after": "Flasche"});
    assert_eq!(*change, expected);
    assert_eq!(hub.get("/v1/items/FLASK").await.ok(200), flask, "a look changes nothing");

    // Without a mapping the names are not ours.
    send(&hub, "items", file).await.refused(422, "invalid");
    let body = json!({"headers": ["Artikelnr", "Bezeichnung", "Farbe", "VK"], "columns": columns,
        "decimal": "comma"});
    let put = hub.put("/v1/import-mappings/items/ERP", body.clone()).await.ok(200);
    assert_eq!((&put["columns"], &put["decimal"]), (&columns, &json!("comma")));
    let ask = |name: &str| {
        let ask = hub.ask("POST", &format!("/v1/imports?kind=items&mapping={name}")).admin();
        ask.bytes("text/csv", file).send()
    };
    ask("other").await.refused(404, "record_unknown");
    let made = ask("ERP").await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((&done["rows_total"], &done["rows_failed"]), (&json!(3), &json!(1)));
    let tea = hub.get("/v1/items/T1").await.ok(200);
    assert_eq!((&tea["name"], &tea["price"]["minor"]), (&json!("Tee"), &json!(1_250)));

    // The same columns in another order are known again; another set is not.
    let seen = look("", "VK;Farbe;Bezeichnung;artikelnr\n").await;
    assert_eq!((&seen["source"], &seen["name"]), (&json!("remembered"), &json!("ERP")));
    let other = look("", "Artikelnr;VK\n").await;
    assert_eq!((&other["source"], &other["plain"]), (&json!("names"), &json!(false)));
    assert_eq!(look("", "name,sku,version\n").await["plain"], true);
    let seen = look("&columns=%7B%22sku%22:%22VK%22%7D", file).await;
    assert_eq!((&seen["source"], &seen["rows"]), (&json!("asked"), &json!([])));
    assert!(seen["missing"].as_str().unwrap().contains("name"));

    let all = hub.get("/v1/import-mappings").await.ok(200);
    assert_eq!(all["mappings"], json!([put]));
    let mut wrong = body.clone();
    wrong["columns"] = json!({"sku": "Artikelnr"});
    hub.put("/v1/import-mappings/items/ERP", wrong).await.refused(422, "invalid");
    let gone = hub.delete("/v1/import-mappings/items/ERP").await;
    assert_eq!(gone.status, 204);
    hub.delete("/v1/import-mappings/items/ERP").await.refused(404, "record_unknown");
    hub.close().await;
}

#[tokio::test]
async fn a_report_is_put_right_and_taken_in_again_and_touches_these_rows_alone() {
    let hub = Hub::open().await;
    let file = "sku;name;price\nA1;Mug;1,50\nA2;=Jug;dear\nA3;\"Tea; black\"\nA4;Pot;2,5;blue\n\
        A5;\"open;1\nA6;-Cup;3\n";
    let made = send(&hub, "items", file).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((&done["rows_done"], &done["rows_failed"]), (&json!(6), &json!(4)));
    let path = format!("/v1/imports/{}/errors.csv", made["id"].as_str().unwrap());
    let report = hub.get(&path).await.text;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "sku;name;price;import_row;import_code;import_message");
    assert!(lines[1].starts_with("A2;\"'=Jug\";dear;3;price_malformed;"), "{report}");
    assert!(lines[2].starts_with("A3;\"Tea; black\";;4;columns;"), "{report}");
    assert!(lines[3].starts_with("A4;Pot;\"2,5;blue\";5;columns;"), "{report}");
    assert!(lines[4].starts_with("\"A5;\"\"open;1\";;;6;quote_open;"), "{report}");

    // Somebody changed a row that was taken in; the corrected report leaves it alone.
    hub.put("/v1/items/A1", json!({"name": "Mug, red"})).await.ok(200);
    let fixed = report.replace("dear", "4,00").replace("\"2,5;blue\"", "\"2,50\"");
    let made = send(&hub, "items", &fixed).await.ok(202);
    let done = end(&hub, &made["id"]).await;
    assert_eq!((&done["rows_done"], &done["rows_failed"]), (&json!(4), &json!(1)), "{fixed}");
    let name = async |sku: &str| hub.get(&format!("/v1/items/{sku}")).await.ok(200)["name"].clone();
    assert_eq!(name("A1").await, "Mug, red");
    assert_eq!(name("A2").await, "=Jug", "the apostrophe is no part of the name");
    assert_eq!(name("A3").await, "Tea; black");
    assert_eq!(hub.get("/v1/items/A4").await.ok(200)["price"]["minor"], 250);
    hub.get("/v1/items/A5").await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn an_import_is_cancelled_and_what_was_taken_in_stays() {
    let hub = Hub::open().await;
    let mut file = "sku,location,quantity\n".to_owned();
    file.extend((0..20_000).map(|_| "FLASK,W01,1\n"));
    let made = send(&hub, "stock", &file).await.ok(202);
    let path = format!("/v1/imports/{}", made["id"].as_str().unwrap());
    let stopped = hub.post(&format!("{path}/cancel"), json!({})).await.ok(200);
    assert_eq!(stopped["state"], "cancelled");
    // Rows on their way come to their end; nothing is left, and none comes later.
    let id = made["id"].as_str().unwrap();
    let left = format!("select cast(count(*) as text) from import_row where import = '{id}'");
    while hub.texts(&left).await != ["0"] {
        tokio::task::yield_now().await;
    }
    let now = hub.get(&path).await.ok(200);
    let done = now["rows_done"].as_i64().unwrap();
    assert!(done < 20_000, "{now}");
    assert_eq!(hub.flask_at("W01").await["available"].as_i64().unwrap_or(0), done);
    // A second word changes nothing, and the next import goes on.
    assert_eq!(hub.post(&format!("{path}/cancel"), json!({})).await.ok(200)["state"], "cancelled");
    let next = send(&hub, "items", "sku,name\nA1,Mug\n").await.ok(202);
    assert_eq!(end(&hub, &next["id"]).await["state"], "done");
    hub.close().await;
}
