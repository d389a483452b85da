//! What the programs write to their logs when they are told hostile things: one line an event, no
//! secret, nothing of the shape of a card number; neither in the tables.

use std::path::{Path, PathBuf};

use oneshelf_tests::chaos::client::{Ask, Caller};
use oneshelf_tests::chaos::programs::{Program, Running, find};
use oneshelf_tests::chaos::register::Register;
use oneshelf_tests::database::{Database, on_postgres};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FORGED: &str =
    "Tea\n2026-01-01T00:00:00.000000Z ERROR oneshelf_hub: forged\r\u{1b}[2J\u{202e}";
/// Test numbers of card networks, as a card's track and as typed.
const TRACK: &str = ";4111111111111111=25121011000012300000?";
const TYPED: &str = "5555555555554444";
const PASSWORD: &str = "correct horse battery";
const PIN: &str = "907163";
const WRONG_PIN: &str = "318264";

/// The two programs, their folder, and every secret that they were told or told.
struct World {
    folder: PathBuf,
    database: Database,
    hub: Running,
    agent: Running,
    base: String,
    pages: String,
    secrets: Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn program(folder: &Path, name: &str, file: &str, arguments: Vec<String>) -> Program {
    Program {
        name: name.to_owned(),
        file: match std::env::var_os("ONESHELF_BIN") {
            Some(_) => find(file).unwrap(),
            None => std::env::current_exe().unwrap().parent().unwrap().with_file_name(file),
        },
        arguments,
        logs: folder.to_owned(),
        environment: vec![],
    }
}

fn address(line: &str) -> String {
    line.split(' ').find(|word| word.starts_with("http")).unwrap().to_owned()
}

/// Goods with a hostile title, in a store without an agent as yet.
async fn stock(admin: &Caller) {
    let item = json!({"name": FORGED, "barcodes": ["5391520940118"],
        "price": {"minor": 450, "currency": "EUR"}});
    admin.need(&Ask::put("/v1/items/TEA", &item)).await.unwrap();
    let body = json!({"location": "S07", "lines": [{"sku": "TEA", "quantity": 5}],
        "reference": FORGED});
    admin
        .need(&Ask::post("/v1/stock/receive", FORGED.split('\n').next().unwrap(), &body))
        .await
        .unwrap();
}

impl World {
    async fn open(format: &str) -> Self {
        let database = Database::fresh().await;
        let folder = std::env::temp_dir().join(format!("oneshelf-logs-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let url = database.url();
        let setup = format!(
            "setup --database {url} --name Harbour --currency EUR --zone Europe/Dublin \
             --location S07 --location-name Quay"
        );
        let said = program(&folder, "setup", "hub", words(&setup)).output().await.unwrap();
        let admin = said.trim().rsplit(' ').next().unwrap().to_owned();
        let serve = format!(
            "serve --database {url} --data {}/keys --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
             --tries-per-minute 100000 --log trace --log-format {format}",
            folder.display()
        );
        let hub = program(&folder, "hub", "hub", words(&serve)).start_sound().await.unwrap();
        let base = address(&hub.ready_line);
        let bearer = |secret: &str| ("authorization", format!("Bearer {secret}"));
        let caller = Caller::new(&base, Some(bearer(&admin))).unwrap();
        stock(&caller).await;
        let made = json!({"location": "S07"});
        let made = caller.need(&Ask::say("/v1/enrolments", &made)).await.unwrap();
        let code = made["code"].as_str().unwrap().to_owned();
        let data = folder.join("agent").display().to_string();
        let enrol = format!("enrol --data {data} --hub {base} --code {code} --log trace");
        program(&folder, "enrol", "pos-agent", words(&enrol)).output().await.unwrap();
        let serve =
            format!("serve --data {data} --listen 127.0.0.1:0 --log trace --log-format {format}");
        let agent =
            program(&folder, "agent", "pos-agent", words(&serve)).start_sound().await.unwrap();
        let pages = address(&agent.ready_line);
        let mut secrets = vec![admin, code, PASSWORD.to_owned()];
        for file in ["agent/agent.key", "agent/agent.pepper"] {
            secrets.push(std::fs::read_to_string(folder.join(file)).unwrap().trim().to_owned());
        }
        let kept = std::fs::read(folder.join("keys/secrets.json")).unwrap();
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        secrets.extend(kept.as_object().unwrap().values().map(|v| v.as_str().unwrap().to_owned()));
        Self { folder, database, hub, agent, base, pages, secrets }
    }

    fn admin(&self) -> Caller {
        let header = ("authorization", format!("Bearer {}", self.secrets[0]));
        Caller::new(&self.base, Some(header)).unwrap()
    }

    /// Hostile settings, wrong secrets, broken requests.
    async fn tell_the_hub(&mut self) {
        let admin = self.admin();
        admin.need(&Ask::put("/v1/registers/S07/R1", &json!({"name": "R"}))).await.unwrap();
        let ana = json!({"name": "Ana", "role": "manager", "locations": ["S07"], "pin": PIN,
            "password": PASSWORD});
        admin.need(&Ask::put("/v1/staff/ana", &ana)).await.unwrap();
        let key = json!({"name": FORGED, "kind": "secret", "scopes": ["stock:read"]});
        let key = admin.need(&Ask::say("/v1/keys", &key)).await.unwrap();
        self.secrets.push(key["secret"].as_str().unwrap().to_owned());
        let nobody = Caller::new(&self.base, None).unwrap();
        let right = json!({"staff": "ana", "password": PASSWORD});
        let said = nobody.once(&Ask::say("/v1/session", &right)).await.unwrap();
        let cookie = said.cookie.unwrap();
        self.secrets.push(cookie.split_once('=').unwrap().1.to_owned());
        let wrong = json!({"staff": "ana\nforged", "password": "wrong-password-osk_x"});
        nobody.once(&Ask::say("/v1/session", &wrong)).await.unwrap();
        let host = self.base.strip_prefix("http://").unwrap();
        let guess = format!("osk_{}", "Zq7-".repeat(11));
        for request in [
            format!(
                "GET /v1/items/%0aERROR%20forged%1b HTTP/1.1\r\nhost: {host}\r\n\
                connection: close\r\nauthorization: Bearer {guess}\r\n\r\n"
            ),
            format!(
                "GET /v1/barcodes/{TYPED} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
                authorization: Bearer {}\r\n\r\n",
                self.secrets[0]
            ),
            format!(
                "GET /v1/agent/link HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: \
                AAAAAAAAAAAAAAAAAAAAAA==\r\nauthorization: Agent agt_{}.1.{}.{}\r\n\r\n",
                "0f".repeat(16),
                "0f".repeat(16),
                "0f".repeat(64)
            ),
            format!("\u{1b}[31mBAD\n\nERROR forged {guess}\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(host).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
            // Whatever it answers: here only what it notes counts.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        self.secrets.push(guess);
    }

    /// A cashier, a wrong PIN, a card over the scanner, a sale.
    async fn tell_the_agent(&mut self) {
        let caller = Caller::new(&self.pages, None).unwrap();
        let mut register = Register::new(caller.clone(), "R1", ("ana", PIN));
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(20));
        let opening = async {
            while register.open().await.is_err() || register.here("TEA").await.is_err() {
                pause.tick().await;
            }
        };
        let time = std::time::Duration::from_secs(60);
        tokio::time::timeout(time, opening).await.expect("the store's rows arrive");
        let wrong = json!({"register": "R1", "staff": "ana", "pin": WRONG_PIN});
        let said = caller.once(&Ask::say("/api/sign-in", &wrong)).await.unwrap();
        assert_eq!(said.status, 401, "{}", said.body);
        for code in [TRACK, TYPED, FORGED] {
            let said = register.scan(code).await;
            assert!(said.is_err(), "{code}: {said:?}");
        }
        let ticket = register.scan("5391520940118").await.unwrap();
        register.pay(&ticket, "pay", true).await.unwrap().unwrap();
        let cookies = register.caller().header().unwrap_or_default();
        self.secrets.push(cookies.split_once('=').unwrap().1.to_owned());
    }

    /// Every text of every table, the agent's too.
    async fn tables(&self) -> Vec<(String, String)> {
        let mut found =
            of_sqlite(&format!("sqlite:{}/agent/agent.sqlite", self.folder.display())).await;
        found.extend(match on_postgres() {
            true => of_postgres(self.database.url()).await,
            false => of_sqlite(self.database.url()).await,
        });
        found
    }

    async fn close(self) -> Vec<(String, String)> {
        self.agent.stop().await.unwrap();
        self.hub.stop().await.unwrap();
        let logs = ["hub.log", "agent.log"].map(|name| {
            let bytes = std::fs::read(self.folder.join(name)).unwrap();
            (name.to_owned(), String::from_utf8(bytes).unwrap())
        });
        std::fs::remove_dir_all(&self.folder).unwrap();
        logs.to_vec()
    }
}

const NOT_OURS: &str = "_sqlx_migrations";

async fn of_sqlite(url: &str) -> Vec<(String, String)> {
    let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c \
         where m.type = 'table' and c.type = 'text' and m.name not like '%fts%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    let mut found = vec![];
    for (table, column) in columns.into_iter().filter(|(table, _)| table != NOT_OURS) {
        let sql = AssertSqlSafe(format!("select \"{column}\" from \"{table}\""));
        let texts: Vec<Option<String>> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
        found.extend(texts.into_iter().flatten().map(|t| (format!("{table}.{column}"), t)));
    }
    found
}

async fn of_postgres(url: &str) -> Vec<(String, String)> {
    let mut db = sqlx::PgConnection::connect(url).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text from information_schema.columns \
         where table_schema = 'public' and data_type = 'text'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    let mut found = vec![];
    for (table, column) in columns.into_iter().filter(|(table, _)| table != NOT_OURS) {
        let sql = AssertSqlSafe(format!("select \"{column}\" from \"{table}\""));
        let texts: Vec<Option<String>> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
        found.extend(texts.into_iter().flatten().map(|t| (format!("{table}.{column}"), t)));
    }
    found
}

/// Runs of digits that a card could have: a network's prefix, its length, and the check digit.
fn card_numbers(text: &str) -> Vec<&str> {
    let digits = text.split(|c: char| !c.is_ascii_alphanumeric());
    digits.filter(|run| run.bytes().all(|b| b.is_ascii_digit()) && is_card(run)).collect()
}

fn is_card(run: &str) -> bool {
    let begins = |from: usize, to: usize, length: usize| {
        run.get(..length)
            .and_then(|head| head.parse::<usize>().ok())
            .is_some_and(|head| (from..=to).contains(&head))
    };
    let network = match run.len() {
        14 => begins(300, 305, 3) || begins(36, 36, 2) || begins(38, 39, 2),
        15 => begins(34, 34, 2) || begins(37, 37, 2),
        16 => {
            begins(4, 4, 1)
                || begins(51, 55, 2)
                || begins(2221, 2720, 4)
                || begins(6011, 6011, 4)
                || begins(644, 659, 3)
                || begins(3528, 3589, 4)
        }
        19 => begins(4, 4, 1),
        _ => false,
    };
    let sum: u32 = run
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0') << (at % 2);
            digit / 10 + digit % 10
        })
        .sum();
    network && sum.is_multiple_of(10)
}

#[test]
fn numbers_of_cards_are_known_and_those_of_goods_are_not() {
    let known = card_numbers("x 4111111111111111 378282246310005,5555555555554444;30569309025904");
    assert_eq!(known.len(), 4, "{known:?}");
    assert!(
        card_numbers("5391520940118 4006381333931 4111111111111112 a4111111111111111").is_empty()
    );
}

/// What a program wrote: events alone, one a line, without secrets or cards.
fn judge(format: &str, (name, log): &(String, String), secrets: &[String]) {
    assert!(log.lines().count() > 3, "{name} says something: {log}");
    for line in log.lines() {
        let begins_well = match format {
            "json" => {
                let event: Value = serde_json::from_str(line).expect(line);
                let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].map(Value::from);
                event["timestamp"].is_string() && levels.contains(&event["level"])
            }
            _ => line.len() > 27 && line.as_bytes()[4] == b'-' && line.as_bytes()[26] == b'Z',
        };
        assert!(begins_well, "{name}: {line}");
        let level = line.split_whitespace().nth(1);
        assert!(!(level == Some("ERROR") && line.contains(": forged")), "{name}: {line}");
    }
    assert!(!log.contains(['\u{1b}', '\r', '\u{202e}']), "{name}: {log}");
    for secret in secrets {
        assert!(!log.contains(secret.as_str()), "{name} holds {secret}");
    }
    // Not the fraction of a second that happens to be the same.
    let words = log.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let pins: Vec<&str> = words.filter(|word| [PIN, WRONG_PIN].contains(word)).collect();
    assert_eq!(pins, Vec::<&str>::new(), "{name} holds a PIN");
    assert_eq!(card_numbers(log), Vec::<&str>::new(), "{name}");
}

async fn hostile(format: &str) {
    let mut world = World::open(format).await;
    world.tell_the_hub().await;
    world.tell_the_agent().await;
    let secrets = world.secrets.clone();
    for (place, text) in world.tables().await {
        assert_eq!(card_numbers(&text), Vec::<&str>::new(), "{place}");
        // The agent keeps its key and pepper beside its tables, sessions nowhere, codes as hashes.
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} holds {secret}");
        }
    }
    let logs = world.close().await;
    for log in &logs {
        judge(format, log, &secrets);
    }
    let hub = &logs[0].1;
    assert!(hub.contains("principal") && hub.contains("command") && hub.contains("req_"), "{hub}");
}

