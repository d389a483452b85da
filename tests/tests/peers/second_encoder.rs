//! python-escpos, asked for the same paper, sends the same bytes.
//!
//! The receipts are written out here by hand, operation by operation, so that neither our layout
//! nor our encoder is asked what is right.

use oneshelf_hardware::printer::{
    CodePage, Currency, Drawer, PageNumber, Profile, Receipt, ReceiptLine, TaxLine, Tender, Total,
    receipt_job,
};
use serde_json::{Value, json};

use crate::programs::python_json;

/// A stretch of our job.
enum Piece {
    /// What the second encoder sends for an operation.
    Theirs(Value),
    /// The same, without something that we leave as the printer has it.
    TheirsWithout(Value, &'static [u8]),
    /// What it cannot send.
    Ours(&'static [u8]),
}

use Piece::{Ours, Theirs, TheirsWithout};

fn call(method: &str, arguments: Value) -> Piece {
    Theirs(json!([method, arguments]))
}

fn set(arguments: Value) -> Piece {
    call("set", arguments)
}

fn text(page: &str, text: &str) -> Piece {
    call("text", json!({"page": page, "text": text}))
}

/// A line that needs the first page only.
fn line(content: &str) -> Piece {
    text("CP1252", &format!("{content}\n"))
}

/// Bars of Code 128 with their text below, in whatever font the printer has for it.
fn bars(content: &str, dots: u8) -> Piece {
    let code = format!("{{B{content}");
    let arguments = json!({
        "code": code, "bc": "CODE128", "height": 64, "width": dots, "function_type": "B",
        "align_ct": false,
    });
    TheirsWithout(json!(["barcode", arguments]), b"\x1df\x00")
}

/// A QR code that restores 15 percent, five dots a module.
fn qr(content: &str) -> Piece {
    call("qr", json!({"content": content, "ec": 1, "size": 5, "native": true}))
}

/// `GS a 0`: no unasked status.
const QUIET: Piece = Ours(b"\x1da\x00");
/// `FS .` and `ESC R 0`: no double bytes, letters as in the USA.
const PLAIN_LETTERS: Piece = Ours(b"\x1c.\x1bR\x00");
/// `GS r 1`: the question behind the last byte.
const READ_BACK: Piece = Ours(b"\x1dr\x01");

/// Walks along a job: every piece must be the next bytes, and nothing may be left.
async fn compare(pieces: Vec<Piece>, job: &[u8]) {
    let asked: Vec<&Value> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Theirs(operation) | TheirsWithout(operation, _) => Some(operation),
            Ours(_) => None,
        })
        .collect();
    let answers = python_json("second_encoder.py", &[], &json!(asked)).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), asked.len());
    let mut answers = answers.iter().map(|piece| hex::decode(piece.as_str().unwrap()).unwrap());
    let mut rest = job;
    for piece in &pieces {
        let (name, bytes) = match piece {
            Ours(bytes) => ("ours".to_owned(), bytes.to_vec()),
            Theirs(operation) => (operation.to_string(), answers.next().unwrap()),
            TheirsWithout(operation, left_out) => {
                let theirs = answers.next().unwrap();
                let at = theirs.windows(left_out.len()).position(|window| window == *left_out);
                let at = at.unwrap_or_else(|| panic!("{operation} lacks {left_out:?}"));
                let kept = [&theirs[..at], &theirs[at + left_out.len()..]].concat();
                (operation.to_string(), kept)
            }
        };
        let Some(left) = rest.strip_prefix(&bytes[..]) else {
            let sent = &rest[..rest.len().min(bytes.len() + 8)];
            panic!("{name}\n theirs {}\n   ours {}", hex::encode(&bytes), hex::encode(sent));
        };
        rest = left;
    }
    assert!(rest.is_empty(), "we also send {}", hex::encode(rest));
}

