//! How values of the domain look on the wire, for the OpenAPI document alone.
//!
//! Each type here describes one type of the domain, which is what travels. A test compares the
//! two, so that neither moves without the other.
#![expect(dead_code, reason = "these types describe others; nobody makes one")]

use serde::Serialize;
use utoipa::ToSchema;

/// An amount in minor units (cents) of one currency.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Money)]
pub struct MoneySchema {
    /// Minor units.
    #[schema(minimum = 0, maximum = 100_000_000_000_000_i64)]
    pub minor: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

/// What a quantity counts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Unit)]
pub enum UnitSchema {
    /// Pieces.
    Each,
    /// Grams.
    Gram,
    /// Millilitres.
    Millilitre,
}

/// Whether something is in use.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InUse)]
pub enum InUseSchema {
    /// In use.
    Active,
    /// Kept for history.
    Retired,
}

/// What was said of a machine that is held back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentCopyState)]
pub enum AgentCopyStateSchema {
    /// Nothing yet.
    Waiting,
    /// It goes on at its next try.
    Allowed,
    /// It stays out.
    Refused,
}

/// What a location is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LocationKind)]
pub enum LocationKindSchema {
    /// People buy here.
    Store,
    /// Orders ship from here.
    Warehouse,
    /// A vendor ships for us.
    Dropship,
    /// Goods on the way.
    Transit,
}

/// How a store's line looks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkState)]
pub enum LinkStateSchema {
    /// Answered lately.
    Fresh,
    /// Not lately.
    Stale,
    /// Silent for long.
    Dark,
    /// No agent works there.
    None,
}

/// What a person may do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffRole)]
pub enum StaffRoleSchema {
    /// Everything.
    Admin,
    /// A store and its staff.
    Manager,
    /// Stock and reservations.
    Clerk,
    /// Sells at a register.
    Cashier,
}

/// What a key may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Scope)]
pub enum ScopeSchema {
    /// Read stock and movements.
    #[serde(rename = "stock:read")]
    StockRead,
    /// Receive, adjust, count, return.
    #[serde(rename = "stock:write")]
    StockWrite,
    /// Write items; imports.
    #[serde(rename = "catalogue")]
    Catalogue,
    /// Reserve and what follows.
    #[serde(rename = "reserve")]
    Reserve,
    /// Place short holds (publishable keys).
    #[serde(rename = "hold")]
    Hold,
    /// Follow figures live.
    #[serde(rename = "live")]
    Live,
    /// Settings and rights.
    #[serde(rename = "admin")]
    Admin,
}

/// Why a channel is told nothing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChannelStopped)]
pub enum StoppedSchema {
    /// Somebody switched it off.
    Operator,
    /// Its endpoint said that it is gone for good.
    Gone,
    /// Its endpoint failed for days.
    Failing,
}

/// Whether a key may be seen by the public.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyKind)]
pub enum KeyKindSchema {
    /// For servers.
    Secret,
    /// For pages; bound to origins.
    Publishable,
}

/// How a channel shows a figure to the public.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = Display)]
pub enum DisplaySchema {
    /// The number, up to a cap ("10+").
    Exact {
        /// The largest number shown, units.
        #[schema(minimum = 1, maximum = 1_000_000)]
        cap: i64,
    },
    /// In stock, low or out.
    Level {
        /// Low from this number down, units.
        #[schema(minimum = 1, maximum = 1_000_000, required = false, default = 3)]
        low: i64,
    },
    /// Yes or no.
    YesNo,
}

/// A figure as the public sees it.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = Shown)]
pub enum ShownSchema {
    /// The number; `more` means "this many or more".
    Exact {
        /// Units, up to the cap.
        count: i64,
        /// True above the cap.
        more: bool,
    },
    /// A word.
    Level {
        /// Which.
        level: LevelSchema,
    },
    /// Whether there is any.
    YesNo {
        /// Any at all.
        available: bool,
    },
}

/// A word for a figure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Level)]
pub enum LevelSchema {
    /// Enough.
    InStock,
    /// The last few.
    Low,
    /// None.
    Out,
}

/// The public figures of an item.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownItem)]
pub struct ShownItemSchema {
    /// Which item.
    pub sku: String,
    /// Over all locations.
    pub total: ShownSchema,
    /// One by one.
    pub locations: Vec<ShownLocationSchema>,
}

/// The public figure of an item at one location.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownLocation)]
pub struct ShownLocationSchema {
    /// Its code.
    pub location: String,
    /// As shown.
    pub name: String,
    /// Store, warehouse ...
    pub kind: LocationKindSchema,
    /// The figure.
    pub shown: ShownSchema,
    /// How fresh it is.
    pub state: LinkStateSchema,
    /// When the store was last heard.
    #[schema(format = DateTime)]
    pub as_of: String,
}

/// How the goods come to the shopper.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Fulfilment)]
pub enum FulfilmentSchema {
    /// The shopper comes to the store, maybe today.
    Pickup,
    /// A carrier brings them.
    Shipping,
}

/// Where a reservation is in its life; `short` wins over the state that it is in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReservationState)]
pub enum ReservationStateSchema {
    /// Claimed for a while.
    Held,
    /// Claimed for good.
    Committed,
    /// Taken from the shelf.
    Picked,
    /// Given up; its store has not yet said that the goods were not handed over.
    Releasing,
    /// On its way to another location.
    InTransit,
    /// Handed over or shipped: ended.
    Consumed,
    /// Given up: ended.
    Released,
    /// Ran out: ended.
    Expired,
    /// Arrived at another location: ended.
    Transferred,
    /// A register took units of it; somebody must choose.
    Short,
}

/// Every refusal and error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemSchema {
    /// `/problems/<code>`: what it means and what to do.
    pub r#type: String,
    /// In a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// The request's id, as in the log.
    #[schema(required = false)]
    pub instance: String,
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::item::{ItemState, Unit};
    use oneshelf_domain::promise::{Level, Shown, shown};
    use oneshelf_domain::record::{Display, KeyKind, LocationKind, RecordState, Role, Scope};
    use oneshelf_domain::stock::ReservationState;
    use serde_json::{Value, json};

