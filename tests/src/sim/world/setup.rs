//! Making a run of a seed: the shop, its stock, its people, its faults.

use oneshelf_domain::stock::{Command, LocationNo};
use oneshelf_domain::{CommandId, Sku};
use oneshelf_sync::plan::Submission;

use super::customers::Customers;
use super::policies::{self, share_policy};
use super::{Setting, World};
use crate::sim::bug::Bug;
use crate::sim::hub::{Database, Hub, Origin};
use crate::sim::names::{ITEMS, KIT, Kit, Numbers, PLACES, STORES, WAREHOUSE, codes, skus};
use crate::sim::scene::{Fault, Scene};
use crate::sim::store::{Device, Habits};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

impl World {
    /// The run of a seed, before its first event.
    pub fn new(seed: u64, bug: Option<Bug>, keep: usize, shares: bool) -> Self {
        let mut scene = Scene::new(seed, bug, keep);
        let mut setting = setting(seed, &mut scene);
        if !shares {
            scene.shares = false;
            scene.audit.without_shares();
            setting.share = 0;
        }
        scene.trace(&format!("{setting:?} orderly: {}", scene.orderly));
        let none = Numbers { places: vec![], items: vec![], skus: skus() };
        let mut hub = Hub::new(Database::new(), none);
        let mut devices = vec![];
        open_shop(&mut scene, &mut hub, &setting);
        hub.open(setting.hubs);
        for store in 0..STORES {
            devices.push(Device::new(&mut scene, store, store));
        }
        Self {
            seed,
            scene,
            hub,
            devices,
            customers: Customers::default(),
            setting,
            backups: vec![None; STORES],
            hub_backup: None,
            rolled_back: None,
            acts: 0,
            unseen: 0,
        }
    }
}

/// Eight kinds of run; within each, everything else is chance.
fn setting(seed: u64, scene: &mut Scene) -> Setting {
    use Fault::{
        AgentGivenUp, Backup, ClockJumps, Copy, DeviceRestarts, HubBackup, HubPaused, HubRestarts,
        HubRestored, HubRolledBack, LineCut, LongCut, OriginalLeaves, Policy, Restore,
        RestoreProperly, Spare, Theft,
    };
    let mut faults = vec![(LineCut, 90 * SECOND)];
    let restarts = [(HubRestarts, 4 * MINUTE), (DeviceRestarts, 3 * MINUTE)];
    if !seed.is_multiple_of(8) {
        faults.extend(restarts);
    }
    match seed % 8 {
        1 => faults.extend([
            (ClockJumps, 2 * MINUTE),
            (HubBackup, 2 * MINUTE),
            (HubRestored, 5 * MINUTE),
            (HubRolledBack, 3 * MINUTE),
        ]),
        2 => faults.push((LongCut, 12 * MINUTE)),
        3 => faults.extend([(Backup, 2 * MINUTE), (Restore, 4 * MINUTE)]),
        4 => faults.extend([(Copy, 3 * MINUTE), (OriginalLeaves, 2 * MINUTE)]),
        5 => faults.extend([(Spare, 4 * MINUTE), (LongCut, 20 * MINUTE)]),
        6 => faults.extend([
            (Backup, 2 * MINUTE),
            (RestoreProperly, 6 * MINUTE),
            (Policy, 2 * MINUTE),
            (LongCut, 20 * MINUTE),
        ]),
        7 => faults.extend([(Theft, 90 * SECOND), (Policy, 4 * MINUTE)]),
        _ => {}
    }
    // Beside a store's disk put back by the book, or without a word, and beside a dark agent that
    // another one replaced.
    if matches!(seed % 16, 11 | 13 | 14) {
        faults.extend([(HubBackup, 2 * MINUTE), (HubRestored, 6 * MINUTE)]);
    }
    if matches!(seed % 16, 1 | 5 | 6 | 9 | 10 | 13) {
        faults.push((AgentGivenUp, 2 * MINUTE));
    }
    // Every kind of run has one hub, two, or three.
    let hubs = [1, 2, 1, 2, 3][usize::try_from(seed / 8 % 5).unwrap_or(0)];
    if hubs > 1 {
        faults.push((HubPaused, 2 * MINUTE));
    }
    if seed % 16 == 9 || seed % 32 == 1 {
        scene.keep_facts = scene.rng.between(2, 9) * 10 * SECOND;
    }
    let habits = Habits { beyond: scene.rng.chance(500), counts: scene.rng.chance(600) };
    let habits = Habits { counts: habits.counts || seed % 8 == 7, ..habits };
    let (share, units) = (scene.rng.between(0, 2), scene.rng.between(1, 5));
    Setting { habits, share, units, faults, hubs }
}

