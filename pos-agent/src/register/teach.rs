//! What a scanner puts around every code, learned from three scans of goods that are known.
//!
//! A scanner may be set to send a prefix or a suffix that is part of no code. While a lesson is on,
//! scans are looked at and sell nothing. Invariant: only what stood around all three codes is
//! learned; the same code three times teaches nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oneshelf_hardware::scanner::normalise_gtin;
use serde::Serialize;

use super::{Answer, Front, Refused, Session};
use crate::clock;
use crate::events::Event;
use crate::journal::{Fault, Keep};

/// Scans of a lesson.
const SCANS: usize = 3;
/// Characters of a prefix or a suffix.
const AFFIX_CHARS_MAX: usize = 8;
/// Characters of a code in a lesson.
const CODE_CHARS_MAX: usize = 64;
/// A lesson that nobody ends is over then.
const LESSON_MAX: Duration = Duration::from_secs(60);

/// Around a code.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Affixes {
    pub prefix: String,
    pub suffix: String,
}

impl Affixes {
    /// The code within; what is not framed so is a code as it is.
    fn within<'a>(&self, text: &'a str) -> &'a str {
        let inner = text.strip_prefix(&self.prefix).and_then(|t| t.strip_suffix(&self.suffix));
        inner.filter(|code| !code.is_empty()).unwrap_or(text)
    }
}

struct Lesson {
    until: Instant,
    codes: BTreeSet<String>,
    /// What may stand around all of them.
    around: Option<BTreeSet<Affixes>>,
}

/// What was learned, and the lesson that is on.
#[derive(Default)]
pub(crate) struct Teaching {
    learned: Mutex<Affixes>,
    lesson: Mutex<Option<Lesson>>,
}

/// Where a lesson is after a scan.
enum Learned {
    More(usize),
    Nothing,
    All(Affixes),
}

impl Teaching {
    pub(super) fn new(learned: Affixes) -> Self {
        Self { learned: Mutex::new(learned), lesson: Mutex::default() }
    }

    pub(super) fn learned(&self) -> Affixes {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The code in what a scanner sent.
    pub(super) fn code<'a>(&self, text: &'a str) -> &'a str {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).within(text)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Option<Lesson>) -> T) -> T {
        change(&mut self.lesson.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self) {
        let until = Instant::now() + LESSON_MAX;
        self.with(|lesson| {
            *lesson = Some(Lesson { until, codes: BTreeSet::new(), around: None });
        });
    }

    /// Scans of the lesson so far; none when there is no lesson.
    pub(super) fn scans(&self) -> Option<usize> {
        self.with(|lesson| {
            lesson.take_if(|l| l.until < Instant::now());
            lesson.as_ref().map(|l| l.codes.len())
        })
    }

    /// `around`: what may stand around this code.
    fn hear(&self, code: &str, around: BTreeSet<Affixes>) -> Learned {
        self.with(|slot| {
            let Some(lesson) = slot else { return Learned::Nothing };
            if lesson.codes.insert(code.to_owned()) {
                lesson.around = Some(match lesson.around.take() {
                    None => around,
                    Some(before) => before.intersection(&around).cloned().collect(),
                });
            }
            if lesson.around.as_ref().is_some_and(BTreeSet::is_empty) {
                *slot = None;
                return Learned::Nothing;
            }
            if lesson.codes.len() < SCANS {
                return Learned::More(lesson.codes.len());
            }
            let around = slot.take().and_then(|l| l.around).unwrap_or_default();
            // The longest code of each is the one that was meant.
            let shortest = around.into_iter().min_by_key(|a| a.prefix.len() + a.suffix.len());
            shortest.map_or(Learned::Nothing, Learned::All)
        })
    }
}

impl Front {
    /// The next three scans show what the scanner puts around a code.
    pub(crate) fn teach_scanner(&self) {
        self.shared.teaching.begin();
        self.shared.events.push(Event::devices());
    }

