//! Records and enrolment: commands that change how the shop works and who may do what.
//!
//! Invariant: a location's number never changes.

use super::draft::Draft;
use super::request::known;
use super::{Change, Command, LocationNo, Outcome, State, Stop, kits};
use crate::code::LocationCode;
use crate::record::{
    Agent, ApiKey, Channel, CopyState, Enrolment, Record, RecordState, Scope, Stopped,
};
use crate::refusal::Refusal;

/// What a command changes, when its condition on the version holds.
pub(super) fn allowed<'a>(state: &State, command: &'a Command) -> Result<&'a Command, Stop> {
    let Command::OnlyIf { at, not_at, change } = command else { return Ok(command) };
    let of_record = |key: &str| state.records.get_versioned(key).map(|(version, _)| version);
    let now = match &**change {
        Command::PutItem { sku, .. }
        | Command::RetireItem { sku }
        | Command::PutPrices { sku, .. }
        | Command::SetPrice { sku, .. } => state.item(sku)?.map(|item| item.version),
        Command::PutRecord { record } => of_record(&record.key()),
        Command::RemoveRecord { key } => of_record(key),
        _ => return Err(Stop::NotNow("not about an item or a record")),
    };
    let other = at.as_ref().is_some_and(|versions| !versions.name(now));
    if other || not_at.as_ref().is_some_and(|versions| versions.name(now)) {
        return Err(Refusal::PreconditionFailed.into());
    }
    Ok(change)
}

pub(super) fn record(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::PutRecord { record } => put_record(draft, (**record).clone()),
        Command::RemoveRecord { key } => remove_record(draft, key),
        Command::Redeem { code_hash, agent } => redeem(draft, code_hash, agent),
        _ => Err(Stop::NotNow("not about a record")),
    }
}

fn put_record(draft: &mut Draft, record: Record) -> Result<Outcome, Stop> {
    let mut record = record.checked()?;
    named_things_exist(draft, &record)?;
    if let Record::Location(l) = &mut record {
        let known = draft.state.records.location(&l.code);
        l.no = known.map_or(LocationNo(draft.at.version.0), |known| known.no);
    }
    let known = draft.state.records.get(&record.key());
    // The link asks again while it has not seen what was written: that unsays no manager's word.
    let asks = matches!(&record, Record::AgentCopy(c) if c.state == CopyState::Waiting);
    if known == Some(&record) || (asks && known.is_some()) {
        return Ok(Outcome::Unchanged);
    }
    match &record {
        Record::Channel(channel) => say_when_stopped(draft, channel),
        // Said once: what is left to wait for is its standing.
        Record::Recovering(r) if !draft.state.records.is_recovering(r.location) => {
            let code = draft.state.records.location_by_no(r.location).map(|l| l.code.to_string());
            let text = "the hub was put back to a backup; this location is promised again when its \
                        agents have told everything, and its channels have sent their orders again \
                        (hub channel caught-up)";
            draft.notice("store_recovering", code.unwrap_or_default(), text);
        }
        Record::AgentCopy(c) if c.state == CopyState::Waiting => {
            let code = draft.state.records.location_by_no(c.location).map(|l| l.code.to_string());
            let text = "a machine speaks as this store's agent from before a life that began \
                        since: it is a second one, or was put back to an older backup; its sales \
                        wait there until a manager says whether it goes on (hub enrol copies)";
            draft.notice("agent_copied", code.unwrap_or_default(), text);
        }
        _ => {}
    }
    draft.push(Change::Record(Box::new(record)));
    Ok(Outcome::Done)
}

/// A channel that was stopped by itself is told of: nobody asked for that.
fn say_when_stopped(draft: &mut Draft, channel: &Channel) {
    let before = draft.state.records.channel(channel.code.as_str()).and_then(|c| c.stopped);
    let text = match channel.stopped {
        Some(Stopped::Gone) => "its endpoint says that it is gone; nothing is sent there any more",
        Some(Stopped::Failing) => "its endpoint failed for days; nothing is sent there any more",
        Some(Stopped::Operator) | None => return,
    };
    if before != channel.stopped {
        draft.notice("channel_stopped", channel.code.to_string(), text);
    }
}

