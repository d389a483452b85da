//! Saying what waits: so many at once, zeros first, again after a failure, until it is confirmed.
//!
//! It must not know what a figure is. Invariant: of a channel's item one delivery is on its way at
//! a time; a hub that dies with it says it again under the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use oneshelf_connectors::{
    Account, Allowance, Message, Outgoing, Reply, Verdict, channel as connector,
};
use oneshelf_domain::record::{Channel, Record, Stopped};
use oneshelf_domain::stock::{Command, Version, Versions};
use oneshelf_domain::{CommandId, Timestamp, limits};
use oneshelf_sync::plan::Submission;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::bucket::{Bucket, WIDTH_MAX};
use super::outgoing::Sent;
use super::{is_told, live_secrets, told_at};
use crate::app::App;
use crate::commands::Lane;
use crate::jobs::Lease;
use crate::secrets::random;
use crate::store::StoreError;
use crate::store::channels::deliveries::{self, Attempt, DeliveryRow, Ended};
use crate::store::channels::shadows::{self, StateRow};
use crate::store::leases::Fence;

/// The longest wait between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long those on their way may take when the hub stops.
const LAST_MOMENT: Duration = Duration::from_secs(3);
/// Deliveries on their way at once.
const OF_HUB_MAX: usize = 64;
/// The schedule of Standard Webhooks: how long after each failed attempt, milliseconds.
const AGAIN_MS: [i64; 9] = [
    5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000,
    86_400_000,
];
/// After so many failures in a row one delivery at a time tries whether the endpoint is back,
const TRIES_BEFORE_CLOSING: i64 = 5;
/// first after this time, then after twice as long,
const CLOSED_MS: i64 = 5_000;
/// and at least this often, milliseconds.
const CLOSED_MS_MAX: i64 = 300_000;
/// How long one is left alone that was asked too often and does not say how long, milliseconds.
const LIMITED_MS: i64 = 5_000;
/// Namespace of the ids of commands that stop a channel.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f6e_6573_6865_6c66_8000_6368_616e_6e65);

/// What is on its way: one of an item, and one of each message.
type Key = (String, String);

pub(super) struct Sender {
    app: App,
    lease: Lease,
    flying: BTreeSet<Key>,
    /// By channel, each with the generation that it is of: another endpoint has its own.
    buckets: BTreeMap<String, (i64, Bucket)>,
    attempts: JoinSet<(Key, Option<Came>)>,
}

/// What came of an attempt.
struct Came {
    delivery: DeliveryRow,
    /// None: this version cannot say it.
    sent: Option<Sent>,
    verdict: Verdict,
    allowed: Option<Allowance>,
    at: Timestamp,
    took: Duration,
    /// How the channel was doing before it.
    before: StateRow,
    /// What it was sent under.
    fence: Fence,
}

impl Sender {
    pub(super) fn new(app: &App) -> Self {
        Self {
            lease: Lease::of(app, "channel-deliveries"),
            app: app.clone(),
            flying: BTreeSet::new(),
            buckets: BTreeMap::new(),
            attempts: JoinSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.app.stop.clone();
        let mut failing = false;
        while !stop.is_cancelled() {
            let wait = match self.fill().await {
                Ok(()) => {
                    failing = false;
                    self.lease.look(LOOK)
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "what channels are to be told cannot be read");
                    }
                    failing = true;
                    AFTER_FAILURE
                }
            };
            let shared = self.app.channels.clone();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(came) = self.attempts.join_next() => self.came(came.ok()).await,
                () = shared.say.notified(), if !failing => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        while let Ok(Some(came)) = timeout(LAST_MOMENT, self.attempts.join_next()).await {
            self.came(came.ok()).await;
        }
        self.lease.give_up().await;
    }

