//! Every kind of frame, row and fact, with a field that nobody knows in each of its objects.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::frame::{Answer, Body, Up};

const LIFE: &str = "inc_01920000000070008000000000000001";
const NONCE: &str = "01920000-0000-7000-8000-000000000002";
const COMMAND: &str = "cmd_01920000000070008000000000000002";
const RESERVATION: &str = "rsv_01920000000070008000000000000003";

fn session() -> Value {
    json!({"epoch": 1, "number": 2})
}

fn eur(minor: i64) -> Value {
    json!({"minor": minor, "currency": "EUR"})
}

/// Kinds that a tag may name, in the words of the parser.
fn kinds<T: DeserializeOwned>(unknown: Value) -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(unknown) else { panic!("it knows `?`") };
    let said = error.to_string();
    let list = said.split_once("expected one of ").expect("a list of kinds").1;
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn tags(samples: &[Value], tag: &str) -> BTreeSet<String> {
    samples.iter().filter_map(|s| Some(s[tag].as_str()?.to_owned())).collect()
}

fn bodies() -> Vec<Value> {
    let sale = json!({
        "id": "sal_01920000000070008000000000000004", "receipt_number": "S07-R1-000001",
        "register": "S07-R1", "number": 1, "cashier": "Ana", "total": eur(450),
        "change": eur(50), "tenders": [{"kind": "cash", "given": eur(500)}],
        "lines": [{"id": "lin_01920000000070008000000000000005", "sku": "SET", "name": "Set",
            "quantity": 1, "unit_price": eur(450), "total": eur(450), "tax": "standard",
            "components": [["TEA", 2]]}],
        "approval": {"by": "sile", "reason": "it was here"},
    });
    vec![
        json!({"body": "sale", "lines": [{"sku": "TEA", "share": 1, "beyond": 1}], "sale": sale}),
        json!({"body": "in", "sku": "TEA", "quantity": 1, "to_share": true, "source": "customer"}),
        json!({"body": "back", "sku": "TEA", "quantity": 1}),
        json!({"body": "count", "sku": "TEA", "found": 3, "from_share": 1}),
        json!({"body": "handover", "reservation": RESERVATION, "lines": [["TEA", 1]]}),
        json!({"body": "released", "reservation": RESERVATION, "lines": [["TEA", 1]]}),
        json!({"body": "sent", "to": "S08", "via": "T01", "lines": [["TEA", 1]]}),
        json!({"body": "arrived", "transfer": RESERVATION, "close": true,
            "lines": [{"sku": "TEA", "good": 1, "damaged": 1}]}),
        json!({"body": "close", "left": [["TEA", 1]]}),
    ]
}

fn ups() -> Vec<Value> {
    let mut all = vec![
        json!({"kind": "hello", "protocol": {"min": 1, "max": 1}, "incarnation": LIFE,
            "follows": LIFE, "lease": session(), "nonce": NONCE, "last": 3, "granted": [["TEA", 2]],
            "cursor": {"epoch": 1, "version": 9}, "more": true}),
        json!({"kind": "ask", "session": session(), "incarnation": LIFE, "sku": "TEA", "want": 3}),
        json!({"kind": "pong", "session": session(), "number": 4, "digest": "", "last": 3,
            "waiting": 0}),
        json!({"kind": "cursor", "session": session(), "cursor": {"epoch": 1, "version": 9}}),
    ];
    all.extend(bodies().into_iter().map(|body| {
        let fact = json!({"command_id": COMMAND, "incarnation": LIFE, "seq": 1, "prev_id": COMMAND,
            "granted": [["TEA", 2]], "occurred_at": "2026-03-02T09:30:00Z", "body": body});
        json!({"kind": "fact", "session": session(), "fact": fact})
    }));
    all
}

