//! Watches the built pages, so that the crate embeds what is there now. Owns one decision: whether
//! their absence is an error (`ONESHELF_REQUIRE_WEB=1`). It runs no npm and writes nothing.

use std::path::PathBuf;
use std::{env, io};

/// Every page of the build, and the element; one that is missing means a broken `dist`.
const PAGES: [&str; 6] = [
    "register.html",
    "display.html",
    "shop.html",
    "setup.html",
    "bench.html",
    "element/oneshelf.js",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-env-changed=ONESHELF_REQUIRE_WEB");

    let dist = env::var_os("CARGO_MANIFEST_DIR")
        .map(|folder| PathBuf::from(folder).join("dist"))
        .ok_or_else(|| io::Error::other("cargo did not set CARGO_MANIFEST_DIR"))?;
    let required = env::var("ONESHELF_REQUIRE_WEB").is_ok_and(|wanted| wanted == "1");
    match PAGES.iter().find(|page| !dist.join(page).is_file()) {
        Some(page) if required => Err(io::Error::other(format!(
            "web/dist has no {page}: run `cargo xtask web` before this build"
        ))),
        _ => Ok(()),
    }
}
