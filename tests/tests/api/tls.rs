//! TLS from a client's side: what is believed, what is not, and certificates that change while
//! connections stay. The certificates are made here.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oneshelf_domain::Timestamp;
use oneshelf_hub::tls::Files;
use oneshelf_hub::tls::roots::{client_config, http_client};
use oneshelf_pos_agent::{enrol, serve};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::shop::{self, Shop};
use crate::support::{Hub, cookie};

/// Who signs, and a folder with what was signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) folder: PathBuf,
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The years that a certificate is for.
pub(crate) const GOOD: (i32, i32) = (2020, 2090);
pub(crate) const ENDED: (i32, i32) = (2020, 2021);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Harbour Goods root");
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = std::env::temp_dir().join(format!("oneshelf-tls-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn files(&self) -> Files {
        Files { certificate: self.folder.join("hub.pem"), key: self.folder.join("hub.key") }
    }

    /// A certificate and its key, in PEM.
    pub(crate) fn pair(&self, names: &[&str], (from, to): (i32, i32)) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The hub's files, made anew.
    pub(crate) fn sign(&self, names: &[&str], years: (i32, i32)) -> Files {
        let (certificate, key) = self.pair(names, years);
        let files = self.files();
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        std::fs::set_permissions(&files.key, PermissionsExt::from_mode(0o600)).unwrap();
        files
    }

    /// Somebody who believes what was signed here.
    pub(crate) fn client(&self) -> reqwest::Client {
        client_of(Some(&self.ca()))
    }
}

fn client_of(ca: Option<&Path>) -> reqwest::Client {
    http_client(ca).unwrap().build().unwrap()
}

/// A hub of `localhost`, and who signed its certificate.
pub(crate) async fn hub_with_tls() -> (Hub, Authority) {
    let authority = Authority::new();
    let files = authority.sign(&["localhost", "127.0.0.1"], GOOD);
    (Hub::open_tls(files, authority.client()).await, authority)
}

/// Everything that an error says, and those behind it.
fn whole(error: reqwest::Error) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

async fn refusal(client: &reqwest::Client, url: &str) -> String {
    whole(client.get(url).send().await.unwrap_err())
}

fn port(hub: &Hub) -> u16 {
    hub.base.rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn browsers_and_programs_are_served_over_tls() {
    let (hub, _authority) = hub_with_tls().await;
    let said = hub.get("/v1/locations").await;
    assert_eq!(said.headers["strict-transport-security"], "max-age=31536000");
    said.ok(200);
    let body = json!({"secret": hub.admin});
    let origin = hub.base.clone();
    let said = hub.ask("POST", "/v1/session").header("origin", &origin).json(&body).send().await;
    let set = said.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-") && set.contains("; Secure; HttpOnly"), "{set}");
    let cookie = cookie(&said);
    let asked = hub.ask("GET", "/v1/session").header("cookie", &cookie).send().await;
    assert_eq!(asked.ok(200)["role"], "admin");
    // The address that agents are told is the one over TLS.
    let made = hub.post("/v1/enrolments", json!({"location": "S07"})).await.ok(201);
    assert_eq!(made["hub_url"], hub.base);
    // The operator's listener stays plain, on loopback.
    assert!(hub.operator.starts_with("http://127.0.0.1:"));
    let metrics = reqwest::get(format!("{}/metrics", hub.operator)).await.unwrap();
    assert!(!metrics.headers().contains_key("strict-transport-security"));
    let text = metrics.text().await.unwrap();
    assert!(text.contains("oneshelf_tls_certificate_ends_seconds"), "{text}");
    hub.close().await;
}

#[tokio::test]
async fn a_certificate_says_who_signed_it_for_whom_and_until_when() {
    let (hub, _authority) = hub_with_tls().await;
    let says = hub.app().tls.as_ref().unwrap().certificate();
    assert_eq!(says.names, ["localhost", "127.0.0.1"]);
    assert_eq!(says.issuer, "Harbour Goods root");
    let day = |text: &str| -> Timestamp { serde_json::from_value(json!(text)).unwrap() };
    assert_eq!(says.begins, day("2020-01-01T00:00:00Z"));
    assert_eq!(says.ends, day("2090-01-01T00:00:00Z"));
    hub.close().await;
}

#[tokio::test]
async fn what_cannot_be_believed_is_not() {
    let (hub, authority) = hub_with_tls().await;
    let url = format!("{}/v1/time", hub.base);
    for stranger in [client_of(None), Authority::new().client()] {
        let why = refusal(&stranger, &url).await;
        // Of one with the same name only the signature shows that it is another.
        assert!(why.contains("UnknownIssuer") || why.contains("BadSignature"), "{why}");
    }
    let address = format!("127.0.0.1:{}", port(&hub)).parse().unwrap();
    let elsewhere = http_client(Some(&authority.ca()))
        .unwrap()
        .resolve("other.example", address)
        .build()
        .unwrap();
    let why = refusal(&elsewhere, &format!("https://other.example:{}/v1/time", port(&hub))).await;
    assert!(why.contains("not valid for name"), "{why}");
    hub.close().await;
    let late = Authority::new();
    let files = late.sign(&["localhost"], ENDED);
    // Nobody could set it up over its own listener.
    let tls = oneshelf_hub::tls::Tls::open(files).unwrap();
    assert!(tls.certificate().ends < Timestamp(1_700_000_000_000_000));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taking = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        tls.accept(oneshelf_hub::tls::Inside::Http, stream).await.is_none()
    });
    let why = refusal(&late.client(), &format!("https://localhost:{port}/v1/time")).await;
    assert!(why.contains("expired"), "{why}");
    assert!(taking.await.unwrap(), "and the hub has no connection of it");
}

