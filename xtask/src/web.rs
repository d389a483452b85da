//! The pages: npm packages when the lock file changed, then the build into web/dist.
//! It must not know what the pages show.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run;
use crate::tree::{Tree, find_program};

/// Vite asks for this one.
const NODE_MIN: (u32, u32) = (20, 19);
/// A copy of the lock file that the installed packages came from.
const INSTALLED: &str = "node_modules/.installed-lock.json";

pub(crate) fn build(tree: &Tree) -> Result<()> {
    install(tree, "web")?;
    println!("== building the pages");
    let mut npm = tree.command("npm");
    run::in_the_open(npm.args(["run", "build", "--silent"]).current_dir(tree.root.join("web")))
}

/// `npm ci` in a folder of the checkout, unless its packages are those of the lock file.
pub(crate) fn install(tree: &Tree, folder: &str) -> Result<()> {
    need_node()?;
    let folder = tree.root.join(folder);
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", folder.display()))?;
    if fs::read(folder.join(INSTALLED)).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("== npm ci in {}", tree.shown(&folder));
    let mut npm = tree.command("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
    run::in_the_open(&mut npm)?;
    note_installed(&folder, &lock)
}

fn note_installed(folder: &Path, lock: &[u8]) -> Result<()> {
    fs::create_dir_all(folder.join("node_modules"))?;
    fs::write(folder.join(INSTALLED), lock).context("cannot note the installed npm packages")
}

fn need_node() -> Result<()> {
    let (major, minor) = NODE_MIN;
    if find_program("node").is_none() || find_program("npm").is_none() {
        bail!("node and npm are missing: install Node {major}.{minor} or newer");
    }
    let found = run::output(std::process::Command::new("node").arg("--version"))?;
    match version(&found) {
        Some(version) if version >= NODE_MIN => Ok(()),
        _ => bail!("node is {}: Node {major}.{minor} or newer is needed", found.trim()),
    }
}

/// Major and minor of what `node --version` prints.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn node_says_its_version_with_a_v() {
        assert_eq!(super::version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(super::version("nonsense"), None);
    }
}
