//! Shop, locations, registers, staff, policies.

use argon2::PasswordVerifier;
use serde_json::{Value, json};

use crate::support::Hub;

#[tokio::test]
async fn the_shop_reads_back_and_keeps_its_currency() {
    let hub = Hub::open().await;
    let mut shop = hub.get("/v1/shop").await.ok(200);
    assert_eq!(
        shop["taxes"][0],
        json!({"class": "standard", "rate_basis_points": 2300,
        "name": "VAT 23%"})
    );
    shop["taxes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"class": "reduced", "rate_basis_points": 1350, "name": "VAT 13.5%"}));
    shop["default_tax"] = json!("reduced");
    hub.put("/v1/shop", shop.clone()).await.ok(200);
    let read = hub.get("/v1/shop").await.ok(200);
    assert_eq!(
        (read["default_tax"].as_str(), read["taxes"].as_array().map(Vec::len)),
        (Some("reduced"), Some(2))
    );
    hub.put("/v1/items/X", json!({"name": "X"})).await.ok(200);
    assert_eq!(hub.get("/v1/items/X").await.ok(200)["tax"], "reduced");
    let field = async |name: &str, value: serde_json::Value| {
        let mut wrong = shop.clone();
        wrong[name] = value;
        hub.put("/v1/shop", wrong).await.refused(422, "invalid")["field"].clone()
    };
    assert_eq!(field("currency", json!("USD")).await, "/currency");
    assert_eq!(field("zone", json!("Mars/Olympus")).await, "/zone");
    assert_eq!(field("default_tax", json!("none")).await, "/default_tax");
    assert_eq!(field("taxes", json!([])).await, "/taxes");
    assert_eq!(field("colour", json!("red")).await, "/colour");
    hub.close().await;
}

#[tokio::test]
async fn locations_and_registers_come_and_go() {
    let hub = Hub::open().await;
    let got = hub.get("/v1/locations/S07").await.ok(200);
    assert_eq!((got["zone"].as_str(), got["link"].as_str()), (Some("Europe/Dublin"), Some("none")));
    hub.put("/v1/registers/S07/R1", json!({"name": "Register 1"})).await.ok(200);
    hub.put("/v1/registers/S07/R1", json!({"name": "Door"})).await.ok(200);
    let all = hub.get("/v1/registers").await.ok(200);
    assert_eq!(all["registers"], json!([{"location": "S07", "code": "R1", "name": "Door"}]));
    hub.delete("/v1/registers/S07/R1").await.ok(204);
    assert_eq!(hub.get("/v1/registers").await.ok(200)["registers"], json!([]));
    hub.delete("/v1/registers/S07/R9").await.refused(404, "record_unknown");
    hub.put("/v1/registers/XX/R1", json!({"name": "X"})).await.refused(404, "location_unknown");
    hub.put("/v1/registers/S07/r1", json!({"name": "X"})).await.refused(422, "invalid");
    let store = json!({"name": "X", "kind": "store"});
    hub.put("/v1/locations/s99", store.clone()).await.refused(422, "invalid");
    let mut nine = store.clone();
    nine["receipt_header"] = json!(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    hub.put("/v1/locations/S99", nine).await.refused(422, "invalid");
    hub.delete("/v1/locations/S07").await.ok(204);
    assert_eq!(hub.get("/v1/locations/S07").await.ok(200)["state"], "retired");
    hub.put("/v1/locations/S07", store).await.ok(200);
    assert_eq!(hub.get("/v1/locations/S07").await.ok(200)["state"], "active");
    hub.delete("/v1/locations/S99").await.refused(404, "location_unknown");
    hub.close().await;
}

#[tokio::test]
async fn staff_have_pins_of_their_role_and_hashes_stay_inside() {
    let hub = Hub::open().await;
    fn person(role: &str, pin: &str) -> serde_json::Value {
        json!({"name": "Ana Murphy", "role": role, "locations": ["S07"], "pin": pin})
    }
    let said = hub.put("/v1/staff/ana", person("cashier", "1234")).await;
    assert!(!said.text.contains("argon2"), "{}", said.text);
    assert_eq!(said.ok(200)["has_pin"], true);
    for (role, pin) in [("cashier", "123456"), ("manager", "1234"), ("clerk", "12a4")] {
        let problem = hub.put("/v1/staff/ana", person(role, pin)).await.refused(422, "invalid");
        assert_eq!(problem["field"], "/pin");
    }
    // A short PIN does not grow with the role.
    let body = json!({"name": "Ana", "role": "manager", "locations": ["S07"]});
    hub.put("/v1/staff/ana", body).await.refused(422, "invalid");
    hub.put("/v1/staff/ana", person("manager", "123456")).await.ok(200);
    let body = json!({"name": "Ana", "role": "manager", "locations": ["XX"]});
    hub.put("/v1/staff/ana", body).await.refused(422, "invalid");
    let body = json!({"name": "Ana", "role": "agent"});
    hub.put("/v1/staff/ana", body).await.refused(422, "invalid");
    let list = hub.get("/v1/staff").await;
    assert!(!list.text.contains("argon2"));
    assert_eq!(list.ok(200)["staff"][0]["role"], "manager");
    // The same request sent again is the same command, also with a salt in it.
    for _ in 0..2 {
        let ask = hub.ask("PUT", "/v1/staff/tom").admin().key("tom");
        ask.json(&person("cashier", "9876")).send().await.ok(200);
    }
    hub.delete("/v1/staff/ana").await.ok(204);
    hub.delete("/v1/staff/nobody").await.refused(404, "record_unknown");
    assert_eq!(hub.get("/v1/staff").await.ok(200)["staff"].as_array().unwrap().len(), 1);
    hub.close().await;
}

#[tokio::test]
async fn who_was_removed_comes_back_without_pin_and_password() {
    let hub = Hub::open().await;
    let body = json!({"name": "Ana", "role": "cashier", "pin": "1234",
        "password": "correct horse"});
    hub.put("/v1/staff/ana", body).await.ok(200);
    hub.delete("/v1/staff/ana").await.ok(204);
    let again = json!({"name": "Ana", "role": "manager"});
    let back = hub.put("/v1/staff/ana", again).await.ok(200);
    assert_eq!((&back["has_pin"], &back["has_password"]), (&json!(false), &json!(false)));
    let body = json!({"staff": "ana", "password": "correct horse"});
    let said = hub.ask("POST", "/v1/session").json(&body).send().await;
    assert_eq!(said.status, 401, "{}", said.text);
    hub.close().await;
}

/// All rows of a list, by pages of this many; the length of each page.
async fn walked(hub: &Hub, path: &str, name: &str, limit: usize) -> (Vec<Value>, Vec<usize>) {
    let (mut rows, mut pages, mut behind) = (vec![], vec![], String::new());
    loop {
        let page = hub.get(&format!("{path}?limit={limit}{behind}")).await.ok(200);
        let more = page[name].as_array().unwrap();
        pages.push(more.len());
        rows.extend(more.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => behind = format!("&cursor={cursor}"),
            None => return (rows, pages),
        }
    }
}

#[tokio::test]
async fn every_list_of_settings_is_read_in_pages() {
    let hub = Hub::open().await;
    for n in 1..=3 {
        let body = json!({"name": "Till"});
        hub.put(&format!("/v1/registers/S07/R{n}"), body).await.ok(200);
        let body = json!({"name": "Ana", "role": "cashier"});
        hub.put(&format!("/v1/staff/ana{n}"), body).await.ok(200);
        hub.post("/v1/enrolments", json!({"location": "S07"})).await.ok(201);
        let body = json!({"quantity": n});
        hub.put(&format!("/v1/policies/buffer/FLASK/web{n}"), body).await.ok(200);
    }
    hub.secret_key(&["live"]).await;
    for (path, name) in [
        ("/v1/locations", "locations"),
        ("/v1/registers", "registers"),
        ("/v1/staff", "staff"),
        ("/v1/keys", "keys"),
        ("/v1/policies", "policies"),
        ("/v1/enrolments", "enrolments"),
    ] {
        let (all, pages) = walked(&hub, path, name, 500).await;
        assert_eq!((all.len(), pages), (3, vec![3]), "{path}");
        assert_eq!(walked(&hub, path, name, 2).await, (all, vec![2, 1]), "{path}");
        hub.get(&format!("{path}?limit=0")).await.refused(422, "invalid");
        hub.get(&format!("{path}?limit=501")).await.refused(422, "invalid");
        hub.get(&format!("{path}?cursor=x")).await.refused(400, "malformed");
    }
    assert_eq!(walked(&hub, "/v1/agents", "agents", 2).await, (vec![], vec![0]));
    hub.close().await;
}

#[tokio::test]
async fn a_pin_is_checked_with_the_pepper_that_agents_get() {
    let hub = Hub::open().await;
    let body = json!({"name": "Ana", "role": "cashier", "pin": "1234"});
    hub.put("/v1/staff/ana", body).await.ok(200);
    let seen = hub.app().seen();
    let Some(oneshelf_domain::record::Record::Staff(staff)) = seen.records.get("staff/ana") else {
        panic!("ana is there");
    };
    let pepper = hex::encode(hub.app().secrets.pin_pepper());
    let hash = staff.pin_hash.clone().unwrap();
    let fits = |pin: &str| {
        let material = oneshelf_protocol::pin::pin_material(&pepper, pin).unwrap();
        argon2::Argon2::default().verify_password(material.as_bytes(), hash.as_str()).is_ok()
    };
    assert!(fits("1234") && !fits("1235"));
    hub.close().await;
}

#[tokio::test]
async fn policies_are_set_read_with_their_version_and_removed() {
    let hub = Hub::open().await;
    let set = |path: &str, quantity: i64| {
        hub.ask("PUT", &format!("/v1/policies/{path}")).admin().json(&json!({"quantity": quantity}))
    };
    for (path, quantity) in [
        ("share/S07/*", 2),
        ("share/S07/FLASK", 3),
        ("safety/FLASK/S07", 1),
        ("buffer/FLASK/web", 4),
    ] {
        let body = set(path, quantity).send().await.ok(200);
        assert_eq!(body["quantity"], quantity, "{path}");
    }
    let all = hub.get("/v1/policies").await.ok(200);
    let kinds: Vec<_> = all["policies"].as_array().unwrap().iter().map(|p| &p["kind"]).collect();
    assert_eq!(kinds, ["buffer", "safety", "share", "share"]);
    let one = hub.get("/v1/policies/safety/FLASK/S07").await;
    let tag = one.headers["etag"].to_str().unwrap().to_owned();
    set("safety/FLASK/S07", 5).header("if-match", &tag).send().await.ok(200);
    let late = set("safety/FLASK/S07", 6).header("if-match", &tag).send().await;
    late.refused(412, "precondition_failed");
    let fresh = set("safety/FLASK/S07", 6).header("if-none-match", "*").send().await;
    fresh.refused(412, "precondition_failed");
    hub.delete("/v1/policies/safety/FLASK/S07").await.ok(204);
    hub.get("/v1/policies/safety/FLASK/S07").await.refused(404, "record_unknown");
    hub.delete("/v1/policies/safety/FLASK/S07").await.refused(404, "record_unknown");
    set("safety/NOPE/S07", 1).send().await.refused(404, "item_unknown");
    set("safety/FLASK/XX", 1).send().await.refused(404, "location_unknown");
    set("buffer/FLASK/Web%20Shop", 1).send().await.refused(422, "invalid");
    set("colour/FLASK/S07", 1).send().await.refused(404, "not_found");
    set("safety/FLASK/S07", -1).send().await.refused(422, "invalid");
    hub.close().await;
}

#[tokio::test]
async fn a_tax_class_stays_while_something_is_sold_with_it() {
    let hub = Hub::open().await;
    let shop = |classes: &[&str]| {
        let tax = |c: &&str| json!({"class": c, "rate_basis_points": 900, "name": "VAT"});
        json!({"name": "H", "currency": "EUR", "zone": "UTC", "default_tax": classes[0],
            "taxes": classes.iter().map(tax).collect::<Vec<_>>()})
    };
    hub.put("/v1/shop", shop(&["standard", "red\"uced"])).await.ok(200);
    // A name that looks like the field is none.
    let item = json!({"name": "\"tax\":\"standard\"", "tax": "red\"uced"});
    hub.put("/v1/items/TEA", item).await.ok(200);
    let said = hub.put("/v1/shop", shop(&["standard"])).await;
    assert!(said.text.contains("TEA"), "{}", said.text);
    said.refused(422, "invalid");
    hub.post("/v1/items/TEA/retire", json!({})).await.ok(200);
    hub.put("/v1/shop", shop(&["standard"])).await.ok(200);
    hub.put("/v1/shop", shop(&["other"])).await.refused(422, "invalid");
    hub.close().await;
}
