//! The hub's endpoint with mosquitto's own clients, in both versions of the protocol.

use std::process::Stdio;

use oneshelf_domain::AgentId;
use oneshelf_protocol::topic;
use tokio::process::Command;
use uuid::Uuid;

use crate::shop::within;
use crate::support::Hub;

/// Runs a client; gives its code and all that it said.
async fn client(hub: &Hub, program: &str, version: &str, words: &[&str]) -> (i32, String) {
    let address = hub.mqtt();
    let mut command = Command::new(program);
    command.args(["-V", version, "-d", "-h", &address.ip().to_string()]);
    command.args(["-p", &address.port().to_string()]).args(words);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = within(command.output()).await.expect("mosquitto-clients is installed");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn mosquitto_sub_hears_the_figure_of_now_in_both_versions() {
    let hub = Hub::open().await;
    hub.receive("S07", 3).await;
    let key = hub.secret_key(&["live"]).await;
    for version in ["5", "311"] {
        let words =
            ["-u", "reader", "-P", &key, "-q", "1", "-C", "1", "-t", "oneshelf/1/stock/S07/FLASK"];
        let (code, said) = client(&hub, "mosquitto_sub", version, &words).await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("\"sku\":\"FLASK\"") && said.contains("\"count\":3"), "{said}");
        // r1: with the retain flag.
        assert!(said.contains("r1, m"), "{said}");
    }
    hub.close().await;
}

#[tokio::test]
async fn mosquitto_is_refused_with_the_numbers_of_its_version() {
    let hub = Hub::open().await;
    let key = hub.secret_key(&["live"]).await;
    let stock = hub.secret_key(&["stock:read"]).await;
    let figures = "oneshelf/1/stock/S07/FLASK";
    for (version, user, password, word) in [
        ("5", "reader", "osk_wrong", "CONNACK (134)"),
        ("5", "reader", stock.as_str(), "CONNACK (135)"),
        ("311", "reader", "osk_wrong", "CONNACK (4)"),
        ("311", "reader", stock.as_str(), "CONNACK (5)"),
    ] {
        let words = ["-u", user, "-P", password, "-C", "1", "-t", figures];
        let (code, said) = client(&hub, "mosquitto_sub", version, &words).await;
        assert!(code != 0 && said.contains(word), "{version} {word}: {said}");
    }
    let other = AgentId(Uuid::from_u128(9));
    let (down, up) = (topic::down(other), topic::up(other));
    for filter in ["#", "oneshelf/1/agent/#", "oneshelf/1/agent/+/down", &down] {
        for (version, word) in [("5", "135"), ("311", "128")] {
            let words = ["-u", "reader", "-P", &key, "-W", "5", "-t", filter];
            let (_, said) = client(&hub, "mosquitto_sub", version, &words).await;
            assert!(said.contains(&format!(": {word}")), "{version} {filter}: {said}");
            assert!(!said.contains("PUBLISH"), "{said}");
        }
    }
    let words = ["-u", "reader", "-P", &key, "-q", "1", "-t", &up, "-m", "{}"];
    let (_, said) = client(&hub, "mosquitto_pub", "5", &words).await;
    assert!(said.contains("PUBACK") && said.contains("RC:135"), "{said}");
    let (code, said) = client(&hub, "mosquitto_pub", "311", &words).await;
    assert!(code != 0 || !said.contains("PUBACK"), "{said}");
    hub.close().await;
}
