//! The configurations of the search: how much of each kind of thing may happen.
//!
//! Everything that is not bounded by units is bounded by a budget, so that a space has an end.

/// A kind of thing that a budget bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A unit onto the ticket.
    Scan,
    /// The ticket is paid.
    Pay,
    /// The ticket is given up.
    Void,
    /// A unit comes in, to the share.
    Bring,
    /// A unit comes in, not to the share.
    Receive,
    /// The shelf is counted.
    Count,
    /// A unit goes or comes unseen.
    Theft,
    /// A customer buys at the hub.
    Reserve,
    /// The goods of a reservation are given.
    Give,
    /// An agent connects anew.
    Connect,
    /// A ping leaves the hub.
    Ping,
    /// A frame is lost.
    Lose,
    /// A frame comes and stays on its way.
    Double,
    /// Power fails at the hub while it works at a frame, before or after its commit.
    HubCrash,
    /// Power fails at an agent, before or after its commit.
    Crash,
    /// A backup of an agent's disk.
    Backup,
    /// It is put back.
    Restore,
    /// An agent's disk is copied.
    Copied,
    /// Another agent is enrolled for the store.
    Spare,
    /// A backup of the hub's database.
    HubBackup,
    /// It is put back by the book.
    HubRestored,
}

/// How many kinds there are.
pub(super) const KINDS: usize = Kind::HubRestored as usize + 1;

/// How much of each kind is left.
pub(super) type Budget = [u8; KINDS];

/// One small world.
#[derive(Debug)]
pub struct Config {
    /// On the command line.
    pub name: &'static str,
    /// For the list.
    pub about: &'static str,
    /// Units on the shelf at the start.
    pub(super) units: i64,
    /// Share of the item that the store keeps.
    pub(super) share: i64,
    /// Registers sell beyond the share.
    pub(super) beyond: bool,
    /// The web claims a store's share too, which is asked back.
    pub(super) recalls: bool,
    pub(super) budget: &'static [(Kind, u8)],
}

impl Config {
    /// One of the seven that are searched to the end.
    pub fn is_small(&self) -> bool {
        self.name.starts_with("small-")
    }

    pub(super) fn budget(&self) -> Budget {
        let mut budget = [0; KINDS];
        for (kind, count) in self.budget {
            budget[*kind as usize] = *count;
        }
        budget
    }
}

use Kind::{
    Backup, Bring, Connect, Copied, Count, Crash, Double, Give, HubBackup, HubCrash, HubRestored,
    Lose, Pay, Ping, Receive, Reserve, Restore, Scan, Spare, Theft, Void,
};

const SHOP: Config =
    Config { name: "", about: "", units: 1, share: 0, beyond: false, recalls: false, budget: &[] };

