//! A printer's profile: what one model of printer has and how it is addressed.
//!
//! Owns columns, dots, code-page numbers, pictures and drawer timing, and the profiles that have a
//! name. Must not know receipts or files (`profile_file` does). Invariant: the number of a code
//! page belongs to the profile, never to the page, as makers disagree on it.

use super::pages::CodePage;
use super::picture::Bitmap;

/// Rows of a picture that are sent at once: as much as the smallest buffers take.
const BAND_ROWS: usize = 24;

/// A code page and the `n` of `ESC t n` that selects it on this printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    pub page: CodePage,
    pub n: u8,
}

/// How this printer's drawer connector is driven and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Who draws QR codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrMode {
    /// The printer itself: quick, and sharp.
    Native,
    /// We do, as a picture.
    Picture,
    None,
}

/// How pictures are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureMode {
    /// `GS v 0`, in bands of at most so many rows.
    Raster {
        band_rows: usize,
    },
    /// `ESC * 33`, for printers that do not know the other.
    Columns,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
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
    pub qr: QrMode,
    pub pictures: PictureMode,
    /// Stands above every receipt.
    pub logo: Option<Bitmap>,
}

impl Profile {
    /// Names of the profiles that come with the program.
    pub const NAMES: [&'static str; 6] =
        ["80mm", "80mm-42", "80mm-64", "58mm", "58mm-42", "epson-80mm"];

    /// A profile that comes with the program.
    pub fn named(name: &str) -> Option<Profile> {
        let mut profile = match name {
            "80mm" => Profile::with_columns(48),
            "80mm-42" => Profile::with_columns(42),
            "80mm-64" => Profile::with_columns(64),
            "58mm" => Profile::with_columns(32),
            "58mm-42" => Profile { columns: 42, font_b: true, ..Profile::with_columns(32) },
            "epson-80mm" => Profile { pages: epson_pages(), ..Profile::with_columns(48) },
            _ => return None,
        };
        profile.name = name.to_owned();
        Some(profile)
    }

    /// A profile for one of the usual paper widths.
    pub fn with_columns(columns: usize) -> Profile {
        let (name, dots, font_b) = match columns {
            0..=32 => ("58mm", 384, false),
            33..=42 => ("80mm-42", 512, false),
            43..=48 => ("80mm", 576, false),
            _ => ("80mm-64", 576, true),
        };
        Profile {
            name: name.to_owned(),
            columns: columns.clamp(24, 96),
            dots,
            font_b,
            pages: default_pages(),
            drawer: DrawerProfile::default(),
            feed_before_cut: 1,
            qr: QrMode::Native,
            pictures: PictureMode::Raster { band_rows: BAND_ROWS },
            logo: None,
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

/// All of Epson's own that we know, as python-escpos numbers them too.
fn epson_pages() -> Vec<PageNumber> {
    let more = [
        (CodePage::Wpc1250, 45),
        (CodePage::Wpc1251, 46),
        (CodePage::Wpc1253, 47),
        (CodePage::Wpc1254, 48),
        (CodePage::Wpc1257, 51),
        (CodePage::Iso8859_2, 39),
        (CodePage::Iso8859_7, 15),
        (CodePage::Iso8859_15, 40),
        (CodePage::Pc850, 2),
        (CodePage::Pc855, 34),
        (CodePage::Pc860, 3),
        (CodePage::Pc863, 4),
        (CodePage::Pc865, 5),
        (CodePage::Pc869, 38),
    ];
    let more = more.map(|(page, n)| PageNumber { page, n });
    default_pages().into_iter().chain(more).collect()
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

    #[test]
    fn every_name_has_its_profile_and_every_page_its_own_number() {
        for name in Profile::NAMES {
            let profile = Profile::named(name).unwrap();
            assert_eq!(profile.name, name);
            let cell = if profile.font_b { 9 } else { 12 };
            assert!(profile.columns * cell <= profile.dots, "{name}");
            for entry in &profile.pages {
                assert_eq!(profile.page(entry.n), Some(entry.page), "{name}");
            }
        }
        assert_eq!(Profile::named("epson-80mm").unwrap().pages.len(), CodePage::ALL.len());
        assert_eq!(Profile::named("90mm"), None);
    }
}
