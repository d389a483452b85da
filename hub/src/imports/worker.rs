//! The worker: takes the staged rows of one import after another to the write path, in order.
//!
//! Invariant: a row is forgotten only after its command was answered, and its progress and error
//! are stored together.

use std::time::Duration;

use oneshelf_domain::stock::Command;
use oneshelf_domain::{CommandId, ImportId, Refusal};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use super::columns::{Kind, Layout};
use super::commands::{self, Chunk, Due, Staged};
use super::rows::Wrong;
use crate::app::App;
use crate::commands::{Failure, Lane};
use crate::store::imports::{self, ErrorRow, ImportRow};
use crate::store::{Engine, StoreError};

/// Rows that are on their way at once.
const CHUNK_ROWS: i64 = 500;
/// How often imports of another hub that stopped are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// How long to wait when the write path has no room.
const WAIT: Duration = Duration::from_millis(50);
/// How often a row is sent again, or decided anew, before it counts as failed.
const TRIES: usize = 5;
/// A file that is received for longer than this is not received any more, milliseconds.
const RECEIVING_MS_MAX: i64 = 60 * 60 * 1_000;

/// Works until the program stops.
pub async fn run(app: App) {
    loop {
        if let Err(error) = forget_cut(&app).await {
            tracing::warn!(%error, "imports that were cut off could not be marked");
        }
        if let Err(error) = work(&app).await {
            tracing::warn!(%error, "an import waits for the database");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.imports.woken() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Files that nobody receives any more: a stop of a program cut them off, or their end could not
/// be stored.
async fn forget_cut(app: &App) -> Result<(), StoreError> {
    let mut tx = app.store.read().await?;
    let receiving = imports::in_state(&mut tx, "receiving").await?;
    tx.rollback().await?;
    for import in receiving {
        let Ok(id) = import.id.parse() else { continue };
        let age = app.now().0 / 1_000 - import.created_at / 1_000;
        // One file of SQLite has one hub; of PostgreSQL another hub may receive it.
        let alone = app.store.engine() == Engine::Sqlite;
        if !app.imports.comes(id) && (alone || age > RECEIVING_MS_MAX) {
            imports::cut(&app.store, id, "the file did not come to its end").await?;
        }
    }
    Ok(())
}

async fn work(app: &App) -> Result<(), StoreError> {
    loop {
        let mut tx = app.store.read().await?;
        let stopped = imports::in_state(&mut tx, "cancelling").await?;
        let running = imports::in_state(&mut tx, "running").await?;
        tx.rollback().await?;
        for import in &stopped {
            let Ok(id) = import.id.parse() else { continue };
            while !imports::cancelled(&app.store, id, app.now()).await? {}
        }
        let Some(import) = running.into_iter().next() else { return Ok(()) };
        if !one(app, &import).await? {
            return Ok(());
        }
    }
}

/// Takes one import to its end, or to where somebody stopped it; false when the program stops
/// first.
async fn one(app: &App, import: &ImportRow) -> Result<bool, StoreError> {
    let unreadable = || StoreError::unreadable("import", &import.id);
    let id: ImportId = import.id.parse().map_err(|_| unreadable())?;
    let kind = Kind::from_name(&import.kind).ok_or_else(unreadable)?;
    let layout = match &import.layout {
        Some(text) => serde_json::from_str(text).map_err(|_| unreadable())?,
        None => Layout::plain(kind),
    };
    let began_at = app.now();
    loop {
        if app.stop.is_cancelled() {
            return Ok(false);
        }
        let mut tx = app.store.read().await?;
        let now = imports::find(&mut tx, id).await?;
        let staged = imports::rows(&mut tx, id, CHUNK_ROWS).await?;
        tx.rollback().await?;
        if now.is_none_or(|now| now.state != "running") {
            return Ok(true);
        }
        let staged = commands::once_each(kind, &layout, staged);
        let Some((upto, _)) = staged.last() else {
            imports::done(&app.store, id, app.now()).await?;
            return Ok(true);
        };
        let upto = *upto;
        let count = i64::try_from(staged.len()).unwrap_or(i64::MAX);
        let Some(errors) = chunk(app, id, kind, &layout, staged).await? else {
            return Ok(false);
        };
        imports::progress(&app.store, id, upto, count, &errors, began_at).await?;
    }
}

/// Decides a chunk of rows, and those anew whose items somebody changed between read and write.
/// Gives their errors; none when the program stops.
async fn chunk(
    app: &App,
    id: ImportId,
    kind: Kind,
    layout: &Layout,
    staged: Vec<Staged>,
) -> Result<Option<Vec<ErrorRow>>, StoreError> {
    let (mut rows, mut errors) = (staged, vec![]);
    for last in (0..TRIES).map(|again| again + 1 == TRIES) {
        let Chunk { due, errors: wrong } = commands::decide(app, id, kind, layout, rows).await?;
        errors.extend(wrong);
        let Some(mut failed) = send(app, id, due).await else { return Ok(None) };
        let changed = Failure::Refused(Refusal::PreconditionFailed);
        let first = failed.iter().position(|(_, why)| *why == changed);
        // Those behind it may need what it brings: a barcode that it gives up.
        let again = failed.split_off(first.filter(|_| !last).unwrap_or(failed.len()));
        errors.extend(failed.into_iter().map(|(row, why)| told(&why).at(row.0, &row.1)));
        if again.is_empty() {
            break;
        }
        rows = again.into_iter().map(|(row, _)| row).collect();
    }
    errors.sort_by_key(|e| e.line);
    Ok(Some(errors))
}

fn told(failure: &Failure) -> Wrong {
    match failure {
        Failure::Refused(refusal) => Wrong::from(refusal),
        _ => Wrong::new("internal", "this row could not be stored; send it again"),
    }
}

/// Sends what rows stand for. Gives those that had no effect, in order; none when the program
/// stops.
async fn send(app: &App, id: ImportId, due: Vec<Due>) -> Option<Vec<(Staged, Failure)>> {
    let mut waiting = vec![];
    for Due { row, command } in due {
        let submission = submission(id, row.0, command);
        let receiver = enqueue(app, &submission).await?;
        waiting.push((row, submission, receiver));
    }
    let mut failed = vec![];
    for (row, submission, receiver) in waiting {
        let first = receiver.await.unwrap_or(Err(Failure::Stopping));
        match settle(app, &submission, first).await {
            Ok(()) => {}
            Err(Failure::Stopping) => return None,
            Err(why) => failed.push((row, why)),
        }
    }
    Some(failed)
}

type Receiver = tokio::sync::oneshot::Receiver<crate::commands::Answer>;

/// Waits for room; none when the program stops.
async fn enqueue(app: &App, submission: &Submission) -> Option<Receiver> {
    loop {
        match app.commands.enqueue(Lane::Bulk, submission.clone()) {
            Ok(receiver) => return Some(receiver),
            Err(Failure::Busy | Failure::StorageFull) => {}
            Err(_) => return None,
        }
        tokio::select! {
            () = app.stop.cancelled() => return None,
            () = tokio::time::sleep(WAIT) => {}
        }
    }
}

/// The last word on a row: what passes is sent again.
async fn settle(
    app: &App,
    submission: &Submission,
    first: crate::commands::Answer,
) -> Result<(), Failure> {
    let mut answer = first;
    for _ in 0..TRIES {
        match answer {
            Ok(_) => return Ok(()),
            // The id is this row's alone: it was done before a restart, and the item differs now.
            Err(Failure::Refused(Refusal::CommandReused)) => return Ok(()),
            Err(Failure::Refused(_) | Failure::Stopping) => return answer.map(drop),
            Err(_) => {}
        }
        tokio::time::sleep(WAIT).await;
        answer = app.commands.submit(Lane::Bulk, submission.clone()).await;
    }
    answer.map(drop)
}

fn submission(id: ImportId, line: i64, command: Command) -> Submission {
    let principal = format!("import:{id}");
    Submission {
        id: CommandId(Uuid::new_v5(&id.0, &line.to_be_bytes())),
        actor: principal.clone(),
        principal,
        on_behalf_of: None,
        // A refused row of an item is decided anew, under its id; what was done keeps the id.
        keyed: !matches!(command, Command::OnlyIf { .. }),
        command,
    }
}
