//! A hub with a shop, two stores and a warehouse, and requests to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oneshelf_domain::Timestamp;
use oneshelf_domain::record::LocationKind;
use oneshelf_hub::auth::rates::Rates;
use oneshelf_hub::channels::Settings;
use oneshelf_hub::http::Proxy;
use oneshelf_hub::mqtt::broker::Broker;
use oneshelf_hub::serve::{Options, Running, start, wall_clock};
use oneshelf_hub::setup::{NewShop, set_up};
use oneshelf_hub::tls::Files;
use oneshelf_tests::database::Database;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

/// A hub of a test.
pub struct Hub {
    running: Option<Running>,
    database: Database,
    http: reqwest::Client,
    /// `http://127.0.0.1:...`.
    pub base: String,
    /// Of the operator.
    pub operator: String,
    /// The admin secret.
    pub admin: String,
    ahead_ms: Arc<AtomicI64>,
    rates: Rates,
    tls: Option<Files>,
    pub broker: Option<Broker>,
    channels: Settings,
}

/// What was answered.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Said {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Asserts a refusal: a problem with everything that belongs to it.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert!(self.body["instance"].as_str().is_some_and(|i| i.starts_with("req_")));
        self.body
    }
}

/// A request being made.
pub struct Ask<'a> {
    hub: &'a Hub,
    request: reqwest::RequestBuilder,
}

impl Ask<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub fn admin(self) -> Self {
        let secret = self.hub.admin.clone();
        self.bearer(&secret)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    pub fn bytes(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request = self.request.header("content-type", kind).body(body.into());
        self
    }

    pub async fn send(self) -> Said {
        let response = self.request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Said { status, headers, body, text }
    }
}

impl Hub {
    /// A hub with a shop, the stores S07 and S02, the warehouse W01, and two items.
    pub async fn open() -> Hub {
        let generous = Rates { door: Rates::default().caller, ..Rates::default() };
        Self::open_with(generous).await
    }

    pub async fn open_with(rates: Rates) -> Hub {
        oneshelf_hub::tls::use_ring();
        let http = reqwest::Client::new();
        Self::open_over(rates, None, http, Settings::default()).await
    }

    /// With its own way to channels.
    pub async fn open_as(rates: Rates, channels: Settings) -> Hub {
        oneshelf_hub::tls::use_ring();
        Self::open_over(rates, None, reqwest::Client::new(), channels).await
    }

    /// One that speaks TLS, as `localhost`; the client believes its certificate.
    pub async fn open_tls(files: Files, http: reqwest::Client) -> Hub {
        Self::open_over(Rates::default(), Some(files), http, Settings::default()).await
    }

    async fn open_over(
        rates: Rates,
        tls: Option<Files>,
        http: reqwest::Client,
        channels: Settings,
    ) -> Hub {
        let database = Database::fresh().await;
        let shop = NewShop {
            name: "Harbour Goods".into(),
            currency: "EUR".into(),
            zone: "Europe/Dublin".into(),
            location: "W01".into(),
            location_name: "Naas".into(),
            location_kind: LocationKind::Warehouse,
            tax_basis_points: 2300,
            tax_name: "VAT 23%".into(),
            public_url: None,
        };
        let admin = set_up(database.url(), &shop).await.unwrap();
        assert!(set_up(database.url(), &shop).await.is_err(), "a hub is set up once");
        let mut hub = Hub {
            running: None,
            database,
            http,
            base: String::new(),
            operator: String::new(),
            admin,
            ahead_ms: Arc::default(),
            rates,
            tls,
            broker: None,
            channels,
        };
        hub.start().await;
        for (code, name) in [("S07", "Quay Street"), ("S02", "Patrick Street")] {
            let body = json!({"name": name, "kind": "store", "receipt_header": ["Harbour Goods"]});
            hub.put(&format!("/v1/locations/{code}"), body).await.ok(200);
        }
        for (sku, name, barcode) in
            [("FLASK", "Flask", "5391520940118"), ("LAMP", "Camp lantern", "5391520940125")]
        {
            hub.put(
                &format!("/v1/items/{sku}"),
                json!({"name": name, "barcodes": [barcode],
                    "price": {"minor": 3490, "currency": "EUR"}}),
            )
            .await
            .ok(200);
        }
        hub
    }

    /// Starts it, at first or after a halt.
    pub async fn start(&mut self) {
        let (wall, ahead) = (wall_clock(), self.ahead_ms.clone());
        let clock =
            Arc::new(move || -> Timestamp { wall().plus_ms(ahead.load(Ordering::Relaxed)) });
        let options = self.options();
        let running = start(options, clock).await.unwrap();
        self.base = match &self.tls {
            None => format!("http://{}", running.address),
            Some(_) => format!("https://localhost:{}", running.address.port()),
        };
        self.operator = format!("http://{}", running.admin_address);
        self.running = Some(running);
    }

