//! What stays the same outside the core: JSON of records, commands and answers, codes of refusals,
//! texts made harmless, caps of holds.

use std::sync::Arc;

use oneshelf_domain::promise::Lines;
use oneshelf_domain::record::{Record, RecordState};
use oneshelf_domain::refusal::RefusalKind;
use oneshelf_domain::stock::{
    At, Command, Incarnation, ItemNo, Key, Lease, Outcome, Share, State, StockKey, Stop, Version,
    decide,
};
use oneshelf_domain::{
    AgentId, CommandId, IncarnationId, LocationCode, Refusal, ReservationId, Timestamp, limits,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::table::Run;
use super::words;
use super::world::{World, id};

fn reads_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&text).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
    assert_eq!(&back, value, "{text}");
    text
}

const RECORDS: [&str; 17] = [
    r#"{"record":"shop","name":"H","currency":"EUR","zone":"UTC","taxes":[]}"#,
    r#"{"record":"location","no":3,"code":"S07","name":"Q","kind":"store","zone":"UTC"}"#,
    r#"{"record":"register","location":"S07","code":"R1","name":"R"}"#,
    r#"{"record":"staff","code":"ana","name":"Ana","role":"manager","pin_hash":"x"}"#,
    r#"{"record":"key","id":"key_00000000000000000000000000000001","name":"k","kind":"secret",
        "secret_hash":"x","scopes":["stock:read"],"display":{"kind":"level"}}"#,
    r#"{"record":"enrolment","code_hash":"aa","location":"S07",
        "expires_at":"1970-01-01T00:15:00Z"}"#,
    r#"{"record":"agent","id":"agt_00000000000000000000000000000001","location":"S07","name":"a",
        "public_key":"00"}"#,
    r#"{"record":"channel","code":"own-shop","name":"Shop","connector":"webhook",
        "secrets":[{"sealed":"x"}],"stopped":"gone"}"#,
    r#"{"record":"safety","item":1,"location":2,"units":3}"#,
    r#"{"record":"buffer","item":1,"channel":"web","units":3}"#,
    r#"{"record":"share","location":2,"rule":"fixed","units":3}"#,
    r#"{"record":"share","location":2,"item":7,"rule":"percent","percent":20}"#,
    r#"{"record":"share","location":2,"rule":"auto"}"#,
    r#"{"record":"walk_in","location":2,"hours":40,"sold":[{"item":1,"sales":3,"units":4}]}"#,
    r#"{"record":"recovering","location":2,"epoch":7}"#,
    r#"{"record":"kit","item":3,"parts":[{"item":1,"quantity":2}]}"#,
    r#"{"record":"agent_copy","location":2,"agent":"agt_00000000000000000000000000000001",
        "life":"inc_00000000000000000000000000000003","state":"waiting",
        "follows":"inc_00000000000000000000000000000002","since":"1970-01-01T00:15:00Z"}"#,
];

#[test]
fn every_record_reads_back_and_has_the_key_of_its_kind() {
    for text in RECORDS {
        let record: Record = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let json: serde_json::Value = serde_json::from_str(&reads_back(&record)).unwrap();
        let kind = json["record"].as_str().unwrap();
        assert!(record.key().starts_with(&format!("{kind}/")), "{}", record.key());
        reads_back(&Command::PutRecord { record: Box::new(record) });
    }
}

