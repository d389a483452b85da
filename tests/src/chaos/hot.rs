//! A thousand shoppers want ten units at the same moment: exactly ten get one, with one hub and
//! with two on one database.
//!
//! A round is an item of its own. Invariant: a claim that got no definite answer is asked again
//! with its key, so the count of claims is exact.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::task::JoinSet;

use super::client::{Ask, Caller, Weather};
use super::dice::Dice;
use super::world::{Engine, WAREHOUSE, World, stop_all};

const CLAIMS: usize = 1_000;
const UNITS: usize = 10;

/// Runs the rounds on one engine; says what happened.
///
/// # Errors
/// The first round that did not give exactly ten, or what the audit found.
pub async fn run(world: &mut World, engine: Engine, rounds: usize, _: &mut Dice) -> Result<String> {
    let mut hubs = vec![];
    for number in 0..world.hubs.len() {
        hubs.push(world.hub(number)?.start_sound().await?);
    }
    let items = world.items(rounds, &[(WAREHOUSE, i64::try_from(UNITS)?)]).await?;
    let weather = Arc::<Weather>::default();
    let mut callers = vec![];
    for number in 0..world.hubs.len() {
        callers.push(world.admin(number)?.in_weather(&weather));
    }
    let begun = std::time::Instant::now();
    for (round, item) in items.iter().enumerate() {
        one_round(&callers, round, &item.sku).await.with_context(|| format!("round {round}"))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    stop_all(hubs).await?;
    world.audit().await?;
    let claims = rounds * CLAIMS;
    Ok(format!(
        "{rounds} rounds of {CLAIMS} claims on {UNITS} units at {} hub(s) of {}: {} given; \
         {:.0} claims a second, {} asked again; audit clean",
        callers.len(),
        engine.name(),
        rounds * UNITS,
        f64::from(u32::try_from(claims)?) / seconds,
        weather.unknown.load(Ordering::Relaxed) + weather.not_now.load(Ordering::Relaxed),
    ))
}

async fn one_round(callers: &[Caller], round: usize, sku: &str) -> Result<()> {
    let mut claims = JoinSet::new();
    for claim in 0..CLAIMS {
        let (caller, sku) = (callers[claim % callers.len()].clone(), sku.to_owned());
        claims.spawn(async move {
            let key = format!("hot-{round}-{claim}");
            let body = json!({"lines": [{"sku": sku, "location": WAREHOUSE, "quantity": 1}],
                "reference": key});
            caller.settled(&Ask::post("/v1/reservations", &key, &body)).await
        });
    }
    let mut given = 0;
    while let Some(answer) = claims.join_next().await {
        let answer = answer??;
        match (answer.status, answer.code()) {
            (201, _) => given += 1,
            (409, "not_enough_available" | "not_promised_now") => {}
            _ => bail!("a claim was answered {} {}", answer.status, answer.body),
        }
    }
    if given != UNITS {
        bail!("{given} claims were given, {UNITS} units are there");
    }
    for caller in callers {
        let stock = caller.need(&Ask::get(&format!("/v1/stock/{sku}"))).await?;
        let here = &stock["locations"][0];
        if here["available"] != json!(0) || here["reserved"] != json!(UNITS) {
            bail!("all units are claimed, and the stock says {stock}");
        }
    }
    Ok(())
}
