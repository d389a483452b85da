//! The people of one history: eight who reserve, release, sell, bring goods in and look, all at
//! the same item of one store.
//!
//! Owns what they ask and how an answer is read. It knows no rule: which answer is right is not
//! its question. Invariant: an act is in the record with its answer, or, when nobody waited for
//! it, as one that may have happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::client::{self, Ask, Caller};
use super::super::dice::Dice;
use super::super::world::STORE;
use super::agent::{Store, What};
use super::history::{Call, Record};
use super::spec::{Act, Answer};

/// People at one item.
pub const PEOPLE: usize = 8;
/// Acts of each.
const ACTS: usize = 25;
/// How long a hold lasts: longer than any history.
const HOLD_S: u64 = 86_400;
/// In a hundred acts: how many nobody waits for, and how many are asked again elsewhere.
const GIVEN_UP: u64 = 3;
const ASKED_AGAIN: u64 = 5;
/// How long whoever gives up has waited, milliseconds at most.
const PATIENCE_MS: u64 = 12;

/// One item and everybody at it.
pub struct Scene {
    /// One for each hub.
    pub hubs: Vec<Caller>,
    /// The store's agent.
    pub store: Store,
    /// The item.
    pub sku: String,
    /// Requests of all histories that were asked again.
    pub again: Arc<AtomicU64>,
    record: Record,
    /// Claims that somebody was given, with the hub's ids.
    claims: Mutex<Vec<Given>>,
}

/// What somebody does about an answer that takes long.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waits,
    GivesUp,
    AsksAgain,
}

/// A claim: its number in the history, the hub's id, and whether it is paid for.
type Given = (u16, String, bool);

/// An answer, and the version of the change or of the figures where the hub says it.
type Heard = (Answer, Option<i64>);

struct Person {
    scene: Arc<Scene>,
    who: usize,
    dice: Dice,
}

impl Scene {
    /// Nothing has happened yet.
    pub fn new(hubs: Vec<Caller>, store: Store, sku: String, again: Arc<AtomicU64>) -> Self {
        let (record, claims) = (Record::default(), Mutex::default());
        Self { hubs, store, sku, again, record, claims }
    }