#[test]
fn every_command_reads_back() {
    let mut run = Run::new();
    run.step("hello a1 nonce n1 granted MUG:2");
    let log = words::Log {
        location: "S07".to_owned(),
        session: Lease { epoch: 1, number: 1 },
        seq: 0,
        prev: None,
    };
    for line in [
        "receive W01 MUG 5",
        "return W01 MUG 1 to quality_control",
        "adjust W01 MUG 1 correction_down approved",
        "count W01 MUG 7",
        "reserve MUG@W01 2 for 900s channel web shopper ann address x",
        "commit r1",
        "release r1 by ann",
        "expire r1",
        "pick r1",
        "handover r1",
        "grant S07 MUG",
        "item MUG 1,2",
        "retire MUG",
        "drop share/3/6",
        "redeem aa agent1",
    ] {
        let mut w = words::Words::new(line, &run.world);
        let verb = w.word();
        let command = words::request(verb, &mut w);
        let kind = reads_back(&command);
        assert!(kind.starts_with("{\"command\":\""), "{kind}");
    }
    let mut w = words::Words::new("nonce n granted MUG:1 follows a0", &run.world);
    reads_back(&words::hello("a1", &log, &mut w));
    let mut w = words::Words::new("MUG 3", &run.world);
    reads_back(&words::ask("a1", &log, &mut w));
    for line in [
        "sale paid 5 sold MUG:1 MUG 1+0 CUP 0+2",
        "in MUG 1 share from supplier",
        "back MUG 1",
        "counted MUG 1 cut 1",
        "handed r1 MUG 1",
        "close MUG 1",
        "unreadable unsupported",
    ] {
        let mut w = words::Words::new(line, &run.world);
        reads_back(&words::fact("a1", &log, log.session, &mut w).1);
    }
}

#[test]
fn every_answer_reads_back() {
    let mut run = Run::new();
    for line in [
        "receive W01 MUG 5",
        "count W01 MUG 5",
        "item A 1",
        "reserve r1 MUG@W01 1 for 900s",
        "hello a1 nonce n1",
        "hello a1 nonce n1 lease 0.0",
        "ask a1 MUG 1",
        "fact a1 sale MUG 0+1",
        "fact a1 sale",
        "hello a1 nonce n2 lease 0.0 last 9",
        "hello a2 nonce n3",
        "hello a1 nonce n4",
    ] {
        run.step(line);
    }
    for (decision, _) in &run.world.history {
        reads_back(&decision.outcome);
    }
    reads_back(&Outcome::Joined { agent: oneshelf_domain::AgentId(id("a")), location: "S".into() });
    let grant = Outcome::Grant {
        incarnation: IncarnationId(id("a1")),
        session: Lease { epoch: 1, number: 2 },
        item: run.world.item("MUG"),
        total: 3,
    };
    assert!(reads_back(&grant).contains("\"outcome\":\"grant\""));
}

/// One of each. `internal` is the transport's own.
fn refusals() -> Vec<Refusal> {
    let t = String::new;
    vec![
        Refusal::CommandReused,
        Refusal::PreconditionFailed,
        Refusal::invalid("/x", "y"),
        Refusal::ItemUnknown { sku: t() },
        Refusal::LocationUnknown { location: t() },
        Refusal::ReservationUnknown,
        Refusal::TransferUnknown,
        Refusal::NoTransitLocation,
        Refusal::RecordUnknown { what: t() },
        Refusal::EnrolmentInvalid,
        Refusal::ItemRetired,
        Refusal::LocationRetired,
        Refusal::BarcodeInUse { barcode: t() },
        Refusal::KitHasNoStock { sku: "SET".into() },
        Refusal::KitNested { sku: "SET".into() },
        Refusal::ItemHasStock { sku: "MUG".into(), location: "S07".into() },
        Refusal::StoreHasAgent,
        Refusal::FactNotBookable,
        Refusal::AgentAnswers,
        Refusal::AgentNotHeardYet,
        Refusal::ReservationEnded { state: t() },
        Refusal::ReservationExpired,
        Refusal::ReservationState { state: t(), step: t() },
        Refusal::ReservationShort,
        Refusal::StaleTimer,
        Refusal::NotEnoughAvailable { sku: t(), available: 1, wanted: 2 },
        Refusal::NotPromisedNow { sku: t() },
        Refusal::TooManyHolds,
        Refusal::TooManyHeld { sku: t(), most: 20 },
        Refusal::LastAdmin,
        Refusal::ApprovalNeeded,
    ]
}

