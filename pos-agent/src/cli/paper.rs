//! Options of what receipts are printed on, and how they look.

use std::path::PathBuf;

use clap::Args;

use crate::serve::Paper;

/// The printer's kind, and the shop's logo.
#[derive(Debug, Args)]
pub(super) struct PaperArgs {
    /// The printer's profile: 80mm, 80mm-42, 80mm-64, 58mm, 58mm-42, epson-80mm, or a TOML file
    /// (docs/operations/devices.md).
    #[arg(long, env = "POS_AGENT_PRINTER_PROFILE", value_name = "NAME|FILE")]
    printer_profile: Option<String>,
    /// A PNG file that is printed above every receipt.
    #[arg(long, env = "POS_AGENT_LOGO", value_name = "FILE")]
    logo: Option<PathBuf>,
}

impl From<PaperArgs> for Paper {
    fn from(PaperArgs { printer_profile, logo }: PaperArgs) -> Self {
        Self { printer_profile, logo }
    }
}
