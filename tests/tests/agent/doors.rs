//! The doors of the agent's pages: hosts, origins, JSON, and what a page may load.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::store::{Store, at};

#[tokio::test]
async fn a_foreign_origin_and_a_rebound_host_reach_nothing() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let page = store.ana().await;
    let with = |name: &'static str, value: &'static str| {
        page.request(Method::POST, "api/no-sale")
            .header(name, value)
            .json(&json!({"reason": "change"}))
            .send()
    };
    for (name, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 421),
        ("host", "evil.example:8090", 421),
        ("sec-fetch-site", "cross-site", 403),
    ] {
        let answer = with(name, value).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{name}: {value}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert!(store.printer().pulses().is_empty());
    let form = page.request(Method::POST, "api/no-sale").body("reason=x").send().await.unwrap();
    assert_eq!(form.status().as_u16(), 415);

    let url = format!("{}/api/events", store.base().replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    match connect_async(request).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 403),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let page = store.ana().await;
    let send = |body: String| {
        page.request(Method::POST, "api/ticket/scan")
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    for (body, status, code) in [
        ("{".to_owned(), 400, "malformed"),
        ("{\"code\":\"1\"}x".to_owned(), 400, "malformed"),
        ("{\"code\":\"1\",\"more\":1}".to_owned(), 422, "invalid"),
        ("{\"code\":1}".to_owned(), 422, "invalid"),
        ("[".repeat(100_000), 422, "invalid"),
        (format!("{{\"code\":\"{}\"}}", "x".repeat(2 << 20)), 413, "too_large"),
    ] {
        let answer = send(body).await.unwrap();
        let got = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((got, problem["code"].as_str().unwrap()), (status, code));
    }
    for path in
        ["api/items?limit=0", "api/items?limit=1e9", "api/items?more=1", "api/sales?limit=501"]
    {
        let answer = page.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{path}");
    }
    for (method, path, status) in [
        (Method::GET, "api/nothing", 404),
        (Method::GET, "nothing", 404),
        (Method::PUT, "api/ticket", 405),
        (Method::GET, "api/sales/%00", 404),
        (Method::GET, "api/items/%F0%9F%8D%B5/here", 404),
    ] {
        let request = page.request(method, path).header("content-type", "application/json");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn the_page_is_served_with_its_policy() {
    let store = Store::open().await;
    let answer = store.page().request(Method::GET, "").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    let missing = store.page().request(Method::GET, "assets/../agent.key").send().await.unwrap();
    assert_eq!(missing.status().as_u16(), 404);
}

#[tokio::test]
async fn a_folder_joins_once_and_is_served_once() {
    let store = Store::open().await;
    let url = store.hub.url();
    let again = oneshelf_pos_agent::enrol::enrol(store.data(), at(&url), "X", "x").await;
    assert!(again.unwrap_err().to_string().contains("has joined"));
    let second = oneshelf_pos_agent::serve::start(store.options()).await;
    assert!(second.is_err_and(|e| e.to_string().contains("another pos-agent")));
}

#[tokio::test]
async fn other_machines_are_served_only_where_somebody_said_so() {
    let mut store = Store::open_with(None, None).await;
    store.stop().await;
    let options = |listen: &str, to_other_machines| oneshelf_pos_agent::serve::Options {
        listen: listen.parse().unwrap(),
        to_other_machines,
        ..store.options()
    };
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.7:0"] {
        let refused = oneshelf_pos_agent::serve::start(options(listen, false)).await;
        let why = refused.err().unwrap().to_string();
        assert!(why.contains("--to-other-machines"), "{listen}: {why}");
    }
    let open = oneshelf_pos_agent::serve::start(options("0.0.0.0:0", true)).await.unwrap();
    open.stop().await;
}
