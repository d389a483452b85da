//! Byte tests of the encoder, and of each defect of the `escpos` crate that it works around: when
//! a new version mends one, the test that pins the defect fails and the work-around may go.

use escpos::utils::{CashDrawer, PageCode};

use super::super::pages::CodePage;
use super::super::receipt::{Currency, ReceiptLine};
use super::*;

/// What the crate itself sends for one call.
fn crate_bytes(call: impl FnOnce(&mut Builder<Sink>)) -> Vec<u8> {
    let sink = Sink::default();
    let mut builder = Builder::new(sink.clone(), Protocol::default(), None);
    call(&mut builder);
    builder.print().unwrap();
    drop(builder);
    sink.0.take()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Printers act on `DLE EOT`, `DLE ENQ` and `DLE DC4` wherever they stand.
fn holds_real_time_command(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair[0] == 0x10 && matches!(pair[1], 4 | 5 | 0x14))
}

fn receipt(title: &str) -> Receipt {
    let mut receipt = Receipt::new("S07-R2-000123", Currency::new("EUR", 2));
    receipt.header = vec![title.to_owned()];
    receipt.lines = vec![ReceiptLine {
        quantity: "1".to_owned(),
        name: title.to_owned(),
        detail: Some(title.to_owned()),
        total: 100,
    }];
    receipt
}

fn bytes(receipt: &Receipt, drawer: Drawer) -> Vec<u8> {
    receipt_job("job", receipt, &Profile::default(), drawer).unwrap().bytes
}

#[test]
fn defect_cash_drawer_sends_three_of_five_bytes_so_the_pulse_is_ours() {
    let theirs = crate_bytes(|builder| {
        builder.cash_drawer(CashDrawer::Pin2).unwrap();
    });
    assert_eq!(theirs, [0x1b, 0x70, 0x00]);
    assert_eq!(drawer_pulse(&DrawerProfile::default()), [0x1b, 0x70, 0x00, 25, 250]);
    let pin_five = DrawerProfile { connector: 1, t1: 50, t2: 200, ..DrawerProfile::default() };
    assert_eq!(drawer_pulse(&pin_five), [0x1b, 0x70, 0x01, 50, 200]);
    let job = bytes(&receipt("Mug"), Drawer::Open);
    assert!(job.starts_with(&[0x1b, 0x40, 0x1d, 0x61, 0, 0x1b, 0x70, 0, 25, 250]));
}

#[test]
fn defect_partial_cut_cuts_right_through_so_the_cut_is_ours() {
    let theirs = crate_bytes(|builder| {
        builder.partial_cut().unwrap();
    });
    assert_eq!(theirs, [0x1d, 0x56, 0x41, 0x01]);
    assert!(
        bytes(&receipt("Mug"), Drawer::Leave)
            .ends_with(&[0x1b, b'd', 1, 0x1d, 0x56, 0x42, 0, 0x1d, b'r', 1])
    );
}

#[test]
fn defect_code_pages_of_the_crate_move_ascii_so_the_tables_are_ours() {
    for (page, theirs, ours) in [
        (PageCode::PC858, 0xf0, CodePage::Pc858),
        (PageCode::PC850, 0xf0, CodePage::Pc850),
        (PageCode::WPC1250, 0xad, CodePage::Wpc1250),
    ] {
        let sent = crate_bytes(|builder| {
            builder.page_code(page).unwrap().write("-").unwrap();
        });
        assert_eq!(sent.last(), Some(&theirs), "{page:?} turns a minus into another character");
        assert_eq!(ours.encode('-'), Some(b'-'));
    }
}

#[test]
fn defect_unknown_characters_go_out_as_raw_utf8_so_text_is_ours() {
    let theirs = crate_bytes(|builder| {
        builder.page_code(PageCode::WPC1252).unwrap().write("ł").unwrap();
    });
    assert!(theirs.ends_with("ł".as_bytes()));
    let job = bytes(&receipt("Miś 漢"), Drawer::Leave);
    assert!(!contains(&job, "ś".as_bytes()) && !contains(&job, "漢".as_bytes()));
    assert!(contains(&job, &[0x1b, b't', 18, b'M', b'i', 0x98, b' ', b'?']));
}

#[test]
fn defect_control_characters_pass_through_the_crate_so_text_is_cleaned() {
    let theirs = crate_bytes(|builder| {
        builder.page_code(PageCode::WPC1252).unwrap().write("a\u{1b}p").unwrap();
    });
    assert_eq!(theirs, [0x1b, b't', 16, b'a', 0x1b, b'p']);
    let calm = bytes(&receipt("apb"), Drawer::Leave);
    assert_eq!(bytes(&receipt("a\u{1b}p\u{0}b"), Drawer::Leave), calm);
}

#[test]
fn defect_code128_is_missing_so_the_bar_code_is_ours() {
    let job = bytes(&receipt("Mug"), Drawer::Leave);
    let mut expected = vec![0x1d, b'k', 73, 15];
    expected.extend_from_slice(b"{BS07-R2-000123");
    assert!(contains(&job, &expected));
    let mut braces = receipt("Mug");
    braces.number = "A{B".to_owned();
    assert!(contains(&bytes(&braces, Drawer::Leave), b"\x1dk\x49\x06{BA{{B"));
}