#[test]
fn every_refusal_has_its_stable_code() {
    let mut codes: Vec<&str> = vec![];
    for refusal in refusals() {
        let json: serde_json::Value = serde_json::from_str(&reads_back(&refusal)).unwrap();
        assert_eq!(json["code"], refusal.code(), "the stored code is the shown one");
        assert!(!refusal.to_string().is_empty());
        codes.push(refusal.code());
    }
    codes.push("internal");
    assert_eq!(codes, Refusal::CODES);
}

#[test]
fn refusals_are_grouped_for_transports() {
    let of = |kind| -> Vec<&'static str> {
        refusals().iter().filter(|r| r.kind() == kind).map(Refusal::code).collect()
    };
    assert_eq!(of(RefusalKind::Invalid), ["invalid"]);
    let unknown = [
        "item_unknown",
        "location_unknown",
        "reservation_unknown",
        "transfer_unknown",
        "record_unknown",
    ];
    assert_eq!(of(RefusalKind::Unknown), unknown);
    assert_eq!(of(RefusalKind::Gone), ["enrolment_invalid", "reservation_expired"]);
    assert_eq!(of(RefusalKind::Denied), ["approval_needed"]);
    assert_eq!(of(RefusalKind::Changed), ["precondition_failed"]);
    assert_eq!(of(RefusalKind::Conflict).len(), 21);
}

#[test]
fn a_removed_member_of_staff_keeps_no_hash() {
    let mut run = Run::new();
    let json = r#"put {"record":"staff","code":"ana","name":"Ana","role":"cashier",
        "pin_hash":"x","password_hash":"y"}"#;
    assert_eq!(run.step(json), "done");
    assert_eq!(run.step("drop staff/ana"), "done");
    let Some(Record::Staff(ana)) = run.world.state.records.get("staff/ana") else {
        panic!("the record stays");
    };
    assert_eq!((ana.state, &ana.pin_hash), (RecordState::Retired, &None));
    assert_eq!(ana.password_hash, None);
}

#[test]
fn titles_of_records_become_harmless() {
    let mut run = Run::new();
    let hostile = "Quay\\u001bp \\u202eStreet\\u0000";
    let json = format!(
        r#"put {{"record":"location","no":0,"code":"S08","name":"{hostile}","kind":"store",
        "zone":"UTC","address":" ","receipt_header":["{hostile}"]}}"#
    );
    assert_eq!(run.step(&json), "done");
    let code = LocationCode::new("S08").unwrap();
    let location = run.world.state.records.location(&code).unwrap();
    assert_eq!(location.name, "Quay p Street");
    assert_eq!(location.receipt_header, ["Quay p Street"]);
    assert_eq!(location.address, None);
}

#[test]
fn a_shopper_has_ten_live_holds_and_an_address_a_hundred() {
    let mut run = Run::new();
    run.step("receive W01 MUG 900 TEA 1");
    for n in 0..limits::HOLDS_PER_SHOPPER_MAX {
        run.step(&format!("item I{n}"));
        run.step(&format!("receive W01 I{n} 1"));
        let line = format!("reserve s{n} I{n}@W01 1 for 900s shopper ann");
        assert_eq!(run.step(&line), "held");
    }
    // Replacing one is no eleventh; a new one is, and that is said before the missing units.
    assert_eq!(run.step("reserve s10 I3@W01 1 for 900s shopper ann"), "held");
    let eleventh = "reserve s11 TEA@W01 9 for 900s shopper ann";
    assert_eq!(run.step(eleventh), "refused too_many_holds");
    run.step("release s0");
    assert_eq!(run.step(eleventh), "refused not_enough_available 1 of 9 TEA");
    for n in 0..limits::HOLDS_PER_ADDRESS_MAX {
        let sku = format!("I{}", n % limits::HOLDS_PER_SHOPPER_MAX);
        run.step(&format!("receive W01 {sku} 1"));
        let line = format!("reserve a{n} {sku}@W01 1 for 900s shopper s{n} address x");
        assert_eq!(run.step(&line), "held");
    }
    let more = "reserve b MUG@W01 1 for 900s shopper new address x";
    assert_eq!(run.step(more), "refused too_many_holds");
    assert_eq!(run.step("reserve b MUG@W01 1 for 900s shopper new address y"), "held");
    // One's own earlier hold does not stand in the way.
    run.step("receive W01 I7 1");
    assert_eq!(run.step("reserve c I7@W01 1 for 900s shopper s7 address x"), "held");
}

