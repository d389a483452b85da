//! The matrix: who may do what. Every operation of the document stands here, with the roles and
//! scopes that may do it; everybody else is refused.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer, SigningKey};
use oneshelf_protocol::credential::{Credential, signed_text};
use serde_json::{Value, json};

use crate::support::{Hub, Said};

/// Letters of who may: a admin, m manager, c clerk, s cashier, g agent; r `stock:read`,
/// w `stock:write`, i `catalogue`, v `reserve`, l `live`.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    may: &'static str,
}

fn row(method: &'static str, path: &'static str, body: Option<Value>, may: &'static str) -> Row {
    Row { method, path, body, may }
}

fn matrix() -> Vec<Row> {
    [goods(), transfers(), settings(), channels(), stores()].into_iter().flatten().collect()
}

fn goods() -> Vec<Row> {
    let stock = |more: Value| {
        let mut body = json!({"location": "S07", "sku": "FLASK"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    vec![
        row("GET", "/v1/session", None, "amcsgrwivl"),
        row("GET", "/v1/shop", None, "amcsri"),
        row(
            "PUT",
            "/v1/shop",
            Some(json!({"name": "H", "currency": "EUR", "zone": "UTC",
            "default_tax": "standard", "taxes": [{"class": "standard", "rate_basis_points": 1,
            "name": "T"}]})),
            "a",
        ),
        row("GET", "/v1/items", None, "amcsri"),
        row("GET", "/v1/items/{sku}", None, "amcsri"),
        row("PUT", "/v1/items/{sku}", Some(json!({"name": "Flask"})), "ami"),
        row("POST", "/v1/items/{sku}/retire", None, "ami"),
        row("GET", "/v1/items/{sku}/prices", None, "amcsri"),
        row("PUT", "/v1/items/{sku}/prices", Some(json!({"prices": []})), "ami"),
        row("GET", "/v1/locations", None, "amcsr"),
        row("GET", "/v1/locations/{code}", None, "amcsr"),
        row("PUT", "/v1/locations/{code}", Some(json!({"name": "Q", "kind": "store"})), "a"),
        row("DELETE", "/v1/locations/{code}", None, "a"),
        row("DELETE", "/v1/locations/{code}/recovery", None, "a"),
        row("GET", "/v1/registers", None, "amcs"),
        row("PUT", "/v1/registers/{location}/{code}", Some(json!({"name": "R"})), "am"),
        row("DELETE", "/v1/registers/{location}/{code}", None, "am"),
        // Without items: who may not is refused before that is looked at.
        row("GET", "/v1/live/events", None, "amcsl"),
        row("GET", "/v1/stock", None, "amcsr"),
        row("GET", "/v1/stock/{sku}", None, "amcsr"),
        row("GET", "/v1/locations/{code}/stock", None, "amcsr"),
        row("GET", "/v1/stock/{sku}/explain", None, "amcr"),
        row("GET", "/v1/movements", None, "amcr"),
        row(
            "POST",
            "/v1/stock/receive",
            Some(json!({"location": "S07",
            "lines": [{"sku": "FLASK", "quantity": 1}]})),
            "amcw",
        ),
        row("POST", "/v1/stock/adjust", stock(json!({"reason": "lost", "quantity": 1})), "amcw"),
        row("POST", "/v1/stock/count", stock(json!({"found": 9})), "amcw"),
        row("POST", "/v1/stock/return", stock(json!({"quantity": 1})), "amcw"),
        row(
            "POST",
            "/v1/reservations",
            Some(json!({"lines": [{"sku": "FLASK",
            "location": "S07", "quantity": 1}]})),
            "amcv",
        ),
        row("GET", "/v1/reservations/{id}", None, "amcsv"),
        row("POST", "/v1/reservations/{id}/commit", None, "amcv"),
        row("POST", "/v1/reservations/{id}/release", None, "amcv"),
        row("POST", "/v1/reservations/{id}/pick", None, "amcv"),
        row("POST", "/v1/reservations/{id}/hand-over", None, "amcv"),
    ]
}

fn transfers() -> Vec<Row> {
    vec![
        row(
            "POST",
            "/v1/transfers",
            Some(json!({"from": "S07", "to": "S02",
            "lines": [{"sku": "FLASK", "quantity": 1}]})),
            "amc",
        ),
        row("GET", "/v1/transfers", None, "amc"),
        row("GET", "/v1/transfers/{id}", None, "amc"),
        row("POST", "/v1/transfers/{id}/ship", None, "amc"),
        row("POST", "/v1/transfers/{id}/cancel", None, "amc"),
        row(
            "POST",
            "/v1/transfers/{id}/receive",
            Some(json!({"lines": [{"sku": "FLASK", "good": 1}]})),
            "amc",
        ),
    ]
}

fn settings() -> Vec<Row> {
    let units = || Some(json!({"quantity": 1}));
    vec![
        row("GET", "/v1/policies", None, "amcr"),
        row("GET", "/v1/policies/{kind}/{first}/{second}", None, "amcr"),
        row("PUT", "/v1/policies/{kind}/{first}/{second}", units(), "am"),
        row("DELETE", "/v1/policies/{kind}/{first}/{second}", None, "am"),
        row("GET", "/v1/staff", None, "am"),
        row(
            "PUT",
            "/v1/staff/{code}",
            Some(json!({"name": "N", "role": "cashier",
            "locations": ["S07"]})),
            "am",
        ),
        row("DELETE", "/v1/staff/{code}", None, "am"),
        row("GET", "/v1/keys", None, "a"),
        row(
            "POST",
            "/v1/keys",
            Some(json!({"name": "K", "kind": "secret",
            "scopes": ["live"]})),
            "a",
        ),
        row("DELETE", "/v1/keys/{id}", None, "a"),
        row("POST", "/v1/imports", None, "ami"),
        row("POST", "/v1/imports/preview", None, "ami"),
        row("GET", "/v1/import-mappings", None, "amwi"),
        row(
            "PUT",
            "/v1/import-mappings/{kind}/{name}",
            Some(json!({"headers": ["a", "b"], "columns": {"sku": "a", "name": "b"}})),
            "ami",
        ),
        row("DELETE", "/v1/import-mappings/{kind}/{name}", None, "ami"),
        row("POST", "/v1/imports/{id}/cancel", None, "amwi"),
        row("GET", "/v1/exports/items", None, "amri"),
        row("GET", "/v1/exports/prices", None, "amri"),
        row("GET", "/v1/exports/stock", None, "amr"),
        row("GET", "/v1/exports/movements", None, "amr"),
        row("GET", "/v1/imports/{id}", None, "amwi"),
        row("GET", "/v1/imports/{id}/errors", None, "amwi"),
        row("GET", "/v1/imports/{id}/errors.csv", None, "amwi"),
        row("GET", "/v1/notices", None, "a"),
        row("GET", "/v1/rejected-facts", None, "am"),
        row("POST", "/v1/rejected-facts/{id}/book", Some(json!({"note": "n"})), "am"),
        row("POST", "/v1/rejected-facts/{id}/settle", Some(json!({"note": "n"})), "am"),
        row("DELETE", "/v1/session", None, "amcsgrwivl"),
    ]
}

fn channels() -> Vec<Row> {
    vec![
        row("GET", "/v1/channels", None, "a"),
        row("POST", "/v1/channels", Some(json!({"code": "own", "name": "C"})), "a"),
        row("GET", "/v1/channels/{channel}", None, "a"),
        row("PUT", "/v1/channels/{channel}", Some(json!({"name": "C"})), "a"),
        row("POST", "/v1/channels/{channel}/enable", None, "a"),
        row("POST", "/v1/channels/{channel}/disable", None, "a"),
        row("POST", "/v1/channels/{channel}/caught-up", None, "a"),
        row("POST", "/v1/channels/{channel}/rotate", None, "a"),
        row("POST", "/v1/channels/{channel}/ping", None, "a"),
        row("GET", "/v1/channels/{channel}/deliveries", None, "a"),
        row(
            "POST",
            "/v1/channels/{channel}/redeliver",
            Some(json!({"since": "2027-01-01T00:00:00Z"})),
            "a",
        ),
        row("GET", "/v1/channels/{channel}/orders", None, "a"),
        row("POST", "/v1/channels/{channel}/retry-orders", None, "a"),
        row("DELETE", "/v1/channels/{channel}", None, "a"),
    ]
}

fn stores() -> Vec<Row> {
    vec![
        row("GET", "/v1/enrolments", None, "am"),
        row("POST", "/v1/enrolments", Some(json!({"location": "S07"})), "am"),
        row("DELETE", "/v1/enrolments/{id}", None, "am"),
        row("GET", "/v1/stores", None, "am"),
        row("GET", "/v1/stores/{code}", None, "am"),
        row("GET", "/v1/stores/{code}/items", None, "am"),
        row(
            "POST",
            "/v1/stores/{code}/retire-agent",
            Some(json!({"incarnation": "inc_00000000000000000000000000000001"})),
            "am",
        ),
        row("GET", "/v1/agents", None, "am"),
        row("DELETE", "/v1/agents/{id}", None, "am"),
        row("GET", "/v1/agent-copies", None, "am"),
        row("PUT", "/v1/agent-copies/{life}", Some(json!({"allowed": true})), "am"),
    ]
}

/// Operations that ask nobody who they are, or ask for a publishable key.
const OPEN: [&str; 11] = [
    "POST /v1/hooks/{channel}",
    "GET /v1/time",
    "POST /v1/session",
    "POST /v1/enrolments/redeem",
    "GET /v1/public/config",
    "GET /v1/public/items",
    "GET /v1/public/items/{sku}",
    "GET /v1/public/items/{sku}/json-ld",
    "GET /v1/public/stock",
    "POST /v1/public/holds",
    "DELETE /v1/public/holds/{id}",
];

/// Upgrades: who may have one is asked in other tests of theirs.
const SOCKETS: [&str; 2] = ["GET /v1/live", "GET /v1/agent/link"];

fn address(path: &str) -> String {
    let of = match path {
        "/v1/movements" => "/v1/movements?location=S07",
        "/v1/transfers" => "/v1/transfers?from=S07",
        "/v1/stock" => "/v1/stock?sku=FLASK",
        "/v1/stock/{sku}/explain" => "/v1/stock/FLASK/explain?location=S07",
        "/v1/imports" => "/v1/imports?kind=items",
        "/v1/imports/preview" => "/v1/imports/preview?kind=items",
        "/v1/import-mappings/{kind}/{name}" => "/v1/import-mappings/items/ERP",
        "/v1/exports/stock" => "/v1/exports/stock?location=S07",
        "/v1/exports/movements" => "/v1/exports/movements?location=S07",
        "/v1/locations/{code}/stock" => "/v1/locations/S07/stock",
        "/v1/stores/{code}/items" => "/v1/stores/S07/items?of=share",
        other => other,
    };
    let id = "00000000000000000000000000000007";
    let of = of
        .replace("/v1/reservations/{id}", &format!("/v1/reservations/rsv_{id}"))
        .replace("/v1/transfers/{id}", &format!("/v1/transfers/rsv_{id}"))
        .replace("/v1/keys/{id}", &format!("/v1/keys/key_{id}"))
        .replace("/v1/agents/{id}", &format!("/v1/agents/agt_{id}"))
        .replace("/v1/agent-copies/{life}", &format!("/v1/agent-copies/inc_{id}"))
        .replace("/v1/imports/{id}", &format!("/v1/imports/imp_{id}"))
        .replace("/v1/locations/{code}", "/v1/locations/S07")
        .replace("/v1/stores/{code}", "/v1/stores/S07")
        .replace("/v1/staff/{code}", "/v1/staff/new")
        .replace("{channel}", "own")
        .replace("{kind}/{first}/{second}", "safety/FLASK/S07");
    of.replace("{sku}", "FLASK")
        .replace("{location}", "S07")
        .replace("{code}", "R1")
        .replace("{id}", id)
}

enum Caller {
    Bearer(String),
    Session(String),
    Agent(Box<SigningKey>, String),
}

async fn send(hub: &Hub, row: &Row, caller: Option<&Caller>) -> Said {
    let mut ask = hub.ask(row.method, &address(row.path));
    match caller {
        Some(Caller::Bearer(secret)) => ask = ask.bearer(secret),
        Some(Caller::Session(cookie)) => {
            ask = ask.header("cookie", cookie).header("origin", &hub.base);
        }
        Some(Caller::Agent(key, id)) => ask = ask.bearer(&credential(hub, key, id, "http")),
        None => {}
    }
    if row.path == "/v1/imports" || row.path == "/v1/imports/preview" {
        ask = ask.bytes("text/csv", "sku,name\n");
    } else if let Some(body) = &row.body {
        ask = ask.json(body);
    }
    ask.send().await
}

fn credential(hub: &Hub, key: &SigningKey, id: &str, transport: &str) -> String {
    let (issued_at, nonce) = (hub.app().now(), uuid::Uuid::now_v7());
    let text = signed_text(&hub.app().hub_id, transport, issued_at, nonce);
    let signature = hex::encode(key.sign(text.as_bytes()).to_bytes());
    Credential { agent: id.parse().unwrap(), issued_at, nonce, signature }.to_string()
}

async fn agent(hub: &Hub) -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let made = hub.post("/v1/enrolments", json!({"location": "S07"})).await.ok(201);
    let body = json!({"code": made["code"], "agent_name": "quay-1",
        "public_key": hex::encode(key.verifying_key().to_bytes())});
    let joined = hub.ask("POST", "/v1/enrolments/redeem").json(&body).send().await.ok(200);
    (key, joined["agent_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn everybody_may_do_what_the_matrix_says_and_nothing_else() {
    let hub = Hub::open().await;
    let mut callers = vec![('a', Caller::Bearer(hub.admin.clone()))];
    for (letter, code, role) in
        [('m', "max", "manager"), ('c', "cleo", "clerk"), ('s', "sam", "cashier")]
    {
        callers.push((letter, Caller::Session(hub.sign_in(code, role, &["S07"]).await)));
    }
    let (key, id) = agent(&hub).await;
    callers.push(('g', Caller::Agent(Box::new(key), id)));
    for (letter, scope) in [
        ('r', "stock:read"),
        ('w', "stock:write"),
        ('i', "catalogue"),
        ('v', "reserve"),
        ('l', "live"),
    ] {
        callers.push((letter, Caller::Bearer(hub.secret_key(&[scope]).await)));
    }
    for row in matrix() {
        let what = format!("{} {}", row.method, row.path);
        send(&hub, &row, None).await.refused(401, "not_signed_in");
        for (letter, caller) in &callers {
            if what == "DELETE /v1/session" && !matches!(caller, Caller::Bearer(_)) {
                continue; // It would sign out whoever the other rows need.
            }
            let said = send(&hub, &row, Some(caller)).await;
            let code = said.body["code"].as_str().unwrap_or_default();
            if row.may.contains(*letter) {
                assert!(!matches!(said.status, 401 | 403), "{what} by {letter}: {}", said.text);
                assert!(said.status < 500, "{what} by {letter}: {}", said.text);
            } else {
                assert_eq!((said.status, code), (403, "not_allowed"), "{what} by {letter}");
            }
            if what == "DELETE /v1/locations/{code}" && said.status == 204 {
                let body = json!({"name": "Quay Street", "kind": "store"});
                hub.put("/v1/locations/S07", body).await.ok(200);
            }
        }
    }
    hub.close().await;
}

#[tokio::test]
async fn every_operation_of_the_document_stands_in_the_matrix() {
    let document = serde_json::to_value(oneshelf_hub::http::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if item.get(method).is_some() {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let mut listed: BTreeSet<String> =
        matrix().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    listed.extend(OPEN.map(str::to_owned));
    listed.extend(SOCKETS.map(str::to_owned));
    assert_eq!(documented, listed);
}

#[tokio::test]
async fn a_socket_is_documented_and_says_so_to_a_plain_request() {
    let hub = Hub::open().await;
    let document = hub.get("/openapi.json").await.ok(200);
    for path in ["/v1/live", "/v1/agent/link"] {
        assert!(document["paths"][path]["get"]["responses"]["101"].is_object(), "{path}");
        let problem = hub.get(path).await.refused(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains("WebSocket"), "{problem}");
    }
    hub.close().await;
}

#[tokio::test]
async fn another_store_is_not_there() {
    let hub = Hub::open().await;
    hub.receive("S02", 4).await;
    hub.receive("S07", 3).await;
    hub.put("/v1/registers/S02/R1", json!({"name": "R"})).await.ok(200);
    hub.sign_in("tom", "cashier", &["S02"]).await;
    let manager = hub.sign_in("max", "manager", &["S07"]).await;
    let ask = |method: &str, path: &str| {
        hub.ask(method, path).header("cookie", &manager).header("origin", &hub.base)
    };
    for path in [
        "/v1/locations/S02/stock",
        "/v1/stock/FLASK/explain?location=S02",
        "/v1/movements?location=S02",
    ] {
        ask("GET", path).send().await.refused(404, "location_unknown");
    }
    ask("GET", "/v1/movements").send().await.refused(422, "invalid");
    let body = json!({"location": "S02", "lines": [{"sku": "FLASK", "quantity": 1}]});
    let said = ask("POST", "/v1/stock/receive").json(&body).send().await;
    said.refused(404, "location_unknown");
    let said = ask("PUT", "/v1/registers/S02/R2").json(&json!({"name": "R"})).send().await;
    said.refused(404, "location_unknown");
    let said = ask("POST", "/v1/enrolments").json(&json!({"location": "S02"})).send().await;
    said.refused(404, "location_unknown");
    assert_eq!(ask("GET", "/v1/registers").send().await.ok(200)["registers"], json!([]));
    let staff = ask("GET", "/v1/staff").send().await.ok(200);
    assert_eq!(staff["staff"].as_array().unwrap().len(), 1);
    ask("DELETE", "/v1/staff/tom").send().await.refused(404, "record_unknown");
    // Its promise is all that is seen of it.
    let stock = ask("GET", "/v1/stock/FLASK").send().await.ok(200);
    assert_eq!(stock["locations"].as_array().unwrap().len(), 1);
    assert_eq!(stock["elsewhere"], json!([{"location": "S02", "promise": 4}]));
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S02", "quantity": 1}]});
    let made = hub.post("/v1/reservations", lines.clone()).await.ok(201);
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    ask("GET", &path).send().await.refused(404, "reservation_unknown");
    ask("POST", "/v1/reservations").json(&lines).send().await.refused(404, "location_unknown");
    hub.close().await;
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let hub = Hub::open().await;
    let manager = hub.sign_in("max", "manager", &["S07"]).await;
    let put = |code: &str, role: &str, locations: &[&str]| {
        let ask = hub.ask("PUT", &format!("/v1/staff/{code}")).header("cookie", &manager);
        let body = json!({"name": "N", "role": role, "locations": locations});
        ask.header("origin", &hub.base).json(&body).send()
    };
    put("a", "admin", &["S07"]).await.refused(403, "not_allowed");
    put("b", "cashier", &[]).await.refused(403, "not_allowed");
    put("c", "cashier", &["S07", "S02"]).await.refused(403, "not_allowed");
    put("d", "manager", &["S07"]).await.ok(200);
    let body = json!({"name": "Boss", "role": "admin"});
    hub.put("/v1/staff/boss", body).await.ok(200);
    put("boss", "cashier", &["S07"]).await.refused(403, "not_allowed");
    let buffer = hub.ask("PUT", "/v1/policies/buffer/FLASK/web").header("cookie", &manager);
    let said = buffer.header("origin", &hub.base).json(&json!({"quantity": 1})).send().await;
    said.refused(403, "not_allowed");
    hub.close().await;
}

#[tokio::test]
async fn a_credential_proves_its_agent_once_and_until_it_is_revoked() {
    let hub = Hub::open().await;
    let (key, id) = agent(&hub).await;
    let get = |text: &str| hub.ask("GET", "/v1/session").bearer(text).send();
    let text = credential(&hub, &key, &id, "http");
    assert_eq!(get(&text).await.ok(200)["role"], "agent");
    get(&text).await.refused(401, "wrong_secret");
    let for_the_link = credential(&hub, &key, &id, "websocket");
    get(&for_the_link).await.refused(401, "wrong_secret");
    let forged = credential(&hub, &SigningKey::from_bytes(&[8; 32]), &id, "http");
    get(&forged).await.refused(401, "wrong_secret");
    let old = credential(&hub, &key, &id, "http");
    hub.later(61_000);
    get(&old).await.refused(401, "wrong_secret");
    hub.delete(&format!("/v1/agents/{id}")).await.ok(204);
    let fresh = credential(&hub, &key, &id, "http");
    get(&fresh).await.refused(401, "wrong_secret");
    hub.close().await;
}
