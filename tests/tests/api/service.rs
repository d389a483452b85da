//! The programs as services: what they say to systemd, and what signals do.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use oneshelf_hub::tls::roots::http_client;
use oneshelf_tests::database::Database;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cli::program;
use crate::tls::{Authority, GOOD};

/// systemd's end of the socket.
struct Systemd {
    socket: tokio::net::UnixDatagram,
    path: std::path::PathBuf,
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Systemd {
    fn listen() -> Self {
        let name = format!("oneshelf-notify-{}", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket: tokio::net::UnixDatagram::from_std(socket).unwrap(), path }
    }

    /// Waits for a word; others are passed over.
    async fn hears(&self, word: &str) {
        let hearing = async {
            let mut said = [0; 64];
            loop {
                let length = self.socket.recv(&mut said).await.unwrap();
                if &said[..length] == word.as_bytes() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), hearing).await.expect(word);
    }

    fn starts(&self, name: &str, words: &[&str]) -> Child {
        let mut command = Command::new(program(name));
        command.args(words).env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", "200000");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    }
}

async fn signal(child: &Child, name: &str) {
    let words = format!("kill -{name} {}", child.id().unwrap());
    assert!(Command::new("sh").args(["-c", &words]).status().await.unwrap().success());
}

async fn ends(mut child: Child) {
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap();
    assert!(ended.unwrap().success());
}

#[tokio::test]
async fn the_hub_says_that_it_is_ready_lives_and_stops_and_takes_a_new_certificate_at_sighup() {
    let (systemd, authority, database) =
        (Systemd::listen(), Authority::new(), Database::fresh().await);
    let files = authority.sign(&["localhost"], GOOD);
    let [certificate, key] = [&files.certificate, &files.key].map(|p| p.display().to_string());
    let keys = authority.folder.join("keys").display().to_string();
    let words = [
        "serve",
        "--database",
        database.url(),
        "--data",
        &keys,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ];
    let mut hub = systemd.starts("hub", &words);
    let mut lines = BufReader::new(hub.stdout.take().unwrap()).lines();
    let mut log = BufReader::new(hub.stderr.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().unwrap();
    systemd.hears("READY=1").await;
    systemd.hears("WATCHDOG=1").await;
    systemd.hears("WATCHDOG=1").await;
    let at = ready.split(' ').find(|word| word.starts_with("https://")).unwrap();
    let url = format!("{}/v1/time", at.replace("127.0.0.1", "localhost"));
    let http = || http_client(Some(&authority.ca())).unwrap().build().unwrap();
    let kept = http();
    assert!(kept.get(&url).send().await.unwrap().status().is_success());
    // For another name: a new connection shows which one is in use.
    authority.sign(&["other.example"], GOOD);
    signal(&hub, "HUP").await;
    let taken = async {
        while !log.next_line().await.unwrap().unwrap().contains("a new TLS certificate") {}
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.unwrap();
    assert!(http().get(&url).send().await.is_err(), "a new connection meets the new one");
    assert!(kept.get(&url).send().await.unwrap().status().is_success(), "the old one stays");
    signal(&hub, "TERM").await;
    systemd.hears("STOPPING=1").await;
    drop(log);
    ends(hub).await;
}

#[tokio::test]
async fn a_hub_without_a_certificate_outlives_a_sighup_and_warns_when_others_reach_it() {
    let (systemd, database) = (Systemd::listen(), Database::fresh().await);
    let keys = systemd.path.with_extension("keys").display().to_string();
    let words = [
        "serve",
        "--database",
        database.url(),
        "--data",
        &keys,
        "--listen",
        "0.0.0.0:0",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    let hub = systemd.starts("hub", &words);
    systemd.hears("READY=1").await;
    signal(&hub, "HUP").await;
    systemd.hears("WATCHDOG=1").await;
    signal(&hub, "TERM").await;
    systemd.hears("STOPPING=1").await;
    let ended = hub.wait_with_output().await.unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && log.contains("UNENCRYPTED"), "{log}");
    std::fs::remove_dir_all(keys).unwrap();
}

#[tokio::test]
async fn the_agent_says_that_it_is_ready_and_stops() {
    let systemd = Systemd::listen();
    let data = systemd.path.with_extension("agent").display().to_string();
    let agent = systemd.starts("pos-agent", &["serve", "--data", &data, "--listen", "127.0.0.1:0"]);
    systemd.hears("READY=1").await;
    signal(&agent, "TERM").await;
    systemd.hears("STOPPING=1").await;
    ends(agent).await;
    std::fs::remove_dir_all(data).unwrap();
}
