//! The state that every search begins in: one store with one item, its agent connected and at
//! rest.

use std::rc::Rc;

use oneshelf_domain::CommandId;
use oneshelf_domain::stock::Command;
use oneshelf_sync::plan::Submission;

use super::config::Config;
use super::state::State;
use crate::sim::bug::Bug;
use crate::sim::hub::{Database, Hub, Origin};
use crate::sim::names::{ITEMS, Numbers, PLACES, codes, skus};
use crate::sim::scene::Scene;
use crate::sim::store::Device;
use crate::sim::world::share_policy;

impl State {
    /// The first state of a configuration. No bug is at work before it.
    pub fn begin(config: &'static Config, bug: Option<Bug>) -> Self {
        let mut scene = Scene::new(1, None, 0);
        (scene.calm, scene.orderly, scene.outbox) = (true, false, Some(vec![]));
        let skus = skus().into_iter().take(1).collect();
        let mut hub = Hub::new(Database::new(), Numbers { places: vec![], items: vec![], skus });
        open_shop(&mut scene, &mut hub, config);
        let device = Device::new(&mut scene, 0, 0);
        let mut state = Self {
            config,
            scene,
            hub: Rc::new(hub),
            devices: vec![Rc::new(device)],
            lives: vec![0],
            backup: None,
            hub_backup: None,
            up: vec![],
            down: vec![],
            left: config.budget(),
            connections: 0,
            cuts: 0,
            rows: true,
        };
        state.settle();
        state.scene.bug = bug;
        state
    }
}

fn open_shop(scene: &mut Scene, hub: &mut Hub, config: &Config) {
    let from = |json: serde_json::Value| -> Command {
        match serde_json::from_value(json) {
            Ok(command) => command,
            Err(error) => panic!("{error}"),
        }
    };
    submit(
        scene,
        hub,
        from(serde_json::json!({"command": "put_record", "record": {
            "record": "location", "no": 0, "code": PLACES[0], "name": PLACES[0], "kind": "store",
            "zone": "Europe/Dublin"}})),
    );
    submit(
        scene,
        hub,
        from(serde_json::json!({"command": "put_item", "sku": ITEMS[0], "details": {
            "name": ITEMS[0]}})),
    );
    let records = hub.database.fresh_state().records;
    hub.numbers.places =
        codes().iter().filter_map(|code| Some(records.location(code)?.no)).collect();
    hub.numbers.items = hub.database.numbers().into_values().collect();
    let (location, item) = (hub.numbers.places[0], hub.numbers.items[0]);
    if config.share > 0 {
        submit(scene, hub, share_policy(location, config.share));
    }
    let lines = vec![(item, config.units)];
    scene.audit.moved(0, 0, config.units);
    submit(scene, hub, Command::Receive { location, lines, reference: None });
}

fn submit(scene: &mut Scene, hub: &mut Hub, command: Command) {
    let submission = Submission {
        id: CommandId(scene.id()),
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
