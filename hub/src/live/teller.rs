//! The task behind the board: reads what was committed, and tells.
//!
//! Invariant: the board's version moves on only after everything up to it was told; a database
//! that does not answer leaves it where it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::ItemNo;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::follow::Seen;
use crate::store::StoreError;
use crate::store::read::changes;

/// Changed items of one round; beyond that everything counts as changed.
const ITEMS_MAX: usize = 5_000;
/// So few followed items are read without asking whether they changed.
const FEW: usize = 16;
/// How often followers are told at most: what comes meanwhile is told together.
const SPACING: Duration = Duration::from_millis(5);
/// How often the stores' lines are looked at: their freshness is a matter of time alone.
const LINES: Duration = Duration::from_secs(1);
/// Followers that are rung before others have their turn.
const TOGETHER: usize = 256;
/// Pause after the database did not answer.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(board: Board, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tell(&board) => {}
    }
}

async fn tell(board: &Board) {
    let mut seen = board.source().follow.subscribe();
    let mut before = seen.borrow_and_update().clone();
    let mut lines = Default::default();
    let mut rang = Instant::now();
    let mut look = tokio::time::interval(LINES);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = seen.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = seen.borrow_and_update().clone();
                if let Err(error) = round(board, &before, &now).await {
                    tracing::warn!(%error, "live stock cannot read what changed");
                    seen.mark_changed();
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                board.reach(now.version.0);
                before = now;
            }
            _ = look.tick() => {
                let moment = board.source().moment();
                let now = moment.lines();
                if now != lines {
                    lines = now;
                    board.state().refresh(&moment);
                }
            }
        }
        let ringing = board.state().take_ringing();
        if ringing.is_empty() {
            continue;
        }
        // What was read meanwhile is told with it: the inboxes hold the newest.
        tokio::time::sleep_until(rang + SPACING).await;
        rang = Instant::now();
        for some in ringing.chunks(TOGETHER) {
            some.iter().for_each(|inbox| inbox.ring());
            // They go to work while what they were rung for is near, and the queue stays short.
            tokio::task::yield_now().await;
        }
    }
}

/// Reads what changed between two moments onto the board.
async fn round(board: &Board, before: &Arc<Seen>, now: &Arc<Seen>) -> Result<(), StoreError> {
    if board.state().is_idle() {
        return Ok(());
    }
    let went_back = now.epoch != before.epoch;
    let settings = !Arc::ptr_eq(&now.records, &before.records);
    let few = if went_back || settings { None } else { board.state().few(FEW) };
    if let Some(items) = few {
        return board.read(&items, false).await;
    }
    let changed = if went_back { None } else { changed_items(board, before).await? };
    if went_back {
        board.state().distrust();
    }
    let mut items = match &changed {
        Some(changed) => board.state().followed_of(&with_kits(&now.records, changed)),
        None => board.state().followed(),
    };
    if settings && changed.is_some() {
        // What a kit is made of is a setting: its rows are others then.
        let kits = |no: &ItemNo| now.records.kit(*no) != before.records.kit(*no);
        items.extend(board.state().followed().into_iter().filter(kits));
    }
    board.read(&items, changed.is_some()).await?;
    if settings || changed.is_none() {
        // Rows did not change by that, but what is shown of them may have.
        let moment = board.source().moment();
        board.state().refresh(&moment);
    }
    Ok(())
}

/// Items and the kits that they are parts of.
fn with_kits(records: &Records, items: &BTreeSet<ItemNo>) -> BTreeSet<ItemNo> {
    let kits = items.iter().flat_map(|no| records.kits_of(*no));
    items.iter().copied().chain(kits).collect()
}

/// The items whose stock changed; none: any may have.
async fn changed_items(
    board: &Board,
    before: &Seen,
) -> Result<Option<BTreeSet<ItemNo>>, StoreError> {
    // Without an end: what changed again meanwhile counts for both rounds.
    let (store, after) = (&board.source().store, before.version.0);
    let items = changes::items_changed(store, after, i64::MAX, ITEMS_MAX + 1).await?;
    Ok((items.len() <= ITEMS_MAX).then_some(items))
}
