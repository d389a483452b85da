//! Commands that go together, with who waits for them.
//!
//! Invariant: as many replies as commands, in the same order, and bounded like a transaction.

use oneshelf_domain::limits;
use oneshelf_sync::plan::Submission;
use tokio::sync::oneshot;

use super::Answer;
use super::attempt::Ahead;
use super::queue::Waiting;
use super::weight::bytes;

/// A batch; the next one grows while the last one is being stored.
#[derive(Default)]
pub(super) struct Batch {
    pub commands: Vec<Submission>,
    pub ahead: Option<Ahead>,
    replies: Vec<oneshot::Sender<Answer>>,
    bytes: usize,
}

impl Batch {
    pub(super) fn add(&mut self, waiting: Vec<Waiting>) {
        for one in waiting {
            self.bytes += bytes(&one.submission);
            self.commands.push(one.submission);
            self.replies.push(one.reply);
        }
    }

    /// How many commands, and how many bytes of them, it can still take.
    pub(super) fn room(&self) -> (usize, usize) {
        (
            limits::BATCH_COMMANDS_MAX.saturating_sub(self.commands.len()),
            limits::BATCH_BYTES_MAX.saturating_sub(self.bytes),
        )
    }

    /// Answers everybody.
    pub(super) fn answer(self, answers: Vec<Answer>) {
        for (reply, answer) in self.replies.into_iter().zip(answers) {
            // A caller that went away does not hear it; its id will.
            let _ = reply.send(answer);
        }
    }
}