    /// In a lesson: looks at a scan instead of selling. A refusal says how far the lesson is.
    pub(super) async fn in_lesson(&self, who: &Session, code: &str) -> Answer<()> {
        if self.shared.teaching.scans().is_none() {
            return Ok(());
        }
        let learned = self.shared.teaching.hear(code, self.around(code).await?);
        let told = match learned {
            Learned::More(scans) => {
                let detail = format!("{scans} of {SCANS}. Scan another item.");
                Refused::new(409, "scanner_learning", &detail).with("scans", scans)
            }
            Learned::Nothing => {
                let detail = "Nothing was learned: scan three different items of the catalogue.";
                Refused::new(409, "scanner_not_taught", detail)
            }
            Learned::All(affixes) => {
                let keep = Keep::ScannerAffixes {
                    affixes: affixes.clone(),
                    by: who.staff.clone(),
                    at: clock::now(),
                };
                self.core().await?.perform(Default::default(), vec![keep]).await?;
                let Affixes { prefix, suffix } = affixes.clone();
                let mut learned =
                    self.shared.teaching.learned.lock().unwrap_or_else(PoisonError::into_inner);
                *learned = affixes;
                let detail = "Learned. What stands around a code is taken off from now on.";
                Refused::new(409, "scanner_taught", detail)
                    .with("prefix", prefix)
                    .with("suffix", suffix)
            }
        };
        self.shared.events.push(Event::devices());
        Err(told)
    }

    /// All that may stand around a code of the catalogue in this text.
    async fn around(&self, text: &str) -> Result<BTreeSet<Affixes>, Fault> {
        let mut around = BTreeSet::new();
        if !text.is_ascii() || text.len() > CODE_CHARS_MAX {
            return Ok(around);
        }
        for start in 0..=AFFIX_CHARS_MAX.min(text.len()) {
            for end in (text.len().saturating_sub(AFFIX_CHARS_MAX).max(start)..=text.len()).rev() {
                let Some(code) = text.get(start..end).filter(|c| !c.is_empty()) else { continue };
                let gtin = normalise_gtin(code, None);
                let reads = &self.shared.reads;
                if reads.item_by_code(code, gtin.as_deref()).await?.is_some()
                    || reads.item(code).await?.is_some()
                {
                    let (prefix, suffix) = (text[..start].to_owned(), text[end..].to_owned());
                    around.insert(Affixes { prefix, suffix });
                }
            }
        }
        Ok(around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeSet<Affixes> {
        let affixes = |(p, s): &(&str, &str)| Affixes { prefix: (*p).into(), suffix: (*s).into() };
        pairs.iter().map(affixes).collect()
    }

    #[test]
    fn only_what_stood_around_all_three_is_learned() {
        let teaching = Teaching::default();
        assert_eq!(teaching.scans(), None);
        teaching.begin();
        assert!(matches!(teaching.hear("*0123", set(&[("*", ""), ("*0", "")])), Learned::More(1)));
        assert!(matches!(teaching.hear("*0123", set(&[("*", "")])), Learned::More(1)), "again");
        assert!(matches!(teaching.hear("*0456", set(&[("*", ""), ("*0", "")])), Learned::More(2)));
        let Learned::All(learned) = teaching.hear("*789", set(&[("*", "")])) else {
            panic!("three were heard");
        };
        assert_eq!((learned.within("*123"), learned.within("123")), ("123", "123"));
        assert_eq!(teaching.scans(), None, "the lesson is over");
        teaching.begin();
        teaching.hear("a", set(&[("", "")]));
        assert!(matches!(teaching.hear("*b", set(&[("*", "")])), Learned::Nothing));
        assert_eq!(teaching.scans(), None);
    }

    #[test]
    fn a_code_that_is_not_framed_so_stays_as_it_is() {
        let affixes = Affixes { prefix: "<".into(), suffix: ">".into() };
        for (text, code) in [("<a>", "a"), ("<a", "<a"), ("a>", "a>"), ("<>", "<>"), ("", "")] {
            assert_eq!(affixes.within(text), code);
        }
        assert_eq!(Affixes::default().within("123"), "123");
    }
}
