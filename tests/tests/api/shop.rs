//! A store with a real agent at the hub of a test: it joins, sells, and the sale arrives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use oneshelf_pos_agent::{enrol, serve};
use oneshelf_tests::chaos::client::Caller;
use oneshelf_tests::chaos::register::Register;
use serde_json::{Value, json};

use crate::support::Hub;

/// The store S07 with one register, and its agent's program.
pub struct Shop {
    data: PathBuf,
    ca: Option<PathBuf>,
    running: Option<serve::Running>,
}

/// A test that hangs says so; nothing is measured.
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it never came")
}

impl Shop {
    /// Makes the store's settings, and joins it.
    pub async fn join(hub: &Hub, data: PathBuf, ca: Option<&Path>) -> Self {
        hub.put("/v1/registers/S07/R1", json!({"name": "Front"})).await.ok(200);
        let staff = json!({"name": "Ana", "role": "cashier", "locations": ["S07"], "pin": "1234"});
        hub.put("/v1/staff/ana", staff).await.ok(200);
        hub.put("/v1/policies/share/S07/*", json!({"quantity": 3})).await.ok(200);
        let code = crate::enrolment::code(hub).await;
        let at = enrol::Hub { url: &hub.base, ca };
        assert_eq!(enrol::enrol(&data, at, &code, "quay").await.unwrap(), "S07");
        Self { data, ca: ca.map(Path::to_path_buf), running: None }
    }

    /// Starts its agent; what travels over is said.
    pub async fn start(&mut self, transport: serve::Transport) {
        let options = serve::Options {
            data: self.data.clone(),
            hub: None,
            hub_ca: self.ca.clone(),
            transport,
            listen: "127.0.0.1:0".parse().unwrap(),
            to_other_machines: false,
            printer: None,
            paper: serve::Paper::default(),
            scanner: None,
            scale: None,
            patterns: vec![],
            hosts: vec![],
            language: serve::Language::En,
        };
        self.running = Some(serve::start(options).await.unwrap());
    }

    /// Stops its agent.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    /// Somebody who is signed in, with a cash session, where the flask is known.
    pub async fn cashier(&self) -> Register {
        let address = self.running.as_ref().unwrap().address();
        let caller = Caller::new(&format!("http://{address}"), None).unwrap();
        let mut register = Register::new(caller, "R1", ("ana", "1234"));
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        within(async {
            // The rows of the store come over the link.
            while register.open().await.is_err() {
                pause.tick().await;
            }
            while register.here("FLASK").await.is_err() {
                pause.tick().await;
            }
        })
        .await;
        register
    }

    /// Sells one flask.
    pub async fn sell(register: &mut Register, key: &str) {
        let ticket = register.scan("5391520940118").await.unwrap();
        register.pay(&ticket, key, false).await.unwrap().unwrap();
    }
}

/// Waits until the hub has so many flasks on hand in the store.
pub async fn on_hand(hub: &Hub, quantity: i64) {
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    within(async {
        while hub.flask_at("S07").await["on_hand"] != quantity {
            pause.tick().await;
        }
    })
    .await;
}

/// How the hub sees the line of its one agent.
pub async fn line(hub: &Hub) -> Value {
    hub.get("/v1/agents").await.ok(200)["agents"][0]["link"].clone()
}
