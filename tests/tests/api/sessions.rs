//! Signing in on pages: cookies, their origins, their end; how often one may try.

use std::time::Duration;

use oneshelf_hub::auth::rates::{Rate, Rates};
use serde_json::json;

use crate::support::{Hub, cookie};

#[tokio::test]
async fn a_page_signs_in_and_out() {
    let hub = Hub::open().await;
    let said = hub.ask("POST", "/v1/session").json(&json!({"secret": hub.admin})).send().await;
    let set = said.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["__Host-oneshelf=oss_", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let session = cookie(&said);
    let who = hub.ask("GET", "/v1/session").header("cookie", &session).send().await.ok(200);
    assert_eq!((who["name"].as_str(), who["role"].as_str()), (Some("admin"), Some("admin")));
    let out = hub.ask("DELETE", "/v1/session").header("cookie", &session);
    out.header("origin", &hub.base).send().await.ok(204);
    let gone = hub.ask("GET", "/v1/session").header("cookie", &session).send().await;
    gone.refused(401, "not_signed_in");
    hub.ask("GET", "/v1/session").send().await.refused(401, "not_signed_in");
    hub.close().await;
}

#[tokio::test]
async fn a_page_from_elsewhere_changes_nothing_with_the_cookie() {
    let hub = Hub::open().await;
    let said = hub.ask("POST", "/v1/session").json(&json!({"secret": hub.admin})).send().await;
    let session = cookie(&said);
    let put = || {
        let ask = hub.ask("PUT", "/v1/registers/S07/R1").header("cookie", &session);
        ask.json(&json!({"name": "R1"}))
    };
    put().send().await.refused(403, "foreign_origin");
    put().header("origin", "https://evil.example").send().await.refused(403, "foreign_origin");
    put().header("origin", "null").send().await.refused(403, "foreign_origin");
    let crossed = put().header("sec-fetch-site", "cross-site").send().await;
    crossed.refused(403, "foreign_origin");
    // A name that somebody points at our address is not ours.
    let rebound = put().header("host", "evil.example").header("origin", "http://evil.example");
    rebound.send().await.refused(403, "foreign_origin");
    put().header("sec-fetch-site", "same-origin").send().await.ok(200);
    put().header("origin", &hub.base).send().await.ok(200);
    let sign_in = hub.ask("POST", "/v1/session").header("origin", "https://evil.example");
    let body = json!({"secret": hub.admin});
    sign_in.json(&body).send().await.refused(403, "foreign_origin");
    hub.close().await;
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_with_its_person() {
    let hub = Hub::open().await;
    let ana = hub.sign_in("ana", "clerk", &["S07"]).await;
    let get = || hub.ask("GET", "/v1/session").header("cookie", &ana).send();
    let who = get().await.ok(200);
    assert_eq!((who["role"].as_str(), &who["locations"]), (Some("clerk"), &json!(["S07"])));
    hub.delete("/v1/staff/ana").await.ok(204);
    get().await.refused(401, "not_signed_in");
    let tom = hub.sign_in("tom", "clerk", &[]).await;
    hub.later(8 * 60 * 60 * 1_000 + 1);
    let late = hub.ask("GET", "/v1/session").header("cookie", &tom).send().await;
    late.refused(401, "not_signed_in");
    hub.close().await;
}

#[tokio::test]
async fn a_wrong_sign_in_says_nothing_of_who_exists() {
    let hub = Hub::open().await;
    hub.sign_in("ana", "clerk", &["S07"]).await;
    let body = json!({"name": "Pin", "role": "clerk", "pin": "1234"});
    hub.put("/v1/staff/pin", body).await.ok(200);
    let sign_in = |body: serde_json::Value| hub.ask("POST", "/v1/session").json(&body).send();
    for (staff, password) in
        [("ana", "wrong horse"), ("nobody", "correct horse"), ("pin", "1234"), ("A\u{0}B", "x")]
    {
        let said = sign_in(json!({"staff": staff, "password": password})).await;
        said.refused(401, "wrong_secret");
    }
    sign_in(json!({"secret": "osa_wrong"})).await.refused(401, "wrong_secret");
    sign_in(json!({"secret": hub.admin, "staff": "ana"})).await.refused(422, "invalid");
    sign_in(json!({})).await.refused(422, "invalid");
    hub.close().await;
}

fn slow(burst: u32) -> Rate {
    Rate { burst, every: Duration::from_secs(3_600) }
}

#[tokio::test]
async fn who_tries_too_often_waits() {
    let rates = Rates { door: slow(3), ..Rates::default() };
    let hub = Hub::open_with(rates).await;
    let body = json!({"secret": "osa_wrong"});
    let from = |address: &str| {
        hub.ask("POST", "/v1/session").header("x-forwarded-for", address).json(&body).send()
    };
    for _ in 0..3 {
        from("203.0.113.7").await.refused(401, "wrong_secret");
    }
    let said = from("203.0.113.7").await;
    let wait: u64 = said.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait > 60, "{wait}");
    said.refused(429, "too_many_requests");
    from("203.0.113.8").await.refused(401, "wrong_secret");
    hub.close().await;
}

#[tokio::test]
async fn a_key_and_an_address_have_their_rates() {
    let rates = Rates { caller: slow(40), address: slow(5), holds: slow(2), ..Rates::default() };
    let hub = Hub::open_with(rates).await;
    hub.receive("S07", 9).await;
    let key = hub.get("/v1/public/config").await.ok(200)["key"].as_str().unwrap().to_owned();
    let hold = |shopper: &str, address: &'static str| {
        let body = json!({"sku": "FLASK", "location": "S07", "quantity": 1, "shopper": shopper});
        let ask = hub.ask("POST", "/v1/public/holds").header("x-oneshelf-key", &key);
        ask.header("x-forwarded-for", address).json(&body).send()
    };
    hold("0123456789abcdef", "203.0.113.1").await.ok(201);
    hold("0123456789abcdee", "203.0.113.1").await.ok(201);
    hold("0123456789abcded", "203.0.113.1").await.refused(429, "too_many_requests");
    hold("0123456789abcded", "203.0.113.2").await.ok(201);
    for _ in 0..2 {
        let ask = hub.ask("GET", "/v1/public/items").header("x-oneshelf-key", &key);
        ask.header("x-forwarded-for", "203.0.113.1").send().await.ok(200);
    }
    let ask = hub.ask("GET", "/v1/public/items").header("x-oneshelf-key", &key);
    let said = ask.header("x-forwarded-for", "203.0.113.1").send().await;
    said.refused(429, "too_many_requests");
    let reader = hub.secret_key(&["stock:read"]).await;
    for _ in 0..40 {
        hub.ask("GET", "/v1/items").bearer(&reader).send().await.ok(200);
    }
    hub.ask("GET", "/v1/items").bearer(&reader).send().await.refused(429, "too_many_requests");
    hub.close().await;
}
