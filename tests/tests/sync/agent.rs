//! The agent's end: Hello, sending the log, answers, share, tickets' needs.

use oneshelf_domain::{IncarnationId, TicketId, limits};
use oneshelf_protocol::frame::{Answer, Applied, Body, Cursor, Down, Up};
use oneshelf_sync::agent::{Line, Note, Out, Step, Write};

use crate::shared::{NOW, Store, facts, id, lease, nonces, sku, ups};

#[test]
fn a_hello_repeats_its_nonce_until_it_is_answered() {
    let mut store = Store::new();
    let first = store.hello();
    assert!(matches!(first.writes[..], [Write::Life(_)]), "stored before it leaves");
    let again = store.hello();
    assert_eq!(nonces(&first), nonces(&again));
    store.agent.set_policy(2, Default::default());
    store.welcome(lease(1, 1), &[("MUG", 2)]);
    assert_eq!(store.agent.session(), Some(lease(1, 1)));
    assert_eq!(store.agent.totals(&sku("MUG")).share(), 2);
    assert_ne!(nonces(&store.hello()), nonces(&first));
}

#[test]
fn a_welcome_with_another_nonce_opens_nothing() {
    let mut store = Store::new();
    store.hello();
    let incarnation = store.life.incarnation;
    let granted = vec![(sku("MUG"), 2)];
    let (nonce, lease) = (id(99), lease(1, 1));
    let (last, anew, more) = (0, false, false);
    store.down(Down::Welcome { incarnation, nonce, lease, granted, last, anew, more });
    assert_eq!(store.agent.session(), None);
    assert_eq!(store.agent.totals(&sku("MUG")).share(), 0);
}

#[test]
fn stale_draws_a_new_nonce_once() {
    let mut store = Store::new();
    let nonce = nonces(&store.hello())[0];
    let again = store.down(Down::Stale { nonce });
    assert_eq!(nonces(&again).len(), 1);
    assert_ne!(nonces(&again)[0], nonce);
    assert!(store.down(Down::Stale { nonce }).send.is_empty(), "a second copy of the frame");
}

#[test]
fn a_lost_welcome_is_asked_for_again_at_the_next_ping() {
    let mut store = Store::new();
    let nonce = nonces(&store.hello());
    assert_eq!(nonces(&store.ping(lease(1, 4), 0)), nonce);
    store.welcome(lease(1, 4), &[]);
    assert!(nonces(&store.ping(lease(1, 3), 0)).is_empty(), "a late ping says nothing");
    assert_eq!(nonces(&store.ping(lease(1, 5), 0)).len(), 1, "a copy took the session over");
}

#[test]
fn at_most_a_window_of_facts_is_sent_before_an_answer() {
    let mut store = Store::open();
    let mut ids = vec![];
    let mut sent = vec![];
    for _ in 0..limits::FACTS_IN_FLIGHT_MAX + 3 {
        let (id, step) = store.bring();
        ids.push(id);
        sent.extend(facts(&step));
    }
    let window = i64::try_from(limits::FACTS_IN_FLIGHT_MAX).unwrap();
    assert_eq!(sent, (1..=window).collect::<Vec<_>>());
    let step = store.ack(lease(1, 1), ids[0], Answer::Accepted);
    assert_eq!(facts(&step), [window + 1]);
    let late = store.ack(lease(1, 9), ids[1], Answer::Accepted);
    assert!(late.writes.is_empty() && late.send.is_empty(), "an answer of another session");
}

#[test]
fn a_fact_that_no_answer_comes_to_is_sent_again_with_all_behind_it() {
    let mut store = Store::open();
    store.bring();
    store.bring();
    assert!(facts(&store.ping(lease(1, 1), 0)).is_empty(), "it may still be on its way");
    assert_eq!(facts(&store.ping(lease(1, 1), 0)), [1, 2]);
    let id = store.log[0].0.command_id;
    store.ack(lease(1, 1), id, Answer::Duplicate);
    assert!(facts(&store.ping(lease(1, 1), 1)).is_empty(), "the front moved");
}

#[test]
fn a_rejected_fact_is_told_and_the_log_goes_on() {
    let mut store = Store::open();
    let (id, _) = store.bring();
    let code = "invalid".to_owned();
    let step = store.ack(lease(1, 1), id, Answer::Rejected { code: code.clone() });
    assert_eq!(step.notes, [Note::Rejected(id, code)]);
    assert_eq!(store.agent.waiting(), 0);
}

