//! The copy of the hub's rows: whole frames only, in order, of one epoch.

use oneshelf_protocol::frame::{Applied, Cursor, Down, Up};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::{Step, Write};

use crate::shared::{Store, lease, sku, ups};

pub(crate) fn changes(after: i64, upto: i64, rows: Vec<Row>, more: bool) -> Down {
    part((after, upto), 0, rows, more)
}

fn part((after, upto): (i64, i64), part: u32, rows: Vec<Row>, more: bool) -> Down {
    Down::Changes {
        session: lease(1, 1),
        epoch: 1,
        after,
        upto,
        applied: Applied { incarnation: None, seq: 0 },
        rows,
        part,
        more,
    }
}

fn row(name: &str, units: i64) -> Row {
    let mut balances = [0; 12];
    balances[0] = units;
    Row::Stock { sku: sku(name), balances, short: 0 }
}

/// What a step stores: whether it replaces all, which rows, up to which version.
fn stored(step: &Step) -> Option<(bool, usize, i64)> {
    step.writes.iter().find_map(|w| match w {
        Write::Rows { whole, rows, cursor, .. } => Some((*whole, rows.len(), cursor.version)),
        _ => None,
    })
}

fn asks(step: &Step) -> Option<Cursor> {
    ups(step).iter().find_map(|up| match up {
        Up::Cursor { cursor, .. } => Some(*cursor),
        _ => None,
    })
}

#[test]
fn parts_are_stored_together() {
    let mut store = Store::open();
    let first = store.down(changes(0, 9, vec![row("MUG", 1)], true));
    assert_eq!(stored(&first), None);
    assert_eq!(store.agent.cursor().version, 0);
    let last = store.down(part((0, 9), 1, vec![row("CUP", 2)], false));
    assert_eq!(stored(&last), Some((true, 2, 9)));
    assert_eq!(store.agent.cursor(), Cursor { epoch: 1, version: 9 });
}

#[test]
fn a_frame_with_a_part_missing_is_asked_for_again_once() {
    let lost = |gone: u32| {
        let mut store = Store::open();
        store.down(changes(0, 9, vec![], false));
        let parts = (0..4).filter(|n| *n != gone);
        let steps: Vec<Step> = parts
            .map(|n| store.down(part((9, 14), n, vec![row("MUG", i64::from(n))], n < 3)))
            .collect();
        assert!(steps.iter().all(|s| stored(s).is_none()), "without part {gone}");
        assert_eq!(store.agent.cursor().version, 9);
        let all: Vec<Cursor> = steps.iter().filter_map(asks).collect();
        // The rows after that, or the next frame.
        let next = store.down(part((14, 15), 0, vec![], false));
        (all, asks(&next))
    };
    let here = Cursor { epoch: 1, version: 9 };
    for gone in [0, 1, 2] {
        assert_eq!(lost(gone), (vec![here], Some(here)));
    }
    assert_eq!(lost(3), (vec![], Some(here)), "the last one: nothing is sure before the next");
}

#[test]
fn a_part_that_comes_twice_is_not_taken_for_the_next_one() {
    let mut store = Store::open();
    for n in [0, 1, 1] {
        store.down(part((0, 9), n, vec![row("MUG", 1)], true));
    }
    let last = store.down(part((0, 9), 2, vec![row("CUP", 1)], false));
    assert_eq!(stored(&last), None);
    assert_eq!(asks(&last), Some(Cursor { epoch: 0, version: 0 }));
}

#[test]
fn a_gap_is_asked_for_again() {
    let mut store = Store::open();
    store.down(changes(0, 9, vec![], false));
    let gap = store.down(changes(12, 14, vec![row("MUG", 1)], false));
    assert_eq!(stored(&gap), None);
    assert_eq!(asks(&gap), Some(Cursor { epoch: 1, version: 9 }));
    let fits = store.down(changes(9, 14, vec![row("MUG", 1), row("CUP", 1)], false));
    assert_eq!(stored(&fits), Some((false, 2, 14)));
}

#[test]
fn an_old_copy_of_a_frame_changes_nothing() {
    let mut store = Store::open();
    store.down(changes(0, 9, vec![], false));
    store.down(changes(9, 11, vec![row("MUG", 1)], false));
    let late = store.down(changes(9, 10, vec![row("MUG", 5)], false));
    assert!(late.writes.is_empty() && late.send.is_empty());
    assert_eq!(store.agent.cursor().version, 11);
}

#[test]
fn parts_of_two_frames_do_not_mix() {
    let mut store = Store::open();
    store.down(changes(0, 9, vec![], false));
    // The first part of a frame whose rest is lost, then another frame that is older.
    store.down(changes(9, 14, vec![row("MUG", 14)], true));
    let step = store.down(changes(9, 12, vec![row("CUP", 12)], false));
    assert_eq!(stored(&step), Some((false, 1, 12)), "no row is newer than the cursor");
}

#[test]
fn a_frame_of_another_session_or_epoch_changes_nothing() {
    let mut store = Store::open();
    store.down(changes(0, 9, vec![], false));
    let mut other = changes(9, 10, vec![row("MUG", 1)], false);
    if let Down::Changes { session, .. } = &mut other {
        *session = lease(1, 2);
    }
    assert!(store.down(other).writes.is_empty());
    let mut other = changes(9, 10, vec![row("MUG", 1)], false);
    if let Down::Changes { epoch, .. } = &mut other {
        *epoch = 2;
    }
    let step = store.down(other);
    assert_eq!(asks(&step), Some(Cursor { epoch: 1, version: 9 }));
    assert_eq!(stored(&step), None);
}
