//! A store's share, asked back: for a claim, for a debt, and by a policy that follows the stock.

use oneshelf_domain::{AgentId, IncarnationId, limits};
use oneshelf_hub::serve::{start, wall_clock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::link::{Line, goods_in, hello, joined, life};
use crate::support::{Hub, Said};

/// A store whose agent answers when the test says so.
struct Store {
    line: Line,
    life: IncarnationId,
    /// The last fact and its place.
    head: (i64, Option<Uuid>),
}

impl Store {
    /// S07 has ten flasks; so many of them are its share.
    async fn open(hub: &Hub, agent: AgentId, share: i64) -> Self {
        hub.put("/v1/policies/share/S07/*", json!({"quantity": share})).await.ok(200);
        let line = Line::open(hub, agent).await;
        let mut store = Self { line, life: life(), head: (0, None) };
        store.line.hello(store.life, json!({"epoch": 0, "version": 0})).await;
        store.answers_ping().await;
        // What a busy machine makes of 250 ms is not what is looked at here.
        hub.app().links.wait_for_share(20_000);
        store.tells(goods_in(10)).await;
        assert_eq!(store.line.frame("grant").await["total"], share);
        store
    }

    /// Answers the next ping; the hub has taken that in when this returns.
    async fn answers_ping(&mut self) {
        self.line.answer_ping(self.head.0, 0).await;
    }

    async fn tells(&mut self, body: Value) {
        let (seq, before) = (self.head.0 + 1, self.head.1.map(oneshelf_domain::CommandId));
        let id = Uuid::now_v7();
        let said = self.line.fact((id, self.life), json!([seq, before]), body).await;
        assert_eq!(said, json!({"answer": "accepted"}));
        self.head = (seq, Some(id));
    }

    /// Waits to be asked, and gives so many units back; gives the total that was asked for.
    async fn gives_back(&mut self, quantity: i64) -> Value {
        let target = self.line.frame("recall").await["target"].clone();
        self.tells(json!({"body": "back", "sku": "FLASK", "quantity": quantity})).await;
        target
    }
}

pub(crate) fn sold(share: i64, beyond: i64, number: i64) -> Value {
    let units = share + beyond;
    let price = |n: i64| json!({"minor": 3490 * n, "currency": "EUR"});
    json!({"body": "sale", "lines": [{"sku": "FLASK", "share": share, "beyond": beyond}], "sale": {
        "id": format!("sal_{}", Uuid::now_v7().as_simple()),
        "receipt_number": format!("S07-R1-{number:06}"),
        "register": "S07-R1", "number": number, "cashier": "Ana", "total": price(units),
        "change": price(0), "tenders": [{"kind": "cash", "given": price(units)}],
        "lines": [{"id": format!("lin_{}", Uuid::now_v7().as_simple()), "sku": "FLASK",
            "name": "Flask", "quantity": units, "unit_price": price(1), "total": price(units),
            "tax": "standard"}],
    }})
}

async fn claim(hub: &Hub, key: &str, quantity: i64) -> Said {
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S07", "quantity": quantity}]});
    hub.ask("POST", "/v1/reservations").admin().key(key).json(&lines).send().await
}

async fn promise(hub: &Hub) -> i64 {
    hub.flask_at("S07").await["promise"].as_i64().unwrap()
}

#[tokio::test]
async fn a_claim_takes_what_the_store_gives_back() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 4).await;
    assert_eq!(promise(&hub).await, 10, "the store answers: its share counts");
    // Six are free; the seventh and eighth are asked for.
    let (claimed, target) = tokio::join!(claim(&hub, "k1", 8), store.gives_back(2));
    claimed.ok(201);
    assert_eq!(target, 2);
    // Two are left, and both are the store's: it gives one, which is not what was wanted ...
    hub.app().links.wait_for_share(3_000);
    let (claimed, target) = tokio::join!(claim(&hub, "k2", 2), store.gives_back(1));
    claimed.refused(409, "not_promised_now");
    hub.app().links.wait_for_share(20_000);
    assert_eq!(target, 4);
    // ... and stays free; the same request is asked again, and gets the rest.
    let (claimed, target) = tokio::join!(claim(&hub, "k2", 2), store.gives_back(1));
    claimed.ok(201);
    assert_eq!(target, 4, "what came back meanwhile is not asked for again");
    let now = hub.flask_at("S07").await;
    assert_eq!((&now["available"], &now["store_share"]), (&json!(0), &json!(0)), "{now}");
    claim(&hub, "k3", 1).await.refused(409, "not_enough_available");
    hub.close().await;
}

