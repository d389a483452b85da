//! What Debian and PyPI must give before a leg can run: finds it, or installs it and says so.
//! It must not know the legs. Nothing is installed that was found, whoever put it there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tree::{Tree, find_program};
use crate::{postgres, run};

/// A package of Debian and how its presence shows.
struct Package {
    name: &'static str,
    found: fn() -> bool,
}

const PACKAGES: &[Package] = &[
    Package { name: "postgresql", found: || postgres::find_programs().is_some() },
    Package { name: "chromium", found: || chromium().is_some() },
    Package { name: "strace", found: || find_program("strace").is_some() },
    Package { name: "mosquitto", found: || mosquitto().is_some() },
    Package { name: "mosquitto-clients", found: || find_program("mosquitto_sub").is_some() },
    Package { name: "zint", found: || find_program("zint").is_some() },
    Package { name: "python3-venv", found: python_makes_environments },
];

/// Installs those of `names` that are missing, in one go.
pub(crate) fn install(names: &[&str]) -> Result<()> {
    let missing = missing(names);
    if missing.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_none() {
        bail!("not found, and no apt-get here to install it: {}", missing.join(", "));
    }
    println!("== installing with apt-get: {}", missing.join(", "));
    run::in_the_open(apt_get(&["update", "--quiet"])?.env_remove("LD_LIBRARY_PATH"))?;
    let mut install = apt_get(&["install", "--yes", "--quiet", "--no-install-recommends"])?;
    run::in_the_open(install.args(&missing))
}

/// Those of `names` that this machine does not have.
pub(crate) fn missing<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let present = |name: &str| PACKAGES.iter().any(|p| p.name == name && (p.found)());
    names.iter().copied().filter(|name| !present(name)).collect()
}

fn apt_get(arguments: &[&str]) -> Result<Command> {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else if find_program("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!("neither root nor sudo: run `apt-get {}` yourself", arguments.join(" "));
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    Ok(command)
}

pub(crate) fn is_root() -> bool {
    run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

pub(crate) fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| find_program(name))
}

/// Debian puts it where only root looks.
pub(crate) fn mosquitto() -> Option<PathBuf> {
    let there = PathBuf::from("/usr/sbin/mosquitto");
    find_program("mosquitto").or_else(|| there.exists().then_some(there))
}

fn python_makes_environments() -> bool {
    run::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

/// Where the environment of tests/peers/requirements.txt lies.
pub(crate) fn peers_environment(tree: &Tree) -> PathBuf {
    tree.target.join("peers-venv")
}

/// Makes the environment of the Python peers, unless it is that of the present list.
pub(crate) fn install_peers(tree: &Tree) -> Result<()> {
    let wanted = fs::read(tree.root.join("tests/peers/requirements.txt"))
        .context("cannot read tests/peers/requirements.txt")?;
    let environment = peers_environment(tree);
    let installed = environment.join("installed-requirements.txt");
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("== pip install of tests/peers/requirements.txt");
    let mut venv = tree.command("python3");
    run::in_the_open(venv.args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = tree.command(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run::in_the_open(pip.arg("tests/peers/requirements.txt"))?;
    fs::write(installed, wanted).context("cannot note the installed Python packages")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_package_that_is_not_in_the_table_is_missing() {
        assert_eq!(super::missing(&["no-such-package"]), ["no-such-package"]);
    }
}
