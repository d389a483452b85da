//! The devices and the line of each store.
//!
//! They are simulators of the crate `hardware`; nothing here decides what they do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use oneshelf_hardware::sim::{PaperLevel, PrinterSim, ScannerSim};

use super::catalogue::Product;
use super::line::Line;

/// One store.
pub struct Store {
    /// Its code.
    pub code: String,
    /// As shown.
    pub name: String,
    /// Its printer.
    pub printer: PrinterSim,
    /// Its line.
    pub line: Line,
    /// Codes on buttons.
    pub buttons: Vec<Product>,
    scanner: Mutex<ScannerSim>,
    scanner_path: PathBuf,
    register: Mutex<String>,
}

impl Store {
    /// Sets a store's devices up; its scanner is found under a link in `folder`.
    ///
    /// # Errors
    /// When a device cannot be made.
    pub async fn open(
        code: &str,
        name: &str,
        folder: &Path,
        hub: SocketAddr,
        buttons: Vec<Product>,
    ) -> Result<Self> {
        let scanner_path = folder.join(format!("scanner-{code}"));
        let scanner = ScannerSim::plug_in(Some(&scanner_path)).context("no pseudo terminal")?;
        Ok(Self {
            code: code.to_owned(),
            name: name.to_owned(),
            printer: PrinterSim::bind("127.0.0.1:0").await?,
            line: Line::open(hub).await?,
            buttons,
            scanner: Mutex::new(scanner),
            scanner_path,
            register: Mutex::default(),
        })
    }

    /// Reads a code with the store's scanner.
    ///
    /// # Errors
    /// When nobody reads the other end.
    pub fn scan(&self, code: &str) -> std::io::Result<()> {
        self.scanner.lock().unwrap_or_else(PoisonError::into_inner).scan(code)
    }

    /// Where the agent finds the scanner.
    pub fn scanner_path(&self) -> &Path {
        &self.scanner_path
    }

    /// Remembers where the store's register page is.
    pub fn set_register(&self, url: &str) {
        url.clone_into(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Where the store's register page is; empty until somebody said so.
    pub fn register(&self) -> String {
        self.register.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The line to the printer breaks within the next receipt: nobody can tell what came out.
    pub fn cut_printer(&self, after_bytes: usize) {
        self.printer.cut_after_bytes(after_bytes);
    }

    /// Turns the printer's knobs.
    pub fn set_printer(&self, paper: PaperLevel, cover_open: bool) {
        self.printer.set(|knobs| {
            knobs.paper = paper;
            knobs.cover_open = cover_open;
        });
    }
}
