//! Random and mutated bytes for everything that reads what a device sends.
//!
//! Owns the inputs: half of them are valid ones with a few changes, as those get furthest.
//! `ONESHELF_FUZZ_COUNT` says how many, `ONESHELF_FUZZ_SEED` which. Invariant: the same count and
//! seed give the same inputs.

use std::time::Duration;

use oneshelf_hardware::printer::{Reply, ReplyParser, Status};
use oneshelf_hardware::scale::{Weighed, read_answer};
use oneshelf_hardware::scanner::{
    FrameEvent, FrameRules, Framer, Gtin, Keys, Patterns, Press, Reading, Symbology,
};

const COUNT: u64 = 100_000;
const LONGEST: usize = 600;

/// Xorshift: quick, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn random(&mut self) -> Vec<u8> {
        let length = self.below(80);
        (0..length).map(|_| self.byte()).collect()
    }

    /// A valid input with a few changes, or two that were cut and joined.
    fn mutated(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].to_vec();
        for _ in 0..=self.below(4) {
            let place = self.below(bytes.len() + 1);
            match self.below(7) {
                0 if place < bytes.len() => bytes[place] ^= 1 << self.below(8),
                1 if place < bytes.len() => bytes[place] = self.byte(),
                2 if place < bytes.len() => drop(bytes.remove(place)),
                3 => bytes.insert(place, self.byte()),
                4 => bytes.truncate(place),
                5 => {
                    let other = seeds[self.below(seeds.len())];
                    bytes.truncate(place);
                    bytes.extend_from_slice(&other[self.below(other.len())..]);
                }
                _ => {
                    let again = bytes[place..].to_vec();
                    bytes.extend(again.iter().cycle().take(self.below(40)));
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }
}

/// Hands `check` all inputs, every second one mutated.
fn fuzz(seeds: &[&[u8]], mut check: impl FnMut(&[u8], &mut Dice)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let count = number("ONESHELF_FUZZ_COUNT").unwrap_or(COUNT);
    let mut dice = Dice(number("ONESHELF_FUZZ_SEED").unwrap_or(0x0e5e_1f00_d5ee_d001).max(1));
    for turn in 0..count {
        let input = if turn % 2 == 0 { dice.random() } else { dice.mutated(seeds) };
        check(&input, &mut dice);
    }
    eprintln!("{count} inputs");
}

const SCANS: &[&[u8]] = &[
    b"]E04006381333931\r",
    b"96385074\r\n",
    b"]E004252614\r",
    b"\x02S07-R2-000123\x03",
    b"]d2010400638133393117261130310300125010LOT-7\x1d21S/42\x1d3922450\r",
    b"]C100106141412345678908\r",
    b"\x1d0204006381333931372480082611281042\r",
    b"]Q1https://id.example.com/01/09506000134352/10/L%2F1?17=261130&3103=000195\r",
    b"2123456146853\r",
    b"%B4111111111111111^DOE/JANE^2512101?\r",
    b";4111111111111111=25121010000?\r",
    b"10012345678902\r",
];

#[test]
fn fuzz_scanner_bytes() {
    let patterns = Patterns::parse(&["29PPPPPMMMMMC", "2PPPPPCWWWWWC", "02PPPPPCNNNNC"]).unwrap();
    let rules = FrameRules::default();
    let (most, mut framer) = (rules.max_bytes, Framer::new(rules));
    let mut now = Duration::ZERO;
    let mut found = Vec::new();
    let (mut scans, mut goods) = (0u64, 0u64);
    fuzz(SCANS, |input, dice| {
        // In pieces, with pauses, behind whatever the last input left.
        for piece in input.chunks(dice.below(40) + 1) {
            now += Duration::from_millis(dice.below(90) as u64);
            framer.push(piece, now, &mut found);
            assert!(framer.held() <= most);
        }
        assert!(found.len() <= input.len() + 1);
        for event in found.drain(..) {
            let FrameEvent::Scan(scan) = event else { continue };
            scans += 1;
            assert!(scan.code.len() <= most && !scan.code.is_empty());
            assert!(scan.code.bytes().all(|byte| matches!(byte, 0x20..=0x7e | 0x1d)));
            assert!(!scan.code.starts_with("%B4111111111111111"), "a card");
            check_reading(&scan.code, scan.symbology.as_ref(), &patterns, &mut goods);
        }
        if dice.below(50) == 0 {
            framer.unplugged();
            assert_eq!(framer.held(), 0);
        }
    });
    assert!(scans > 0 && goods > 0, "nothing was read: {scans} {goods}");
}

fn check_reading(code: &str, kind: Option<&Symbology>, patterns: &Patterns, goods: &mut u64) {
    let Ok(reading) = Reading::of(code, kind) else { return };
    if let Some(elements) = reading.elements() {
        let kept: usize = elements.iter().map(|one| one.ai.len() + one.text.len()).sum();
        assert!(kept <= code.len() + 6, "more than there was");
        for date in [elements.expires(), elements.best_before()].into_iter().flatten() {
            let full = date.in_year(2026);
            assert!((1..=12).contains(&full.month) && (1..=31).contains(&full.day));
        }
        assert!(elements.net_weight_grams().is_none_or(|grams| grams >= 0));
    }
    if let Some(gtin) = reading.gtin() {
        *goods += 1;
        assert_eq!(Gtin::new(gtin.as_str()).as_ref(), Some(gtin));
        if let Some(measured) = patterns.read(gtin) {
            assert!(gtin.is_store_made() && measured.base.is_store_made());
        }
    }
}

const ANSWERS: &[&[u8]] = &[
    &[0x16, 0x12, 0x12, 0x12],
    &[0x1e, 0x32, 0x12, 0x72],
    &[0x16, 0x12, 0x12, 0x12, 0x00],
    &[0x14, 0x00, 0x0c, 0x0f],
    &[0x16, 0x11, 0x14, 0x00, 0x0c, 0x0f, 0x0c],
    b"_Oneshelf\x00\x16\x12\x12\x12\x0c",
    &[0x11, 0x13, 0x0c, 0x00],
];

#[test]
fn fuzz_printer_answers() {
    let mut parser = ReplyParser::default();
    let mut answers = [0u8; 4];
    let (mut replies, mut states) = (0u64, 0u64);
    fuzz(ANSWERS, |input, dice| {
        if dice.below(4) == 0 {
            parser = ReplyParser::default();
        }
        for byte in input {
            let reply = parser.push(*byte);
            assert!(parser.held() < 4);
            match reply {
                Some(Reply::Status(byte)) => {
                    assert_eq!(byte & 0x93, 0x12, "not the form of an answer");
                    answers.rotate_left(1);
                    answers[3] = byte;
                    states += u64::from(Status::from_answers(answers, false).is_some());
                }
                // A byte that proves a receipt must not look like any other answer.
                Some(Reply::ReadBack(byte)) => assert_eq!(byte & 0x90, 0),
                Some(Reply::Automatic(block)) => assert_eq!(block[0] & 0x93, 0x10),
                None => continue,
            }
            replies += 1;
        }
        // Four bytes that are no answers are no status.
        if let Ok(four) = <[u8; 4]>::try_from(input)
            && let Some(status) = Status::from_answers(four, true)
        {
            assert!(four.iter().all(|byte| byte & 0x93 == 0x12), "{status:?}");
        }
    });
    assert!(replies > 0 && states > 0, "nothing was understood: {replies} {states}");
}

#[test]
fn fuzz_typed_keys() {
    let mut keys = Keys::default();
    let enter: &[&[u8]] = &[&[2, 3, 4, 28], &[42, 30, 42, 29, 27, 29, 28], &[56, 82, 80, 73, 56]];
    fuzz(enter, |input, dice| {
        for key in input {
            let press = Press::of(i32::try_from(dice.below(3)).unwrap());
            if let Some(byte) = keys.press(u16::from(*key), press) {
                assert!(byte.is_ascii());
            }
        }
    });
}

const WEIGHTS: &[&[u8]] = &[
    b"\n  1.250kg\r\n00\r\x03",
    b"\n 01.250KG\r\nS00\r\x03",
    b"\n   985 g\r\n00\r\x03",
    b"\n  0.400kg\r\n0p4\r\x03",
    b"\n-------kg\r\n01\r\x03",
    b"\nS10\r\x03",
];

#[test]
fn fuzz_scale_answers() {
    let mut weights = 0u64;
    fuzz(WEIGHTS, |input, _| {
        if let Ok(Weighed::Stable(grams)) = read_answer(input) {
            weights += 1;
            assert!((1..=1_000_000).contains(&grams), "{}", input.escape_ascii());
            assert_eq!(input.last().map(|byte| byte & 0x7f), Some(0x03));
        }
    });
    assert!(weights > 0, "nothing was understood");
}