#[test]
fn a_hub_of_another_epoch_gets_the_whole_log_again() {
    let mut store = Store::open();
    let (first, _) = store.bring();
    store.bring();
    store.ack(lease(1, 1), first, Answer::Accepted);
    store.hello();
    let step = store.welcome(lease(2, 1), &[]);
    assert!(step.writes.contains(&Write::AllUnanswered));
    assert!(step.notes.contains(&Note::ReloadLog));
    assert!(facts(&step).is_empty(), "the log is read again first");
    let entry = |(f, _): &(oneshelf_protocol::frame::Fact, _)| oneshelf_sync::agent::Entry {
        incarnation: f.incarnation,
        seq: f.seq,
        id: f.command_id,
    };
    let all = store.log.iter().map(entry).collect();
    assert_eq!(facts(&store.agent.reload_log(all)), [1, 2]);
}

#[test]
fn a_hub_that_was_put_back_while_a_life_ended_gets_the_log_of_that_life_again() {
    let mut store = Store::open();
    let (first, _) = store.bring();
    store.ack(lease(1, 1), first, Answer::Accepted);
    let old = store.life.incarnation;
    store.down(Down::Retired { incarnation: old });
    assert_eq!(store.life.lease, lease(1, 0), "the new life knows whose answers it has");
    let step = store.welcome(lease(2, 1), &[]);
    assert!(step.writes.contains(&Write::AllUnanswered));
    assert!(step.notes.contains(&Note::ReloadLog));
}

#[test]
fn a_hub_that_lost_answered_facts_gets_the_whole_log_again() {
    let mut store = Store::open();
    let (first, _) = store.bring();
    let (second, _) = store.bring();
    for id in [first, second] {
        store.ack(lease(1, 1), id, Answer::Accepted);
    }
    store.hello();
    let step = store.welcome_at(lease(1, 2), 2, false);
    assert!(!step.writes.contains(&Write::AllUnanswered), "it has both");
    store.hello();
    let step = store.welcome_at(lease(1, 3), 1, false);
    assert!(step.writes.contains(&Write::AllUnanswered), "the second is lost");
    assert!(step.notes.contains(&Note::ReloadLog));
}

#[test]
fn a_copy_of_what_never_came_to_be_is_asked_for_anew() {
    let mut store = Store::open();
    let (epoch, session, applied) = (1, lease(1, 1), Applied::default());
    let (part, more) = (0, false);
    let rows = |after, upto| Down::Changes {
        session,
        epoch,
        after,
        upto,
        applied,
        rows: vec![],
        part,
        more,
    };
    store.down(rows(0, 50));
    assert_eq!(store.agent.cursor().version, 50);
    store.hello();
    let step = store.welcome_at(lease(1, 2), 0, true);
    assert!(step.writes.contains(&Write::AllUnanswered));
    // Also when the rows do not come over this connection.
    let mut again = None;
    for out in store.hello().send {
        if let Out::Frame(Up::Hello { cursor, .. }) = out {
            again = Some(cursor);
        }
    }
    assert_eq!(again, Some(Cursor::default()));
}

