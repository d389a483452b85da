//! A shop for a proof: folder, database, hubs and agents as processes, and set-up over HTTP.
//!
//! Owns what must be gone afterwards. Invariant: on success nothing is left; on failure the folder
//! with logs and data stays and is named.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::client::{Ask, Caller};
use super::clock::Clock;
use super::dice::Dice;
use super::programs::{Program, Running, find, free_port};

/// The warehouse, which has no agent.
pub const WAREHOUSE: &str = "W01";
/// The store.
pub const STORE: &str = "S01";
/// A cashier and the PIN.
pub const CASHIER: (&str, &str) = ("ana", "4711");
/// A manager and the PIN: may approve what a cashier may not.
pub const MANAGER: (&str, &str) = ("mia", "471147");
/// Origin of the web shop.
const ORIGIN: &str = "http://127.0.0.1:3000";

/// Where the hub keeps its rows, and how many hubs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// PostgreSQL with two hubs.
    PostgresTwo,
}

impl Engine {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::PostgresTwo => "postgres-two",
        }
    }
}

/// See the module.
pub struct World {
    /// Logs and data.
    pub folder: PathBuf,
    /// As `hub serve --database` takes it.
    pub database: String,
    /// Main addresses of the hubs.
    pub hubs: Vec<SocketAddr>,
    /// The admin's.
    pub secret: String,
    dice: Dice,
    clock: Option<Arc<Clock>>,
    pub(super) server: Option<(String, String)>,
}

/// An item of the catalogue.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number.
    pub sku: String,
    /// What a scanner reads.
    pub code: String,
    /// Minor units.
    pub price: i64,
}

impl World {
    /// Makes folder and database.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn make(proof: &str, engine: Engine, dice: &mut Dice) -> Result<Self> {
        let mut dice = dice.fork();
        let name = format!("oneshelf-chaos-{proof}-{}-{}", engine.name(), std::process::id());
        let folder = disk().join(&name);
        std::fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres | Engine::PostgresTwo => Some(fresh_database(&name).await?),
        };
        let database = match &server {
            None => format!("sqlite:{}", folder.join("hub.db").display()),
            Some((server, name)) => {
                let (address, _) = server.rsplit_once('/').context("no database in the address")?;
                format!("{address}/{name}")
            }
        };
        let mut hubs = vec![];
        for _ in 0..if engine == Engine::PostgresTwo { 2 } else { 1 } {
            hubs.push(SocketAddr::from(([127, 0, 0, 1], free_port(&mut dice)?)));
        }
        let secret = String::new();
        Ok(Self { folder, database, hubs, secret, dice, clock: None, server })
    }

    /// `hub setup`.
    ///
    /// # Errors
    /// When it fails.
    pub async fn set_up(&mut self) -> Result<()> {
        let set_up = self.hub_command(&[
            "setup",
            "--database",
            &self.database,
            "--name",
            "Harbour Goods",
            "--currency",
            "EUR",
            "--zone",
            "Europe/Dublin",
            "--location",
            WAREHOUSE,
            "--location-name",
            "Naas",
            "--location-kind",
            "warehouse",
        ])?;
        let said = set_up.output().await?;
        let secret = said.split_whitespace().find(|word| word.starts_with("osa_"));
        self.secret = secret.with_context(|| format!("no admin secret in: {said}"))?.to_owned();
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(super) fn hub_command(&self, arguments: &[&str]) -> Result<Program> {
        let name = format!("hub-{}", arguments.first().unwrap_or(&""));
        Ok(self.program(&name, find("hub")?, arguments))
    }

    /// A program of this shop: its logs are here, and it goes by the shop's clock.
    pub(super) fn program(&self, name: &str, file: PathBuf, arguments: &[&str]) -> Program {
        Program {
            name: name.to_owned(),
            file,
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            logs: self.folder.clone(),
            environment: self.clock.as_deref().map(Clock::environment).unwrap_or_default(),
        }
    }

    /// Its programs go by a clock that can be put forward; none has been started yet.
    ///
    /// # Errors
    /// When there cannot be one.
    pub fn with_a_clock(&mut self) -> Result<Arc<Clock>> {
        let clock = Arc::new(Clock::new(&self.folder)?);
        self.clock = Some(Arc::clone(&clock));
        Ok(clock)
    }

    /// How a hub is started.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn hub(&self, number: usize) -> Result<Program> {
        let mut program = self.hub_command(&[
            "serve",
            "--database",
            &self.database,
            "--data",
            &self.path("hub"),
            "--listen",
            &self.hubs[number].to_string(),
            "--admin-listen",
            "127.0.0.1:0",
        ])?;
        program.name = format!("hub-{number}");
        Ok(program)
    }

    /// How the store's agent is started, with the address of its pages.
    ///
    /// # Errors
    /// When the program is not there, or no port is free.
    pub fn agent(&mut self) -> Result<(Program, SocketAddr)> {
        let at = SocketAddr::from(([127, 0, 0, 1], free_port(&mut self.dice)?));
        let arguments = ["serve", "--data", &self.path("agent"), "--listen", &at.to_string()];
        Ok((self.program("agent", find("pos-agent")?, &arguments), at))
    }

    /// The admin at a hub.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn admin(&self, number: usize) -> Result<Caller> {
        let header = ("authorization", format!("Bearer {}", self.secret));
        Caller::new(&format!("http://{}", self.hubs[number]), Some(header))
    }

    /// A second location with registers, a cashier and a manager. The first hub must run.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn open_store(&self, registers: &[&str]) -> Result<()> {
        let admin = self.admin(0)?;
        let store = json!({"name": "Quay Street", "kind": "store", "zone": "Europe/Dublin",
            "address": "12 Quay Street", "receipt_header": ["Harbour Goods"]});
        admin.need(&Ask::put(&format!("/v1/locations/{STORE}"), &store)).await?;
        for register in registers {
            let path = format!("/v1/registers/{STORE}/{register}");
            admin.need(&Ask::put(&path, &json!({"name": format!("Register {register}")}))).await?;
        }
        for ((code, pin), role) in [(CASHIER, "cashier"), (MANAGER, "manager")] {
            let staff = json!({"name": code, "role": role, "locations": [STORE], "pin": pin});
            admin.need(&Ask::put(&format!("/v1/staff/{code}"), &staff)).await?;
        }
        Ok(())
    }

    /// Items with so many units at each location. The first hub must run.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn items(&self, count: usize, opening: &[(&str, i64)]) -> Result<Vec<Item>> {
        let admin = self.admin(0)?;
        let mut items = vec![];
        for number in 1..=count {
            let item = Item {
                sku: format!("ITEM-{number:04}"),
                code: ean13(number),
                price: 100 + i64::try_from(number)? * 5,
            };
            let details = json!({"name": format!("Item {number}"), "barcodes": [item.code],
                "price": {"minor": item.price, "currency": "EUR"}, "tax": "standard"});
            admin.need(&Ask::put(&format!("/v1/items/{}", item.sku), &details)).await?;
            items.push(item);
        }
        for (location, units) in opening {
            for (part, some) in items.chunks(100).enumerate() {
                let line = |item: &Item| json!({"sku": item.sku, "quantity": units});
                let lines: Vec<Value> = some.iter().map(line).collect();
                let body = json!({"location": location, "lines": lines, "reference": "opening"});
                let key = format!("opening-{location}-{part}");
                admin.need(&Ask::post("/v1/stock/receive", &key, &body)).await?;
            }
        }
        Ok(items)
    }

    /// A policy's number: `share/S01/*`.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn policy(&self, name: &str, units: i64) -> Result<()> {
        let path = format!("/v1/policies/{name}");
        self.admin(0)?.need(&Ask::put(&path, &json!({"quantity": units}))).await.map(drop)
    }

    /// A shopper's page: a publishable key that may hold.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn shopper(&self) -> Result<Caller> {
        let body = json!({"name": "web shop", "kind": "publishable", "channel": "web",
            "scopes": ["stock:read", "hold", "live"], "origins": [ORIGIN],
            "display": {"kind": "exact", "cap": 1000}});
        let made = self.admin(0)?.need(&Ask::post("/v1/keys", "web-shop", &body)).await?;
        let secret = made["secret"].as_str().context("a new key says its secret")?;
        let header = ("x-oneshelf-key", secret.to_owned());
        Caller::new(&format!("http://{}", self.hubs[0]), Some(header))
    }

    /// Lets the agent join the store over a road.
    ///
    /// # Errors
    /// When hub or agent refuse.
    pub async fn enrol(&self, road: SocketAddr) -> Result<()> {
        let body = json!({"location": STORE});
        let made = self.admin(0)?.need(&Ask::post("/v1/enrolments", "enrol", &body)).await?;
        let code = made["code"].as_str().context("an enrolment has a code")?;
        let hub = format!("http://{road}");
        let arguments = ["enrol", "--data", &self.path("agent"), "--hub", &hub, "--code", code];
        self.program("agent-enrol", find("pos-agent")?, &arguments).output().await.map(drop)
    }

    /// `hub audit`: an error when anything is broken, else what it printed.
    ///
    /// # Errors
    /// What it found.
    pub async fn audit(&self) -> Result<String> {
        self.hub_command(&["audit", "--database", &self.database])?.output().await
    }

    /// The agent's database.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("agent")
    }

    /// Removes everything.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn remove(self) -> Result<()> {
        if let Some((server, name)) = &self.server {
            run(server, &format!("drop database if exists \"{name}\" with (force)")).await?;
        }
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

