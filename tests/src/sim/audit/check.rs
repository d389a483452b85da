//! Looks after a step: books and views against the record.

use std::collections::{BTreeMap, BTreeSet};

use super::{Act, Auditor, Books, Held, Id, Row, View};

impl Auditor {
    /// Looks at everything. Says what is wrong.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn check(&mut self, books: &Books, views: &[View]) -> Result<(), String> {
        for row in &books.rows {
            self.remember(row, books.version);
        }
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        self.recovered(books, views)?;
        self.on_the_road(books)?;
        self.ended.extend(books.lives.iter().filter(|l| l.retired).map(|l| l.id));
        if std::mem::take(&mut self.counted) {
            self.freed.extend(&self.ended);
        }
        self.taken_from_promises(books)?;
        for row in &books.rows {
            self.not_below_zero(row)?;
            self.conserved(row, books)?;
            if self.tainted[row.place] || self.unprotected {
                continue;
            }
            self.not_promised_twice(row, books, views)?;
            self.shorts_have_a_cause(row)?;
        }
        self.one_log_each(books)?;
        self.doubt_stays(books)?;
        self.one_session_each(views)?;
        for owned in &books.owned {
            let retired = books.lives.iter().any(|l| l.id == owned.life && l.retired);
            if !retired && owned.totals.share() < 0 || owned.doubt < 0 {
                return Err(format!("S3 a share below zero: {owned:?}"));
            }
        }
        self.logged(views)?;
        for view in views.iter().filter(|v| !self.tainted[v.place]) {
            self.one_owner(view, books)?;
            if view.epoch == books.epoch {
                self.shown(view)?; // else its copy is of versions that are no more
            }
        }
        self.unpaid_first(books)?;
        self.count_broken(books);
        self.told_is_kept(books)
    }

    fn remember(&mut self, row: &Row, version: i64) {
        let total = row.on_hand() - row.owed;
        let history = self.history.entry((row.place, row.item)).or_default();
        if history.last().is_none_or(|(_, t)| *t != total) {
            history.push((version, total));
        }
    }

    /// What a copy may hold is promised to nobody before a count: it goes with goods alone.
    fn doubt_stays(&mut self, books: &Books) -> Result<(), String> {
        let mut left = std::mem::take(&mut self.left);
        for owned in &books.owned {
            if !books.lives.iter().any(|l| l.id == owned.life && l.forked) {
                continue;
            }
            let before = self.doubts.insert((owned.life, owned.item), owned.doubt).unwrap_or(0);
            let rest = left.entry((owned.place, owned.item)).or_default();
            *rest -= (before - owned.doubt).max(0);
            if *rest < 0 {
                return Err(format!("S8 doubt of a copy went without goods: {owned:?}"));
            }
        }
        Ok(())
    }

    fn one_session_each(&self, views: &[View]) -> Result<(), String> {
        for (at, view) in views.iter().enumerate() {
            let same = |v: &&View| v.life == view.life && v.session == view.session;
            let twin = views[..at].iter().find(same).filter(|_| view.session.is_some());
            if let Some(twin) = twin.filter(|_| self.copied.contains(&view.life)) {
                return Err(format!("S8 {} and {} have one session", view.name, twin.name));
            }
        }
        Ok(())
    }

    fn not_below_zero(&self, row: &Row) -> Result<(), String> {
        if row.buckets.iter().any(|n| *n < 0) || row.owed < 0 || row.short < 0 {
            return Err(format!("S3 below zero: {row:?}"));
        }
        let aside = self.aside[row.place][row.item];
        if row.buckets[3] != aside && !self.restored.untold(row.place) {
            return Err(format!("S1 {aside} units were picked: {row:?}"));
        }
        Ok(())
    }

    fn conserved(&self, row: &Row, books: &Books) -> Result<(), String> {
        if self.counted_tainted[row.place] || self.restored.untold(row.place) {
            return Ok(()); // the books hold what no log does, or lack it
        }
        let of_row = |o: &&super::Owned| (o.place, o.item) == (row.place, row.item);
        let written: i64 = books.owned.iter().filter(of_row).map(|o| o.written_off).sum();
        let way = self.open.removed(row.place, row.item);
        let unseen = self.unseen[row.place][row.item];
        let ruined = self.ruined[row.place][row.item];
        if row.buckets[5] != ruined - self.open.damaged(row.place, row.item) {
            return Err(format!("S1 {ruined} units are not for sale: {row:?}"));
        }
        let shelf = self.shelf[row.place][row.item] + ruined;
        let books_say = row.on_hand() - row.buckets[3] - row.owed;
        if shelf != books_say - way + written + unseen {
            return Err(format!(
                "S1 shelf {shelf}, books {books_say}, under way {way}, written off {written}, \
                 unseen {unseen}: {row:?}"
            ));
        }
        Ok(())
    }

    fn not_promised_twice(&self, row: &Row, books: &Books, views: &[View]) -> Result<(), String> {
        let at = (row.place, row.item);
        if self.beyond[at.0][at.1] > 0 || self.restored.unsure(books, row.place) {
            return Ok(());
        }
        let reserved = books.claims.iter().filter(|c| c.held == Held::Reserved);
        let given = |id: &Id| self.promises.get(id).is_some_and(|p| p.handed);
        let promised: i64 = reserved
            .filter(|c| !given(&c.id))
            .flat_map(|c| &c.lines)
            .filter(|(place, item, _, _)| (*place, *item) == at)
            .map(|(_, _, units, short)| units - short)
            .sum();
        // What a count freed may still be sold by the one that was silent (section 6).
        let freed = |v: &&View| {
            self.settled[at.0] && books.lives.iter().any(|l| l.id == v.life && l.retired)
        };
        let here = views.iter().filter(|v| v.place == at.0 && v.speaks && !freed(v));
        let share: i64 = here.map(|v| v.totals[at.1].share()).sum();
        let shelf = self.shelf[at.0][at.1];
        if promised + share + row.buckets[0] > shelf {
            return Err(format!(
                "S4 promised {promised}, shares {share}, available {}, shelf {shelf}: {row:?}",
                row.buckets[0]
            ));
        }
        Ok(())
    }

    fn shorts_have_a_cause(&self, row: &Row) -> Result<(), String> {
        let beyond = self.beyond[row.place][row.item];
        if row.short + row.owed > beyond && !self.restored.ever() {
            return Err(format!("S5 {beyond} units sold beyond a share: {row:?}"));
        }
        Ok(())
    }

    /// Promises lack more, or the books owe more, by facts alone that went beyond a share: what an
    /// agent owned is there for it, also after its life was ended.
    fn taken_from_promises(&mut self, books: &Books) -> Result<(), String> {
        let excused = std::mem::take(&mut self.excused);
        let mut wrong = None;
        for row in &books.rows {
            let at = (row.place, row.item);
            let lacks = row.short + row.owed;
            let more = lacks - self.lacking.insert(at, lacks).unwrap_or(0);
            let may = excused.get(&at).copied().unwrap_or(0);
            let free = self.tainted[at.0] || self.unprotected;
            if more > may && !free && !self.restored.ever() {
                wrong.get_or_insert((more, may, row));
            }
        }
        match wrong {
            Some((more, may, row)) => {
                Err(format!("S5 {more} units are lacking, {may} went beyond a share: {row:?}"))
            }
            None => Ok(()),
        }
    }

    /// The hub's view of a share is the agent's, and what is on its way.
    fn one_owner(&self, view: &View, books: &Books) -> Result<(), String> {
        let Some(life) = books.lives.iter().find(|l| l.id == view.life) else { return Ok(()) };
        if life.forked {
            return Err(format!("S8 false alarm: {} was taken for a copy", view.name));
        }
        if life.retired {
            return Ok(());
        }
        for (item, mine) in view.totals.iter().enumerate() {
            if mine.share() < 0 {
                return Err(format!("S3 share below zero at {}: {mine:?}", view.name));
            }
            let at_hub = books.owned.iter().find(|o| o.life == view.life && o.item == item);
            let hub = at_hub.map(|o| o.totals).unwrap_or_default();
            let way = self.open.share(view.life, item);
            if mine.share() + hub.granted - mine.granted + way != hub.share() {
                return Err(format!(
                    "S2 item {item}: {} has {mine:?}, hub {hub:?}, under way {way}",
                    view.name
                ));
            }
        }
        Ok(())
    }

    /// A fact that the hub has not booked waits in a log. The new ones are looked up at every look,
    /// all of them at every look while they are few, and more seldom when they are many: nothing
    /// puts a fact back that fell out of its log, so that a later look sees it too.
    fn logged(&mut self, views: &[View]) -> Result<(), String> {
        let fresh = self.open.take_fresh();
        if self.unlooked == 0 {
            self.unlooked = self.open.len() / 16;
            return self.all_logged(views);
        }
        self.unlooked -= 1;
        let acts = fresh.iter().filter_map(|id| Some((id, self.open.get(*id)?)));
        self.in_a_log(acts, views)
    }

    pub(super) fn all_logged(&self, views: &[View]) -> Result<(), String> {
        self.in_a_log(self.open.iter(), views)
    }

    fn in_a_log<'a>(
        &self,
        mut acts: impl Iterator<Item = (&'a Id, &'a Act)>,
        views: &[View],
    ) -> Result<(), String> {
        let lost = acts.find(|(id, act)| {
            let mut here = views.iter().filter(|v| v.place == act.place);
            let again = self.restored.forgot(**id);
            let logs = |v: &View| v.unanswered.contains(id) || again && v.kept.contains(id);
            !self.tainted[act.place] && !here.any(logs)
        });
        match lost {
            Some((id, act)) => Err(format!("S6 a fact is in no log: {id:x} {act:?}")),
            None => Ok(()),
        }
    }

    /// Of the promises that customers rely on, those whose units are no longer on the shelf: as
    /// many of them as it lacks units for.
    fn count_broken(&mut self, books: &Books) {
        let mut wanted = BTreeMap::new();
        for claim in books.claims.iter().filter(|c| c.awaited && c.held == Held::Reserved) {
            let relied = self.standing.contains(&claim.id);
            if relied && self.promises.get(&claim.id).is_some_and(|p| !p.handed) {
                for (place, item, units, _) in &claim.lines {
                    let all: &mut Vec<(Id, i64)> = wanted.entry((*place, *item)).or_default();
                    all.push((claim.id, *units));
                }
            }
        }
        for ((place, item), claims) in wanted {
            let mut left = self.shelf[place][item];
            for (id, units) in claims {
                left -= units;
                if left < 0 {
                    self.broken.insert(id);
                }
            }
        }
    }

    /// What a store shows is never wrong by its own facts.
    fn shown(&self, view: &View) -> Result<(), String> {
        if self.retired[view.place] {
            return Ok(()); // written-off units are in no bucket
        }
        for row in &view.shown {
            let Some(expected) = self.expected_at(row, view.cursor) else { continue };
            if row.on_hand() - row.owed != expected {
                return Err(format!(
                    "S7 {} shows {row:?} at version {}, its own facts make it {expected}",
                    view.name, view.cursor
                ));
            }
        }
        Ok(())
    }

    /// The hub's figure at a version, less the store's facts that were not booked then.
    fn expected_at(&self, row: &Row, version: i64) -> Option<i64> {
        let history = self.history.get(&(row.place, row.item))?;
        let later = history.partition_point(|(v, _)| *v <= version);
        let (_, then) = history.get(later.checked_sub(1)?)?;
        let later = self.booked.range(version + 1..).map(|(_, (_, act))| act);
        let here = later.filter(|a| a.place == row.place);
        let mine = here.flat_map(|a| &a.lines).filter(|l| l.item == row.item);
        let way = self.open.removed(row.place, row.item);
        Some(then - way - mine.map(|l| l.removed).sum::<i64>())
    }

    fn told_is_kept(&self, books: &Books) -> Result<(), String> {
        let claims: BTreeSet<Id> = books.claims.iter().map(|c| c.id).collect();
        match self.standing.difference(&claims).next() {
            Some(id) => Err(format!("a promise is gone: {id:x} {:?}", self.promises.get(id))),
            None => Ok(()),
        }
    }
}
