//! What a printer says about itself (`DLE EOT n`), and how its answers are told apart.
//!
//! Owns the bits. Must not know transports. Invariant: a byte that is not a valid answer is no
//! answer; a printer that says nothing is never taken for a healthy one.

use serde::Serialize;

/// The paper of the roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    Ok,
    Low,
    Out,
}

/// A printer's answers to `DLE EOT` 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    pub drawer_open: bool,
    pub offline: bool,
    pub cover_open: bool,
    pub paper: Paper,
    pub error: Fault,
}

/// An error that stops the printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    None,
    Cutter,
    Other,
}

const BIT_2: u8 = 0x04;
const BIT_3: u8 = 0x08;
const BIT_5: u8 = 0x20;
const BIT_6: u8 = 0x40;

impl Status {
    /// Reads the four answers; `None` when one of them is not an answer. `open_is_high` is the
    /// polarity of the drawer's pin.
    pub fn from_answers(answers: [u8; 4], open_is_high: bool) -> Option<Status> {
        if !answers.iter().all(|byte| is_answer(*byte)) {
            return None;
        }
        let [printer, offline, error, paper] = answers;
        let fault = if error & BIT_3 != 0 {
            Fault::Cutter
        } else if error & (BIT_5 | BIT_6) != 0 || offline & BIT_6 != 0 {
            Fault::Other
        } else {
            Fault::None
        };
        Some(Status {
            drawer_open: (printer & BIT_2 != 0) == open_is_high,
            offline: printer & BIT_3 != 0,
            cover_open: offline & BIT_2 != 0,
            paper: if paper & (BIT_5 | BIT_6) != 0 || offline & BIT_5 != 0 {
                Paper::Out
            } else if paper & (BIT_2 | BIT_3) != 0 {
                Paper::Low
            } else {
                Paper::Ok
            },
            error: fault,
        })
    }
}

/// Real-time answers have the form `0xx1xx10`.
pub fn is_answer(byte: u8) -> bool {
    byte & 0x93 == 0x12
}

/// One answer, whichever command it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `DLE EOT n`.
    Status(u8),
    /// To `GS r 1`: bits 2 and 3 say that the paper is out.
    ReadBack(u8),
    /// Four bytes that the printer sent unasked.
    Automatic([u8; 4]),
}

/// Cuts the bytes from a printer into replies. Holds at most one block.
#[derive(Debug, Default)]
pub struct ReplyParser {
    automatic: Vec<u8>,
    in_text: bool,
}

impl ReplyParser {
    /// Bytes of a block that has begun.
    pub fn held(&self) -> usize {
        self.automatic.len()
    }

    pub fn push(&mut self, byte: u8) -> Option<Reply> {
        if self.in_text {
            // `GS I` answers are text up to a NUL; nobody here asks for them.
            self.in_text = byte != 0;
            return None;
        }
        if !self.automatic.is_empty() {
            self.automatic.push(byte);
            let block = <[u8; 4]>::try_from(self.automatic.as_slice()).ok()?;
            self.automatic.clear();
            return Some(Reply::Automatic(block));
        }
        if is_answer(byte) {
            return Some(Reply::Status(byte));
        }
        if byte & 0x93 == 0x10 {
            self.automatic.push(byte);
            return None;
        }
        match byte {
            0x5f => {
                self.in_text = true;
                None
            }
            byte if byte & 0x90 == 0 => Some(Reply::ReadBack(byte)),
            // XON, XOFF and noise.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: [u8; 4] = [0x16, 0x12, 0x12, 0x12];

    #[test]
    fn each_bit_has_its_word() {
        let read = |answers| Status::from_answers(answers, false).unwrap();
        let fine = read(FINE);
        assert_eq!(
            fine,
            Status {
                drawer_open: false,
                offline: false,
                cover_open: false,
                paper: Paper::Ok,
                error: Fault::None
            }
        );
        assert!(read([0x12, 0x12, 0x12, 0x12]).drawer_open);
        assert!(read([0x1e, 0x12, 0x12, 0x12]).offline);
        assert!(read([0x16, 0x16, 0x12, 0x12]).cover_open);
        assert_eq!(read([0x16, 0x32, 0x12, 0x12]).paper, Paper::Out);
        assert_eq!(read([0x16, 0x12, 0x12, 0x1e]).paper, Paper::Low);
        assert_eq!(read([0x16, 0x12, 0x12, 0x72]).paper, Paper::Out);
        assert_eq!(read([0x16, 0x12, 0x1a, 0x12]).error, Fault::Cutter);
        assert_eq!(read([0x16, 0x52, 0x12, 0x12]).error, Fault::Other);
        assert!(Status::from_answers(FINE, true).unwrap().drawer_open);
    }

    #[test]
    fn bytes_that_are_no_answers_are_no_status() {
        for byte in [0x00, 0x10, 0x92, 0x13, 0xff] {
            assert_eq!(Status::from_answers([byte, 0x12, 0x12, 0x12], false), None);
        }
    }

    #[test]
    fn replies_are_told_apart_though_they_arrive_mixed() {
        let mut parser = ReplyParser::default();
        let bytes = [0x16, 0x11, 0x14, 0x00, 0x0c, 0x0f, 0x0c, b'_', b'A', 0x16, 0, 0x00];
        let replies: Vec<Reply> = bytes.iter().filter_map(|byte| parser.push(*byte)).collect();
        assert_eq!(
            replies,
            [
                Reply::Status(0x16),
                Reply::Automatic([0x14, 0x00, 0x0c, 0x0f]),
                Reply::ReadBack(0x0c),
                Reply::ReadBack(0x00),
            ]
        );
    }
}
