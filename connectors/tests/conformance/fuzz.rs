//! Random and mutated deliveries to every connector: no panic, no order without a signature, and
//! nothing read that breaks a rule.

use std::env;

use oneshelf_connectors::{Intake, NotTaken, OrderLine, Received};
use oneshelf_domain::limits;

use crate::SPECIMENS;
use crate::suite::{Delivery, NOW, Specimen, order, receive, secret};

const COUNT: u64 = 100_000;

/// xorshift64*: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn bytes(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest)).map(|_| self.next().to_le_bytes()[7]).collect()
    }
}

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e9",
    b"9223372036854775808",
    b"\xff",
    b"\0",
    b"order.cancel",
    b"order.placed",
    b"data",
    b"lines",
    b"\xe2\x80\xae",
    b"v1,",
    b" ",
    b"\r\n",
    b".",
];

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(5) {
            0 if at < bytes.len() => bytes[at] = dice.next().to_le_bytes()[7],
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => drop(bytes.splice(at..at, PIECES[dice.below(PIECES.len())].iter().copied())),
            3 => bytes.truncate(at),
            _ => {
                let end = (at + dice.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// A delivery of a stranger, or of the channel with a body that was mutated before it signed.
fn delivery(dice: &mut Dice, specimen: &dyn Specimen) -> (Delivery, bool) {
    let mut body = match dice.below(8) {
        0 => dice.bytes(200),
        1..=2 => specimen.cancelled("W-1"),
        _ => specimen.placed(&order(), "x"),
    };
    if dice.below(8) > 0 {
        mutate(dice, &mut body);
    }
    let signed = dice.below(4) > 0;
    let key = secret(if signed { 1 } else { 2 });
    let mut delivery = specimen.signed(&key, "evt_1", NOW, &body);
    if !signed || dice.below(16) == 0 {
        let at = dice.below(delivery.headers.len());
        let (name, value) = &mut delivery.headers[at];
        if dice.below(8) == 0 {
            name.push('x');
        } else {
            mutate(dice, value);
        }
        return (delivery, false);
    }
    (delivery, true)
}

fn check(received: &Received) {
    let named = |id: &str| {
        assert!(!id.is_empty() && id.chars().count() <= limits::FOREIGN_ID_CHARS_MAX);
        assert!(!id.chars().any(char::is_control), "{id:?}");
    };
    named(&received.id);
    match &received.intake {
        Intake::Placed(order) => {
            named(&order.channel_order_id);
            assert!((1..=limits::LINES_MAX).contains(&order.lines.len()));
            let units =
                |line: &OrderLine| (1..=limits::QUANTITY_MAX).contains(&line.quantity.units());
            assert!(order.lines.iter().all(units));
        }
        Intake::Cancelled { channel_order_id } => named(channel_order_id),
        Intake::Echo { kind } | Intake::Other { kind } => assert!(kind.len() <= 4 * 64),
    }
}

#[test]
fn fuzz_webhooks_that_come_in() {
    let count = env::var("ONESHELF_FUZZ_COUNT").map_or(COUNT, |n| n.parse().unwrap());
    for specimen in SPECIMENS {
        let mut dice = Dice(0x5eed_0000_0000_0001);
        let (mut taken, mut unsigned, mut unread) = (0_u64, 0_u64, 0_u64);
        for _ in 0..count {
            let (delivery, proven) = delivery(&mut dice, *specimen);
            match receive(*specimen, &[secret(1), secret(3)], &delivery, NOW) {
                Ok(received) => {
                    taken += 1;
                    check(&received);
                }
                Err(NotTaken::Unsigned | NotTaken::Stale) => {
                    assert!(!proven, "a good signature was refused");
                    unsigned += 1;
                }
                Err(_) => unread += 1,
            }
        }
        // Each way was gone, so that the test cannot rot into one of them.
        let least = count / 100;
        assert!(taken > least && unsigned > least && unread > least, "{taken} {unsigned} {unread}");
    }
}
