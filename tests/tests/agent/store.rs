//! A store of the tests: an agent with its folder, printer and scanner, and the rows of its hub.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use oneshelf_hardware::sim::PrinterSim;
use oneshelf_pos_agent::enrol::{self, enrol};
use oneshelf_pos_agent::serve::{Language, Options, Paper, Running, Transport, start};
use oneshelf_protocol::pin::pin_material;
use serde_json::{Value, json};

use super::hub::{Hub, Line, PEPPER, nothing_applied};
use super::page::Page;

/// Nothing that is right takes this long.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(180), future).await.expect("it never came")
}

pub const TEA: &str = "5391520940866";
pub const LAMP: &str = "036000291452";

pub struct Store {
    pub hub: Hub,
    pub printer: Option<PrinterSim>,
    /// Of a printer that is not on the network.
    pub printer_address: Option<String>,
    pub paper: Paper,
    pub scanner: Option<String>,
    pub language: Language,
    pub patterns: Vec<String>,
    pub scale: Option<String>,
    data: PathBuf,
    agent: Option<Running>,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// A hub without TLS.
pub fn at(url: &str) -> enrol::Hub<'_> {
    enrol::Hub { url, ca: None }
}

/// A folder's name that is free.
pub fn folder() -> PathBuf {
    let name = format!("oneshelf-agent-{}", uuid::Uuid::new_v4().as_simple());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The built program: in `ONESHELF_BIN`, else where cargo puts it.
pub fn program() -> PathBuf {
    let file = match std::env::var_os("ONESHELF_BIN") {
        Some(folder) => PathBuf::from(folder).join("pos-agent"),
        // This one lies in `deps`, below it.
        None => std::env::current_exe().unwrap().parent().unwrap().with_file_name("pos-agent"),
    };
    assert!(file.exists(), "{} is not there: cargo build", file.display());
    file
}

impl Store {
    /// Joined, with a printer, and served; the hub waits for its first line.
    pub async fn open() -> Self {
        let printer = PrinterSim::bind("127.0.0.1:0").await.unwrap();
        Self::open_with(Some(printer), None).await
    }

    pub async fn open_with(printer: Option<PrinterSim>, scanner: Option<String>) -> Self {
        Self::open_in(folder(), printer, scanner).await
    }

    pub async fn open_in(
        data: PathBuf,
        printer: Option<PrinterSim>,
        scanner: Option<String>,
    ) -> Self {
        let hub = Hub::start().await;
        let url = hub.url();
        let location = enrol(&data, at(&url), "ABCD-EFGH", "Quay Street").await.unwrap();
        assert_eq!(location, "S07");
        let mut store = Self {
            hub,
            printer,
            printer_address: None,
            paper: Paper::default(),
            scanner,
            language: Language::En,
            patterns: vec![],
            scale: None,
            data,
            agent: None,
        };
        store.start().await;
        store
    }

    pub fn data(&self) -> &PathBuf {
        &self.data
    }

    pub fn printer(&self) -> &PrinterSim {
        self.printer.as_ref().unwrap()
    }

    pub async fn start(&mut self) {
        self.agent = Some(start(self.options()).await.unwrap());
    }

    /// How the agent runs.
    pub fn options(&self) -> Options {
        Options {
            data: self.data.clone(),
            listen: "127.0.0.1:0".parse().unwrap(),
            to_other_machines: false,
            printer: self
                .printer_address
                .clone()
                .or(self.printer.as_ref().map(|p| format!("tcp://{}", p.address()))),
            paper: self.paper.clone(),
            scanner: self.scanner.clone(),
            patterns: self.patterns.clone(),
            scale: self.scale.clone(),
            hosts: vec![],
            hub: None,
            hub_ca: None,
            transport: Transport::WebSocket,
            language: self.language,
        }
    }

    pub async fn stop(&mut self) {
        self.agent.take().unwrap().stop().await;
    }

    pub fn agent(&self) -> &Running {
        self.agent.as_ref().unwrap()
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.agent().address())
    }

    /// A page that nobody has signed in on.
    pub fn page(&self) -> Page {
        Page::new(&self.base())
    }

    /// The first line, with settings and two items: 5 of tea and 5 lamps, all the hub's.
    pub async fn first_line(&self) -> Line {
        let mut line = self.hub.line().await;
        line.welcome(1, json!([])).await;
        let mut rows = settings();
        rows.push(item(1, "TEA", "Tea", TEA, 450));
        rows.push(item(2, "LAMP", "Camp lamp", LAMP, 6_400));
        rows.push(stock("TEA", 5, 0));
        rows.push(stock("LAMP", 5, 0));
        line.rows(0, 10, nothing_applied(), &rows);
        let page = self.page();
        page.until("api/state", |s| s["shop"] == "Harbour Goods").await;
        line
    }

    /// A page of register R1 with Ana signed in.
    pub async fn ana(&self) -> Page {
        let mut page = self.page();
        let asked = json!({"register": "R1", "staff": "ana", "pin": "1234"});
        let (status, me) = page.post("api/sign-in", asked).await;
        assert_eq!((status, &me["cashier"]["name"]), (200, &json!("Ana Murphy")));
        page
    }

    /// The same with 100.00 in the drawer.
    pub async fn ana_with_float(&self) -> Page {
        let mut page = self.ana().await;
        let float = json!({"opening_float": eur(10_000)});
        assert_eq!(page.post("api/cash-sessions", float).await.0, 201);
        page
    }
}

