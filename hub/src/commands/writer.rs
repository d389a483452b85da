//! The writer task: takes batches, has them stored, answers. It outlives whatever goes wrong.
//!
//! While a batch is being stored the next one is taken in and decided; its transaction begins when
//! that is done. A batch that meets a passing trouble is tried again; one that cannot be stored is
//! split in halves, until the command that cannot be stored fails alone. On a disk that is full
//! none of them fares better. After one that failed nothing is written any more: what its fsync
//! did not write the system may have forgotten, and another fsync would not tell.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use oneshelf_domain::Refusal;
use oneshelf_domain::stock::Version;
use oneshelf_sync::plan::{EventRow, Submission, kind};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::attempt::{Ahead, Cache, Decided, Done, Trouble};
use super::batch::Batch;
use super::queue::Queue;
use super::{Answer, Clock, Failure, LinesNow, answer};
use crate::store::{Storage, Store, StoreError, Tx};

/// How many commands are decided ahead before the one being stored is looked after again.
const GROW_COMMANDS: usize = 64;
/// How long an answer may be owed for the sake of the next batch, milliseconds.
const OWED_MS: u64 = 1;
/// Further tries of a batch that met a passing trouble.
const RETRIES_MAX: u32 = 3;
/// Whether what was lost with its connection is stored is not known; its id tells.
const NO_DATABASE: &str = "the database does not answer";
/// The first wait before a further try; it doubles, milliseconds.
const RETRY_MS: u64 = 10;

pub(super) async fn run(
    store: Store,
    (clock, lines): (Clock, LinesNow),
    committed: watch::Sender<Version>,
    queue: Arc<Queue>,
    end: watch::Sender<bool>,
) {
    // Also when this task is aborted: nobody waits for an answer that cannot come.
    let _abandon = Abandon(queue.clone());
    let (cache, owed) = (Cache::new(lines), Owed::default());
    let mut writer = Writer { store, clock, committed, queue, cache, owed };
    let mut next = Batch::default();
    loop {
        if next.commands.is_empty() {
            let Some(waiting) = writer.queue.take().await else { break };
            next.add(waiting);
        }
        next = writer.serve(next).await;
    }
    end.send_replace(true);
}

struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Answers of the last batch, until they are given.
#[derive(Default)]
struct Owed(Option<(Batch, Vec<Answer>)>);

impl Owed {
    fn pay(&mut self) {
        if let Some((batch, answers)) = self.0.take() {
            batch.answer(answers);
        }
    }
}

/// Whatever ends the writer: what was stored is answered.
impl Drop for Owed {
    fn drop(&mut self) {
        self.pay();
    }
}

struct Writer {
    store: Store,
    clock: Clock,
    committed: watch::Sender<Version>,
    queue: Arc<Queue>,
    cache: Cache,
    owed: Owed,
}

