//! The cash session (float first), and the drawer without a sale.

use oneshelf_domain::code::plain_text;
use oneshelf_domain::{CashSessionId, Money, RegisterCode, StaffCode, Timestamp, limits};
use serde::Serialize;

use super::{Answer, Front, Refused, Session};
use crate::clock;
use crate::journal::{Keep, NewDeed};

/// An open drawer of money: from float to Z report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CashSession {
    pub id: CashSessionId,
    pub register: RegisterCode,
    pub opened_at: Timestamp,
    pub opened_by: StaffCode,
    pub opening_float: Money,
}

impl Front {
    /// The register's open cash session.
    pub(crate) async fn cash_session(
        &self,
        register: &RegisterCode,
    ) -> Answer<Option<CashSession>> {
        Ok(self.core().await?.cash.get(register).cloned())
    }

    /// The float was counted.
    pub(crate) async fn open_cash_session(
        &self,
        who: &Session,
        opening_float: Money,
    ) -> Answer<CashSession> {
        let currency = self.shared.currency()?;
        let range = 0..=limits::MONEY_MINOR_MAX;
        if opening_float.currency != currency || !range.contains(&opening_float.minor) {
            return Err(Refused::invalid("/opening_float", "cash in the shop's currency"));
        }
        let mut core = self.core().await?;
        if core.cash.contains_key(&who.register) {
            let detail = "This register's cash session is open already.";
            return Err(Refused::new(409, "cash_session_open", detail));
        }
        let session = CashSession {
            id: CashSessionId(clock::fresh()),
            register: who.register.clone(),
            opened_at: clock::now(),
            opened_by: who.staff.clone(),
            opening_float,
        };
        let keeps = vec![Keep::CashSession(session.clone())];
        core.perform(Default::default(), keeps).await?;
        core.cash.insert(who.register.clone(), session.clone());
        Ok(session)
    }

    /// Opens the drawer without a sale. The reason is kept before the drawer opens.
    pub(crate) async fn no_sale(&self, who: &Session, reason: &str) -> Answer<()> {
        let reason = plain_text(reason, limits::NOTE_CHARS_MAX);
        if reason.is_empty() {
            return Err(Refused::invalid("/reason", "say why the drawer is opened"));
        }
        let Some(drawer) = &self.shared.drawer else {
            let detail = "This agent has no printer, and the drawer hangs on the printer.";
            return Err(Refused::new(409, "no_printer", detail));
        };
        let deed = NewDeed {
            register: who.register.clone(),
            staff: who.staff.clone(),
            kind: "no_sale",
            detail: reason,
        };
        let keeps = vec![Keep::Deed(deed, clock::now())];
        self.core().await?.perform(Default::default(), keeps).await?;
        drawer.open().await.map_err(|reason| {
            let detail = format!("The drawer did not open: {reason}. Use its key.");
            Refused::new(409, "drawer_not_opened", &detail)
        })
    }
}
