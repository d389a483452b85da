//! Everybody at once: those who use the hubs and those who follow them, until they are told to
//! stop.
//!
//! Owns their tasks, and no rule. Invariant: whoever was told to stop still ends what was begun.

use anyhow::Result;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::feeds::{Live, Movements, Source};
use super::shop::Shop;
use crate::chaos::dice::Dice;
use crate::chaos::world::World;

/// Those who use the hubs.
pub struct Everybody {
    tasks: JoinSet<Result<()>>,
    stop: watch::Sender<bool>,
}

impl Everybody {
    /// They begin.
    pub fn begin(shop: &Shop, dice: &mut Dice) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for name in ["ada", "bob", "cyd", "dan"] {
            tasks.spawn(shop.clone().claims(name, dice.fork(), stopped.clone()));
        }
        tasks.spawn(shop.clone().orders("W".to_owned(), dice.fork(), stopped));
        Self { tasks, stop }
    }

    /// They have what they asked for, and go.
    ///
    /// # Errors
    /// When an answer was not what it must be.
    pub async fn end(mut self) -> Result<()> {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// Those who follow, two at each hub.
pub struct Readers {
    movements: Vec<JoinHandle<Result<Movements>>>,
    live: Vec<JoinHandle<Result<Live>>>,
    sources: Vec<Source>,
    stop: watch::Sender<bool>,
}

/// What they read.
pub struct Read {
    /// By hub.
    pub movements: Vec<Movements>,
    /// By hub.
    pub live: Vec<Live>,
    /// By hub: where it was read.
    pub sources: Vec<Source>,
}

impl Readers {
    /// They begin.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn open(world: &World, skus: &[String]) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (mut movements, mut live, mut sources) = (vec![], vec![], vec![]);
        for hub in &world.hubs {
            let source = Source::new(&format!("http://{hub}"), &world.secret)?;
            movements.push(tokio::spawn(source.clone().movements(stopped.clone())));
            live.push(tokio::spawn(source.clone().live(skus.to_vec(), stopped.clone())));
            sources.push(source);
        }
        Ok(Self { movements, live, sources, stop })
    }

    /// They read to the end.
    ///
    /// # Errors
    /// When something could not be read.
    pub async fn end(self) -> Result<Read> {
        self.stop.send_replace(true);
        let (mut movements, mut live) = (vec![], vec![]);
        for one in self.movements {
            movements.push(one.await??);
        }
        for one in self.live {
            live.push(one.await??);
        }
        Ok(Read { movements, live, sources: self.sources })
    }
}
