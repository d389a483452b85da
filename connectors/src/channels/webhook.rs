//! The generic channel: signed webhooks (Standard Webhooks 1) out, signed orders in.
//!
//! Out: `stock.changed`, `order.accepted`, `order.refused`, `order.cancelled`,
//! `order.cancel_refused`, `ping`. In: `order.placed`, `order.cancel`. It must not know
//! who listens. Invariant: a body is read only when its signature and its time are good.

use oneshelf_domain::code::plain_text;
use oneshelf_domain::{LocationCode, Quantity, Sku, Timestamp, limits};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::port::{
    Account, Allowance, Connector, Incoming, Intake, Message, NotTaken, Order, OrderLine, Outgoing,
    Received, Reply, Request, Verdict,
};
use crate::{pacing, signature};

const ID: &str = "webhook-id";
const TIME: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// Our own kinds: one that comes in is our echo.
const OURS: [&str; 6] = [
    "stock.changed",
    "order.accepted",
    "order.refused",
    "order.cancelled",
    "order.cancel_refused",
    "ping",
];
const PLACED: &str = "order.placed";
const CANCEL: &str = "order.cancel";

/// Characters of a kind that we do not know.
const KIND_CHARS_MAX: usize = 64;
/// Digits of a Unix time that an `i64` of microseconds can hold.
const TIME_DIGITS_MAX: usize = 11;

/// The connector.
pub struct Webhook;

impl Connector for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn request(&self, account: &Account<'_>, out: &Outgoing<'_>, now: Timestamp) -> Request {
        let body = body(out).to_string().into_bytes();
        let seconds = now.0.div_euclid(1_000_000);
        let signed = |secret| signature::sign(secret, out.id, seconds, &body);
        let signatures: Vec<String> = account.secrets.iter().map(signed).collect();
        Request {
            method: "POST",
            url: account.endpoint.to_owned(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("user-agent", "oneshelf-hub".to_owned()),
                (ID, out.id.to_owned()),
                (TIME, seconds.to_string()),
                (SIGNATURE, signatures.join(" ")),
            ],
            body,
        }
    }

    fn verdict(&self, reply: &Reply<'_>) -> Verdict {
        let after_s = pacing::retry_after(reply);
        match reply.status {
            200..=299 => Verdict::Done,
            410 => Verdict::Gone,
            429 => Verdict::Limited { after_s },
            // Somebody in between gave up, or the endpoint broke while it was at work.
            408 | 500 | 502 | 504 => Verdict::Unknown,
            // Redirects too: they are not followed.
            _ => Verdict::Again { after_s },
        }
    }

    fn allowance(&self, reply: &Reply<'_>) -> Option<Allowance> {
        pacing::allowance(reply)
    }

    fn receive(
        &self,
        account: &Account<'_>,
        incoming: &Incoming<'_>,
    ) -> Result<Received, NotTaken> {
        if incoming.body.len() > limits::INTAKE_BYTES_MAX {
            return Err(NotTaken::TooLarge);
        }
        let header = |name| incoming.header(name).ok_or(NotTaken::Unsigned);
        let (id, time, signatures) = (header(ID)?, header(TIME)?, header(SIGNATURE)?);
        let visible = !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic());
        if !visible || id.len() > limits::FOREIGN_ID_CHARS_MAX {
            return Err(NotTaken::Unsigned);
        }
        let seconds = seconds(time).ok_or(NotTaken::Unsigned)?;
        if !signature::is_signed(account.secrets, id, seconds, incoming.body, signatures) {
            return Err(NotTaken::Unsigned);
        }
        let now = incoming.now.0.div_euclid(1_000_000);
        if (now - seconds).abs() > limits::INTAKE_AGE_S_MAX {
            return Err(NotTaken::Stale);
        }
        let intake = intake(incoming.body)?;
        Ok(Received { id: id.to_owned(), sent_at: Timestamp(seconds * 1_000_000), intake })
    }
}

/// Digits alone: `+7` and ` 7` are signed as other texts than 7.
fn seconds(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if !digits || !canonical || text.len() > TIME_DIGITS_MAX {
        return None;
    }
    text.parse().ok()
}

