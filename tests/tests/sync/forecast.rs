//! What a store shows: the hub's rows and its own facts on top, by the hub's own rules.

use oneshelf_domain::money::Currency;
use oneshelf_domain::stock::{InSource, Place};
use oneshelf_domain::{CommandId, IncarnationId, Money, ReservationId, SaleId};
use oneshelf_protocol::frame::{Body, Fact, Sale, SaleSplit};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::forecast::forecast;

use crate::shared::{NOW, id, sku};

fn rows() -> Vec<Row> {
    let mut balances = [0; 12];
    balances[Place::Available.index()] = 3;
    balances[Place::StoreShare.index()] = 2;
    balances[Place::Reserved.index()] = 1;
    balances[Place::Supplier.index()] = -6;
    let state = "committed".to_owned();
    let lines = vec![(sku("MUG"), 1, 0)];
    vec![
        Row::Stock { sku: sku("MUG"), balances, short: 0 },
        Row::Reservation { id: ReservationId(id(9)), state, lines, expires_at: None, to: None },
    ]
}

fn fact(seq: i64, body: Body) -> Fact {
    Fact {
        command_id: CommandId(id(seq.unsigned_abs() as u128)),
        incarnation: IncarnationId(id(7)),
        seq,
        prev_id: None,
        granted: vec![],
        occurred_at: NOW,
        body,
    }
}

fn sale(seq: i64, share: i64, beyond: i64) -> Fact {
    let money = |minor| Money { minor, currency: Currency::new("EUR").unwrap() };
    let lines = vec![
        SaleSplit { sku: sku("MUG"), share, beyond },
        SaleSplit { sku: sku("CUP"), share: 1, beyond: 0 },
    ];
    let sale = Sale {
        id: SaleId(id(seq.unsigned_abs() as u128)),
        receipt_number: format!("S07-R1-{seq:06}"),
        register: "S07-R1".to_owned(),
        number: seq,
        cashier: "Ana".to_owned(),
        total: money(0),
        change: money(0),
        tenders: vec![],
        lines: vec![],
        approval: None,
    };
    fact(seq, Body::Sale { lines, sale: Box::new(sale) })
}

/// available, share, reserved, discrepancy, short, on hand.
fn figures(facts: &[Fact]) -> (i64, i64, i64, i64, i64, i64) {
    let stock = forecast(&sku("MUG"), &rows(), facts);
    let at = |place| stock.at(place);
    (
        at(Place::Available),
        at(Place::StoreShare),
        at(Place::Reserved),
        at(Place::Discrepancy),
        stock.short,
        stock.on_hand(),
    )
}

#[test]
fn without_own_facts_the_rows_stand() {
    assert_eq!(figures(&[]), (3, 2, 1, 0, 0, 6));
}

#[test]
fn own_sales_leave_the_share_then_what_the_hub_would_draw() {
    assert_eq!(figures(&[sale(8, 2, 0)]), (3, 0, 1, 0, 0, 4));
    assert_eq!(figures(&[sale(8, 2, 0), sale(9, 0, 2)]), (1, 0, 1, 0, 0, 2));
    assert_eq!(figures(&[sale(8, 2, 4)]), (0, 0, 0, 0, 1, 0));
    assert_eq!(figures(&[sale(8, 2, 5)]), (0, 0, 0, -1, 1, 0));
}

#[test]
fn goods_in_and_given_back() {
    let goods = |to_share| {
        let (sku, source) = (sku("MUG"), InSource::Customer);
        fact(8, Body::In { sku, quantity: 2, to_share, source })
    };
    assert_eq!(figures(&[goods(false)]), (5, 2, 1, 0, 0, 8));
    assert_eq!(figures(&[goods(true)]), (3, 4, 1, 0, 0, 8));
    let back = fact(9, Body::Back { sku: sku("MUG"), quantity: 1 });
    assert_eq!(figures(&[goods(true), back]), (4, 3, 1, 0, 0, 8));
}

#[test]
fn a_count_and_a_hand_over() {
    let count = fact(8, Body::Count { sku: sku("MUG"), found: 4, from_share: 0 });
    assert_eq!(figures(&[count]), (1, 2, 1, 0, 0, 4));
    let lines = vec![(sku("MUG"), 1)];
    let known = fact(8, Body::Handover { reservation: ReservationId(id(9)), lines: lines.clone() });
    assert_eq!(figures(&[known]), (3, 2, 0, 0, 0, 5));
    let unknown = fact(8, Body::Handover { reservation: ReservationId(id(10)), lines });
    assert_eq!(figures(&[unknown]), (2, 2, 1, 0, 0, 5));
}

#[test]
fn facts_about_other_items_change_nothing() {
    let other = fact(8, Body::Back { sku: sku("CUP"), quantity: 1 });
    assert_eq!(figures(&[other]), figures(&[]));
}

/// A transfer of which a register took a unit: what stands on the shelf after it left.
#[test]
fn of_a_transfer_what_was_given_has_left() {
    let shown = |given| {
        let mut rows = rows();
        let Row::Stock { short, .. } = &mut rows[0] else { panic!("a stock row") };
        *short = 1;
        let Row::Reservation { lines, to, .. } = &mut rows[1] else { panic!("a reservation") };
        (lines[0], *to) = ((sku("MUG"), 2, 1), Some("S08".to_owned()));
        let lines = vec![(sku("MUG"), given)];
        let body = Body::Handover { reservation: ReservationId(id(9)), lines };
        let stock = forecast(&sku("MUG"), &rows, &[fact(1, body)]);
        (stock.on_hand() + stock.at(Place::Discrepancy), stock.at(Place::Reserved))
    };
    assert_eq!(shown(1), (5, 0), "one of two, as far as it was there");
    assert_eq!(shown(2), (4, 0), "one that was found beside it");
}
