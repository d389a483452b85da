//! The demo's shop: its name, its stores, their people, and how a first start enters them.
//! It must not know how programs are started. Each step is noted when it is done, and a step that
//! was cut off is begun anew.

use std::fs;

use anyhow::{Context, Result};
use serde_json::json;

use super::children::Children;
use super::folder::Folder;
use crate::http;

pub(crate) const SHOP: &str = "Harbour Goods";
const ZONE: &str = "Europe/Dublin";

pub(crate) struct Store {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    address: &'static str,
    registers: &'static [(&'static str, &'static str)],
    pub(crate) staff: &'static [Person],
}

pub(crate) struct Person {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) role: &'static str,
}

impl Person {
    /// A manager's PIN opens more, so it is longer.
    pub(crate) fn pin_digits(&self) -> usize {
        if self.role == "manager" { 6 } else { 4 }
    }
}

pub(crate) const STORES: &[Store] = &[
    Store {
        code: "S07",
        name: "Quay Street",
        port: 8091,
        address: "12 Quay Street, Galway",
        registers: &[("R1", "Register 1"), ("R2", "Register 2")],
        staff: &[
            Person { code: "ana", name: "Ana", role: "cashier" },
            Person { code: "maeve", name: "Maeve", role: "manager" },
        ],
    },
    Store {
        code: "S02",
        name: "Patrick Street",
        port: 8092,
        address: "48 Patrick Street, Cork",
        registers: &[("R1", "Register 1")],
        staff: &[
            Person { code: "tom", name: "Tom", role: "cashier" },
            Person { code: "niamh", name: "Niamh", role: "manager" },
        ],
    },
];

/// Makes the hub's database once and keeps the admin secret that it prints.
pub(crate) fn hub(children: &Children, folder: &mut Folder, database: &str) -> Result<()> {
    if folder.secret().is_ok() {
        return Ok(());
    }
    // Nobody has the secret of a database that an interrupted start left: it never served.
    for name in ["hub.sqlite", "hub.sqlite-wal", "hub.sqlite-shm"] {
        let _ = fs::remove_file(folder.path().join(name));
    }
    let said = children.once(
        "hub",
        &[
            "setup",
            "--database",
            database,
            "--name",
            SHOP,
            "--currency",
            "EUR",
            "--zone",
            ZONE,
            "--tax-rate",
            "2300",
            "--tax-name",
            "VAT 23%",
            "--location",
            "W01",
            "--location-name",
            "Naas",
            "--location-kind",
            "warehouse",
        ],
    )?;
    let secret = said.split_whitespace().find(|word| word.starts_with("osa_"));
    folder.keep_secret(secret.context("hub setup printed no admin secret")?)
}

/// Enters stores, registers and staff; to enter them twice changes nothing.
pub(crate) fn stores(hub: &str, folder: &mut Folder) -> Result<()> {
    if folder.is_done("stores") {
        return Ok(());
    }
    let secret = folder.secret()?.to_owned();
    let put = |path: String, body| http::call(hub, &secret, "PUT", &path, &body);
    for store in STORES {
        let code = store.code;
        let header = [SHOP, store.address];
        put(
            format!("/v1/locations/{code}"),
            json!({
                "name": store.name,
                "kind": "store",
                "zone": ZONE,
                "address": store.address,
                "receipt_header": header,
            }),
        )?;
        for (register, name) in store.registers {
            put(format!("/v1/registers/{code}/{register}"), json!({"name": name}))?;
        }
        for person in store.staff {
            let pin = folder.make_pin(store, person)?;
            put(
                format!("/v1/staff/{}", person.code),
                json!({
                    "name": person.name,
                    "role": person.role,
                    "locations": [code],
                    "pin": pin,
                }),
            )?;
        }
    }
    folder.set_done("stores")
}

/// Enrols the store's agent once, over its own line, and gives back its data folder.
pub(crate) fn agent(
    children: &Children,
    folder: &Folder,
    store: &Store,
    line: &str,
) -> Result<String> {
    let step = format!("enrolled-{}", store.code);
    let name = format!("agent-{}", store.code);
    if folder.is_done(&step) {
        return folder.make(&name);
    }
    // An agent that was never noted as enrolled has never sold anything.
    let _ = fs::remove_dir_all(folder.path().join(&name));
    let data = folder.make(&name)?;
    let secret = folder.secret()?;
    let body = json!({"location": store.code});
    let enrolment = http::call(line, secret, "POST", "/v1/enrolments", &body)?;
    let code = enrolment["code"].as_str().context("the hub gave no enrolment code")?;
    children.once("pos-agent", &["enrol", "--data", &data, "--hub", line, "--code", code])?;
    folder.set_done(&step)?;
    Ok(data)
}
