//! Writes the bytes of a sample receipt to standard output, for programs that check them.
//!
//! `receipt_bytes [--drawer] [--copy] [--test-page] [--title TEXT] [--png FILE] [--svg FILE]`:
//! `--png` and `--svg` also save the picture that the simulator draws of these bytes.

use std::error::Error;
use std::io::Write;

use oneshelf_hardware::printer::{
    Currency, Drawer, Profile, Receipt, ReceiptLine, TaxLine, Tender, TestPage, Total, receipt_job,
    test_page_job,
};
use oneshelf_hardware::sim::render::sheets;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut receipt = sample();
    let mut drawer = Drawer::Leave;
    let mut test_page = false;
    let (mut png, mut svg) = (None, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--drawer" => drawer = Drawer::Open,
            "--copy" => receipt.copy = true,
            "--test-page" => test_page = true,
            "--title" => receipt.lines[0].name = value()?,
            "--png" => png = Some(value()?),
            "--svg" => svg = Some(value()?),
            _ => return Err(format!("unknown argument: {argument}").into()),
        }
    }
    let profile = Profile::default();
    let job = if test_page {
        let page = TestPage { title: "Test page".to_owned(), details: Vec::new() };
        test_page_job("sample", &page, &profile)?
    } else {
        receipt_job("sample", &receipt, &profile, drawer)?
    };
    if let Some(sheet) = sheets(&job.bytes, &profile).first() {
        if let Some(file) = png {
            std::fs::write(file, sheet.png()?)?;
        }
        if let Some(file) = svg {
            std::fs::write(file, sheet.svg())?;
        }
    }
    std::io::stdout().write_all(&job.bytes)?;
    Ok(())
}

fn sample() -> Receipt {
    let mut receipt = Receipt::new("S07-R2-000123", Currency::new("EUR", 2));
    receipt.header = vec!["Harbour Goods".to_owned(), "12 Quay Street".to_owned()];
    receipt.cashier = "Ana".to_owned();
    receipt.register = "R2".to_owned();
    receipt.time = "2026-11-25 10:42".to_owned();
    receipt.lines = vec![
        ReceiptLine {
            quantity: "2".to_owned(),
            name: "Stoneware mug".to_owned(),
            detail: Some("350 ml, Moss".to_owned()),
            total: 3490,
        },
        ReceiptLine {
            quantity: "1".to_owned(),
            name: "Café crème, Łódź, Жук, 5 €".to_owned(),
            detail: None,
            total: 450,
        },
    ];
    receipt.totals = vec![Total { name: "Total".to_owned(), amount: 3940, grand: true }];
    receipt.taxes = vec![TaxLine { name: "VAT 23%".to_owned(), net: 3203, tax: 737, gross: 3940 }];
    receipt.tenders = vec![Tender { name: "Cash".to_owned(), amount: 5000 }];
    receipt.change = Some(1060);
    receipt.footer = vec!["Thank you".to_owned()];
    receipt.qr = Some("https://shop.example/r/S07-R2-000123".to_owned());
    receipt
}
