//! Text that is safe to print: cleaned, and made of characters that the printer has.
//!
//! Owns cleaning, transliteration and the choice of code pages. Must not know layout. Invariants:
//! no control character leaves this file, one character of its output is one column on paper, and
//! no output byte is below 0x20.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::pages::CodePage;
use super::profile::{PageNumber, Profile};

/// Text from anywhere, made printable by this profile: controls and direction marks are gone, what
/// no page has is transliterated, and what has no transliteration is a question mark.
pub fn printable(text: &str, profile: &Profile) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in clean(text).nfc() {
        if profile.prints(letter) {
            out.push(letter);
        } else if let Some(plain) = plain(letter) {
            out.push_str(plain);
        } else {
            undress(letter, profile, &mut out);
        }
    }
    out
}

/// Removes what could act on a printer or hide on paper. Line breaks and tabs become spaces.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match letter {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
            letter if letter.is_control() => None,
            // Direction marks, joiners, fillers, variation selectors and soft hyphens print as
            // nothing at best and turn a line around at worst.
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' => None,
            letter => Some(letter),
        })
        .collect()
}

/// A letter without its accents, where that is printable.
fn undress(letter: char, profile: &Profile, out: &mut String) {
    if is_combining_mark(letter) {
        return;
    }
    let before = out.len();
    for part in std::iter::once(letter).nfkd() {
        if is_combining_mark(part) {
            continue;
        }
        if !profile.prints(part) {
            out.truncate(before);
            out.push('?');
            return;
        }
        out.push(part);
    }
    if out.len() == before {
        out.push('?');
    }
}

/// Plain spellings of characters that do not come apart by themselves.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '€' => "EUR",
        '£' => "GBP",
        '¥' => "JPY",
        '₴' => "UAH",
        '₺' => "TRY",
        '₽' => "RUB",
        '₹' => "INR",
        '×' | '✕' => "x",
        '÷' | '⁄' => "/",
        '•' | '·' | '●' | '★' => "*",
        '©' => "(c)",
        '®' => "(R)",
        '™' => "TM",
        '№' => "No.",
        '°' => "deg",
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'ł' => "l",
        'Ł' => "L",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ħ' => "h",
        'ı' => "i",
        'ŋ' => "n",
        _ => return None,
    })
}

/// A stretch of text in one code page, already as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub n: u8,
    pub page: CodePage,
    pub bytes: Vec<u8>,
}

/// Splits printable text into runs. The present page is kept while it can print on; else the page
/// that prints the longest stretch from here is taken, the earlier of the profile's list on a tie.
pub fn runs(text: &str, profile: &Profile, current: &mut Option<PageNumber>) -> Vec<Run> {
    let letters: Vec<char> = text.chars().collect();
    let mut out: Vec<Run> = Vec::new();
    for (place, letter) in letters.iter().enumerate() {
        let kept = current.filter(|entry| entry.page.encode(*letter).is_some());
        let chosen = kept.or_else(|| widest(&letters[place..], profile));
        let Some(entry) = chosen.or_else(|| profile.pages.first().copied()) else {
            continue;
        };
        // Text that was made printable always has a byte; anything else is a question mark.
        let byte = entry.page.encode(*letter).unwrap_or(b'?');
        match out.last_mut().filter(|run| run.n == entry.n) {
            Some(run) => run.bytes.push(byte),
            None => out.push(Run { n: entry.n, page: entry.page, bytes: vec![byte] }),
        }
        *current = Some(entry);
    }
    out
}

fn widest(rest: &[char], profile: &Profile) -> Option<PageNumber> {
    let reach = |entry: &PageNumber| {
        rest.iter().take_while(|letter| entry.page.encode(**letter).is_some()).count()
    };
    let mut best: Option<(usize, PageNumber)> = None;
    for entry in &profile.pages {
        let length = reach(entry);
        if length > best.map_or(0, |(longest, _)| longest) {
            best = Some((length, *entry));
        }
    }
    best.map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_and_direction_marks_are_gone() {
        let profile = Profile::default();
        for (hostile, printed) in [
            ("Mug\u{1b}p\u{0}\u{19}\u{fa}", "Mugpú"),
            ("Cut\u{1d}V\u{42}\u{0}", "CutVB"),
            ("Ask\u{10}\u{4}\u{1}", "Ask"),
            ("Pulse\u{10}\u{14}\u{1}\u{0}\u{1}", "Pulse"),
            ("a\u{202e}cba\u{2066}x\u{2069}\u{200f}\u{200e}", "acbax"),
            ("C1\u{9b}2J\u{85}", "C12J"),
            ("two\nlines\tand\r\nmore", "two lines and  more"),
            ("<b>&amp;</b> =1+1", "<b>&amp;</b> =1+1"),
        ] {
            assert_eq!(printable(hostile, &profile), printed, "{hostile:?}");
        }
    }

    #[test]
    fn what_no_page_has_is_spelt_plainly_or_asked() {
        let profile = Profile::default();
        for (given, printed) in [
            ("e\u{301}clair", "éclair"),
            ("漢字 😀", "?? ?"),
            ("ﬁn", "fin"),
            ("①", "1"),
            ("a\u{fe0f}", "a"),
            ("ȧ", "a"),
        ] {
            assert_eq!(printable(given, &profile), printed, "{given}");
        }
        let narrow = Profile {
            pages: vec![PageNumber { page: CodePage::Pc437, n: 0 }],
            ..Profile::default()
        };
        assert_eq!(printable("3,50 € Łódź – Žižkov", &narrow), "3,50 EUR Lódz - Zizkov");
    }

    #[test]
    fn pages_are_chosen_per_run() {
        let profile = Profile::default();
        let mut current = None;
        let chosen: Vec<(u8, usize)> = runs("5 € Łódź Жук", &profile, &mut current)
            .iter()
            .map(|run| (run.n, run.bytes.len()))
            .collect();
        assert_eq!(chosen, [(16, 4), (18, 5), (17, 3)]);
        assert_eq!(current.map(|entry| entry.n), Some(17));
        assert_eq!(runs("abc", &profile, &mut current)[0].n, 17, "ASCII needs no change");
    }

    #[test]
    fn a_profile_without_pages_still_prints_nothing_dangerous() {
        let bare = Profile { pages: Vec::new(), ..Profile::default() };
        assert!(runs("abc", &bare, &mut None).is_empty());
    }

    proptest! {
        #[test]
        fn whatever_comes_in_no_control_byte_goes_out(text in any::<String>()) {
            let profile = Profile::default();
            let clean = printable(&text, &profile);
            let mut columns = 0;
            for run in runs(&clean, &profile, &mut None) {
                columns += run.bytes.len();
                prop_assert!(run.bytes.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
                prop_assert!(run.bytes.iter().all(|byte| run.page.decode(*byte).is_some()));
            }
            prop_assert_eq!(columns, clean.chars().count());
        }
    }
}