/// Stops programs in their order; each must end well.
///
/// # Errors
/// When one does not.
pub async fn stop_all(running: Vec<Running>) -> Result<()> {
    for one in running {
        one.stop().await?;
    }
    Ok(())
}

/// /var/tmp is a disk where /tmp may be memory, and an fsync in memory proves nothing.
fn disk() -> PathBuf {
    let disk = PathBuf::from("/var/tmp");
    if disk.is_dir() { disk } else { std::env::temp_dir() }
}

async fn fresh_database(name: &str) -> Result<(String, String)> {
    let Ok(server) = std::env::var("ONESHELF_TEST_POSTGRES") else {
        bail!("ONESHELF_TEST_POSTGRES names no server; `cargo xtask chaos` starts one");
    };
    make_empty(&server, name).await?;
    Ok((server, name.to_owned()))
}

/// An empty database, whatever had its name.
pub(super) async fn make_empty(server: &str, name: &str) -> Result<()> {
    run(server, &format!("drop database if exists \"{name}\" with (force)")).await?;
    let make = format!("create database \"{name}\" template template0 encoding 'UTF8' locale 'C'");
    run(server, &make).await
}

async fn run(server: &str, sql: &str) -> Result<()> {
    let mut conn = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await?;
    Ok(conn.close().await?)
}

/// An in-store barcode (GS1 prefix 20) with its check digit.
fn ean13(number: usize) -> String {
    let digits = format!("20{number:010}");
    let weighted = digits.bytes().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barcode_has_the_right_check_digit() {
        assert_eq!(ean13(1), "2000000000015");
        // The example of the GS1 General Specifications, with our prefix: 2 0 ... 1 2 3 4 5.
        assert_eq!(ean13(12_345), "2000000123455");
    }
}
