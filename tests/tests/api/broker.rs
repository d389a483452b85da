//! A store and its hub with mosquitto between them, as docs/operations sets it up.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oneshelf_hub::mqtt::broker::Broker;
use oneshelf_pos_agent::serve;
use oneshelf_protocol::topic;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, MqttOptions};
use uuid::Uuid;

use crate::shop::{self, Shop, within};
use crate::support::Hub;

const PASSWORD: &str = "only-in-this-test";

/// A broker of the test, on a port that was free.
pub(crate) struct Mosquitto {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Mosquitto {
    /// One that knows these users, with the ACL file of the documentation.
    pub(crate) async fn start(users: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("mosquitto-{}", Uuid::new_v4().as_simple()));
        std::fs::create_dir(&folder).unwrap();
        let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/mosquitto");
        std::fs::copy(documented.join("acl"), folder.join("acl")).unwrap();
        let passwords = folder.join("passwords");
        for (at, user) in users.iter().enumerate() {
            let mut made = Command::new("mosquitto_passwd");
            made.args(if at == 0 { &["-c", "-b"][..] } else { &["-b"] });
            let made = made.arg(&passwords).args([user, &PASSWORD]).output().unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The documented file, but for what this machine has not: certificates, port 8883.
        let text = std::fs::read_to_string(documented.join("mosquitto.conf")).unwrap();
        let kept = text.lines().filter(|line| {
            let word = line.split(' ').next().unwrap_or_default();
            !["listener", "cafile", "certfile", "keyfile", "password_file", "acl_file"]
                .contains(&word)
        });
        let mut text: Vec<String> = kept.map(str::to_owned).collect();
        text.push(format!("listener {port} 127.0.0.1"));
        text.push(format!("password_file {}", passwords.display()));
        text.push(format!("acl_file {}", folder.join("acl").display()));
        // Started by root it would become `mosquitto`, who may not read this folder.
        text.push("user root".to_owned());
        std::fs::write(folder.join("mosquitto.conf"), text.join("\n") + "\n").unwrap();
        let mut broker = Self { folder, port, child: None };
        broker.run().await;
        broker
    }

    pub(crate) async fn run(&mut self) {
        let mut command = Command::new("mosquitto");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).arg("-c").arg(self.folder.join("mosquitto.conf"));
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        command.stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("mosquitto is installed"));
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        within(async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                pause.tick().await;
            }
        })
        .await;
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn address(&self) -> oneshelf_protocol::address::MqttAddress {
        format!("mqtt://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// For a hub.
    pub(crate) fn of_hub(&self) -> Broker {
        let password = Some(PASSWORD.to_owned());
        Broker { address: self.address(), user: "hub".to_owned(), password, ca: None }
    }

    /// For an agent.
    pub(crate) fn of_agent(&self) -> serve::Transport {
        let password = Some(PASSWORD.to_owned());
        serve::Transport::Broker(serve::Broker { address: self.address(), user: None, password })
    }
}

#[tokio::test]
async fn a_broker_that_dies_and_forgets_loses_nothing_and_forges_nothing() {
    let mut hub = Hub::open().await;
    hub.receive("S07", 50).await;
    let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("broker-{}", Uuid::new_v4().as_simple()));
    let mut shop = Shop::join(&hub, data.clone(), None).await;
    let agents = hub.get("/v1/agents").await.ok(200);
    let agent = agents["agents"][0]["id"].as_str().unwrap().to_owned();
    let mut broker = Mosquitto::start(&["hub", &agent]).await;
    hub.broker = Some(broker.of_hub());
    hub.restart().await;
    shop.start(broker.of_agent()).await;
    let mut register = shop.cashier().await;
    Shop::sell(&mut register, "pay-0").await;
    shop::on_hand(&hub, 49).await;
    for round in 1..=5 {
        broker.kill();
        Shop::sell(&mut register, &format!("pay-{round}-a")).await;
        // It comes back with an empty folder: it never had another.
        broker.run().await;
        Shop::sell(&mut register, &format!("pay-{round}-b")).await;
        shop::on_hand(&hub, 49 - 2 * round).await;
    }
    forged_frames_are_left(&hub, &broker, &agent).await;
    shop::on_hand(&hub, 39).await;
    shop.stop().await;
    hub.close().await;
    std::fs::remove_dir_all(data).unwrap();
}

/// Whoever owns the broker can say anything in an agent's topic, and it proves nothing.
async fn forged_frames_are_left(hub: &Hub, broker: &Mosquitto, agent: &str) {
    let acl = broker.folder.join("acl");
    let open = std::fs::read_to_string(&acl).unwrap() + "\nuser hub\ntopic readwrite #\n";
    std::fs::write(&acl, open).unwrap();
    let pid = broker.child.as_ref().unwrap().id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let address = broker.address();
    let mut options = MqttOptions::new("mallory", address.host, address.port);
    options.set_credentials("hub", PASSWORD);
    let (client, mut events) = AsyncClient::new(options, 8);
    let polling = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let name = topic::up(agent.parse().unwrap());
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    let unsigned = "{\"kind\":\"pong\"}".to_owned();
    let foreign = oneshelf_protocol::signed::message(&[7; 64], "{\"kind\":\"pong\"}");
    within(async {
        loop {
            for text in [&unsigned, &foreign] {
                client.publish(&name, QoS::AtLeastOnce, false, text.clone()).await.unwrap();
            }
            let metrics = reqwest::get(format!("{}/metrics", hub.operator)).await.unwrap();
            if metrics.text().await.unwrap().contains("oneshelf_broker_refused_total") {
                return;
            }
            pause.tick().await;
        }
    })
    .await;
    polling.abort();
}
