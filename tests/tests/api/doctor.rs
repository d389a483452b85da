//! What the doctors find, beside programs at work and in things that were broken on purpose.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oneshelf_hardware::sim::PrinterSim;
use oneshelf_hub::doctor::{Asked, examine};
use oneshelf_hub::http::Proxy;
use oneshelf_hub::serve::Options;
use oneshelf_hub::tls::Files;
use oneshelf_pos_agent::doctor as store_doctor;
use oneshelf_pos_agent::{enrol, serve};
use oneshelf_protocol::report::{Report, Verdict};
use serde_json::json;

use crate::support::Hub;
use crate::tls::{Authority, ENDED, GOOD, hub_with_tls};

/// The verdict of a check and its words.
#[track_caller]
fn of<'a>(report: &'a Report, name: &str) -> (Verdict, &'a str) {
    let found = report.checks.iter().find(|check| check.name == name);
    let check = found.unwrap_or_else(|| panic!("no check {name}: {}", report.table()));
    // Whoever is told that something is wrong is told what to do.
    assert_eq!(check.verdict >= Verdict::Warn, !check.todo.is_empty(), "{check:?}");
    (check.verdict, &check.found)
}

#[track_caller]
fn is_bad(report: &Report, name: &str, words: &str) {
    let (verdict, found) = of(report, name);
    assert!(verdict == Verdict::Bad && found.contains(words), "{name}: {found}");
    assert!(!report.is_well());
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_hub_at_work_is_well() {
    let (hub, authority) = hub_with_tls().await;
    let options = Options { public_url: Some(hub.base.clone()), ..hub.options() };
    let asked = Asked {
        backups: Some(authority.folder.clone()),
        hub_ca: Some(authority.ca()),
        secret: Some(hub.admin.clone()),
    };
    let report = examine(&options, &asked).await;
    assert!(report.is_well(), "{}", report.table());
    for name in [
        "database",
        "database.tables",
        "hub",
        "clock",
        "notices",
        "rejected",
        "keys",
        "keys.file",
        "witness",
        "backups",
        "tls",
        "tls.end",
        "tls.chain",
        "running",
        "public_url",
        "stores",
    ] {
        assert_eq!(of(&report, name).0, Verdict::Ok, "{}", report.table());
    }
    // Beside it stands an agent that never came.
    let code = crate::enrolment::code(&hub).await;
    crate::enrolment::redeem(&hub, &code, crate::enrolment::PUBLIC_KEY).await.ok(200);
    let report = examine(&options, &asked).await;
    assert_eq!(of(&report, "stores").0, Verdict::Warn);
    assert!(of(&report, "stores.link").1.contains("S07"), "{}", report.table());
    hub.close().await;
}

#[tokio::test]
async fn what_a_hub_stands_on_is_looked_at_piece_by_piece() {
    let mut hub = Hub::open().await;
    let options = hub.options();
    let nothing = Asked::default();
    let keys = options.data.clone().unwrap();
    mode(&keys.join("secrets.json"), 0o644);
    mode(&keys, 0o755);
    let report = examine(&options, &nothing).await;
    is_bad(&report, "keys.file", "mode 644");
    is_bad(&report, "keys", "mode 755");
    std::fs::remove_file(keys.join("secrets.json")).unwrap();
    is_bad(&examine(&options, &nothing).await, "keys.file", "secrets.json");
    // Not running: are its addresses free?
    let Options { listen, admin_listen, .. } = options.clone();
    hub.halt().await;
    let taken = std::net::TcpListener::bind(listen).unwrap();
    let report = examine(&options, &nothing).await;
    assert_eq!(of(&report, "running").0, Verdict::NotChecked);
    is_bad(&report, "listen", &listen.to_string());
    assert_eq!(of(&report, "admin_listen").0, Verdict::Ok);
    drop(taken);
    let open = Options { listen: "0.0.0.0:0".parse().unwrap(), ..options.clone() };
    assert_eq!(of(&examine(&open, &nothing).await, "tls").0, Verdict::Warn);
    let open = Options { proxy: Proxy::None, ..open };
    is_bad(&examine(&open, &nothing).await, "tls", "UNENCRYPTED");
    // Something else where the operator looks.
    let (stranger, _authority) = hub_with_tls().await;
    let elsewhere = Options { admin_listen: stranger.options().listen, ..options.clone() };
    is_bad(&examine(&elsewhere, &nothing).await, "running", "something else");
    let other =
        Options { admin_listen, public_url: Some(stranger.base.clone()), ..options.clone() };
    let asked = Asked { hub_ca: Some(_authority.ca()), ..Asked::default() };
    is_bad(&examine(&other, &asked).await, "public_url", "another hub");
    stranger.close().await;
    hub.close().await;
}

#[tokio::test]
async fn a_database_that_a_hub_would_refuse_is_found_before() {
    let hub = Hub::open().await;
    let nothing = Asked::default();
    let with = |database: &str| Options { database: database.to_owned(), ..hub.options() };
    let report = examine(&with("postgres://127.0.0.1:1/x?host=/nowhere"), &nothing).await;
    is_bad(&report, "database", "");
    let report = examine(&with("sqlite:/nowhere/hub.db"), &nothing).await;
    assert_eq!(of(&report, "database").0, Verdict::Warn);
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, \
        execution_time) select 9999, 'x', success, checksum, 0 from _sqlx_migrations \
        where version = 1 returning description";
    assert_eq!(hub.texts(newer).await, ["x"]);
    is_bad(&examine(&hub.options(), &nothing).await, "database.tables", "newer hub");
    hub.texts("delete from _sqlx_migrations where version = 9999 returning description").await;
    // A clock that went back.
    let later = "update head set recorded_at = recorded_at + 3600000000 returning hash";
    assert_eq!(hub.texts(later).await.len(), 1);
    is_bad(&examine(&hub.options(), &nothing).await, "clock", "to come");
    hub.close().await;
}

