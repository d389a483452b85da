//! The Standard Webhooks library of another language: it verifies what we send, we take what it
//! signs, and both refuse what was changed.

use oneshelf_connectors::{
    Account, Connector, Incoming, Intake, Location, Message, NotTaken, Outgoing, Request, Secret,
    Webhook,
};
use oneshelf_domain::{LocationCode, Sku, Timestamp};
use serde_json::{Value, json};

use crate::programs::node_json;

fn now() -> Timestamp {
    // The library looks at its own clock.
    oneshelf_hub::serve::wall_clock()()
}

fn secret(seed: u8) -> Secret {
    Secret::new(&[seed; 32]).unwrap()
}

fn request(secrets: &[Secret]) -> Request {
    let message = Message::Stock {
        sku: Sku::new("CAFE-1").unwrap(),
        quantity: 3,
        locations: vec![Location { location: LocationCode::new("W01").unwrap(), quantity: 3 }],
        expected: None,
        at: (1, 7),
    };
    let account = Account { endpoint: "https://shop.example/hook", secrets };
    let out = Outgoing { id: "evt_1", made_at: now(), message: &message };
    Webhook.request(&account, &out, now())
}

fn verify(secret: &Secret, request: &Request, body: &str) -> Value {
    let headers: serde_json::Map<String, Value> =
        request.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({"verify": {"secret": secret.text(), "headers": headers, "body": body}})
}

#[tokio::test]
async fn it_verifies_what_we_send() {
    let (one, both) = (request(&[secret(1)]), request(&[secret(2), secret(1)]));
    let body = |request: &Request| String::from_utf8(request.body.clone()).unwrap();
    let jobs = json!([
        verify(&secret(1), &one, &body(&one)),
        verify(&secret(1), &both, &body(&both)),
        verify(&secret(2), &both, &body(&both)),
        verify(&secret(2), &one, &body(&one)),
        verify(&secret(1), &one, &body(&one).replace('3', "4")),
    ]);
    let refused = "WebhookVerificationError";
    let answers = node_json("webhooks.mjs", &jobs).await;
    assert_eq!(answers, json!([true, true, true, refused, refused]));
}

#[tokio::test]
async fn we_take_what_it_signs() {
    let body = "{\"type\":\"order.cancel\",\"data\":{\"channel_order_id\":\"Żółw 7\"}}";
    let seconds = now().0 / 1_000_000;
    let job = json!({"secret": secret(1).text(), "id": "msg_1", "seconds": seconds, "body": body});
    let signed = node_json("webhooks.mjs", &json!([{"sign": job}])).await;
    let (signed, seconds) = (signed[0].as_str().unwrap().to_owned(), seconds.to_string());
    let take = |secrets: &[Secret], body: &str| {
        let account = Account { endpoint: "", secrets };
        let headers: [(&str, &[u8]); 3] = [
            ("webhook-id", b"msg_1"),
            ("webhook-timestamp", seconds.as_bytes()),
            ("webhook-signature", signed.as_bytes()),
        ];
        let incoming = Incoming { headers: &headers, body: body.as_bytes(), now: now() };
        Webhook.receive(&account, &incoming)
    };
    let taken = take(&[secret(2), secret(1)], body).unwrap();
    assert_eq!(taken.id, "msg_1");
    let channel_order_id = "Żółw 7".to_owned();
    assert_eq!(taken.intake, Intake::Cancelled { channel_order_id });
    assert_eq!(take(&[secret(2)], body), Err(NotTaken::Unsigned));
    assert_eq!(take(&[secret(1)], &body.replace('7', "8")), Err(NotTaken::Unsigned));
}
