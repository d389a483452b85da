//! Ids: a prefix, `_` and 32 hex digits of a UUID, the same text in API, log, table and page.
//!
//! The core never makes an id; shells do (UUIDv7). Parsing accepts only the canonical text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What a text that should be an id got wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected {expected}_ and 32 lower-case hex digits")]
pub struct NotAnId {
    expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bad = NotAnId { expected: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or(bad.clone())?;
                let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if hex.len() != 32 || !hex.bytes().all(lower) {
                    return Err(bad);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| bad)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A command, chosen by its sender; also the id of an agent's fact.
    CommandId,
    "cmd"
);
id!(
    /// A claim on units.
    ReservationId,
    "rsv"
);
id!(
    /// The program in a store.
    AgentId,
    "agt"
);
id!(
    /// One unbroken life of an agent's database.
    IncarnationId,
    "inc"
);
id!(
    /// A register's sale in progress.
    TicketId,
    "tkt"
);
id!(
    /// A line of a ticket.
    LineId,
    "lin"
);
id!(
    /// A paid ticket.
    SaleId,
    "sal"
);
id!(
    /// An API key.
    KeyId,
    "key"
);
id!(
    /// A print job; a retry keeps it.
    PrintJobId,
    "prj"
);
id!(
    /// A CSV import.
    ImportId,
    "imp"
);
id!(
    /// A cash session of a register.
    CashSessionId,
    "csh"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_written() {
        let id = ReservationId(Uuid::from_u128(7));
        let text = id.to_string();
        assert_eq!(text, "rsv_00000000000000000000000000000007");
        assert_eq!(text.parse::<ReservationId>().unwrap(), id);
    }

    #[test]
    fn other_spellings_are_refused() {
        let upper = "rsv_0000000000000000000000000000000A";
        let hyphens = "rsv_00000000-0000-0000-0000-000000000001";
        for text in ["", "rsv_", "tkt_00000000000000000000000000000007", upper, hyphens] {
            assert!(text.parse::<ReservationId>().is_err(), "{text}");
        }
    }
}
