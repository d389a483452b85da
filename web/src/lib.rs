//! The built pages, embedded. Owns the files of the web build and their content types; knows no
//! route and no server. Invariant: an asset that may be cached for ever carries a hash in its name.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/pages"]
struct Pages;

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
    let found = Pages::get(path)?;
    Some(Asset {
        bytes: found.data,
        content_type: content_type(path),
        immutable: path.starts_with("assets/"),
    })
}

/// False when this binary was built without `web/dist` and holds only the page that says so.
pub fn is_built() -> bool {
    Pages::iter().any(|path| path.starts_with("assets/"))
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
    fn every_surface_has_its_page() {
        for page in ["register.html", "shop.html", "setup.html", "bench.html"] {
            let asset = file(page).expect(page);
            assert_eq!(asset.content_type, "text/html; charset=utf-8");
            assert!(!asset.immutable, "{page} must be asked for again");
            assert!(asset.bytes.starts_with(b"<!doctype html>"), "{page}");
        }
    }

    #[test]
    fn what_is_not_built_is_not_there() {
        assert_eq!(file("missing.js"), None);
        assert_eq!(file("../Cargo.toml"), None);
        assert_eq!(file(""), None);
    }

    #[test]
    fn pages_name_only_files_that_exist_and_no_other_host() {
        for page in ["register.html", "shop.html", "setup.html", "bench.html"] {
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