#[tokio::test]
async fn certificates_are_judged_before_anybody_meets_them() {
    let hub = Hub::open().await;
    let authority = Authority::new();
    let asked = Asked { hub_ca: Some(authority.ca()), ..Asked::default() };
    let with = |files: Files| Options {
        tls: Some(files),
        public_url: Some("https://hub.example".into()),
        ..hub.options()
    };
    let report = examine(&with(authority.sign(&["hub.example"], GOOD)), &asked).await;
    assert_eq!(of(&report, "tls.chain").0, Verdict::Ok, "{}", report.table());
    // It cannot be reached by that name from here.
    assert_eq!(of(&report, "public_url").0, Verdict::Warn);
    let report = examine(&with(authority.sign(&["hub.example"], GOOD)), &Asked::default()).await;
    is_bad(&report, "tls.chain", "Harbour Goods root");
    let report = examine(&with(authority.sign(&["other.example"], GOOD)), &asked).await;
    is_bad(&report, "tls.chain", "not valid for name");
    let report = examine(&with(authority.sign(&["hub.example"], ENDED)), &asked).await;
    is_bad(&report, "tls.end", "it ended");
    let files = authority.sign(&["hub.example"], GOOD);
    mode(&files.key, 0o604);
    is_bad(&examine(&with(files.clone()), &asked).await, "tls", "mode 604");
    mode(&files.key, 0o600);
    std::fs::write(&files.key, authority.pair(&["hub.example"], GOOD).1).unwrap();
    is_bad(&examine(&with(files), &asked).await, "tls", "do not fit");
    hub.close().await;
}

#[tokio::test]
async fn backups_have_an_age() {
    let hub = Hub::open().await;
    let folder = std::env::temp_dir().join(format!("oneshelf-backups-{}", uuid::Uuid::now_v7()));
    let asked = Asked { backups: Some(folder.clone()), ..Asked::default() };
    is_bad(&examine(&hub.options(), &asked).await, "backups", "backups-");
    std::fs::create_dir(&folder).unwrap();
    is_bad(&examine(&hub.options(), &asked).await, "backups", "none in");
    let file = std::fs::File::create(folder.join("hub.sqlite")).unwrap();
    let report = examine(&hub.options(), &asked).await;
    assert_eq!(of(&report, "backups").0, Verdict::Ok);
    for (hours, verdict) in [(30, Verdict::Warn), (200, Verdict::Bad)] {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3_600);
        file.set_modified(then).unwrap();
        assert_eq!(of(&examine(&hub.options(), &asked).await, "backups").0, verdict);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    hub.close().await;
}

/// An agent that joined a hub with TLS, its printer, and what its doctor is told.
struct Store {
    hub: Hub,
    authority: Authority,
    printer: PrinterSim,
    asked: store_doctor::Asked,
}

