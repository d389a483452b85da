//! Recalls at the agent: totals, holds, sessions, and shares that the hub looks after.

use oneshelf_domain::{IncarnationId, TicketId};
use oneshelf_protocol::frame::{Body, Down, Up};
use oneshelf_sync::agent::{KEEP_ALL, Step};

use crate::shared::{NOW, Store, id, lease, sku, ups};

fn recall(store: &mut Store, session: i64, target: i64) -> Step {
    let (session, incarnation) = (lease(1, session), store.life.incarnation);
    store.down(Down::Recall { session, incarnation, sku: sku("MUG"), target })
}

fn given(step: &Step) -> Option<i64> {
    ups(step).into_iter().find_map(|up| match up {
        Up::Fact { fact, .. } => match fact.body {
            Body::Back { quantity, .. } => Some(quantity),
            _ => None,
        },
        _ => None,
    })
}

/// A store that keeps all of its five mugs.
fn open() -> Store {
    let mut store = Store::open();
    store.agent.set_policy(KEEP_ALL, Default::default());
    let granted = vec![(sku("MUG"), 5)];
    store.down(Down::Ping { session: lease(1, 1), number: 1, last: 0, granted });
    assert_eq!(store.agent.totals(&sku("MUG")).share(), 5);
    store
}

#[test]
fn a_recall_is_a_total_that_may_come_twice_and_late() {
    let mut store = open();
    assert_eq!(given(&recall(&mut store, 1, 2)), Some(2));
    assert_eq!(given(&recall(&mut store, 1, 2)), None, "once more");
    assert_eq!(given(&recall(&mut store, 1, 1)), None, "an older one");
    assert_eq!(given(&recall(&mut store, 1, 9)), Some(3), "what there is");
    assert_eq!(given(&recall(&mut store, 1, 9)), None);
    assert_eq!(store.agent.totals(&sku("MUG")).share(), 0);
}

#[test]
fn a_recall_leaves_what_a_ticket_holds() {
    let mut store = open();
    let (mug, ticket) = (sku("MUG"), TicketId(id(5)));
    store.run(|agent, fresh| agent.need(&mug, ticket, 4, NOW, fresh));
    assert_eq!(given(&recall(&mut store, 1, 5)), Some(1));
    assert_eq!(store.agent.beyond(&mug, ticket), 0);
    store.run(|agent, fresh| agent.need(&mug, ticket, 1, NOW, fresh));
    assert_eq!(given(&recall(&mut store, 1, 5)), Some(3), "asked again, after a line was voided");
}

#[test]
fn a_recall_of_another_session_or_life_changes_nothing() {
    let mut store = open();
    assert_eq!(given(&recall(&mut store, 2, 1)), None);
    let (session, incarnation) = (lease(1, 1), IncarnationId(id(8)));
    let other = store.down(Down::Recall { session, incarnation, sku: sku("MUG"), target: 1 });
    assert_eq!(given(&other), None);
    store.agent.disconnected();
    assert_eq!(given(&recall(&mut store, 1, 1)), None);
    assert_eq!(store.agent.totals(&sku("MUG")).share(), 5);
}