#[tokio::test]
async fn a_recall_that_goes_unanswered_lowers_the_figure_until_the_next_answered_ping() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    assert_eq!(promise(&hub).await, 10);
    hub.app().links.wait_for_share(2_000);
    claim(&hub, "k1", 1).await.refused(409, "not_promised_now");
    store.line.frame("recall").await;
    assert_eq!(promise(&hub).await, 0, "each shopper would see units that nobody gets");
    // Nobody waits for it meanwhile.
    claim(&hub, "k2", 1).await.refused(409, "not_promised_now");
    store.answers_ping().await;
    assert_eq!(promise(&hub).await, 10);
    hub.app().links.wait_for_share(20_000);
    let (claimed, _) = tokio::join!(claim(&hub, "k1", 1), store.gives_back(1));
    claimed.ok(201);
    hub.close().await;
}

#[tokio::test]
async fn what_was_recalled_for_the_web_is_not_granted_again_at_once() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    let (claimed, _) = tokio::join!(claim(&hub, "k1", 1), store.gives_back(3));
    claimed.ok(201);
    store.answers_ping().await;
    let now = hub.flask_at("S07").await;
    assert_eq!((&now["available"], &now["store_share"]), (&json!(2), &json!(7)), "{now}");
    hub.close().await;
}

#[tokio::test]
async fn a_shopper_who_wants_more_needs_only_the_rest_of_the_store() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    let config = hub.ask("GET", "/v1/public/config").send().await.ok(200);
    let key = config["key"].as_str().unwrap().to_owned();
    let hold = async |quantity: i64| {
        let body = json!({"sku": "FLASK", "location": "S07", "quantity": quantity,
            "shopper": "0123456789abcdef0123456789abcdef"});
        let ask = hub.ask("POST", "/v1/public/holds").header("x-oneshelf-key", &key);
        ask.header("origin", &hub.base).json(&body).send().await
    };
    let (held, _) = tokio::join!(hold(1), store.gives_back(1));
    held.ok(201);
    // Two more are enough: the hold that is replaced frees one.
    let (held, _) = tokio::join!(hold(3), store.gives_back(2));
    held.ok(201);
    let now = hub.flask_at("S07").await;
    let parts = (&now["available"], &now["reserved"], &now["store_share"]);
    assert_eq!(parts, (&json!(0), &json!(3), &json!(7)), "{now}");
    hub.close().await;
}

#[tokio::test]
async fn nothing_is_offered_for_pickup_at_a_dark_store() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 4).await;
    let body = json!({"name": "web", "kind": "secret", "scopes": ["reserve"], "channel": "web"});
    let key = hub.make_key(body).await.1;
    let claim = async |fulfilment: &str, quantity: i64| {
        let body = json!({"fulfilment": fulfilment,
            "lines": [{"sku": "FLASK", "location": "S07", "quantity": quantity}]});
        hub.ask("POST", "/v1/reservations").bearer(&key).json(&body).send().await
    };
    claim("pickup", 1).await.ok(201);
    hub.app().links.skip_ms(limits::DARK_MS + 1);
    claim("pickup", 1).await.refused(409, "not_enough_available");
    // What no store owns is still sent to whoever buys it; the share of the dark one is not.
    claim("shipping", 6).await.refused(409, "not_promised_now");
    claim("shipping", 5).await.ok(201);
    store.answers_ping().await;
    let (claimed, target) = tokio::join!(claim("pickup", 1), store.gives_back(1));
    claimed.ok(201);
    assert_eq!(target, 1);
    hub.close().await;
}

