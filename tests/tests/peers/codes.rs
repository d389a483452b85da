//! zxing-cpp reads the codes that we print, and our scanner framing takes what it reads.

use std::time::Duration;

use oneshelf_hardware::printer::{
    Bitmap, Currency, Drawer, PictureMode, Profile, QrMode, Receipt, TestPage, receipt_job,
    test_page_job,
};
use oneshelf_hardware::scanner::{FrameEvent, FrameRules, Framer, Scan, Symbology, normalise_gtin};
use oneshelf_hardware::sim::Sheet;
use oneshelf_hardware::sim::render::sheets;
use serde_json::{Value, json};

use crate::programs::{python_json, receiptio};

/// A code as a scanner would send it: the AIM mark and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    mark: String,
    content: String,
}

impl PartialEq<(&str, &str)> for Code {
    fn eq(&self, other: &(&str, &str)) -> bool {
        (self.mark.as_str(), self.content.as_str()) == *other
    }
}

impl Code {
    fn new(found: &Value) -> Code {
        let content = hex::decode(found["content"].as_str().unwrap()).unwrap();
        Code {
            mark: found["mark"].as_str().unwrap().to_owned(),
            content: String::from_utf8(content).unwrap(),
        }
    }
}

/// The codes of each sheet, from the top.
pub(crate) async fn read(sheets: &[Sheet]) -> Vec<Vec<Code>> {
    let pictures: Vec<Vec<u8>> = sheets.iter().map(|sheet| sheet.png().unwrap()).collect();
    read_pictures(&pictures).await
}

/// The codes of each PNG file, from the top.
pub(crate) async fn read_pictures(pictures: &[Vec<u8>]) -> Vec<Vec<Code>> {
    let pictures: Vec<String> = pictures.iter().map(hex::encode).collect();
    let found = python_json("codes.py", &["read"], &json!(pictures)).await;
    let codes = |sheet: &Value| sheet.as_array().unwrap().iter().map(Code::new).collect();
    found.as_array().unwrap().iter().map(codes).collect()
}

fn printed(number: &str, qr: Option<&str>, profile: &Profile) -> Sheet {
    let mut receipt = Receipt::new(number, Currency::new("EUR", 2));
    receipt.header = vec!["Harbour Goods".to_owned()];
    receipt.qr = qr.map(str::to_owned);
    let job = receipt_job("job_1", &receipt, profile, Drawer::Leave).unwrap();
    sheets(&job.bytes, profile).remove(0)
}

#[tokio::test]
async fn the_codes_of_a_receipt_are_read_from_every_width_of_paper() {
    let (number, link) = ("S07-R2-000123", "https://shop.example/r/S07-R2-000123?t=9é");
    let widths = [32, 42, 48, 64];
    let paper: Vec<Sheet> = widths
        .iter()
        .map(|columns| printed(number, Some(link), &Profile::with_columns(*columns)))
        .collect();
    for (columns, codes) in widths.iter().zip(read(&paper).await) {
        assert_eq!(codes, [("]C0", number), ("]Q1", link)], "{columns} columns");
    }
}

#[tokio::test]
async fn codes_that_we_draw_ourselves_are_read_too() {
    let (number, link) = ("S07-R2-000123", "https://shop.example/r/S07-R2-000123?t=9");
    let profiles = [PictureMode::Raster { band_rows: 24 }, PictureMode::Columns].map(|pictures| {
        let logo = Bitmap::qr("a logo is a picture", 4, 384);
        Profile { qr: QrMode::Picture, pictures, logo, ..Profile::with_columns(32) }
    });
    let paper = profiles.map(|profile| printed(number, Some(link), &profile));
    for codes in read(&paper).await {
        assert_eq!(codes, [("]Q1", "a logo is a picture"), ("]C0", number), ("]Q1", link)]);
    }
}

#[tokio::test]
async fn a_number_is_read_as_it_is_or_stands_there_as_text() {
    let profile = Profile::default();
    let numbers =
        ["7", "0000000001", "A{B}{{~|", "ab yz `^_\\", "W01-R10-000000001", &"n".repeat(23)];
    let paper: Vec<Sheet> = numbers.iter().map(|number| printed(number, None, &profile)).collect();
    for (number, codes) in numbers.iter().zip(read(&paper).await) {
        assert_eq!(codes, [("]C0", *number)]);
    }
    let long = "n".repeat(24);
    let sheet = printed(&long, None, &profile);
    assert!(sheet.text().ends_with(&format!("{long}\n\n")), "{}", sheet.text());
    assert!(read(&[sheet]).await.remove(0).is_empty());
}