#[test]
fn an_address_holds_no_more_than_so_many_units_of_an_item() {
    let mut run = Run::new();
    run.step("receive W01 MUG 90 TEA 5");
    run.step("receive S02 MUG 90");
    for n in 0..limits::HOLD_UNITS_PER_ADDRESS_AND_ITEM_MAX / 5 {
        let line = format!("reserve a{n} MUG@W01 5 for 900s shopper s{n} address x");
        assert_eq!(run.step(&line), "held");
    }
    let more = |spot: &str, who: &str| {
        let name: String = format!("{spot}{who}").split(' ').collect();
        format!("reserve {name} {spot} 1 for 900s {who}")
    };
    let new = "shopper new address x";
    let most = limits::HOLD_UNITS_PER_ADDRESS_AND_ITEM_MAX;
    let refused = format!("refused too_many_held {most} MUG");
    assert_eq!(run.step(&more("MUG@W01", new)), refused);
    assert_eq!(run.step(&more("MUG@S02", new)), refused, "wherever it lies");
    assert_eq!(run.step(&more("TEA@W01", new)), "held", "another item");
    assert_eq!(run.step(&more("MUG@W01", "shopper new address y")), "held", "another address");
    // One's own earlier hold is replaced: fewer are held then.
    assert_eq!(run.step("reserve c MUG@W01 4 for 900s shopper s1 address x"), "held");
    assert_eq!(run.step(&more("MUG@S02", "shopper z address x")), "held");
    // A hold that was taken for good does not count any more.
    run.step("commit a0");
    assert_eq!(run.step("reserve d MUG@W01 5 for 900s shopper d address x"), "held");
    // Both lines of one wish count.
    let both = "reserve e MUG@W01 11 MUG@S02 10 for 900s shopper e address z";
    assert_eq!(run.step(both), refused);
}

#[test]
fn an_address_holds_parts_in_kits_as_it_holds_them_by_themselves() {
    let mut run = Run::new();
    run.step("item KIT parts MUG:2,CUP:1");
    run.step("item CRATE parts TEA:24");
    run.step("receive W01 MUG 90 CUP 90 TEA 90");
    let mut hold = |address: &str, lines: &str| {
        let name = format!("{address}{lines}").replace(' ', "");
        let who = format!("shopper {name} address {address}");
        run.step(&format!("reserve {name} {lines} for 900s {who}"))
    };
    // Both lines of one hold count: 14 mugs.
    assert_eq!(hold("x", "KIT@W01 3 KIT@W01 4"), "held");
    assert_eq!(hold("x", "MUG@W01 7"), "refused too_many_held 20 MUG");
    assert_eq!(hold("x", "MUG@W01 6"), "held");
    assert_eq!(hold("x", "KIT@W01 1"), "refused too_many_held 20 MUG");
    assert_eq!(hold("x", "CUP@W01 14"), "refused too_many_held 20 CUP");
    assert_eq!(hold("x", "CUP@W01 13"), "held");
    assert_eq!(hold("y", "MUG@W01 1 KIT@W01 10"), "refused too_many_held 20 MUG");
    assert_eq!(hold("y", "KIT@W01 5 KIT@W01 6"), "refused too_many_held 20 MUG");
    assert_eq!(hold("y", "KIT@W01 10"), "held");
    // One crate is more than that by itself, so one may be held, and nothing beside it.
    assert_eq!(hold("x", "CRATE@W01 2"), "refused too_many_held 24 TEA");
    assert_eq!(hold("x", "CRATE@W01 1"), "held");
    assert_eq!(hold("x", "TEA@W01 1"), "refused too_many_held 20 TEA");
    assert_eq!(hold("y", "TEA@W01 1"), "held");
    assert_eq!(hold("y", "CRATE@W01 1"), "refused too_many_held 24 TEA");
}