/// Of every kind that the hub puts into a store's copy.
fn records() -> Vec<Value> {
    let taxes = json!([{"class": "standard", "rate_basis_points": 2300, "name": "VAT"}]);
    vec![
        json!({"record": "shop", "name": "Shop", "currency": "EUR", "zone": "UTC",
            "taxes": taxes}),
        json!({"record": "location", "no": 7, "code": "S07", "name": "Quay", "kind": "store",
            "zone": "UTC", "receipt_header": ["Quay"]}),
        json!({"record": "register", "location": "S07", "code": "R1", "name": "Front"}),
        json!({"record": "staff", "code": "ana", "name": "Ana", "role": "cashier",
            "locations": ["S07"], "pin_hash": "x"}),
        json!({"record": "safety", "item": 1, "location": 7, "units": 1}),
        json!({"record": "share", "location": 7, "item": 1, "rule": "fixed", "units": 2}),
        json!({"record": "share", "location": 7, "rule": "percent", "percent": 20}),
        json!({"record": "walk_in", "location": 7, "hours": 40,
            "sold": [{"item": 1, "sales": 2, "units": 3}]}),
    ]
}

fn rows() -> Vec<Value> {
    let item = json!({"no": 1, "sku": "SET", "name": "Set", "barcodes": ["5391520940866"],
        "unit": "each", "price": eur(450), "tax": "standard", "version": 3,
        "components": [{"sku": "TEA", "quantity": 2}],
        "prices": [{"from": "2026-12-01", "price": eur(400)}]});
    let mut all = vec![
        json!({"row": "item", "item": item}),
        json!({"row": "stock", "sku": "TEA", "balances": [5, 0, 0, 0, 0, 0, 0, -5, 0, 0, 0, 0],
            "short": 0}),
        json!({"row": "reservation", "id": RESERVATION, "state": "held",
            "lines": [["TEA", 1, 0]], "expires_at": "2026-03-02T09:30:00Z", "to": "S08"}),
        json!({"row": "transfer", "id": RESERVATION, "from": "S08", "state": "picked",
            "lines": [["TEA", 1]]}),
        json!({"row": "elsewhere", "sku": "TEA", "figures": [["S08", 2]]}),
    ];
    let record = |record| json!({"row": "record", "key": "some/thing", "record": record});
    all.extend(records().into_iter().map(record));
    all
}

fn changes(rows: &[Value]) -> Value {
    json!({"kind": "changes", "session": session(), "epoch": 1, "after": 3, "upto": 9,
        "applied": {"incarnation": LIFE, "seq": 3}, "rows": rows, "part": 1, "more": true})
}

fn downs() -> Vec<Value> {
    let mut all = vec![
        json!({"kind": "welcome", "incarnation": LIFE, "nonce": NONCE, "lease": session(),
            "granted": [["TEA", 2]], "last": 3, "anew": true, "more": true}),
        json!({"kind": "stale", "nonce": NONCE}),
        json!({"kind": "retired", "incarnation": LIFE}),
        json!({"kind": "forked", "incarnation": LIFE}),
        json!({"kind": "waits", "incarnation": LIFE, "nonce": NONCE}),
        json!({"kind": "numbers", "session": session(), "last": [["S07-R1", 4]]}),
        json!({"kind": "grant", "session": session(), "incarnation": LIFE, "sku": "TEA",
            "total": 3, "want": 3}),
        json!({"kind": "recall", "session": session(), "incarnation": LIFE, "sku": "TEA",
            "target": 1}),
        json!({"kind": "ping", "session": session(), "number": 4, "last": 3,
            "granted": [["TEA", 2]]}),
        json!({"kind": "unsupported", "what": "x"}),
        changes(&rows()),
    ];
    let ack =
        |answer| json!({"kind": "ack", "session": session(), "id": COMMAND, "answer": answer});
    all.extend(answers().into_iter().map(ack));
    all
}

fn answers() -> Vec<Value> {
    vec![
        json!({"answer": "accepted"}),
        json!({"answer": "duplicate"}),
        json!({"answer": "rejected", "code": "x"}),
    ]
}

