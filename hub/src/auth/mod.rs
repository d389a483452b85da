//! Who asks, and what they may do: callers, roles, keys, passwords, rates.
//!
//! Knows records and hashes, no request and no response. Invariant: what no table names is
//! denied, and a caller who may not see a location is told that there is none.

pub mod agents;
pub mod passwords;
pub mod rates;
pub mod roles;
pub mod tokens;

use oneshelf_domain::record::{ApiKey, KeyKind, Record, RecordState, Records, Role, Scope, Staff};
use oneshelf_domain::{AgentId, KeyId, LocationCode, StaffCode, Timestamp};

pub use roles::Action;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A key with the scope `admin`.
    Admin(KeyId),
    /// A key of a server.
    Key(KeyId),
    /// A person, by session.
    Staff(StaffCode),
    /// The program in a store.
    Agent(AgentId),
}

/// A proven caller with everything that bounds what it may do.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub who: Who,
    /// For people.
    pub name: String,
    /// Of people, agents and the admin.
    pub role: Option<Role>,
    /// Of keys.
    pub scopes: Vec<Scope>,
    /// Where; none means everywhere.
    pub locations: Option<Vec<LocationCode>>,
    /// The channel that a key asks for.
    pub channel: Option<String>,
}

impl Caller {
    /// The caller behind a key, when the key is alive.
    pub fn of_key(key: &ApiKey, now: Timestamp) -> Option<Self> {
        if !is_alive(key, now) || key.kind != KeyKind::Secret {
            return None;
        }
        let admin = key.scopes.contains(&Scope::Admin);
        Some(Self {
            who: if admin { Who::Admin(key.id) } else { Who::Key(key.id) },
            name: key.name.clone(),
            role: admin.then_some(Role::Admin),
            scopes: key.scopes.clone(),
            locations: None,
            channel: key.channel.clone(),
        })
    }

    /// The caller behind a member of staff, when they still are one.
    pub fn of_staff(staff: &Staff) -> Option<Self> {
        (staff.state == RecordState::Active).then(|| Self {
            who: Who::Staff(staff.code.clone()),
            name: staff.name.clone(),
            role: Some(staff.role),
            scopes: vec![],
            locations: (!staff.locations.is_empty() && staff.role != Role::Admin)
                .then(|| staff.locations.clone()),
            channel: None,
        })
    }

    /// The caller behind a proven agent.
    pub fn of_agent(agent: &oneshelf_domain::record::Agent) -> Self {
        Self {
            who: Who::Agent(agent.id),
            name: agent.name.clone(),
            role: Some(Role::Agent),
            scopes: vec![],
            locations: Some(vec![agent.location.clone()]),
            channel: None,
        }
    }

    /// The caller that a session stands for: the session outlives neither its key nor its person.
    pub fn of_principal(records: &Records, principal: &str, now: Timestamp) -> Option<Self> {
        if let Some(code) = principal.strip_prefix("staff:") {
            return match records.get(&format!("staff/{code}")) {
                Some(Record::Staff(staff)) => Self::of_staff(staff),
                _ => None,
            };
        }
        let id = principal.strip_prefix("key:")?;
        match records.get(&format!("key/{id}")) {
            Some(Record::Key(key)) => Self::of_key(key, now),
            _ => None,
        }
    }

    /// What a session row says of this caller.
    pub fn session_principal(&self) -> String {
        match &self.who {
            Who::Admin(id) | Who::Key(id) => format!("key:{id}"),
            Who::Staff(code) => format!("staff:{code}"),
            Who::Agent(id) => format!("agent:{id}"),
        }
    }

    /// Whose command ids these are.
    pub fn principal(&self) -> String {
        match &self.who {
            Who::Admin(_) => "admin".to_owned(),
            _ => self.session_principal(),
        }
    }

    /// Whether a role or scope of this caller names the action.
    pub fn may(&self, action: Action) -> bool {
        self.role.is_some_and(|role| roles::role_may(role, action))
            || self.scopes.iter().any(|scope| roles::scope_may(*scope, action))
    }

    /// Whether the caller works at this location.
    pub fn sees(&self, location: &LocationCode) -> bool {
        self.locations.as_ref().is_none_or(|mine| mine.contains(location))
    }

    /// Whether the caller works at all locations.
    pub fn sees_all(&self) -> bool {
        self.locations.is_none()
    }
}

/// Whether a key may be used at all.
pub fn is_alive(key: &ApiKey, now: Timestamp) -> bool {
    key.state == RecordState::Active && key.expires_at.is_none_or(|end| now < end)
}

/// The key with this secret. All keys are compared, each in constant time.
pub fn key_with<'a>(records: &'a Records, secret: &str) -> Option<&'a ApiKey> {
    let hash = tokens::hash(secret);
    let keys = records.of_kind("key").filter_map(|(_, record)| match record {
        Record::Key(key) => Some(key),
        _ => None,
    });
    keys.fold(
        None,
        |found, key| if tokens::same(&key.secret_hash, &hash) { Some(key) } else { found },
    )
}
