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
/// Writers of the hot item, and as many of the others; each has one request at a time.
const WRITERS: usize = 8;

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
    tasks: [JoinSet<Result<()>>; 2],
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

    /// Some take units of the hot item in, one at a time, others write to other items: so many
    /// commands a second, or as many as the hub answers.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn write(
        &self,
        scores: &Arc<Scores>,
        hot_per_s: u64,
        others_per_s: u64,
    ) -> Result<Writers> {
        let (mut tasks, mut others) = (JoinSet::new(), JoinSet::new());
        let stop = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU64::new(0));
        for _ in 0..WRITERS {
            let (admin, hot, scores) =
                (self.world.admin(0)?, vec![self.hot.clone()], Arc::clone(scores));
            let told = move || scores.is_there();
            tasks.spawn(write(admin, STORE, hot, pace(hot_per_s), Arc::clone(&stop), told));
        }
        for other in 0..if others_per_s > 0 { WRITERS } else { 0 } {
            let (admin, count) = (self.world.admin(0)?, Arc::clone(&count));
            let skus = self.others.iter().skip(other).step_by(WRITERS).cloned().collect();
            let told = move || {
                count.fetch_add(1, Ordering::Relaxed);
            };
            others.spawn(write(
                admin,
                WAREHOUSE,
                skus,
                pace(others_per_s),
                Arc::clone(&stop),
                told,
            ));
        }
        Ok(Writers { tasks: [tasks, others], stop, others: count })
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

/// How long a writer waits between two commands; nothing: not at all.
fn pace(per_s: u64) -> Option<Duration> {
    let share = Duration::from_secs(WRITERS as u64);
    share.checked_div(u32::try_from(per_s).unwrap_or(u32::MAX))
}

async fn write(
    admin: Caller,
    location: &'static str,
    skus: Vec<String>,
    every: Option<Duration>,
    stop: Arc<AtomicBool>,
    answered: impl Fn() + Send,
) -> Result<()> {
    let mut pace = every.map(tokio::time::interval);
    for sku in skus.iter().cycle() {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        receive(&admin, location, sku, 1).await?;
        answered();
    }
    Ok(())
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
        for tasks in &mut self.tasks {
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
        }
        Ok(())
    }

    /// An error when a writer has ended.
    ///
    /// # Errors
    /// Says why.
    pub fn are_well(&mut self) -> Result<()> {
        self.tasks.iter_mut().filter_map(JoinSet::try_join_next).try_for_each(|ended| ended?)
    }
}