fn open_shop(scene: &mut Scene, hub: &mut Hub, setting: &Setting) {
    let from = |json: serde_json::Value| -> Command {
        match serde_json::from_value(json) {
            Ok(command) => command,
            Err(error) => panic!("{error}"),
        }
    };
    for (at, code) in PLACES.iter().enumerate() {
        let kind = if at == WAREHOUSE { "warehouse" } else { "store" };
        now(
            scene,
            hub,
            from(serde_json::json!({"command": "put_record", "record": {
            "record": "location", "no": 0, "code": code, "name": code, "kind": kind,
            "zone": "Europe/Dublin"}})),
        );
    }
    // Goods stand here between the stores: nobody's place, and no customer hears of it.
    now(
        scene,
        hub,
        from(serde_json::json!({"command": "put_record", "record": {
        "record": "location", "no": 0, "code": "T01", "name": "Road", "kind": "transit",
        "zone": "Europe/Dublin"}})),
    );
    for sku in ITEMS {
        now(
            scene,
            hub,
            from(serde_json::json!({"command": "put_item", "sku": sku, "details": {
            "name": sku}})),
        );
    }
    let records = hub.database.fresh_state().records;
    let place = |code| records.location(code).map_or(LocationNo(0), |l| l.no);
    let numbers = hub.database.numbers();
    hub.numbers = Numbers {
        places: codes().iter().map(place).collect(),
        items: skus().iter().filter_map(|s| numbers.get(s).copied()).collect(),
        skus: skus(),
    };
    scene.kit = put_kit(scene, hub);
    for store in 0..STORES {
        if setting.share > 0 {
            let command = share_policy(hub.numbers.places[store], setting.share);
            now(scene, hub, command);
        }
    }
    for command in policies::at_first(scene, &hub.numbers) {
        now(scene, hub, command);
    }
    for (at, location) in hub.numbers.places.clone().into_iter().enumerate() {
        for (item, no) in hub.numbers.items.clone().into_iter().enumerate() {
            let units = setting.units;
            let lines = vec![(no, units)];
            let command = Command::Receive { location, lines, reference: None };
            let id = scene.id();
            scene.audit.expect(id.as_u128(), vec![(at, item, units, 0)]);
            submit(scene, hub, CommandId(id), command);
        }
    }
}

/// Two of the items are sold as a set too.
fn put_kit(scene: &mut Scene, hub: &mut Hub) -> Option<Kit> {
    let first = scene.rng.below(ITEMS.len());
    let other = (first + 1) % ITEMS.len();
    let parts = vec![(first, 1), (other, scene.rng.between(1, 2))];
    let components: Vec<_> = parts
        .iter()
        .map(|(item, each)| serde_json::json!({"sku": ITEMS[*item], "quantity": each}))
        .collect();
    let json = serde_json::json!({"command": "put_item", "sku": KIT, "details": {
        "name": KIT, "components": components}});
    match serde_json::from_value(json) {
        Ok(command) => now(scene, hub, command),
        Err(error) => panic!("{error}"),
    }
    let sku = Sku::new(KIT).ok()?;
    let no = hub.database.numbers().get(&sku).copied()?;
    Some(Kit { no, sku, parts })
}

fn now(scene: &mut Scene, hub: &mut Hub, command: Command) {
    let id = CommandId(scene.id());
    submit(scene, hub, id, command);
}

/// Set-up meets no faults: planned and stored on the spot.
fn submit(scene: &mut Scene, hub: &mut Hub, id: CommandId, command: Command) {
    let submission = Submission {
        id,
        principal: "admin".to_owned(),
        actor: "admin".to_owned(),
        on_behalf_of: None,
        keyed: true,
        command,
    };
    hub.submit(scene, submission, Origin::Nobody);
    hub.plan(scene);
    hub.commit(scene);
}
