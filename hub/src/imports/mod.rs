//! Files of items, prices and opening stock: received row by row, then turned into commands in
//! order.
//!
//! It knows no transport. Invariant: a row's command id follows from the import and the row, so
//! that a restart in the middle does nothing twice.

mod columns;
mod commands;
mod file;
pub mod items;
mod preview;
mod rows;
mod split;
mod worker;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt, future};
use oneshelf_domain::{ImportId, limits};
use tokio::sync::{Notify, mpsc};

use crate::store::{Store, StoreError, imports};

pub use columns::{Asked, Kind, Layout, Mapping, REPORT, Unreadable, folded, same_columns};
pub use preview::{Changed, Effect, Preview, Previewed, Source, preview};
pub use worker::run;

/// Batches of rows on their way into the database.
const BATCHES: usize = 4;
/// Pieces of the file on their way to the reader.
const PIECES: usize = 8;

/// The imports of this process: wakes the worker, and knows which files come in now.
#[derive(Clone, Default)]
pub struct Imports {
    due: Arc<Notify>,
    receiving: Arc<Mutex<BTreeSet<ImportId>>>,
}

impl Imports {
    /// There is something to do.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    async fn woken(&self) {
        self.due.notified().await;
    }

    /// A file comes in, until what is given back is dropped; none when it comes in already.
    pub fn receiving(&self, id: ImportId) -> Option<Receiving> {
        let mut all = self.receiving.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id).then(|| Receiving { of: self.clone(), id })
    }

    fn comes(&self, id: ImportId) -> bool {
        self.receiving.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }
}

/// A file that comes in now.
pub struct Receiving {
    of: Imports,
    id: ImportId,
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.of.receiving.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Why a file was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// The file itself.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is too large.
    #[error("the file is larger than 256 MiB")]
    TooLarge,
    /// The sender stopped in the middle.
    #[error("the file ended early")]
    Cut,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a file into the database as it comes. Gives the number of its rows; nothing of a file
/// that was not received whole is done.
///
/// # Errors
/// Says why; the import is marked as failed then.
pub async fn receive<S, E>(
    store: &Store,
    id: ImportId,
    asked: Asked,
    pieces: S,
) -> Result<i64, NotReceived>
where
    S: Stream<Item = Result<Vec<u8>, E>> + Unpin,
{
    let received = read(store, id, asked, pieces).await;
    match &received {
        Ok(rows) if imports::received(store, id, *rows).await? => {}
        Ok(_) => {
            // Given up meanwhile: what came later goes too.
            imports::cut(store, id, &NotReceived::Cut.to_string()).await?;
            return Err(NotReceived::Cut);
        }
        Err(why) => imports::cut(store, id, &why.to_string()).await?,
    }
    received
}

async fn read<S, E>(
    store: &Store,
    id: ImportId,
    asked: Asked,
    mut pieces: S,
) -> Result<i64, NotReceived>
where
    S: Stream<Item = Result<Vec<u8>, E>> + Unpin,
{
    let (to_reader, from_sender) = mpsc::channel::<Vec<u8>>(PIECES);
    let (to_store, mut from_reader) = mpsc::channel(BATCHES);
    let reader = tokio::task::spawn_blocking(move || file::read(&asked, from_sender, &to_store));
    let pump = async move {
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| NotReceived::Cut)?;
            bytes += piece.len();
            if bytes > limits::IMPORT_BYTES_MAX {
                return Err(NotReceived::TooLarge);
            }
            if to_reader.send(piece).await.is_err() {
                break; // The reader has given up; it says why.
            }
        }
        Ok(())
    };
    let keep = async {
        let mut kept = Ok(());
        while let Some(piece) = from_reader.recv().await {
            if kept.is_err() {
                continue;
            }
            kept = match piece {
                file::Piece::Layout(layout) => {
                    // Plain data: serde cannot fail on it.
                    let layout = serde_json::to_string(&layout).unwrap_or_default();
                    imports::lay_out(store, id, &layout).await
                }
                file::Piece::Batch(file::Batch { rows, errors }) => {
                    imports::stage(store, id, &rows, &errors).await
                }
            };
        }
        kept
    };
    let (pumped, kept) = future::join(pump, keep).await;
    let rows = reader.await.map_err(|_| NotReceived::Cut)?;
    pumped?;
    kept?;
    Ok(rows?)
}
