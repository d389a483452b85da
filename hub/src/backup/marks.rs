//! For whom each location waits after a restore, before anything of it is promised again: its
//! agents, also those that joined after the backup, as the witness knows; and the channels that it
//! serves, whose orders since the backup are not in it.
//!
//! It changes nothing but the marks. Invariant: they are stored before the epoch begins.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use oneshelf_domain::code::ChannelCode;
use oneshelf_domain::record::{Record, RecordState, Records, Recovering};
use oneshelf_domain::stock::{Command, Version};
use oneshelf_domain::{CommandId, LocationCode};
use oneshelf_sync::plan::Submission;
use tokio::sync::watch;
use uuid::Uuid;

use crate::channels::serving;
use crate::commands::{Commands, Lane};
use crate::serve::wall_clock;
use crate::store::{Store, records};
use crate::witness::{self, Witness};

/// For whom is waited.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// Locations whose agents have to tell everything.
    pub stores: Vec<LocationCode>,
    /// Channels that have to send their orders again.
    pub channels: BTreeSet<ChannelCode>,
}

/// Marks each location that waits for somebody.
///
/// # Errors
/// When one cannot be marked: then no epoch may begin.
pub(super) async fn put(store: &Store, epoch: i64, known: &Witness) -> anyhow::Result<Waiting> {
    let mut all = Records::default();
    let mut tx = store.read().await?;
    records::catch_up(&mut tx, &mut all, Version(0)).await?;
    tx.rollback().await?;
    let (head, _) = store.head().await?;
    let (committed, _) = watch::channel(head.version);
    let (commands, writer) = Commands::start(store.clone(), wall_clock(), committed);
    let mut waiting = Waiting::default();
    for (mark, code) in marks(&all, known, epoch) {
        if mark.untold {
            waiting.stores.push(code.clone());
        }
        waiting.channels.extend(mark.channels.iter().cloned());
        let record = Record::Recovering(mark);
        let submission = Submission {
            id: CommandId(Uuid::now_v7()),
            principal: "restore".to_owned(),
            actor: "restore".to_owned(),
            on_behalf_of: None,
            keyed: false,
            command: Command::PutRecord { record: Box::new(record) },
        };
        if let Err(failure) = commands.submit(Lane::Interactive, submission).await {
            bail!("the location {code} cannot be marked: {failure:?}");
        }
    }
    commands.stop().await;
    let _ = writer.await;
    Ok(waiting)
}

/// Locations with agents, by the backup or by the witness, or that serve a channel, and for whom
/// each of them is to wait.
fn marks(records: &Records, known: &Witness, epoch: i64) -> Vec<(Recovering, LocationCode)> {
    let mut agents = known.joined.clone();
    agents.retain(|agent, _| records.agent(*agent).is_none());
    agents.extend(witness::joined(records));
    let mut found = BTreeMap::new();
    let mut at = |code: &LocationCode, waits: &dyn Fn(&mut Recovering)| {
        let Some(location) = records.location(code) else { return };
        let (of_it, channels) = (vec![], vec![]);
        let none =
            Recovering { location: location.no, epoch, untold: false, waits: of_it, channels };
        waits(&mut found.entry(location.no).or_insert((none, location.code.clone())).0);
    };
    for code in &known.agents {
        at(code, &|mark| mark.untold = true);
    }
    for (agent, code) in agents {
        at(&code, &|mark| {
            mark.untold = true;
            mark.waits.push(agent);
        });
    }
    let channels = records.of_kind("channel").filter_map(|(_, record)| match record {
        Record::Channel(channel) if channel.state == RecordState::Active => Some(channel),
        _ => None,
    });
    for channel in channels {
        for (_, code) in serving(records, channel) {
            at(&code, &|mark| mark.channels.push(channel.code.clone()));
        }
    }
    found.into_values().collect()
}
