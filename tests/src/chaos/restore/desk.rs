//! The register of a store whose hub is put back: what it sold, and what the hub must know of it.
//!
//! Invariant: what is in its book was paid for.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::json;

use crate::chaos::dice::Dice;
use crate::chaos::register::{Register, Sold};
use crate::chaos::rows;
use crate::chaos::world::{Item, World};

/// Units that the store had of each item.
pub const OPENING: i64 = 1_000_000;

/// See the module.
pub struct Desk {
    /// Where a cashier sells.
    pub register: Register,
    /// What is sold there.
    pub items: Vec<Item>,
    /// What was sold.
    pub sold: Vec<Sold>,
    /// Chance.
    pub dice: Dice,
}

impl Desk {
    /// So many tickets are paid.
    ///
    /// # Errors
    /// When one is not.
    pub async fn sell(&mut self, tickets: u64) -> Result<()> {
        for _ in 0..tickets {
            let key = format!("restore-{}", self.sold.len());
            let mut ticket = json!(null);
            for _ in 0..self.dice.between(1, 3) {
                let code = self.dice.pick(&self.items).code.clone();
                ticket = self.register.scan(&code).await?;
            }
            match self.register.pay(&ticket, &key, true).await? {
                Ok(sold) => self.sold.push(sold),
                Err(no) => bail!("pay: {} {}", no.status, no.body),
            }
        }
        Ok(())
    }

    /// Units of an item that lie at the store by what was sold.
    pub fn left(&self, sku: &str) -> i64 {
        let sold = self.sold.iter().filter_map(|sold| sold.units.get(sku));
        OPENING - sold.sum::<i64>()
    }

    /// Each sale is booked once, under the number on its receipt.
    ///
    /// # Errors
    /// What is missing, or there twice.
    pub async fn compare(&self, world: &World) -> Result<()> {
        let hub = rows::sales(&world.database).await?;
        let receipts = rows::receipts(&world.journal()).await?;
        let sold: BTreeMap<&str, &Sold> =
            self.sold.iter().map(|sold| (sold.receipt.as_str(), sold)).collect();
        let counts = [hub.len(), receipts.len(), sold.len()];
        if counts != [self.sold.len(); 3] {
            bail!("{} sales: hub, agent, and numbers of receipts have {counts:?}", self.sold.len());
        }
        for sale in &hub {
            let same = sold.get(sale.receipt.as_str());
            if !same.is_some_and(|s| s.total == sale.total && s.units == sale.units) {
                bail!("the hub has {sale:?}, which was not sold so");
            }
        }
        rows::gapless(receipts.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::client::Caller;
    use crate::chaos::world::MANAGER;

    #[test]
    fn what_is_left_follows_from_what_was_sold() {
        let units = |n: i64| BTreeMap::from([("A".to_owned(), n)]);
        let sold = |n| Sold { receipt: String::new(), total: 0, units: units(n) };
        let caller = Caller::new("http://127.0.0.1:1", None).unwrap();
        let register = Register::new(caller, "R1", MANAGER);
        let desk =
            Desk { register, items: vec![], sold: vec![sold(2), sold(3)], dice: Dice::new(1) };
        assert_eq!((desk.left("A"), desk.left("B")), (OPENING - 5, OPENING));
    }
}
