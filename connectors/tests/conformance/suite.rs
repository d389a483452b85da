//! The conformance suite of channel connectors. It knows the port alone.

use oneshelf_connectors::{
    Account, Connector, Incoming, Intake, Location, Message, NotTaken, Order, OrderLine, Outgoing,
    Received, Reply, Request, Secret, Verdict,
};
use oneshelf_domain::{LocationCode, Quantity, Sku, Timestamp};

pub(crate) const NOW: i64 = 1_800_000_000;

/// A delivery as its channel would make it.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// What differs from channel to channel.
pub(crate) trait Specimen: Sync {
    fn connector(&self) -> &'static dyn Connector;
    /// A body with the channel's headers and signature.
    fn signed(&self, secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Delivery;
    /// The body of an order; `more` stands in it as a field that nobody knows.
    fn placed(&self, order: &Order, more: &str) -> Vec<u8>;
    /// The body of a cancellation.
    fn cancelled(&self, channel_order_id: &str) -> Vec<u8>;
    /// Bodies that no order can be read from.
    fn broken(&self) -> Vec<Vec<u8>>;
    /// Statuses and what they mean.
    fn answers(&self) -> Vec<(u16, Option<&'static str>, Verdict)>;
    /// What a message says on the wire, for those who look for a value in it.
    fn shows(&self, request: &Request, text: &str) -> bool;
    /// A request of ours as a delivery to us; none when the channel cannot send it back.
    fn sent_back(&self, request: &Request) -> Option<Delivery>;
}

pub(crate) fn secret(seed: u8) -> Secret {
    Secret::new(&[seed; 32]).unwrap()
}

pub(crate) fn order() -> Order {
    let line = |sku: &str, units, location: Option<&str>| OrderLine {
        sku: Sku::new(sku).unwrap(),
        quantity: Quantity::new(units).unwrap(),
        location: location.map(|code| LocationCode::new(code).unwrap()),
    };
    Order {
        channel_order_id: "W-20418 \u{e9}".to_owned(),
        lines: vec![line("FLASK", 2, Some("W01")), line("CAMP LAMP", 1, None)],
    }
}

pub(crate) fn receive(
    specimen: &dyn Specimen,
    secrets: &[Secret],
    delivery: &Delivery,
    now: i64,
) -> Result<Received, NotTaken> {
    let headers: Vec<(&str, &[u8])> =
        delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let account = Account { endpoint: "https://shop.example/hook", secrets };
    let now = Timestamp(now * 1_000_000);
    specimen
        .connector()
        .receive(&account, &Incoming { headers: &headers, body: &delivery.body, now })
}

fn good(specimen: &dyn Specimen) -> Delivery {
    specimen.signed(&secret(1), "evt_1", NOW, &specimen.placed(&order(), ""))
}

pub(crate) fn an_order_and_its_cancellation_are_read(specimen: &dyn Specimen) {
    let received = receive(specimen, &[secret(1)], &good(specimen), NOW).unwrap();
    assert_eq!((received.id.as_str(), received.sent_at), ("evt_1", Timestamp(NOW * 1_000_000)));
    assert_eq!(received.intake, Intake::Placed(order()));
    let body = specimen.cancelled("W-20418");
    let delivery = specimen.signed(&secret(1), "evt_2", NOW, &body);
    let received = receive(specimen, &[secret(1)], &delivery, NOW).unwrap();
    let channel_order_id = "W-20418".to_owned();
    assert_eq!(received.intake, Intake::Cancelled { channel_order_id });
}

pub(crate) fn what_is_not_signed_by_the_channel_is_not_read(specimen: &dyn Specimen) {
    let delivery = good(specimen);
    let refused = |secrets: &[Secret], delivery: &Delivery, why: &str| {
        let answer = receive(specimen, secrets, delivery, NOW);
        assert_eq!(answer, Err(NotTaken::Unsigned), "{why}");
    };
    refused(&[secret(2)], &delivery, "another secret");
    refused(&[], &delivery, "no secret");
    for at in 0..delivery.body.len() {
        let mut changed = delivery.clone();
        changed.body[at] ^= 1;
        refused(&[secret(1)], &changed, "another body");
    }
    for at in 0..delivery.headers.len() {
        let mut changed = delivery.clone();
        changed.headers[at].1 = b"7".to_vec();
        refused(&[secret(1)], &changed, "another header");
        changed.headers.remove(at);
        refused(&[secret(1)], &changed, "a header is missing");
    }
    // What is wrong in the body shows to nobody who cannot sign.
    for body in specimen.broken() {
        let delivery = specimen.signed(&secret(2), "evt_1", NOW, &body);
        refused(&[secret(1)], &delivery, "broken and of a stranger");
    }
}

pub(crate) fn both_secrets_are_good_while_one_replaces_the_other(specimen: &dyn Specimen) {
    let both = [secret(2), secret(1)];
    for signer in [1, 2] {
        let body = specimen.placed(&order(), "");
        let delivery = specimen.signed(&secret(signer), "evt_1", NOW, &body);
        assert!(receive(specimen, &both, &delivery, NOW).is_ok(), "{signer}");
    }
    // And ours carry both, so that the other side may change over when it likes.
    let request = request(specimen, &both, &Message::Ping, NOW);
    for known in [secret(1), secret(2)] {
        if let Some(back) = specimen.sent_back(&request) {
            assert!(receive(specimen, &[known], &back, NOW).is_ok());
        }
    }
}

pub(crate) fn an_old_or_early_delivery_is_refused(specimen: &dyn Specimen) {
    let at = |now| receive(specimen, &[secret(1)], &good(specimen), now);
    for near in [NOW - 300, NOW, NOW + 300] {
        assert!(at(near).is_ok(), "{near}");
    }
    for far in [0, NOW - 301, NOW + 301, i64::MAX / 1_000_000] {
        assert_eq!(at(far), Err(NotTaken::Stale), "{far}");
    }
}

pub(crate) fn a_replay_is_the_same_delivery(specimen: &dyn Specimen) {
    let once = receive(specimen, &[secret(1)], &good(specimen), NOW).unwrap();
    let again = specimen.signed(&secret(1), "evt_1", NOW + 60, &good(specimen).body);
    let again = receive(specimen, &[secret(1)], &again, NOW + 60).unwrap();
    assert_eq!((once.id, once.intake), (again.id, again.intake));
}

pub(crate) fn fields_that_nobody_knows_are_not_kept(specimen: &dyn Specimen) {
    let body = specimen.placed(&order(), "Ada Lovelace, 12 Quay Street");
    let delivery = specimen.signed(&secret(1), "evt_1", NOW, &body);
    let received = receive(specimen, &[secret(1)], &delivery, NOW).unwrap();
    assert_eq!(received.intake, Intake::Placed(order()));
    let kept = serde_json::to_string(&received.intake).unwrap();
    assert!(!kept.contains("Lovelace"), "{kept}");
}

pub(crate) fn our_own_messages_are_echoes(specimen: &dyn Specimen) {
    for message in messages() {
        let request = request(specimen, &[secret(1)], &message, NOW);
        let Some(back) = specimen.sent_back(&request) else { continue };
        let received = receive(specimen, &[secret(1)], &back, NOW).unwrap();
        assert!(matches!(received.intake, Intake::Echo { .. }), "{message:?}: {received:?}");
    }
}

pub(crate) fn hostile_bodies_are_refused(specimen: &dyn Specimen) {
    let sent = |body: &[u8]| {
        let delivery = specimen.signed(&secret(1), "evt_1", NOW, body);
        receive(specimen, &[secret(1)], &delivery, NOW)
    };
    let deep = [b"[".repeat(100_000), b"{\"a\":".repeat(50_000)];
    for body in specimen.broken().iter().chain(&deep) {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        let answer = sent(body);
        let known = matches!(
            answer,
            Err(NotTaken::Malformed(_) | NotTaken::Invalid { .. } | NotTaken::TooLarge)
        );
        assert!(known, "{shown}: {answer:?}");
        if let Err(NotTaken::Malformed(why)) = answer {
            assert!(why.len() < 2_000 && !why.contains('\u{1b}'), "{shown}: {why}");
        }
    }
    assert_eq!(sent(&vec![b' '; (256 << 10) + 1]), Err(NotTaken::TooLarge));
    let mut many = order();
    many.lines = vec![many.lines[0].clone(); 201];
    assert!(matches!(sent(&specimen.placed(&many, "")), Err(NotTaken::Invalid { .. })));
    many.lines.truncate(200);
    assert!(sent(&specimen.placed(&many, "")).is_ok());
    for id in ["", " ", "a\u{0}", "a\n", &"x".repeat(129), "a\u{202e}b"] {
        let mut named = order();
        id.clone_into(&mut named.channel_order_id);
        assert!(matches!(sent(&specimen.placed(&named, "")), Err(NotTaken::Invalid { .. })));
        assert!(matches!(sent(&specimen.cancelled(id)), Err(NotTaken::Invalid { .. })));
    }
}

pub(crate) fn a_header_sent_twice_proves_nothing(specimen: &dyn Specimen) {
    let delivery = good(specimen);
    for at in 0..delivery.headers.len() {
        let mut twice = delivery.clone();
        twice.headers.push(delivery.headers[at].clone());
        assert_eq!(receive(specimen, &[secret(1)], &twice, NOW), Err(NotTaken::Unsigned));
    }
}

fn messages() -> Vec<Message> {
    let channel_order_id = "W-20418".to_owned();
    vec![
        stock(3),
        Message::OrderAccepted {
            channel_order_id: channel_order_id.clone(),
            reservation: "rsv_1".to_owned(),
            lines: order().lines,
        },
        Message::OrderRefused {
            channel_order_id: channel_order_id.clone(),
            code: "not_enough_available".to_owned(),
            detail: "only 1".to_owned(),
        },
        Message::OrderCancelled { channel_order_id: channel_order_id.clone() },
        Message::CancelRefused { channel_order_id, code: "reservation_ended".to_owned() },
        Message::Ping,
    ]
}

fn stock(quantity: i64) -> Message {
    let location = LocationCode::new("W01").unwrap();
    Message::Stock {
        sku: Sku::new("FLASK").unwrap(),
        quantity,
        locations: vec![Location { location, quantity }],
        expected: Some(4),
        at: (2, 1_234),
    }
}

fn request(specimen: &dyn Specimen, secrets: &[Secret], message: &Message, now: i64) -> Request {
    let account = Account { endpoint: "https://shop.example/hook", secrets };
    let made_at = Timestamp((NOW - 5) * 1_000_000);
    let out = Outgoing { id: "evt_00000000000000000000000000000007", made_at, message };
    specimen.connector().request(&account, &out, Timestamp(now * 1_000_000))
}

pub(crate) fn a_message_has_the_same_key_and_bytes_at_every_attempt(specimen: &dyn Specimen) {
    for message in messages() {
        let kept = serde_json::to_string(&message).unwrap();
        let back: Message = serde_json::from_str(&kept).unwrap();
        let first = request(specimen, &[secret(1)], &message, NOW);
        let later = request(specimen, &[secret(1)], &back, NOW + 3_600);
        assert_eq!((&first.url, first.method), (&later.url, later.method));
        assert_eq!(first.body, later.body, "{message:?}");
        let key = "evt_00000000000000000000000000000007";
        assert!(specimen.shows(&first, key) && specimen.shows(&later, key));
    }
}

pub(crate) fn every_message_can_be_told(specimen: &dyn Specimen) {
    let sent = request(specimen, &[secret(1)], &stock(3), NOW);
    for text in ["FLASK", "W01", "3", "1234"] {
        assert!(specimen.shows(&sent, text), "{text}");
    }
    assert!(specimen.shows(&request(specimen, &[secret(1)], &stock(0), NOW), "0"));
    for message in messages() {
        let sent = request(specimen, &[secret(1)], &message, NOW);
        assert_eq!(sent.url, "https://shop.example/hook");
        let plain = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
        assert!(sent.headers.iter().all(|(name, value)| plain(name) && plain(value)));
        let all = format!("{:?}{}", sent.headers, String::from_utf8_lossy(&sent.body));
        assert!(!all.contains(&secret(1).text()[6..]), "a secret never travels");
    }
}

pub(crate) fn answers_are_classified(specimen: &dyn Specimen) {
    let verdict = |status, retry_after: Option<&str>| {
        let headers: Vec<(&str, &str)> =
            retry_after.map(|v| ("retry-after", v)).into_iter().collect();
        let now = Timestamp(NOW * 1_000_000);
        specimen.connector().verdict(&Reply { status, headers: &headers, body: b"<html>", now })
    };
    for (status, retry_after, expected) in specimen.answers() {
        assert_eq!(verdict(status, retry_after), expected, "{status} {retry_after:?}");
    }
    for status in 200..300 {
        assert_eq!(verdict(status, None), Verdict::Done);
    }
    for status in (0..200).chain(300..1_000) {
        assert_ne!(verdict(status, None), Verdict::Done, "{status} is no success");
    }
    for odd in ["", "-1", "soon", "99999999999999999999", "\u{e9}"] {
        for status in [429, 503] {
            let asked = verdict(status, Some(odd));
            let waits = matches!(
                asked,
                Verdict::Again { after_s: Some(_) } | Verdict::Limited { after_s: Some(_) }
            );
            assert!(!waits, "{odd}");
        }
    }
}
