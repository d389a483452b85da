//! The keyboard scanner on a keyboard that the kernel makes for us, where it does.

use std::path::Path;
use std::time::Duration;

use evdev::uinput::VirtualDevice;
use evdev::{AttributeSet, EventType, InputEvent, KeyCode};
use oneshelf_hardware::scanner::{Scanner, ScannerEvent};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_typed_code_comes_as_a_scan() {
    if !Path::new("/dev/uinput").exists() {
        eprintln!("LEFT OUT: no /dev/uinput here, so no keyboard can be made to type on");
        return;
    }
    let keys: AttributeSet<KeyCode> = (1..=100).map(KeyCode::new).collect();
    let mut keyboard = VirtualDevice::builder()
        .unwrap()
        .name("oneshelf test scanner")
        .with_keys(&keys)
        .unwrap()
        .build()
        .unwrap();
    let node = keyboard.enumerate_dev_nodes_blocking().unwrap().next().unwrap().unwrap();
    let (tx, mut events) = mpsc::channel(64);
    let address = format!("evdev:{}", node.display()).parse().unwrap();
    let _scanner = Scanner::spawn(address, tx).unwrap();
    let mut next = async || timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert_eq!(next().await, ScannerEvent::Ready);
    // 9 6 3 8 5 0 7 4 and Enter.
    for key in [10, 7, 4, 9, 6, 11, 8, 5, 28] {
        for value in [1, 0] {
            keyboard.emit(&[InputEvent::new(EventType::KEY.0, key, value)]).unwrap();
        }
    }
    match next().await {
        ScannerEvent::Scan { code, .. } => assert_eq!(code, "96385074"),
        other => panic!("{other:?}"),
    }
}
