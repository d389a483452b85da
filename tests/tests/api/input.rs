//! Bad input: whatever is sent, the answer is a clear problem or harmless text, never a fault.

use serde_json::json;

use crate::support::Hub;

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let hub = Hub::open().await;
    let put = |kind: &str, body: &[u8]| {
        hub.ask("PUT", "/v1/items/X").admin().bytes(kind, body.to_vec()).send()
    };
    let json = "application/json";
    for body in ["", "{", "{\"name\":\"X\"", "[1,2", "nope", "{\"name\":\"X\"} {}", "\u{feff}{}"] {
        put(json, body.as_bytes()).await.refused(400, "malformed");
    }
    put(json, b"{\"name\":\"\xff\"}").await.refused(400, "malformed");
    put(json, b"{\"name\":\"X\",\"price\":{\"minor\":1e999,\"currency\":\"EUR\"}}")
        .await
        .refused(400, "malformed");
    let deep = format!("{{\"name\":{}\"X\"{}}}", "[".repeat(40), "]".repeat(40));
    put(json, deep.as_bytes()).await.refused(400, "malformed");
    for body in [
        json!({"nmae": "X"}),
        json!({"name": "X", "price": 12.5}),
        json!({"name": "X", "price": {"minor": 1.5, "currency": "EUR"}}),
        json!({"name": "X", "price": {"minor": 1, "currency": "EUR", "tax": 1}}),
        json!({"name": 5}),
        json!([{"name": "X"}]),
    ] {
        put(json, body.to_string().as_bytes()).await.refused(422, "invalid");
    }
    put("text/plain", b"{\"name\":\"X\"}").await.refused(415, "unsupported_media_type");
    put(json, &vec![b' '; (1 << 20) + 1]).await.refused(413, "too_large");
    hub.get("/v1/items/X").await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn hostile_titles_become_harmless_text() {
    let hub = Hub::open().await;
    for (hostile, harmless) in [
        ("Tea\u{1b}p\u{0}", "Tea p"),
        ("\u{202e}gnp.exe\u{2069}", "gnp.exe"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=1+1", "=1+1"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie: x"),
    ] {
        let put = hub.put("/v1/items/X", json!({"name": hostile})).await.ok(200);
        assert_eq!(put["name"], harmless);
    }
    let said = hub.get("/v1/items/X").await;
    assert_eq!(said.headers["content-type"], "application/json");
    assert_eq!(said.headers["x-content-type-options"], "nosniff");
    hub.put("/v1/items/X", json!({"name": "x".repeat(201)})).await.refused(422, "invalid");
    // What is quoted back from a request is harmless too.
    let said = hub.get("/v1/stock?sku=%1b%5bA%E2%80%AE<b>").await;
    let problem = said.refused(404, "item_unknown");
    assert_eq!(problem["sku"], "[A <b>");
    hub.close().await;
}

#[tokio::test]
async fn addresses_that_are_not_there_are_problems_too() {
    let hub = Hub::open().await;
    hub.get("/v1/nothing").await.refused(404, "not_found");
    hub.get("/v1/items/%ff").await.refused(404, "not_found");
    hub.ask("PATCH", "/v1/shop").admin().send().await.refused(405, "method_not_allowed");
    hub.get("/shop/assets/../../etc/passwd").await.refused(404, "not_found");
    hub.get("/shop/assets/nothing.js").await.refused(404, "not_found");
    hub.close().await;
}

#[tokio::test]
async fn pages_and_documents_are_there() {
    let hub = Hub::open().await;
    for path in ["/", "/shop/", "/setup/", "/docs", "/problems", "/problems/invalid"] {
        let said = hub.ask("GET", path).send().await;
        assert_eq!(said.status, 200, "{path}");
        let policy = said.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors"));
        assert!(!said.text.contains("http://") && !said.text.contains("https://cdn"), "{path}");
    }
    let document = hub.ask("GET", "/openapi.json").send().await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    let one = hub.ask("GET", "/problems/busy").header("accept", "application/json").send().await;
    assert_eq!(one.ok(200)["status"], 503);
    hub.ask("GET", "/problems/nothing").send().await.refused(404, "not_found");
    let time = hub.ask("GET", "/v1/time").send().await.ok(200);
    assert_eq!(time["hub_epoch"], 1);
    hub.close().await;
}

#[tokio::test]
async fn the_operator_sees_health_readiness_and_metrics() {
    let hub = Hub::open().await;
    let http = reqwest::Client::new();
    let get = async |path: &str| {
        let answer = http.get(format!("{}{path}", hub.operator)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = get("/readyz").await;
    assert!(status == 200 && ready.contains("\"ready\":true"), "{ready}");
    let (status, metrics) = get("/metrics").await;
    assert!(status == 200 && metrics.contains("oneshelf_http_requests_total{"), "{metrics}");
    assert!(!metrics.contains(&hub.admin));
    assert_eq!(get("/v1/shop").await.0, 404);
    hub.ask("GET", "/healthz").send().await;
    hub.get("/metrics").await.refused(404, "not_found");
    hub.close().await;
}

#[tokio::test]
async fn a_nul_in_an_address_is_a_problem() {
    let hub = Hub::open().await;
    // "\u0000" as JSON, in base64.
    let cursor = "Ilx1MDAwMCI";
    for path in [
        "/v1/items?search=a%00b".to_owned(),
        format!("/v1/items?cursor={cursor}"),
        "/v1/items?cursor=%00".to_owned(),
        format!("/v1/locations/S07/stock?cursor={cursor}"),
        "/v1/stock?location=S07%00".to_owned(),
    ] {
        let said = hub.get(&path).await;
        assert!(matches!(said.status, 400 | 404 | 422), "{path}: {}", said.text);
        assert!(said.body["code"].is_string(), "{path}: {}", said.text);
    }
    hub.get(&format!("/v1/items?cursor={cursor}")).await.refused(400, "malformed");
    hub.get("/v1/items/FLASK%00").await.refused(404, "not_found");
    hub.close().await;
}
