//! `cargo xtask demo`: a hub on SQLite, two stores with simulated devices, and their addresses.
//! It owns the demo folder and the order of starting and stopping. It must not know what the
//! programs do: they are started as an operator would start them. A second start goes on.

mod children;
mod folder;
mod setup;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::tree::Tree;
use crate::{http, run, stop, web};
use children::{Children, address};
use folder::Folder;
use setup::{SHOP, STORES, Store};

const HUB_PORT: u16 = 8080;
const HUB_ADMIN_PORT: u16 = 8081;
const BENCH_PORT: u16 = 8070;

pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Result<ExitCode> {
    let (mut release, mut exit_after_ready, mut built) = (false, false, false);
    for argument in arguments {
        match argument.as_str() {
            "--release" => release = true,
            "--exit-after-ready" => exit_after_ready = true,
            "--built" => built = true,
            unknown => bail!("unknown option `{unknown}` of demo"),
        }
    }
    tree.need_programs(&["hub", "pos-agent", "demo-world"])?;
    if !built {
        build(tree, release)?;
    }
    let mut folder = Folder::open(tree)?;
    let mut children = Children::new(tree, release, &folder.logs());
    let outcome = open_shop(tree, &mut folder, &mut children).and_then(|places| {
        print_places(tree, &folder, &places);
        if exit_after_ready {
            return places.check();
        }
        children.wait()
    });
    println!("\nStopping ...");
    children.stop();
    outcome?;
    if exit_after_ready {
        println!("demo ok");
    } else {
        println!("All stopped. The next `cargo xtask demo` goes on with the same data.");
    }
    Ok(ExitCode::SUCCESS)
}

fn build(tree: &Tree, release: bool) -> Result<()> {
    web::build(tree)?;
    println!("== building the programs (a few minutes the first time)");
    let mut cargo = tree.cargo();
    cargo.args(["build", "--workspace", "--exclude", "xtask", "--bins"]);
    if release {
        cargo.arg("--release");
    }
    run::in_the_open(&mut cargo)
}

/// The addresses that the programs said, once all of them run.
struct Places {
    hub: String,
    admin: String,
    bench: String,
    /// Where its items come from, in words.
    catalogue: String,
    registers: Vec<(&'static Store, String)>,
}

/// The hub first, then the world of the demo (its devices and lines), then the agents.
fn open_shop(tree: &Tree, folder: &mut Folder, children: &mut Children) -> Result<Places> {
    println!("== opening the shop in {}", tree.shown(folder.path()));
    let database = format!("sqlite:{}", folder.path().join("hub.sqlite").display());
    setup::hub(children, folder, &database)?;
    let said = children.start(
        "hub",
        "hub",
        &[
            "serve",
            "--database",
            &database,
            "--data",
            &folder.make("hub")?,
            "--listen",
            &children::listen(HUB_PORT),
            "--admin-listen",
            &children::listen(HUB_ADMIN_PORT),
        ],
    )?;
    let hub = address(&said, 0)?;
    let admin = address(&said, 1)?;
    setup::stores(&hub, folder)?;
    let world = start_world(tree, folder, children, &hub)?;
    let bench = text(&world, "bench")?.trim_end_matches('/').to_owned();
    let mut registers = Vec::new();
    for store in STORES {
        let register = start_agent(folder, children, store, &world["stores"][store.code])?;
        // The bench page links to it.
        let path = format!("/bench/stores/{}/register", store.code);
        http::call(&bench, "", "POST", &path, &json!({"url": register}))?;
        registers.push((store, register));
    }
    let catalogue = text(&world, "catalogue")?.to_owned();
    Ok(Places { hub, admin, bench, catalogue, registers })
}

fn start_world(tree: &Tree, folder: &Folder, children: &mut Children, hub: &str) -> Result<Value> {
    let data = folder.make("world")?;
    let secret = [("HUB_SECRET", folder.secret()?)];
    let listen = children::listen(BENCH_PORT);
    let stores: Vec<String> =
        STORES.iter().map(|store| format!("{}={}", store.code, store.name)).collect();
    let mut arguments = vec!["--hub", hub, "--listen", &listen, "--data", &data];
    for store in &stores {
        arguments.extend(["--store", store]);
    }
    let shared = tree.shared.as_ref().map(|shared| shared.display().to_string());
    if let Some(shared) = &shared {
        arguments.extend(["--shared", shared]);
    }
    let said = children.start_with("demo-world", "demo-world", &arguments, &secret)?;
    serde_json::from_str(&said).with_context(|| format!("demo-world said no JSON: {said}"))
}

/// Enrols the agent once, then starts it on the simulated devices behind the simulated line.
fn start_agent(
    folder: &mut Folder,
    children: &mut Children,
    store: &'static Store,
    devices: &Value,
) -> Result<String> {
    let line = text(devices, "hub")?;
    let data = setup::agent(children, folder, store, line)?;
    let said = children.start(
        &format!("agent-{}", store.code),
        "pos-agent",
        &[
            "serve",
            "--data",
            &data,
            "--hub",
            line,
            "--listen",
            &children::listen(store.port),
            "--printer",
            text(devices, "printer")?,
            "--scanner",
            text(devices, "scanner")?,
        ],
    )?;
    address(&said, 0)
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("demo-world said nothing of `{key}`: {value}"))
}

impl Places {
    /// Every address that the table names.
    fn pages(&self) -> Vec<(String, &str, &str)> {
        let mut pages = vec![
            ("Shop page".to_owned(), self.hub.as_str(), "/shop/"),
            ("Set-up page".to_owned(), &self.hub, "/setup/"),
            ("API documents".to_owned(), &self.hub, "/docs"),
        ];
        for (store, register) in &self.registers {
            pages.push((format!("Register, {}", store.name), register, "/"));
        }
        pages.push(("Bench: scan, print, cut the line".to_owned(), &self.bench, "/"));
        pages.push(("Health and metrics".to_owned(), &self.admin, "/healthz"));
        pages
    }

    fn check(&self) -> Result<()> {
        for (name, base, path) in self.pages() {
            stop::fail_if_asked()?;
            let answer = http::get(base, path)?;
            if answer.status != 200 {
                bail!("{name} ({base}{path}) answers {}: {}", answer.status, answer.body.trim());
            }
            println!("  {name} answers");
        }
        Ok(())
    }
}

fn print_places(tree: &Tree, folder: &Folder, places: &Places) {
    println!("\n{SHOP} is open. It sells {}.\n", places.catalogue);
    for (name, base, path) in places.pages() {
        println!("  {name:<34}{}{path}", base.trim_end_matches('/'));
    }
    println!("\n  {:<34}{}", "Admin secret (set-up page)", folder.secret().unwrap_or("?"));
    for store in STORES {
        for person in store.staff {
            let pin = folder.pin(store, person).unwrap_or("?");
            let sign_in = format!("{}, PIN {pin} ({})", person.name, person.role);
            println!("  {:<34}{sign_in}", format!("Sign in, {}", store.name));
        }
    }
    let path = folder.path();
    println!("\n  Kept in {} (mode 0600)", tree.shown(&path.join("credentials.txt")));
    println!("  Logs in {}", tree.shown(&folder.logs()));
    println!("\nCtrl-C stops everything. To begin anew, remove {}.", tree.shown(path));
}
