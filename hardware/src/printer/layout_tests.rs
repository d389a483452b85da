//! Tests of the layout. Owns receipts written out by hand and the paper they become.

use proptest::prelude::*;

use super::super::receipt::{Currency, Tender, Total};
use super::*;

fn sample() -> Receipt {
    let mut receipt = Receipt::new("S07-R2-000123", Currency::new("EUR", 2));
    receipt.header = vec!["Harbour Goods".into(), "12 Quay Street".into()];
    receipt.cashier = "Ana".into();
    receipt.register = "R2".into();
    receipt.time = "2026-11-25 10:42".into();
    receipt.lines = vec![
        ReceiptLine {
            quantity: "2".into(),
            name: "Stoneware mug with a rather long name that wraps around".into(),
            detail: Some("Moss, 17.45 each".into()),
            total: 3490,
        },
        ReceiptLine { quantity: "1".into(), name: "Tea".into(), detail: None, total: 450 },
    ];
    receipt.totals = vec![Total { name: "Total".into(), amount: 3940, grand: true }];
    receipt.taxes = vec![TaxLine { name: "VAT 23%".into(), net: 3203, tax: 737, gross: 3940 }];
    receipt.tenders = vec![Tender { name: "Cash".into(), amount: 5000 }];
    receipt.change = Some(1060);
    receipt.footer = vec!["Thank you".into()];
    receipt
}

fn text_of(blocks: &[Block]) -> Vec<String> {
    blocks
        .iter()
        .filter_map(|block| match block {
            Block::Line { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}

fn fits(blocks: &[Block], columns: usize) {
    for block in blocks {
        if let Block::Line { text, style, .. } = block {
            let wide = if style.wide { 2 } else { 1 };
            assert!(width(text) * wide <= columns, "{columns}: {text:?}");
        }
    }
}

#[test]
fn a_receipt_of_thirty_two_columns() {
    let profile = Profile::with_columns(32);
    assert_eq!(
        text_of(&lay_out(&sample(), &profile)),
        [
            "Harbour Goods",
            "12 Quay Street",
            "Receipt S07-R2-000123",
            "2026-11-25 10:42",
            "Cashier Ana          Register R2",
            "--------------------------------",
            "2 x Stoneware mug with a   34.90",
            "    rather long name that",
            "    wraps around",
            "    Moss, 17.45 each",
            "1 x Tea                     4.50",
            "--------------------------------",
            "Total                  EUR 39.40",
            "Cash                       50.00",
            "Change                     10.60",
            "--------------------------------",
            "                 Net   Tax Gross",
            "VAT 23%        32.03  7.37 39.40",
            "Thank you",
        ]
    );
}

#[test]
fn every_width_keeps_its_columns_and_its_amounts() {
    for columns in [32, 42, 48, 64] {
        let profile = Profile::with_columns(columns);
        let blocks = lay_out(&sample(), &profile);
        fits(&blocks, columns);
        let text = text_of(&blocks);
        assert!(text.iter().any(|line| line.ends_with("EUR 39.40") && width(line) == columns));
        assert!(blocks.iter().any(|block| matches!(block, Block::Code128 { content, .. }
                if content == "S07-R2-000123")));
    }
}

#[test]
fn a_copy_says_so_in_white_on_black() {
    let mut receipt = sample();
    assert!(!text_of(&lay_out(&receipt, &Profile::default())).iter().any(|l| l.contains("COPY")));
    receipt.copy = true;
    let blocks = lay_out(&receipt, &Profile::default());
    assert!(blocks.iter().any(|block| matches!(block,
        Block::Line { text, style, .. } if text == " COPY " && style.invert)));
}

#[test]
fn a_number_too_wide_for_bars_stays_text() {
    let receipt = Receipt::new("LONGSTORE-REGISTER-0000000123", Currency::new("EUR", 2));
    let blocks = lay_out(&receipt, &Profile::with_columns(32));
    assert!(!blocks.iter().any(|block| matches!(block, Block::Code128 { .. })));
    assert!(text_of(&blocks).contains(&"LONGSTORE-REGISTER-0000000123".to_owned()));
}

#[test]
fn the_ruler_counts_the_columns() {
    assert_eq!(ruler(32), "....+...10....+...20....+...30..");
    for columns in [32, 42, 48, 64] {
        let profile = Profile::with_columns(columns);
        fits(&lay_out_test_page(&TestPage::default(), &profile), columns);
    }
}

proptest! {
    #[test]
    fn whatever_the_texts_no_line_is_wider_than_the_paper(
        name in any::<String>(),
        quantity in "[0-9a-z. ]{0,40}",
        total in any::<i64>(),
        columns in prop::sample::select(vec![32usize, 42, 48, 64]),
    ) {
        let mut receipt = sample();
        receipt.header = vec![name.clone(), name.clone()];
        receipt.lines[0] =
            ReceiptLine { quantity, name: name.clone(), detail: Some(name.clone()), total };
        receipt.taxes[0] = TaxLine { name: name.clone(), net: total, tax: total, gross: total };
        receipt.totals[0].name = name.clone();
        receipt.number = name.clone();
        receipt.qr = Some(name);
        fits(&lay_out(&receipt, &Profile::with_columns(columns)), columns);
    }
}
