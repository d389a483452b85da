//! Connections of agents at the hub: frames to commands, replies and rows to frames.

use oneshelf_domain::stock::{ItemNo, LocationNo, Stock, StockKey};
use oneshelf_domain::{AgentId, CommandId, Sku};
use oneshelf_protocol::frame::{Down, Up};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::hub::{About, Balance, HubLink, Todo, balance, command};
use oneshelf_sync::plan::Submission;

use super::{Hub, Origin, Said};
use crate::sim::bug::Bug;
use crate::sim::scene::{Event, Scene};
use crate::sim::tape::Taped;

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct HubConnection {
    pub device: usize,
    pub location: LocationNo,
    pub link: Taped<HubLink>,
    /// Rows were sent up to this version; none before a session is open.
    sent: Option<i64>,
}

impl Hub {
    /// An agent connects; its store's older connection ends.
    pub fn connect(
        &mut self,
        scene: &mut Scene,
        connection: u64,
        device: usize,
        agent: AgentId,
        place: usize,
    ) -> Vec<Said> {
        let location = self.numbers.places[place];
        let older: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, c)| c.location == location)
            .map(|(id, _)| *id)
            .collect();
        let (twice, epoch) = (scene.outbox.is_some(), self.database.head.epoch);
        let link = Taped::new(twice, move || HubLink::new(agent, location, epoch));
        self.connections.insert(connection, HubConnection { device, location, link, sent: None });
        scene.after(500, Event::HubTicks { connection });
        let closed = older.into_iter().map(|connection| {
            self.connections.remove(&connection);
            Said::Closed { connection }
        });
        closed.collect()
    }

    /// A connection is over: whoever has the store next hears what its log is like.
    pub(super) fn ends(&mut self, connection: u64) {
        // One that never said Hello has heard nothing of the log.
        if let Some(c) = self.connections.remove(&connection).filter(|c| c.link.session().is_some())
        {
            self.put_gap(c.location, None);
        }
    }

    /// The connection through which a device speaks to this process now.
    pub fn connection_of(&self, device: usize) -> Option<u64> {
        self.connections.iter().find(|(_, c)| c.device == device).map(|(id, _)| *id)
    }

    /// A frame came.
    pub fn frame(&mut self, scene: &mut Scene, connection: u64, up: Up) -> Vec<Said> {
        let Some(c) = self.connections.get_mut(&connection).filter(|_| self.up) else {
            return vec![];
        };
        let pong = matches!(up, Up::Pong { .. });
        let todo = c.link.act(&mut scene.ids, move |link, _| link.frame(up.clone()));
        self.hears(scene, connection);
        let said = self.act(scene, connection, todo);
        if pong {
            self.look_for_a_gap(scene, connection);
            self.recovered(scene, connection);
        }
        said
    }

    pub(super) fn act(&mut self, scene: &mut Scene, connection: u64, todo: Vec<Todo>) -> Vec<Said> {
        let mut said = vec![];
        for one in todo {
            match one {
                Todo::Send(down) => self.send(scene, connection, down),
                Todo::Submit(request) => {
                    self.request(scene, connection, &request.up, request.about)
                }
                Todo::Rows(after) => {
                    if let Some(c) = self.connections.get_mut(&connection) {
                        c.sent = Some(after);
                    }
                    said.extend(self.rows(scene, connection, true));
                }
                Todo::Close(why) => {
                    scene.trace(&format!("hub closes {connection}: {why}"));
                    self.ends(connection);
                    said.push(Said::Closed { connection });
                }
            }
        }
        said
    }

    fn request(&mut self, scene: &mut Scene, connection: u64, up: &Up, about: About) {
        let Some(c) = self.connections.get(&connection) else { return };
        let numbers = self.database.numbers();
        let Some(command) = command(up, c.link.agent, c.location, &numbers) else { return };
        let id = match up {
            Up::Fact { fact, .. } => fact.command_id,
            _ => CommandId(scene.id()),
        };
        let submission = Submission {
            id,
            principal: format!("store:{}", c.location.0),
            actor: format!("agent:{}", c.link.agent),
            on_behalf_of: None,
            keyed: false,
            command,
        };
        self.submit(scene, submission, Origin::Link { connection, about });
    }

    pub(super) fn send(&mut self, scene: &mut Scene, connection: u64, mut down: Down) {
        let Some(c) = self.connections.get(&connection) else { return };
        if let (Some(Bug::GrantDelta), Down::Grant { incarnation, sku, total, .. }) =
            (scene.bug, &mut down)
        {
            let before = self.sent_totals.insert((*incarnation, sku.clone()), *total);
            *total -= before.unwrap_or(0);
        }
        scene.send_down(c.device, connection, &down);
    }

    /// Time passes on a connection.
    pub fn tick(&mut self, scene: &mut Scene, connection: u64) -> Vec<Said> {
        let Some(c) = self.connections.get_mut(&connection) else { return vec![] };
        let now = scene.now;
        let todo = c.link.act(&mut scene.ids, move |link, _| link.tick(now));
        let pinged = !todo.is_empty();
        scene.after(2_500, Event::HubTicks { connection });
        let mut said = self.act(scene, connection, todo);
        if pinged {
            self.totals_again(scene, connection);
            said.extend(self.rows(scene, connection, false));
        }
        said
    }

    /// What another process has granted in this very session is told by the next ping.
    fn totals_again(&mut self, scene: &mut Scene, connection: u64) {
        let Some(c) = self.connections.get_mut(&connection) else { return };
        let Some(life) = c.link.incarnation() else { return };
        let of_life = self.database.shares.iter().filter(|((of, _), _)| *of == life);
        let named = of_life.filter_map(|((_, key), share)| {
            Some((self.database.items.get(&key.item)?.sku.clone(), share.granted))
        });
        for (sku, total) in named.collect::<Vec<_>>() {
            c.link.act(&mut scene.ids, move |link, _| link.stored_total(life, &sku, total));
        }
    }

    /// Every connection that lacks rows gets them.
    pub(super) fn rows_due(&mut self, scene: &mut Scene) -> Vec<Said> {
        let version = self.database.head.version.0;
        let behind: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, c)| c.sent.is_some_and(|sent| sent < version))
            .map(|(id, _)| *id)
            .collect();
        let mut said = vec![];
        for connection in behind {
            said.extend(self.rows(scene, connection, false));
        }
        said
    }

    /// `look`: at the whole shelf for items that lack share, as a changed policy asks for too.
    pub(super) fn rows(&mut self, scene: &mut Scene, connection: u64, look: bool) -> Vec<Said> {
        let Some(c) = self.connections.get_mut(&connection) else { return vec![] };
        let Some(after) = c.sent.filter(|_| c.link.session().is_some()) else { return vec![] };
        let (location, life) = (c.location, c.link.incarnation());
        let stored = life.and_then(|id| self.database.incarnations.get(&id));
        if stored.is_some_and(|life| c.link.is_over(life)) {
            scene.trace(&format!("hub closes {connection}: its session is over"));
            scene.counts.met("session over by another hub's word");
            self.ends(connection);
            return vec![Said::Closed { connection }];
        }
        let upto = self.database.head.version.0;
        let rows = self.database.changed(location, after);
        let policy = |row: &Row| match row {
            Row::Record { key, .. } => key.starts_with("share/") || key.starts_with("walk_in/"),
            _ => false,
        };
        let shelf = match look || rows.iter().any(policy) {
            true => self.database.shelf(location, 0),
            false => self.database.shelf(location, after),
        };
        let balances: Vec<_> = shelf.iter().filter_map(|row| self.balance(location, row)).collect();
        let wanted: Vec<_> = balances
            .iter()
            .filter(|(_, _, b)| *b == Balance::Grant)
            .map(|(item, sku, _)| (*item, sku.clone()))
            .collect();
        let owed: Vec<_> = balances
            .into_iter()
            .filter_map(|(item, _, b)| match b {
                Balance::Recall(units) => Some((StockKey { item, location }, units)),
                _ => None,
            })
            .collect();
        let applied = self.database.applied(location, life);
        let Some(c) = self.connections.get_mut(&connection) else { return vec![] };
        c.sent = Some(upto);
        let frames = c.link.rows(after, upto, applied, rows);
        let top_ups: Vec<_> =
            wanted.into_iter().filter_map(|(item, sku)| c.link.top_up(item, sku)).collect();
        for down in frames {
            self.send(scene, connection, down);
        }
        for (command, about) in top_ups {
            let submission = Submission {
                id: CommandId(scene.id()),
                principal: format!("store:{}", location.0),
                actor: "hub".to_owned(),
                on_behalf_of: None,
                keyed: false,
                command,
            };
            self.submit(scene, submission, Origin::Link { connection, about });
        }
        for (key, units) in owed {
            self.recall(scene, key, units);
        }
        vec![]
    }

    fn balance(&self, location: LocationNo, row: &Row) -> Option<(ItemNo, Sku, Balance)> {
        let Row::Stock { sku, balances, short } = row else { return None };
        let item = self.database.items.values().find(|i| i.sku == *sku)?.no;
        let stock = Stock { balances: *balances, short: *short, ..Stock::default() };
        let at = StockKey { item, location };
        Some((item, sku.clone(), balance(self.database.records(), at, &stock)))
    }

    /// Asks a store for share, by the connection that it has; true when it was asked.
    pub fn recall(&mut self, scene: &mut Scene, key: StockKey, units: i64) -> bool {
        let Some((connection, c)) =
            self.connections.iter().find(|(_, c)| c.location == key.location)
        else {
            return false;
        };
        let Some(sku) = self.database.items.get(&key.item).map(|i| i.sku.clone()) else {
            return false;
        };
        let Some(life) = c.link.incarnation() else { return false };
        let share = self.database.shares.get(&(life, key)).copied().unwrap_or_default();
        let wanted = units.min(share.owned());
        let Some(down) = c.link.recall(life, sku, share.returned + wanted).filter(|_| wanted > 0)
        else {
            return false;
        };
        *scene.counts.commands.entry("recall").or_default() += 1;
        let connection = *connection;
        self.asks_for(key, scene.now, share.returned);
        self.send(scene, connection, down);
        true
    }
}