    /// How it is started; a running one says where it listens.
    pub fn options(&self) -> Options {
        let any = "127.0.0.1:0".parse().unwrap();
        let (listen, admin_listen) = match &self.running {
            Some(running) => (running.address, running.admin_address),
            None => (any, any),
        };
        Options {
            database: self.database.url().to_owned(),
            listen,
            admin_listen,
            mqtt_listen: Some(any),
            broker: self.broker.clone(),
            data: Some(std::path::PathBuf::from(format!("{}-keys", self.keys_name()))),
            public_url: None,
            proxy: Proxy::Trusted,
            tls: self.tls.clone(),
            rates: self.rates.clone(),
            channels: self.channels.clone(),
            lease: oneshelf_hub::jobs::LEASE,
        }
    }

    fn keys_name(&self) -> String {
        let name = self.database.url().rsplit('/').nth(usize::from(self.is_file())).unwrap();
        std::env::temp_dir().join(name).display().to_string()
    }

    pub fn is_file(&self) -> bool {
        self.database.url().starts_with("sqlite:")
    }

    /// Stops it as SIGTERM would, and starts it again.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        self.start().await;
    }

    /// Stops it; its traces stay.
    pub async fn halt(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Stops it and takes its traces away.
    pub async fn close(mut self) {
        self.halt().await;
        let _ = std::fs::remove_dir_all(format!("{}-keys", self.keys_name()));
    }

    /// What its database has: the programs' own view follows a moment later.
    pub async fn version(&self) -> i64 {
        self.texts("select cast(version as text) from head").await[0].parse().unwrap()
    }

    /// The first column of what a query finds in its database.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let (url, sql) = (self.database.url(), sqlx::AssertSqlSafe(sql.to_owned()));
        if self.is_file() {
            let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap()
        } else {
            let mut db = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap()
        }
    }

    /// Where its tables are.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Where it speaks MQTT.
    pub fn mqtt(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().mqtt_address.unwrap()
    }

    /// As it runs.
    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Its parts.
    pub fn app(&self) -> &oneshelf_hub::app::App {
        &self.running.as_ref().unwrap().app
    }

    /// Lets time go on.
    pub fn later(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let method: Method = method.parse().unwrap();
        Ask { hub: self, request: self.http.request(method, format!("{}{path}", self.base)) }
    }

    /// A POST to another hub of the same database.
    pub fn at(&self, url: &str) -> Ask<'_> {
        Ask { hub: self, request: self.http.post(url) }
    }

    pub async fn get(&self, path: &str) -> Said {
        self.ask("GET", path).admin().send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Said {
        self.ask("PUT", path).admin().json(&body).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Said {
        self.ask("POST", path).admin().json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> Said {
        self.ask("DELETE", path).admin().send().await
    }

    /// Puts units of the flask into a location.
    pub async fn receive(&self, location: &str, quantity: i64) {
        let body = json!({"location": location, "lines": [{"sku": "FLASK", "quantity": quantity}]});
        self.post("/v1/stock/receive", body).await.ok(200);
    }

    /// The flask's figures at a location.
    pub async fn flask_at(&self, location: &str) -> Value {
        let stock = self.get("/v1/stock/FLASK").await.ok(200);
        let rows = stock["locations"].as_array().unwrap();
        rows.iter().find(|r| r["location"] == location).cloned().unwrap_or(Value::Null)
    }

    /// A key with these scopes.
    pub async fn make_key(&self, body: Value) -> (String, String) {
        let made = self.post("/v1/keys", body).await.ok(201);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    pub async fn secret_key(&self, scopes: &[&str]) -> String {
        let body = json!({"name": "App", "kind": "secret", "scopes": scopes});
        self.make_key(body).await.1
    }

    /// Signs a new member of staff in; gives the cookie.
    pub async fn sign_in(&self, code: &str, role: &str, locations: &[&str]) -> String {
        let body = json!({"name": code, "role": role, "locations": locations,
            "password": "correct horse"});
        self.put(&format!("/v1/staff/{code}"), body).await.ok(200);
        let body = json!({"staff": code, "password": "correct horse"});
        let said = self.ask("POST", "/v1/session").json(&body).send().await;
        cookie(&said)
    }
}

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
pub fn cookie(said: &Said) -> String {
    assert_eq!(said.status, 204, "{}", said.text);
    let set = said.headers["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}