#[tokio::test]
async fn an_agent_that_connects_anew_gets_nothing_back_that_was_recalled_for_the_web() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    hub.put("/v1/policies/share/S07/LAMP", json!({"quantity": 2})).await.ok(200);
    let lamps = json!({"body": "in", "sku": "LAMP", "quantity": 5, "to_share": false,
        "source": "supplier"});
    store.tells(lamps).await;
    assert_eq!(store.line.frame("grant").await["sku"], "LAMP");
    let (claimed, _) = tokio::join!(claim(&hub, "k1", 1), store.gives_back(3));
    claimed.ok(201);
    let lease = store.line.session.clone();
    store.line = Line::open(&hub, agent).await;
    let mut hello = hello(store.life, lease, json!({"epoch": 0, "version": 0}));
    hello["last"] = json!(store.head.0);
    store.line.say_hello(&hello).await;
    // What else lacks share is found by the look at the whole shelf, in which the flasks are too.
    hub.put("/v1/policies/share/S07/LAMP", json!({"quantity": 4})).await.ok(200);
    let grant = store.line.frame("grant").await;
    assert_eq!((&grant["sku"], &grant["total"]), (&json!("LAMP"), &json!(4)), "{grant}");
    store.answers_ping().await;
    let now = hub.flask_at("S07").await;
    assert_eq!((&now["available"], &now["store_share"]), (&json!(2), &json!(7)), "{now}");
    // Nobody came back for them.
    hub.app().links.skip_ms(limits::RECALL_KEPT_MS);
    let grant = store.line.frame("grant").await;
    assert_eq!((&grant["sku"], &grant["total"]), (&json!("FLASK"), &json!(12)), "{grant}");
    hub.close().await;
}

#[tokio::test]
async fn a_debt_and_a_percentage_call_share_back_without_a_claim() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 2).await;
    claim(&hub, "k1", 8).await.ok(201);
    // One unit more than the share was carried out: it was promised, and two are the store's.
    store.tells(sold(0, 1, 1)).await;
    let (target, now) = (store.gives_back(1).await, hub.flask_at("S07").await);
    assert_eq!((target, &now["store_share"], &now["reserved"]), (json!(1), &json!(1), &json!(8)));
    hub.put("/v1/policies/share/S07/*", json!({"rule": "percent", "quantity": 50})).await.ok(200);
    store.tells(goods_in(9)).await;
    assert_eq!(store.line.frame("grant").await["total"], 6, "half of ten");
    store.tells(sold(0, 5, 2)).await;
    let target = store.line.frame("recall").await["target"].clone();
    assert_eq!(target, 3, "half of five is three, and one came back before");
    hub.close().await;
}

#[tokio::test]
async fn another_hub_of_the_database_recalls_too() {
    let hub = Hub::open().await;
    if hub.is_file() {
        return hub.close().await;
    }
    let mut options = hub.options();
    let any = "127.0.0.1:0".parse().unwrap();
    (options.listen, options.admin_listen) = (any, any);
    let other = start(options, wall_clock()).await.unwrap();
    other.app.links.wait_for_share(20_000);
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    let code = "S07".parse().unwrap();
    let s07 = other.app.seen().records.location(&code).unwrap().no;
    // The other hub hears of each answered ping.
    for _ in 0..10 {
        if other.app.links.age_ms(s07).is_some() {
            break;
        }
        store.answers_ping().await;
    }
    let url = format!("http://{}/v1/reservations", other.address);
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S07", "quantity": 1}]});
    let asked = hub.at(&url).admin().json(&lines).send();
    let (claimed, target) = tokio::join!(asked, store.gives_back(1));
    claimed.ok(201);
    assert_eq!(target, 1);
    other.stop().await;
    hub.close().await;
}