impl Writer {
    /// Stores a batch; gives the next one, which waited meanwhile. Its answers are owed until the
    /// next one is on its way to the database, which so never waits for callers.
    async fn serve(&mut self, mut batch: Batch) -> Batch {
        let began = Instant::now();
        let ahead = batch.ahead.take();
        let mut next = Batch::default();
        let stored = match self.decide_and_pay(&batch.commands, ahead).await {
            Ok(decided) => self.store(decided, &mut next).await,
            Err(trouble) => Err(trouble),
        };
        let answers = match stored {
            Ok(done) => self.announce(done),
            Err(trouble) if trouble.storage().is_some() => {
                self.owed.pay();
                self.cache.forget();
                next.ahead = None;
                self.not_stored(&batch.commands, &trouble)
            }
            Err(trouble) => {
                self.owed.pay();
                tracing::warn!(%trouble, "a batch is tried again");
                self.cache.forget();
                next.ahead = None;
                self.store_all(&batch.commands).await
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a bounded batch's length")]
        metrics::histogram!("oneshelf_batch_commands").record(answers.len() as f64);
        metrics::histogram!("oneshelf_batch_seconds").record(began.elapsed().as_secs_f64());
        count(&answers);
        self.owed = Owed(Some((batch, answers)));
        if next.commands.is_empty() {
            self.owed.pay();
        }
        next
    }

    /// Decides a batch. Where that takes its time, because somebody else has the lock, the last
    /// one's callers do not wait for it.
    async fn decide_and_pay(
        &mut self,
        batch: &[Submission],
        ahead: Option<Ahead>,
    ) -> Result<Decided, Trouble> {
        let now = (self.clock)();
        let mut deciding =
            std::pin::pin!(caught(self.cache.decide(&self.store, now, batch, ahead)));
        match tokio::time::timeout(Duration::from_millis(OWED_MS), &mut deciding).await {
            Ok(decided) => decided,
            Err(_) => {
                self.owed.pay();
                deciding.await
            }
        }
    }

    /// Stores a batch and lets the next one grow until that is done. A task of its own: what the
    /// database says is acted on at once, whatever is being decided.
    async fn store(&mut self, decided: Decided, next: &mut Batch) -> Result<Done, Trouble> {
        let mut storing = AbortOnDropHandle::new(tokio::spawn(decided.store()));
        self.owed.pay();
        let mut read = None;
        loop {
            tokio::select! {
                biased;
                done = &mut storing => {
                    return done.unwrap_or_else(|ended| Err(Trouble::Panic(ended.to_string())));
                }
                () = self.grow(next, &mut read) => {}
            }
        }
    }

    /// Takes what waits into the next batch and decides it. It may be dropped at any await: what
    /// was taken is in the batch by then.
    async fn grow(&mut self, next: &mut Batch, read: &mut Option<Tx>) {
        let (commands, bytes) = next.room();
        let more = self.queue.more(commands.min(GROW_COMMANDS), bytes).await;
        next.add(more);
        let now = (self.clock)();
        let ahead = self.cache.ahead(&self.store, now, &next.commands, &mut next.ahead, read);
        if let Err(trouble) = caught(ahead).await {
            // It gets its turn, and its answer, under the lock.
            tracing::debug!(%trouble, "a batch is not decided ahead");
            self.cache.forget();
            next.ahead = None;
        }
    }

    fn announce(&self, done: Done) -> Vec<Answer> {
        self.store.committed(&done.head);
        let version = done.head.version;
        self.committed.send_if_modified(|known| {
            let newer = version > *known;
            *known = version.max(*known);
            newer
        });
        done.notices.iter().for_each(tell);
        done.replies.into_iter().map(answer).collect()
    }

    /// An answer for each command, in order.
    async fn store_all(&mut self, batch: &[Submission]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(batch.len());
        let mut parts: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        // The first part is last, so that commands keep their order.
        while let Some(part) = parts.pop() {
            match self.store_part(&batch[part.clone()]).await {
                Ok(replies) => answers.extend(replies),
                Err(trouble) if part.len() > 1 && self.worth_halving(&trouble).await => {
                    tracing::warn!(commands = part.len(), %trouble, "a batch is split in halves");
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(trouble) => answers.extend(self.not_stored(&batch[part], &trouble)),
            }
        }
        answers
    }

    /// What those are answered that could not be stored.
    fn not_stored(&self, failed: &[Submission], trouble: &Trouble) -> Vec<Answer> {
        alarm(failed, trouble);
        if let Some(storage) = trouble.storage() {
            self.store.met(storage);
        }
        // Its answer was kept its time and is gone; what it made has its id for ever.
        let used = trouble.taken() && failed.len() == 1;
        let failure = match trouble.storage() {
            Some(Storage::Full) => Failure::StorageFull,
            Some(Storage::Failed) => Failure::StorageFailed,
            None if used => Failure::Refused(Refusal::CommandReused),
            None if trouble.connection_lost() => Failure::NotNow(NO_DATABASE),
            None => Failure::Internal,
        };
        failed.iter().map(|_| Err(failure.clone())).collect()
    }

    /// While the database cannot be reached, or its disk is full, smaller batches fare no better.
    async fn worth_halving(&self, trouble: &Trouble) -> bool {
        trouble.storage().is_none()
            && (!trouble.connection_lost() || self.store.head().await.is_ok())
    }

    async fn store_part(&mut self, batch: &[Submission]) -> Result<Vec<Answer>, Trouble> {
        let mut retry = 0;
        loop {
            let stored = match self.decide(batch, None).await {
                Ok(decided) => caught(decided.store()).await,
                Err(trouble) => Err(trouble),
            };
            let trouble = match stored {
                Ok(done) => return Ok(self.announce(done)),
                Err(trouble) => trouble,
            };
            self.cache.forget();
            // Also after a commit whose end is not known: its ids answer as replays then.
            if !trouble.passing() || retry >= RETRIES_MAX {
                return Err(trouble);
            }
            tracing::warn!(%trouble, retry, "a batch is tried again");
            tokio::time::sleep(pause(retry)).await;
            retry += 1;
        }
    }

    async fn decide(
        &mut self,
        batch: &[Submission],
        ahead: Option<Ahead>,
    ) -> Result<Decided, Trouble> {
        let now = (self.clock)();
        caught(self.cache.decide(&self.store, now, batch, ahead)).await
    }
}

/// A failed assertion of the rules, or of this program, costs the batch and nothing else.
async fn caught<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without words");
        Err(Trouble::Panic(text.to_owned()))
    })
}

/// Doubles with every try; as much again at random, so that two writers part.
fn pause(retry: u32) -> Duration {
    let base = RETRY_MS << retry;
    // Without randomness there is no jitter, which harms nothing.
    let jitter = getrandom::u64().unwrap_or_default() % base;
    Duration::from_millis(base + jitter)
}

fn alarm(failed: &[Submission], trouble: &Trouble) {
    let what = match trouble {
        Trouble::Panic(_) => "assertion_failed",
        trouble if trouble.storage() == Some(Storage::Full) => "storage_full",
        trouble if trouble.storage() == Some(Storage::Failed) => "storage_failed",
        Trouble::Store(StoreError::Behind) => "database_behind",
        Trouble::Store(error) if error.connection_lost() => "database_unreachable",
        _ => "command_not_stored",
    };
    metrics::counter!("oneshelf_alarms_total", "kind" => what).increment(1);
    for submission in failed {
        tracing::error!(
            command = %submission.id,
            kind = kind(&submission.command),
            actor = submission.actor,
            %trouble,
            "a command could not be stored"
        );
    }
}

/// Somebody has to look at it, and finds it in the log by its version.
fn tell(notice: &EventRow) {
    let code = notice.kind.trim_start_matches("notice.").to_owned();
    tracing::warn!(code, subject = ?notice.subject, version = notice.version.0, text = ?notice.body,
        "somebody should look at this");
    metrics::counter!("oneshelf_notices_total", "code" => code).increment(1);
}

fn count(answers: &[Answer]) {
    let mut counts = [0_u64; 4];
    for answer in answers {
        counts[match answer {
            Ok(accepted) if accepted.replayed => 1,
            Ok(_) => 0,
            Err(Failure::Refused(_)) => 2,
            Err(_) => 3,
        }] += 1;
    }
    for (name, n) in ["accepted", "replayed", "refused", "failed"].into_iter().zip(counts) {
        metrics::counter!("oneshelf_commands_total", "answer" => name).increment(n);
    }
}