#[tokio::test]
async fn hostile_words_forge_no_line_and_no_secret_is_logged() {
    hostile("text").await;
}

#[tokio::test]
async fn the_same_holds_for_machines() {
    hostile("json").await;
}

#[tokio::test]
async fn the_password_of_a_database_is_not_said_when_it_cannot_be_reached() {
    let folder = std::env::temp_dir();
    for url in [
        "postgres://hub:s3cret-word@localhost/none?host=/nowhere",
        "postgres://hub:s3cret-word@127.0.0.1:port/none",
        "postgres://hub:s3cret-word@/none?sslmode=nonsense",
        "mysql://hub:s3cret-word@127.0.0.1/none",
        "sqlite:/nowhere/at/all/hub:s3cret-word@x.db",
    ] {
        for command in
            [format!("serve --database {url} --data /proc/keys"), format!("audit --database {url}")]
        {
            let ended = program(&folder, "hub", "hub", words(&command)).output().await;
            let said = format!("{:#}", ended.unwrap_err());
            assert!(url.starts_with("sqlite") || !said.contains("s3cret-word"), "{said}");
        }
    }
}

#[tokio::test]
async fn words_of_the_command_line_forge_no_line_and_give_no_password_away() {
    let folder = std::env::temp_dir();
    let line = "2026-01-01T00:00:00.000000Z ERROR forged: s3cret-word";
    let url = "http://quay:s3cret-word@127.0.0.1:1";
    for (file, arguments) in [
        ("hub", vec!["serve", "--database", "sqlite:/nowhere\n", "--data", "/proc/keys\n"]),
        ("pos-agent", vec!["serve", "--data", "/proc/agent\n"]),
        ("pos-agent", vec!["serve", "--data", "/proc/agent\n", "--log-format", "json"]),
        ("pos-agent", vec!["enrol", "--data", "/proc/agent", "--code", "X", "--hub", url]),
        ("pos-agent", vec!["enrol", "--data", "/proc/agent", "--code", "X", "--hub", "ftp\n"]),
    ] {
        let hostile = |word: &&str| word.replace('\n', &format!("\n{line}"));
        let arguments: Vec<String> = arguments.iter().map(hostile).collect();
        let ended = tokio::process::Command::new(program(&folder, "x", file, vec![]).file)
            .args(&arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains("ERROR"), "{arguments:?}: {said}");
        assert!(said.lines().all(|line| !line.starts_with("2026-01-01")), "{said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(!said.contains("quay:s3cret-word"), "{said}");
    }
}
