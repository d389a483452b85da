//! Code pages: which byte prints which character.
//!
//! Owns the tables, taken from `encoding_rs` (Windows and ISO pages) and `oem_cp` (DOS pages); the
//! tables of the `escpos` crate are never used, as some of them map ASCII to other bytes. Must not
//! know the number by which a printer selects a page (the profile does). Invariant: every ASCII
//! character is its own byte on every page.

use encoding_rs::Encoding;
use oem_cp::code_table;

/// The pages that we can encode. Names as printer manuals spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodePage {
    Wpc1250,
    Wpc1251,
    Wpc1252,
    Wpc1253,
    Wpc1254,
    Wpc1257,
    Iso8859_2,
    Iso8859_7,
    Iso8859_15,
    Pc437,
    Pc737,
    Pc775,
    Pc850,
    Pc852,
    Pc855,
    Pc857,
    Pc858,
    Pc860,
    Pc863,
    Pc865,
    Pc866,
    Pc869,
}

impl CodePage {
    pub const ALL: [CodePage; 22] = [
        CodePage::Wpc1250,
        CodePage::Wpc1251,
        CodePage::Wpc1252,
        CodePage::Wpc1253,
        CodePage::Wpc1254,
        CodePage::Wpc1257,
        CodePage::Iso8859_2,
        CodePage::Iso8859_7,
        CodePage::Iso8859_15,
        CodePage::Pc437,
        CodePage::Pc737,
        CodePage::Pc775,
        CodePage::Pc850,
        CodePage::Pc852,
        CodePage::Pc855,
        CodePage::Pc857,
        CodePage::Pc858,
        CodePage::Pc860,
        CodePage::Pc863,
        CodePage::Pc865,
        CodePage::Pc866,
        CodePage::Pc869,
    ];

    /// The page of this name, however it is spelt.
    pub fn named(name: &str) -> Option<CodePage> {
        // PC, CP and WPC stand before the same numbers.
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            let letters: String = letters.collect::<String>().to_uppercase();
            letters.trim_start_matches(['W', 'P', 'C']).to_owned()
        };
        CodePage::ALL.into_iter().find(|page| plain(page.name()) == plain(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            CodePage::Wpc1250 => "WPC1250",
            CodePage::Wpc1251 => "WPC1251",
            CodePage::Wpc1252 => "WPC1252",
            CodePage::Wpc1253 => "WPC1253",
            CodePage::Wpc1254 => "WPC1254",
            CodePage::Wpc1257 => "WPC1257",
            CodePage::Iso8859_2 => "ISO8859-2",
            CodePage::Iso8859_7 => "ISO8859-7",
            CodePage::Iso8859_15 => "ISO8859-15",
            CodePage::Pc437 => "PC437",
            CodePage::Pc737 => "PC737",
            CodePage::Pc775 => "WPC775",
            CodePage::Pc850 => "PC850",
            CodePage::Pc852 => "PC852",
            CodePage::Pc855 => "PC855",
            CodePage::Pc857 => "PC857",
            CodePage::Pc858 => "PC858",
            CodePage::Pc860 => "PC860",
            CodePage::Pc863 => "PC863",
            CodePage::Pc865 => "PC865",
            CodePage::Pc866 => "PC866",
            CodePage::Pc869 => "PC869",
        }
    }

    /// The character that a byte prints; `None` for control bytes and unused places.
    pub fn decode(self, byte: u8) -> Option<char> {
        match byte {
            0x20..=0x7e => Some(char::from(byte)),
            0x80..=0xff => self.upper(byte).filter(|letter| !letter.is_control()),
            _ => None,
        }
    }

    /// The byte that prints this character. Never a control byte below 0x80.
    pub fn encode(self, letter: char) -> Option<u8> {
        if matches!(letter, ' '..='~') {
            return u8::try_from(u32::from(letter)).ok();
        }
        if letter.is_ascii() || letter.is_control() {
            return None;
        }
        (0x80..=0xff).find(|byte| self.upper(*byte) == Some(letter))
    }

