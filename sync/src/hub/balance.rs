//! What a row of stock says of its store's share: too little, too much, or as it should be.
//!
//! A hint for the shell, which asks the write path for a grant and the agent for a return; both
//! decide again. Pure. Source: reference/shares.md sections 4 and 7.

use oneshelf_domain::record::{Records, ShareRule};
use oneshelf_domain::stock::{Command, ItemNo, Place, Stock, StockKey};
use oneshelf_domain::{IncarnationId, Sku};
use oneshelf_protocol::frame::Down;

use super::{About, HubLink};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// As it should be, or nothing can be done now.
    Even,
    /// The store should own more, and units are free.
    Grant,
    /// So many units are wanted back: a promise or a discrepancy waits for them, or the policy
    /// follows the stock and asks for less now.
    Recall(i64),
}

/// Looks at a row.
pub fn balance(records: &Records, key: StockKey, stock: &Stock) -> Balance {
    let share = stock.at(Place::StoreShare);
    let owed = stock.short + (-stock.at(Place::Discrepancy)).max(0);
    if owed > 0 {
        return if share > 0 { Balance::Recall(owed.min(share)) } else { Balance::Even };
    }
    let target = records.share_target(key, stock);
    if share < target && stock.available() > 0 {
        return Balance::Grant;
    }
    // Under the other rules the store itself gives back what lies above.
    let rule: ShareRule = records.share_rule(key.location, key.item);
    let follows = rule.kept(0).is_none();
    if follows && share > target { Balance::Recall(share - target) } else { Balance::Even }
}

impl HubLink {
    /// Asks the agent for share of a life that speaks now: let the units that it ever returned
    /// reach this.
    pub fn recall(&self, incarnation: IncarnationId, sku: Sku, target: i64) -> Option<Down> {
        let (session, speaking) = self.session?;
        let speaks = speaking == incarnation;
        speaks.then_some(Down::Recall { session, incarnation, sku, target })
    }

    /// A command that tops the share of an item up to its policy.
    pub fn top_up(&self, item: ItemNo, sku: Sku) -> Option<(Command, About)> {
        let session = self.session()?;
        let command = Command::GrantByPolicy { location: self.location, session, item };
        Some((command, About::Grant { session, sku, want: None }))
    }
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::record::{Record, SharePolicy};
    use oneshelf_domain::stock::{ItemNo, LocationNo, Version};

    use super::*;

    #[test]
    fn debts_come_before_policies() {
        let key = StockKey { item: ItemNo(1), location: LocationNo(2) };
        let mut records = Records::default();
        let mut say = |rule| {
            let policy = SharePolicy { location: key.location, item: None, rule };
            records.put(Version(1), Record::Share(policy));
            records.clone()
        };
        let fixed = say(ShareRule::Fixed { units: 2 });
        let half = say(ShareRule::Percent { percent: 50 });
        let row = |available, share, short, owed: i64| {
            let mut stock = Stock { short, ..Stock::default() };
            stock.balances[Place::Available.index()] = available;
            stock.balances[Place::StoreShare.index()] = share;
            stock.balances[Place::Discrepancy.index()] = -owed;
            stock
        };
        assert_eq!(balance(&fixed, key, &row(1, 1, 0, 0)), Balance::Grant);
        assert_eq!(balance(&fixed, key, &row(0, 1, 0, 0)), Balance::Even, "nothing is free");
        assert_eq!(balance(&fixed, key, &row(0, 5, 0, 0)), Balance::Even, "the store's own matter");
        assert_eq!(balance(&fixed, key, &row(0, 2, 1, 0)), Balance::Recall(1), "short");
        assert_eq!(balance(&fixed, key, &row(0, 2, 1, 4)), Balance::Recall(2), "and owed");
        assert_eq!(balance(&fixed, key, &row(0, 0, 1, 0)), Balance::Even);
        assert_eq!(balance(&half, key, &row(1, 5, 0, 0)), Balance::Recall(2));
        assert_eq!(balance(&half, key, &row(3, 3, 0, 0)), Balance::Even);
    }
}
