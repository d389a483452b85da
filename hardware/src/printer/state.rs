//! The words for a printer's state, as pages show them.
//!
//! Owns the words and how a status becomes one. Must not know transports. Invariant: a state is
//! only "ready" after the printer said so.

use serde::Serialize;

use super::status::{Fault, Paper, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterState {
    Ready,
    Printing,
    PaperLow,
    NoPaper,
    CoverOpen,
    CutterError,
    /// Connected, but silent, or offline without saying why.
    NotAnswering,
    /// No connection.
    Unreachable,
    /// A job was sent and nothing proved that it came out.
    #[serde(rename = "sent_unconfirmed")]
    SentNotConfirmed,
}

impl PrinterState {
    pub fn of(status: &Status) -> PrinterState {
        if status.cover_open {
            PrinterState::CoverOpen
        } else if status.paper == Paper::Out {
            PrinterState::NoPaper
        } else if status.error == Fault::Cutter {
            PrinterState::CutterError
        } else if status.error == Fault::Other || status.offline {
            PrinterState::NotAnswering
        } else if status.paper == Paper::Low {
            PrinterState::PaperLow
        } else {
            PrinterState::Ready
        }
    }
}

/// Why a job was not sent, or why its fate is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    #[error("no connection to the printer")]
    Unreachable,
    #[error("the printer does not answer")]
    NotAnswering,
    #[error("the printer has no paper")]
    NoPaper,
    #[error("the printer's cover is open")]
    CoverOpen,
    #[error("the printer reports a cutter error")]
    CutterError,
    #[error("the printer is offline")]
    Offline,
    #[error("the connection broke")]
    ConnectionLost,
    #[error("the printer took the bytes too slowly")]
    TooSlow,
    #[error("the printer did not confirm the job")]
    NoReadBack,
}

impl Reason {
    /// What keeps a printer of this status from printing.
    pub fn against(status: &Status) -> Option<Reason> {
        match PrinterState::of(status) {
            PrinterState::CoverOpen => Some(Reason::CoverOpen),
            PrinterState::NoPaper => Some(Reason::NoPaper),
            PrinterState::CutterError => Some(Reason::CutterError),
            PrinterState::NotAnswering => Some(Reason::Offline),
            _ => None,
        }
    }

    /// The word for a printer that would not take a job for this reason.
    pub fn state(self) -> PrinterState {
        match self {
            Reason::Unreachable | Reason::ConnectionLost => PrinterState::Unreachable,
            Reason::NoPaper => PrinterState::NoPaper,
            Reason::CoverOpen => PrinterState::CoverOpen,
            Reason::CutterError => PrinterState::CutterError,
            Reason::NotAnswering | Reason::Offline | Reason::TooSlow => PrinterState::NotAnswering,
            Reason::NoReadBack => PrinterState::SentNotConfirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_word_wins_and_ready_must_be_earned() {
        let fine = Status {
            drawer_open: true,
            offline: false,
            cover_open: false,
            paper: Paper::Ok,
            error: Fault::None,
        };
        for (status, state, against) in [
            (fine, PrinterState::Ready, None),
            (Status { paper: Paper::Low, ..fine }, PrinterState::PaperLow, None),
            (
                Status { paper: Paper::Out, offline: true, ..fine },
                PrinterState::NoPaper,
                Some(Reason::NoPaper),
            ),
            (
                Status { cover_open: true, paper: Paper::Out, offline: true, ..fine },
                PrinterState::CoverOpen,
                Some(Reason::CoverOpen),
            ),
            (
                Status { error: Fault::Cutter, offline: true, ..fine },
                PrinterState::CutterError,
                Some(Reason::CutterError),
            ),
            (Status { offline: true, ..fine }, PrinterState::NotAnswering, Some(Reason::Offline)),
        ] {
            assert_eq!(PrinterState::of(&status), state);
            assert_eq!(Reason::against(&status), against);
        }
    }
}