/// A record names only what there is; a new enrolment only a location in use.
fn named_things_exist(draft: &Draft, record: &Record) -> Result<(), Stop> {
    let by_code = |code: &LocationCode| {
        let known = draft.state.records.location(code);
        known.ok_or_else(|| Refusal::LocationUnknown { location: code.to_string() })
    };
    match record {
        Record::Register(r) => {
            by_code(&r.location)?;
        }
        Record::Staff(s) => {
            for code in &s.locations {
                by_code(code)?;
            }
        }
        Record::Agent(a) => {
            by_code(&a.location)?;
        }
        Record::Channel(c) => {
            for code in &c.locations {
                by_code(code)?;
            }
        }
        Record::Enrolment(e) => {
            let location = by_code(&e.location)?;
            draft.open_location(location.no)?;
        }
        Record::Safety(s) => {
            draft.known_location(s.location)?;
            known(draft, s.item)?;
            kits::has_stock(draft, s.item)?;
        }
        Record::Buffer(b) => known(draft, b.item)?,
        Record::Share(s) => {
            draft.known_location(s.location)?;
            if let Some(item) = s.item {
                known(draft, item)?;
                kits::has_stock(draft, item)?;
            }
        }
        // Of items that were sold: they are there.
        Record::WalkIn(w) => _ = draft.known_location(w.location)?,
        Record::Recovering(r) => _ = draft.known_location(r.location)?,
        Record::AgentCopy(c) => _ = draft.known_location(c.location)?,
        Record::Shop(_) | Record::Location(_) | Record::Key(_) | Record::Mapping(_) => {}
        // Made by its item alone.
        Record::Kit(_) => {}
    }
    Ok(())
}

fn remove_record(draft: &mut Draft, key: &str) -> Result<Outcome, Stop> {
    let what = key.split('/').next().unwrap_or_default().to_owned();
    let Some(mut record) = draft.state.records.get(key).cloned() else {
        return Err(Refusal::RecordUnknown { what }.into());
    };
    let state = match &mut record {
        Record::Location(l) => &mut l.state,
        Record::Register(r) => &mut r.state,
        Record::Staff(s) => &mut s.state,
        Record::Key(k) => &mut k.state,
        Record::Agent(a) => &mut a.state,
        Record::Channel(c) => &mut c.state,
        Record::Shop(_) => return Err(Refusal::invalid("/key", "the shop stays").into()),
        Record::Kit(_) => {
            let rule = "follows from its item: change the item's components";
            return Err(Refusal::invalid("/key", rule).into());
        }
        Record::Enrolment(_)
        | Record::Safety(_)
        | Record::Buffer(_)
        | Record::Share(_)
        | Record::Mapping(_)
        | Record::WalkIn(_)
        | Record::Recovering(_)
        | Record::AgentCopy(_) => {
            draft.push(Change::RecordGone(key.to_owned()));
            return Ok(Outcome::Done);
        }
    };
    if *state == RecordState::Retired {
        return Ok(Outcome::Unchanged);
    }
    *state = RecordState::Retired;
    if let Record::Staff(s) = &mut record {
        // Whoever comes back under this code does not come back with these.
        (s.pin_hash, s.password_hash) = (None, None);
    }
    if let Record::Channel(c) = &mut record {
        c.secrets.clear();
    }
    if let Record::Key(k) = &record {
        another_admin(draft, k)?;
    }
    draft.push(Change::Record(Box::new(record)));
    Ok(Outcome::Done)
}

/// Decided here and not by whoever asks, so that two who end the last two keys do not both win.
fn another_admin(draft: &Draft, ending: &ApiKey) -> Result<(), Stop> {
    let now = draft.at.now;
    let may_all =
        |k: &ApiKey| k.scopes.contains(&Scope::Admin) && k.expires_at.is_none_or(|end| now < end);
    let others = draft.state.records.of_kind("key").any(|(_, record)| match record {
        Record::Key(k) => k.id != ending.id && k.state == RecordState::Active && may_all(k),
        _ => false,
    });
    if may_all(ending) && !others { Err(Refusal::LastAdmin.into()) } else { Ok(()) }
}

fn redeem(draft: &mut Draft, code_hash: &str, agent: &Agent) -> Result<Outcome, Stop> {
    let Record::Agent(agent) = Record::Agent(agent.clone()).checked()? else {
        return Err(Stop::NotNow("not an agent"));
    };
    let Some(Record::Enrolment(enrolment)) =
        draft.state.records.get(&format!("enrolment/{code_hash}")).cloned()
    else {
        return Err(Refusal::EnrolmentInvalid.into());
    };
    if enrolment.used_by.is_some() || enrolment.expires_at <= draft.at.now {
        return Err(Refusal::EnrolmentInvalid.into());
    }
    if let Some(location) = draft.state.records.location(&enrolment.location) {
        draft.open_location(location.no)?;
    }
    let agent = Agent { location: enrolment.location.clone(), ..agent };
    let records = &draft.state.records;
    let at = records.location(&agent.location).map(|l| l.no);
    let mark = at.and_then(|at| records.recovering(at));
    let mark = mark.and_then(|m| m.joined(agent.id, |one| records.agent(one).is_some()));
    let joined = Outcome::Joined { agent: agent.id, location: agent.location.as_str().to_owned() };
    let used = Enrolment { used_by: Some(agent.id), ..enrolment };
    draft.push(Change::Record(Box::new(Record::Enrolment(used))));
    draft.push(Change::Record(Box::new(Record::Agent(agent))));
    if let Some(mark) = mark {
        draft.push(Change::Record(Box::new(Record::Recovering(mark))));
    }
    Ok(joined)
}
