//! What needs a look by a person: notices, and facts that were not booked.

use oneshelf_domain::CommandId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::link::{Line, goods_in, joined, life};
use crate::support::Hub;

#[tokio::test]
async fn what_was_not_booked_is_shown_to_those_who_work_there() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    for (n, id) in ids.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| CommandId(ids[n]));
        let said = line.fact((*id, life), json!([n + 1, before]), goods_in(0)).await;
        assert_eq!(said["answer"], "rejected");
    }
    let facts = hub.get("/v1/rejected-facts?limit=2").await.ok(200);
    let shown: Vec<_> = facts["facts"].as_array().unwrap().iter().map(|f| &f["id"]).collect();
    assert_eq!(shown, [&json!(CommandId(ids[2])), &json!(CommandId(ids[1]))], "the newest first");
    let first = &facts["facts"][0];
    assert_eq!((&first["code"], &first["location"]), (&json!("invalid"), &json!("S07")));
    assert_eq!(first["frame"]["fact"]["body"]["sku"], "FLASK");
    let cursor = facts["next_cursor"].as_str().unwrap();
    let rest = hub.get(&format!("/v1/rejected-facts?limit=2&cursor={cursor}")).await.ok(200);
    assert_eq!(rest["facts"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next_cursor"], Value::Null);

    let notices = hub.get("/v1/notices?limit=2").await.ok(200);
    let first = &notices["notices"][0];
    assert_eq!(first["code"], "fact_not_booked");
    assert_eq!(first["subject"], json!(CommandId(ids[2])));
    assert_eq!(first["text"], "a fact makes no sense");
    assert_eq!(first["actor"], format!("agent:{agent}"));
    let cursor = notices["next_cursor"].as_str().unwrap();
    let rest = hub.get(&format!("/v1/notices?cursor={cursor}")).await.ok(200);
    assert_eq!(rest["notices"].as_array().unwrap().len(), 1);

    let manager = hub.sign_in("max", "manager", &["S07"]).await;
    let ask = |path: &str| hub.ask("GET", path).header("cookie", &manager).send();
    ask("/v1/notices").await.refused(403, "not_allowed");
    ask("/v1/rejected-facts").await.refused(422, "invalid");
    ask("/v1/rejected-facts?location=S02").await.refused(404, "location_unknown");
    let own = ask("/v1/rejected-facts?location=S07").await.ok(200);
    assert_eq!(own["facts"].as_array().unwrap().len(), 3);
    hub.close().await;
}