#[test]
fn an_agent_that_answers_is_not_given_up() {
    let mut run = Run::new();
    run.step("hello a1 nonce n1");
    let fresh = Lines { fresh: [run.world.location("S07")].into(), ..Lines::default() };
    run.world.state.lines = Arc::new(fresh);
    assert_eq!(run.step("give-up S07 a1"), "refused agent_answers");
    let unheard = Lines { unheard: [run.world.location("S07")].into(), ..Lines::default() };
    run.world.state.lines = Arc::new(unheard);
    assert_eq!(run.step("give-up S07 a1"), "refused agent_not_heard_yet");
    run.world.state.lines = Arc::default();
    assert_eq!(run.step("give-up S07 a1"), "done ! agent_retired");
}

#[test]
fn a_log_that_begins_behind_what_the_hub_has_goes_on_as_strays() {
    let mut run = Run::new();
    for line in ["receive S07 MUG 5", "hello a1 nonce n1", "share S07 MUG 3", "grant S07 MUG"] {
        run.step(line);
    }
    let far = "fact a1 id x9 seq 9 prev x8 sale MUG 1+0";
    assert_eq!(run.step(far), "not now");
    let gaps = Lines { gaps: [IncarnationId(id("a1"))].into(), ..Lines::default() };
    run.world.state.lines = Arc::new(gaps);
    assert_eq!(run.step(far), "booked ! log_begins_late ! agent_forked ! agent_retired");
    // An operator need not wait for that fact, and gives up an agent that answers.
    let mut other = Run::new();
    other.step("hello a1 nonce n1");
    let fresh = [other.world.location("S07")].into();
    let gaps = [IncarnationId(id("a1"))].into();
    other.world.state.lines = Arc::new(Lines { fresh, gaps, ..Lines::default() });
    assert_eq!(other.step("give-up S07 a1"), "done ! agent_forked ! agent_retired");
    // The store speaks on as another life.
    assert_eq!(run.step("hello a1 nonce n2"), "retired");
}

#[test]
fn a_life_of_many_items_ends_in_few_questions() {
    let world = World::new();
    let (location, life) = (world.location("S07"), IncarnationId(id("a1")));
    let known = serde_json::json!({"id": life, "location": location, "agent": null,
        "follows": null, "retired": false, "forked": false, "closed": false, "last": 0,
        "head": null, "lease": {"epoch": 1, "number": 1},
        "answer": {"epoch": 0, "number": 0}, "used": [], "created": 1});
    let known: Incarnation = serde_json::from_value(known).unwrap();
    let mut state = State::default();
    state.records = world.state.records.clone();
    state.put_incarnation(life, Some(known));
    let keys: Vec<StockKey> = (1..=100).map(|no| StockKey { item: ItemNo(no), location }).collect();
    for key in &keys {
        state.put_share(*key, life, Share { granted: 2, ..Share::default() });
    }
    for list in [Key::SharesOf(life), Key::IncarnationsAt(location)] {
        state.loaded(list);
    }
    let at = At { now: Timestamp(0), version: Version(9), command: CommandId(id("c")), epoch: 1 };
    let asks = |state: &State, command: &Command| match decide(state, command, &at) {
        Err(Stop::Missing(keys)) => keys,
        other => panic!("{other:?}"),
    };
    let all: Vec<Key> = keys.iter().map(|key| Key::Stock(*key)).collect();
    let command = Command::RetireAgent { location, incarnation: life };
    assert_eq!(asks(&state, &command), all);
    // What an agent teaches of as many items, too.
    let hello = Command::Hello {
        agent: AgentId(id("agent")),
        location,
        incarnation: life,
        follows: None,
        lease: Lease { epoch: 1, number: 1 },
        nonce: id("nonce"),
        last: 0,
        granted: keys.iter().map(|key| (key.item, 3)).collect(),
        copy: (1, Version(1)),
    };
    assert_eq!(asks(&state, &hello), all);
}