    fn upper(self, byte: u8) -> Option<char> {
        let place = usize::from(byte - 0x80);
        match self {
            CodePage::Wpc1250 => single(encoding_rs::WINDOWS_1250, byte),
            CodePage::Wpc1251 => single(encoding_rs::WINDOWS_1251, byte),
            CodePage::Wpc1252 => single(encoding_rs::WINDOWS_1252, byte),
            CodePage::Wpc1253 => single(encoding_rs::WINDOWS_1253, byte),
            CodePage::Wpc1254 => single(encoding_rs::WINDOWS_1254, byte),
            CodePage::Wpc1257 => single(encoding_rs::WINDOWS_1257, byte),
            CodePage::Iso8859_2 => single(encoding_rs::ISO_8859_2, byte),
            CodePage::Iso8859_7 => single(encoding_rs::ISO_8859_7, byte),
            CodePage::Iso8859_15 => single(encoding_rs::ISO_8859_15, byte),
            CodePage::Pc437 => Some(code_table::DECODING_TABLE_CP437[place]),
            CodePage::Pc737 => Some(code_table::DECODING_TABLE_CP737[place]),
            CodePage::Pc775 => Some(code_table::DECODING_TABLE_CP775[place]),
            CodePage::Pc850 => Some(code_table::DECODING_TABLE_CP850[place]),
            CodePage::Pc852 => Some(code_table::DECODING_TABLE_CP852[place]),
            CodePage::Pc855 => Some(code_table::DECODING_TABLE_CP855[place]),
            CodePage::Pc857 => code_table::DECODING_TABLE_CP857[place],
            CodePage::Pc858 => Some(code_table::DECODING_TABLE_CP858[place]),
            CodePage::Pc860 => Some(code_table::DECODING_TABLE_CP860[place]),
            CodePage::Pc863 => Some(code_table::DECODING_TABLE_CP863[place]),
            CodePage::Pc865 => Some(code_table::DECODING_TABLE_CP865[place]),
            CodePage::Pc866 => Some(code_table::DECODING_TABLE_CP866[place]),
            CodePage::Pc869 => Some(code_table::DECODING_TABLE_CP869[place]),
        }
    }
}

/// One byte of a page of `encoding_rs`; unused places come back as control or private characters.
fn single(encoding: &'static Encoding, byte: u8) -> Option<char> {
    let bytes = [byte];
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
    text.chars().next().filter(|letter| !matches!(letter, '\u{e000}'..='\u{f8ff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_is_its_own_byte_on_every_page() {
        for page in CodePage::ALL {
            for byte in 0x20..=0x7eu8 {
                assert_eq!(page.encode(char::from(byte)), Some(byte), "{} {byte:#x}", page.name());
                assert_eq!(page.decode(byte), Some(char::from(byte)), "{} {byte:#x}", page.name());
            }
        }
    }

    #[test]
    fn a_page_is_found_by_its_names() {
        for page in CodePage::ALL {
            assert_eq!(CodePage::named(page.name()), Some(page));
        }
        for (name, page) in [
            ("cp858", Some(CodePage::Pc858)),
            ("1252", Some(CodePage::Wpc1252)),
            ("PC775", Some(CodePage::Pc775)),
            ("iso-8859-15", Some(CodePage::Iso8859_15)),
            ("PC999", None),
            ("", None),
        ] {
            assert_eq!(CodePage::named(name), page, "{name}");
        }
    }

    #[test]
    fn every_printable_byte_comes_back_from_its_character() {
        for page in CodePage::ALL {
            for byte in 0x80..=0xffu8 {
                if let Some(letter) = page.decode(byte) {
                    let again = page.encode(letter).and_then(|byte| page.decode(byte));
                    assert_eq!(again, Some(letter), "{} {byte:#x}", page.name());
                }
            }
        }
    }

    #[test]
    fn no_page_encodes_a_control_character() {
        for page in CodePage::ALL {
            for code in (0..0x20).chain(0x7f..0xa0) {
                let letter = char::from_u32(code).unwrap();
                assert_eq!(page.encode(letter), None, "{} {code:#x}", page.name());
            }
        }
    }

    #[test]
    fn letters_that_receipts_need_stand_where_the_manuals_say() {
        for (page, letter, byte) in [
            (CodePage::Wpc1252, '€', 0x80),
            (CodePage::Pc858, '€', 0xd5),
            (CodePage::Iso8859_15, '€', 0xa4),
            (CodePage::Wpc1252, 'é', 0xe9),
            (CodePage::Pc437, 'é', 0x82),
            (CodePage::Pc858, '®', 0xa9),
            (CodePage::Pc852, 'ł', 0x88),
            (CodePage::Wpc1250, 'ł', 0xb3),
            (CodePage::Pc866, 'Ж', 0x86),
            (CodePage::Pc737, 'Ω', 0x97),
            (CodePage::Pc857, 'ğ', 0xa7),
        ] {
            assert_eq!(page.encode(letter), Some(byte), "{} {letter}", page.name());
        }
    }
}
