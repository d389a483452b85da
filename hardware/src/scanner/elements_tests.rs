//! Tests of GS1 element strings. Owns strings as scanners send them; knows no symbols.

use proptest::prelude::*;

use super::super::gtin::check_digit;
use super::*;

fn parse(code: &str) -> Elements {
    Elements::parse(code).unwrap_or_else(|fault| panic!("{code:?}: {fault}"))
}

fn fault(code: &str) -> CodeFault {
    Elements::parse(code).unwrap_err()
}

#[test]
fn a_label_of_food_says_what_when_and_how_much() {
    let elements = parse("0104006381333931\u{31}7261100310300125010LOT-7\u{1d}21S/42\u{1d}3922450");
    assert_eq!(elements.gtin().map(Gtin::as_str), Some("04006381333931"));
    assert_eq!(elements.expires().unwrap().in_year(2026).to_string(), "2026-11-30");
    assert_eq!(elements.net_weight_grams(), Some(1250));
    assert_eq!(elements.lot(), Some("LOT-7"));
    assert_eq!(elements.serial(), Some("S/42"));
    let price = elements.price().unwrap();
    assert_eq!((price.currency.as_deref(), price.amount.scaled(2)), (None, Some(450)));
}

#[test]
fn pallets_contents_and_other_fields() {
    let elements = parse("00106141412345678908");
    assert_eq!(elements.sscc(), Some("106141412345678908"));
    let elements = parse("02040063813339313724\u{1d}15261224");
    assert_eq!(elements.content().map(Gtin::as_str), Some("04006381333931"));
    assert_eq!(elements.count(), Some(24));
    assert_eq!(elements.best_before().unwrap().in_year(2026).to_string(), "2026-12-24");
    let elements = parse("3932978001299\u{1d}422372\u{1d}8005000399\u{1d}80082611281042");
    let price = elements.price().unwrap();
    assert_eq!(price.currency.as_deref(), Some("978"));
    assert_eq!(price.amount.to_string(), "12.99");
    assert_eq!(elements.text("422"), Some("372"));
    let Some(Value::Moment(moment)) = elements.value("8008") else { panic!("{elements:?}") };
    assert_eq!((moment.hour, moment.minute), (10, Some(42)));
    assert_eq!(parse("3152000750").net_volume_millilitres(), Some(7500));
    assert_eq!(parse("3105123456").net_weight_grams(), Some(1235));
}

#[test]
fn separators_where_none_is_needed_are_no_matter() {
    let whole = parse("010400638133393117261130");
    for code in [
        "\u{1d}010400638133393117261130",
        "0104006381333931\u{1d}17261130",
        "010400638133393117261130\u{1d}",
        "01040063813339311726113017261130",
    ] {
        assert_eq!(parse(code), whole, "{code:?}");
    }
}

#[test]
fn what_is_not_understood_is_kept_and_read_past() {
    let elements = parse("209991AB\u{1d}41040063813339317003A\u{1d}10L");
    assert_eq!(elements.text("20"), Some("99"));
    assert_eq!(elements.text("91"), Some("AB"));
    assert_eq!(elements.text("410"), Some("4006381333931"));
    assert_eq!(elements.text("7003"), Some("A"));
    assert_eq!(elements.lot(), Some("L"));
}

#[test]
fn broken_strings_say_what_is_wrong() {
    for (code, fault_there) in [
        ("", CodeFault::Empty),
        ("\u{1d}", CodeFault::Empty),
        ("0104006381333930", CodeFault::CheckDigit("01".to_owned())),
        ("010400638133393", CodeFault::TooShort("01".to_owned())),
        ("01040063813339\u{1d}31", CodeFault::TooShort("01".to_owned())),
        ("10\u{1d}17261130", CodeFault::TooShort("10".to_owned())),
        ("10123456789012345678901", CodeFault::TooLong("10".to_owned())),
        ("10a\u{1d}\u{1d}10b", CodeFault::UnknownIdentifier("\u{1d}10b".to_owned())),
        ("10a\u{1d}10b", CodeFault::Contradiction("10".to_owned())),
        ("17261131", CodeFault::NoDate("17".to_owned())),
        ("10a{b", CodeFault::ForeignCharacter("10".to_owned())),
        ("0104006381333é31", CodeFault::ForeignCharacter("01".to_owned())),
    ] {
        assert_eq!(fault(code), fault_there, "{code:?}");
    }
    // (400) has up to 30 characters: this is why a plain EAN must not come here.
    assert_eq!(parse("4006381333931").text("400"), Some("6381333931"));
}

/// Elements as a label has them: identifier, value, and whether a separator must follow.
fn label() -> impl Strategy<Value = Vec<(&'static str, String, bool)>> {
    let gtin = "[0-9]{13}".prop_map(|body| format!("{body}{}", check_digit(&body).unwrap()));
    let date = (0..100u8, 1..13u8, 0..29u8).prop_map(|(y, m, d)| format!("{y:02}{m:02}{d:02}"));
    (
        gtin,
        date.clone(),
        date,
        "[!\"%-?A-Z_a-z]{1,20}",
        "[!\"%-?A-Z_a-z]{1,20}",
        "[0-9]{6}",
        "[0-9]{1,8}",
        "[0-9]{4,18}",
    )
        .prop_map(|(gtin, expires, best, lot, serial, weight, count, price)| {
            vec![
                ("01", gtin, false),
                ("17", expires, false),
                ("15", best, false),
                ("10", lot, true),
                ("21", serial, true),
                ("3103", weight, false),
                ("30", count, true),
                ("3932", price, true),
            ]
        })
        .prop_shuffle()
}

proptest! {
    #[test]
    fn whatever_a_label_says_is_read_in_its_order(elements in label(), last in any::<bool>()) {
        let mut code = String::new();
        for (place, (ai, text, separated)) in elements.iter().enumerate() {
            code.push_str(ai);
            code.push_str(text);
            if *separated && (last || place + 1 < elements.len()) {
                code.push(SEPARATOR);
            }
        }
        let read = parse(&code);
        let found: Vec<(&str, &str)> =
            read.iter().map(|element| (element.ai.as_str(), element.text.as_str())).collect();
        let said: Vec<(&str, &str)> =
            elements.iter().map(|(ai, text, _)| (*ai, text.as_str())).collect();
        prop_assert_eq!(found, said);
    }

    #[test]
    fn any_text_is_read_or_refused(code in "[0-9A-Za-z\u{1d}é]{0,120}") {
        if let Ok(elements) = Elements::parse(&code) {
            let kept: usize = elements.iter().map(|e| e.ai.len() + e.text.len()).sum();
            prop_assert!(kept <= code.len());
        }
    }
}
