//! The rules of stock, driven through `decide` and `apply` as a shell would.

use super::*;
use crate::code::{LocationCode, Sku};
use crate::id::CommandId;
use crate::item::{Item, ItemDetails};
use crate::record::{Location, LocationKind, Record, RecordState};
use crate::refusal::Refusal;
use crate::time::Timestamp;

const KEY: StockKey = StockKey { item: ItemNo(1), location: LocationNo(1) };

fn state() -> State {
    let mut state = State::default();
    let location = Location {
        no: LocationNo(1),
        code: LocationCode::new("W01").unwrap(),
        name: "Naas".into(),
        kind: LocationKind::Warehouse,
        zone: "Europe/Dublin".into(),
        address: None,
        receipt_header: vec![],
        opening_hours: None,
        state: RecordState::Active,
    };
    state.records.put(Version(1), Record::Location(location));
    let details: ItemDetails = serde_json::from_str("{\"name\":\"Mug\"}").unwrap();
    let sku = Sku::new("MUG").unwrap();
    let item = Item { no: ItemNo(1), sku: sku.clone(), details, version: Version(1) };
    state.put_item(sku, Some(item));
    state.put_stock(KEY, Stock::default());
    state.loaded(Key::IncarnationsAt(LocationNo(1)));
    state
}

fn run(state: &mut State, n: u128, now: i64, command: &Command) -> Result<Outcome, Stop> {
    let id = CommandId(uuid::Uuid::from_u128(n));
    let version = Version(i64::try_from(n).unwrap());
    let at = At { now: Timestamp(now * 1_000), version, command: id, epoch: 1 };
    state.put_reservation(crate::ReservationId(id.0), None);
    let decision = decide(state, command, &at)?;
    state.apply(&decision, version);
    assert_eq!(state.stock(KEY)?.balances.iter().sum::<i64>(), 0, "units are conserved");
    Ok(decision.outcome)
}

fn receive(units: i64) -> Command {
    Command::Receive { location: LocationNo(1), lines: vec![(ItemNo(1), units)], reference: None }
}

fn reserve(units: i64) -> Command {
    Command::Reserve {
        lines: vec![(ItemNo(1), LocationNo(1), units)],
        expires_in_ms: Some(1_000),
        channel: None,
        shopper: None,
        address: None,
        reference: None,
    }
}

#[test]
fn the_last_unit_is_promised_once() {
    let mut s = state();
    run(&mut s, 10, 0, &receive(1)).unwrap();
    run(&mut s, 11, 0, &reserve(1)).unwrap();
    let refused = run(&mut s, 12, 0, &reserve(1));
    let sku = "MUG".to_owned();
    let refusal = Refusal::NotEnoughAvailable { sku, available: 0, wanted: 1 };
    assert_eq!(refused, Err(Stop::Refused(refusal)));
}

#[test]
fn a_hold_ends_once_and_only_when_it_is_due() {
    let mut s = state();
    run(&mut s, 10, 0, &receive(2)).unwrap();
    run(&mut s, 11, 0, &reserve(2)).unwrap();
    let id = crate::ReservationId(uuid::Uuid::from_u128(11));
    let expire = Command::Expire { id };
    assert_eq!(run(&mut s, 12, 999, &expire), Err(Stop::Refused(Refusal::StaleTimer)));
    let late = run(&mut s, 13, 1_000, &Command::Commit { id });
    assert_eq!(late, Err(Stop::Refused(Refusal::ReservationExpired)));
    run(&mut s, 14, 1_000, &expire).unwrap();
    assert_eq!(s.stock(KEY).unwrap().available(), 2);
    assert_eq!(run(&mut s, 15, 2_000, &expire), Err(Stop::Refused(Refusal::StaleTimer)));
}
