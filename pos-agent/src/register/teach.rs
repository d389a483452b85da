//! What a scanner puts around every code, learned from three scans of goods that are known.
//!
//! A scanner may be set to send a prefix or a suffix that is part of no code. While a register has
//! its lesson, its scans are looked at and sell nothing; those of other registers sell. Invariant:
//! only what stood around all three codes is learned; the same code three times teaches nothing;
//! nothing is taken off a text that is a code as it is.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oneshelf_domain::RegisterCode;
use oneshelf_hardware::scanner::{Gtin, Reading, Symbology, normalise_gtin};
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
    /// Whose scans are looked at.
    register: RegisterCode,
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

    /// One lesson at a time: the newest.
    fn begin(&self, register: RegisterCode) {
        let until = Instant::now() + LESSON_MAX;
        self.with(|lesson| {
            *lesson = Some(Lesson { register, until, codes: BTreeSet::new(), around: None });
        });
    }

    /// Ends this register's lesson; another's goes on.
    fn end(&self, register: &RegisterCode) {
        self.with(|lesson| lesson.take_if(|l| l.register == *register));
    }

    /// Scans of this register's lesson so far; none when it has no lesson.
    pub(super) fn scans(&self, register: &RegisterCode) -> Option<usize> {
        self.with(|lesson| {
            lesson.take_if(|l| l.until < Instant::now());
            lesson.as_ref().filter(|l| l.register == *register).map(|l| l.codes.len())
        })
    }

    /// `around`: what may stand around this code. None: the lesson is over, or another register's.
    fn hear(
        &self,
        register: &RegisterCode,
        code: &str,
        around: BTreeSet<Affixes>,
    ) -> Option<Learned> {
        self.with(|slot| {
            let lesson = slot.as_mut().filter(|lesson| lesson.register == *register)?;
            if lesson.codes.insert(code.to_owned()) {
                lesson.around = Some(match lesson.around.take() {
                    None => around,
                    Some(before) => before.intersection(&around).cloned().collect(),
                });
            }
            if lesson.around.as_ref().is_some_and(BTreeSet::is_empty) {
                *slot = None;
                return Some(Learned::Nothing);
            }
            if lesson.codes.len() < SCANS {
                return Some(Learned::More(lesson.codes.len()));
            }
            let around = slot.take().and_then(|l| l.around).unwrap_or_default();
            // The longest code of each is the one that was meant.
            let shortest = around.into_iter().min_by_key(|a| a.prefix.len() + a.suffix.len());
            Some(shortest.map_or(Learned::Nothing, Learned::All))
        })
    }
}

impl Front {
    /// The next three scans of this register show what the scanner puts around a code.
    pub(crate) fn teach_scanner(&self, who: &Session) {
        self.shared.teaching.begin(who.register.clone());
        self.shared.events.push(Event::devices());
    }

    /// Scans of this register sell again.
    pub(crate) fn end_lesson(&self, who: &Session) {
        self.shared.teaching.end(&who.register);
        self.shared.events.push(Event::devices());
    }

    /// In a lesson: looks at a scan instead of selling. A refusal says how far the lesson is.
    pub(super) async fn in_lesson(&self, who: &Session, code: &str) -> Answer<()> {
        let teaching = &self.shared.teaching;
        if teaching.scans(&who.register).is_none() {
            return Ok(());
        }
        let around = self.around(code).await?;
        // Over meanwhile: nobody waits for what this scan teaches.
        let Some(learned) = teaching.hear(&who.register, code, around) else { return Ok(()) };
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
                let mut learned = teaching.learned.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// The code in what a scanner sent. One that nobody taught puts nothing around, and its codes
    /// may begin or end like what is learned: a code of the catalogue is left whole.
    pub(super) async fn code_in<'a>(
        &self,
        text: &'a str,
        symbology: Option<&Symbology>,
    ) -> Result<&'a str, Fault> {
        let inner = self.shared.teaching.code(text);
        if inner == text {
            return Ok(text);
        }
        let reading = Reading::of(text, symbology).ok();
        let gtin = reading.as_ref().and_then(Reading::gtin).map(Gtin::as_str);
        Ok(if self.is_code(text, gtin).await? { text } else { inner })
    }

    /// Whether the catalogue has it, as a code or as an SKU.
    async fn is_code(&self, text: &str, gtin: Option<&str>) -> Result<bool, Fault> {
        let reads = &self.shared.reads;
        let coded = reads.item_by_code(text, gtin).await?.is_some();
        Ok(coded || reads.item(text).await?.is_some())
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
                if self.is_code(code, gtin.as_deref()).await? {
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
        let [own, other] = ["R1", "R2"].map(|code| RegisterCode::new(code).unwrap());
        let hear = |code, around: &[_]| teaching.hear(&own, code, set(around));
        assert_eq!(teaching.scans(&own), None);
        teaching.begin(own.clone());
        assert!(matches!(hear("*0123", &[("*", ""), ("*0", "")]), Some(Learned::More(1))));
        assert!(matches!(hear("*0123", &[("*", "")]), Some(Learned::More(1))), "again");
        assert!(matches!(hear("*0456", &[("*", ""), ("*0", "")]), Some(Learned::More(2))));
        assert!(teaching.hear(&other, "#0789", set(&[("#", "")])).is_none(), "not its lesson");
        assert_eq!((teaching.scans(&own), teaching.scans(&other)), (Some(2), None));
        let Some(Learned::All(learned)) = hear("*789", &[("*", "")]) else {
            panic!("three were heard");
        };
        assert_eq!((learned.within("*123"), learned.within("123")), ("123", "123"));
        assert_eq!(teaching.scans(&own), None, "the lesson is over");
        teaching.begin(own.clone());
        hear("a", &[("", "")]);
        assert!(matches!(hear("*b", &[("*", "")]), Some(Learned::Nothing)));
        assert_eq!(teaching.scans(&own), None);
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
