//! What may go wrong with a store as it stands now, in words for whoever runs the shop.
//!
//! It reads nothing and decides nothing: figures in, sentences out. Invariant: every sentence says
//! what follows for a promise or a sale, and names the figure that it rests on.

use oneshelf_domain::record::{Location, RecordState, Records};
use oneshelf_domain::{Timestamp, limits};

use crate::app::App;
use crate::link::LinkState;
use crate::store::read::standing::{Standing, Units};

/// What the hub knows of a store's line.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How it looks.
    pub link: LinkState,
    /// When the last ping left that was answered.
    pub last_answer_at: Option<Timestamp>,
    /// Facts in the agent's log then.
    pub waiting: Option<i64>,
    /// Its agents and channels have not told everything since the hub was put back.
    pub recovering: bool,
    /// Whom it waits for, by name.
    pub untold: Untold,
    /// Its agent has dropped facts that this hub does not have.
    pub gap: bool,
}

impl Seen {
    /// Now.
    pub fn of(app: &App, records: &Records, location: &Location) -> Self {
        let age = app.links.age_ms(location.no);
        Self {
            link: app.links.state(location.no),
            last_answer_at: age.map(|age| app.now().plus_ms(-age)),
            waiting: app.links.waiting(location.no),
            recovering: records.is_recovering(location.no),
            untold: Untold::of(records, location),
            gap: app.links.gap(location.no).is_some(),
        }
    }

    const fn is_silent(&self) -> bool {
        !matches!(self.link, LinkState::Fresh)
    }
}

/// For whom a location waits after a restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untold {
    /// Agents that have not told everything.
    pub agents: Vec<String>,
    /// Agents that joined after the backup and have to join anew.
    pub unknown: Vec<String>,
    /// Channels that have not sent their orders again.
    pub channels: Vec<String>,
}

impl Untold {
    fn of(records: &Records, location: &Location) -> Self {
        let mut all = Self::default();
        let Some(mark) = records.recovering(location.no) else { return all };
        for id in &mark.waits {
            match records.agent(*id) {
                Some(agent) if agent.state != RecordState::Active => {}
                Some(agent) => all.agents.push(format!("{} ({id})", agent.name)),
                None => all.unknown.push(id.to_string()),
            }
        }
        all.channels = mark.channels.iter().map(ToString::to_string).collect();
        all
    }

    fn words(&self) -> String {
        let mut text = "since the restore nothing of this location is promised".to_owned();
        if !self.agents.is_empty() {
            text += &format!(
                ". These agents have not told everything: {}. One whose computer is lost can be \
                 removed (hub enrol remove)",
                self.agents.join("; ")
            );
        }
        if !self.unknown.is_empty() {
            text += &format!(
                ". These joined after the backup and must join anew, with what they have \
                 (docs/operations/backups.md): {}. If they are lost, count, then say hub location \
                 recovered",
                self.unknown.join("; ")
            );
        }
        if !self.channels.is_empty() {
            text += &format!(
                ". These channels have to send their orders again; then say hub channel caught-up: \
                 {}",
                self.channels.join(" ")
            );
        }
        text
    }
}

/// Something that may go wrong, or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Stable.
    pub code: &'static str,
    /// In words.
    pub text: String,
}

/// What may go wrong, the worst first; nothing where all is well.
pub fn of(line: &Seen, standing: &Standing) -> Vec<Risk> {
    let mut all = vec![];
    let mut say = |code, text| all.push(Risk { code, text });
    let Standing { share, promised, reservations, in_doubt, short, discrepancy, .. } = *standing;
    if short.units > 0 {
        let text = format!("missing: {} of open reservations; somebody must choose", said(short));
        say("short", text);
    }
    if discrepancy.units > 0 {
        let text = format!("sold, though no stock explains it: {}; count them", said(discrepancy));
        say("discrepancy", text);
    }
    if line.is_silent() {
        silent(line, share, &mut say);
        if standing.releasing > 0 {
            let text = format!(
                "given up, and kept since only the store's agent can say that it handed nothing \
                 over: {}, reservations: {}; when it is retired a count of these items ends them",
                said(standing.kept),
                standing.releasing
            );
            say("releasing", text);
        }
        if promised.units > 0 && line.link != LinkState::None {
            let text = format!(
                "promised before: {} (open reservations: {reservations}); the store may not know \
                 of the latest, and a sale beyond its share may break one",
                said(promised)
            );
            say("promised_before", text);
        }
        if let Some(waiting) = line.waiting.filter(|n| *n > 0) {
            let text = format!(
                "told to nobody yet when the store was heard last: {waiting} of its acts; the \
                 stock does not know of them"
            );
            say("facts_waiting", text);
        }
    }
    if line.recovering {
        say("recovering", line.untold.words());
    }
    if line.gap {
        let text = "its agent has dropped facts that this hub, which was put back, does not have: \
                    retire the agent, and count the store";
        say("log_gap", text.to_owned());
    }
    if in_doubt.units > 0 {
        let text = format!(
            "in doubt: {}; promised to nobody until they are counted, or the agent that had them \
             comes back",
            said(in_doubt)
        );
        say("in_doubt", text);
    }
    all
}

