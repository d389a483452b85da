//! The pure core: what stock, promises and tickets are, and the rules that change them.
//!
//! It knows no clock, no randomness, no file, no socket and no database: time and ids are
//! arguments. Hub and agent run the same code, so a rule that is tested here holds in both.
//! Reading order: the values ([`id`], [`quantity`], [`money`], [`time`], [`code`], [`limits`]),
//! then [`record`] (settings and rights), [`item`] and its [`price`]s, [`stock`] (the heart),
//! [`promise`], [`ticket`].

pub mod code;
pub mod id;
pub mod item;
pub mod limits;
pub mod money;
pub mod price;
pub mod promise;
pub mod quantity;
pub mod record;
pub mod refusal;
pub mod stock;
pub mod ticket;
pub mod time;

pub use code::{Barcode, LocationCode, RegisterCode, Sku, StaffCode};
pub use id::{
    AgentId, CashSessionId, CommandId, ImportId, IncarnationId, KeyId, LineId, PrintJobId,
    ReservationId, SaleId, TicketId,
};
pub use money::{Currency, Money};
pub use price::{DatedPrice, PriceFrom};
pub use quantity::Quantity;
pub use refusal::Refusal;
pub use time::Timestamp;