    use crate::auth::roles::SCOPES;
    use crate::link::LinkState;

    fn document() -> Value {
        serde_json::to_value(crate::http::document()).unwrap()
    }

    /// The words of an enum in the document, sorted.
    fn words(document: &Value, name: &str) -> Vec<String> {
        let schema = &document["components"]["schemas"][name];
        let listed = schema["enum"].as_array().cloned().unwrap_or_default();
        let each = schema["oneOf"].as_array().cloned().unwrap_or_default();
        let each = each.iter().flat_map(|one| one["enum"].as_array().cloned().unwrap_or_default());
        let mut words: Vec<String> =
            listed.into_iter().chain(each).filter_map(|w| Some(w.as_str()?.to_owned())).collect();
        words.sort();
        words
    }

    fn sorted<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> Vec<String> {
        let word = |v: T| serde_json::to_value(v).unwrap().as_str().unwrap().to_owned();
        let mut words: Vec<String> = values.into_iter().map(word).collect();
        words.sort();
        words
    }

    #[test]
    fn words_on_the_wire_are_the_words_of_the_domain() {
        let all = document();
        assert_eq!(words(&all, "Unit"), sorted([Unit::Each, Unit::Gram, Unit::Millilitre]));
        assert_eq!(words(&all, "InUse"), sorted([RecordState::Active, RecordState::Retired]));
        assert_eq!(words(&all, "InUse"), sorted([ItemState::Active, ItemState::Retired]));
        let kinds = [
            LocationKind::Store,
            LocationKind::Warehouse,
            LocationKind::Dropship,
            LocationKind::Transit,
        ];
        assert_eq!(words(&all, "LocationKind"), sorted(kinds));
        let roles = [Role::Admin, Role::Manager, Role::Clerk, Role::Cashier];
        assert_eq!(words(&all, "StaffRole"), sorted(roles));
        let scopes: Vec<Scope> = SCOPES.iter().map(|(scope, _)| *scope).collect();
        assert_eq!(words(&all, "Scope"), sorted(scopes));
        assert_eq!(words(&all, "KeyKind"), sorted([KeyKind::Secret, KeyKind::Publishable]));
        let states = [LinkState::Fresh, LinkState::Stale, LinkState::Dark, LinkState::None];
        assert_eq!(words(&all, "LinkState"), sorted(states.map(LinkState::name)));
        assert_eq!(words(&all, "Level"), sorted([Level::InStock, Level::Low, Level::Out]));
        let mut names = vec!["short"];
        names.extend(ReservationState::ALL.map(ReservationState::name));
        assert_eq!(words(&all, "ReservationState"), sorted(names));
    }

    #[test]
    fn displays_and_figures_have_the_fields_that_the_document_names() {
        let all = document();
        let fields = |name: &str, kind: &str| -> Vec<String> {
            let each = all["components"]["schemas"][name]["oneOf"].as_array().unwrap().clone();
            let of_kind = |one: &&Value| one["properties"]["kind"]["enum"][0] == kind;
            let found = each.iter().find(of_kind).unwrap_or_else(|| panic!("{name} {kind}"));
            found["properties"].as_object().unwrap().keys().cloned().collect()
        };
        for display in [Display::Exact { cap: 1 }, Display::Level { low: 3 }, Display::YesNo] {
            let wire = serde_json::to_value(display).unwrap();
            let kind = wire["kind"].as_str().unwrap();
            let keys: Vec<String> = wire.as_object().unwrap().keys().cloned().collect();
            assert_eq!(sorted(fields("Display", kind)), sorted(keys));
            let figure: Shown = shown(display, 2);
            let wire = serde_json::to_value(figure).unwrap();
            let keys: Vec<String> = wire.as_object().unwrap().keys().cloned().collect();
            assert_eq!(sorted(fields("Shown", kind)), sorted(keys));
        }
        assert_eq!(
            serde_json::to_value(Display::default()).unwrap(),
            json!({"kind": "exact", "cap": 10})
        );
    }
}
