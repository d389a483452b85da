//! A printer's profile: what one model of printer has and how it is addressed.
//!
//! Owns columns, dots, code-page numbers and drawer timing. Must not know receipts. Invariant: the
//! number of a code page belongs to the profile, never to the page, as makers disagree on it.

use serde::{Deserialize, Serialize};

use super::pages::CodePage;

/// A code page and the `n` of `ESC t n` that selects it on this printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageNumber {
    pub page: CodePage,
    pub n: u8,
}

/// How this printer's drawer connector is driven and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawerProfile {
    /// `m` of the pulse: 0 drives connector pin 2, 1 drives pin 5.
    pub connector: u8,
    /// Time on, in units of 2 ms.
    pub t1: u8,
    /// Time off, in units of 2 ms.
    pub t2: u8,
    /// Whether a high status pin means an open drawer; half of the drawers are wired so.
    pub open_is_high: bool,
}

impl Default for DrawerProfile {
    fn default() -> Self {
        DrawerProfile { connector: 0, t1: 25, t2: 250, open_is_high: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Characters per line in the font used: 32, 42, 48 or 64.
    pub columns: usize,
    /// Printable dots per line; barcodes must fit in it.
    pub dots: usize,
    /// Whether the smaller font (B) gives these columns.
    pub font_b: bool,
    /// Pages in order of preference.
    pub pages: Vec<PageNumber>,
    pub drawer: DrawerProfile,
    /// Lines fed before the cut.
    pub feed_before_cut: u8,
    /// Whether the printer can draw QR codes itself.
    pub native_qr: bool,
}

impl Profile {
    /// A profile for one of the usual paper widths.
    pub fn with_columns(columns: usize) -> Profile {
        let (dots, font_b) = match columns {
            0..=32 => (384, false),
            33..=42 => (512, false),
            43..=48 => (576, false),
            _ => (576, true),
        };
        Profile {
            columns: columns.clamp(24, 96),
            dots,
            font_b,
            pages: default_pages(),
            drawer: DrawerProfile::default(),
            feed_before_cut: 1,
            native_qr: true,
        }
    }

    /// The page that `ESC t n` selects, if the profile has it.
    pub fn page(&self, n: u8) -> Option<CodePage> {
        self.pages.iter().find(|entry| entry.n == n).map(|entry| entry.page)
    }

    /// Whether any page prints this character.
    pub fn prints(&self, letter: char) -> bool {
        matches!(letter, ' '..='~')
            || self.pages.iter().any(|entry| entry.page.encode(letter).is_some())
    }
}

impl Default for Profile {
    /// 80 mm paper, font A.
    fn default() -> Self {
        Profile::with_columns(48)
    }
}

/// The numbering that Epson began and most makers kept for these.
fn default_pages() -> Vec<PageNumber> {
    [
        (CodePage::Wpc1252, 16),
        (CodePage::Pc858, 19),
        (CodePage::Pc852, 18),
        (CodePage::Pc866, 17),
        (CodePage::Pc737, 14),
        (CodePage::Pc857, 13),
        (CodePage::Pc775, 33),
        (CodePage::Pc437, 0),
    ]
    .map(|(page, n)| PageNumber { page, n })
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pages_print_what_shops_of_europe_write() {
        let profile = Profile::default();
        for letter in "€£éèçñßøåæœŁłŻżŘřŐőЖжщΩωğşİĀķ╔█".chars() {
            assert!(profile.prints(letter), "{letter}");
        }
        assert!(!profile.prints('漢') && !profile.prints('\u{1b}'));
    }

    #[test]
    fn a_page_is_found_by_its_number_only() {
        let profile = Profile::default();
        assert_eq!(profile.page(16), Some(CodePage::Wpc1252));
        assert_eq!(profile.page(99), None);
    }
}
