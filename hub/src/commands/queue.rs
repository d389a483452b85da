//! Three bounded queues and the next batch out of them.
//!
//! Invariants: a lane keeps its order; no lane waits for ever; a batch is bounded in commands and
//! in bytes, and is never empty.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oneshelf_domain::limits;
use oneshelf_sync::plan::Submission;
use tokio::sync::{Notify, oneshot};

use super::weight::bytes;
use super::{Answer, Failure, Lane};

/// How many commands of each lane go into a batch in turn, in the order of [`Lane::ALL`].
const SHARES: [usize; 3] = [8, 4, 1];

/// A command that waits for its answer.
pub(super) struct Waiting {
    pub submission: Submission,
    pub reply: oneshot::Sender<Answer>,
}

#[derive(Default)]
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    wake: Notify,
}

#[derive(Default)]
struct Lanes {
    waiting: [VecDeque<Waiting>; 3],
    stopping: bool,
}

impl Queue {
    pub(super) fn put(
        &self,
        lane: Lane,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Answer>, Failure> {
        let (reply, answer) = oneshot::channel();
        let mut lanes = self.lock();
        if lanes.stopping {
            return Err(Failure::Stopping);
        }
        let waiting = &mut lanes.waiting[lane as usize];
        if waiting.len() >= limits::QUEUE_COMMANDS_MAX {
            metrics::counter!("oneshelf_busy_total", "lane" => lane.name()).increment(1);
            return Err(Failure::Busy);
        }
        waiting.push_back(Waiting { submission, reply });
        drop(lanes);
        self.wake.notify_one();
        Ok(answer)
    }

    /// The next batch, as soon as anything waits; none when the queue is stopped and empty.
    pub(super) async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            {
                let mut lanes = self.lock();
                let batch = lanes.take(limits::BATCH_COMMANDS_MAX, limits::BATCH_BYTES_MAX);
                if !batch.is_empty() {
                    return Some(batch);
                }
                if lanes.stopping {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    /// What waits, at most so much; waits until there is any that fits.
    pub(super) async fn more(&self, commands: usize, bytes: usize) -> Vec<Waiting> {
        loop {
            let more = self.lock().fitting(commands, bytes);
            if !more.is_empty() {
                return more;
            }
            self.wake.notified().await;
        }
    }

    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_one();
    }

    /// Stops and says so to those that still wait: nobody is there to serve them.
    pub(super) fn abandon(&self) {
        let mut lanes = self.lock();
        lanes.stopping = true;
        for waiting in lanes.waiting.iter_mut().flat_map(std::mem::take) {
            let _ = waiting.reply.send(Err(Failure::Stopping));
        }
    }

    /// A panic of another holder leaves whole commands in whole queues.
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// A batch is never empty while anything waits, however big its first command is.
    fn take(&mut self, commands: usize, room: usize) -> Vec<Waiting> {
        let first = self.waiting.iter().find_map(VecDeque::front);
        let first = first.map_or(0, |waiting| bytes(&waiting.submission));
        self.fitting(commands, room.max(first))
    }

    fn fitting(&mut self, commands: usize, mut room: usize) -> Vec<Waiting> {
        let mut batch = vec![];
        let mut more = true;
        while more {
            more = false;
            for (lane, share) in self.waiting.iter_mut().zip(SHARES) {
                for _ in 0..share {
                    let Some(next) = lane.front() else { break };
                    let size = bytes(&next.submission);
                    if batch.len() >= commands || size > room {
                        self.observe();
                        return batch;
                    }
                    room -= size;
                    batch.extend(lane.pop_front());
                    more = true;
                }
            }
        }
        self.observe();
        batch
    }

    fn observe(&self) {
        for (lane, waiting) in Lane::ALL.iter().zip(&self.waiting) {
            #[expect(clippy::cast_precision_loss, reason = "a bounded queue's length")]
            let length = waiting.len() as f64;
            metrics::gauge!("oneshelf_queue_commands", "lane" => lane.name()).set(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneshelf_domain::CommandId;
    use oneshelf_domain::stock::{Command, LocationNo};
    use uuid::Uuid;

    fn submission(id: u128, lines: usize) -> Submission {
        let line = (oneshelf_domain::stock::ItemNo(1), 1);
        Submission {
            id: CommandId(Uuid::from_u128(id)),
            principal: "admin".into(),
            actor: "admin".into(),
            on_behalf_of: None,
            keyed: true,
            command: Command::Receive {
                location: LocationNo(1),
                lines: vec![line; lines],
                reference: None,
            },
        }
    }

    #[tokio::test]
    async fn lanes_are_served_in_their_shares_and_in_order() {
        let queue = Queue::default();
        for id in 0..20 {
            for (lane, base) in Lane::ALL.into_iter().zip([0, 100, 200]) {
                queue.put(lane, submission(base + id, 1)).unwrap();
            }
        }
        let batch = queue.take().await.unwrap();
        let ids: Vec<u128> = batch.iter().map(|w| w.submission.id.0.as_u128()).collect();
        assert_eq!(&ids[..13], &[0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 103, 200]);
        assert_eq!(&ids[13..15], &[8, 9]);
        assert_eq!(ids.len(), 60);
    }

    #[tokio::test]
    async fn a_batch_is_bounded_in_commands_and_bytes() {
        let queue = Queue::default();
        for id in 0..2_000 {
            queue.put(Lane::Bulk, submission(id, 1)).unwrap();
        }
        assert_eq!(queue.take().await.unwrap().len(), limits::BATCH_COMMANDS_MAX);
        let queue = Queue::default();
        let lines = limits::BATCH_BYTES_MAX / 64;
        for id in 0..3 {
            queue.put(Lane::Bulk, submission(id, lines)).unwrap();
        }
        assert!(queue.take().await.unwrap().len() < 3);
    }

    #[tokio::test]
    async fn a_full_lane_is_busy_and_the_others_are_not() {
        let queue = Queue::default();
        for id in 0..limits::QUEUE_COMMANDS_MAX as u128 {
            queue.put(Lane::Bulk, submission(id, 1)).unwrap();
        }
        assert_eq!(queue.put(Lane::Bulk, submission(1, 1)).unwrap_err(), Failure::Busy);
        assert!(queue.put(Lane::Agents, submission(1, 1)).is_ok());
        queue.stop();
        assert_eq!(queue.put(Lane::Agents, submission(1, 1)).unwrap_err(), Failure::Stopping);
    }
}
