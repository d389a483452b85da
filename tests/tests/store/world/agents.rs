//! What the agents of the random world say (hello, asks, facts in their order and out of it) and
//! what is decided about them. An agent keeps what it was answered, and knows nothing of tables.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{
    Command, FactBody, HelloAnswer, InSource, ItemNo, Lease, LocationNo, SaleDocument, SaleLine,
    SaleTender, Version,
};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, LocationCode, SaleId, Timestamp};

use super::{CODES, World};
use crate::random::Random;

/// A store's agent as far as commands need it.
pub(super) struct StoreAgent {
    pub(super) id: AgentId,
    pub(super) incarnation: IncarnationId,
    pub(super) seq: i64,
    pub(super) head: Option<CommandId>,
    pub(super) session: Lease,
    pub(super) granted: BTreeMap<ItemNo, i64>,
}

impl World {
    pub(super) fn answered(&mut self, incarnation: IncarnationId, answer: &HelloAnswer) {
        let Some(at) = self.agents.iter().position(|a| a.incarnation == incarnation) else {
            return;
        };
        match answer {
            HelloAnswer::Welcome { lease, granted, .. } => {
                self.agents[at].session = *lease;
                self.agents[at].granted = granted.iter().copied().collect();
            }
            HelloAnswer::Stale => {}
            HelloAnswer::Retired => {
                let id = self.agents[at].id;
                self.agents[at] = StoreAgent { id, ..StoreAgent::new(&mut self.random) };
            }
        }
    }

    pub(super) fn agent(&mut self) -> Command {
        let which = self.random.within(0, 1) as usize;
        let location = self.locations[2 + which];
        let item = self.item();
        let nonce = self.random.uuid();
        let want = self.random.within(1, 30);
        let say_hello = self.agents[which].session == Lease::default();
        let a = &self.agents[which];
        let granted: Vec<_> = a.granted.iter().map(|(i, n)| (*i, *n)).collect();
        match self.random.within(0, 9) {
            _ if say_hello => hello(a, location, nonce, granted),
            0 => hello(a, location, nonce, granted),
            1 | 2 => {
                let (incarnation, session) = (a.incarnation, a.session);
                Command::Ask { location, incarnation, session, item, want }
            }
            3 => Command::GrantByPolicy { location, session: a.session, item },
            // Seldom: what comes of it needs facts behind it.
            4 if want < 4 => Command::RetireAgent { location, incarnation: a.incarnation },
            _ => self.fact(which, location),
        }
    }

    fn fact(&mut self, which: usize, location: LocationNo) -> Command {
        let body = self.body();
        let odd = self.random.within(0, 60);
        let a = &self.agents[which];
        let occurred_at = Timestamp(self.random.within(1, 1_000_000));
        if odd > 57 {
            // One that was rejected when it came; of a life that the hub knows, or does not.
            let incarnation = match odd {
                60 => IncarnationId(self.random.uuid()),
                _ => a.incarnation,
            };
            let seq = a.seq + i64::from(odd == 59);
            let as_of = if self.random.one_in(3) { Version(9) } else { Version(i64::MAX) };
            return Command::BookRejected { location, incarnation, seq, occurred_at, as_of, body };
        }
        // Now and then one is missing, or comes twice under another id.
        let seq = match odd {
            0 => a.seq + 2,
            1 => a.seq,
            _ => a.seq + 1,
        };
        Command::Fact {
            location,
            session: a.session,
            incarnation: a.incarnation,
            seq,
            prev: a.head,
            granted: a.granted.iter().map(|(i, n)| (*i, *n)).collect(),
            occurred_at,
            body,
        }
    }

    fn body(&mut self) -> FactBody {
        let item = self.item();
        match self.random.within(0, 14) {
            12 => FactBody::Sent {
                to: LocationCode::new(self.random.of(&CODES)).unwrap(),
                via: None,
                lines: vec![(item, self.random.within(1, 3))],
            },
            13 | 14 => FactBody::Arrived {
                transfer: self.reservation(),
                lines: self.arrived(),
                close: self.random.one_in(3),
            },
            0 => FactBody::In {
                item,
                quantity: self.random.within(1, 5),
                to_share: self.random.one_in(2),
                source: self.random.of(&[InSource::Customer, InSource::Supplier]),
            },
            1 => FactBody::Back { item, quantity: self.random.within(1, 5) },
            2 => FactBody::Count {
                item,
                found: self.random.within(0, 50),
                from_share: self.random.within(0, 2),
            },
            3 => FactBody::Handover {
                reservation: self.reservation(),
                lines: vec![(item, self.random.within(1, 3))],
            },
            5 => FactBody::Released { reservation: self.reservation(), lines: vec![] },
            4 if self.random.one_in(4) => FactBody::Close { left: vec![(item, 2)] },
            _ => self.sale(item),
        }
    }

    fn sale(&mut self, item: ItemNo) -> FactBody {
        let line =
            SaleLine { item, share: self.random.within(0, 3), beyond: self.random.within(0, 8) };
        let units = line.share + line.beyond;
        self.sales += 1;
        let document = SaleDocument {
            id: SaleId(self.random.uuid()),
            receipt_number: format!("S01-R1-{:06}", self.sales),
            register: "S01-R1".to_owned(),
            number: self.sales,
            cashier: "ana".to_owned(),
            currency: "EUR".to_owned(),
            total_minor: units * 100,
            change_minor: if self.random.one_in(5) { 1 } else { 0 },
            tenders: vec![SaleTender { kind: "cash".to_owned(), given_minor: units * 100 }],
            lines: vec![(item, units, 100, units * 100)],
            kits: vec![],
            approval: None,
        };
        FactBody::Sale { lines: vec![line], document: Some(Box::new(document)) }
    }
}

impl StoreAgent {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            id: AgentId(random.uuid()),
            incarnation: IncarnationId(random.uuid()),
            seq: 0,
            head: None,
            session: Lease::default(),
            granted: BTreeMap::new(),
        }
    }
}

fn hello(
    a: &StoreAgent,
    location: LocationNo,
    nonce: uuid::Uuid,
    granted: Vec<(ItemNo, i64)>,
) -> Command {
    Command::Hello {
        agent: a.id,
        location,
        incarnation: a.incarnation,
        follows: None,
        lease: a.session,
        nonce,
        last: a.seq,
        granted,
        copy: (0, Version(0)),
    }
}