#[test]
fn a_location_that_recovers_promises_nothing_to_anybody() {
    let mut world = World::new();
    let mut w = words::Words::new("W01 MUG 2", &world);
    let receive = words::request("receive", &mut w);
    world.step("r", &receive).unwrap();
    let location = world.location("W01");
    let (waits, channels) = (vec![], vec![]);
    let recovering =
        oneshelf_domain::record::Recovering { location, epoch: 2, untold: true, waits, channels };
    let version = oneshelf_domain::stock::Version(1);
    world.state.records.put(version, Record::Recovering(recovering));
    for words in ["MUG@W01 1 channel web", "MUG@W01 1"] {
        let mut w = words::Words::new(words, &world);
        let reserve = words::request("reserve", &mut w);
        let refused = super::world::refusal(world.step("x", &reserve)).unwrap();
        assert_eq!(refused.code(), "not_enough_available", "{words}");
    }
    world.state.records.remove(&oneshelf_domain::record::Recovering::key(location));
    let mut w = words::Words::new("MUG@W01 2", &world);
    let reserve = words::request("reserve", &mut w);
    world.step("y", &reserve).unwrap();
}

#[test]
fn no_policy_lets_a_channel_claim_more_than_there_is() {
    let mut world = World::new();
    let mut w = words::Words::new("W01 MUG 2", &world);
    let receive = words::request("receive", &mut w);
    world.step("r", &receive).unwrap();
    // Stored by an older version, say: the core must not trust it.
    let (item, location) = (world.item("MUG"), world.location("W01"));
    let safety = oneshelf_domain::record::Safety { item, location, units: -5 };
    world.state.records.put(oneshelf_domain::stock::Version(1), Record::Safety(safety));
    let mut w = words::Words::new("MUG@W01 3 channel web", &world);
    let reserve = words::request("reserve", &mut w);
    let refused = super::world::refusal(world.step("x", &reserve)).unwrap();
    assert_eq!(refused.code(), "not_enough_available");
}

#[test]
fn a_reservation_carries_its_command_s_id_and_its_deadline() {
    let mut run = Run::new();
    run.step("receive W01 MUG 1");
    run.world.now_ms = 5_000;
    run.step("reserve r1 MUG@W01 1 for 10s");
    let r = &run.world.reservations[&ReservationId(id("r1"))];
    assert_eq!(r.expires_at, Some(Timestamp(15_000_000)));
}

#[test]
fn asking_again_about_a_copy_unsays_no_managers_word() {
    use oneshelf_domain::record::{AgentCopy, CopyState};
    let mut world = World::new();
    let location = world.location("S07");
    let copy = |seconds: i64, state| {
        let (agent, life) = (oneshelf_domain::AgentId(id("agent")), id("a3"));
        let (life, follows) = (oneshelf_domain::IncarnationId(life), id("a1"));
        let follows = oneshelf_domain::IncarnationId(follows);
        let since = oneshelf_domain::Timestamp(seconds);
        let copy = AgentCopy { location, agent, life, follows, since, state };
        Command::PutRecord { record: Box::new(Record::AgentCopy(copy)) }
    };
    let asked = world.step("1", &copy(1, CopyState::Waiting)).unwrap();
    assert_eq!((asked.notices.len(), asked.changes.len()), (1, 1), "people are told");
    let again = world.step("2", &copy(2, CopyState::Waiting)).unwrap();
    assert_eq!((again.notices.len(), again.changes.len()), (0, 0));
    for said in [CopyState::Allowed, CopyState::Refused] {
        let decided = world.step(&format!("{said:?}"), &copy(1, said)).unwrap();
        assert_eq!((decided.notices.len(), decided.changes.len()), (0, 1));
        let late = world.step(&format!("late {said:?}"), &copy(3, CopyState::Waiting)).unwrap();
        assert_eq!(late.changes.len(), 0, "{said:?} stands");
    }
}