fn receipt() -> Receipt {
    let mut receipt = Receipt::new("S07-R2-000123", Currency::new("EUR", 2));
    receipt.header = vec!["Harbour Goods".to_owned(), "12 Quay Street".to_owned()];
    receipt.cashier = "Ana".to_owned();
    receipt.register = "R2".to_owned();
    receipt.time = "2026-11-25 10:42".to_owned();
    receipt
}

fn sale() -> Receipt {
    let mut receipt = receipt();
    receipt.lines = vec![
        ReceiptLine {
            quantity: "2".to_owned(),
            name: "Stoneware mug".to_owned(),
            detail: Some("350 ml, Moss".to_owned()),
            total: 3490,
        },
        ReceiptLine {
            quantity: "1".to_owned(),
            name: "Café Łódź, Жук 5 €".to_owned(),
            detail: None,
            total: -450,
        },
    ];
    receipt.totals = vec![Total { name: "Total".to_owned(), amount: 3040, grand: true }];
    receipt.taxes = vec![TaxLine { name: "VAT 23%".to_owned(), net: 2472, tax: 568, gross: 3040 }];
    receipt.tenders = vec![Tender { name: "Cash".to_owned(), amount: 5000 }];
    receipt.change = Some(1960);
    receipt.footer = vec!["Thank you".to_owned()];
    receipt.qr = Some("https://shop.example/r/S07-R2-000123".to_owned());
    receipt
}

#[tokio::test]
async fn a_sale_is_encoded_alike() {
    let pieces = vec![
        call("hw", json!({"hw": "INIT"})),
        QUIET,
        call("cashdraw", json!({"pin": [27, 112, 0, 25, 250]})),
        PLAIN_LETTERS,
        set(json!({"align": "center"})),
        set(json!({"bold": true})),
        set(json!({"custom_size": true, "width": 2, "height": 2})),
        line("Harbour Goods"),
        set(json!({"bold": false})),
        set(json!({"custom_size": true, "width": 1, "height": 1})),
        line("12 Quay Street"),
        set(json!({"align": "left"})),
        line("Receipt S07-R2-000123           2026-11-25 10:42"),
        line("Cashier Ana                          Register R2"),
        line("------------------------------------------------"),
        line("2 x Stoneware mug                          34.90"),
        line("    350 ml, Moss"),
        text("CP1252", "1 x Café "),
        text("CP852", "Łódź, "),
        text("CP866", "Жук 5 "),
        text("CP1252", "€                     -4.50\n"),
        line("------------------------------------------------"),
        set(json!({"bold": true})),
        set(json!({"custom_size": true, "width": 1, "height": 2})),
        line("Total                                  EUR 30.40"),
        set(json!({"bold": false})),
        set(json!({"custom_size": true, "width": 1, "height": 1})),
        line("Cash                                       50.00"),
        line("Change                                     19.60"),
        line("------------------------------------------------"),
        line("                                 Net   Tax Gross"),
        line("VAT 23%                        24.72  5.68 30.40"),
        call("print_and_feed", json!({"n": 1})),
        set(json!({"align": "center"})),
        line("Thank you"),
        bars("S07-R2-000123", 3),
        line(""),
        qr("https://shop.example/r/S07-R2-000123"),
        line(""),
        set(json!({"align": "left"})),
        call("print_and_feed", json!({"n": 1})),
        call("cut", json!({"feed": false})),
        READ_BACK,
    ];
    let job = receipt_job("job_1", &sale(), &Profile::default(), Drawer::Open).unwrap();
    compare(pieces, &job.bytes).await;
}

