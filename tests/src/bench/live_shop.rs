//! The shop of `bench live`: a real hub with a hot item, and those who change its stock.
//!
//! It measures nothing but how much memory the hub has.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::task::JoinSet;

use super::live_mqtt::MqttTarget;
use super::live_swarm::{Scores, Target};
use crate::chaos::client::{Ask, Caller};
use crate::chaos::dice::Dice;
use crate::chaos::programs::Running;
use crate::chaos::world::{Engine, STORE, WAREHOUSE, World};

/// Items that are written beside the hot one.
const ITEMS: usize = 200;
/// Writers of the hot item, each with one request at a time.
const HOT: usize = 8;
/// Writers of the others.
const OTHERS: usize = 8;

/// See the module.
pub struct LiveShop {
    world: World,
    hub: Running,
    key: String,
    /// A secret one, for MQTT.
    reader: String,
    mqtt: SocketAddr,
    hot: String,
    others: Vec<String>,
}

/// Writers at work, until they are told to stop.
pub struct Writers {
    tasks: JoinSet<Result<()>>,
    stop: Arc<AtomicBool>,
    /// Commands of the others that were answered.
    pub others: Arc<AtomicU64>,
}

impl LiveShop {
    /// Opens it.
    ///
    /// # Errors
    /// When a program does not start or refuses.
    pub async fn open(dice: &mut Dice) -> Result<Self> {
        let mut world = World::make("live", Engine::Sqlite, dice).await?;
        world.set_up().await?;
        let mut program = world.hub(0)?;
        program.arguments.extend(["--mqtt-listen", "127.0.0.1:0"].map(str::to_owned));
        let hub = program.start_sound().await?;
        let mqtt = hub.ready_line.split("mqtt://").nth(1).context("the hub speaks no MQTT")?;
        let mqtt = mqtt.trim().parse()?;
        world.open_store(&[]).await?;
        let mut others: Vec<String> =
            world.items(ITEMS, &[]).await?.into_iter().map(|item| item.sku).collect();
        let hot = others.swap_remove(0);
        // Every unit is shown, so that every change is one that a shopper sees.
        let body = json!({"name": "bench", "kind": "publishable", "channel": "web",
            "scopes": ["live"], "display": {"kind": "exact", "cap": 1_000_000}});
        let made = world.admin(0)?.need(&Ask::post("/v1/keys", "bench", &body)).await?;
        let key = made["secret"].as_str().context("a new key says its secret")?.to_owned();
        let body = json!({"name": "bench MQTT", "kind": "secret", "scopes": ["live"]});
        let made = world.admin(0)?.need(&Ask::post("/v1/keys", "bench-mqtt", &body)).await?;
        let reader = made["secret"].as_str().context("a new key says its secret")?.to_owned();
        Ok(Self { world, hub, key, reader, mqtt, hot, others })
    }

    /// Logs and data.
    pub fn folder(&self) -> &Path {
        &self.world.folder
    }

    /// Where shoppers follow the hot item.
    pub fn target(&self) -> Target {
        Target {
            address: self.world.hubs[0],
            path: format!("/v1/live?key={}", self.key),
            says: Some(json!({"subscribe": {"items": [self.hot]}}).to_string()),
        }
    }

    /// Where displays follow it over MQTT.
    pub fn mqtt_target(&self) -> MqttTarget {
        let topic = format!("oneshelf/1/stock/{STORE}/{}", self.hot);
        MqttTarget { address: self.mqtt, key: self.reader.clone(), topic }
    }

    /// Memory of the hub that is in the machine, KiB.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn resident(&self) -> Result<u64> {
        let pid = self.hub.pid().context("the hub is gone")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.context("no VmRSS")?.parse()?)
    }

    /// Some take a unit of the hot item in after the other, as fast as the hub answers; others
    /// write so many commands a second to other items.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn write(&self, scores: &Arc<Scores>, others_per_s: u64) -> Result<Writers> {
        let mut tasks = JoinSet::new();
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        for _ in 0..HOT {
            let (admin, hot) = (self.world.admin(0)?, self.hot.clone());
            let (scores, ending) = (Arc::clone(scores), Arc::clone(&stop));
            tasks.spawn(async move {
                while !ending.load(Ordering::Relaxed) {
                    receive(&admin, STORE, &hot, 1).await?;
                    scores.is_there();
                }
                Ok(())
            });
        }
        let every = Duration::from_secs(OTHERS as u64).checked_div(u32::try_from(others_per_s)?);
        for other in (0..OTHERS).take(if every.is_some() { OTHERS } else { 0 }) {
            let (admin, ending, count) =
                (self.world.admin(0)?, Arc::clone(&stop), Arc::clone(&count));
            let skus: Vec<String> =
                self.others.iter().skip(other).step_by(OTHERS).cloned().collect();
            let mut pace = tokio::time::interval(every.unwrap_or_default());
            tasks.spawn(async move {
                for sku in skus.iter().cycle() {
                    pace.tick().await;
                    if ending.load(Ordering::Relaxed) {
                        break;
                    }
                    receive(&admin, WAREHOUSE, sku, 1).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Ok(Writers { tasks, stop, others: count })
    }

    /// Ends the hub and removes everything; the audit must find nothing.
    ///
    /// # Errors
    /// When it does not end well, or the audit finds something.
    pub async fn close(self) -> Result<()> {
        self.hub.stop().await?;
        self.world.audit().await?;
        self.world.remove().await
    }
}

async fn receive(admin: &Caller, location: &str, sku: &str, quantity: i64) -> Result<()> {
    let body = json!({"location": location, "lines": [{"sku": sku, "quantity": quantity}]});
    let key = uuid::Uuid::now_v7().to_string();
    admin.need(&Ask::post("/v1/stock/receive", &key, &body)).await.map(drop)
}

impl Writers {
    /// Ends them; what was begun is answered.
    ///
    /// # Errors
    /// When one was refused.
    pub async fn end(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// An error when a writer has ended.
    ///
    /// # Errors
    /// Says why.
    pub fn are_well(&mut self) -> Result<()> {
        self.tasks.try_join_next().map_or(Ok(()), |ended| ended?)
    }
}
