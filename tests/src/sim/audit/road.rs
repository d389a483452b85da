//! Goods between the places: who carries what, and what the hub must have on the road.
//!
//! Two records: parcels, as people carry them, and what the hub was told of them, in the order in
//! which it booked that. Nobody reads the second one but to compare it with the hub's rows.
//! Invariant: a unit that left a shelf is in one parcel until it is unpacked there or lost.

use std::collections::{BTreeMap, BTreeSet};

use super::{Act, Auditor, Books, Id};

/// Units by item.
pub type Units = BTreeMap<usize, i64>;

/// Goods that somebody carries.
#[derive(Debug, Clone, Hash)]
pub struct Parcel {
    /// What stands on it.
    pub transfer: Id,
    /// Where it left.
    pub from: usize,
    /// Where it goes.
    pub to: usize,
    /// What is in it.
    pub units: Units,
}

/// Goods that somebody took out of a parcel.
#[derive(Debug, Clone, Hash)]
pub struct Unpacked {
    /// What stood on it.
    pub transfer: Id,
    /// Where.
    pub at: usize,
    /// (item, fit to be sold, not for sale); more than was in it, when somebody slipped that in.
    pub lines: Vec<(usize, i64, i64)>,
    /// What was not in it is lost.
    pub close: bool,
}

/// What happens when the hub stores a request.
#[derive(Debug, Clone, Hash)]
pub enum Deed {
    /// The goods of a transfer leave.
    SetsOff(Parcel),
    /// And are taken in.
    Unpacks(Unpacked),
}

/// What the hub booked, in order.
#[derive(Debug, Clone, Hash)]
enum News {
    /// Units left, for this transfer; the command that said so.
    Left { transfer: Id, by: Id, units: Units },
    /// Units of this transfer came.
    Came { transfer: Id, units: Units, close: bool },
}

/// See the module.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Road {
    parcels: BTreeMap<Id, Parcel>,
    /// Requests that do something when they are stored, and whether that was done.
    deeds: BTreeMap<Id, (Deed, bool)>,
    told: Told,
}

/// What the hub knows: it goes back with a backup of it.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Told {
    /// Transfers that it has stored.
    transfers: BTreeSet<Id>,
    /// Those whose goods left again when they had left or ended: these travel under another name.
    again: BTreeMap<Id, Id>,
    /// Those of which units came before they had left.
    early: BTreeSet<Id>,
    /// What it must have on the road.
    left: BTreeMap<Id, Units>,
    news: Vec<News>,
}

impl Road {
    pub fn told(&self) -> Told {
        self.told.clone()
    }

    pub fn put_back(&mut self, told: Told) {
        self.told = told;
    }

    /// A fact is booked.
    pub fn booked(&mut self, id: Id, act: &Act) {
        let gone = || units(act.lines.iter().map(|l| (l.item, l.removed)));
        let came = || units(act.lines.iter().map(|l| (l.item, -l.removed)));
        let news = match (act.kind, act.of) {
            ("sent", _) => News::Left { transfer: id, by: id, units: gone() },
            ("handover", Some(of)) if self.told.transfers.contains(&of) => {
                News::Left { transfer: of, by: id, units: gone() }
            }
            ("arrived", Some(of)) => News::Came { transfer: of, units: came(), close: act.closes },
            _ => return,
        };
        self.told.news.push(news);
    }

    fn sets_off(&mut self, parcel: Parcel) {
        let known = self.parcels.entry(parcel.transfer);
        let known = known.or_insert(Parcel { units: Units::new(), ..parcel });
        add(&mut known.units, &parcel.units);
    }

    fn unpacks(&mut self, of: &Unpacked) {
        let Some(parcel) = self.parcels.get_mut(&of.transfer) else { return };
        take(&mut parcel.units, &of.units());
        if of.close || parcel.units.is_empty() {
            self.parcels.remove(&of.transfer);
        }
    }
}

impl Told {
    fn hear(&mut self, news: News) {
        match news {
            News::Left { transfer, by, units } => {
                let other = by != transfer && self.transfers.contains(&by);
                let name = if other { by } else { transfer };
                if name != transfer {
                    self.again.insert(name, transfer);
                }
                add(self.left.entry(name).or_default(), &units);
            }
            News::Came { transfer, units, close } => match self.left.get_mut(&transfer) {
                Some(left) => {
                    take(left, &units);
                    if close || left.is_empty() {
                        self.left.remove(&transfer);
                    }
                }
                None => _ = self.early.insert(transfer),
            },
        }
    }
}

impl Unpacked {
    fn units(&self) -> Units {
        units(self.lines.iter().map(|(item, good, damaged)| (*item, good + damaged)))
    }
}

fn units(lines: impl Iterator<Item = (usize, i64)>) -> Units {
    let mut all = Units::new();
    for (item, n) in lines {
        *all.entry(item).or_default() += n;
    }
    all
}

fn add(to: &mut Units, more: &Units) {
    more.iter().for_each(|(item, n)| *to.entry(*item).or_default() += n);
}

/// As far as it is there.
fn take(from: &mut Units, units: &Units) {
    for (item, n) in units {
        if let Some(left) = from.get_mut(item) {
            *left -= n;
        }
    }
    from.retain(|_, left| *left > 0);
}