#[test]
fn a_retired_life_says_what_was_left_in_parts_and_its_log_goes_first() {
    let mut store = Store::open();
    let many = 3_200;
    for n in 0..many {
        let (session, incarnation) = (lease(1, 1), store.life.incarnation);
        let sku = sku(&format!("SKU-{n:04}"));
        store.run(|agent, fresh| agent.need(&sku, TicketId(id(5)), 1, NOW, fresh));
        store.down(Down::Grant { session, incarnation, sku, total: 1, want: Some(1) });
    }
    let old = store.life.incarnation;
    let step = store.down(Down::Retired { incarnation: old });
    let parts: Vec<usize> = store
        .log
        .iter()
        .map(|(f, _)| match &f.body {
            Body::Close { left } => left.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts, [1_500, 1_500, 200]);
    assert!(step.writes.contains(&Write::TotalsCleared));
    assert!(step.notes.contains(&Note::NewLife));
    assert_eq!((store.life.follows, store.life.seq), (Some(old), 0));
    store.bring();
    let sent = store.welcome(lease(1, 2), &[]);
    assert_eq!(facts(&sent), [1, 2, 3], "of the old life only");
    for at in 0..3 {
        let id = store.log[at].0.command_id;
        let step = store.ack(lease(1, 2), id, Answer::Accepted);
        assert_eq!(facts(&step), if at == 2 { vec![1] } else { vec![] });
    }
    assert!(store.down(Down::Retired { incarnation: old }).send.is_empty(), "a late copy");
}

#[test]
fn a_ping_that_knows_more_than_this_disk_shows_a_restore() {
    let mut store = Store::open();
    let step = store.ping(lease(1, 1), 3);
    assert_eq!(nonces(&step).len(), 1);
    assert_eq!(store.agent.session(), None);
}

#[test]
fn grants_are_totals_of_one_life_and_session() {
    let mut store = Store::open();
    let (ticket, mug) = (TicketId(id(5)), sku("MUG"));
    let ask = store.run(|agent, fresh| agent.need(&mug, ticket, 2, NOW, fresh));
    assert!(matches!(ups(&ask)[..], [Up::Ask { want: 2, .. }]));
    let grant = |session, incarnation, total| {
        let (sku, want) = (sku("MUG"), Some(total));
        Down::Grant { session, incarnation, sku, total, want }
    };
    let life = store.life.incarnation;
    store.down(grant(lease(1, 9), life, 2));
    store.down(grant(lease(1, 1), IncarnationId(id(8)), 2));
    assert_eq!(store.agent.beyond(&mug, ticket), 2);
    for _ in 0..2 {
        store.down(grant(lease(1, 1), life, 2));
    }
    assert_eq!(store.agent.totals(&mug).share(), 2);
    assert_eq!(store.agent.beyond(&mug, ticket), 0);
    // Voided: it goes back, and a late copy of the grant brings nothing.
    let void = store.run(|agent, fresh| agent.need(&mug, ticket, 0, NOW, fresh));
    assert_eq!(facts(&void), [1]);
    store.down(grant(lease(1, 1), life, 2));
    assert_eq!(store.agent.totals(&mug).share(), 0);
}

#[test]
fn a_total_that_a_ping_or_a_welcome_repeats_stays_only_where_it_is_needed() {
    let mut store = Store::open();
    let (mug, life) = (sku("MUG"), store.life.incarnation);
    store.run(|agent, fresh| agent.need(&mug, TicketId(id(5)), 1, NOW, fresh));
    // The grant was lost, and it was larger than what is needed now.
    let granted = vec![(mug.clone(), 3)];
    let step = store.down(Down::Ping { session: lease(1, 1), number: 1, last: 0, granted });
    assert_eq!(facts(&step), [1]);
    assert!(matches!(&store.log[0].0.body, Body::Back { quantity: 2, .. }));
    assert_eq!(store.agent.beyond(&mug, TicketId(id(5))), 0);
    // Without a line: a fact that waits, then a Welcome that tells of another grant.
    store.agent.disconnected();
    store.bring();
    store.hello();
    let step = store.welcome(lease(1, 2), &[("MUG", 4)]);
    assert_eq!(facts(&step), [1, 2, 3], "in the order of the log, after the session is open");
    let back = &store.log[2].0;
    assert!(matches!(&back.body, Body::Back { quantity: 1, .. }), "{back:?}");
    assert_eq!((back.incarnation, store.agent.totals(&mug).share()), (life, 1));
}

#[test]
fn a_new_epoch_takes_what_goes_back_as_the_last_of_the_whole_log() {
    let mut store = Store::open();
    store.bring();
    store.hello();
    let step = store.welcome(lease(2, 1), &[("MUG", 1)]);
    assert!(facts(&step).is_empty(), "the log is read again first");
    let entry = |(f, _): &(oneshelf_protocol::frame::Fact, _)| oneshelf_sync::agent::Entry {
        incarnation: f.incarnation,
        seq: f.seq,
        id: f.command_id,
    };
    let all = store.log.iter().map(entry).collect();
    assert_eq!(facts(&store.agent.reload_log(all)), [1, 2]);
}

#[test]
fn a_lower_policy_gives_back_some_items_at_a_time() {
    let mut store = Store::open();
    assert!(store.agent.set_policy(2, Default::default()));
    assert!(!store.agent.set_policy(2, Default::default()), "the same one");
    let granted = (0..5).map(|n| (sku(&format!("SKU-{n}")), 2)).collect();
    store.down(Down::Ping { session: lease(1, 1), number: 1, last: 0, granted });
    assert!(store.log.is_empty());
    let own = [(sku("SKU-1"), 2)].into_iter().collect();
    assert!(store.agent.set_policy(0, own));
    let (mut after, mut steps) = (None, vec![]);
    loop {
        let mut next = None;
        let step = store.run(|agent, fresh| {
            let (step, last) = agent.give_some_back(after.as_ref(), 2, NOW, fresh);
            next = last;
            step
        });
        steps.push(facts(&step).len());
        let Some(last) = next else { break };
        after = Some(last);
    }
    assert_eq!(steps, [1, 2, 1, 0]);
    assert_eq!(store.agent.totals(&sku("SKU-1")).share(), 2);
}

#[test]
fn a_refused_question_is_answered_and_a_count_asks() {
    let mut store = Store::open();
    let (mug, life) = (sku("MUG"), store.life.incarnation);
    store.run(|agent, fresh| agent.need(&mug, TicketId(id(5)), 1, NOW, fresh));
    let grant = |total, want| {
        let (session, sku) = (lease(1, 1), sku("MUG"));
        Down::Grant { session, incarnation: life, sku, total, want }
    };
    let refused = store.down(grant(0, Some(1)));
    assert_eq!(refused.notes, [Note::Answered(mug.clone())]);
    store.down(grant(1, None));
    assert_eq!(store.agent.beyond(&mug, TicketId(id(5))), 0);
    let counted =
        store.run(|agent, fresh| agent.count(oneshelf_domain::CommandId(fresh()), &mug, 0, NOW));
    assert!(matches!(ups(&counted)[..], [Up::Fact { .. }, Up::Ask { want: 2, .. }]));
    let nothing = store
        .run(|agent, fresh| agent.count(oneshelf_domain::CommandId(fresh()), &sku("CUP"), 0, NOW));
    assert!(matches!(ups(&nothing)[..], [Up::Fact { .. }]), "nobody lacks any");
}

#[test]
fn only_the_answer_to_the_latest_question_ends_it() {
    let mut store = Store::open();
    let (mug, life) = (sku("MUG"), store.life.incarnation);
    let grant = |total, want| {
        let (session, sku) = (lease(1, 1), sku("MUG"));
        Down::Grant { session, incarnation: life, sku, total, want }
    };
    let answered = |step: &Step| step.notes.contains(&Note::Answered(sku("MUG")));
    for (wanted, want) in [(2, 2), (3, 3)] {
        let asked = store.run(|agent, fresh| agent.need(&mug, TicketId(id(5)), wanted, NOW, fresh));
        assert!(matches!(ups(&asked)[..], [Up::Ask { want: w, .. }] if w == want));
    }
    // By policy: with units, and with none that could be had.
    for total in [1, 1] {
        assert!(!answered(&store.down(grant(total, None))));
    }
    assert_eq!(store.agent.beyond(&mug, TicketId(id(5))), 2, "its unit is used all the same");
    assert!(!answered(&store.down(grant(1, Some(2)))), "the question before");
    assert!(answered(&store.down(grant(1, Some(3)))));
    assert!(!answered(&store.down(grant(1, Some(3)))), "a late copy");
    // Another session has its own questions.
    store.hello();
    let asked = store.welcome(lease(1, 2), &[]);
    assert!(matches!(ups(&asked)[..], [Up::Ask { want: 3, .. }]));
    assert!(!answered(&store.down(grant(1, Some(3)))));
}

#[test]
fn a_restart_gives_back_nothing_that_a_ticket_still_needs() {
    let mut store = Store::open();
    let (mug, life) = (sku("MUG"), store.life.incarnation);
    for n in [1_i64, 2] {
        let ticket = TicketId(id(u128::from(n.unsigned_abs())));
        store.run(|agent, fresh| agent.need(&mug, ticket, 1, NOW, fresh));
        store.down(Down::Grant {
            session: lease(1, 1),
            incarnation: life,
            sku: mug.clone(),
            total: n,
            want: Some(n),
        });
    }
    let mut again = Store::new();
    again.agent = oneshelf_sync::agent::Agent::load(oneshelf_sync::agent::Saved {
        life: store.life.clone(),
        totals: store.agent.all_totals().map(|(s, t)| (s.clone(), *t)).collect(),
        unanswered: vec![],
        cursor: store.agent.cursor(),
        applied: store.agent.applied(),
        policy_default: 0,
        policy: Default::default(),
    });
    for n in 1..=2 {
        again.agent.need_again(&mug, TicketId(id(n)), 1);
    }
    let step = again.run(|agent, fresh| agent.give_all_back(NOW, fresh));
    assert!(step.writes.is_empty(), "{step:?}");
    assert_eq!(again.agent.beyond(&mug, TicketId(id(2))), 0);
}

#[test]
fn the_line_is_live_when_all_is_answered_and_heard() {
    let mut store = Store::new();
    assert_eq!(store.agent.line(NOW), Line::Offline);
    store.hello();
    store.welcome(lease(1, 1), &[]);
    assert_eq!(store.agent.line(NOW), Line::CatchingUp);
    store.down(crate::copy::changes(0, 5, vec![], false));
    assert_eq!(store.agent.line(NOW), Line::Live);
    let (id, _) = store.bring();
    assert_eq!(store.agent.line(NOW), Line::CatchingUp);
    store.ack(lease(1, 1), id, Answer::Accepted);
    assert_eq!(store.agent.line(NOW.plus_ms(11_001)), Line::Offline);
}
