//! What a client may say and hear.
//!
//! Deny by default: a filter is granted when every topic that it can match is allowed, so that no
//! wildcard reaches what the client may not name. Invariant: an agent's topics are its own.

use oneshelf_domain::{AgentId, LocationCode, Sku};
use oneshelf_protocol::topic;

/// Which figures a client may hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockRight {
    /// Of every location.
    All,
    /// Of one.
    Only(LocationCode),
}

/// What an admitted client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The agent that it is: it speaks and listens in its own topics.
    pub agent: Option<AgentId>,
    /// Figures.
    pub stock: StockRight,
}

/// A filter on figures; without a location or SKU it takes all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StockFilter {
    /// Which location.
    pub location: Option<LocationCode>,
    /// Which item.
    pub sku: Option<Sku>,
}

impl StockFilter {
    /// Whether it takes this figure.
    pub fn takes(&self, location: &LocationCode, sku: &Sku) -> bool {
        self.location.as_ref().is_none_or(|own| own == location)
            && self.sku.as_ref().is_none_or(|own| own == sku)
    }
}

/// Why a filter is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It is no filter.
    Invalid,
    /// It is one of a shared subscription.
    Shared,
    /// It takes what the client may not hear.
    NotAllowed,
    /// The client has too many.
    TooMany,
}

/// What a granted filter takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Granted {
    /// The agent's frames.
    Frames,
    /// Figures.
    Stock(StockFilter),
}

impl Rights {
    pub(super) fn may_say(&self, name: &str) -> bool {
        self.agent.is_some_and(|agent| topic::up(agent) == name)
    }

    pub(super) fn filter(&self, filter: &str) -> Result<Granted, Denied> {
        if filter.starts_with("$share/") {
            return Err(Denied::Shared);
        }
        // Section 4.7.3: no null character; what follows `#` is no filter.
        if filter.contains('\0') || !rumqttc::valid_filter(filter) {
            return Err(Denied::Invalid);
        }
        if self.agent.is_some_and(|agent| topic::down(agent) == filter) {
            return Ok(Granted::Frames);
        }
        let mut levels = filter.strip_prefix(topic::STOCK).ok_or(Denied::NotAllowed)?.split('/');
        if levels.next() != Some("") {
            return Err(Denied::NotAllowed);
        }
        let stock = self.figures(&levels.collect::<Vec<_>>()).ok_or(Denied::NotAllowed)?;
        Ok(Granted::Stock(stock))
    }

    fn figures(&self, levels: &[&str]) -> Option<StockFilter> {
        let location = match *levels.first()? {
            "#" | "+" => None,
            code => Some(LocationCode::new(code).ok()?),
        };
        let sku = match levels[1..] {
            [] if levels == ["#"] => None,
            ["#" | "+"] => None,
            [level] => Some(topic::sku_of(level).filter(|sku| topic::level_of(sku) == level)?),
            _ => return None,
        };
        let allowed = match &self.stock {
            StockRight::All => true,
            StockRight::Only(own) => location.as_ref() == Some(own),
        };
        allowed.then_some(StockFilter { location, sku })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn code(text: &str) -> LocationCode {
        LocationCode::new(text).unwrap()
    }

    #[test]
    fn an_agent_hears_its_own_topics_alone() {
        let me = AgentId(Uuid::from_u128(1));
        let other = AgentId(Uuid::from_u128(2));
        let rights = Rights { agent: Some(me), stock: StockRight::Only(code("S01")) };
        assert_eq!(rights.filter(&topic::down(me)), Ok(Granted::Frames));
        let all = StockFilter { location: Some(code("S01")), sku: None };
        assert_eq!(rights.filter("oneshelf/1/stock/S01/#"), Ok(Granted::Stock(all)));
        for filter in [
            "#",
            "+/1/stock/S01/#",
            "oneshelf/#",
            "oneshelf/1/agent/+/down",
            "oneshelf/1/agent/#",
            &topic::down(other),
            &topic::up(me),
            "oneshelf/1/stock/#",
            "oneshelf/1/stock/+/A",
            "oneshelf/1/stock/S02/A",
            "oneshelf/1/stock",
            "oneshelf/1/stockS01/A",
            "$SYS/#",
        ] {
            assert_eq!(rights.filter(filter), Err(Denied::NotAllowed), "{filter}");
        }
        assert!(rights.may_say(&topic::up(me)));
        assert!(!rights.may_say(&topic::up(other)) && !rights.may_say(&topic::down(me)));
    }

    #[test]
    fn a_reader_names_what_it_wants() {
        let rights = Rights { agent: None, stock: StockRight::All };
        let stock = |location: Option<&str>, sku: Option<&str>| {
            let sku = sku.map(|sku| Sku::new(sku).unwrap());
            Ok(Granted::Stock(StockFilter { location: location.map(code), sku }))
        };
        assert_eq!(rights.filter("oneshelf/1/stock/#"), stock(None, None));
        assert_eq!(rights.filter("oneshelf/1/stock/+/+"), stock(None, None));
        assert_eq!(rights.filter("oneshelf/1/stock/S01/+"), stock(Some("S01"), None));
        assert_eq!(rights.filter("oneshelf/1/stock/+/a%2Fb"), stock(None, Some("a/b")));
        assert_eq!(rights.filter("$share/g/oneshelf/1/stock/#"), Err(Denied::Shared));
        for bad in ["", "oneshelf/#/x", "oneshelf/1/stock/S+1/x", "a\0b"] {
            assert_eq!(rights.filter(bad), Err(Denied::Invalid), "{bad:?}");
        }
        // A spelling that no topic of ours has would never be told anything.
        assert_eq!(rights.filter("oneshelf/1/stock/S01/a%2fb"), Err(Denied::NotAllowed));
        assert_eq!(rights.filter("oneshelf/1/stock/+/a/b"), Err(Denied::NotAllowed));
        assert!(!rights.may_say("oneshelf/1/stock/S01/A"));
    }
}