#[test]
fn a_hostile_text_sends_the_very_bytes_of_its_harmless_rest() {
    let hostile = [
        "Mug\u{1b}p\u{0}\u{19}\u{fa}",
        "Mug\u{1d}V\u{42}\u{0}",
        "Mug\u{10}\u{4}\u{1}",
        "Mug\u{10}\u{14}\u{1}\u{0}\u{8}",
        "Mug\u{1b}@\u{1c}.\u{9b}",
        "\u{202e}guM\u{2066}<script>&\u{200f}",
    ];
    let filled = |title: &str| {
        let mut receipt = receipt(title);
        receipt.number = title.to_owned();
        receipt.cashier = title.to_owned();
        receipt.footer = vec![title.to_owned()];
        receipt.qr = Some(title.to_owned());
        bytes(&receipt, Drawer::Leave)
    };
    for title in hostile {
        let job = filled(title);
        let harmless: String = title
            .chars()
            .filter(|letter| !letter.is_control() && !"\u{202e}\u{2066}\u{200f}".contains(*letter))
            .collect();
        assert_eq!(job, filled(&harmless), "{title:?}");
        assert!(!contains(&job, b"\x1bp"), "{title:?}");
        assert!(!holds_real_time_command(&job), "{title:?}");
        assert_eq!(job.windows(2).filter(|window| window == b"\x1dV").count(), 1, "{title:?}");
    }
}

#[test]
fn codes_carry_no_control_bytes_either() {
    let mut receipt = receipt("Mug");
    receipt.qr = Some("https://a.example/\u{10}\u{14}\u{1}\u{0}\u{8}x".to_owned());
    let job = bytes(&receipt, Drawer::Leave);
    assert!(contains(&job, b"https://a.example/x"));
    assert!(!holds_real_time_command(&job));
}

#[test]
fn a_copy_never_opens_the_drawer() {
    let mut receipt = receipt("Mug");
    assert!(contains(&bytes(&receipt, Drawer::Open), b"\x1bp"));
    receipt.copy = true;
    assert!(!contains(&bytes(&receipt, Drawer::Open), b"\x1bp"));
}

#[test]
fn styles_are_switched_off_again() {
    let job = bytes(&receipt("Mug"), Drawer::Leave);
    for (on, off) in [([0x1b, b'E', 1], [0x1b, b'E', 0]), ([0x1d, b'!', 0x11], [0x1d, b'!', 0])] {
        assert!(contains(&job, &on) && contains(&job, &off));
    }
}

#[test]
fn a_test_page_shows_every_page_of_the_profile() {
    let profile = Profile::default();
    let page = TestPage { title: "Test".to_owned(), details: vec!["10.0.0.9".to_owned()] };
    let job = test_page_job("job", &page, &profile).unwrap().bytes;
    for entry in &profile.pages {
        assert!(contains(&job, &[0x1b, b't', entry.n]), "{}", entry.page.name());
        assert!(contains(&job, entry.page.name().as_bytes()));
    }
    assert!(contains(&job, b"{BTEST-12345"));
}

/// A picture in which every pair of bytes stands that a printer might act on.
fn hostile_picture(width: usize, rows: &[[u8; 2]]) -> Bitmap {
    let dots: Vec<u8> = rows.iter().flatten().copied().collect();
    let mut png = std::io::Cursor::new(Vec::new());
    let side = |size: usize| u32::try_from(size).unwrap();
    let picture = image::GrayImage::from_fn(side(width), side(rows.len()), |x, y| {
        let byte = dots.get(y as usize * 2 + x as usize / 8).copied().unwrap_or(0);
        image::Luma([if byte & (0x80 >> (x % 8)) != 0 { 0 } else { 255 }])
    });
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    Bitmap::from_png(png.get_ref(), width).unwrap()
}

#[test]
fn a_picture_goes_out_in_bands_that_small_buffers_take() {
    let wide = Bitmap::blank(576, 100);
    let bands = raster(&wide, 24);
    assert_eq!(bands.len(), 5);
    assert!(bands.iter().all(|band| band.len() <= LONGEST_COMMAND));
    assert!(bands[0].starts_with(&[0x1d, b'v', b'0', 0, 72, 0, 24, 0]));
    assert!(bands[4].starts_with(&[0x1d, b'v', b'0', 0, 72, 0, 4, 0]));
    assert_eq!(bands[4].len(), 8 + 4 * 72);
    // A hundred rows only where they are so narrow that one command holds them.
    assert!(raster(&wide, 100).iter().all(|band| band.len() <= LONGEST_COMMAND));
    assert_eq!(raster(&Bitmap::blank(80, 200), 100).len(), 2);
}

#[test]
fn a_picture_goes_out_in_columns_where_bands_are_not_known() {
    let strips = columns(&hostile_picture(16, &[[0x80, 0x00], [0x00, 0x01]]));
    assert_eq!(strips.first().unwrap(), &[0x1b, b'3', 24]);
    assert_eq!(strips.last().unwrap(), &[0x1b, b'2']);
    let strip = &strips[1];
    assert!(strip.starts_with(&[0x1b, b'*', 33, 16, 0, 0x80, 0, 0]));
    assert_eq!((strip.len(), &strip[50..]), (54, &[0x40, 0, 0, b'\n'][..]));
}

#[test]
fn no_dots_of_a_picture_are_a_command() {
    let rows = [[0x10, 0x14], [0x10, 0x04], [0x10, 0x05], [0x00, 0x10], [0x14, 0x01]];
    let picture = hostile_picture(16, &rows);
    assert_eq!(picture.row(0), [0x10, 0x14]);
    for commands in [raster(&picture, 24), columns(&picture)] {
        assert!(!holds_real_time_command(&commands.concat()));
    }
    for pictures in [PictureMode::Raster { band_rows: 24 }, PictureMode::Columns] {
        let profile = Profile { pictures, logo: Some(picture.clone()), ..Profile::default() };
        let job = receipt_job("job", &receipt("Mug"), &profile, Drawer::Leave).unwrap();
        assert!(!holds_real_time_command(&job.bytes));
    }
}