impl Store {
    async fn open() -> Self {
        let (hub, authority) = hub_with_tls().await;
        let code = crate::enrolment::code(&hub).await;
        let (data, ca) = (authority.folder.join("agent"), authority.ca());
        let at = enrol::Hub { url: &hub.base, ca: Some(&ca) };
        enrol::enrol(&data, at, &code, "quay").await.unwrap();
        let printer = PrinterSim::bind("127.0.0.1:0").await.unwrap();
        let scanner = authority.folder.join("scanner");
        std::fs::write(&scanner, "").unwrap();
        let asked = store_doctor::Asked {
            data,
            hub: None,
            hub_ca: Some(ca),
            listen: "127.0.0.1:0".parse().unwrap(),
            printer: Some(format!("tcp://{}", printer.address())),
            scanner: Some(scanner.display().to_string()),
        };
        Self { hub, authority, printer, asked }
    }

    async fn look(&self) -> Report {
        store_doctor::examine(&self.asked).await
    }

    async fn start(&mut self) -> serve::Running {
        let running = serve::start(serve::Options {
            data: self.asked.data.clone(),
            hub: None,
            hub_ca: self.asked.hub_ca.clone(),
            transport: serve::Transport::WebSocket,
            listen: "127.0.0.1:0".parse().unwrap(),
            to_other_machines: false,
            printer: self.asked.printer.clone(),
            paper: serve::Paper::default(),
            scanner: None,
            scale: None,
            patterns: vec![],
            hosts: vec![],
            language: serve::Language::En,
        });
        let running = running.await.unwrap();
        self.asked.listen = running.address();
        running
    }
}

#[tokio::test]
async fn a_store_is_well_at_rest_and_at_work() {
    let mut store = Store::open().await;
    let report = store.look().await;
    assert!(report.is_well(), "{}", report.table());
    for name in [
        "folder",
        "key",
        "pepper",
        "database",
        "unsent",
        "enrolled",
        "hub.connection",
        "hub.tls",
        "hub",
        "clock",
        "credential",
        "printer",
        "scanner",
        "listen",
    ] {
        assert_eq!(of(&report, name).0, Verdict::Ok, "{}", report.table());
    }
    let running = store.start().await;
    let linked = async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            let report = store.look().await;
            let word = |name: &str| of(&report, name).0 == Verdict::Ok;
            if word("running") && word("link") && word("printer") {
                return report;
            }
            pause.tick().await;
        }
    };
    let time = std::time::Duration::from_secs(60);
    let report = tokio::time::timeout(time, linked).await.expect("it says that it is linked");
    assert!(report.is_well(), "{}", report.table());
    assert_eq!(of(&report, "scanner").0, Verdict::NotChecked);
    running.stop().await;
    store.hub.close().await;
}

#[tokio::test]
async fn the_way_to_the_hub_is_looked_at_step_by_step() {
    let mut store = Store::open().await;
    let asked = store.asked.clone();
    let stranger = Authority::new();
    store.asked.hub_ca = Some(stranger.ca());
    is_bad(&store.look().await, "hub.tls", "invalid peer certificate");
    store.asked.hub_ca = asked.hub_ca.clone();
    store.asked.hub = Some("https://localhost:1".into());
    is_bad(&store.look().await, "hub.connection", "refused");
    store.asked.hub = Some("https://nowhere.invalid".into());
    is_bad(&store.look().await, "hub.name", "nowhere.invalid");
    store.asked.hub = Some("nonsense".into());
    is_bad(&store.look().await, "hub", "http://");
    let plain = store.hub.base.replace("https", "http");
    store.asked.hub = Some(plain);
    is_bad(&store.look().await, "hub", "400");
    let other = Hub::open().await;
    store.asked.hub = Some(other.base.clone());
    is_bad(&store.look().await, "hub", "not the one that was joined");
    other.close().await;
    store.asked = asked;
    assert!(store.look().await.is_well());
    let agents = store.hub.get("/v1/agents").await.ok(200);
    let id = agents["agents"][0]["id"].as_str().unwrap().to_owned();
    store.hub.delete(&format!("/v1/agents/{id}")).await.ok(204);
    is_bad(&store.look().await, "credential", "revoked");
    store.hub.close().await;
}