    /// Sends what is due, as far as there is room.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let now = self.app.now();
        let seen = self.app.seen();
        if !seen.records.channels().any(is_told) || !self.lease.held(now).await? {
            return Ok(());
        }
        let mut tx = self.app.store.read().await?;
        let states = shadows::states(&mut tx).await?;
        let mut due = vec![];
        for channel in seen.records.channels().filter(|channel| is_told(channel)) {
            // At another endpoint, and after a restore, everything is to be said anew, and what
            // waits is of the old one.
            let state = states.get(channel.code.as_str());
            let of_now = |state: &&shadows::StateRow| {
                state.endpoint == told_at(channel) && state.epoch == seen.epoch
            };
            let Some(state) = state.filter(of_now) else {
                continue;
            };
            let room = self.room(state, now).min(OF_HUB_MAX.saturating_sub(self.flying.len()));
            if state.closed_until > now.0 || room == 0 {
                continue;
            }
            let rows = i64::try_from(WIDTH_MAX * 2).unwrap_or(i64::MAX);
            let rows = deliveries::due(&mut tx, channel.code.as_str(), now, rows).await?;
            let mut taken = BTreeSet::new();
            let free = rows
                .into_iter()
                .filter(|row| !self.flying.contains(&key(row)) && taken.insert(key(row)));
            due.extend(free.take(room).map(|row| (channel.clone(), state.clone(), row)));
        }
        tx.rollback().await?;
        for (channel, state, row) in due {
            self.flying.insert(key(&row));
            self.bucket(&state).take();
            let app = self.app.clone();
            let fence = self.lease.fence();
            self.attempts.spawn(async move {
                let name = key(&row);
                (name, attempt(&app, &channel, row, (state, fence)).await)
            });
        }
        Ok(())
    }

    /// On their way to a channel.
    fn flying_to(&self, channel: &str) -> usize {
        self.flying.iter().filter(|(code, _)| code == channel).count()
    }

    fn bucket(&mut self, state: &StateRow) -> &mut Bucket {
        let known = self.buckets.entry(state.channel.clone()).or_default();
        if known.0 < state.generation {
            *known = (state.generation, Bucket::default());
        }
        &mut known.1
    }

    fn room(&mut self, state: &StateRow, now: Timestamp) -> usize {
        let flying = self.flying_to(&state.channel);
        let most = if state.failures >= TRIES_BEFORE_CLOSING { 1 } else { WIDTH_MAX };
        self.bucket(state).room(flying, now).min(most.saturating_sub(flying))
    }

    /// Notes what an attempt came to. One that cannot be noted is made again.
    async fn came(&mut self, came: Option<(Key, Option<Came>)>) {
        let Some((key, came)) = came else {
            // Nobody knows which one broke; the database knows what waits.
            tracing::error!("an attempt of a delivery broke");
            if self.attempts.is_empty() {
                self.flying.clear();
            }
            return;
        };
        let Some(came) = came else {
            self.flying.remove(&key);
            return;
        };
        if let Err(error) = settle(&self.app, &came).await {
            tracing::warn!(%error, id = came.delivery.id, "an attempt cannot be noted");
        }
        self.flying.remove(&key);
        let flying = self.flying_to(&came.before.channel);
        let known = self.buckets.get_mut(&came.before.channel);
        if let Some((_, bucket)) = known.filter(|known| known.0 == came.before.generation) {
            bucket.answered(came.verdict, came.allowed, flying, self.app.now());
        }
    }
}

fn key(row: &DeliveryRow) -> Key {
    let name = match row.item {
        0 if row.kind == "order" => format!("order/{}", row.subject),
        0 => row.id.clone(),
        item => format!("item/{item}"),
    };
    (row.channel.clone(), name)
}

/// None when nothing was sent: another hub delivers by now, for all that this one knows.
async fn attempt(
    app: &App,
    channel: &Channel,
    delivery: DeliveryRow,
    (before, fence): (StateRow, Fence),
) -> Option<Came> {
    let at = app.now();
    if fence.until <= at {
        return None;
    }
    let began = Instant::now();
    let said = say(app, channel, &delivery, at).await;
    let took = began.elapsed();
    let (sent, verdict, allowed) =
        said.map_or((None, Verdict::Refused, None), |(sent, v, allowed)| (Some(sent), v, allowed));
    Some(Came { verdict, allowed, sent, at, took, before, fence, delivery })
}

async fn say(
    app: &App,
    channel: &Channel,
    delivery: &DeliveryRow,
    at: Timestamp,
) -> Option<(Sent, Verdict, Option<Allowance>)> {
    let translator = connector(&channel.connector)?;
    let secrets = live_secrets(&app.secrets, channel, at);
    let message: Message = serde_json::from_str(&delivery.message).ok()?;
    let account = Account { endpoint: told_at(channel), secrets: &secrets };
    let out =
        Outgoing { id: &delivery.id, made_at: Timestamp(delivery.made_at), message: &message };
    let request = translator.request(&account, &out, at);
    let sent = app.channels.outgoing.send(&request).await;
    let (verdict, allowed) = match &sent {
        Sent::Answered { status, headers, body } => {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let reply = Reply { status: *status, headers: &headers, body, now: app.now() };
            (translator.verdict(&reply), translator.allowance(&reply))
        }
        Sent::TimedOut | Sent::Cut => (Verdict::Unknown, None),
        Sent::NotConnected | Sent::NotAllowed => (Verdict::Again { after_s: None }, None),
    };
    Some((sent, verdict, allowed))
}

