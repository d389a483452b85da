//! What the office sets: rules for shares, the walk-in demand that `auto` goes by, safety stock,
//! and what a channel may not offer.

use oneshelf_domain::record::{Buffer, Record, Safety, SharePolicy, ShareRule, Sold, WalkIn};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo};

use super::World;
use crate::sim::names::{ITEMS, Numbers, STORES};
use crate::sim::rng::Rng;
use crate::sim::scene::Scene;

/// The channel that some customers come from.
pub(super) const CHANNEL: &str = "web";

/// A store keeps this many units of every item as its own.
pub(in crate::sim) fn share_policy(location: LocationNo, units: i64) -> Command {
    share_rule(location, None, ShareRule::Fixed { units })
}

fn share_rule(location: LocationNo, item: Option<ItemNo>, rule: ShareRule) -> Command {
    put(Record::Share(SharePolicy { location, item, rule }))
}

fn put(record: Record) -> Command {
    Command::PutRecord { record: Box::new(record) }
}

/// What a run begins with besides the shares of its setting.
pub(super) fn at_first(scene: &mut Scene, numbers: &Numbers) -> Vec<Command> {
    if !scene.shares || scene.rng.chance(500) {
        return vec![];
    }
    let count = scene.rng.between(1, 8);
    (0..count).map(|_| any(&mut scene.rng, numbers)).collect()
}

/// One setting, by chance.
fn any(rng: &mut Rng, numbers: &Numbers) -> Command {
    let location = numbers.places[rng.below(STORES)];
    let item = numbers.items[rng.below(ITEMS.len())];
    match rng.below(8) {
        0..2 => share_policy(location, rng.between(0, 3)),
        2..4 => {
            let rule = match rng.below(4) {
                0 => ShareRule::Fixed { units: rng.between(0, 3) },
                1 | 2 => ShareRule::Percent { percent: [20, 50, 100][rng.below(3)] },
                _ => ShareRule::Auto,
            };
            let one = rng.chance(500);
            share_rule(location, one.then_some(item), rule)
        }
        4..6 => walk_in(rng, location, &numbers.items),
        6 => put(Record::Safety(Safety { item, location, units: rng.between(0, 2) })),
        _ => put(Record::Buffer(Buffer {
            item,
            channel: CHANNEL.to_owned(),
            units: rng.between(0, 2),
        })),
    }
}

fn walk_in(rng: &mut Rng, location: LocationNo, items: &[ItemNo]) -> Command {
    let mut sold = vec![];
    for item in items {
        let sales = rng.between(0, 12);
        if sales > 0 {
            sold.push(Sold { item: *item, sales, units: sales });
        }
    }
    put(Record::WalkIn(WalkIn { location, hours: 40, sold }))
}

impl World {
    /// The office changes its mind. Without shares there is none to set.
    pub(super) fn another_policy(&mut self) -> bool {
        if !self.scene.shares {
            return false;
        }
        let command = any(&mut self.scene.rng, &self.hub.numbers);
        self.set(command);
        true
    }
}
