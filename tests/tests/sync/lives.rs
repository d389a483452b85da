//! What a life is told of being one of two, and of its receipt numbers.

use oneshelf_protocol::frame::Down;
use oneshelf_sync::agent::Note;

use crate::shared::{Store, id, lease};

#[test]
fn a_life_that_waits_has_no_session_until_it_is_welcome() {
    let mut store = Store::new();
    store.hello();
    let (incarnation, nonce) = (store.life.incarnation, store.life.nonce.unwrap());
    let other = Down::Waits { incarnation, nonce: id(99) };
    assert!(store.down(other).notes.is_empty(), "of another Hello");
    let told = store.down(Down::Waits { incarnation, nonce });
    assert_eq!(told.notes, [Note::Waits(incarnation)]);
    assert!(store.agent.waits() && store.agent.session().is_none());
    assert_eq!(store.life.nonce, Some(nonce), "the Hello is not answered");
    store.welcome(lease(1, 1), &[]);
    assert!(!store.agent.waits());
}

#[test]
fn a_fork_and_numbers_are_told_of_this_life_and_session_alone() {
    let mut store = Store::open();
    let life = store.life.incarnation;
    let told = store.down(Down::Forked { incarnation: life });
    assert_eq!(told.notes, [Note::Forked(life)]);
    assert_eq!(store.agent.session(), Some(lease(1, 1)), "Retired ends it");
    let last = vec![("S07-R1".to_owned(), 7)];
    let told = store.down(Down::Numbers { session: lease(1, 1), last: last.clone() });
    assert_eq!(told.notes, [Note::Numbers(last.clone())]);
    assert!(store.down(Down::Numbers { session: lease(1, 9), last }).notes.is_empty());
    store.down(Down::Retired { incarnation: life });
    assert!(store.down(Down::Forked { incarnation: life }).notes.is_empty(), "a late copy");
}
