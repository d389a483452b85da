//! The simulator's ESC/POS parser: one byte in, at most one command out.
//!
//! Owns the grammar: which command takes how many bytes. Must not know what a command does.
//! Invariants: any stream of bytes is accepted, and never more than one command is held, of at
//! most `MAX_PAYLOAD` bytes; longer payloads are counted, not kept.

const DLE: u8 = 0x10;
const ESC: u8 = 0x1b;
const FS: u8 = 0x1c;
const GS: u8 = 0x1d;

/// Payload kept of one command; images beyond it are skipped over.
pub const MAX_PAYLOAD: usize = 8192;

/// What the stream said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A printable byte, in whatever code page is selected.
    Byte(u8),
    LineFeed,
    Initialise,
    CodePage(u8),
    Align(u8),
    Bold(bool),
    Underline(bool),
    Invert(bool),
    /// Size as in `GS !`: width in the high, height in the low half.
    Size(u8),
    Font(u8),
    /// `ESC $`: where the next letter stands, in dots from the left.
    Position(u16),
    /// `ESC \`: how far to the right it moves, in dots.
    Shift(i16),
    FeedLines(u8),
    Cut {
        partial: bool,
    },
    Pulse {
        connector: u8,
        t1: u8,
        t2: u8,
    },
    BarcodeHeight(u8),
    BarcodeModule(u8),
    BarcodeText(u8),
    Barcode {
        system: u8,
        content: Vec<u8>,
    },
    QrModule(u8),
    QrLevel(u8),
    QrStore(Vec<u8>),
    QrPrint,
    /// A picture of this many dots. Its rows are packed as `GS v 0` packs them, and may end early.
    Image {
        width: u32,
        height: u32,
        bits: Vec<u8>,
        /// A strip of `ESC *`, which the next line feed prints.
        strip: bool,
    },
    /// `GS a n`.
    AutomaticStatus(u8),
    /// `GS r n`.
    AskStatus(u8),
    /// `GS I n`.
    AskModel(u8),
    /// Understood as a whole, without effect here.
    Ignored,
}

/// Where the parser stands in a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    /// After the command's first bytes, which say how the rest is made up.
    Head,
    /// Bytes that end with a NUL.
    UntilNul,
    /// A payload of known length.
    Payload { left: usize },
}

#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    head: Vec<u8>,
    payload: Vec<u8>,
}

impl Parser {
    pub fn push(&mut self, byte: u8) -> Option<Command> {
        match self.state {
            State::Text => self.text(byte),
            State::Head => {
                self.head.push(byte);
                self.head()
            }
            State::UntilNul => {
                if byte == 0 {
                    return self.finish();
                }
                self.keep(byte);
                None
            }
            State::Payload { left } => {
                self.keep(byte);
                self.await_payload(left - 1)
            }
        }
    }

