//! A hub is put back to a backup under load: a register sells, shoppers claim, a channel orders,
//! before it, while it is away and after it.
//!
//! A round makes a backup, goes on, lets an hour pass (the programs' clock is put forward), goes
//! on, ends the hub (asked to stop, or killed), goes on, restores, and looks. Nothing of the store
//! is promised before its agent has told everything, and nothing of the warehouse before the
//! channel has sent its orders again. Then each sale is booked once, each order is there once, what
//! was held is over with its time, what shoppers were told stands otherwise unless the backup did
//! not have it, and the channel's last figures are the hub's. Invariant: what may be forgotten is
//! what was answered between the backup and the restore, and nothing else.

pub mod desk;
pub mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::desk::{Desk, OPENING};
use self::web::{Hold, Lost, Shoppers, once_each, reserve};
use super::client::{Ask, Caller, until};
use super::clock::Clock;
use super::dice::Dice;
use super::programs::{Program, Running};
use super::register::Register;
use super::replicas::endpoint::Endpoint;
use super::replicas::shop::Shop;
use super::replicas::verdict::orders_kept;
use super::road::{Line, Road};
use super::rows::HubReservation;
use super::world::{Engine, MANAGER, STORE, WAREHOUSE, World, stop_all};
use super::{rows, settle};

const ITEMS: usize = 6;
/// So old is a backup when it is put back.
const AGE: Duration = Duration::from_secs(3_600);
/// Orders and claims never lack any.
const IN_WAREHOUSE: i64 = 1_000_000;
/// So few that grants follow every ticket, and some sales go beyond.
const SHARE: i64 = 3;
/// An agent tries again at growing intervals; a debug program on a busy machine takes its time.
const TOLD_LIMIT: Duration = Duration::from_secs(90);

#[derive(Debug, Default)]
struct Met {
    killed: usize,
    sales: usize,
    claims: usize,
    orders: usize,
    slowest: Duration,
}

/// What the backup held, and what the channel had been told when it was put back.
struct Since {
    known_orders: BTreeSet<String>,
    arrivals: usize,
}

struct Drill<'a> {
    world: &'a World,
    clock: Arc<Clock>,
    program: Program,
    hub: Caller,
    agent: Caller,
    line: Line,
    desk: Desk,
    shoppers: Shoppers,
    shop: Shop,
    endpoint: Endpoint,
    met: Met,
}

/// Restores so many times; says what happened.
///
/// # Errors
/// What was wrong.
pub async fn run(
    world: &mut World,
    engine: Engine,
    rounds: usize,
    dice: &mut Dice,
) -> Result<String> {
    let clock = world.with_a_clock()?;
    let mut program = world.hub(0)?;
    let own = ["--allow-private-endpoints", "127.0.0.0/8", "--requests-per-address", "10000"];
    program.arguments.extend(own.map(str::to_owned));
    // A hub that is killed and started again still has the jobs' leases of the one before.
    program.arguments.extend(["--lease", "1"].map(str::to_owned));
    let mut process = program.start_sound().await?;
    world.open_store(&["R1"]).await?;
    let items = world.items(ITEMS, &[(STORE, OPENING), (WAREHOUSE, IN_WAREHOUSE)]).await?;
    world.policy(&format!("share/{STORE}/*"), SHARE).await?;
    let endpoint = Endpoint::open().await?;
    let hub = world.admin(0)?;
    let body = json!({"code": "own", "name": "Own shop", "locations": [WAREHOUSE],
        "endpoint": format!("http://{}/", endpoint.address)});
    let made = hub.need(&Ask::post("/v1/channels", "channel", &body)).await?;
    let secret = made["secret"].as_str().context("a new channel says its secret")?;
    let line = Line::open(world.hubs[0], dice.fork()).await?;
    world.enrol(line.address()).await?;
    let (agent_program, pages) = world.agent()?;
    let agent_process = agent_program.start_sound().await?;
    let agent = Caller::new(&format!("http://{pages}"), None)?;
    settle::drained(&agent, TOLD_LIMIT).await?;
    let skus: Vec<String> = items.iter().map(|item| item.sku.clone()).collect();
    let register = Register::new(agent.clone(), "R1", MANAGER);
    let mut desk = Desk { register, items, sold: vec![], dice: dice.fork() };
    desk.register.open().await?;
    let shop = Shop::new(vec![hub.clone()], secret, skus.clone())?.by_the(Arc::clone(&clock));
    let shoppers = Shoppers::new(hub.clone(), skus);
    let met = Met::default();
    let mut drill =
        Drill { world, clock, program, hub, agent, line, desk, shoppers, shop, endpoint, met };
    for round in 0..rounds {
        process = drill.round(round, process, dice).await.with_context(|| format!("{round}"))?;
    }
    stop_all(vec![agent_process, process]).await?;
    drill.desk.compare(world).await?;
    world.audit().await?;
    Ok(drill.said(engine, rounds))
}

