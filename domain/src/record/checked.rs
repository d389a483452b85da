//! What a record must fulfil before it is kept, whatever other records say.
//!
//! Titles become harmless text, numbers stay in range, names of zones exist. A record that passed
//! here can be printed, shown and reckoned with. Whether what it names exists is `stock`'s matter.

use super::{
    ApiKey, Channel, Display, ImportMapping, KeyKind, Location, Record, Scope, ShareRule, Shop,
    WalkIn,
};
use crate::code::{ChannelCode, plain_text};
use crate::limits;
use crate::refusal::Refusal;

/// Tax classes of a shop.
const TAXES_MAX: usize = 20;
/// Characters of a tax class.
const TAX_CLASS_CHARS_MAX: usize = 32;
/// 100,000 means 1,000 %.
const RATE_BASIS_POINTS_MAX: i64 = 100_000;
/// Columns of a file that is mapped.
const MAPPED_COLUMNS_MAX: usize = 200;
/// Characters of a mapping's name.
const MAPPING_NAME_CHARS_MAX: usize = 60;
/// Web origins of a key.
const ORIGINS_MAX: usize = 20;
/// Bytes of an endpoint.
const ENDPOINT_BYTES_MAX: usize = 2_000;
/// Locations that serve a channel.
const SERVING_MAX: usize = 200;
/// Bytes of an origin.
const ORIGIN_BYTES_MAX: usize = 300;

impl Record {
    /// Makes texts harmless and checks every rule that needs no other record.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        match &mut self {
            Record::Shop(s) => shop(s)?,
            Record::Location(l) => location(l)?,
            Record::Register(r) => name(&mut r.name)?,
            Record::Staff(s) => name(&mut s.name)?,
            Record::Key(k) => key(k)?,
            Record::Agent(a) => name(&mut a.name)?,
            Record::Kit(_) => {
                let rule = "follows from its item: change the item's components";
                return Err(Refusal::invalid("/record", rule));
            }
            Record::Enrolment(_) | Record::Recovering(_) | Record::AgentCopy(_) => {}
            Record::Channel(c) => sales_channel(c)?,
            Record::Safety(s) => units(s.units)?,
            Record::Share(s) => share(s.rule)?,
            Record::WalkIn(w) => walk_in(w)?,
            Record::Mapping(m) => mapping(m)?,
            Record::Buffer(b) => {
                channel(&b.channel)?;
                units(b.units)?;
            }
        }
        Ok(self)
    }
}

fn name(text: &mut String) -> Result<(), Refusal> {
    *text = plain_text(text, limits::NAME_CHARS_MAX);
    if text.is_empty() {
        return Err(Refusal::invalid("/name", "1 to 200 characters of text"));
    }
    Ok(())
}

fn zone(text: &str) -> Result<(), Refusal> {
    match text.parse::<chrono_tz::Tz>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::invalid("/zone", "an IANA time zone, as in Europe/Dublin")),
    }
}

fn walk_in(walk_in: &WalkIn) -> Result<(), Refusal> {
    if walk_in.is_valid() {
        return Ok(());
    }
    Err(Refusal::invalid("/sold", "units in the order of their items"))
}

fn share(rule: ShareRule) -> Result<(), Refusal> {
    if rule.is_valid() {
        return Ok(());
    }
    let text = "units from 0 to 1,000,000,000; a percentage from 0 to 100";
    Err(Refusal::invalid("/units", text))
}

fn units(units: i64) -> Result<(), Refusal> {
    if (0..=limits::QUANTITY_MAX).contains(&units) {
        return Ok(());
    }
    Err(Refusal::invalid("/units", "0 to 1,000,000,000"))
}

fn mapping(m: &mut ImportMapping) -> Result<(), Refusal> {
    let plain = |text: &str, most| plain_text(text, most) == text && !text.is_empty();
    if m.name.contains('/') || !plain(&m.name, MAPPING_NAME_CHARS_MAX) {
        return Err(Refusal::invalid("/name", "1 to 60 characters of text without a slash"));
    }
    if m.headers.len() > MAPPED_COLUMNS_MAX {
        return Err(Refusal::invalid("/headers", "at most 200"));
    }
    if !m.headers.iter().all(|header| plain_text(header, limits::NAME_CHARS_MAX) == *header) {
        return Err(Refusal::invalid("/headers", "at most 200 characters of text each"));
    }
    let column = |(ours, theirs): (&String, &String)| {
        plain(ours, MAPPING_NAME_CHARS_MAX) && plain(theirs, limits::NAME_CHARS_MAX)
    };
    if m.columns.len() > MAPPED_COLUMNS_MAX || !m.columns.iter().all(column) {
        return Err(Refusal::invalid("/columns", "names of columns, 1 to 200 characters each"));
    }
    Ok(())
}

