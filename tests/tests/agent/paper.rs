//! Printers that are not on the network, their profiles and the shop's logo; and an agent that does
//! not start with what it cannot use.

use std::fs;
use std::path::PathBuf;

use oneshelf_hardware::printer::Profile;
use oneshelf_hardware::sim::TerminalPrinterSim;
use oneshelf_hardware::sim::render::sheets;
use oneshelf_pos_agent::serve::{Options, Paper, start};
use serde_json::{Value, json};

use super::page::Page;
use super::store::{Store, TEA, cash, folder};

/// A path of its own in the tests' folder.
fn path(name: &str) -> PathBuf {
    let path = folder().with_extension(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

async fn store(change: impl FnOnce(&mut Store)) -> (Store, Page) {
    let mut store = Store::open_with(None, None).await;
    store.stop().await;
    change(&mut store);
    store.start().await;
    let line = store.first_line().await;
    let page = store.ana_with_float().await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    drop(line);
    (store, page)
}

/// Sells a tea; the job of its receipt, when it is as wanted.
async fn sold(page: &mut Page, state: &str) -> Value {
    let mut events = page.events().await;
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let (status, paid) = page.pay(cash(450)).await;
    assert_eq!(status, 200, "{paid}");
    events.next("printed", |e| e["job"]["state"] == state).await["job"].clone()
}

#[tokio::test]
async fn a_serial_printer_of_58_mm_prints_the_logo_above_the_receipt() {
    let printer = TerminalPrinterSim::plug_in(&path("tty")).unwrap();
    let logo = path("png");
    let drawn = sheets(b"\x1dw\x02\x1dkI\x05{BA12\n", &Profile::default()).remove(0);
    fs::write(&logo, drawn.png().unwrap()).unwrap();
    let (_store, mut page) = store(|store| {
        store.printer_address = Some(format!("serial:{}?baud=115200", printer.path().display()));
        store.paper.printer_profile = Some("58mm".to_owned());
        store.paper.logo = Some(logo.clone());
    })
    .await;
    let job = sold(&mut page, "confirmed").await;
    let text = printer.sheets().pop().unwrap().text();
    let lines: Vec<&str> = text.lines().collect();
    // As wide as the paper, and as tall as the picture is then.
    assert!(lines[0].starts_with("[image 384x"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 32), "{text}");
    let number = job["receipt_number"].as_str().unwrap();
    assert!(text.contains(&format!("[bars {number}]")), "{text}");
    fs::remove_file(&logo).unwrap();
}

#[tokio::test]
async fn a_printer_that_cannot_answer_prints_and_somebody_is_asked() {
    let file = path("lp");
    fs::write(&file, "").unwrap();
    let (_store, mut page) = store(|store| {
        store.printer_address = Some(format!("file:{}", file.display()));
    })
    .await;
    let job = sold(&mut page, "unknown").await;
    assert_eq!(job["error"], "no_read_back");
    assert_eq!(page.get("api/state").await["printer"]["state"], "sent_unconfirmed");
    let number = job["receipt_number"].as_str().unwrap();
    let printed = sheets(&fs::read(&file).unwrap(), &Profile::default());
    assert!(printed.iter().any(|sheet| sheet.text().contains(number)));
    let answer = format!("api/print-jobs/{}/answer", job["id"].as_str().unwrap());
    let (status, settled) = page.post(&answer, json!({"came_out": true})).await;
    assert_eq!((status, &settled["state"]), (200, &json!("confirmed")));
    fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn an_agent_does_not_start_with_what_it_cannot_use() {
    let mut store = Store::open_with(None, None).await;
    store.stop().await;
    let no_pictures = path("toml");
    fs::write(&no_pictures, "pictures = \"none\"").unwrap();
    let no_pictures = no_pictures.to_str().unwrap();
    let with = |profile: Option<&str>, logo: Option<&str>| Options {
        paper: Paper { printer_profile: profile.map(str::to_owned), logo: logo.map(PathBuf::from) },
        ..store.options()
    };
    let bad_scale = Options { scale: Some("/dev/ttyS0".to_owned()), ..store.options() };
    let bad_scanner = Options { scanner: Some("ttyACM0".to_owned()), ..store.options() };
    for (options, words) in [
        (with(Some("90mm"), None), "no printer profile has the name `90mm`"),
        (with(None, Some("/no/such.png")), "cannot read the logo"),
        (with(Some(no_pictures), Some("/no/such.png")), "prints no pictures"),
        (bad_scale, "not the address of a scale"),
        (bad_scanner, "not the address of a scanner"),
    ] {
        let refused = start(options).await.err().unwrap().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    fs::remove_file(no_pictures).unwrap();
}