fn body(out: &Outgoing<'_>) -> Value {
    let (kind, data) = match out.message {
        Message::Stock { sku, quantity, locations, expected, at: (epoch, version) } => (
            "stock.changed",
            json!({"sku": sku, "quantity": quantity, "locations": locations,
                "expected": expected, "epoch": epoch, "version": version}),
        ),
        Message::OrderAccepted { channel_order_id, reservation, lines } => (
            "order.accepted",
            json!({"channel_order_id": channel_order_id, "reservation": reservation,
                "lines": lines}),
        ),
        Message::OrderRefused { channel_order_id, code, detail } => (
            "order.refused",
            json!({"channel_order_id": channel_order_id, "code": code, "detail": detail}),
        ),
        Message::OrderCancelled { channel_order_id } => {
            ("order.cancelled", json!({"channel_order_id": channel_order_id}))
        }
        Message::CancelRefused { channel_order_id, code } => {
            ("order.cancel_refused", json!({"channel_order_id": channel_order_id, "code": code}))
        }
        Message::Ping => ("ping", json!({})),
    };
    json!({"type": kind, "timestamp": out.made_at, "data": data})
}

/// Every sender has fields of its own: those that we do not know are not read, and so not kept.
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct PlacedData {
    channel_order_id: String,
    lines: Vec<LineData>,
}

#[derive(Deserialize)]
struct LineData {
    sku: Sku,
    quantity: Quantity,
    #[serde(default)]
    location: Option<LocationCode>,
}

#[derive(Deserialize)]
struct CancelData {
    channel_order_id: String,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, NotTaken> {
    // What the parser quotes from the body is made harmless.
    serde_json::from_slice(body).map_err(|e| NotTaken::Malformed(plain_text(&e.to_string(), 300)))
}

fn intake(body: &[u8]) -> Result<Intake, NotTaken> {
    if limits::json_depth(body) > limits::JSON_DEPTH_MAX {
        return Err(NotTaken::Malformed("JSON is nested at most 32 deep".to_owned()));
    }
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(NotTaken::Malformed("not a JSON object".to_owned()));
    }
    let Kind { kind } = read(body)?;
    match kind.as_str() {
        PLACED => {
            let Envelope { data } = read::<Envelope<PlacedData>>(body)?;
            placed(data)
        }
        CANCEL => {
            let Envelope { data } = read::<Envelope<CancelData>>(body)?;
            let channel_order_id = order_id(data.channel_order_id)?;
            Ok(Intake::Cancelled { channel_order_id })
        }
        ours if OURS.contains(&ours) => Ok(Intake::Echo { kind }),
        other => Ok(Intake::Other { kind: plain_text(other, KIND_CHARS_MAX) }),
    }
}

fn placed(data: PlacedData) -> Result<Intake, NotTaken> {
    let channel_order_id = order_id(data.channel_order_id)?;
    if !(1..=limits::LINES_MAX).contains(&data.lines.len()) {
        return Err(invalid("/data/lines", "1 to 200 lines"));
    }
    if let Some(at) = data.lines.iter().position(|line| line.quantity.is_zero()) {
        return Err(invalid(&format!("/data/lines/{at}/quantity"), "1 to 1,000,000,000"));
    }
    let line = |LineData { sku, quantity, location }| OrderLine { sku, quantity, location };
    let lines = data.lines.into_iter().map(line).collect();
    Ok(Intake::Placed(Order { channel_order_id, lines }))
}

fn order_id(text: String) -> Result<String, NotTaken> {
    if text.is_empty() || plain_text(&text, limits::FOREIGN_ID_CHARS_MAX) != text {
        let rule = "1 to 128 characters without control characters or spaces at the ends";
        return Err(invalid("/data/channel_order_id", rule));
    }
    Ok(text)
}

fn invalid(field: &str, rule: &str) -> NotTaken {
    NotTaken::Invalid { field: field.to_owned(), rule: rule.to_owned() }
}
