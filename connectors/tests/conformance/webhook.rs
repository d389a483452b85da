//! How the generic webhook channel speaks.

use oneshelf_connectors::{Connector, Order, Request, Secret, Verdict, Webhook, signature};
use serde_json::json;

use crate::suite::{self, Delivery};

pub(crate) struct Specimen;

impl suite::Specimen for Specimen {
    fn connector(&self) -> &'static dyn Connector {
        &Webhook
    }

    fn signed(&self, secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Delivery {
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature::sign(secret, id, seconds, body)),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.into_bytes()));
        Delivery { headers: headers.to_vec(), body: body.to_vec() }
    }

    fn placed(&self, order: &Order, more: &str) -> Vec<u8> {
        let mut body = json!({"type": "order.placed", "data": order});
        if !more.is_empty() {
            body["customer"] = json!({"name": more});
            body["data"]["shipping_address"] = json!([more]);
            body["data"]["lines"][0]["gift_note"] = json!(more);
        }
        body.to_string().into_bytes()
    }

    fn cancelled(&self, channel_order_id: &str) -> Vec<u8> {
        let body = json!({"type": "order.cancel", "timestamp": "2027-01-15T08:00:00Z",
            "data": {"channel_order_id": channel_order_id}});
        body.to_string().into_bytes()
    }

    fn broken(&self) -> Vec<Vec<u8>> {
        let texts = [
            "",
            "null",
            "[]",
            "{}",
            "{\"type\":7}",
            "{\"type\":\"order.placed\"}",
            "{\"type\":\"order.placed\",\"data\":[]}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":\"1\",\"lines\":[]}}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":1,\"lines\":[]}}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":\"1\",\"lines\":[{\"sku\":\
             \"A\",\"quantity\":0}]}}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":\"1\",\"lines\":[{\"sku\":\
             \"A\",\"quantity\":1.5}]}}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":\"1\",\"lines\":[{\"sku\":\
             \"A\",\"quantity\":-1}]}}",
            "{\"type\":\"order.placed\",\"data\":{\"channel_order_id\":\"1\",\"lines\":[{\"sku\":\
             \"\\u001b[2J\",\"quantity\":1}]}}",
            "{\"type\":\"order.placed\",\"type\":\"order.cancel\",\"data\":{}}",
            "{\"type\":\"order.cancel\",\"data\":{\"channel_order_id\":\"\\ud800\"}}",
            "{\"type\":\"order.cancel\",\"data\":{\"channel_order_id\":\"a\"}} x",
        ];
        let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        all.push(b"{\"type\":\"order.cancel\",\"data\":{\"channel_order_id\":\"\xff\"}}".to_vec());
        all.push(vec![0; 1_000]);
        all
    }

    fn answers(&self) -> Vec<(u16, Option<&'static str>, Verdict)> {
        let again = |after_s| Verdict::Again { after_s };
        vec![
            (200, None, Verdict::Done),
            (204, Some("7"), Verdict::Done),
            (301, None, again(None)),
            (400, None, again(None)),
            (401, None, again(None)),
            (404, None, again(None)),
            (410, None, Verdict::Gone),
            (429, Some("30"), Verdict::Limited { after_s: Some(30) }),
            (429, None, Verdict::Limited { after_s: None }),
            (503, Some(" 120 "), again(Some(120))),
            (503, Some("4000000000"), again(Some(86_400))),
            (503, Some("Fri, 15 Jan 2027 08:01:30 GMT"), again(Some(90))),
            (503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), again(Some(0))),
            (500, None, Verdict::Unknown),
            (502, None, Verdict::Unknown),
            (504, None, Verdict::Unknown),
        ]
    }

    fn shows(&self, request: &Request, text: &str) -> bool {
        let in_headers = request.headers.iter().any(|(_, value)| value == text);
        in_headers || String::from_utf8_lossy(&request.body).contains(text)
    }

    fn sent_back(&self, request: &Request) -> Option<Delivery> {
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()));
        Some(Delivery { headers: headers.collect(), body: request.body.clone() })
    }
}
