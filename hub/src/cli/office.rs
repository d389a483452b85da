//! `hub location|register|staff|policy`: each the same command as an HTTP endpoint.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Where, part};
use super::say;
use super::table::table;

/// Prints a list as a table, or as JSON: all of it, however many pages the hub makes of it.
pub(super) async fn list(
    at: &Where,
    path: &str,
    name: &str,
    headings: &[&str],
) -> anyhow::Result<()> {
    let rows = at.client()?.all(path, name).await?;
    if at.json {
        return say(&serde_json::to_string_pretty(&json!({ name: rows }))?);
    }
    say(&table(headings, &rows))
}

/// Prints an answer, or the few words that matter of it.
pub(super) fn done(at: &Where, answer: &Value, words: &str) -> anyhow::Result<()> {
    if at.json { say(&serde_json::to_string_pretty(answer)?) } else { say(words) }
}

pub(super) async fn remove(at: &Where, path: &str, words: &str) -> anyhow::Result<()> {
    let answer = at.client()?.delete(path).await?;
    done(at, &answer, words)
}

/// Locations.
#[derive(Args)]
pub(super) struct LocationCommand {
    #[command(subcommand)]
    what: LocationWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum LocationWhat {
    /// Makes or changes a location.
    Add {
        /// Upper-case letters and digits; for ever, it stands in receipt numbers.
        code: String,
        /// As shown.
        #[arg(long)]
        name: String,
        /// store, warehouse, dropship or transit.
        #[arg(long, default_value = "store")]
        kind: String,
        /// IANA time zone; the shop's when not said.
        #[arg(long)]
        zone: Option<String>,
        /// One line.
        #[arg(long)]
        address: Option<String>,
        /// A line at the top of receipts; may be given several times.
        #[arg(long = "header")]
        headers: Vec<String>,
        /// As shown to shoppers.
        #[arg(long)]
        opening_hours: Option<String>,
    },
    /// Lists all locations with the state of their lines.
    List,
    /// Closes a location.
    Remove {
        /// Which.
        code: String,
    },
    /// After a restore: promises a location again whose agents are gone and can tell nothing.
    Recovered {
        /// Which.
        code: String,
    },
}

pub(super) async fn location(command: &LocationCommand) -> anyhow::Result<()> {
    let at = &command.at;
    match &command.what {
        LocationWhat::Add { code, name, kind, zone, address, headers, opening_hours } => {
            let body = json!({"name": name, "kind": kind, "zone": zone, "address": address,
                "receipt_header": headers, "opening_hours": opening_hours});
            let path = format!("/v1/locations/{}", part(code));
            let answer = at.client()?.put(&path, &body).await?;
            done(at, &answer, &format!("location {code} is there"))
        }
        LocationWhat::List => {
            let headings = ["code", "name", "kind", "zone", "state", "link"];
            list(at, "/v1/locations", "locations", &headings).await
        }
        LocationWhat::Remove { code } => {
            let path = format!("/v1/locations/{}", part(code));
            remove(at, &path, &format!("location {code} is closed")).await
        }
        LocationWhat::Recovered { code } => {
            let path = format!("/v1/locations/{}/recovery", part(code));
            remove(at, &path, &format!("location {code} is promised again")).await
        }
    }
}

/// Registers.
#[derive(Args)]
pub(super) struct RegisterCommand {
    #[command(subcommand)]
    what: RegisterWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum RegisterWhat {
    /// Makes or changes a register.
    Add {
        /// Where it stands.
        location: String,
        /// Upper-case letters and digits; for ever, it stands in receipt numbers.
        code: String,
        /// As shown; its code when not said.
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists all registers.
    List,
    /// Takes a register out of use.
    Remove {
        /// Where it stands.
        location: String,
        /// Which.
        code: String,
    },
}

pub(super) async fn register(command: &RegisterCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let path =
        |location: &str, code: &str| format!("/v1/registers/{}/{}", part(location), part(code));
    match &command.what {
        RegisterWhat::Add { location, code, name } => {
            let body = json!({"name": name.as_ref().unwrap_or(code)});
            let answer = at.client()?.put(&path(location, code), &body).await?;
            done(at, &answer, &format!("register {location}-{code} is there"))
        }
        RegisterWhat::List => {
            list(at, "/v1/registers", "registers", &["location", "code", "name"]).await
        }
        RegisterWhat::Remove { location, code } => {
            let words = format!("register {location}-{code} is out of use");
            remove(at, &path(location, code), &words).await
        }
    }
}

/// People.
#[derive(Args)]
pub(super) struct StaffCommand {
    #[command(subcommand)]
    what: StaffWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum StaffWhat {
    /// Makes or changes a member of staff.
    Add {
        /// Typed at sign-in: lower-case letters, digits, dots and hyphens.
        code: String,
        /// As on receipts.
        #[arg(long)]
        name: String,
        /// admin, manager, clerk or cashier.
        #[arg(long, default_value = "cashier")]
        role: String,
        /// Where they work; may be given several times; everywhere when never.
        #[arg(long = "location")]
        locations: Vec<String>,
        /// Four digits, six for managers; better given by the environment.
        #[arg(long, env = "HUB_PIN", hide_env_values = true)]
        pin: Option<String>,
        /// For the hub's pages; better given by the environment.
        #[arg(long, env = "HUB_PASSWORD", hide_env_values = true)]
        password: Option<String>,
    },
    /// Lists all staff.
    List,
    /// Ends a member of staff.
    Remove {
        /// Whom.
        code: String,
    },
}

pub(super) async fn staff(command: &StaffCommand) -> anyhow::Result<()> {
    let at = &command.at;
    match &command.what {
        StaffWhat::Add { code, name, role, locations, pin, password } => {
            let body = json!({"name": name, "role": role, "locations": locations, "pin": pin,
                "password": password});
            let path = format!("/v1/staff/{}", part(code));
            let answer = at.client()?.put(&path, &body).await?;
            done(at, &answer, &format!("{code} is there"))
        }
        StaffWhat::List => {
            list(at, "/v1/staff", "staff", &["code", "name", "role", "locations"]).await
        }
        StaffWhat::Remove { code } => {
            let path = format!("/v1/staff/{}", part(code));
            remove(at, &path, &format!("{code} is gone")).await
        }
    }
}

/// Policies.
#[derive(Args)]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    what: PolicyWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum PolicyWhat {
    /// Sets a policy: `share S07 '*' 2` (or `20%`, or `auto`), `safety SKU S07 1`,
    /// `buffer SKU web 3`.
    Add {
        /// share, safety or buffer.
        kind: String,
        /// Of share the location, else the SKU.
        first: String,
        /// Of share the SKU or `*`, of safety the location, of buffer the channel.
        second: String,
        /// Units; of share also a percentage (`20%`) or `auto`.
        quantity: Amount,
    },
    /// Lists all policies.
    List,
    /// Removes a policy, named as it was set.
    Remove {
        /// share, safety or buffer.
        kind: String,
        /// Of share the location, else the SKU.
        first: String,
        /// Of share the SKU or `*`, of safety the location, of buffer the channel.
        second: String,
    },
}

/// A policy's number as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Units(i64),
    Percent(i64),
    Auto,
}

impl std::str::FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |_| "units, a percentage such as 20%, or auto".to_owned();
        match text.strip_suffix('%') {
            _ if text == "auto" => Ok(Amount::Auto),
            Some(percent) => Ok(Amount::Percent(percent.trim().parse().map_err(wrong)?)),
            None => Ok(Amount::Units(text.parse().map_err(wrong)?)),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Amount::Units(n) => n.fmt(f),
            Amount::Percent(n) => write!(f, "{n}%"),
            Amount::Auto => f.write_str("auto"),
        }
    }
}

