//! Who sells at which register: PINs, tries, sessions.
//!
//! A PIN counts only on this enrolled device. Five wrong ones lock a code for a minute; a try is
//! charged before it is checked, so that tries at the same moment do not slip through.
//! Sessions live in memory: after a restart cashiers sign in again, tickets are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use oneshelf_domain::record::{Record, RecordState, Register, Role, Staff};
use oneshelf_domain::{LocationCode, RegisterCode, StaffCode, Timestamp};
use oneshelf_protocol::pin::pin_material;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::state::registers;
use super::{Answer, Front, Refused};
use crate::clock;
use crate::journal::Keep;
use crate::pepper::Pepper;

/// Wrong PINs before a code is locked.
const TRIES_MAX: i64 = 5;
/// How long it is locked, milliseconds.
const LOCK_MS: i64 = 60_000;
/// A session that nobody used for this long has ended.
const IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once; the least used one ends for a new one.
const SESSIONS_MAX: usize = 64;
/// Hashes reckoned at once: each takes 19 MiB.
const HASHES_AT_ONCE: usize = 2;

/// A member of staff, as pages see them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Staffer {
    pub code: StaffCode,
    pub name: String,
    pub role: Role,
}

impl From<&Staff> for Staffer {
    fn from(s: &Staff) -> Self {
        Self { code: s.code.clone(), name: s.name.clone(), role: s.role }
    }
}

/// Who asks, and at which register.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub register: RegisterCode,
    pub staff: StaffCode,
    pub name: String,
    pub role: Role,
}

impl Session {
    /// May approve what a cashier may not.
    pub(crate) fn approves(&self) -> bool {
        approves(self.role)
    }
}

fn approves(role: Role) -> bool {
    matches!(role, Role::Manager | Role::Admin)
}

/// What is typed to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    register: RegisterCode,
    staff: StaffCode,
    pin: String,
}

struct Open {
    register: RegisterCode,
    staff: StaffCode,
    used: Instant,
}

/// The open sessions, by the hash of their token.
pub(crate) struct Desk {
    open: Mutex<HashMap<[u8; 32], Open>>,
    hashing: Semaphore,
    pepper: Pepper,
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Desk {
    /// Nobody is signed in.
    pub(crate) fn new(pepper: Pepper) -> Self {
        Self { open: Mutex::default(), hashing: Semaphore::new(HASHES_AT_ONCE), pepper }
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<[u8; 32], Open>) -> T) -> T {
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, token: &str, register: RegisterCode, staff: StaffCode) {
        self.with(|open| {
            if open.len() >= SESSIONS_MAX
                && let Some(oldest) = open.iter().min_by_key(|(_, o)| o.used).map(|(k, _)| *k)
            {
                open.remove(&oldest);
            }
            open.insert(hash_of(token), Open { register, staff, used: Instant::now() });
        });
    }

    fn end(&self, token: &str) {
        self.with(|open| open.remove(&hash_of(token)));
    }

    /// Who has this token; `acts`: it counts as use.
    fn find(&self, token: &str, acts: bool) -> Option<(RegisterCode, StaffCode)> {
        self.with(|open| {
            let key = hash_of(token);
            if open.get(&key)?.used.elapsed() > IDLE_MAX {
                open.remove(&key);
                return None;
            }
            let session = open.get_mut(&key)?;
            if acts {
                session.used = Instant::now();
            }
            Some((session.register.clone(), session.staff.clone()))
        })
    }

    /// The session that was used last.
    fn latest(&self) -> Option<(RegisterCode, StaffCode)> {
        self.with(|open| {
            let latest = open.values().max_by_key(|o| o.used)?;
            Some((latest.register.clone(), latest.staff.clone()))
        })
    }
}

impl Front {
    fn location(&self) -> Answer<LocationCode> {
        let identity = self.shared.identity();
        let code = identity.and_then(|i| LocationCode::new(&i.location).ok());
        code.ok_or_else(|| {
            let detail = "This agent has not joined a shop. Run pos-agent enrol first.";
            Refused::new(409, "not_enrolled", detail)
        })
    }

    /// Staff who may sell in this store.
    fn sellers(&self) -> Answer<Vec<Staff>> {
        let here = self.location()?;
        let records = self.shared.records();
        let sells = |s: &Staff| {
            s.state == RecordState::Active
                && s.role != Role::Agent
                && s.pin_hash.is_some()
                && (s.locations.is_empty() || s.locations.contains(&here))
        };
        let staff = records.of_kind("staff").filter_map(|(_, record)| match record {
            Record::Staff(s) if sells(s) => Some(s.clone()),
            _ => None,
        });
        Ok(staff.collect())
    }

    /// For the sign-in page: names without PINs.
    pub(crate) fn staff(&self) -> Answer<Vec<Staffer>> {
        Ok(self.sellers()?.iter().map(Staffer::from).collect())
    }

    /// The register with this code, in use and of this store.
    pub(crate) fn register(&self, code: &RegisterCode) -> Answer<Register> {
        let here = self.location()?;
        let records = self.shared.records();
        let mut all = registers(&records, Some(&here));
        let found = all.find(|r| r.code == *code).cloned();
        found.ok_or_else(|| Refused::invalid("/register", "a register of this store"))
    }

