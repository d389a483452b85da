//! The disk's own limit: how many appended 4 KiB pages it makes durable in a second.
//!
//! It knows no database. The figure says what one commit after another could reach.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Appends and fdatasyncs for a while; gives pages a second.
///
/// # Errors
/// When the disk refuses.
pub fn fdatasync(folder: &Path, seconds: u64) -> std::io::Result<f64> {
    let path = folder.join("fdatasync-probe");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
    let page = [0x5a_u8; 4096];
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut pages = 0_u32;
    while start.elapsed() < limit {
        file.write_all(&page)?;
        file.sync_data()?;
        pages += 1;
    }
    let rate = f64::from(pages) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