impl Amount {
    /// The hub judges whether it fits the policy.
    fn body(self) -> serde_json::Value {
        match self {
            Amount::Units(n) => json!({"quantity": n}),
            Amount::Percent(n) => json!({"rule": "percent", "quantity": n}),
            Amount::Auto => json!({"rule": "auto"}),
        }
    }
}

pub(super) async fn policy(command: &PolicyCommand) -> anyhow::Result<()> {
    let at = &command.at;
    let path = |kind: &str, first: &str, second: &str| -> anyhow::Result<String> {
        if !["share", "safety", "buffer"].contains(&kind) {
            bail!("{kind}: share, safety or buffer");
        }
        Ok(format!("/v1/policies/{kind}/{}/{}", part(first), part(second)))
    };
    match &command.what {
        PolicyWhat::Add { kind, first, second, quantity } => {
            let body = quantity.body();
            let answer = at.client()?.put(&path(kind, first, second)?, &body).await?;
            done(at, &answer, &format!("{kind} {first} {second} is {quantity}"))
        }
        PolicyWhat::List => {
            let headings = ["kind", "sku", "location", "channel", "rule", "quantity"];
            list(at, "/v1/policies", "policies", &headings).await
        }
        PolicyWhat::Remove { kind, first, second } => {
            let words = format!("{kind} {first} {second} is removed");
            remove(at, &path(kind, first, second)?, &words).await
        }
    }
}