    /// Checks the PIN and opens a session. Answers its token.
    pub(crate) async fn sign_in(&self, asked: SignIn) -> Answer<(String, Session)> {
        self.register(&asked.register)?;
        let staff = self.sellers()?.into_iter().find(|s| s.code == asked.staff);
        let Some(staff) = staff else {
            let detail = "Nobody of this store has this code.";
            return Err(Refused::new(401, "wrong_pin", detail));
        };
        let who = format!("staff/{}", staff.code);
        let staff = self.checked_pin(&who, vec![staff], &asked.pin).await?;
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|e| Refused::internal(&e))?;
        let token = hex::encode(bytes);
        self.desk.begin(&token, asked.register.clone(), staff.code.clone());
        tracing::info!(staff = %staff.code, register = %asked.register, "signed in");
        Ok((token, session(asked.register, &staff)))
    }

    /// Who has this token.
    pub(crate) fn who(&self, token: Option<&str>, acts: bool) -> Answer<Session> {
        let found = token.and_then(|t| self.desk.find(t, acts));
        self.seller(found)
    }

    /// Whose scans a scanner's are: the register that was used last.
    pub(crate) fn scanner_owner(&self) -> Option<Session> {
        self.seller(self.desk.latest()).ok()
    }

    /// Staff who left, or whose register is gone, have no session any more.
    fn seller(&self, found: Option<(RegisterCode, StaffCode)>) -> Answer<Session> {
        let (register, code) = found.ok_or_else(Refused::not_signed_in)?;
        let staff = self.sellers()?.into_iter().find(|s| s.code == code);
        let staff = staff.ok_or_else(Refused::not_signed_in)?;
        Ok(session(register, &staff))
    }

    /// Ends a session.
    pub(crate) fn sign_out(&self, token: &str) {
        self.desk.end(token);
    }

    /// A manager of this store whose PIN this is, for one act at one register.
    pub(crate) async fn approver(&self, at: &Session, pin: &str) -> Answer<Staff> {
        let managers: Vec<Staff> =
            self.sellers()?.into_iter().filter(|s| approves(s.role)).collect();
        self.checked_pin(&format!("approve/{}", at.register), managers, pin).await
    }

    async fn checked_pin(&self, who: &str, staff: Vec<Staff>, pin: &str) -> Answer<Staff> {
        let pepper = self.desk.pepper.hex().map_err(|e| Refused::internal(&e))?;
        let Some(material) = pin_material(pepper, pin) else {
            return Err(Refused::internal(&"the pepper of this agent is no hex"));
        };
        let left = self.charge(who).await?;
        let turn = self.desk.hashing.acquire().await.map_err(|e| Refused::internal(&e))?;
        let matching = tokio::task::spawn_blocking(move || {
            staff.into_iter().find(|s| is_hash_of(s.pin_hash.as_deref(), &material))
        });
        let matching = matching.await.map_err(|e| Refused::internal(&e))?;
        drop(turn);
        let Some(found) = matching else {
            if left == 0 {
                return Err(pin_locked(LOCK_MS));
            }
            let tries = if left == 1 { "try" } else { "tries" };
            let detail = format!("Not this PIN. {left} {tries} left.");
            return Err(Refused::new(401, "wrong_pin", &detail).with("tries_left", left));
        };
        self.keep_tries(who, 0, Timestamp(0)).await?;
        Ok(found)
    }

    /// Counts a try before it is made. Answers how many are left if it fails.
    async fn charge(&self, who: &str) -> Answer<i64> {
        let mut core = self.core().await?;
        let now = clock::now();
        let (failures, until) = self.shared.reads.tries(who).await?;
        if now < until {
            return Err(pin_locked(until.ms_since(now)));
        }
        let failures = if failures >= TRIES_MAX { 1 } else { failures + 1 };
        let locked_until = if failures >= TRIES_MAX { now.plus_ms(LOCK_MS) } else { Timestamp(0) };
        let tries = Keep::Tries { who: who.to_owned(), failures, locked_until };
        core.perform(Default::default(), vec![tries]).await?;
        Ok(TRIES_MAX - failures)
    }

    async fn keep_tries(&self, who: &str, failures: i64, locked_until: Timestamp) -> Answer<()> {
        let tries = Keep::Tries { who: who.to_owned(), failures, locked_until };
        self.core().await?.perform(Default::default(), vec![tries]).await?;
        Ok(())
    }
}

fn pin_locked(ms: i64) -> Refused {
    let seconds = (ms + 999) / 1_000;
    let detail = format!("Too many wrong PINs. Wait {seconds} seconds.");
    Refused::new(429, "pin_locked", &detail).with("retry_after_s", seconds)
}

fn session(register: RegisterCode, staff: &Staff) -> Session {
    let Staff { code, name, role, .. } = staff;
    Session { register, staff: code.clone(), name: name.clone(), role: *role }
}

fn is_hash_of(hash: Option<&str>, material: &str) -> bool {
    let Some(Ok(hash)) = hash.map(PasswordHash::new) else { return false };
    Argon2::default().verify_password(material.as_bytes(), &hash).is_ok()
}
