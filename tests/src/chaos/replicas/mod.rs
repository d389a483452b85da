//! Two hubs on one PostgreSQL: whoever has a job is paused until the other one has it, or killed,
//! while people claim, a channel orders, and readers follow at both.
//!
//! A paused hub wakes up in the middle of what it did, with an answer in its hands that belongs to
//! somebody else by now: nothing of it may be written. Owns the rounds; who wrote what is seen by
//! `observer`, what is right says `verdict`.

pub mod crowd;
pub mod endpoint;
pub mod feeds;
pub mod observer;
pub mod shop;
pub mod verdict;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use self::crowd::{Everybody, Read, Readers};
use self::endpoint::Endpoint;
use self::observer::{JOBS, Observer};
use self::shop::Shop;
use super::client::{Ask, Caller, until};
use super::dice::Dice;
use super::programs::{Program, Running};
use super::world::{STORE, WAREHOUSE, World, stop_all};
use super::{rows, settle};

const ITEMS: usize = 4;
const OPENING: i64 = 1_000_000;
/// How long a hub has a job without saying so again, seconds.
const LEASE_S: &str = "1";
/// Another hub has the job by then, also on a busy machine.
const PASSED_ON: Duration = Duration::from_secs(30);
const WAKES: Duration = Duration::from_secs(60);
const AT_REST: Duration = Duration::from_secs(90);
/// How long something is waited for that makes a pause worth more.
const IN_HAND: Duration = Duration::from_secs(2);
/// A shopper whose claim needs share, and does not get it in time, tries again.
const RECALLS: usize = 10;

/// What the rounds met.
#[derive(Debug, Default)]
struct Met {
    pauses: usize,
    kills: usize,
    /// Pauses with a delivery on its way, or an order half worked off.
    in_hand: usize,
    slowest: Duration,
}

struct Proof<'a> {
    world: &'a World,
    observer: Observer,
    endpoint: Endpoint,
    shop: Shop,
    programs: Vec<Program>,
    hubs: Vec<Running>,
    met: Met,
}

/// So many pauses and as many kills; says what happened.
///
/// # Errors
/// What was wrong.
pub async fn run(world: &mut World, rounds: usize, dice: &mut Dice) -> Result<String> {
    let observer = Observer::begin(world).await?;
    let mut programs = vec![];
    for (number, address) in observer.addresses.iter().enumerate() {
        programs.push(hub(world, number, address)?);
    }
    let mut hubs = vec![];
    for program in &programs {
        hubs.push(program.start_sound().await?);
    }
    world.open_store(&["R1"]).await?;
    let mut items = world.items(ITEMS, &[(WAREHOUSE, OPENING), (STORE, 100)]).await?;
    world.policy(&format!("share/{STORE}/*"), 100).await?;
    let shared = items.pop().context("an item")?.sku;
    let endpoint = Endpoint::open().await?;
    let secret = channel(world, &endpoint).await?;
    // The agent is at the second hub, and shoppers ask the first.
    world.enrol(world.hubs[1]).await?;
    let (agent_program, pages) = world.agent()?;
    let agent = agent_program.start_sound().await?;
    settle::drained(&Caller::new(&format!("http://{pages}"), None)?, AT_REST).await?;
    let callers = vec![world.admin(0)?, world.admin(1)?];
    let recalled = recalls(&callers[0], &shared, "before").await?;
    let skus: Vec<String> = items.into_iter().map(|item| item.sku).collect();
    let shop = Shop::new(callers, &secret, skus.clone())?;
    let met = Met::default();
    let mut proof = Proof { world, observer, endpoint, shop, programs, hubs, met };
    let readers = Readers::open(world, &skus)?;
    let everybody = Everybody::begin(&proof.shop, dice);
    let fought = proof.rounds(rounds).await;
    everybody.end().await?;
    fought?;
    let recalled = recalled + recalls(&world.admin(0)?, &shared, "after").await?;
    proof.at_rest().await?;
    let read = readers.end().await?;
    let said = proof.verdict(&read, &skus).await?;
    let Proof { hubs, observer, .. } = proof;
    stop_all(std::iter::once(agent).chain(hubs).collect()).await?;
    world.audit().await?;
    observer.end().await?;
    Ok(format!(
        "{said}; {recalled} claims at one hub took share from the store at the other; audit \
                clean"
    ))
}

/// A hub with a role of its own, short leases and a way to the endpoint.
fn hub(world: &World, number: usize, database: &str) -> Result<Program> {
    let mut program = world.hub(number)?;
    for argument in &mut program.arguments {
        if *argument == world.database {
            database.clone_into(argument);
        }
    }
    let more = [
        "--lease",
        LEASE_S,
        "--allow-private-endpoints",
        "127.0.0.0/8",
        "--requests-per-address",
        "10000",
    ];
    program.arguments.extend(more.map(str::to_owned));
    Ok(program)
}

