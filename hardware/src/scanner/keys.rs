//! Keys to characters: what a scanner means that types like a keyboard.
//!
//! Owns the American layout, which is how such scanners are set up, and the ways in which they type
//! what has no key. Must not know devices. Invariants: a key that means no character gives none; a
//! key that is held down is pressed once.
//!
//! FNC1 comes as Ctrl and `]`, or as Alt and `029` on the number pad, depending on the scanner.

/// Key codes of Linux (`input-event-codes.h`).
mod code {
    pub const TAB: u16 = 15;
    pub const ENTER: u16 = 28;
    pub const CTRL: [u16; 2] = [29, 97];
    pub const SHIFT: [u16; 2] = [42, 54];
    pub const ALT: [u16; 2] = [56, 100];
    pub const CAPS_LOCK: u16 = 58;
    pub const PAD_ENTER: u16 = 96;
}

/// Keys with a character, without and with Shift. A row of the keyboard each.
const ROWS: [(u16, &str, &str); 5] = [
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
];

/// The number pad, from its code 71 on; code 98 is its slash, 55 its star.
const PAD: (u16, &str) = (71, "789-456+1230.");

/// More digits than any character's number has.
const ALT_DIGITS_MAX: usize = 4;

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    Down,
    Up,
    /// The keyboard repeats a key that is held.
    Held,
}

impl Press {
    /// The value of an event of Linux.
    pub fn of(value: i32) -> Press {
        match value {
            0 => Press::Up,
            1 => Press::Down,
            _ => Press::Held,
        }
    }
}

/// The state of a keyboard.
#[derive(Debug, Default)]
pub struct Keys {
    shift: [bool; 2],
    ctrl: [bool; 2],
    alt: [bool; 2],
    caps: bool,
    alt_digits: String,
}

impl Keys {
    /// The byte that a key means, as it would come over a serial line.
    pub fn press(&mut self, key: u16, press: Press) -> Option<u8> {
        if self.is_modifier(key, press) {
            // The number of a character ends when Alt is let go.
            let typed = !self.alt.contains(&true) && !self.alt_digits.is_empty();
            return typed.then(|| self.take_alt_digits()).flatten();
        }
        if press != Press::Down {
            return None;
        }
        match key {
            code::ENTER | code::PAD_ENTER | code::TAB => return Some(b'\r'),
            code::CAPS_LOCK => {
                self.caps = !self.caps;
                return None;
            }
            _ => {}
        }
        if self.alt.contains(&true) {
            let digit = on_pad(key).filter(u8::is_ascii_digit)?;
            if self.alt_digits.len() < ALT_DIGITS_MAX {
                self.alt_digits.push(char::from(digit));
            }
            return None;
        }
        let shift = self.shift.contains(&true);
        let plain = on_rows(key, shift).or_else(|| on_pad(key))?;
        let letter = match self.caps && plain.is_ascii_alphabetic() {
            true => plain ^ 0x20,
            false => plain,
        };
        match self.ctrl.contains(&true) {
            // Ctrl and ] is GS.
            true => matches!(letter, b'@'..=b'_' | b'a'..=b'z').then_some(letter & 0x1f),
            false => Some(letter),
        }
    }

    fn is_modifier(&mut self, key: u16, press: Press) -> bool {
        let groups = [
            (code::SHIFT, &mut self.shift),
            (code::CTRL, &mut self.ctrl),
            (code::ALT, &mut self.alt),
        ];
        for (codes, held) in groups {
            if let Some(side) = codes.iter().position(|code| *code == key) {
                held[side] = press != Press::Up;
                return true;
            }
        }
        false
    }

    fn take_alt_digits(&mut self) -> Option<u8> {
        let number = std::mem::take(&mut self.alt_digits).parse::<u8>().ok()?;
        number.is_ascii().then_some(number)
    }
}

fn on_rows(key: u16, shift: bool) -> Option<u8> {
    ROWS.iter().find_map(|(first, plain, shifted)| {
        let place = usize::from(key.checked_sub(*first)?);
        let row = if shift { shifted } else { plain };
        row.as_bytes().get(place).copied()
    })
}