/// All of them. Those named `small-` are the seven of shares.md section 8 that its model searched
/// to the end, in its order: the same faults, units and acts, as far as the product has them. A
/// share that a policy keeps stands for a grant of the hub's own, a second customer for a recall.
pub const CONFIGS: &[Config] = &[
    Config {
        name: "small-loss",
        about: "grant, recall, reserve, one loss",
        units: 2,
        share: 1,
        recalls: true,
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 2), (Connect, 1), (Lose, 1)],
        ..SHOP
    },
    Config {
        name: "small-duplicate",
        about: "grant, recall, one duplicate",
        units: 2,
        share: 1,
        recalls: true,
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 2), (Double, 1)],
        ..SHOP
    },
    Config {
        name: "small-beyond",
        about: "sales beyond the share, one loss, one duplicate",
        units: 2,
        beyond: true,
        budget: &[(Scan, 2), (Pay, 2), (Reserve, 1), (Lose, 1), (Double, 1)],
        ..SHOP
    },
    Config {
        name: "small-retired",
        about: "an agent retired while it is dark, which comes back",
        units: 2,
        share: 1,
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 1), (Connect, 2), (Spare, 1)],
        ..SHOP
    },
    Config {
        name: "small-restore",
        about: "an agent's disk put back to an earlier state",
        units: 2,
        share: 1,
        budget: &[(Scan, 1), (Pay, 1), (Void, 1), (Connect, 2), (Backup, 1), (Restore, 1)],
        ..SHOP
    },
    Config {
        name: "small-clone",
        about: "an agent's disk copied, and both go on",
        units: 2,
        share: 1,
        budget: &[(Scan, 1), (Pay, 1), (Connect, 2), (Copied, 1)],
        ..SHOP
    },
    Config {
        name: "small-hub-restore",
        about: "the hub's database put back by the book",
        budget: &[
            (Scan, 1),
            (Pay, 1),
            (Void, 1),
            (Reserve, 1),
            (Connect, 1),
            (HubBackup, 1),
            (HubRestored, 1),
        ],
        ..SHOP
    },
    Config {
        name: "loss",
        about: "a unit asked for, sold or given up; a frame lost, another session",
        budget: &[(Scan, 1), (Pay, 1), (Void, 1), (Reserve, 1), (Connect, 1), (Lose, 1)],
        ..SHOP
    },
    Config {
        name: "duplicate",
        about: "grants and sales that arrive twice, in any order",
        units: 2,
        budget: &[(Scan, 2), (Pay, 2), (Reserve, 1), (Double, 2)],
        ..SHOP
    },
    Config {
        name: "crash",
        about: "power fails on either side, before or after a commit",
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 1), (Connect, 2), (HubCrash, 1), (Crash, 1)],
        ..SHOP
    },
    Config {
        name: "beyond",
        about: "sales beyond the share while the same unit is promised and fetched",
        beyond: true,
        budget: &[
            (Scan, 2),
            (Pay, 2),
            (Bring, 1),
            (Receive, 1),
            (Reserve, 1),
            (Give, 1),
            (Connect, 1),
        ],
        ..SHOP
    },
    Config {
        name: "recall",
        about: "share that the web claims, asked back twice, while a ticket holds some of it",
        units: 2,
        share: 2,
        recalls: true,
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 2), (Double, 1), (Lose, 1), (Crash, 1)],
        ..SHOP
    },
    Config {
        name: "count",
        about: "returns, thefts and counts, with pings that repeat what was lost",
        share: 1,
        budget: &[
            (Scan, 1),
            (Pay, 1),
            (Bring, 1),
            (Theft, 1),
            (Count, 1),
            (Lose, 1),
            (Connect, 1),
            (Ping, 1),
        ],
        ..SHOP
    },
    Config {
        name: "retire",
        about: "another agent in the place of a dark one that sells, counts and comes back",
        units: 2,
        share: 1,
        beyond: true,
        budget: &[(Scan, 1), (Pay, 1), (Reserve, 1), (Count, 1), (Connect, 3), (Spare, 1)],
        ..SHOP
    },
    Config {
        name: "successor",
        about: "a grant on its way to a life that ended",
        budget: &[(Scan, 1), (Connect, 2), (Spare, 1)],
        ..SHOP
    },
    Config {
        name: "restore",
        about: "an agent's disk put back to an earlier state, and nobody says so",
        share: 1,
        budget: &[
            (Scan, 1),
            (Pay, 1),
            (Bring, 1),
            (Reserve, 1),
            (Connect, 2),
            (Backup, 1),
            (Restore, 1),
        ],
        ..SHOP
    },
    Config {
        name: "copy",
        about: "an agent's disk copied, and both go on",
        share: 1,
        budget: &[(Scan, 2), (Pay, 2), (Reserve, 1), (Connect, 3), (Copied, 1)],
        ..SHOP
    },
    Config {
        name: "beside",
        about: "another agent sells beyond its share beside a dark one that sells too",
        units: 2,
        share: 1,
        beyond: true,
        budget: &[(Scan, 2), (Pay, 2), (Reserve, 1), (Connect, 1), (Spare, 1)],
        ..SHOP
    },
    Config {
        name: "hub-restore",
        about: "the hub's database put back by the book, after grants, sales and promises",
        budget: &[
            (Scan, 1),
            (Pay, 1),
            (Reserve, 1),
            (Connect, 1),
            (HubBackup, 1),
            (HubRestored, 1),
        ],
        ..SHOP
    },
    Config {
        name: "hub-late",
        about: "the same, and what was said before it comes late",
        budget: &[(Scan, 1), (Connect, 1), (Ping, 1), (HubBackup, 1), (HubRestored, 1)],
        ..SHOP
    },
    Config {
        name: "hub-again",
        about: "the same, with goods that come in, and pings",
        share: 1,
        budget: &[
            (Bring, 1),
            (Reserve, 1),
            (Connect, 1),
            (Ping, 1),
            (HubBackup, 1),
            (HubRestored, 1),
        ],
        ..SHOP
    },
    Config {
        name: "hub-retire",
        about: "the same, and another agent in the place of the one before",
        budget: &[
            (Scan, 1),
            (Bring, 1),
            (Connect, 2),
            (Spare, 1),
            (HubBackup, 1),
            (HubRestored, 1),
        ],
        ..SHOP
    },
];