/// A channel that is told at an endpoint; gives its secret.
async fn channel(world: &World, endpoint: &Endpoint) -> Result<String> {
    let body = json!({"code": "own", "name": "Own shop", "locations": [WAREHOUSE],
        "endpoint": format!("http://{}/", endpoint.address)});
    let made = world.admin(0)?.need(&Ask::post("/v1/channels", "channel", &body)).await?;
    Ok(made["secret"].as_str().context("a new channel says its secret")?.to_owned())
}

/// Claims units that lie in the store's share: the hub that has no agent gets one, or says after
/// its deadline that it has none. Gives how many it got.
async fn recalls(hub: &Caller, sku: &str, when: &str) -> Result<usize> {
    let mut got = 0;
    let mut tries = 0;
    let body = json!({"lines": [{"sku": sku, "location": STORE, "quantity": 1}]});
    until(AT_REST, async || {
        tries += 1;
        let key = format!("recall-{when}-{tries}");
        let answer = hub.settled(&Ask::post("/v1/reservations", &key, &body)).await?;
        match (answer.status, answer.code()) {
            (201, _) => got += 1,
            (409, "not_promised_now" | "not_enough_available") => {}
            _ => bail!("a claim of share: {} {}", answer.status, answer.body),
        }
        let enough = got >= RECALLS / 2;
        Ok(if enough { Ok(()) } else { Err(format!("{got} of {tries} got their unit")) })
    })
    .await
    .context("share of a store whose agent is at the other hub")?;
    Ok(got)
}

