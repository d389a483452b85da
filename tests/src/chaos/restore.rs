//! A hub is put back to a backup under load: the store tells it everything again, and each sale is
//! booked once, under its receipt number, with no unit made or lost.
//!
//! A round makes a backup while a register sells, sells on, ends the hub (asked to stop, or
//! killed), sells on, restores, and looks: nothing of the store is promised before its agent has
//! told everything, and all of it afterwards. What the hub alone did since the backup is lost, and
//! is not looked for here (docs/operations/backups.md).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::client::{Ask, Caller, until};
use super::dice::Dice;
use super::register::{Register, Sold};
use super::road::{Line, Road};
use super::world::{Engine, Item, MANAGER, STORE, World, stop_all};
use super::{rows, settle};

const ITEMS: usize = 6;
const OPENING: i64 = 1_000;
/// So few that grants follow every ticket, and some sales go beyond.
const SHARE: i64 = 3;
/// An agent tries again at growing intervals; a debug program on a busy machine takes its time.
const TOLD_LIMIT: Duration = Duration::from_secs(90);

struct Desk {
    register: Register,
    items: Vec<Item>,
    sold: Vec<Sold>,
    dice: Dice,
}

impl Desk {
    async fn sell(&mut self, tickets: u64) -> Result<()> {
        for _ in 0..tickets {
            let key = format!("restore-{}", self.sold.len());
            let mut ticket = json!(null);
            for _ in 0..self.dice.between(1, 3) {
                let code = self.dice.pick(&self.items).code.clone();
                ticket = self.register.scan(&code).await?;
            }
            match self.register.pay(&ticket, &key, true).await? {
                Ok(sold) => self.sold.push(sold),
                Err(no) => bail!("pay: {} {}", no.status, no.body),
            }
        }
        Ok(())
    }

    /// Units of an item that lie at the store by what was sold.
    fn left(&self, sku: &str) -> i64 {
        let sold = self.sold.iter().filter_map(|sold| sold.units.get(sku));
        OPENING - sold.sum::<i64>()
    }
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
    let mut hub_process = world.hub(0)?.start_sound().await?;
    world.open_store(&["R1"]).await?;
    let items = world.items(ITEMS, &[(STORE, OPENING)]).await?;
    world.policy(&format!("share/{STORE}/*"), SHARE).await?;
    let line = Line::open(world.hubs[0], dice.fork()).await?;
    world.enrol(line.address()).await?;
    let (program, pages) = world.agent()?;
    let agent_process = program.start_sound().await?;
    let caller = Caller::new(&format!("http://{pages}"), None)?;
    settle::drained(&caller, TOLD_LIMIT).await?;
    let hub = world.admin(0)?;
    let register = Register::new(caller.clone(), "R1", MANAGER);
    let mut desk = Desk { register, items, sold: vec![], dice: dice.fork() };
    desk.register.open().await?;
    let (mut killed, mut forgotten, mut slowest) = (0, 0, Duration::ZERO);
    for round in 0..rounds {
        desk.sell(dice.between(1, 4)).await?;
        let file = world.folder.join(format!("backup-{round}.sqlite")).display().to_string();
        let (made, sold) = tokio::join!(world.backup(&file), desk.sell(dice.between(4, 8)));
        made?;
        sold?;
        let before = desk.sold.len();
        desk.sell(dice.between(2, 6)).await?;
        if dice.between(0, 1) == 0 {
            hub_process.kill().await?;
            killed += 1;
        } else {
            hub_process.stop().await?;
        }
        line.set(Road::Cut);
        desk.sell(dice.between(0, 2)).await?;
        forgotten += desk.sold.len() - before;
        let said = world.restore(&file).await?;
        hub_process = world.hub(0)?.start_sound().await?;
        let sku = desk.items[round % ITEMS].sku.clone();
        if let Some(reservation) = claim(&hub, &sku, &format!("early-{round}")).await? {
            bail!("{reservation} was promised before the store had told anything: {said}");
        }
        line.set(Road::Clear);
        let begun = Instant::now();
        recovered(&hub, &caller, &desk, &sku, round).await?;
        slowest = slowest.max(begun.elapsed());
        let skus: Vec<String> = desk.items.iter().map(|item| item.sku.clone()).collect();
        settle::same_views(&mut desk.register, &hub, skus.iter()).await?;
    }
    stop_all(vec![agent_process, hub_process]).await?;
    compare(world, &desk).await?;
    world.audit().await?;
    Ok(format!(
        "{rounds} restores on {}, {killed} of a hub that was killed: {} sales, {forgotten} of \
         which the hub had forgotten; told again and promised within {:.1} s; each booked once, \
         views equal, audit clean",
        engine.name(),
        desk.sold.len(),
        slowest.as_secs_f64(),
    ))
}

