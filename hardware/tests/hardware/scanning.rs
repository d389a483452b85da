//! The serial scanner on a pseudo terminal, with its cable pulled and put back.

use std::path::PathBuf;
use std::time::Duration;

use oneshelf_hardware::scanner::{FrameRules, Scanner, ScannerEvent, ScannerSettings, Symbology};
use oneshelf_hardware::sim::ScannerSim;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

/// Longer than any back-off; only a defect makes a test wait so long.
const PATIENCE: Duration = Duration::from_secs(30);

struct Link(PathBuf);

impl Link {
    fn new(name: &str) -> Link {
        let file = format!("oneshelf-scanner-{}-{name}", std::process::id());
        Link(std::env::temp_dir().join(file))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn next(events: &mut Receiver<ScannerEvent>) -> ScannerEvent {
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
}

async fn next_code(events: &mut Receiver<ScannerEvent>) -> String {
    match next(events).await {
        ScannerEvent::Scan { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn start(sim: &ScannerSim) -> (Scanner, Receiver<ScannerEvent>) {
    start_with(sim, ScannerSettings::default())
}

fn start_with(sim: &ScannerSim, settings: ScannerSettings) -> (Scanner, Receiver<ScannerEvent>) {
    let (tx, rx) = mpsc::channel(64);
    let address = format!("serial:{}", sim.path().unwrap().display()).parse().unwrap();
    (Scanner::spawn_with(address, settings, tx).unwrap(), rx)
}

#[tokio::test]
async fn codes_arrive_whole_with_their_kind() {
    let mut sim = ScannerSim::plug_in(None).unwrap();
    let (_scanner, mut events) = start(&sim);
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
    sim.scan("]E04006381333931").unwrap();
    match next(&mut events).await {
        ScannerEvent::Scan { code, symbology, .. } => {
            assert_eq!(code, "4006381333931");
            assert_eq!(symbology, Some(Symbology::Ean13));
        }
        other => panic!("{other:?}"),
    }
    sim.write(b"40063").unwrap();
    sim.write(b"81333931\r\n96385074\r\n").unwrap();
    assert_eq!(next_code(&mut events).await, "4006381333931");
    assert_eq!(next_code(&mut events).await, "96385074");
}

#[tokio::test]
async fn a_code_without_an_end_mark_ends_by_silence() {
    let mut sim = ScannerSim::plug_in(None).unwrap();
    let (_scanner, mut events) = start(&sim);
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
    sim.write(b"96385074").unwrap();
    assert_eq!(next_code(&mut events).await, "96385074");
}

#[tokio::test]
async fn an_unplug_loses_the_half_code_and_a_replug_goes_on() {
    let link = Link::new("replug");
    let mut sim = ScannerSim::plug_in(Some(&link.0)).unwrap();
    let (_scanner, mut events) = start(&sim);
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
    for round in 0..2 {
        let code = format!("S07-R2-00000{round}");
        sim.scan(&code).unwrap();
        assert_eq!(next_code(&mut events).await, code);
        sim.write(b"400638").unwrap();
        sim.unplug().unwrap();
        assert_eq!(next(&mut events).await, ScannerEvent::Gone);
        assert!(sim.scan("lost").is_err());
        sim.replug().unwrap();
        assert_eq!(next(&mut events).await, ScannerEvent::Ready);
    }
    sim.scan("96385074").unwrap();
    assert_eq!(next_code(&mut events).await, "96385074");
}

/// Each time it is back by its own account before the next code, and never hands on half a one. How
/// soon it is back follows from its pauses, which a test beside them knows.
#[tokio::test]
async fn a_hundred_unplugs_lose_no_whole_code_and_make_no_half_one() {
    let link = Link::new("hundred");
    let mut sim = ScannerSim::plug_in(Some(&link.0)).unwrap();
    // Silence ends no frame here, however long this thread is kept waiting.
    let frame = FrameRules { silence: PATIENCE, ..FrameRules::default() };
    let settings = ScannerSettings { back_off: Duration::from_millis(5), frame };
    let (_scanner, mut events) = start_with(&sim, settings);
    let label = b"]d2010400638133393110LOT-7\r";
    for round in 0..100 {
        assert_eq!(next(&mut events).await, ScannerEvent::Ready, "round {round}");
        let code = format!("S07-R2-{round:06}");
        sim.scan(&code).unwrap();
        assert_eq!(next_code(&mut events).await, code);
        // All of a label but its end mark, or less of it, has come when the cable is pulled.
        sim.write(&label[..round % label.len()]).unwrap();
        sim.unplug().unwrap();
        assert_eq!(next(&mut events).await, ScannerEvent::Gone, "round {round}");
        sim.replug().unwrap();
    }
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
}

#[tokio::test]
async fn a_scanner_that_is_not_there_yet_is_awaited() {
    let link = Link::new("later");
    let mut sim = ScannerSim::plug_in(Some(&link.0)).unwrap();
    sim.unplug().unwrap();
    let (_scanner, mut events) = start(&sim);
    assert_eq!(next(&mut events).await, ScannerEvent::Gone);
    sim.replug().unwrap();
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
}

#[tokio::test]
async fn dropping_the_handle_ends_the_thread() {
    let sim = ScannerSim::plug_in(None).unwrap();
    let (scanner, mut events) = start(&sim);
    assert_eq!(next(&mut events).await, ScannerEvent::Ready);
    drop(scanner);
    // The thread holds the only sender, so the channel closes when it has ended.
    assert_eq!(timeout(PATIENCE, events.recv()).await.unwrap(), None);
}

#[test]
fn a_file_in_the_place_of_the_link_is_left_alone() {
    let link = Link::new("file");
    std::fs::write(&link.0, "mine").unwrap();
    assert!(ScannerSim::plug_in(Some(&link.0)).is_err());
    assert_eq!(std::fs::read_to_string(&link.0).unwrap(), "mine");
}
