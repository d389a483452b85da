//! Names of MQTT topics: an agent's two, and one for each figure of the public's stock.
//!
//! Only names; who may use one is the endpoint's matter. Invariant: a name that was made here is
//! read back to the same parts, and no SKU puts a `/`, `+` or `#` into it.

use oneshelf_domain::{AgentId, LocationCode, Sku};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All topics of stock lie below this.
pub const STOCK: &str = "oneshelf/1/stock";
/// What a hub listens to at an outside broker: everything that agents say.
pub const ALL_UP: &str = "oneshelf/1/agent/+/up";

const AGENT: &str = "oneshelf/1/agent";
/// RFC 3986 section 2.3: unreserved characters stay.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where an agent speaks.
pub fn up(agent: AgentId) -> String {
    format!("{AGENT}/{agent}/up")
}

/// Where an agent listens.
pub fn down(agent: AgentId) -> String {
    format!("{AGENT}/{agent}/down")
}

/// The agent that speaks in this topic.
pub fn speaker(topic: &str) -> Option<AgentId> {
    topic.strip_prefix(AGENT)?.strip_prefix('/')?.strip_suffix("/up")?.parse().ok()
}

/// A SKU as one level of a topic.
pub fn level_of(sku: &Sku) -> String {
    utf8_percent_encode(sku.as_str(), ENCODED).to_string()
}

/// The SKU that one level of a topic names.
pub fn sku_of(level: &str) -> Option<Sku> {
    Sku::new(&percent_decode_str(level).decode_utf8().ok()?).ok()
}

/// Where an item's figure at a location is told.
pub fn stock(location: &LocationCode, sku: &Sku) -> String {
    format!("{STOCK}/{location}/{}", level_of(sku))
}

/// Location and SKU of a figure's topic.
pub fn figure_of(topic: &str) -> Option<(LocationCode, Sku)> {
    let (location, level) = topic.strip_prefix(STOCK)?.strip_prefix('/')?.split_once('/')?;
    Some((LocationCode::new(location).ok()?, sku_of(level)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_one_level_whatever_it_holds() {
        let location = LocationCode::new("S01").unwrap();
        for text in ["85123A", "a/b", "+", "#", "50% off+#/x", "$share/x"] {
            let sku = Sku::new(text).unwrap();
            let topic = stock(&location, &sku);
            assert_eq!(topic.split('/').count(), 5, "{topic}");
            assert!(!topic.contains(['+', '#']), "{topic}");
            assert_eq!(figure_of(&topic), Some((location.clone(), sku)));
        }
        assert_eq!(level_of(&Sku::new("a/b c").unwrap()), "a%2Fb%20c");
        assert_eq!(sku_of("%0a"), None);
    }

    #[test]
    fn an_agent_is_found_by_its_topic_alone() {
        let agent = AgentId(uuid::Uuid::from_u128(7));
        assert_eq!(speaker(&up(agent)), Some(agent));
        assert_eq!(speaker(&down(agent)), None);
        assert_eq!(speaker("oneshelf/1/agent/x/up"), None);
    }
}