impl Auditor {
    /// Parcels that are on their way to a place.
    pub fn parcels_for(&self, place: usize) -> Vec<&Parcel> {
        self.road.parcels.values().filter(|p| p.to == place).collect()
    }

    /// Goods leave a shelf in a parcel.
    pub fn sets_off(&mut self, parcel: Parcel) {
        for (item, units) in &parcel.units {
            self.moved(parcel.from, *item, -units);
        }
        self.road.sets_off(parcel);
    }

    /// A parcel is unpacked.
    pub fn unpacks(&mut self, of: &Unpacked) {
        for (item, good, damaged) in &of.lines {
            self.moved(of.at, *item, *good);
            self.ruined[of.at][*item] += damaged;
        }
        self.road.unpacks(of);
    }

    /// A request is under way; when the hub stores it, goods leave or come.
    pub fn will(&mut self, request: Id, deed: Deed) {
        self.road.deeds.insert(request, (deed, false));
    }

    /// A store gives more than was asked for: like a sale beyond the share.
    pub fn ships_more(&mut self, place: usize, item: usize, units: i64) {
        if !self.unprotected {
            self.beyond[place][item] += units;
        }
    }

    /// The hub stored a request that may have been waited for. One that was forgotten with a
    /// backup is stored again; its goods left once.
    pub(super) fn done(&mut self, request: Id) {
        let Some((deed, done)) = self.road.deeds.get_mut(&request) else { return };
        let (deed, before) = (deed.clone(), std::mem::replace(done, true));
        let news = match &deed {
            Deed::SetsOff(p) => {
                News::Left { transfer: p.transfer, by: p.transfer, units: p.units.clone() }
            }
            Deed::Unpacks(of) => {
                News::Came { transfer: of.transfer, units: of.units(), close: of.close }
            }
        };
        self.road.told.news.push(news);
        match deed {
            _ if before => {}
            Deed::SetsOff(parcel) => self.road.sets_off(parcel), // its shelf is told apart
            Deed::Unpacks(of) => self.unpacks(&of),
        }
    }

    /// The hub stored a transfer.
    pub fn transfer(&mut self, id: Id) {
        self.road.told.transfers.insert(id);
    }

    /// All that a transaction stored was told.
    pub fn all_told(&mut self) {
        let told = &mut self.road.told;
        std::mem::take(&mut told.news).into_iter().for_each(|news| told.hear(news));
    }

    /// What the hub has on the road is what left and has not come: no unit more, none less.
    pub(super) fn on_the_road(&self, books: &Books) -> Result<(), String> {
        let told = &self.road.told.left;
        if books.road != *told {
            return Err(format!("S1 on the road {told:?}, at the hub {:?}", books.road));
        }
        for row in &books.transit {
            let all: i64 = told.values().filter_map(|units| units.get(&row.item)).sum();
            if row.buckets[2] != all || row.on_hand() != all || row.owed + row.short != 0 {
                return Err(format!("S1 {all} units on the road: {row:?}"));
            }
        }
        Ok(())
    }

    /// At rest: what people carry is what the hub has on the road, and all goods together are
    /// those of its books. Not asked where a disk took a fact with it, or a backup of the hub a
    /// request.
    pub(super) fn parcels_are_known(&self, books: &Books) -> Result<(), String> {
        if self.tainted.contains(&true) || self.restored.ever() {
            return Ok(());
        }
        let Told { again, early, left, .. } = &self.road.told;
        let odd = |id: &Id| early.contains(id) || again.values().any(|of| of == id);
        for (id, parcel) in self.road.parcels.iter().filter(|(id, _)| !odd(id)) {
            if left.get(id) != Some(&parcel.units) {
                return Err(format!("S1 carried {parcel:?}, the hub has {:?}", left.get(id)));
            }
        }
        let nobody = |id: &&Id| !odd(id) && !again.contains_key(id);
        let lost = left.keys().filter(nobody).find(|id| !self.road.parcels.contains_key(id));
        if let Some(id) = lost {
            return Err(format!("S1 nobody carries {id:x} {:?}", left.get(id)));
        }
        if early.is_empty() && again.is_empty() { self.nothing_is_lost(books) } else { Ok(()) }
    }

    /// The sum over all places and the road.
    fn nothing_is_lost(&self, books: &Books) -> Result<(), String> {
        let items = self.shelf.first().map_or(0, Vec::len);
        for item in 0..items {
            let stands = |of: &Vec<Vec<i64>>| -> i64 { of.iter().map(|place| place[item]).sum() };
            let carried: i64 = self.road.parcels.values().filter_map(|p| p.units.get(&item)).sum();
            let there = stands(&self.shelf) + stands(&self.aside) + stands(&self.ruined) + carried;
            let rows = books.rows.iter().chain(&books.transit).filter(|row| row.item == item);
            let hub: i64 = rows.map(|row| row.on_hand() - row.owed).sum();
            let owned = books.owned.iter().filter(|o| o.item == item);
            let written: i64 = owned.map(|o| o.written_off).sum();
            if there != hub + written + stands(&self.unseen) {
                return Err(format!(
                    "S1 item {item}: {there} units are there, {carried} of them carried; \
                     the hub has {hub}, written off {written}"
                ));
            }
        }
        Ok(())
    }
}
