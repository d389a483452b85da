//! The hub's end: Hello in parts, answers, grants until they are confirmed, pings, rows.

use std::collections::BTreeMap;

use oneshelf_domain::item::{Item, ItemDetails};
use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::{
    Command, HelloAnswer, InSource, Incarnation, ItemNo, LocationNo, Outcome, SESSION_OVER, Version,
};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Sku, limits};
use oneshelf_protocol::frame::{Answer, Applied, Body, Cursor, Down, Fact, Protocol, Total, Up};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::hub::{About, HubLink, Todo, command};
use oneshelf_sync::plan::{Reply, fingerprint};

use crate::shared::{NOW, id, lease, sku};

const LIFE: IncarnationId = IncarnationId(id_of(7));

const fn id_of(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn link() -> HubLink {
    HubLink::new(AgentId(id(1)), LocationNo(1), 1)
}

fn names() -> BTreeMap<ItemNo, Sku> {
    BTreeMap::from([(ItemNo(4), sku("MUG"))])
}

fn hello(granted: Vec<Total>, version: i64, more: bool) -> Up {
    Up::Hello {
        protocol: Protocol { min: 1, max: 1 },
        incarnation: LIFE,
        follows: None,
        lease: lease(0, 0),
        nonce: id(50),
        last: 0,
        granted,
        cursor: Cursor { epoch: 1, version },
        more,
    }
}

fn fact(session: i64, seq: i64) -> Up {
    let body =
        Body::In { sku: sku("MUG"), quantity: 1, to_share: false, source: InSource::Customer };
    let fact = Fact {
        command_id: CommandId(id(100 + seq.unsigned_abs() as u128)),
        incarnation: LIFE,
        seq,
        prev_id: None,
        granted: vec![],
        occurred_at: NOW,
        body,
    };
    Up::Fact { session: lease(1, session), fact: Box::new(fact) }
}

fn accepted(outcome: Outcome, replayed: bool) -> Reply {
    Reply::Accepted { outcome, version: Some(Version(1)), replayed }
}

fn about(todo: &[Todo]) -> About {
    match todo {
        [Todo::Submit(request)] => request.about.clone(),
        other => panic!("{other:?}"),
    }
}

fn sent(todo: &[Todo]) -> Vec<Down> {
    let down = |t: &Todo| match t {
        Todo::Send(down) => Some(down.clone()),
        _ => None,
    };
    todo.iter().filter_map(down).collect()
}

/// A link whose Hello was answered with the session (1, 3); the hub has five facts.
fn open(version: i64) -> (HubLink, Vec<Todo>) {
    let mut link = link();
    let about = about(&link.frame(hello(vec![], version, false)));
    let granted = vec![(ItemNo(4), 2)];
    let answer = HelloAnswer::Welcome { lease: lease(1, 3), granted, last: 5, anew: false };
    let todo = link.reply(&about, &accepted(Outcome::Hello(answer), false), &names());
    (link, todo)
}

#[test]
fn a_hello_in_parts_is_one_command() {
    let mut link = link();
    assert!(link.frame(hello(vec![(sku("CUP"), 1)], 0, true)).is_empty());
    let todo = link.frame(hello(vec![(sku("MUG"), 2)], 0, false));
    let [Todo::Submit(request)] = &todo[..] else { panic!("{todo:?}") };
    let Up::Hello { granted, more, .. } = &request.up else { panic!("{request:?}") };
    assert_eq!((granted.len(), *more), (2, false));
}

#[test]
fn a_welcome_is_followed_by_rows_from_the_agents_cursor() {
    let (link, todo) = open(42);
    assert_eq!(link.session(), Some(lease(1, 3)));
    assert_eq!(link.incarnation(), Some(LIFE));
    let granted = vec![(sku("MUG"), 2)];
    let (incarnation, nonce, lease) = (LIFE, id(50), lease(1, 3));
    let (last, anew, more) = (5, false, false);
    let welcome = Down::Welcome { incarnation, nonce, lease, granted, last, anew, more };
    assert_eq!(sent(&todo), [welcome]);
    assert!(matches!(todo.last(), Some(Todo::Rows(42))));
}

#[test]
fn an_agent_that_is_further_gets_all_rows() {
    let mut link = link();
    let about = about(&link.frame(hello(vec![], 42, false)));
    let answer = HelloAnswer::Welcome { lease: lease(1, 3), granted: vec![], last: 0, anew: true };
    let todo = link.reply(&about, &accepted(Outcome::Hello(answer), false), &names());
    assert!(matches!(sent(&todo)[..], [Down::Welcome { anew: true, .. }]));
    assert!(matches!(todo.last(), Some(Todo::Rows(0))));
}

#[test]
fn a_protocol_that_is_not_spoken_ends_the_connection() {
    let mut up = hello(vec![], 0, false);
    if let Up::Hello { protocol, .. } = &mut up {
        *protocol = Protocol { min: 900, max: 901 };
    }
    let todo = link().frame(up);
    assert!(matches!(todo[..], [Todo::Send(Down::Unsupported { .. }), Todo::Close(_)]));
}

#[test]
fn frames_of_another_session_are_dropped() {
    let (mut link, _) = open(0);
    assert!(link.frame(fact(2, 1)).is_empty());
    let (session, incarnation) = (lease(1, 2), LIFE);
    let ask = Up::Ask { session, incarnation, sku: sku("MUG"), want: 1 };
    assert!(link.frame(ask).is_empty());
    let cursor = Cursor { epoch: 1, version: 1 };
    assert!(link.frame(Up::Cursor { session, cursor }).is_empty());
}

#[test]
fn each_reply_of_a_fact_has_its_answer() {
    let (mut link, _) = open(0);
    let about = about(&link.frame(fact(3, 6)));
    let answer = |link: &mut HubLink, reply: &Reply| {
        sent(&link.reply(&about, reply, &names())).into_iter().next()
    };
    let booked = || Outcome::Booked { attention: None };
    let ack = |answer| {
        let (session, id) = (lease(1, 3), CommandId(id(106)));
        Some(Down::Ack { session, id, answer })
    };
    let rejected = |code: &str| Answer::Rejected { code: code.to_owned() };
    let accepted_now = answer(&mut link, &accepted(booked(), false));
    assert_eq!(accepted_now, ack(Answer::Accepted));
    assert_eq!(answer(&mut link, &accepted(booked(), true)), ack(Answer::Duplicate));
    let not_booked = Outcome::NotBooked { code: "unreadable".to_owned() };
    assert_eq!(answer(&mut link, &accepted(not_booked, false)), ack(rejected("unreadable")));
    let reused = Reply::Refused(Refusal::CommandReused);
    assert_eq!(answer(&mut link, &reused), ack(rejected("command_reused")));
    assert_eq!(answer(&mut link, &Reply::NotNow("a gap")), None);
    let over = link.reply(&about, &Reply::NotNow(SESSION_OVER), &names());
    assert!(matches!(over[..], [Todo::Close(_)]), "only a new Hello helps");
}

#[test]
fn a_session_is_over_when_its_life_ended_or_speaks_in_a_later_one() {
    let (link, _) = open(0);
    let life = |retired: bool, number: i64| -> Incarnation {
        serde_json::from_value(serde_json::json!({
            "id": LIFE, "location": 1, "agent": null, "follows": null, "retired": retired,
            "forked": false, "closed": false, "last": 0, "head": null,
            "lease": {"epoch": 1, "number": number}, "answer": {"epoch": 1, "number": 0},
            "used": [], "created": 1}))
        .unwrap()
    };
    assert!(!link.is_over(&life(false, 3)), "it is the one that is open");
    assert!(link.is_over(&life(true, 3)) && link.is_over(&life(false, 4)));
    let other = Incarnation { id: IncarnationId(id(77)), ..life(true, 9) };
    assert!(!link.is_over(&other), "another one's end");
    let begun = HubLink::new(AgentId(id(1)), LocationNo(1), 1);
    assert!(!begun.is_over(&life(true, 3)), "none is open: a Hello tells");
}

#[test]
fn a_resent_fact_is_the_same_command_in_another_session() {
    let numbers = BTreeMap::from([(sku("MUG"), ItemNo(4))]);
    let print = |session| {
        let up = fact(session, 1);
        let made = command(&up, AgentId(id(1)), LocationNo(1), &numbers).unwrap();
        assert!(matches!(made, Command::Fact { .. }));
        fingerprint(&made)
    };
    assert_eq!(print(1), print(2));
}

#[test]
fn pings_repeat_a_grant_until_a_pong_confirms_it_and_tell_what_the_hub_has() {
    let (mut link, _) = open(0);
    let session = lease(1, 3);
    let ask = Up::Ask { session, incarnation: LIFE, sku: sku("MUG"), want: 5 };
    let about = about(&link.frame(ask));
    let outcome = Outcome::Grant { incarnation: LIFE, session, item: ItemNo(4), total: 5 };
    let todo = link.reply(&about, &accepted(outcome, false), &names());
    assert!(matches!(sent(&todo)[..], [Down::Grant { total: 5, want: Some(5), .. }]));
    let (_, by_policy) = link.top_up(ItemNo(4), sku("MUG")).unwrap();
    let outcome = Outcome::Grant { incarnation: LIFE, session, item: ItemNo(4), total: 5 };
    let todo = link.reply(&by_policy, &accepted(outcome, false), &names());
    assert!(matches!(sent(&todo)[..], [Down::Grant { total: 5, want: None, .. }]), "unasked");
    let ping = |link: &mut HubLink, at| match &sent(&link.tick(at))[..] {
        [Down::Ping { number, last, granted, .. }] => (*number, *last, granted.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(ping(&mut link, 0), (1, 5, 1));
    assert!(link.tick(limits::HEARTBEAT_MS - 1).is_empty());
    assert_eq!(ping(&mut link, limits::HEARTBEAT_MS), (2, 5, 1));
    let pong = |number| Up::Pong {
        session,
        number,
        digest: String::new(),
        last: 5,
        waiting: None,
        next: None,
    };
    link.frame(pong(2));
    assert_eq!(link.answered(), Some(limits::HEARTBEAT_MS), "the sending time of the ping");
    assert_eq!(ping(&mut link, 2 * limits::HEARTBEAT_MS), (3, 5, 0));
    link.frame(pong(1));
    assert_eq!(link.answered(), Some(limits::HEARTBEAT_MS), "a late pong makes nothing fresher");
}

#[test]
fn totals_of_a_welcome_that_the_hello_did_not_know_are_pinged_too() {
    let mut link = link();
    let granted = |n: i64| (ItemNo(n), 1);
    let names: BTreeMap<ItemNo, Sku> =
        (0..2_000).map(|n| (ItemNo(n), sku(&format!("SKU-{n:04}")))).collect();
    let about = about(&link.frame(hello(vec![(sku("SKU-0000"), 1)], 0, false)));
    let (lease, granted) = (lease(1, 3), (0..2_000).map(granted).collect());
    let outcome = Outcome::Hello(HelloAnswer::Welcome { lease, granted, last: 0, anew: false });
    link.reply(&about, &accepted(outcome, false), &names);
    let mut carried = |at| match &sent(&link.tick(at * limits::HEARTBEAT_MS))[..] {
        [Down::Ping { number, granted, .. }] => {
            let (session, number) = (lease, *number);
            link.frame(Up::Pong {
                session,
                number,
                digest: String::new(),
                last: 0,
                waiting: None,
                next: None,
            });
            granted.len()
        }
        other => panic!("{other:?}"),
    };
    // All but the one that the Hello named, none dropped before a ping carried it.
    assert_eq!([carried(0), carried(1), carried(2)], [1_500, 499, 0]);
}

#[test]
fn rows_are_split_under_the_limit_and_lose_nothing() {
    let (link, _) = open(0);
    let details: ItemDetails = serde_json::from_str(&format!(
        "{{\"name\": \"Mug\", \"category\": \"{}\"}}",
        "x".repeat(900)
    ))
    .unwrap();
    let row = |n: i64| {
        let (sku, details) = (sku(&format!("SKU-{n}")), details.clone());
        let (no, version, prices) = (ItemNo(n), Version(n), vec![]);
        Row::Item { item: Box::new(Item { no, sku, details, prices, version }) }
    };
    let rows: Vec<Row> = (0..1_000).map(row).collect();
    let frames = link.rows(3, 1_000, Applied::default(), rows.clone());
    assert!(frames.len() > 3);
    let mut all = vec![];
    for (at, frame) in frames.iter().enumerate() {
        assert!(serde_json::to_vec(frame).unwrap().len() < limits::FRAME_BYTES_MAX);
        let Down::Changes { after, upto, rows, part, more, .. } = frame else {
            panic!("{frame:?}")
        };
        assert_eq!((*after, *upto, *more), (3, 1_000, at + 1 < frames.len()));
        assert_eq!(*part as usize, at);
        all.extend(rows.clone());
    }
    assert_eq!(all, rows);
    assert_eq!(link.rows(3, 3, Applied::default(), vec![]).len(), 1, "an empty one moves on");
}
