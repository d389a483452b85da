//! The last unit is taken at the same moment at a register and by a hold: one of the two gets it.
//!
//! A round is an item with one unit at the store. Whoever loses is told so: the hold with a
//! refusal, the cashier with a line that may not be paid without a manager.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::client::{Answer, Ask, Caller, until};
use super::dice::Dice;
use super::register::{Register, Sold};
use super::road::Line;
use super::settle::{at_store, drained, expect, same_views};
use super::world::{CASHIER, Engine, STORE, World, stop_all};

/// Microseconds by which the starts move after a round, at first and at most.
const STEP: i64 = 100;
const STEP_MAX: i64 = 6_400;

/// How the race stands; the next start is shifted towards whoever lost.
#[derive(Default)]
struct Races {
    register: u64,
    hold: u64,
    /// Microseconds that the register starts after the hold; below zero: before.
    lead: i64,
    /// What the next round adds to that: more while the same one wins.
    step: i64,
    grants_late: u64,
}

impl Races {
    fn won_by_the_hold(&mut self) {
        self.hold += 1;
        self.step = if self.step < 0 { (self.step * 2).max(-STEP_MAX) } else { -STEP };
        self.lead += self.step;
    }

    fn won_by_the_register(&mut self) {
        self.register += 1;
        self.step = if self.step > 0 { (self.step * 2).min(STEP_MAX) } else { STEP };
        self.lead += self.step;
    }
}

/// Runs the rounds on one engine; says what happened.
///
/// # Errors
/// A round in which both or neither got the unit, or what the audit found.
pub async fn run(
    world: &mut World,
    engine: Engine,
    rounds: usize,
    dice: &mut Dice,
) -> Result<String> {
    let hub_process = world.hub(0)?.start_sound().await?;
    world.open_store(&["R1"]).await?;
    let items = world.items(rounds, &[(STORE, 1)]).await?;
    let shopper = world.shopper().await?;
    let line = Line::open(world.hubs[0], dice.fork()).await?;
    world.enrol(line.address()).await?;
    let (program, pages) = world.agent()?;
    let agent_process = program.start_sound().await?;
    let caller = Caller::new(&format!("http://{pages}"), None)?;
    drained(&caller, Duration::from_secs(60)).await?;
    let hub = world.admin(0)?;
    let mut register = Register::new(caller.clone(), "R1", CASHIER);
    register.open().await?;
    let mut races = Races::default();
    for (round, item) in items.iter().enumerate() {
        let hold = json!({"sku": item.sku, "location": STORE, "quantity": 1,
            "shopper": format!("shopper-of-round-{round:04}")});
        let ask = Ask::say("/v1/public/holds", &hold);
        let jitter = i64::try_from(dice.between(0, 2_000))? - 1_000;
        let shift = races.lead + jitter;
        let (ticket, held) = tokio::join!(
            later(shift, register.scan(&item.code)),
            later(-shift, shopper.settled(&ask)),
        );
        let round = one_of_two(&mut register, ticket?, held?, &mut races, round);
        let sold = round.await.with_context(|| format!("{} at {}", item.sku, engine.name()))?;
        let reserved = i64::from(sold.is_none());
        until(Duration::from_secs(20), async || {
            let figures = at_store(&hub, &item.sku).await?;
            let book = [("on_hand", reserved), ("reserved", reserved), ("available", 0)];
            let differs = book.iter().find_map(|(name, units)| {
                expect(&figures, name, *units, &item.sku).err().map(|e| e.to_string())
            });
            Ok(differs.map_or(Ok(()), Err))
        })
        .await?;
        let figures = at_store(&hub, &item.sku).await?;
        expect(&figures, "discrepancy", 0, &item.sku)?;
    }
    drained(&caller, Duration::from_secs(60)).await?;
    same_views(&mut register, &hub, items.iter().map(|i| &i.sku)).await?;
    stop_all(vec![agent_process, hub_process]).await?;
    world.audit().await?;
    if rounds >= 20 && (races.register == 0 || races.hold == 0) {
        bail!("no race: the register won {}, the hold {}", races.register, races.hold);
    }
    Ok(format!(
        "{rounds} rounds on {}: the register won {}, the hold {}; {} grants came after the scan's \
         answer; audit clean",
        engine.name(),
        races.register,
        races.hold,
        races.grants_late,
    ))
}

/// Starts something some microseconds later; at once when that is no time.
async fn later<T>(shift: i64, what: impl Future<Output = T>) -> T {
    if let Ok(micros) = u64::try_from(shift) {
        let never = std::future::pending::<()>();
        let _ = tokio::time::timeout(Duration::from_micros(micros), never).await;
    }
    what.await
}

/// Who got the unit: the sale, or nothing when the hold did.
async fn one_of_two(
    register: &mut Register,
    ticket: Value,
    held: Answer,
    races: &mut Races,
    round: usize,
) -> Result<Option<Sold>> {
    let key = format!("last-{round}");
    match (held.status, held.code()) {
        (201, _) => {
            races.won_by_the_hold();
            // Until the hub's word is there the copy's unit may be sold, as without a line.
            until(Duration::from_secs(20), async || {
                let ticket = register.ticket().await?;
                let promised = ticket["lines"][0]["warning"] == "promised";
                Ok(if promised { Ok(()) } else { Err(format!("no word came: {ticket}")) })
            })
            .await?;
            let paid = register.pay(&ticket, &key, false).await?;
            match paid {
                Ok(sold) => bail!("the hold {} was given, and {sold:?} was paid", held.body),
                Err(no) if no.code() == "approval_needed" => {}
                Err(no) => bail!("pay: {} {}", no.status, no.body),
            }
            register.void().await?;
            Ok(None)
        }
        (409, "not_enough_available" | "not_promised_now") => {
            races.won_by_the_register();
            let first = register.pay(&ticket, &key, false).await?;
            if let Ok(sold) = first {
                return Ok(Some(sold));
            }
            // On a busy machine the grant may take longer than a scan waits; it must come.
            races.grants_late += 1;
            let mut tries = 0;
            let paid = until(Duration::from_secs(20), async || {
                tries += 1;
                let key = format!("{key}-{tries}");
                let paid = register.pay(&ticket, &key, false).await?;
                Ok(paid.map_err(|no| format!("pay: {} {}", no.status, no.body)))
            });
            paid.await.map(Some).context("neither the hold nor the register got the unit")
        }
        _ => bail!("the hold was answered {} {}", held.status, held.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_later_comes() {
        assert_eq!(later(-5, async { 1 }).await, 1);
        assert_eq!(later(200, async { 2 }).await, 2);
    }
}
