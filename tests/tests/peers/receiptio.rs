//! receiptio (npm), a print program for many printers, takes our simulator for one.

use oneshelf_hardware::sim::page::Cut;
use oneshelf_hardware::sim::{Knobs, PaperLevel, PrinterSim};

use crate::programs::{nowhere, printer_on_9100, receiptio, wait_until};

/// Letters of four code pages, columns, and lines to both sides.
const RECEIPT: &str = "Harbour Goods\n|12 Quay Street\nCash|\n\n\
    Café crème | 2| 9.00\nŁódź, Žižkov | 1| 4.50\nЖук | 1| 5.00 €\nTotal | 18.50\n";
const BARS: &str = "{code: S07-R2-000123; option: code128, 2, 64, hri}\n";

fn host(printer: &PrinterSim) -> String {
    printer.address().ip().to_string()
}

/// Asks for the state and gives receiptio's word for it, checked against its exit code.
async fn ask(printer: &PrinterSim, what: &str) -> String {
    let ended = receiptio(&["-d", &host(printer), "-p", "escpos", "-q", what], "").await;
    let code = match ended.err.as_str() {
        "online" => 100,
        "coveropen" => 101,
        "paperempty" => 102,
        "error" => 103,
        "drawerclosed" => 200,
        "draweropen" => 201,
        other => panic!("no state of a printer: {other:?}"),
    };
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    ended.err
}

#[tokio::test]
async fn every_state_of_the_printer_is_seen() {
    let printer = printer_on_9100().await;
    type Turn = fn(&mut Knobs);
    let states: [(&str, Turn, &str); 5] = [
        ("fresh", |_| {}, "online"),
        ("paper low", |knobs| knobs.paper = PaperLevel::Low, "online"),
        ("paper out", |knobs| knobs.paper = PaperLevel::Out, "paperempty"),
        ("cover open", |knobs| knobs.cover_open = true, "coveropen"),
        ("cutter jammed", |knobs| knobs.cutter_error = true, "error"),
    ];
    for (state, turn, word) in states {
        printer.reset();
        printer.set(turn);
        assert_eq!(ask(&printer, "printer").await, word, "{state}");
    }
    assert!(!printer.knobs().cutter_error, "its command to recover was not followed");
    assert_eq!(ask(&printer, "printer").await, "online");
    assert!(printer.sheets().is_empty(), "a question printed something");
}

#[tokio::test]
async fn the_drawer_is_seen_in_both_wirings() {
    let printer = printer_on_9100().await;
    assert_eq!(ask(&printer, "drawer").await, "drawerclosed");
    assert_eq!(ask(&printer, "drawer2").await, "draweropen");
    printer.set_drawer_open(true);
    assert_eq!(ask(&printer, "drawer").await, "draweropen");
    assert_eq!(ask(&printer, "drawer2").await, "drawerclosed");
}

#[tokio::test]
async fn a_receipt_comes_out_as_receiptio_itself_writes_it_as_text() {
    let expected = as_text().await;
    assert_eq!(expected.len(), 8, "{expected:?}");
    // Once told what the printer speaks, once finding out by itself.
    for language in [&["-p", "escpos"][..], &[]] {
        let printer = printer_on_9100().await;
        let to = host(&printer);
        let arguments = [&["-d", &to, "-l", "en", "-c", "48"], language].concat();
        let ended = receiptio(&arguments, &format!("{RECEIPT}{BARS}")).await;
        assert_eq!((ended.err.as_str(), ended.code), ("success", Some(0)), "{language:?}");
        let sheets = printer.sheets();
        assert_eq!(sheets.len(), 1);
        assert_eq!(sheets[0].cut, Some(Cut::Partial));
        let mut printed = lines(&sheets[0].text());
        assert_eq!(printed.pop().as_deref(), Some("[bars S07-R2-000123]"));
        assert_eq!(printed, expected, "{language:?}");
    }
}

/// The receipt as receiptio writes it where there is no printer.
async fn as_text() -> Vec<String> {
    let ended = receiptio(&["-p", "text", "-l", "en", "-c", "48"], RECEIPT).await;
    lines(&String::from_utf8(ended.out).unwrap())
}

/// Without blanks at the ends of lines and of the sheet, which nobody sees on paper.
fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
}

#[tokio::test]
async fn a_printer_that_cannot_print_is_refused_before_anything_is_sent() {
    let printer = printer_on_9100().await;
    let to = host(&printer);
    printer.set_cover_open(true);
    let ended = receiptio(&["-d", &to, "-p", "escpos", "-l", "en"], RECEIPT).await;
    assert_eq!((ended.err.as_str(), ended.code), ("coveropen", Some(101)));
    printer.set_cover_open(false);
    printer.set_paper(PaperLevel::Out);
    let ended = receiptio(&["-d", &to, "-p", "escpos", "-l", "en"], RECEIPT).await;
    assert_eq!((ended.err.as_str(), ended.code), ("paperempty", Some(102)));
    printer.reset();
    assert!(printer.sheets().is_empty() && printer.hanging().rows.is_empty());
}

#[tokio::test]
async fn paper_that_ends_in_a_receipt_is_told_and_the_rest_follows_on_the_new_roll() {
    let printer = printer_on_9100().await;
    printer.set(|knobs| knobs.paper_lasts_lines = Some(4));
    let to = host(&printer);
    let ended = receiptio(&["-d", &to, "-p", "escpos", "-l", "en"], RECEIPT).await;
    assert_eq!((ended.err.as_str(), ended.code), ("paperempty", Some(102)));
    assert_eq!(printer.hanging().rows.len(), 4);
    printer.set_paper(PaperLevel::Ok);
    wait_until(&printer, |device| device.printed().sheets_total == 1).await;
    let text = printer.sheets()[0].text();
    assert_eq!(lines(&text), as_text().await);
}

#[tokio::test]
async fn no_printer_is_no_printer() {
    let ended = receiptio(&["-d", &nowhere(), "-q", "printer"], "").await;
    assert_eq!((ended.err.as_str(), ended.code), ("disconnect", Some(105)));
}