pub fn eur(minor: i64) -> Value {
    json!({"minor": minor, "currency": "EUR"})
}

pub fn cash(minor: i64) -> Value {
    json!({"tenders": [{"kind": "cash", "given": eur(minor)}]})
}

fn hash(pin: &str) -> String {
    let material = pin_material(PEPPER, pin).unwrap();
    let cheap = Params::new(8, 1, 1, None).unwrap();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let hash: PasswordHash =
        argon.hash_password_with_salt(material.as_bytes(), b"salt of the test").unwrap();
    hash.to_string()
}

fn record(key: &str, record: Value) -> Value {
    json!({"row": "record", "key": key, "record": record})
}

fn staff(code: &str, name: &str, role: &str, pin: &str) -> Value {
    record(
        &format!("staff/{code}"),
        json!({"record": "staff", "code": code, "name": name, "role": role, "locations": ["S07"],
            "pin_hash": hash(pin)}),
    )
}

fn register(code: &str) -> Value {
    record(
        &format!("register/S07/{code}"),
        json!({"record": "register", "location": "S07", "code": code, "name": code}),
    )
}

/// Shop, store, two registers, a cashier and a manager.
pub fn settings() -> Vec<Value> {
    let taxes = json!([{"class": "standard", "rate_basis_points": 2300, "name": "VAT 23%"}]);
    vec![
        record(
            "shop/shop",
            json!({"record": "shop", "name": "Harbour Goods", "currency": "EUR",
                "zone": "Europe/Dublin", "taxes": taxes}),
        ),
        record(
            "location/S07",
            json!({"record": "location", "no": 1, "code": "S07", "name": "Quay Street",
                "kind": "store", "zone": "Asia/Kathmandu",
                "receipt_header": ["Harbour Goods", "12 Quay Street"]}),
        ),
        register("R1"),
        register("R2"),
        staff("ana", "Ana Murphy", "cashier", "1234"),
        staff("sile", "Sile Brady", "manager", "123456"),
    ]
}

pub fn item(no: i64, sku: &str, name: &str, barcode: &str, minor: i64) -> Value {
    json!({"row": "item", "item": {
        "no": no, "sku": sku, "name": name, "barcodes": [barcode], "unit": "each",
        "price": eur(minor), "tax": "standard", "version": 1,
    }})
}

/// `available` units of the hub's and `share` of the store's, all from a supplier.
pub fn stock(sku: &str, available: i64, share: i64) -> Value {
    let balances = [available, share, 0, 0, 0, 0, 0, -(available + share), 0, 0, 0, 0];
    json!({"row": "stock", "sku": sku, "balances": balances, "short": 0})
}
