//! What the test programs share: a line for whoever started them, and being told to stop.
//!
//! It knows no program.

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

/// One line on standard output, at once.
///
/// # Errors
/// When nobody reads it any more.
pub fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Ends with SIGTERM or SIGINT.
pub async fn asked_to_stop() {
    let (Ok(mut terminated), Ok(mut interrupted)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
}