fn silent(line: &Seen, share: Units, say: &mut impl FnMut(&'static str, String)) {
    if line.link == LinkState::Dark {
        let minutes = limits::DARK_MS / 60_000;
        let text =
            format!("silent for more than {minutes} minutes: nothing is promised for pickup there");
        say("pickup_stopped", text);
    }
    if share.units > 0 {
        let text = match line.link {
            LinkState::None => format!(
                "with an agent that may not connect any more: {}; nobody can sell or promise them \
                 until it is retired and they are counted",
                said(share)
            ),
            _ => format!(
                "the registers' own: {}; nothing online is promised from them while the store \
                 does not answer",
                said(share)
            ),
        };
        say("share_silent", text);
    }
}

fn said(Units { units, items }: Units) -> String {
    let s = |n: i64| if n == 1 { "" } else { "s" };
    format!("{units} unit{} of {items} item{}", s(units), s(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(line: &Seen, standing: &Standing) -> Vec<&'static str> {
        of(line, standing).iter().map(|r| r.code).collect()
    }

    #[test]
    fn a_sound_store_has_no_risk_and_a_dark_one_says_what_follows() {
        let units = |units, items| Units { units, items };
        let (share, promised) = (units(37, 12), units(3, 3));
        let mut standing = Standing { share, promised, reservations: 3, ..Standing::default() };
        let fresh = Seen {
            link: LinkState::Fresh,
            last_answer_at: Some(Timestamp(0)),
            waiting: Some(2),
            recovering: false,
            untold: Untold::default(),
            gap: false,
        };
        assert_eq!(codes(&fresh, &standing), Vec::<&str>::new());
        let stale = Seen { link: LinkState::Stale, ..fresh.clone() };
        assert_eq!(codes(&stale, &standing), ["share_silent", "promised_before", "facts_waiting"]);
        let dark = Seen { link: LinkState::Dark, waiting: None, ..fresh.clone() };
        assert_eq!(codes(&dark, &standing), ["pickup_stopped", "share_silent", "promised_before"]);
        assert!(of(&dark, &standing)[1].text.contains(" 37 units of 12 items;"));
        standing.share = Units::default();
        standing.in_doubt = units(1, 1);
        standing.short = units(2, 1);
        standing.discrepancy = units(1, 1);
        let all = ["short", "discrepancy", "in_doubt"];
        assert_eq!(codes(&fresh, &standing), all, "what is broken stays so when the line is back");
        assert!(of(&fresh, &standing)[2].text.contains(" 1 unit of 1 item;"));
        let kept = Standing { releasing: 1, kept: units(2, 1), ..Standing::default() };
        assert_eq!(codes(&fresh, &kept), Vec::<&str>::new(), "it says so in a moment");
        let dark_and_kept = of(&dark, &kept);
        assert!(dark_and_kept[1].text.contains(" 2 units of 1 item, reservations: 1;"));
        let behind = Seen { gap: true, ..fresh.clone() };
        assert_eq!(codes(&behind, &Standing::default()), ["log_gap"]);
        let agents = vec!["Till PC (agt_1)".to_owned()];
        let untold = Untold { agents, channels: vec!["web".to_owned()], ..Untold::default() };
        let restored = Seen { recovering: true, untold, ..fresh };
        assert_eq!(codes(&restored, &Standing::default()), ["recovering"]);
        let said = &of(&restored, &Standing::default())[0].text;
        for part in ["told everything: Till PC (agt_1).", "caught-up: web"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("joined after"), "{said}");
        let revoked = Seen { link: LinkState::None, ..dark };
        standing = Standing { share: units(2, 1), ..Standing::default() };
        assert_eq!(codes(&revoked, &standing), ["share_silent"]);
    }
}