    fn text(&mut self, byte: u8) -> Option<Command> {
        match byte {
            ESC | GS | FS | DLE => {
                self.head = vec![byte];
                self.state = State::Head;
                None
            }
            b'\n' => Some(Command::LineFeed),
            0x20..=0x7e | 0x80..=0xff => Some(Command::Byte(byte)),
            _ => None,
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.payload.len() < MAX_PAYLOAD {
            self.payload.push(byte);
        }
    }

    fn await_payload(&mut self, left: usize) -> Option<Command> {
        self.state = State::Payload { left };
        if left == 0 { self.finish() } else { None }
    }

    fn done(&mut self, command: Command) -> Option<Command> {
        self.state = State::Text;
        self.head.clear();
        Some(command)
    }

    /// Looks at the head as far as it has come; more bytes are asked for by returning `None`.
    fn head(&mut self) -> Option<Command> {
        match *self.head.as_slice() {
            [ESC, ref rest @ ..] => {
                let command = escape(rest)?;
                self.after(command)
            }
            [GS, ref rest @ ..] => {
                let command = group(rest)?;
                self.after(command)
            }
            [FS, ref rest @ ..] => {
                let command = field(rest)?;
                self.after(command)
            }
            // Real-time commands were taken out before; what is left of one is nothing.
            _ => self.done(Command::Ignored),
        }
    }

    fn after(&mut self, head: Next) -> Option<Command> {
        match head {
            Next::Is(command) => self.done(command),
            Next::UntilNul => {
                self.state = State::UntilNul;
                None
            }
            Next::Payload(length) => self.await_payload(length),
        }
    }

    fn finish(&mut self) -> Option<Command> {
        let head = std::mem::take(&mut self.head);
        let payload = std::mem::take(&mut self.payload);
        self.state = State::Text;
        Some(with_payload(&head, payload))
    }
}

/// What a complete head asks for.
enum Next {
    Is(Command),
    UntilNul,
    Payload(usize),
}

/// On and off are 1 and 0, as numbers or as digits.
fn is_on(n: u8) -> bool {
    n & 1 == 1
}

fn escape(rest: &[u8]) -> Option<Next> {
    if rest.len() < escape_length(rest.first().copied()) {
        return None;
    }
    Some(Next::Is(match *rest {
        [b'@'] => Command::Initialise,
        [b'i'] => Command::Cut { partial: false },
        [b'm'] => Command::Cut { partial: true },
        [b't', n] => Command::CodePage(n),
        [b'a', n] => Command::Align(n),
        [b'E' | b'G', n] => Command::Bold(is_on(n)),
        [b'-', n] => Command::Underline(n & 3 != 0),
        [b'M', n] => Command::Font(n),
        [b'd', n] => Command::FeedLines(n),
        [b'p', connector, t1, t2] => Command::Pulse { connector: connector & 1, t1, t2 },
        [b'$', low, high] => Command::Position(u16::from_le_bytes([low, high])),
        [b'\\', low, high] => Command::Shift(i16::from_le_bytes([low, high])),
        // Modes at once: font, bold, height, width.
        [b'!', n] => {
            Command::Size(if n & 0x20 != 0 { 0x10 } else { 0 } | if n & 0x10 != 0 { 1 } else { 0 })
        }
        [b'*', m, low, high] => {
            let columns = usize::from(low) + 256 * usize::from(high);
            return Some(Next::Payload(columns * if m >= 32 { 3 } else { 1 }));
        }
        [b'D'] => return Some(Next::UntilNul),
        _ => Command::Ignored,
    }))
}

/// Bytes of an `ESC` command after the `ESC` itself, as far as they are fixed.
fn escape_length(name: Option<u8>) -> usize {
    match name {
        Some(
            b't' | b'a' | b'E' | b'G' | b'-' | b'M' | b'd' | b'!' | b' ' | b'R' | b'J' | b'3'
            | b'{' | b'V' | b'T' | b'=' | b'%' | b'K' | b'e' | b'r' | b'?' | b'U',
        ) => 2,
        Some(b'$' | b'\\' | b'c') => 3,
        Some(b'p' | b'*') => 4,
        Some(b'W') => 9,
        _ => 1,
    }
}

fn group(rest: &[u8]) -> Option<Next> {
    Some(Next::Is(match *rest {
        [b'!', n] => Command::Size(n),
        [b'B', n] => Command::Invert(is_on(n)),
        [b'V', m @ (0 | 1 | 48 | 49)] => Command::Cut { partial: is_on(m) },
        [b'V', b'A' | b'B' | b'a' | b'b' | b'g' | b'h'] => return None,
        [b'V', m, _] => Command::Cut { partial: matches!(m, b'B' | b'b' | b'h') },
        [b'h', n] => Command::BarcodeHeight(n),
        [b'w', n] => Command::BarcodeModule(n),
        [b'H', n] => Command::BarcodeText(n),
        [b'a', n] => Command::AutomaticStatus(n),
        [b'r', n] => Command::AskStatus(n),
        [b'I', n] => Command::AskModel(n),
        [b'k', 0..=6] => return Some(Next::UntilNul),
        [b'k', _, n] => return Some(Next::Payload(usize::from(n))),
        [b'(', _, low, high] => {
            return Some(Next::Payload(usize::from(low) + 256 * usize::from(high)));
        }
        [b'8', b'L', a, b, c, d] => {
            let length = u32::from_le_bytes([a, b, c, d]);
            return Some(Next::Payload(usize::try_from(length).unwrap_or(usize::MAX)));
        }
        [b'v', b'0', _, a, b, c, d] => {
            let bytes = usize::from(u16::from_le_bytes([a, b]));
            return Some(Next::Payload(bytes * usize::from(u16::from_le_bytes([c, d]))));
        }
        [b'*', x, y] => return Some(Next::Payload(usize::from(x) * usize::from(y) * 8)),
        [b'L' | b'W' | b'P' | b'$' | b'\\', _, _] => Command::Ignored,
        [b'f' | b'b' | b'/' | b'T', _] => Command::Ignored,
        [
            b'!' | b'B' | b'V' | b'h' | b'w' | b'H' | b'a' | b'r' | b'I' | b'k' | b'(' | b'8'
            | b'v' | b'*' | b'L' | b'W' | b'P' | b'$' | b'\\' | b'f' | b'b' | b'/' | b'T',
        ] => return None,
        [b'k', _] | [b'(', ..] | [b'8', b'L', ..] | [b'v', b'0', ..] | [b'*', _] => return None,
        [b'L' | b'W' | b'P' | b'$' | b'\\', _] => return None,
        _ => Command::Ignored,
    }))
}

fn field(rest: &[u8]) -> Option<Next> {
    Some(Next::Is(match *rest {
        [b'(', _, low, high] => {
            return Some(Next::Payload(usize::from(low) + 256 * usize::from(high)));
        }
        [b'S' | b'p', _, _] | [b'C' | b'!' | b'-' | b'W', _] => Command::Ignored,
        [b'(' | b'S' | b'p', ..] | [b'C' | b'!' | b'-' | b'W'] => return None,
        _ => Command::Ignored,
    }))
}

fn with_payload(head: &[u8], payload: Vec<u8>) -> Command {
    match *head {
        [GS, b'k', system, ..] => Command::Barcode { system, content: payload },
        // Function numbers of the QR code (49).
        [GS, b'(', b'k', ..] => match *payload.as_slice() {
            [49, 67, n] => Command::QrModule(n),
            [49, 69, n] => Command::QrLevel(n),
            [49, 80, _, ref content @ ..] => Command::QrStore(content.to_vec()),
            [49, 81, ..] => Command::QrPrint,
            _ => Command::Ignored,
        },
        [GS, b'v', b'0', _, a, b, c, d] => Command::Image {
            width: u32::from(u16::from_le_bytes([a, b])) * 8,
            height: u32::from(u16::from_le_bytes([c, d])),
            bits: payload,
            strip: false,
        },
        [ESC, b'*', m, a, b] => {
            let width = u16::from_le_bytes([a, b]);
            let bytes: u8 = if m >= 32 { 3 } else { 1 };
            Command::Image {
                width: u32::from(width),
                height: 8 * u32::from(bytes),
                bits: rows_of_columns(&payload, usize::from(width), usize::from(bytes)),
                strip: true,
            }
        }
        _ => Command::Ignored,
    }
}

/// Turns columns of `bytes` times eight dots into packed rows.
fn rows_of_columns(columns: &[u8], width: usize, bytes: usize) -> Vec<u8> {
    let across = width.div_ceil(8);
    let mut rows = vec![0u8; across * 8 * bytes];
    for (x, column) in columns.chunks(bytes).enumerate() {
        for y in
            (0..8 * bytes).filter(|y| column.get(y / 8).is_some_and(|b| b << (y % 8) & 0x80 != 0))
        {
            rows[y * across + x / 8] |= 0x80 >> (x % 8);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Vec<Command> {
        let mut parser = Parser::default();
        bytes
            .iter()
            .filter_map(|byte| parser.push(*byte))
            .filter(|command| *command != Command::Ignored)
            .collect()
    }

    #[test]
    fn the_commands_of_a_receipt() {
        assert_eq!(
            parse(b"\x1b@\x1bt\x10A\n\x1bE1\x1d!\x11\x1dVB\x00\x1dr\x01"),
            [
                Command::Initialise,
                Command::CodePage(16),
                Command::Byte(b'A'),
                Command::LineFeed,
                Command::Bold(true),
                Command::Size(0x11),
                Command::Cut { partial: true },
                Command::AskStatus(1),
            ]
        );
        assert_eq!(
            parse(b"\x1dkI\x05{BA12\x1dk\x02400638133393\x00\x1dV\x00\x1dVA\x01"),
            [
                Command::Barcode { system: 73, content: b"{BA12".to_vec() },
                Command::Barcode { system: 2, content: b"400638133393".to_vec() },
                Command::Cut { partial: false },
                Command::Cut { partial: false },
            ]
        );
        assert_eq!(
            parse(
                b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x05\x1d(k\x06\x001P0abc\x1d(k\x03\x001Q0"
            ),
            [Command::QrModule(5), Command::QrStore(b"abc".to_vec()), Command::QrPrint]
        );
    }

    #[test]
    fn a_pulse_of_three_bytes_swallows_the_next_reset() {
        assert_eq!(
            parse(b"\x1bp\x00\x1b@A"),
            [Command::Pulse { connector: 0, t1: 0x1b, t2: b'@' }, Command::Byte(b'A')]
        );
        assert_eq!(
            parse(b"\x1bp\x00\x19\xfa\x1b@"),
            [Command::Pulse { connector: 0, t1: 25, t2: 250 }, Command::Initialise]
        );
    }

    #[test]
    fn a_picture_is_skipped_over_with_its_content() {
        let mut bytes = b"\x1dv0\x00\x02\x00\x03\x00".to_vec();
        bytes.extend_from_slice(b"\x1bp\x00\x01\x02\nA");
        let bits = b"\x1bp\x00\x01\x02\n".to_vec();
        let image = Command::Image { width: 16, height: 3, bits, strip: false };
        assert_eq!(parse(&bytes), [image, Command::Byte(b'A')]);
        let mut huge = b"\x1d8L\xff\xff\xff\x7f".to_vec();
        huge.extend(std::iter::repeat_n(b'x', 100_000));
        let mut parser = Parser::default();
        assert!(huge.iter().all(|byte| parser.push(*byte).is_none()));
        assert!(parser.payload.len() <= MAX_PAYLOAD);
    }

    #[test]
    fn strips_of_columns_become_rows() {
        let Some(Command::Image { width, height, bits, strip }) =
            parse(b"\x1b*\x21\x02\x00\x80\x00\x01\x00\x40\x00").pop()
        else {
            panic!("no picture");
        };
        assert_eq!((width, height, strip), (2, 24, true));
        let black: Vec<usize> = (0..24).filter(|y| bits[*y] != 0).collect();
        assert_eq!((black, bits[0], bits[9], bits[23]), (vec![0, 9, 23], 0x80, 0x40, 0x80));
        assert!(matches!(
            parse(b"\x1b*\x00\x01\x00\xff")[..],
            [Command::Image { width: 1, height: 8, .. }]
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_accepted_in_bounded_memory(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
        ) {
            let mut parser = Parser::default();
            for byte in bytes {
                parser.push(byte);
                prop_assert!(parser.head.len() < 16 && parser.payload.len() <= MAX_PAYLOAD);
            }
        }
    }
}
