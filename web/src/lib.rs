//! The built pages, embedded. Owns the files of the web build and their content types; knows no
//! route and no server. Invariants: the crate compiles without the build and then answers each page
//! with a few words about how to make it; an asset that may be kept for ever carries a hash in its
//! name.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dist"]
#[allow_missing = true]
struct Dist;

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
<title>Oneshelf</title><p>This build has no pages. Run <code>cargo xtask web</code>, \
then build again.</p></html>\n";

const PAGES: [&str; 5] = ["register.html", "display.html", "shop.html", "setup.html", "bench.html"];

/// The live-stock element for other people's pages: one script, always at this path.
pub const ELEMENT: &str = "element/oneshelf.js";

/// A file of the web build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// The name changes with the content, so a browser may keep it for ever.
    pub immutable: bool,
}

/// The file at `path`, relative to the build's root: `register.html`, `assets/register-x1.js`.
pub fn file(path: &str) -> Option<Asset> {
    let bytes = match Dist::get(path) {
        Some(found) => found.data,
        None if PAGES.contains(&path) => Cow::Borrowed(PLACEHOLDER.as_bytes()),
        None => return None,
    };
    let immutable = path.starts_with("assets/");
    Some(Asset { bytes, content_type: content_type(path), immutable })
}

/// False when this program was built without `web/dist` and has only the words instead.
pub fn is_built() -> bool {
    PAGES.iter().chain([&ELEMENT]).all(|path| Dist::get(path).is_some())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_has_its_page_also_without_a_build() {
        for page in PAGES {
            let asset = file(page).expect(page);
            assert_eq!(asset.content_type, "text/html; charset=utf-8");
            assert!(!asset.immutable, "{page} must be asked for again");
            assert!(asset.bytes.starts_with(b"<!doctype html>"), "{page}");
        }
    }

    #[test]
    fn the_element_is_asked_for_again_and_loads_nothing_else() {
        let Some(asset) = file(ELEMENT) else { return assert!(!is_built()) };
        assert_eq!(
            (asset.content_type, asset.immutable),
            ("text/javascript; charset=utf-8", false)
        );
        let text = String::from_utf8(asset.bytes.into_owned()).expect("utf-8");
        assert!(!text.contains("import(") && !text.contains("innerHTML"), "one script, no markup");
    }

    #[test]
    fn what_is_not_built_is_not_there() {
        for path in ["missing.js", "../Cargo.toml", "", "/register.html", "assets"] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn pages_name_only_files_that_exist_and_no_other_host() {
        for page in PAGES {
            let asset = file(page).expect(page);
            let text = String::from_utf8(asset.bytes.into_owned()).expect("utf-8");
            assert!(!text.contains("http://") && !text.contains("https://"), "{page}");
            for part in text.split("\"./").skip(1) {
                let name = part.split('"').next().unwrap_or_default();
                let named = file(name).unwrap_or_else(|| panic!("{page} names {name}"));
                assert!(named.immutable, "{name} has a hash in its name");
            }
        }
    }
}
