//! Puts the built pages where the crate embeds them from. Owns nothing but a folder in `OUT_DIR`;
//! runs no npm and never writes into the source tree. Invariant: the crate always compiles; without
//! built pages it holds a page that says how to build them, unless `ONESHELF_REQUIRE_WEB=1`, when
//! their absence is an error.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Every page of the build; one that is missing means a broken or half-made `dist`.
const PAGES: [&str; 4] = ["register.html", "shop.html", "setup.html", "bench.html"];

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Oneshelf</title><p>This build has no pages. Run <code>cargo xtask web</code> and build again.";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-env-changed=ONESHELF_REQUIRE_WEB");

    let source = folder("CARGO_MANIFEST_DIR")?.join("dist");
    let target = folder("OUT_DIR")?.join("pages");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;

    let built = PAGES.iter().all(|page| source.join(page).is_file());
    if built {
        return copy(&source, &target);
    }
    if env::var("ONESHELF_REQUIRE_WEB").is_ok_and(|wanted| wanted == "1") {
        return Err(io::Error::other(
            "web/dist is missing or incomplete: run `cargo xtask web` before this build",
        ));
    }
    PAGES.iter().try_for_each(|page| fs::write(target.join(page), PLACEHOLDER))
}

fn folder(variable: &str) -> io::Result<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other(format!("cargo did not set {variable}")))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