#[tokio::test]
async fn the_codes_of_a_test_page_are_read() {
    let page = TestPage { title: "Test page".to_owned(), details: Vec::new() };
    let profile = Profile::default();
    let job = test_page_job("job_1", &page, &profile).unwrap();
    let codes = read(&[sheets(&job.bytes, &profile).remove(0)]).await.remove(0);
    let on_page =
        [("]E0", "9506000134352"), ("]C0", "TEST-12345"), ("]Q1", "https://example.com/test")];
    assert_eq!(codes, on_page);
}

#[tokio::test]
async fn bars_encoded_by_receiptio_are_drawn_right() {
    // It packs digits in pairs and changes code sets within the code.
    for content in ["1234567890", "AB1234567890cd", "S07-R2-000123", "x"] {
        let markup = format!("{{code: {content}; option: code128, 2, 64}}\n");
        let bytes = receiptio(&["-p", "escpos", "-l", "en"], &markup).await.out;
        let sheet = sheets(&bytes, &Profile::default()).remove(0);
        assert_eq!(read(&[sheet]).await, [[("]C0", content)]]);
    }
}

/// What our framing makes of the code as a scanner sends it.
pub(crate) fn scanned(code: &Code) -> Scan {
    match framed(code, "\r", 7).pop() {
        Some(FrameEvent::Scan(scan)) => scan,
        other => panic!("{code:?}: {other:?}"),
    }
}

/// What the scanner sends, in two pieces, with or without an end mark.
fn framed(code: &Code, end: &str, cut: usize) -> Vec<FrameEvent> {
    let sent = format!("{}{}{end}", code.mark, code.content);
    let (front, back) = sent.as_bytes().split_at(cut.min(sent.len()));
    let mut framer = Framer::new(FrameRules::default());
    let mut events = Vec::new();
    framer.push(front, Duration::ZERO, &mut events);
    framer.push(back, Duration::from_millis(20), &mut events);
    framer.tick(Duration::from_millis(200), &mut events);
    events
}

#[tokio::test]
async fn what_a_reader_makes_of_bars_on_goods_is_the_number_of_the_item() {
    let goods: [(&str, &str, Symbology, Option<&str>); 9] = [
        ("EAN13", "4006381333931", Symbology::Ean13, Some("04006381333931")),
        ("EAN8", "96385074", Symbology::Ean8, Some("00000096385074")),
        ("UPCA", "036000291452", Symbology::Ean13, Some("00036000291452")),
        ("UPCE", "04252614", Symbology::Ean13, Some("00042100005264")),
        ("ITF14", "10012345678902", Symbology::Interleaved2Of5, Some("10012345678902")),
        ("Code128", "S07-R2-000123", Symbology::Code128, None),
        ("Code39", "SHELF-7", Symbology::Code39, None),
        ("QRCode", "https://shop.example/r/2", Symbology::Qr, None),
        ("DataMatrix", "S07-R2-000123", Symbology::DataMatrix, None),
    ];
    let wanted: Vec<Value> =
        goods.iter().map(|(format, content, ..)| json!([format, content, 3])).collect();
    let seen = python_json("codes.py", &["scan"], &json!(wanted)).await;
    for ((format, _, symbology, gtin), seen) in goods.iter().zip(seen.as_array().unwrap()) {
        let code = Code::new(seen);
        for (end, cut) in [("\r", 1), ("\r\n", 5), ("", 3), ("\r", 99)] {
            let events = framed(&code, end, cut);
            let [FrameEvent::Scan(Scan { code: text, symbology: Some(kind), .. })] = &events[..]
            else {
                panic!("{format} {code:?}: {events:?}");
            };
            assert_eq!((text, kind), (&code.content, symbology), "{format}");
            assert_eq!(normalise_gtin(text, Some(kind)).as_deref(), *gtin, "{format}");
        }
    }
}

#[tokio::test]
async fn the_fields_of_a_gs1_code_stay_apart() {
    let wanted = json!([["DataBarExp", "[01]04006381333931[10]AB[21]7", 3]]);
    let seen = python_json("codes.py", &["scan"], &wanted).await;
    let events = framed(&Code::new(&seen[0]), "\r", 9);
    let [FrameEvent::Scan(scan)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(scan.code, "010400638133393110AB\u{1d}217");
    assert!(scan.symbology.as_ref().is_some_and(Symbology::is_gs1));
}
