//! What each role and each scope may do, as two tables. Deny by default: what is not listed is
//! refused. It must not know endpoints; each of these names the action that it needs.

use oneshelf_domain::record::{Role, Scope};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Something that one may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $name),+ }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Action] = &[$(Action::$name),+];
        }
    };
}

actions! {
    /// The shop's name, currency, zone and taxes.
    ReadShop,
    /// Change them.
    ChangeShop,
    /// The catalogue.
    ReadItems,
    /// Change it.
    ChangeItems,
    /// Locations.
    ReadLocations,
    /// Change them.
    ChangeLocations,
    /// Registers.
    ReadRegisters,
    /// Change them.
    ChangeRegisters,
    /// People.
    ReadStaff,
    /// Change them.
    ChangeStaff,
    /// Keys, without their secrets.
    ReadKeys,
    /// Make and end them.
    ChangeKeys,
    /// Agents and the state of their lines.
    ReadAgents,
    /// Let an agent join, or end it.
    ChangeAgents,
    /// Policies.
    ReadPolicies,
    /// Change them.
    ChangePolicies,
    /// Figures of stock.
    ReadStock,
    /// Movements, and why a figure is what it is.
    ReadMovements,
    /// What needs a look by a person.
    ReadNotices,
    /// Goods came in.
    Receive,
    /// Correct stock by hand.
    Adjust,
    /// Approve what is beyond a clerk's limit.
    Approve,
    /// Book a count.
    Count,
    /// Goods came back.
    TakeBack,
    /// Send goods to another location, and take them in.
    Transfer,
    /// Channels, what they are told and what they order.
    ReadChannels,
    /// Change them, and say something again.
    ChangeChannels,
    /// Reservations.
    ReadReservations,
    /// Make, commit and release them.
    Reserve,
    /// Pick them and hand them over.
    Fulfil,
    /// Take in a file of items.
    ImportItems,
    /// Take in a file of stock.
    ImportStock,
    /// Files of items and prices.
    ExportItems,
    /// Files of stock.
    ExportStock,
    /// Files of movements.
    ExportMovements,
    /// Exact figures live.
    Live,
    /// Speak as the store.
    Link,
}

use Action::{
    Adjust, Approve, ChangeAgents, ChangeChannels, ChangeItems, ChangeKeys, ChangeLocations,
    ChangePolicies, ChangeRegisters, ChangeShop, ChangeStaff, Count, ExportItems, ExportMovements,
    ExportStock, Fulfil, ImportItems, ImportStock, Link, Live, ReadAgents, ReadChannels, ReadItems,
    ReadKeys, ReadLocations, ReadMovements, ReadNotices, ReadPolicies, ReadRegisters,
    ReadReservations, ReadShop, ReadStaff, ReadStock, Receive, Reserve, TakeBack, Transfer,
};

/// What each role may do, at the locations of whoever has it.
pub const ROLES: [(Role, &[Action]); 5] = [
    (
        Role::Admin,
        &[
            ReadShop,
            ChangeShop,
            ReadItems,
            ChangeItems,
            ReadLocations,
            ChangeLocations,
            ReadRegisters,
            ChangeRegisters,
            ReadStaff,
            ChangeStaff,
            ReadKeys,
            ChangeKeys,
            ReadAgents,
            ChangeAgents,
            ReadPolicies,
            ChangePolicies,
            ReadStock,
            ReadMovements,
            ReadNotices,
            ReadChannels,
            ChangeChannels,
            Receive,
            Adjust,
            Approve,
            Count,
            TakeBack,
            Transfer,
            ReadReservations,
            Reserve,
            Fulfil,
            ImportItems,
            ImportStock,
            ExportItems,
            ExportStock,
            ExportMovements,
            Live,
        ],
    ),
    (
        Role::Manager,
        &[
            ReadShop,
            ReadItems,
            ChangeItems,
            ReadLocations,
            ReadRegisters,
            ChangeRegisters,
            ReadStaff,
            ChangeStaff,
            ReadAgents,
            ChangeAgents,
            ReadPolicies,
            ChangePolicies,
            ReadStock,
            ReadMovements,
            ReadNotices,
            ReadChannels,
            Receive,
            Adjust,
            Approve,
            Count,
            TakeBack,
            Transfer,
            ReadReservations,
            Reserve,
            Fulfil,
            ImportItems,
            ExportItems,
            ExportStock,
            ExportMovements,
            Live,
        ],
    ),
    (
        Role::Clerk,
        &[
            ReadShop,
            ReadItems,
            ReadLocations,
            ReadRegisters,
            ReadPolicies,
            ReadStock,
            ReadMovements,
            Receive,
            Adjust,
            Count,
            TakeBack,
            Transfer,
            ReadReservations,
            Reserve,
            Fulfil,
            Live,
        ],
    ),
    (
        Role::Cashier,
        &[ReadShop, ReadItems, ReadLocations, ReadRegisters, ReadStock, ReadReservations, Live],
    ),
    (Role::Agent, &[Link]),
];

/// What each scope of a key may do.
pub const SCOPES: [(Scope, &[Action]); 7] = [
    (
        Scope::StockRead,
        &[
            ReadShop,
            ReadItems,
            ReadLocations,
            ReadPolicies,
            ReadStock,
            ReadMovements,
            ExportItems,
            ExportStock,
            ExportMovements,
        ],
    ),
    (Scope::StockWrite, &[Receive, Adjust, Count, TakeBack, ImportStock]),
    (Scope::Catalogue, &[ReadShop, ReadItems, ChangeItems, ImportItems, ExportItems]),
    (Scope::Reserve, &[ReadReservations, Reserve, Fulfil]),
    (Scope::Hold, &[]),
    (Scope::Live, &[Live]),
    // The key's role says it.
    (Scope::Admin, &[]),
];

/// Whether a role names an action.
pub fn role_may(role: Role, action: Action) -> bool {
    ROLES.iter().any(|(r, actions)| *r == role && actions.contains(&action))
}

/// Whether a scope names an action.
pub fn scope_may(scope: Scope, action: Action) -> bool {
    SCOPES.iter().any(|(s, actions)| *s == scope && actions.contains(&action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_somebody_who_may_do_it() {
        for action in Action::ALL {
            assert!(ROLES.iter().any(|(_, a)| a.contains(action)), "{action:?}");
        }
    }

    #[test]
    fn only_the_agent_speaks_as_the_store_and_it_does_nothing_else() {
        for (role, actions) in ROLES {
            assert_eq!(actions.contains(&Link), role == Role::Agent, "{role:?}");
        }
        assert_eq!(ROLES[4].1, &[Link]);
    }

    #[test]
    fn each_role_below_may_no_more_than_the_one_above() {
        for pair in ROLES[..4].windows(2) {
            for action in pair[1].1 {
                assert!(pair[0].1.contains(action), "{action:?} of {:?}", pair[1].0);
            }
        }
    }
}