async fn settle(app: &App, came: &Came) -> Result<(), StoreError> {
    let now = app.now();
    let delivery = &came.delivery;
    let (result, status) = match &came.sent {
        Some(Sent::Answered { status, .. }) => ("answered", i64::from(*status)),
        Some(Sent::TimedOut) => ("timed_out", 0),
        Some(Sent::NotConnected) => ("not_connected", 0),
        Some(Sent::NotAllowed) => ("not_allowed", 0),
        Some(Sent::Cut) => ("cut", 0),
        None => ("unknown", 0),
    };
    let took_ms = i64::try_from(came.took.as_millis()).unwrap_or(i64::MAX);
    let attempt = Attempt { at: came.at.0, result, status, took_ms };
    let ended = ended(came, now);
    tracing::debug!(id = delivery.id, channel = delivery.channel, result, status, "told");
    metrics::counter!("oneshelf_channel_attempts_total", "channel" => delivery.channel.clone(),
        "result" => result)
    .increment(1);
    let before = &came.before;
    let of = (before, came.fence);
    if !deliveries::note(&app.store, delivery, of, &attempt, ended, now).await? {
        // Everything is said anew meanwhile, perhaps to somebody else, or by another hub: it says
        // nothing of that.
        return Ok(());
    }
    let failed_for = now.ms_since(Timestamp(before.failing_since));
    if came.verdict == Verdict::Gone {
        stop(app, &delivery.channel, Stopped::Gone).await;
    } else if ended != Ended::Sent
        && before.failing_since > 0
        && failed_for >= limits::CHANNEL_FAILING_MS_MAX
    {
        stop(app, &delivery.channel, Stopped::Failing).await;
    }
    Ok(())
}

fn ended(came: &Came, now: Timestamp) -> Ended {
    let asked_ms = match came.verdict {
        Verdict::Done => return Ended::Sent,
        Verdict::Refused => return Ended::Failed,
        Verdict::Limited { after_s } => {
            // Who says "at once" would be asked at once for days: this uses no try up.
            let asked_ms = after_s.map_or(LIMITED_MS, |seconds| i64::from(seconds) * 1_000);
            let asked_ms = asked_ms.max(LIMITED_MS);
            return Ended::Limited(now.plus_ms(jittered(asked_ms)));
        }
        Verdict::Again { after_s } => after_s.map(|seconds| i64::from(seconds) * 1_000),
        Verdict::Unknown | Verdict::Gone => None,
    };
    let tried = usize::try_from(came.delivery.attempts).unwrap_or(usize::MAX);
    let Some(wait_ms) = AGAIN_MS.get(tried) else { return Ended::Failed };
    let doubled = u32::try_from(came.before.failures + 1 - TRIES_BEFORE_CLOSING).ok();
    let closed_ms = doubled.map_or(0, |n| (CLOSED_MS << n.min(16)).min(CLOSED_MS_MAX));
    // Who asks to be left alone is left alone by all.
    let closed_ms = jittered(closed_ms).max(asked_ms.unwrap_or(0));
    Ended::Later(now.plus_ms(jittered(*wait_ms).max(closed_ms)), now.plus_ms(closed_ms))
}

/// Up to a fifth later, so that what failed together does not come back together.
fn jittered(ms: i64) -> i64 {
    let dice = random::<8>().map_or(0, |bytes| i64::from(bytes[0]));
    ms + ms / 5 * dice / 255
}