    /// Everybody acts, all beginning at once; then the figures are read at each hub.
    ///
    /// # Errors
    /// When an answer makes no sense.
    pub async fn play(self, seed: u64) -> Result<Vec<Call>> {
        let scene = Arc::new(self);
        let mut dice = Dice::new(seed);
        let start = Arc::new(Barrier::new(PEOPLE));
        let mut people = JoinSet::new();
        for who in 0..PEOPLE {
            let mut person = Person { scene: Arc::clone(&scene), who, dice: dice.fork() };
            let start = Arc::clone(&start);
            people.spawn(async move {
                start.wait().await;
                for number in 0..ACTS {
                    person.act(number).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = people.join_next().await {
            ended??;
        }
        for who in 0..scene.hubs.len() {
            let mut last = Person { scene: Arc::clone(&scene), who, dice: dice.fork() };
            last.one(Act::Stock, "", Patience::Waits).await?;
        }
        Ok(scene.record.calls())
    }

    fn id_of(&self, claim: u16) -> Option<String> {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.iter().find(|(number, ..)| *number == claim).map(|(_, id, _)| id.clone())
    }

    fn is_paid(&self, claim: u16) -> bool {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.iter().any(|(number, _, paid)| *number == claim && *paid)
    }
}

impl Person {
    async fn act(&mut self, number: usize) -> Result<()> {
        let act = self.choose(number)?;
        let patience = match self.dice.between(1, 100) {
            n if n <= GIVEN_UP => Patience::GivesUp,
            n if n <= GIVEN_UP + ASKED_AGAIN => Patience::AsksAgain,
            _ => Patience::Waits,
        };
        let key = format!("linear-{}-{}-{number}", self.scene.sku, self.who);
        self.one(act, &key, patience).await.with_context(|| format!("{act:?}"))
    }

    fn choose(&mut self, number: usize) -> Result<Act> {
        let dice = &mut self.dice;
        let known = self.scene.claims.lock().unwrap_or_else(PoisonError::into_inner);
        // The last ones: of those that ended long ago there is little to learn.
        let recent = &known[known.len().saturating_sub(6)..];
        let claim = u16::try_from(self.who * ACTS + number)?;
        Ok(match dice.between(1, 100) {
            n if n > 78 && !recent.is_empty() => Act::Release { claim: dice.pick(recent).0 },
            n if n > 68 && !recent.is_empty() => Act::Look { claim: dice.pick(recent).0 },
            n if n > 34 => {
                let units = dice.between(1, 3).try_into()?;
                Act::Reserve { claim, units, paid: dice.chance(50) }
            }
            n if n > 20 => Act::Sell { units: dice.between(1, 2).try_into()? },
            n if n > 12 => Act::Bring { units: dice.between(1, 4).try_into()? },
            _ => Act::Stock,
        })
    }

    /// One act, from its call to its answer.
    async fn one(&mut self, act: Act, key: &str, patience: Patience) -> Result<()> {
        let called = self.scene.record.now();
        let answer = match act {
            Act::Sell { units } => self.fact(What::Sold(units), patience).await?,
            Act::Bring { units } => self.fact(What::In(units), patience).await?,
            Act::LetGo { claim } => {
                let id = self.scene.id_of(claim).context("only known claims are let go")?;
                self.fact(What::LetGo(id), patience).await?
            }
            _ => self.request(act, key, patience).await?,
        };
        let version = answer.and_then(|(_, version)| version);
        let answered = answer.map(|(answer, _)| (self.scene.record.now(), answer));
        self.scene.record.keep(Call { who: self.who, act, called, answered, version });
        // Whoever gave an order up tells the store, and hears of it when the hub has its word.
        match (act, answered) {
            (Act::Release { claim }, Some((_, Answer::GivenUp))) => {
                Box::pin(self.one(Act::LetGo { claim }, "", Patience::Waits)).await
            }
            _ => Ok(()),
        }
    }

    /// A fact is never asked again by its people: its agent does that.
    async fn fact(&mut self, what: What, patience: Patience) -> Result<Option<Heard>> {
        let booked = self.scene.store.say(what, &self.scene.sku)?;
        let booked = match patience {
            Patience::GivesUp => match timeout(self.dice.time(0, PATIENCE_MS), booked).await {
                Ok(booked) => booked,
                Err(_) => return Ok(None),
            },
            Patience::Waits | Patience::AsksAgain => booked.await,
        };
        booked.context("the agent is gone")?;
        Ok(Some((Answer::Booked, None)))
    }

    async fn request(&mut self, act: Act, key: &str, patience: Patience) -> Result<Option<Heard>> {
        let scene = Arc::clone(&self.scene);
        let id = |claim| scene.id_of(claim).context("only known claims are asked for");
        let empty = json!({});
        let (path, body) = match act {
            Act::Reserve { units, paid, .. } => {
                let line = json!({"sku": scene.sku, "location": STORE, "quantity": units});
                let expires = if paid { Value::Null } else { json!(HOLD_S) };
                let body = json!({"lines": [line], "expires_in_s": expires});
                ("/v1/reservations".to_owned(), Some(body))
            }
            Act::Release { claim } => {
                (format!("/v1/reservations/{}/release", id(claim)?), Some(empty))
            }
            Act::Look { claim } => (format!("/v1/reservations/{}", id(claim)?), None),
            _ => (format!("/v1/stock/{}", scene.sku), None),
        };
        let ask = match &body {
            Some(body) => Ask::post(&path, key, body),
            None => Ask::get(&path),
        };
        let Some(answer) = self.asked(&ask, patience).await? else { return Ok(None) };
        let mut read = read(act, &answer).with_context(|| answer.body.to_string())?;
        // What is shown is the claim a moment later: the store's word may have come meanwhile.
        if let (Act::Release { claim }, Answer::Released { .. } | Answer::Releasing { .. }) =
            (act, read.0)
            && scene.is_paid(claim)
        {
            read = (Answer::GivenUp, None);
        }
        if let (Act::Reserve { claim, paid, .. }, Answer::Given) = (act, read.0) {
            let id = answer.body["id"].as_str().context("a reservation has an id")?.to_owned();
            scene.claims.lock().unwrap_or_else(PoisonError::into_inner).push((claim, id, paid));
        }
        Ok(Some(read))
    }

    /// Whoever has no patience goes away while the hub may be at it; some ask again then, with the
    /// same key, at the next hub.
    async fn asked(&mut self, ask: &Ask<'_>, patience: Patience) -> Result<Option<client::Answer>> {
        let hubs = &self.scene.hubs;
        let at = usize::try_from(self.dice.between(0, hubs.len() as u64 - 1))?;
        if patience == Patience::Waits {
            return hubs[at].settled(ask).await.map(Some);
        }
        if let Ok(Ok(answer)) = timeout(self.dice.time(0, PATIENCE_MS), hubs[at].once(ask)).await
            && !matches!(answer.status, 429 | 503)
        {
            return Ok(Some(answer));
        }
        if patience == Patience::GivesUp {
            return Ok(None);
        }
        self.scene.again.fetch_add(1, Ordering::Relaxed);
        hubs[(at + 1) % hubs.len()].settled(ask).await.map(Some)
    }
}

/// What an answer says, in the words of the history.
fn read(act: Act, answer: &client::Answer) -> Result<Heard> {
    let (body, number) = (&answer.body, |value: &Value| value.as_i64().context("not a number"));
    let unnumbered = |answer| Ok((answer, None));
    match (act, answer.status, answer.code()) {
        (Act::Reserve { .. }, 201, _) => Ok((Answer::Given, Some(number(&body["version"])?))),
        (Act::Reserve { .. }, 409, "not_enough_available") => {
            unnumbered(Answer::Refused { available: number(&body["available"])? })
        }
        (Act::Release { .. }, 200, _) if body["state"] == json!("released") => {
            let short = number(&body["lines"][0]["short"])?;
            Ok((Answer::Released { short }, Some(number(&body["version"])?)))
        }
        (Act::Release { .. } | Act::Look { .. }, 200, _) if body["state"] == json!("releasing") => {
            unnumbered(Answer::Releasing { short: number(&body["lines"][0]["short"])? })
        }
        (Act::Release { .. }, 409, "reservation_ended") => unnumbered(Answer::Ended),
        (Act::Release { .. } | Act::Look { .. }, 404, "reservation_unknown") => {
            unnumbered(Answer::Unknown)
        }
        (Act::Look { .. }, 200, _) => {
            let short = number(&body["lines"][0]["short"])?;
            let open = match body["state"].as_str() {
                Some("held" | "committed") if short == 0 => true,
                Some("short") if short > 0 => true,
                Some("released") => false,
                _ => bail!("a state that nothing led to"),
            };
            unnumbered(Answer::Claim { open, short })
        }
        (Act::Stock, 200, _) => {
            let all = body["locations"].as_array().context("no locations")?;
            let here = all.iter().find(|l| l["location"] == json!(STORE)).context("not there")?;
            let (available, reserved) = (number(&here["available"])?, number(&here["reserved"])?);
            let elsewhere = number(&here["on_hand"])? - available - reserved;
            let missing = -number(&here["discrepancy"])?;
            let figures = Answer::Figures { available, reserved, missing, elsewhere };
            Ok((figures, Some(number(&here["version"])?)))
        }
        (_, status, code) => bail!("answered {status} {code}"),
    }
}