fn on_pad(key: u16) -> Option<u8> {
    match key {
        55 => Some(b'*'),
        98 => Some(b'/'),
        _ => PAD.1.as_bytes().get(usize::from(key.checked_sub(PAD.0)?)).copied(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::frame::{FrameEvent, Framer};
    use super::*;

    const SHIFT: u16 = code::SHIFT[0];
    const CTRL: u16 = code::CTRL[0];
    const ALT: u16 = code::ALT[0];

    /// Types as a scanner does: each key down and up, Shift held where it is needed.
    fn typed(text: &str) -> Vec<(u16, Press)> {
        let mut out = Vec::new();
        for letter in text.bytes() {
            let (key, with) = match letter {
                b'\r' => (code::ENTER, None),
                0x1d => (key_of(b']').0, Some(CTRL)),
                letter => {
                    let (key, shift) = key_of(letter);
                    (key, shift.then_some(SHIFT))
                }
            };
            out.extend(with.map(|with| (with, Press::Down)));
            out.extend([(key, Press::Down), (key, Press::Up)]);
            out.extend(with.map(|with| (with, Press::Up)));
        }
        out
    }

    fn key_of(letter: u8) -> (u16, bool) {
        (1..60)
            .flat_map(|key| [(key, false), (key, true)])
            .find(|(key, shift)| on_rows(*key, *shift) == Some(letter))
            .unwrap_or_else(|| panic!("no key for {}", char::from(letter)))
    }

    fn bytes(events: &[(u16, Press)]) -> Vec<u8> {
        let mut keys = Keys::default();
        events.iter().filter_map(|(key, press)| keys.press(*key, *press)).collect()
    }

    #[test]
    fn every_printable_character_has_a_key() {
        let all: String = (0x20..0x7f).map(char::from).collect();
        assert_eq!(bytes(&typed(&all)), all.as_bytes());
    }

    #[test]
    fn a_typed_label_becomes_the_frame_of_a_serial_scanner() {
        let code = "]d2010400638133393110AB/7\u{1d}17261130\r";
        let mut framer = Framer::default();
        let mut found = Vec::new();
        let mut keys = Keys::default();
        for (place, (key, press)) in typed(code).into_iter().enumerate() {
            let now = Duration::from_millis(place as u64);
            if let Some(byte) = keys.press(key, press) {
                framer.push(&[byte], now, &mut found);
            }
        }
        let [FrameEvent::Scan(scan)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(scan.code, "010400638133393110AB/7\u{1d}17261130");
        assert!(scan.symbology.as_ref().is_some_and(|kind| kind.is_gs1()));
    }

    #[test]
    fn a_character_without_a_key_may_come_by_its_number() {
        let pad = |digit: u16| [(digit, Press::Down), (digit, Press::Up)];
        let mut events = vec![(ALT, Press::Down)];
        // 0, 2, 9 on the number pad.
        events.extend([82, 80, 73].into_iter().flat_map(pad));
        events.push((ALT, Press::Up));
        assert_eq!(bytes(&events), [0x1d]);
        assert_eq!(bytes(&[(ALT, Press::Down), (ALT, Press::Up)]), []);
    }

    #[test]
    fn held_keys_count_once_and_caps_lock_turns_letters() {
        let a = key_of(b'a').0;
        let held = [(a, Press::Down), (a, Press::Held), (a, Press::Held), (a, Press::Up)];
        assert_eq!(bytes(&held), b"a");
        let caps = [(code::CAPS_LOCK, Press::Down), (code::CAPS_LOCK, Press::Up)];
        let shifted = [(SHIFT, Press::Down), (a, Press::Down), (SHIFT, Press::Up)];
        let one = [(key_of(b'1').0, Press::Down)];
        assert_eq!(bytes(&[&caps[..], &[(a, Press::Down)], &shifted, &one].concat()), b"Aa1");
        assert_eq!(bytes(&[(98, Press::Down), (83, Press::Down), (96, Press::Down)]), b"/.\r");
    }

    proptest! {
        #[test]
        fn any_keys_give_characters_or_nothing(
            events in prop::collection::vec((0u16..800, 0i32..4), 0..300),
        ) {
            let mut keys = Keys::default();
            for (key, value) in events {
                if let Some(byte) = keys.press(key, Press::of(value)) {
                    prop_assert!(byte.is_ascii());
                }
                prop_assert!(keys.alt_digits.len() <= ALT_DIGITS_MAX);
            }
        }
    }
}