/// Switches a channel off, unless somebody has changed it meanwhile.
async fn stop(app: &App, code: &str, why: Stopped) {
    let seen = app.seen();
    let Some((version, Record::Channel(channel))) =
        seen.records.get_versioned(&format!("channel/{code}"))
    else {
        return;
    };
    if channel.stopped.is_some() {
        return;
    }
    let record = Box::new(Record::Channel(Channel { stopped: Some(why), ..channel.clone() }));
    let change = Box::new(Command::PutRecord { record });
    let at = Some(Versions::These(vec![version]));
    let command = Command::OnlyIf { at, not_at: None, change };
    let name = format!("stop/{code}/{}", version.0);
    let submission = Submission {
        id: CommandId(Uuid::new_v5(&NAMESPACE, name.as_bytes())),
        principal: "channels".to_owned(),
        actor: "channels".to_owned(),
        on_behalf_of: None,
        keyed: true,
        command,
    };
    match app.commands.submit(Lane::Interactive, submission).await {
        Ok(accepted) => {
            tracing::warn!(channel = code, ?why, "this channel is switched off");
            app.follow.reached(accepted.version.unwrap_or(Version(0))).await;
        }
        Err(failure) => tracing::warn!(channel = code, ?failure, "it cannot be switched off now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(verdict: Verdict, attempts: i64, failures: i64) -> Came {
        let delivery = DeliveryRow {
            id: "evt_1".to_owned(),
            channel: "web".to_owned(),
            kind: "stock".to_owned(),
            item: 1,
            subject: String::new(),
            message: String::new(),
            figure: String::new(),
            total: 0,
            rank: 0,
            made_at: 0,
            due_at: 0,
            attempts,
            state: "waiting".to_owned(),
            ended_at: 0,
        };
        let (sent, at, took) = (Some(Sent::Cut), Timestamp(0), Duration::ZERO);
        let before = StateRow {
            channel: "web".to_owned(),
            epoch: 1,
            cursor: 0,
            swept_at: 0,
            failures,
            failing_since: 0,
            closed_until: 0,
            last_ok_at: 0,
            last_result: String::new(),
            generation: 0,
            endpoint: String::new(),
        };
        let fence = Fence { name: "channel-deliveries", number: 1, until: Timestamp(0) };
        Came { delivery, sent, verdict, allowed: None, at, took, before, fence }
    }

    #[test]
    fn failures_are_tried_again_as_standard_webhooks_says() {
        let again = Verdict::Again { after_s: None };
        for (tried, ms) in (0..).zip(AGAIN_MS) {
            let Ended::Later(at, closed) = ended(&came(again, tried, 0), Timestamp(0)) else {
                panic!("{tried}");
            };
            let late = at.ms_since(Timestamp(0));
            assert!((ms..=ms + ms / 5).contains(&late), "{tried}: {late}");
            assert_eq!(closed, Timestamp(0));
        }
        assert_eq!(ended(&came(again, 9, 0), Timestamp(0)), Ended::Failed);
        assert_eq!(ended(&came(Verdict::Done, 0, 0), Timestamp(0)), Ended::Sent);
        assert_eq!(ended(&came(Verdict::Refused, 0, 0), Timestamp(0)), Ended::Failed);
    }

    #[test]
    fn one_that_was_asked_too_often_is_left_alone_and_uses_no_try_up() {
        for (tried, failures) in [(0, 0), (9, 0), (500, 7)] {
            let limited = |after_s| Verdict::Limited { after_s };
            let until =
                |after_s| match ended(&came(limited(after_s), tried, failures), Timestamp(0)) {
                    Ended::Limited(until) => until.ms_since(Timestamp(0)),
                    other => panic!("{other:?}"),
                };
            assert!((30_000..=36_000).contains(&until(Some(30))));
            assert!((5_000..=6_000).contains(&until(None)));
            assert!((5_000..=6_000).contains(&until(Some(0))));
        }
    }

    #[test]
    fn an_endpoint_that_keeps_failing_is_asked_rarely() {
        let closed = |failures| match ended(&came(Verdict::Unknown, 0, failures), Timestamp(0)) {
            Ended::Later(_, closed) => closed.ms_since(Timestamp(0)),
            other => panic!("{other:?}"),
        };
        assert_eq!(closed(3), 0);
        assert!((5_000..=6_000).contains(&closed(4)), "{}", closed(4));
        assert!((10_000..=12_000).contains(&closed(5)));
        assert!((300_000..=360_000).contains(&closed(500)));
        let asked = Verdict::Again { after_s: Some(77) };
        assert!(matches!(ended(&came(asked, 0, 0), Timestamp(0)),
            Ended::Later(_, closed) if closed == Timestamp(77_000_000)));
    }
}