#[tokio::test]
async fn folder_database_and_devices_of_a_store_are_looked_at() {
    let mut store = Store::open().await;
    let data = store.asked.data.clone();
    store.printer.set_cover_open(true);
    is_bad(&store.look().await, "printer", "CoverOpen");
    store.asked.printer = Some("tcp://127.0.0.1:1".into());
    is_bad(&store.look().await, "printer", "no connection");
    store.asked.printer = Some("nonsense".into());
    is_bad(&store.look().await, "printer", "nonsense");
    store.asked.scanner = Some("/dev/serial/by-id/none".into());
    is_bad(&store.look().await, "scanner", "No such file");
    mode(&data, 0o750);
    mode(&data.join("agent.key"), 0o640);
    let report = store.look().await;
    is_bad(&report, "folder", "mode 750");
    is_bad(&report, "key", "mode 640");
    mode(&data, 0o700);
    std::fs::remove_file(data.join("agent.pepper")).unwrap();
    is_bad(&store.look().await, "pepper", "No such file");
    let file = data.join("agent.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    // Of every page behind the first its head.
    for at in (4_096..bytes.len()).step_by(4_096) {
        bytes[at..at + 16].fill(0xa5);
    }
    std::fs::write(&file, bytes).unwrap();
    is_bad(&store.look().await, "database", "");
    let empty = store_doctor::Asked { data: store.authority.folder.join("none"), ..store.asked };
    let report = store_doctor::examine(&empty).await;
    is_bad(&report, "folder", "No such file");
    is_bad(&report, "enrolled", "has not joined");
    assert!(!empty.data.exists(), "a doctor makes nothing");
    store.hub.close().await;
}

#[tokio::test]
async fn the_programs_print_what_was_found_and_end_by_it() {
    let hub = Hub::open().await;
    let options = hub.options();
    let words = |json: bool| {
        let mut words = vec!["doctor".to_owned()];
        for (flag, value) in [
            ("--database", options.database.clone()),
            ("--data", options.data.as_ref().unwrap().display().to_string()),
            ("--listen", options.listen.to_string()),
            ("--admin-listen", options.admin_listen.to_string()),
        ] {
            words.extend([flag.to_owned(), value]);
        }
        words.extend(json.then(|| "--json".to_owned()));
        words
    };
    let (well, said) = crate::cli::ends("hub", &words(false)).await;
    assert!(well && said.contains("ok    running") && said.contains(" 0 bad,"), "{said}");
    let (well, said) = crate::cli::ends("hub", &words(true)).await;
    let report: Report = serde_json::from_str(&said).unwrap();
    assert!(well && report.is_well(), "{said}");
    mode(&options.data.as_ref().unwrap().join("secrets.json"), 0o644);
    let (well, said) = crate::cli::ends("hub", &words(false)).await;
    assert!(!well && said.contains("BAD") && said.contains("chmod 600"), "{said}");
    let agent = ["doctor", "--data", "/proc/none", "--listen", "127.0.0.1:0"].map(str::to_owned);
    let (well, said) = crate::cli::ends("pos-agent", &agent).await;
    assert!(!well && said.contains("BAD   folder") && said.contains("-> "), "{said}");
    hub.close().await;
}

#[tokio::test]
async fn notices_and_rejected_facts_are_said() {
    let hub = Hub::open().await;
    let made = "insert into rejected_frame (id, agent, location, code, frame, recorded_at) \
        select 'x', 'agt', 1, 'unreadable', '{}', recorded_at from head returning id";
    assert_eq!(hub.texts(made).await, ["x"]);
    let report = examine(&hub.options(), &Asked::default()).await;
    assert_eq!(of(&report, "rejected").0, Verdict::Warn);
    assert!(of(&report, "rejected").1.starts_with("1 facts"), "{}", json!(report));
    let settled = "update rejected_frame set settled_at = 1 returning id";
    assert_eq!(hub.texts(settled).await, ["x"]);
    let report = examine(&hub.options(), &Asked::default()).await;
    assert_eq!(of(&report, "rejected").0, Verdict::Ok);
    // Before an upgrade the new build looks at the old tables.
    for sql in [
        "alter table rejected_frame drop column settled_at",
        "delete from _sqlx_migrations where version = 10",
    ] {
        assert!(hub.texts(sql).await.is_empty());
    }
    let report = examine(&hub.options(), &Asked::default()).await;
    assert!(of(&report, "rejected").1.starts_with("1 facts"), "{}", json!(report));
    hub.close().await;
}