#[tokio::test]
async fn a_plain_request_learns_that_this_port_speaks_tls() {
    let (hub, _authority) = hub_with_tls().await;
    let url = format!("http://127.0.0.1:{}/v1/time", port(&hub));
    let said = reqwest::Client::new().get(url).send().await.unwrap();
    assert_eq!(said.status().as_u16(), 400);
    assert!(said.text().await.unwrap().contains("https://"));
    hub.close().await;
}

#[tokio::test]
async fn clients_that_say_nothing_keep_nobody_out() {
    let (hub, _authority) = hub_with_tls().await;
    let mut silent = vec![];
    // More than may be in a handshake at once; half of them have begun one.
    for n in 0..600 {
        let mut stream = TcpStream::connect(("127.0.0.1", port(&hub))).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(&[0x16, 3, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    hub.get("/v1/locations").await.ok(200);
    // The first had to go.
    let mut byte = [0];
    let gone = silent[0].read(&mut byte).await;
    assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
    drop(silent);
    hub.close().await;
}

#[tokio::test]
async fn others_than_a_hub_and_its_user_must_not_read_the_key() {
    let authority = Authority::new();
    let files = authority.sign(&["localhost"], GOOD);
    let open = |mode| {
        std::fs::set_permissions(&files.key, PermissionsExt::from_mode(mode)).unwrap();
        oneshelf_hub::tls::Tls::open(files.clone()).map(drop)
    };
    let why = open(0o604).unwrap_err().to_string();
    assert!(why.contains("mode 604") && why.contains("chmod 600"), "{why}");
    open(0o400).unwrap();
    let foreign = authority.pair(&["localhost"], GOOD).1;
    std::fs::write(authority.folder.join("foreign.key"), foreign).unwrap();
    let key = authority.folder.join("foreign.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let tls = |files: Files| oneshelf_hub::tls::Tls::open(files).unwrap_err().to_string();
    assert!(tls(Files { key, ..files.clone() }).contains("do not fit"));
    let swapped = Files { certificate: files.key.clone(), key: files.key.clone() };
    assert!(tls(swapped).contains("holds no certificate"));
    let swapped = Files { certificate: files.certificate.clone(), key: files.certificate.clone() };
    std::fs::set_permissions(&swapped.key, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(tls(swapped).contains("holds no private key"));
}

/// The certificate that a new connection is shown.
async fn shown(hub: &Hub, authority: &Authority) -> Vec<u8> {
    let config = Arc::new(client_config(Some(&authority.ca())).unwrap());
    let stream = TcpStream::connect(("127.0.0.1", port(hub))).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_no_connection_is_dropped() {
    let (hub, authority) = hub_with_tls().await;
    let tls = hub.app().tls.clone().unwrap();
    let first = shown(&hub, &authority).await;
    assert!(!tls.reload().unwrap(), "nothing has changed");
    // One connection, kept by hand through all that follows.
    let config = Arc::new(client_config(Some(&authority.ca())).unwrap());
    let stream = TcpStream::connect(("127.0.0.1", port(&hub))).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut kept = TlsConnector::from(config).connect(name, stream).await.unwrap();
    let mut ask = async || {
        kept.write_all(b"GET /v1/time HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut said = vec![0; 4_096];
        let length = kept.read(&mut said).await.unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    assert!(ask().await.starts_with("HTTP/1.1 200"));
    // Only half of a new pair is there: the old one stays, and is still shown.
    let (certificate, key) = authority.pair(&["localhost"], GOOD);
    std::fs::write(authority.files().certificate, certificate).unwrap();
    let why = tls.reload().unwrap_err().to_string();
    assert!(why.contains("do not fit"), "{why}");
    assert_eq!(shown(&hub, &authority).await, first);
    assert!(!tls.reload().unwrap(), "the same bad bytes are not said twice");
    std::fs::write(authority.files().key, key).unwrap();
    assert!(tls.reload().unwrap());
    let second = shown(&hub, &authority).await;
    assert_ne!(second, first);
    assert_eq!(tls.certificate().names, ["localhost"]);
    // What the file system says of the key counts at every reading.
    authority.sign(&["localhost"], GOOD);
    std::fs::set_permissions(authority.files().key, PermissionsExt::from_mode(0o644)).unwrap();
    let why = tls.reload().unwrap_err().to_string();
    assert!(why.contains("chmod 600"), "{why}");
    std::fs::remove_file(authority.files().key).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(shown(&hub, &authority).await, second);
    assert!(ask().await.starts_with("HTTP/1.1 200"), "the old connection goes on");
    hub.close().await;
}

#[tokio::test]
async fn a_store_joins_links_and_sells_over_tls() {
    let (hub, authority) = hub_with_tls().await;
    hub.receive("S07", 5).await;
    let ca = authority.ca();
    let code = crate::enrolment::code(&hub).await;
    let stranger = enrol::Hub { url: &hub.base, ca: None };
    let data = authority.folder.join("agent");
    let why = enrol::enrol(&data, stranger, &code, "quay").await.unwrap_err();
    assert!(format!("{why:#}").contains("UnknownIssuer"), "{why:#}");
    let mut shop = Shop::join(&hub, data, Some(&ca)).await;
    let mqtt = hub.mqtt();
    let address = format!("mqtts://localhost:{}", mqtt.port()).parse().unwrap();
    for (at, transport) in
        [serve::Transport::WebSocket, serve::Transport::Endpoint(address)].into_iter().enumerate()
    {
        shop.start(transport).await;
        let mut register = shop.cashier().await;
        Shop::sell(&mut register, &format!("pay-{at}")).await;
        shop::on_hand(&hub, 4 - i64::try_from(at).unwrap()).await;
        assert_ne!(shop::line(&hub).await, "dark");
        shop.stop().await;
    }
    hub.close().await;
}
