//! Receipt printers: what a receipt is, how it looks on paper, and how it gets there.
//!
//! Owns the path receipt -> layout -> bytes -> transport and the states of a printer. Must not know
//! sales, spools or pages. Invariants: no text becomes a command; a drawer is pulsed only on
//! request and never by a copy; "confirmed" means that the printer answered after the last byte.

mod address;
pub mod client;
pub mod encode;
pub mod layout;
pub mod pages;
pub mod picture;
pub mod profile;
mod profile_file;
pub mod receipt;
pub mod state;
pub mod status;
mod talk;
pub mod text;
mod wire;

pub use address::{Address, AddressError};
pub use client::{JobOutcome, Printer, Times};
pub use encode::{Drawer, EncodeError, Job, receipt_job, test_page_job};
pub use pages::CodePage;
pub use picture::{Bitmap, PictureError};
pub use profile::{DrawerProfile, PageNumber, PictureMode, Profile, QrMode};
pub use profile_file::ProfileError;
pub use receipt::{Currency, Receipt, ReceiptLine, TaxLine, Tender, TestPage, Total, Words};
pub use state::{PrinterState, Reason};
pub use status::{Paper, Reply, ReplyParser, Status};
