//! Labels of goods: drawn by zint, read by zxing-cpp, understood by our scanner.

use oneshelf_hardware::scanner::{CodeFault, Elements, Gtin, Reading, Scan};

use crate::codes::{read_pictures, scanned};
use crate::programs::zint;

/// GS1-128, GS1 DataMatrix, GS1 QR, DataBar Expanded.
const KINDS: [&[&str]; 4] =
    [&["-b", "16"], &["-b", "71", "--gs1"], &["-b", "58", "--gs1"], &["-b", "31"]];

/// What a scanner makes of each kind of this label.
async fn scans(content: &str) -> Vec<Scan> {
    let mut pictures = Vec::new();
    for kind in KINDS {
        pictures.push(zint(kind, content).await);
    }
    let codes = read_pictures(&pictures).await;
    codes
        .iter()
        .map(|codes| match &codes[..] {
            [code] => scanned(code),
            other => panic!("{content}: {other:?}"),
        })
        .collect()
}

fn understood(scan: &Scan) -> Elements {
    match Reading::of(&scan.code, scan.symbology.as_ref()) {
        Ok(Reading::Elements(elements)) => elements,
        other => panic!("{scan:?}: {other:?}"),
    }
}

#[tokio::test]
async fn a_label_of_food_says_the_same_in_every_kind_of_code() {
    let content = "[01]04006381333931[17]261100[3103]001250[10]AB/7[21]S-1[3922]450";
    for scan in scans(content).await {
        let label = understood(&scan);
        assert_eq!(label.gtin().map(Gtin::as_str), Some("04006381333931"), "{scan:?}");
        assert_eq!(label.expires().unwrap().in_year(2026).to_string(), "2026-11-30");
        assert_eq!(label.net_weight_grams(), Some(1250));
        assert_eq!((label.lot(), label.serial()), (Some("AB/7"), Some("S-1")));
        assert_eq!(label.price().unwrap().amount.scaled(2), Some(450));
    }
}

#[tokio::test]
async fn every_identifier_of_a_register_comes_through() {
    let fields: [(&str, &str); 16] = [
        ("00", "106141412345678908"),
        ("02", "04006381333931"),
        ("37", "24"),
        ("11", "260101"),
        ("13", "260102"),
        ("15", "261224"),
        ("16", "261220"),
        ("240", "ADD/1"),
        ("30", "12"),
        ("3112", "000150"),
        ("3150", "000002"),
        ("3932", "9781299"),
        ("422", "372"),
        ("8005", "000399"),
        ("8008", "26112810"),
        ("8020", "SLIP-1"),
    ];
    // A few at a time, as bars have little room; DataBar begins with (01) always.
    let mut pictures = Vec::new();
    for fields in fields.chunks(4) {
        let content: String = fields.iter().map(|(ai, text)| format!("[{ai}]{text}")).collect();
        for kind in &KINDS[..3] {
            pictures.push(zint(kind, &content).await);
        }
    }
    let codes = read_pictures(&pictures).await;
    for (place, codes) in codes.iter().enumerate() {
        let label = understood(&scanned(&codes[0]));
        let said: Vec<(&str, &str)> =
            label.iter().map(|element| (element.ai.as_str(), element.text.as_str())).collect();
        assert_eq!(Some(said.as_slice()), fields.chunks(4).nth(place / 3), "{place}");
    }
}

#[tokio::test]
async fn a_label_with_a_wrong_check_digit_is_refused() {
    // zint warns about it and draws it all the same, as a careless printer of labels does. The bars
    // of DataBar hold no check digit: its reader makes the right one.
    for scan in scans("[01]04006381333930[10]A").await.iter().take(3) {
        let reading = Reading::of(&scan.code, scan.symbology.as_ref());
        assert_eq!(reading, Err(CodeFault::CheckDigit("01".to_owned())), "{scan:?}");
    }
}

#[tokio::test]
async fn a_digital_link_names_its_item() {
    let link = "https://id.example.com/01/09506000134352/10/L%2F1?17=261130";
    let codes = read_pictures(&[zint(&["-b", "58"], link).await]).await.remove(0);
    let scan = scanned(&codes[0]);
    let Ok(Reading::Link(label)) = Reading::of(&scan.code, scan.symbology.as_ref()) else {
        panic!("{scan:?}");
    };
    assert_eq!(label.gtin().map(Gtin::as_str), Some("09506000134352"));
    assert_eq!(label.lot(), Some("L/1"));
}