impl Drill<'_> {
    async fn round(&mut self, round: usize, hub: Running, dice: &mut Dice) -> Result<Running> {
        let known: BTreeSet<String> = self.shop.books().orders.keys().cloned().collect();
        let (stop, mut people) = self.people(round, dice);
        self.desk.sell(dice.between(1, 4)).await?;
        let file = format!("backup-{round}");
        let from = Instant::now();
        let sells = self.desk.sell(dice.between(4, 8));
        let (made, sold) = tokio::join!(self.world.backup(&file), sells);
        made?;
        sold?;
        let before = self.desk.sold.len();
        self.desk.sell(dice.between(1, 4)).await?;
        self.clock.forward(AGE).await?;
        let later = Instant::now();
        self.desk.sell(dice.between(2, 6)).await?;
        let booked = self.all_booked().await?;
        self.away(hub, dice).await?;
        self.line.set(Road::Cut);
        self.desk.sell(dice.between(0, 2)).await?;
        self.met.sales += self.desk.sold.len() - before;
        let said = self.world.restore(&file).await?;
        let lost = Lost { from, later, to: Instant::now() };
        let database = &self.world.database;
        let left = rows::sales(database).await?.len();
        ensure!(left < booked, "nothing was put back: {left} of {booked} sales are there");
        let known_orders = rows::orders(database).await?.into_keys().collect();
        let since = Since { known_orders, arrivals: self.endpoint.came().len() };
        let process = self.program.start_sound().await?;
        let sku = self.desk.items[round % ITEMS].sku.clone();
        self.nothing_promised(&sku, round, &said).await?;
        let told = Instant::now();
        self.shoppers.none_promised(STORE, lost.to, told)?;
        self.line.set(Road::Clear);
        settle::drained(&self.agent, TOLD_LIMIT).await?;
        self.promised(&sku, STORE, round).await.context("the store has told everything")?;
        self.met.slowest = self.met.slowest.max(told.elapsed());
        self.channel_sends_again(&known, &lost, &sku, round).await?;
        stop.send_replace(true);
        while let Some(ended) = people.join_next().await {
            ended??;
        }
        let rows = self.settled_claims(&lost).await?;
        self.met.claims += self.shoppers.ask_again(&rows, &lost).await?;
        self.settled_claims(&lost).await?;
        self.at_rest(&since).await?;
        Ok(process)
    }

    /// Every sale is booked at the hub. Gives how many there are.
    async fn all_booked(&self) -> Result<usize> {
        let sold = self.desk.sold.len();
        until(TOLD_LIMIT, async || {
            let booked = rows::sales(&self.world.database).await?.len();
            Ok(if booked == sold { Ok(booked) } else { Err(format!("{booked} of {sold}")) })
        })
        .await
        .context("sales with the line up are booked")
    }

    /// What shoppers gave up at the store waits for the store's word, and what was held is let go:
    /// until no claim waits for either.
    async fn settled_claims(&self, lost: &Lost) -> Result<BTreeMap<String, HubReservation>> {
        until(TOLD_LIMIT, async || {
            let rows = rows::reservations(&self.world.database).await?;
            let waits = rows.iter().find(|(_, row)| row.state == "releasing");
            Ok(match (waits, self.shoppers.overdue(&rows, lost)) {
                (None, None) => Ok(rows),
                (Some((id, _)), _) => Err(format!("{id} waits for the store's word")),
                (None, Some(id)) => Err(format!("{id} is held, and its time is over")),
            })
        })
        .await
    }

    /// Three shoppers and a channel begin; they go on while the hub is away.
    fn people(&self, round: usize, dice: &mut Dice) -> (watch::Sender<bool>, JoinSet<Result<()>>) {
        let (stop, stopped) = watch::channel(false);
        let mut people = JoinSet::new();
        for name in ["ada", "bob", "cyd"] {
            let name = format!("{name}-{round}");
            people.spawn(self.shoppers.clone().claims(name, dice.fork(), stopped.clone()));
        }
        people.spawn(self.shop.clone().orders(format!("W-{round}"), dice.fork(), stopped));
        (stop, people)
    }

    /// The hub goes, in one way or the other.
    async fn away(&mut self, mut hub: Running, dice: &mut Dice) -> Result<()> {
        if dice.between(0, 1) == 0 {
            self.met.killed += 1;
            return hub.kill().await;
        }
        hub.stop().await
    }

    /// The store has not told anything, the channel has not sent its orders again.
    async fn nothing_promised(&self, sku: &str, round: usize, said: &str) -> Result<()> {
        for at in [STORE, WAREHOUSE] {
            let key = format!("early-{at}-{round}");
            if let Some(id) = reserve(&self.hub, sku, at, &key, Hold::Paid).await? {
                bail!("{id} was promised at {at} by a hub that knows too little: {said}");
            }
        }
        Ok(())
    }

    /// A unit is promised again, and given up.
    async fn promised(&self, sku: &str, at: &str, round: usize) -> Result<()> {
        let mut tries = 0;
        let id = until(TOLD_LIMIT, async || {
            tries += 1;
            let key = format!("late-{at}-{round}-{tries}");
            let claimed = reserve(&self.hub, sku, at, &key, Hold::Paid).await?;
            Ok(claimed.ok_or_else(|| format!("{sku} is not promised yet at {at}")))
        });
        let path = format!("/v1/reservations/{}/release", id.await?);
        let key = format!("release-{at}-{round}");
        self.hub.need(&Ask::post(&path, &key, &json!({}))).await.map(drop)
    }

    /// The channel sends its orders of this round again, and somebody says that it has.
    async fn channel_sends_again(
        &mut self,
        known: &BTreeSet<String>,
        lost: &Lost,
        sku: &str,
        round: usize,
    ) -> Result<()> {
        self.met.orders += self.shop.again(known).await?;
        let said = Instant::now();
        self.shoppers.none_promised(WAREHOUSE, lost.to, said)?;
        let path = "/v1/channels/own/caught-up";
        self.hub.need(&Ask::say(path, &json!({}))).await?;
        self.promised(sku, WAREHOUSE, round).await.context("the channel has caught up")
    }

    /// All is told, worked off and compared.
    async fn at_rest(&mut self, since: &Since) -> Result<()> {
        let database = &self.world.database;
        until(TOLD_LIMIT, async || {
            let claims = rows::reservations(database).await?;
            let states: BTreeMap<String, String> =
                claims.into_iter().map(|(id, row)| (id, row.state)).collect();
            let (orders, came) = (rows::orders(database).await?, self.endpoint.came());
            let (known, forgotten): (BTreeMap<_, _>, BTreeMap<_, _>) = self
                .shop
                .books()
                .orders
                .clone()
                .into_iter()
                .partition(|(order, _)| since.known_orders.contains(order));
            // Of one that was forgotten the word before the restore is worth nothing.
            let kept = orders_kept(&known, &orders, &states, &came)
                .and_then(|()| orders_kept(&forgotten, &orders, &states, &came[since.arrivals..]));
            Ok(kept.map_err(|error| format!("{error:#}")))
        })
        .await
        .context("the channel's orders")?;
        once_each(&rows::reservations(database).await?)?;
        settle::drained(&self.agent, TOLD_LIMIT).await?;
        for item in &self.desk.items {
            let store = settle::at_store(&self.hub, &item.sku).await?;
            settle::expect(&store, "on_hand", self.desk.left(&item.sku), &item.sku)?;
            settle::expect(&store, "discrepancy", 0, &item.sku)?;
            settle::expect(
                &store,
                "reserved",
                self.shoppers.standing(STORE, &item.sku),
                &item.sku,
            )?;
            self.told(&item.sku).await?;
        }
        let skus: Vec<String> = self.desk.items.iter().map(|item| item.sku.clone()).collect();
        settle::same_views(&mut self.desk.register, &self.hub, skus.iter()).await
    }

    /// The warehouse holds what stands promised there, and the channel was told what is left.
    async fn told(&self, sku: &str) -> Result<()> {
        let here = settle::at(&self.hub, sku, WAREHOUSE).await?;
        let ordered = match sku == self.desk.items[0].sku {
            true => self.shop.books().orders.values().filter(|cancelled| !**cancelled).count(),
            false => 0,
        };
        let promised = self.shoppers.standing(WAREHOUSE, sku) + i64::try_from(ordered)?;
        settle::expect(&here, "on_hand", IN_WAREHOUSE, sku)?;
        settle::expect(&here, "reserved", promised, sku)?;
        until(TOLD_LIMIT, async || {
            let came = self.endpoint.came();
            let of = came.iter().filter(|a| a.kind == "stock.changed" && a.subject == sku);
            let newest = of.max_by_key(|a| a.at).context("it was told of the item")?;
            let told: Value = serde_json::from_str(&newest.body)?;
            let right = told["data"]["quantity"] == here["available"];
            Ok(if right { Ok(()) } else { Err(format!("{told}, and the hub says {here}")) })
        })
        .await
        .with_context(|| format!("the channel's figure of {sku}"))
    }

    fn said(&self, engine: Engine, rounds: usize) -> String {
        let Met { killed, sales, claims, orders, slowest } = &self.met;
        // One after the other: both ask for the same lock.
        let claimed = self.shoppers.book().len();
        let expired = self.shoppers.expired();
        format!(
            "{rounds} restores on {} of a backup an hour old, {killed} of a hub that was killed: \
             {} sales, {claimed} claims ({expired} held until their time was over), {} orders; of \
             {sales} sales, {claims} claims and {orders} orders the hub may have known nothing; \
             told again and promised within {:.1} s; each booked once, views equal, channel's \
             figures right, audit clean",
            engine.name(),
            self.desk.sold.len(),
            self.shop.books().orders.len(),
            slowest.as_secs_f64(),
        )
    }
}
