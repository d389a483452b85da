//! Ctrl-C, SIGTERM and a closed terminal: remembers that a stop was asked for and passes it on.
//! It must not know what the children are. A target is the argument of `kill`: `123` is a
//! program, `-123` its whole process group. Whoever waited for a child takes it off the list.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

static ASKED: AtomicBool = AtomicBool::new(false);
static TARGETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(crate) fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        // The first one asks, a second one insists.
        let signal = if ASKED.swap(true, Ordering::SeqCst) { "KILL" } else { "TERM" };
        for target in targets().iter() {
            send(signal, target);
        }
    })
    .context("cannot watch for Ctrl-C")
}

pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

pub(crate) fn fail_if_asked() -> Result<()> {
    anyhow::ensure!(!asked(), "stopped");
    Ok(())
}

/// Keeps a target on the list while a child runs.
pub(crate) struct Listed(String);

pub(crate) fn list(target: String) -> Listed {
    targets().push(target.clone());
    if asked() {
        send("TERM", &target);
    }
    Listed(target)
}

impl Drop for Listed {
    fn drop(&mut self) {
        targets().retain(|target| *target != self.0);
    }
}

/// Sends a signal with the shell's own `kill`, which is always there; a target that has ended
/// already is not an error.
pub(crate) fn send(signal: &str, target: &str) {
    let _ = Command::new("/bin/sh")
        .args(["-c", r#"kill -s "$0" -- "$1""#, signal, target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn targets() -> MutexGuard<'static, Vec<String>> {
    TARGETS.lock().unwrap_or_else(PoisonError::into_inner)
}