/// The value with one more field in one of its objects, for each of these.
fn with_one_more(value: &Value) -> Vec<Value> {
    let mut all = vec![];
    for n in 0.. {
        let (mut value, mut left) = (value.clone(), n);
        if !put_into(&mut value, &mut left) {
            return all;
        }
        all.push(value);
    }
    all
}

/// Puts a field into the object that so many come before.
fn put_into(value: &mut Value, left: &mut usize) -> bool {
    if let Value::Object(fields) = value {
        if *left == 0 {
            fields.insert("of_a_newer_build".to_owned(), json!({"of": ["a", {"newer": 1}]}));
            return true;
        }
        *left -= 1;
    }
    match value {
        Value::Object(fields) => fields.values_mut().any(|v| put_into(v, left)),
        Value::Array(items) => items.iter_mut().any(|v| put_into(v, left)),
        _ => false,
    }
}

#[test]
fn every_kind_is_among_the_samples() {
    assert_eq!(tags(&ups(), "kind"), kinds::<Up>(json!({"kind": "?"})));
    assert_eq!(tags(&downs(), "kind"), kinds::<Down>(json!({"kind": "?"})));
    assert_eq!(tags(&bodies(), "body"), kinds::<Body>(json!({"body": "?"})));
    assert_eq!(tags(&rows(), "row"), kinds::<Row>(json!({"row": "?"})));
    assert_eq!(tags(&answers(), "answer"), kinds::<Answer>(json!({"answer": "?"})));
}

#[test]
fn a_field_that_is_not_known_is_ignored_wherever_it_is() {
    let mut places = 0;
    for frame in ups() {
        let known: Up = serde_json::from_value(frame.clone()).unwrap();
        for more in with_one_more(&frame) {
            let read = serde_json::from_value::<Up>(more.clone());
            assert_eq!(read.unwrap_or_else(|e| panic!("{e}: {more}")), known);
            places += 1;
        }
    }
    for frame in downs() {
        let known: Down = serde_json::from_value(frame.clone()).unwrap();
        for more in with_one_more(&frame) {
            let read = serde_json::from_value::<Down>(more.clone());
            assert_eq!(read.unwrap_or_else(|e| panic!("{e}: {more}")), known);
            places += 1;
        }
    }
    assert!(places > 100, "{places}");
}

#[test]
fn rows_that_are_not_known_are_left_out_and_the_rest_is_read() {
    let record = |key: &str, record| json!({"row": "record", "key": key, "record": record});
    let mut item = rows()[0].clone();
    item["item"]["unit"] = json!("metre");
    let mut staff = records()[3].clone();
    staff["role"] = json!("trainee");
    let mut place = records()[1].clone();
    place["kind"] = json!("ship");
    let newer = vec![
        json!({"row": "of_a_newer_build", "sku": "TEA"}),
        item,
        record("staff/ana", staff),
        record("share/7/1", json!({"record": "share", "location": 7, "rule": "tidal"})),
        record("tide/7", json!({"record": "tide", "location": 7})),
        record("location/S07", place),
    ];
    let all = [newer.clone(), rows()].concat();
    let Read { frame, left_out } = read(&changes(&all).to_string()).unwrap();
    assert_eq!(left_out, newer.len());
    let Down::Changes { rows: found, upto: 9, part: 1, more: true, .. } = &frame else {
        panic!("{frame:?}");
    };
    let gone = ["staff/ana", "share/7/1", "tide/7"];
    let gone = gone.map(|key| Row::Record { key: key.to_owned(), record: None });
    let known = serde_json::from_value::<Vec<Row>>(Value::Array(rows())).unwrap();
    assert_eq!(*found, [&gone[..], &known].concat());
    let plain = read(&changes(&rows()).to_string()).unwrap();
    assert_eq!(plain.left_out, 0);
    for bad in ["{}", "nope", r#"{"kind":"tide"}"#, r#"{"kind":"changes","rows":[{}]}"#] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
