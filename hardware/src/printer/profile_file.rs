//! Profiles of printers that nobody thought of, from a TOML file.
//!
//! Owns the file's names and what it may say. Must not know what a profile is used for. Invariant:
//! a file that was taken prints within the paper, and only with numbers that were written there or
//! belong to the profile it is based on.
//!
//! ```toml
//! base = "80mm"              # all that is not said below
//! columns = 42
//! dots = 512                 # a multiple of 8
//! small_font = false
//! feed_before_cut = 3
//! qr = "picture"             # native, picture or none
//! pictures = "columns"       # raster, columns or none
//! band_rows = 24
//! drawer = { pin = 2, on_ms = 100, off_ms = 500, open_is_high = true }
//! pages = [{ page = "PC858", n = 19 }, { page = "PC852", n = 18 }]
//! ```

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;

use super::pages::CodePage;
use super::profile::{PageNumber, PictureMode, Profile, QrMode};

const FILE_MAX: u64 = 64 * 1024;
const COLUMNS: std::ops::RangeInclusive<usize> = 24..=96;
const DOTS: std::ops::RangeInclusive<usize> = 200..=1000;
/// A band of full width must stay one command that a printer's buffer takes.
const BAND_ROWS: std::ops::RangeInclusive<usize> = 1..=100;
const PAGES_MAX: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("no printer profile has the name `{0}`, and there is no such file; names: {names}",
        names = Profile::NAMES.join(", "))]
    Unknown(String),
    #[error("cannot read the printer profile {path}: {error}")]
    Unreadable { path: String, error: io::Error },
    #[error("the printer profile is not well formed: {0}")]
    Malformed(#[from] toml::de::Error),
    #[error("the printer profile says `{field}`, which must be {must}")]
    Value { field: &'static str, must: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: Option<String>,
    columns: Option<usize>,
    dots: Option<usize>,
    small_font: Option<bool>,
    feed_before_cut: Option<u8>,
    qr: Option<String>,
    pictures: Option<String>,
    band_rows: Option<usize>,
    drawer: Option<DrawerTable>,
    pages: Option<Vec<PageTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrawerTable {
    pin: Option<u8>,
    on_ms: Option<u16>,
    off_ms: Option<u16>,
    open_is_high: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageTable {
    page: String,
    n: u8,
}

impl Profile {
    /// The profile of this name, or of the file at this path.
    pub fn find(name_or_file: &str) -> Result<Profile, ProfileError> {
        if let Some(profile) = Profile::named(name_or_file) {
            return Ok(profile);
        }
        let path = Path::new(name_or_file);
        if !path.exists() {
            return Err(ProfileError::Unknown(name_or_file.to_owned()));
        }
        let unreadable = |error| ProfileError::Unreadable { path: name_or_file.to_owned(), error };
        let mut text = String::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let mut profile = Profile::from_toml(&text)?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        profile.name = stem.unwrap_or(profile.name);
        Ok(profile)
    }

    /// The profile that a file's text describes.
    pub fn from_toml(text: &str) -> Result<Profile, ProfileError> {
        let file: File = toml::from_str(text)?;
        let base = file.base.as_deref().unwrap_or("80mm");
        let mut profile =
            Profile::named(base).ok_or_else(|| value("base", &Profile::NAMES.join(", ")))?;
        if let Some(columns) = file.columns {
            profile.columns = within("columns", columns, &COLUMNS)?;
        }
        if let Some(dots) = file.dots {
            profile.dots = within("dots", dots, &DOTS)?;
            if dots % 8 != 0 {
                return Err(value("dots", "a multiple of 8"));
            }
        }
        profile.font_b = file.small_font.unwrap_or(profile.font_b);
        profile.feed_before_cut = file.feed_before_cut.unwrap_or(profile.feed_before_cut);
        if let Some(qr) = &file.qr {
            profile.qr = match qr.as_str() {
                "native" => QrMode::Native,
                "picture" => QrMode::Picture,
                "none" => QrMode::None,
                _ => return Err(value("qr", "native, picture or none")),
            };
        }
        profile.pictures = pictures(&file, profile.pictures)?;
        if let Some(drawer) = &file.drawer {
            read_drawer(drawer, &mut profile)?;
        }
        if let Some(pages) = &file.pages {
            profile.pages = read_pages(pages)?;
        }
        if profile.qr == QrMode::Picture && profile.pictures == PictureMode::None {
            return Err(value("qr", "native or none where there are no pictures"));
        }
        Ok(profile)
    }
}

fn value(field: &'static str, must: &str) -> ProfileError {
    ProfileError::Value { field, must: must.to_owned() }
}

fn within(
    field: &'static str,
    given: usize,
    range: &std::ops::RangeInclusive<usize>,
) -> Result<usize, ProfileError> {
    match range.contains(&given) {
        true => Ok(given),
        false => Err(value(field, &format!("{} to {}", range.start(), range.end()))),
    }
}

fn pictures(file: &File, base: PictureMode) -> Result<PictureMode, ProfileError> {
    let before = match base {
        PictureMode::Raster { band_rows } => band_rows,
        PictureMode::Columns | PictureMode::None => 24,
    };
    let band_rows = within("band_rows", file.band_rows.unwrap_or(before), &BAND_ROWS)?;
    match file.pictures.as_deref() {
        None if base == PictureMode::None => Ok(base),
        None | Some("raster") => Ok(PictureMode::Raster { band_rows }),
        Some("columns") => Ok(PictureMode::Columns),
        Some("none") => Ok(PictureMode::None),
        Some(_) => Err(value("pictures", "raster, columns or none")),
    }
}

fn read_drawer(table: &DrawerTable, profile: &mut Profile) -> Result<(), ProfileError> {
    let drawer = &mut profile.drawer;
    if let Some(pin) = table.pin {
        drawer.connector = match pin {
            2 => 0,
            5 => 1,
            _ => return Err(value("pin", "2 or 5")),
        };
    }
    // The printer counts in units of 2 ms, in a byte.
    let units = |field, ms: u16| match ms {
        2..=510 => u8::try_from(ms / 2).map_err(|_| value(field, "2 to 510")),
        _ => Err(value(field, "2 to 510")),
    };
    if let Some(on) = table.on_ms {
        drawer.t1 = units("on_ms", on)?;
    }
    if let Some(off) = table.off_ms {
        drawer.t2 = units("off_ms", off)?;
    }
    drawer.open_is_high = table.open_is_high.unwrap_or(drawer.open_is_high);
    Ok(())
}

fn read_pages(tables: &[PageTable]) -> Result<Vec<PageNumber>, ProfileError> {
    let mut pages: Vec<PageNumber> = Vec::new();
    if tables.is_empty() || tables.len() > PAGES_MAX {
        return Err(value("pages", &format!("1 to {PAGES_MAX} pages")));
    }
    for table in tables {
        let names = || CodePage::ALL.map(CodePage::name).join(", ");
        let page = CodePage::named(&table.page).ok_or_else(|| value("page", &names()))?;
        if pages.iter().any(|entry| entry.n == table.n || entry.page == page) {
            return Err(value("pages", "each page once, each with a number of its own"));
        }
        pages.push(PageNumber { page, n: table.n });
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let profile = Profile::from_toml(
            "base = \"58mm\"\ncolumns = 30\nfeed_before_cut = 4\nqr = \"picture\"\n\
             pictures = \"columns\"\n\
             drawer = { pin = 5, on_ms = 100, open_is_high = true }\n\
             pages = [{ page = \"cp858\", n = 7 }]\n",
        )
        .unwrap();
        assert_eq!((profile.columns, profile.dots, profile.feed_before_cut), (30, 384, 4));
        assert_eq!((profile.qr, profile.pictures), (QrMode::Picture, PictureMode::Columns));
        assert_eq!(profile.pages, [PageNumber { page: CodePage::Pc858, n: 7 }]);
        let drawer = profile.drawer;
        assert_eq!((drawer.connector, drawer.t1, drawer.t2), (1, 50, 250));
        assert!(drawer.open_is_high);
        assert_eq!(Profile::from_toml("").unwrap(), Profile::default());
        let banded = Profile::from_toml("band_rows = 100").unwrap();
        assert_eq!(banded.pictures, PictureMode::Raster { band_rows: 100 });
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused_in_words() {
        for (text, words) in [
            ("columns = 5", "`columns`, which must be 24 to 96"),
            ("dots = 575", "multiple of 8"),
            ("dots = 5000", "200 to 1000"),
            ("base = \"x\"", "80mm, 80mm-42"),
            ("colums = 42", "unknown field `colums`"),
            ("qr = \"yes\"", "native, picture or none"),
            ("qr = \"picture\"\npictures = \"none\"", "where there are no pictures"),
            ("pictures = \"bmp\"", "raster, columns or none"),
            ("band_rows = 300", "1 to 100"),
            ("drawer = { pin = 3 }", "2 or 5"),
            ("drawer = { on_ms = 900 }", "2 to 510"),
            ("pages = []", "1 to 64"),
            ("pages = [{ page = \"KOI8\", n = 1 }]", "PC437"),
            ("pages = [{ page = \"437\", n = 1 }, { page = \"850\", n = 1 }]", "number of its own"),
            ("columns =", "not well formed"),
        ] {
            let error = Profile::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_profile_is_found_by_name_or_by_file() {
        assert_eq!(Profile::find("58mm").unwrap().columns, 32);
        let error = Profile::find("no-such-profile").unwrap_err().to_string();
        assert!(error.contains("no-such-profile") && error.contains("58mm"), "{error}");
        let name = format!("oneshelf-profile-{}.toml", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "columns = 40").unwrap();
        let profile = Profile::find(file.to_str().unwrap()).unwrap();
        assert_eq!(profile.columns, 40);
        assert!(profile.name.starts_with("oneshelf-profile-"));
        std::fs::remove_file(&file).unwrap();
        assert!(Profile::find("/").unwrap_err().to_string().contains("cannot read"));
    }
}
