//! Looks when nothing is on its way any more.

use super::{Auditor, Books, View};

impl Auditor {
    /// The network is whole and both sides have talked: do they agree?
    ///
    /// # Errors
    /// The first difference.
    pub fn at_rest(&self, books: &Books, views: &[View]) -> Result<(), String> {
        for view in views.iter().filter(|v| v.speaks) {
            if let Some(id) = view.unanswered.first() {
                return Err(format!("S7 {} waits for the answer to {id:x}", view.name));
            }
            let Some(life) = books.lives.iter().find(|l| l.id == view.life) else {
                return Err(format!("S7 the hub does not know the life of {}", view.name));
            };
            if life.retired || view.session != Some(life.lease) {
                return Err(format!("S7 {} has no session: {view:?} {life:?}", view.name));
            }
            self.same_totals(view, books)?;
            self.same_rows(view, books)?;
        }
        self.all_logged(views)?;
        if let Some(place) = books.recovering.first() {
            return Err(format!("S7 place {place} never recovers"));
        }
        // Whatever else was lost: what a log still has is booked by now.
        for view in views.iter().filter(|v| v.speaks) {
            if let Some(id) = view.kept.iter().find(|id| self.open.contains(**id)) {
                return Err(format!("S6 {} has it, the hub does not: {id:x}", view.name));
            }
        }
        for life in self.dropped.keys() {
            if !books.lives.iter().any(|l| l.id == *life && l.retired) {
                return Err(format!("S8 a log with a gap was not noticed: {life:x}"));
            }
        }
        if let Some((id, act)) = self.open.iter().find(|(_, a)| !self.tainted[a.place]) {
            return Err(format!("S6 a fact never arrived: {id:x} {act:?}"));
        }
        for life in &self.must_fork {
            if !books.lives.iter().any(|l| l.id == *life && l.forked) {
                return Err(format!("S8 a rolled back agent was not noticed: {life:x}"));
            }
        }
        if !self.tainted.iter().any(|t| *t) && self.given != self.heard {
            return Err(format!("receipts {:?}, sales at the hub {:?}", self.given, self.heard));
        }
        if let Some(claim) = books.claims.iter().find(|c| c.late) {
            return Err(format!("a hold does not end: {claim:?}"));
        }
        self.parcels_are_known(books)?;
        self.no_reason_to_be_short(books)
    }

    fn same_totals(&self, view: &View, books: &Books) -> Result<(), String> {
        for (item, mine) in view.totals.iter().enumerate() {
            let at_hub = books.owned.iter().find(|o| o.life == view.life && o.item == item);
            let hub = at_hub.map(|o| o.totals).unwrap_or_default();
            if *mine != hub {
                return Err(format!("S7 item {item}: {} has {mine:?}, hub {hub:?}", view.name));
            }
        }
        Ok(())
    }

    fn same_rows(&self, view: &View, books: &Books) -> Result<(), String> {
        if view.cursor != books.version {
            return Err(format!("S7 the copy of {} is at {}", view.name, view.cursor));
        }
        for row in books.rows.iter().filter(|r| r.place == view.place) {
            let Some(shown) = view.shown.iter().find(|r| r.item == row.item) else {
                return Err(format!("S7 {} does not show {row:?}", view.name));
            };
            if (shown.buckets, shown.owed, shown.short) != (row.buckets, row.owed, row.short) {
                return Err(format!("S7 {} shows {shown:?}, hub {row:?}", view.name));
            }
        }
        Ok(())
    }

    fn no_reason_to_be_short(&self, books: &Books) -> Result<(), String> {
        for row in books.rows.iter().filter(|r| !self.tainted[r.place]) {
            let clean =
                self.beyond[row.place][row.item] == 0 && !self.unprotected && !self.restored.ever();
            if clean && (row.short > 0 || row.owed > 0) {
                return Err(format!("S5 short at rest, nobody sold beyond a share: {row:?}"));
            }
            if row.buckets[0] > 0 && row.short + row.owed > 0 {
                return Err(format!("units rest while others wait: {row:?}"));
            }
        }
        Ok(())
    }
}
