//! `hub key`: keys of servers, apps and web shops, with all that the endpoint can be told.
//!
//! Invariant: what an option means is the hub's matter; here stand only its words.

use anyhow::Context;
use clap::{Args, Subcommand};
use oneshelf_domain::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, Where, part};
use super::office::{done, list, remove};

/// Keys.
#[derive(Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    what: KeyWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum KeyWhat {
    /// Makes a key and prints it once.
    Add(Box<NewKey>),
    /// Lists all keys, without their secrets.
    List,
    /// Ends a key.
    Remove {
        /// Its id, `key_...`.
        id: String,
    },
}

#[derive(Args)]
struct NewKey {
    /// For people.
    name: String,
    /// secret or publishable.
    #[arg(long, default_value = "secret")]
    kind: String,
    /// stock:read, stock:write, catalogue, reserve, hold, live or admin; several times.
    #[arg(long = "scope", required = true)]
    scopes: Vec<String>,
    /// Web origin that may use a publishable key; several times.
    #[arg(long = "origin")]
    origins: Vec<String>,
    /// The channel whose figure limits it.
    #[arg(long)]
    channel: Option<String>,
    /// exact, level or yes_no.
    #[arg(long)]
    display: Option<String>,
    /// The largest number that `exact` shows.
    #[arg(long, default_value_t = 10)]
    cap: i64,
    /// The number that `level` calls low, and all below it.
    #[arg(long, default_value_t = 3)]
    low: i64,
    /// After this time it is dead, as in 90m, 12h, 30d or 2w.
    #[arg(long, value_parser = span_ms, conflicts_with = "expires_at")]
    expires_in: Option<i64>,
    /// From this moment on it is dead, as in 2027-01-31T18:00:00Z.
    #[arg(long)]
    expires_at: Option<String>,
}

impl NewKey {
    fn display(&self) -> Value {
        match self.display.as_deref() {
            None => Value::Null,
            Some("exact") => json!({"kind": "exact", "cap": self.cap}),
            Some("level") => json!({"kind": "level", "low": self.low}),
            Some(other) => json!({"kind": other}),
        }
    }

    /// A span counts from the hub's now: its clock is the one that ends the key.
    async fn end(&self, client: &Client) -> anyhow::Result<Value> {
        let Some(ms) = self.expires_in else { return Ok(json!(self.expires_at)) };
        let time = client.get("/v1/time").await?;
        let now: Timestamp =
            serde_json::from_value(time["now"].clone()).context("the hub told no time")?;
        Ok(json!(now.plus_ms(ms)))
    }
}

/// Milliseconds of `90m`, `12h`, `30d`, `2w`.
fn span_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text}: a whole number with s, m, h, d or w, as in 30d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    Ok(i64::from(number) * seconds * 1_000)
}

pub(super) async fn key(command: &KeyCommand) -> anyhow::Result<()> {
    let at = &command.at;
    match &command.what {
        KeyWhat::Add(new) => {
            let client = at.client()?;
            let body = json!({"name": new.name, "kind": new.kind, "scopes": new.scopes,
                "origins": new.origins, "channel": new.channel, "display": new.display(),
                "expires_at": new.end(&client).await?});
            let answer = client.post("/v1/keys", &body).await?;
            let text = |name: &str| answer[name].as_str().unwrap_or_default();
            done(at, &answer, &format!("{} {}", text("id"), text("secret")))
        }
        KeyWhat::List => {
            let headings = ["id", "name", "kind", "scopes", "channel", "origins", "expires_at"];
            list(at, "/v1/keys", "keys", &headings).await
        }
        KeyWhat::Remove { id } => {
            remove(at, &format!("/v1/keys/{}", part(id)), &format!("{id} is ended")).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::span_ms;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        for (text, seconds) in [("45s", 45), ("90m", 5_400), ("12h", 43_200), ("2w", 1_209_600)] {
            assert_eq!(span_ms(text), Ok(seconds * 1_000), "{text}");
        }
        for wrong in ["", "d", "30", "-1d", "1.5h", "30 d", "1y", "99999999999d", "3\u{e9}"] {
            assert!(span_ms(wrong).is_err(), "{wrong}");
        }
    }
}