#[tokio::test]
async fn what_many_want_at_once_is_recalled_together() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    let keys: Vec<String> = (0..10).map(|n| format!("many-{n}")).collect();
    let claims = futures_util::future::join_all(keys.iter().map(|key| claim(&hub, key, 1)));
    let (mut returned, mut asked) = (0, 0);
    let gives = async {
        loop {
            let target = store.line.frame("recall").await["target"].as_i64().unwrap();
            asked += 1;
            if target > returned {
                let quantity = target - returned;
                let back = json!({"body": "back", "sku": "FLASK", "quantity": quantity});
                store.tells(back).await;
                returned = target;
            }
        }
    };
    let claims = tokio::select! {
        claims = claims => claims,
        () = gives => unreachable!("it gives as long as it is asked"),
    };
    claims.into_iter().for_each(|claimed| drop(claimed.ok(201)));
    // One for each claim after each that came before it would be 55.
    assert!(asked <= 30, "{asked} questions for ten claims");
    let now = hub.flask_at("S07").await;
    assert_eq!((&now["available"], &now["reserved"]), (&json!(0), &json!(10)), "{now}");
    hub.close().await;
}

#[tokio::test]
async fn an_order_that_is_given_up_waits_for_its_stores_word() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 1).await;
    let free = async || {
        let now = hub.flask_at("S07").await;
        (now["available"].as_i64().unwrap(), now["reserved"].as_i64().unwrap())
    };
    let step = async |path: &str, name: &str| hub.post(&format!("{path}/{name}"), json!({})).await;
    let mut paths = vec![];
    for key in ["k1", "k2"] {
        let made = claim(&hub, key, 2).await.ok(201);
        let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
        assert_eq!(step(&path, "release").await.ok(200)["state"], "releasing");
        assert_eq!(step(&path, "release").await.ok(200)["state"], "releasing");
        step(&path, "commit").await.refused(409, "reservation_state");
        paths.push((path, made["id"].clone()));
    }
    assert_eq!(free().await, (5, 4), "the store may be handing them over");
    let body =
        |kind: &str, id: &Value| json!({"body": kind, "reservation": id, "lines": [["FLASK", 2]]});
    store.tells(body("released", &paths[0].1)).await;
    assert_eq!(hub.get(&paths[0].0).await.ok(200)["state"], "released");
    assert_eq!(free().await, (7, 2));
    // The other one was given to its shopper before the store heard of it.
    store.tells(body("handover", &paths[1].1)).await;
    store.tells(body("released", &paths[1].1)).await;
    assert_eq!(hub.get(&paths[1].0).await.ok(200)["state"], "consumed");
    assert_eq!(free().await, (7, 0));
    let notices = hub.get("/v1/notices").await.ok(200).to_string();
    assert!(notices.contains("handover_of_cancelled"), "{notices}");
    hub.close().await;
}

#[tokio::test]
async fn the_parts_of_a_kit_are_asked_for_together() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent, 10).await;
    let components = json!([{"sku": "FLASK", "quantity": 2}, {"sku": "LAMP", "quantity": 1}]);
    let body = json!({"name": "Camping set", "components": components});
    hub.put("/v1/items/SET", body).await.ok(200);
    let lamps = json!({"body": "in", "sku": "LAMP", "quantity": 3, "to_share": false,
        "source": "supplier"});
    store.tells(lamps).await;
    assert_eq!(store.line.frame("grant").await["sku"], "LAMP");
    let lines = json!({"lines": [{"sku": "SET", "location": "S07", "quantity": 3}]});
    let claim = hub.ask("POST", "/v1/reservations").admin().key("k1").json(&lines).send();
    let mut asked = vec![];
    let gives = async {
        // Both questions come before anything is given.
        for _ in 0..2 {
            let recall = store.line.frame("recall").await;
            asked.push((recall["sku"].clone(), recall["target"].as_i64().unwrap()));
        }
        for (sku, quantity) in asked.clone() {
            store.tells(json!({"body": "back", "sku": sku, "quantity": quantity})).await;
        }
    };
    let (claimed, ()) = tokio::join!(claim, gives);
    let claimed = claimed.ok(201);
    asked.sort_by_key(|(_, units)| *units);
    assert_eq!(asked, [(json!("LAMP"), 3), (json!("FLASK"), 6)]);
    assert_eq!(claimed["lines"][0]["kit"], json!({"sku": "SET", "quantity": 3}));
    hub.close().await;
}
