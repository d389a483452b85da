//! A throw-away PostgreSQL cluster: made in a temporary folder, on a free port, gone at the end.
//! It must not know who uses it. fsync stays on: legs that promise durability run on it too.
//! PostgreSQL refuses to run as root, so root starts it as the user of Debian's package.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tree::find_program;
use crate::{packages, run};

const MAJOR_MIN: u32 = 15;
const START_TRIES: u32 = 3;
const SETTINGS: &[&str] = &["max_connections=400", "shared_buffers=256MB"];
const FOLDER: &str = "oneshelf-postgres-";

pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    owner: Option<Owner>,
    port: u16,
}

/// The user that the cluster belongs to when root starts it.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Cluster {
    pub(crate) fn start() -> Result<Self> {
        let programs = find_programs()
            .with_context(|| format!("PostgreSQL {MAJOR_MIN} or newer was not found"))?;
        let owner = if packages::is_root() { Some(Owner::of_debian()?) } else { None };
        let place = folder_for_clusters();
        remove_leftovers(&place, &programs);
        let folder = place.join(format!("{FOLDER}{}", std::process::id()));
        // Two callers of one program (the tests do that) get a folder each.
        let folder = (0..).map(|n| folder.with_extension(n.to_string())).find(|f| !f.exists());
        let folder = folder.context("no free folder name")?;
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut cluster = Self { folder, programs, owner, port: 0 };
        cluster.initialise()?;
        cluster.launch()?;
        Ok(cluster)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of `psql`, `pgbench` and the others.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    fn initialise(&self) -> Result<()> {
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
        if let Some(owner) = self.owner {
            std::os::unix::fs::chown(&self.folder, Some(owner.user), Some(owner.group))?;
        }
        let mut initdb = self.command("initdb");
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--pgdata"]).arg(self.base());
        run::output(&mut initdb).map(drop)
    }

    /// Another program may take the free port between the look and the start: try again then.
    fn launch(&mut self) -> Result<()> {
        let mut last = None;
        for _ in 0..START_TRIES {
            self.port = free_port()?;
            match self.launch_once() {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let why = last.map(|error| format!("{error:#}")).unwrap_or_default();
        bail!("PostgreSQL does not start: {why}\n{log}")
    }

    fn launch_once(&self) -> Result<()> {
        let socket = self.folder.display();
        let mut options = format!("-p {} -h 127.0.0.1 -k {socket}", self.port);
        for setting in SETTINGS {
            options += &format!(" -c {setting}");
        }
        let mut start = self.pg_ctl("start");
        start.arg("--log").arg(self.folder.join("log")).arg("--options").arg(options);
        // The server inherits these; a pipe would keep the reader waiting for its end.
        start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = start.status().context("cannot start pg_ctl")?;
        if !status.success() {
            bail!("pg_ctl start failed ({status})");
        }
        Ok(())
    }

    fn pg_ctl(&self, what: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command.args([what, "--wait", "--silent", "--pgdata"]).arg(self.base());
        command
    }

    fn base(&self) -> PathBuf {
        self.folder.join("base")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).env("LC_ALL", "C").process_group(0);
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = run::output(self.pg_ctl("stop").arg("--mode=fast"));
        if self.base().join("postmaster.pid").exists() {
            let _ = run::output(self.pg_ctl("stop").arg("--mode=immediate"));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Owner {
    fn of_debian() -> Result<Self> {
        let id = |flag| -> Result<u32> {
            let text = run::output(Command::new("id").args([flag, "postgres"]))
                .context("root needs the user `postgres` of Debian's package")?;
            text.trim().parse().context("`id` does not print a number")
        };
        Ok(Self { user: id("-u")?, group: id("-g")? })
    }
}

/// The programs of the newest PostgreSQL here, if it is new enough.
pub(crate) fn find_programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    // A link on the search path leads to the folder where the other programs lie, too.
    let linked = find_program("initdb").and_then(|program| fs::canonicalize(program).ok());
    folders.extend(linked.and_then(|program| Some(program.parent()?.to_path_buf())));
    let version = |folder: &PathBuf| {
        let text = run::output(Command::new(folder.join("postgres")).arg("--version")).ok()?;
        major(&text).filter(|major| *major >= MAJOR_MIN)
    };
    let found = folders.into_iter().filter_map(|folder| Some((version(&folder)?, folder)));
    found.max().map(|(_, folder)| folder)
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// /var/tmp is a disk where /tmp may be memory, and an fsync in memory proves nothing.
fn folder_for_clusters() -> PathBuf {
    let disk = PathBuf::from("/var/tmp");
    if disk.is_dir() { disk } else { std::env::temp_dir() }
}

/// Ends clusters whose xtask was killed before it could: only our own user's, only dead ones'.
fn remove_leftovers(place: &Path, programs: &Path) {
    let Ok(mine) = fs::metadata("/proc/self").map(|found| found.uid()) else { return };
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let Some(maker) = maker_of(&entry.file_name().to_string_lossy()) else { continue };
        let Ok(owner) = entry.metadata().map(|found| (found.uid(), found.gid())) else { continue };
        if Path::new(&format!("/proc/{maker}")).exists() || (mine != 0 && mine != owner.0) {
            continue;
        }
        let owner = (mine == 0).then_some(Owner { user: owner.0, group: owner.1 });
        drop(Cluster { folder: entry.path(), programs: programs.to_path_buf(), owner, port: 0 });
    }
}

fn maker_of(name: &str) -> Option<u32> {
    name.strip_prefix(FOLDER)?.split('.').next()?.parse().ok()
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 17beta2"), Some(17));
        assert_eq!(major("?"), None);
    }

    #[test]
    fn a_folder_names_its_maker() {
        assert_eq!(maker_of("oneshelf-postgres-123.0"), Some(123));
        assert_eq!(maker_of("systemd-private-1"), None);
    }

    /// Where the package is missing there is nothing to start; the test command installs it.
    #[test]
    fn a_cluster_answers_in_collation_c_and_leaves_nothing() {
        if find_programs().is_none() {
            return;
        }
        let cluster = Cluster::start().unwrap();
        let folder = cluster.folder.clone();
        let mut psql = Command::new(cluster.programs().join("psql"));
        let asked = "select datcollate || ' ' || current_setting('fsync') from pg_database \
                     where datname = 'postgres'";
        psql.args(["-AtX", "-d", &cluster.url(), "-c", asked]);
        assert_eq!(run::output(&mut psql).unwrap().trim(), "C on");
        drop(cluster);
        assert!(!folder.exists());
    }
}
