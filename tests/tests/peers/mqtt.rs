//! Paho, a client of another language, at the hub's MQTT endpoint in both versions.

use oneshelf_domain::record::LocationKind;
use oneshelf_hub::auth::rates::Rates;
use oneshelf_hub::channels::Settings;
use oneshelf_hub::http::Proxy;
use oneshelf_hub::serve::{Options, start, wall_clock};
use oneshelf_hub::setup::{NewShop, set_up};
use serde_json::{Value, json};

use super::programs::python;

async fn put(base: &str, secret: &str, (method, path): (&str, &str), body: Value) -> Value {
    let method: reqwest::Method = method.parse().unwrap();
    let request = reqwest::Client::new().request(method, format!("{base}{path}"));
    let answer = request.bearer_auth(secret).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn paho_reads_stock_and_is_refused_what_is_not_its_own() {
    oneshelf_hub::tls::use_ring();
    let folder = std::env::temp_dir().join(format!("oneshelf-paho-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let database = format!("sqlite:{}", folder.join("hub.db").display());
    let shop = NewShop {
        name: "Harbour Goods".into(),
        currency: "EUR".into(),
        zone: "Europe/Dublin".into(),
        location: "S07".into(),
        location_name: "Quay Street".into(),
        location_kind: LocationKind::Store,
        tax_basis_points: 2300,
        tax_name: "VAT 23%".into(),
        public_url: None,
    };
    let admin = set_up(&database, &shop).await.unwrap();
    let local = || "127.0.0.1:0".parse().unwrap();
    let options = Options {
        database,
        listen: local(),
        admin_listen: local(),
        mqtt_listen: Some(local()),
        broker: None,
        data: None,
        public_url: None,
        proxy: Proxy::None,
        tls: None,
        rates: Rates::default(),
        channels: Settings::default(),
        lease: oneshelf_hub::jobs::LEASE,
    };
    let hub = start(options, wall_clock()).await.unwrap();
    let base = format!("http://{}", hub.address);
    put(&base, &admin, ("PUT", "/v1/items/FLASK"), json!({"name": "Flask"})).await;
    let lines = json!({"location": "S07", "lines": [{"sku": "FLASK", "quantity": 3}]});
    put(&base, &admin, ("POST", "/v1/stock/receive"), lines).await;
    let key = json!({"name": "Paho", "kind": "secret", "scopes": ["live"]});
    let key = put(&base, &admin, ("POST", "/v1/keys"), key).await;
    let mqtt = hub.mqtt_address.unwrap();
    let words = [&mqtt.ip().to_string(), &mqtt.port().to_string(), key["secret"].as_str().unwrap()];
    let met = python("mqtt_client.py", &words, b"").await;
    let met: Value = serde_json::from_slice(&met).unwrap();
    for (version, denied) in [("5", 135), ("4", 128)] {
        let met = &met[version];
        assert_eq!(met["connack"], 0);
        let subacks = json!({"oneshelf/1/stock/S07/FLASK": 1, "#": denied,
            "oneshelf/1/agent/+/down": denied});
        assert_eq!(met["subacks"], subacks);
        let first = &met["messages"][0];
        assert_eq!(
            (&first["retain"], &first["payload"]["shown"]["count"]),
            (&json!(true), &json!(3))
        );
    }
    // Paho says the codes of 3.1.1 in the numbers of 5.
    assert_eq!(met["wrong"], json!({"5": 134, "4": 134}));
    hub.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
