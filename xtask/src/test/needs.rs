//! Gets what the chosen legs need before the first one runs, and remembers what it could not get.
//! It must not know what the legs do. What is missing has a reason that names the way out.

use std::path::Path;

use anyhow::Result;

use super::legs::{Leg, Need};
use crate::postgres::Cluster;
use crate::tree::Tree;
use crate::{packages, stop, web};

pub(crate) struct Needs {
    pub(crate) cluster: Option<Cluster>,
    missing: Vec<(Need, String)>,
}

impl Needs {
    pub(crate) fn get(tree: &Tree, legs: &[&Leg]) -> Result<Self> {
        let mut wanted: Vec<Need> = Vec::new();
        for need in legs.iter().flat_map(|leg| leg.needs) {
            if !wanted.contains(need) {
                wanted.push(*need);
            }
        }
        let mut needs = Self { cluster: None, missing: Vec::new() };
        let refused = install_packages(&wanted);
        for need in wanted {
            stop::fail_if_asked()?;
            let got = match need {
                Need::Shared => shared(tree.shared.as_deref()),
                Need::Debian(name) => installed(name, refused.as_deref()),
                Need::Npm(folder) => web::install(tree, folder),
                Need::Peers => installed("python3-venv", refused.as_deref())
                    .and_then(|()| packages::install_peers(tree)),
                Need::Postgres => installed("postgresql", refused.as_deref()).and_then(|()| {
                    println!("== starting a throw-away PostgreSQL");
                    needs.cluster = Some(Cluster::start()?);
                    Ok(())
                }),
            };
            if let Err(error) = got {
                println!("== not to be had: {error:#}");
                needs.missing.push((need, format!("{error:#}")));
            }
        }
        Ok(needs)
    }

    /// Why a leg with this need cannot run, if it cannot.
    pub(crate) fn missing(&self, need: Need) -> Option<&str> {
        self.missing.iter().find(|(missing, _)| *missing == need).map(|(_, why)| why.as_str())
    }

    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { cluster: None, missing: Vec::new() }
    }

    #[cfg(test)]
    pub(crate) fn without(need: Need) -> Self {
        Self { cluster: None, missing: vec![(need, "not here".to_owned())] }
    }
}

/// One call of apt-get for all; a refusal is told to each leg that still misses something.
fn install_packages(wanted: &[Need]) -> Option<String> {
    let names: Vec<&str> = wanted
        .iter()
        .filter_map(|need| match need {
            Need::Debian(name) => Some(*name),
            Need::Postgres => Some("postgresql"),
            Need::Peers => Some("python3-venv"),
            Need::Shared | Need::Npm(_) => None,
        })
        .collect();
    packages::install(&names).err().map(|error| format!("{error:#}"))
}

fn installed(name: &str, refused: Option<&str>) -> Result<()> {
    if packages::missing(&[name]).is_empty() {
        return Ok(());
    }
    anyhow::bail!("{name} is missing: {}", refused.unwrap_or("apt-get did not bring it"))
}

fn shared(folder: Option<&Path>) -> Result<()> {
    anyhow::ensure!(folder.is_some(), "needs ../shared (or ONESHELF_SHARED)");
    Ok(())
}