fn channel(code: &str) -> Result<(), Refusal> {
    match ChannelCode::new(code) {
        Ok(_) => Ok(()),
        Err(wrong) => Err(Refusal::invalid("/channel", &wrong.to_string())),
    }
}

fn sales_channel(c: &mut Channel) -> Result<(), Refusal> {
    name(&mut c.name)?;
    let web = |at: &String| {
        (at.starts_with("https://") || at.starts_with("http://"))
            && at.len() <= ENDPOINT_BYTES_MAX
            && at.bytes().all(|b| b.is_ascii_graphic())
    };
    if !c.endpoint.iter().all(web) {
        let rule = "an address that begins with https://, 2,000 characters at most";
        return Err(Refusal::invalid("/endpoint", rule));
    }
    let mut serving = c.locations.clone();
    serving.sort_unstable();
    serving.dedup();
    if serving.len() != c.locations.len() || serving.len() > SERVING_MAX {
        return Err(Refusal::invalid("/locations", "at most 200, each once"));
    }
    if c.secrets.len() > limits::CHANNEL_SECRETS_MAX {
        return Err(Refusal::invalid("/secrets", "two at most"));
    }
    Ok(())
}

fn shop(s: &mut Shop) -> Result<(), Refusal> {
    name(&mut s.name)?;
    zone(&s.zone)?;
    if s.taxes.len() > TAXES_MAX {
        return Err(Refusal::invalid("/taxes", "at most 20"));
    }
    for (n, tax) in s.taxes.iter_mut().enumerate() {
        let field = |name| format!("/taxes/{n}/{name}");
        tax.name = plain_text(&tax.name, limits::NAME_CHARS_MAX);
        if tax.name.is_empty() {
            return Err(Refusal::invalid(&field("name"), "1 to 200 characters of text"));
        }
        if tax.class.is_empty() || tax.class.chars().count() > TAX_CLASS_CHARS_MAX {
            return Err(Refusal::invalid(&field("class"), "1 to 32 characters"));
        }
        if !(0..=RATE_BASIS_POINTS_MAX).contains(&tax.rate_basis_points) {
            return Err(Refusal::invalid(&field("rate_basis_points"), "0 to 100,000"));
        }
    }
    let mut classes: Vec<&str> = s.taxes.iter().map(|t| t.class.as_str()).collect();
    classes.sort_unstable();
    if classes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid("/taxes", "each class once"));
    }
    Ok(())
}

fn location(l: &mut Location) -> Result<(), Refusal> {
    name(&mut l.name)?;
    zone(&l.zone)?;
    for text in [&mut l.address, &mut l.opening_hours] {
        *text =
            text.take().map(|t| plain_text(&t, limits::NOTE_CHARS_MAX)).filter(|t| !t.is_empty());
    }
    if l.receipt_header.len() > limits::RECEIPT_HEADER_LINES_MAX {
        return Err(Refusal::invalid("/receipt_header", "at most 8 lines"));
    }
    for line in &mut l.receipt_header {
        *line = plain_text(line, limits::NAME_CHARS_MAX);
    }
    Ok(())
}

fn key(k: &mut ApiKey) -> Result<(), Refusal> {
    name(&mut k.name)?;
    if let Some(code) = &k.channel {
        channel(code)?;
    }
    let (Display::Exact { cap: figure } | Display::Level { low: figure }) = k.display else {
        return origins_and_scopes(k);
    };
    if !(0..=limits::QUANTITY_MAX).contains(&figure) {
        return Err(Refusal::invalid("/display", "0 to 1,000,000,000"));
    }
    origins_and_scopes(k)
}

fn origins_and_scopes(k: &ApiKey) -> Result<(), Refusal> {
    let web = |o: &String| {
        (o.starts_with("http://") || o.starts_with("https://"))
            && o.len() <= ORIGIN_BYTES_MAX
            && o.bytes().all(|b| b.is_ascii_graphic())
    };
    if k.origins.len() > ORIGINS_MAX || !k.origins.iter().all(web) {
        let rule = "at most 20, each as in https://shop.example";
        return Err(Refusal::invalid("/origins", rule));
    }
    // Everybody can read a publishable key.
    let writes = [Scope::StockWrite, Scope::Catalogue, Scope::Reserve, Scope::Admin];
    if k.kind == KeyKind::Publishable && k.scopes.iter().any(|s| writes.contains(s)) {
        let rule = "a publishable key may read, follow live stock and place holds";
        return Err(Refusal::invalid("/scopes", rule));
    }
    Ok(())
}