#[tokio::test]
async fn a_copy_is_encoded_alike_and_leaves_the_drawer_alone() {
    let mut receipt = receipt();
    receipt.header.clear();
    receipt.copy = true;
    let profile = Profile::with_columns(64);
    let pieces = vec![
        call("hw", json!({"hw": "INIT"})),
        QUIET,
        PLAIN_LETTERS,
        set(json!({"font": "b"})),
        set(json!({"align": "center"})),
        set(json!({"bold": true})),
        set(json!({"invert": true})),
        set(json!({"custom_size": true, "width": 2, "height": 2})),
        line(" COPY "),
        set(json!({"bold": false})),
        set(json!({"invert": false})),
        set(json!({"custom_size": true, "width": 1, "height": 1})),
        set(json!({"align": "left"})),
        line(&format!("{:48}{}", "Receipt S07-R2-000123", "2026-11-25 10:42")),
        line(&format!("{:53}{}", "Cashier Ana", "Register R2")),
        line(&"-".repeat(64)),
        line(&"-".repeat(64)),
        call("print_and_feed", json!({"n": 1})),
        set(json!({"align": "center"})),
        bars("S07-R2-000123", 3),
        line(""),
        set(json!({"align": "left"})),
        call("print_and_feed", json!({"n": 1})),
        call("cut", json!({"feed": false})),
        READ_BACK,
    ];
    let job = receipt_job("job_1", &receipt, &profile, Drawer::Open).unwrap();
    compare(pieces, &job.bytes).await;
}

/// Our pages, the second encoder's names of them, and Epson's numbers.
const PAGES: [(CodePage, &str, u8); 22] = [
    (CodePage::Wpc1250, "CP1250", 45),
    (CodePage::Wpc1251, "CP1251", 46),
    (CodePage::Wpc1252, "CP1252", 16),
    (CodePage::Wpc1253, "CP1253", 47),
    (CodePage::Wpc1254, "CP1254", 48),
    (CodePage::Wpc1257, "CP1257", 51),
    (CodePage::Iso8859_2, "ISO_8859-2", 39),
    (CodePage::Iso8859_7, "ISO_8859-7", 15),
    (CodePage::Iso8859_15, "ISO_8859-15", 40),
    (CodePage::Pc437, "CP437", 0),
    (CodePage::Pc737, "CP737", 14),
    (CodePage::Pc775, "CP775", 33),
    (CodePage::Pc850, "CP850", 2),
    (CodePage::Pc852, "CP852", 18),
    (CodePage::Pc855, "CP855", 34),
    (CodePage::Pc857, "CP857", 13),
    (CodePage::Pc858, "CP858", 19),
    (CodePage::Pc860, "CP860", 3),
    (CodePage::Pc863, "CP863", 4),
    (CodePage::Pc865, "CP865", 5),
    (CodePage::Pc866, "CP866", 17),
    (CodePage::Pc869, "CP869", 38),
];

/// A printer with all of Epson's pages that we know.
pub(crate) fn epson() -> Profile {
    let pages = PAGES.map(|(page, _, n)| PageNumber { page, n }).to_vec();
    Profile { pages, ..Profile::default() }
}

#[tokio::test]
async fn every_letter_of_every_page_has_the_same_byte() {
    assert_eq!(PAGES.map(|(page, ..)| page), CodePage::ALL);
    let bytes = |page: CodePage| -> Vec<u8> {
        (0x20..=0xff).filter(|byte| page.decode(*byte).is_some()).collect()
    };
    let operations: Vec<Value> = PAGES
        .iter()
        .map(|(page, name, _)| {
            let letters: String = bytes(*page).iter().filter_map(|b| page.decode(*b)).collect();
            json!(["text", {"page": name, "text": letters}])
        })
        .collect();
    let answers = python_json("second_encoder.py", &[], &json!(operations)).await;
    let profile = Profile::default();
    for ((page, name, n), answer) in PAGES.iter().zip(answers.as_array().unwrap()) {
        let theirs = hex::decode(answer.as_str().unwrap()).unwrap();
        let ours = bytes(*page);
        assert!(ours.len() > 180, "{name} has only {} letters", ours.len());
        let (select, letters) = theirs.split_at(3);
        assert_eq!(letters, ours, "{name}");
        assert_eq!(select, [0x1b, b't', *n], "{name}");
        assert!(profile.pages.iter().all(|entry| entry.page != *page || entry.n == *n), "{name}");
    }
}