/// Waits until everything is told and promised, and looks at every figure.
async fn recovered(
    hub: &Caller,
    agent: &Caller,
    desk: &Desk,
    sku: &str,
    round: usize,
) -> Result<()> {
    settle::drained(agent, TOLD_LIMIT).await?;
    let mut tries = 0;
    let reservation = until(TOLD_LIMIT, async || {
        tries += 1;
        let claimed = claim(hub, sku, &format!("late-{round}-{tries}")).await?;
        Ok(claimed.ok_or_else(|| format!("{sku} is not promised yet")))
    });
    let reservation = reservation.await.context("the store has told everything")?;
    let path = format!("/v1/reservations/{reservation}/release");
    hub.need(&Ask::post(&path, &format!("release-{round}"), &json!({}))).await?;
    for item in &desk.items {
        let figures = settle::at_store(hub, &item.sku).await?;
        settle::expect(&figures, "on_hand", desk.left(&item.sku), &item.sku)?;
        settle::expect(&figures, "discrepancy", 0, &item.sku)?;
    }
    Ok(())
}

/// Reserves a unit; none when it is refused.
async fn claim(hub: &Caller, sku: &str, key: &str) -> Result<Option<String>> {
    let lines = json!({"lines": [{"sku": sku, "location": STORE, "quantity": 1}]});
    let answer = hub.settled(&Ask::post("/v1/reservations", key, &lines)).await?;
    match (answer.status, answer.code()) {
        (201, _) => Ok(answer.body["id"].as_str().map(str::to_owned)),
        (409, "not_enough_available" | "not_promised_now") => Ok(None),
        _ => bail!("a reservation of {sku}: {} {}", answer.status, answer.body),
    }
}

async fn compare(world: &World, desk: &Desk) -> Result<()> {
    let hub = rows::sales(&world.database).await?;
    let receipts = rows::receipts(&world.journal()).await?;
    let sold: BTreeMap<&str, &Sold> =
        desk.sold.iter().map(|sold| (sold.receipt.as_str(), sold)).collect();
    let counts = [hub.len(), receipts.len(), sold.len()];
    if counts != [desk.sold.len(); 3] {
        bail!("{} sales: hub, agent, and numbers of receipts have {counts:?}", desk.sold.len());
    }
    for sale in &hub {
        let same = sold.get(sale.receipt.as_str());
        if !same.is_some_and(|s| s.total == sale.total && s.units == sale.units) {
            bail!("the hub has {sale:?}, which was not sold so");
        }
    }
    rows::gapless(receipts.keys())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_sold() {
        let units = |n: i64| BTreeMap::from([("A".to_owned(), n)]);
        let sold = |n| Sold { receipt: String::new(), total: 0, units: units(n) };
        let caller = Caller::new("http://127.0.0.1:1", None).unwrap();
        let register = Register::new(caller, "R1", MANAGER);
        let desk =
            Desk { register, items: vec![], sold: vec![sold(2), sold(3)], dice: Dice::new(1) };
        assert_eq!((desk.left("A"), desk.left("B")), (OPENING - 5, OPENING));
    }
}