impl Proof<'_> {
    async fn rounds(&mut self, rounds: usize) -> Result<()> {
        for round in 0..rounds {
            let job = JOBS[round % JOBS.len()];
            self.pause(job, round).await.with_context(|| format!("pause {round}, {job}"))?;
            self.kill(job).await.with_context(|| format!("kill {round}, {job}"))?;
        }
        Ok(())
    }

    async fn holder(&mut self, job: &str) -> Result<usize> {
        let observer = &mut self.observer;
        let look = async || Ok(observer.holder(job).await?.ok_or("nobody has the job".to_owned()));
        until(PASSED_ON, look).await
    }

    async fn passed_on(&mut self, job: &str, to: usize) -> Result<()> {
        let begun = Instant::now();
        let observer = &mut self.observer;
        let look = async || {
            let holder = observer.holder(job).await?;
            Ok(if holder == Some(to) { Ok(()) } else { Err(format!("{holder:?} has the job")) })
        };
        until(PASSED_ON, look).await.context("the job is passed on")?;
        self.met.slowest = self.met.slowest.max(begun.elapsed());
        Ok(())
    }

    /// The holder sleeps until the other hub has the job and has gone on with it.
    async fn pause(&mut self, job: &str, round: usize) -> Result<()> {
        let order = format!("P-{round}");
        let holder = self.holder(job).await?;
        let other = 1 - holder;
        let caught = match job {
            "channel-deliveries" => self.catch_delivery().await?,
            "channel-orders" => self.catch_order(&order, other).await?,
            _ => None,
        };
        self.hubs[holder].pause().await?;
        self.met.pauses += 1;
        self.met.in_hand += usize::from(caught.is_some());
        let gone_on = async {
            self.passed_on(job, other).await?;
            if job == "channel-orders" {
                self.shop.cancel(&order, other).await?;
                let observer = &mut self.observer;
                let look = async || {
                    let state = observer.order(&order).await?;
                    Ok(if state == "cancelled" { Ok(()) } else { Err(state) })
                };
                return until(PASSED_ON, look).await.context("the other hub cancels the order");
            }
            let Some(id) = &caught else { return Ok(()) };
            // It is said again under its id, unless a newer figure took its place.
            let endpoint = &self.endpoint;
            let look =
                async || Ok(if endpoint.times(id) > 1 { Ok(()) } else { Err(String::new()) });
            let _ = until(IN_HAND, look).await;
            Ok(())
        }
        .await;
        self.endpoint.let_go();
        self.hubs[holder].go_on().await?;
        gone_on?;
        self.answers(holder).await
    }

    /// A delivery is on its way from the holder.
    async fn catch_delivery(&self) -> Result<Option<String>> {
        self.endpoint.catch();
        let endpoint = &self.endpoint;
        let look = async || Ok(endpoint.caught().ok_or_else(String::new));
        Ok(until(IN_HAND, look).await.ok())
    }

    /// An order is planned and not yet told.
    async fn catch_order(&mut self, order: &str, other: usize) -> Result<Option<String>> {
        self.shop.order(order, other).await?;
        let begun = Instant::now();
        while begun.elapsed() < IN_HAND {
            match self.observer.order(order).await?.as_str() {
                "" => {}
                "placed" => return Ok(Some(order.to_owned())),
                _ => break,
            }
        }
        Ok(None)
    }

    async fn kill(&mut self, job: &str) -> Result<()> {
        let holder = self.holder(job).await?;
        self.hubs[holder].kill().await?;
        self.met.kills += 1;
        self.passed_on(job, 1 - holder).await?;
        self.hubs[holder] = self.programs[holder].start_sound().await?;
        Ok(())
    }

    /// The hub is awake.
    async fn answers(&self, hub: usize) -> Result<()> {
        let caller = self.world.admin(hub)?;
        let look = async || match caller.once(&Ask::get("/v1/time")).await {
            Ok(answer) if answer.status == 200 => Ok(Ok(())),
            Ok(answer) => Ok(Err(format!("{} {}", answer.status, answer.body))),
            Err(error) => Ok(Err(format!("{error:#}"))),
        };
        until(WAKES, look).await.context("it wakes up")
    }

    /// Everything is said, worked off and run out.
    async fn at_rest(&mut self) -> Result<()> {
        let observer = &mut self.observer;
        let expires = Instant::now() + Duration::from_secs(2);
        let look = async || {
            let waiting = observer.waiting().await?;
            let done = waiting == 0 && Instant::now() > expires;
            Ok(if done { Ok(()) } else { Err(format!("{waiting} wait")) })
        };
        until(AT_REST, look).await.context("at rest")
    }

    async fn verdict(&mut self, read: &Read, skus: &[String]) -> Result<String> {
        let (writes, taken) = (self.observer.writes().await?, self.observer.taken().await?);
        verdict::nothing_stale(&writes)?;
        verdict::fences_rise(&taken)?;
        let movements = self.observer.movements().await?;
        let (mut again, mut changes, mut lines) = (0, 0, 0);
        for (number, reader) in read.movements.iter().enumerate() {
            verdict::whole(&reader.pages, &movements)
                .with_context(|| format!("movements at hub {number}"))?;
            again += reader.again;
        }
        for (number, live) in read.live.iter().enumerate() {
            changes += verdict::live_in_order(&live.frames)
                .with_context(|| format!("figures at hub {number}"))?;
            lines += live.lines;
            let now = read.sources[number].figures(skus).await?;
            ensure!(live.told == now, "hub {number} told {:?}, and says now {now:?}", live.told);
        }
        let arrivals = self.endpoint.came();
        let doubled = verdict::told_once(&arrivals)?;
        ensure!(self.observer.generation().await? == 0, "a channel was told everything anew");
        self.figures(&arrivals, skus).await?;
        let claims = rows::reservations(&self.world.database).await?;
        let states: BTreeMap<String, String> =
            claims.iter().map(|(id, row)| (id.clone(), row.state.clone())).collect();
        let (wanted, orders, twice) = {
            let books = self.shop.books();
            for (key, id) in &books.keys {
                let theirs = claims.iter().filter(|(_, row)| row.reference.as_ref() == Some(key));
                let theirs: Vec<&String> = theirs.map(|(id, _)| id).collect();
                ensure!(theirs == [id], "{key} was answered {id}, and made {theirs:?}");
            }
            (books.claims.clone(), books.orders.clone(), books.twice)
        };
        verdict::ended_once(&wanted, &self.observer.ends().await?)?;
        verdict::orders_kept(
            &orders,
            &rows::orders(&self.world.database).await?,
            &states,
            &arrivals,
        )?;
        let expired = wanted.values().filter(|end| **end == "expired").count();
        let Met { pauses, kills, in_hand, slowest } = &self.met;
        ensure!(expired > 0 && changes > 0 && !writes.is_empty(), "nothing happened");
        Ok(format!(
            "{pauses} pauses past the lease, {in_hand} with work in hand, {kills} kills, taken \
             over within {:.1} s; {} writes of jobs under {} leases, none stale; {} claims, \
             {twice} sent to both hubs, {expired} ran out, once each; {} orders, {} deliveries, \
             {doubled} came again under their id; {} movements read at each hub, {again} pages \
             asked for again, {changes} live changes over {lines} lines, none missed or doubled",
            slowest.as_secs_f64(),
            writes.len(),
            taken.len(),
            wanted.len(),
            orders.len(),
            arrivals.len(),
            movements.len(),
        ))
    }

    /// What the channel was told last of each item is what it may offer now.
    async fn figures(&self, arrivals: &[verdict::Arrival], skus: &[String]) -> Result<()> {
        let hub = self.world.admin(0)?;
        for sku in skus {
            let figures = settle::at(&hub, sku, WAREHOUSE).await?;
            let of = arrivals.iter().filter(|a| a.kind == "stock.changed" && a.subject == *sku);
            let newest = of.max_by_key(|a| a.at).with_context(|| format!("{sku} was not told"))?;
            let told: Value = serde_json::from_str(&newest.body)?;
            ensure!(
                told["data"]["quantity"] == figures["available"],
                "{sku}: the channel was told {told}, and the hub says {figures}"
            );
        }
        Ok(())
    }
}
