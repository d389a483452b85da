//! Where things lie: the checkout, its target folder, and the optional folder of shared data.
//! It must not know what is done with them. Nothing else in xtask computes a path from scratch.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// Specifications, recordings and data that only our own machines have.
    pub(crate) shared: Option<PathBuf>,
}

impl Tree {
    pub(crate) fn find() -> Result<Self> {
        // Cargo names the manifest of the moment; the compiled-in one may be of a moved checkout.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().context("xtask lies inside the workspace")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let shared = match std::env::var_os("ONESHELF_SHARED") {
            Some(folder) => Some(root.join(folder)),
            None => root.parent().map(|parent| parent.join("shared")),
        };
        let shared = shared.filter(|folder| folder.join("data").is_dir());
        Ok(Self { root, target, shared })
    }

    pub(crate) fn program(&self, name: &str, release: bool) -> PathBuf {
        self.target.join(if release { "release" } else { "debug" }).join(name)
    }

    pub(crate) fn has_pages(&self) -> bool {
        self.root.join("web/dist").is_dir()
    }

    /// A command in the root of the checkout, without the variables that `cargo run` adds:
    /// build scripts that watch them (ring's does) would otherwise be built again.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let of_cargo_run = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                .iter()
                .any(|prefix| text.starts_with(prefix));
            if of_cargo_run || text == "CARGO" || text == "LD_LIBRARY_PATH" {
                command.env_remove(&name);
            }
        }
        match &self.shared {
            Some(shared) => command.env("ONESHELF_SHARED", shared),
            None => command.env_remove("ONESHELF_SHARED"),
        };
        command
    }

    /// Cargo with the pages required, as every build that somebody will look at needs them.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        command.env("ONESHELF_REQUIRE_WEB", "1");
        command
    }

    /// Fails when the workspace has no program of one of these names.
    pub(crate) fn need_programs(&self, names: &[&str]) -> Result<()> {
        let metadata = self.metadata()?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let targets = packages.flat_map(|it| it["targets"].as_array().into_iter().flatten());
        let programs: Vec<&str> = targets
            .filter(|target| target["kind"][0] == "bin")
            .filter_map(|target| target["name"].as_str())
            .collect();
        for name in names {
            anyhow::ensure!(programs.contains(name), "this tree has no program `{name}` yet");
        }
        Ok(())
    }

    /// What cargo says of the workspace's own packages.
    pub(crate) fn metadata(&self) -> Result<Value> {
        let mut cargo = self.command("cargo");
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
        serde_json::from_str(&run::output(&mut cargo)?).context("cargo metadata is not JSON")
    }

    /// The path as a person in the checkout would type it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Looks a program up as the shell would.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(extra)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
