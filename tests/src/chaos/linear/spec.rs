//! One item at one store, one act after the other: what each act is answered.
//!
//! Written anew from the design's chapter on stock; it shares no code with domain/ or sync/ and
//! knows no HTTP, no ids and no time. Invariant: answer and next state follow from state and act
//! alone, so that an order of acts has one meaning.

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Claims units.
    Reserve {
        /// The history's number of the claim.
        claim: u16,
        /// How many.
        units: i64,
        /// Committed at once; else a hold.
        paid: bool,
    },
    /// Gives a claim up.
    Release {
        /// Which.
        claim: u16,
    },
    /// The store says that it did not hand a claim's goods over; that has happened too.
    LetGo {
        /// Which.
        claim: u16,
    },
    /// A register sold; it has happened, and is not refused.
    Sell {
        /// How many.
        units: i64,
    },
    /// Goods came in.
    Bring {
        /// How many.
        units: i64,
    },
    /// Reads the figures.
    Stock,
    /// Reads a claim.
    Look {
        /// Which.
        claim: u16,
    },
}

/// What it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The units are claimed.
    Given,
    /// There are only so many.
    Refused {
        /// Units that could be claimed.
        available: i64,
    },
    /// The claim ended by this.
    Released {
        /// Units that registers had taken from it.
        short: i64,
    },
    /// The claim is given up; it may wait for its store's word.
    GivenUp,
    /// A claim that waits for that word.
    Releasing {
        /// Units that registers had taken from it.
        short: i64,
    },
    /// The claim ended before.
    Ended,
    /// Nobody made this claim.
    Unknown,
    /// A fact was booked.
    Booked,
    /// The figures.
    Figures {
        /// May be claimed.
        available: i64,
        /// Claimed.
        reserved: i64,
        /// Sold, and nothing explains it.
        missing: i64,
        /// On hand in any other bucket.
        elsewhere: i64,
    },
    /// A claim as it is.
    Claim {
        /// Not ended.
        open: bool,
        /// Units that registers took from it.
        short: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Claim {
    number: u16,
    units: i64,
    short: i64,
    paid: bool,
    /// Given up; its store has not said that it did not hand the goods over.
    leaving: bool,
}

/// The units of an item in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    available: i64,
    missing: i64,
    /// In the order in which they were made.
    claims: Vec<Claim>,
    /// What each lacked at its end. In the order of their numbers: when they were made means
    /// nothing any more, and states that mean the same are equal.
    ended: Vec<(u16, i64)>,
}

impl Act {
    /// True when it may change something.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Stock | Self::Look { .. })
    }
}

impl Answer {
    /// True when whatever was asked for did not happen.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Ended | Self::Unknown)
    }
}

impl Shelf {
    /// So many units, and nobody has claimed any.
    pub fn with(available: i64) -> Self {
        Self { available, ..Self::default() }
    }

    /// Does it, and says the answer.
    pub fn act(&mut self, act: &Act) -> Answer {
        match *act {
            Act::Reserve { claim, units, paid } => self.reserve(claim, units, paid),
            Act::Release { claim } => self.release(claim),
            Act::LetGo { claim } => {
                self.let_go(claim);
                Answer::Booked
            }
            Act::Sell { units } => {
                self.sell(units);
                Answer::Booked
            }
            Act::Bring { units } => {
                self.available += units;
                self.settle();
                Answer::Booked
            }
            Act::Stock => self.figures(),
            Act::Look { claim } => self.look(claim),
        }
    }

    fn look(&self, number: u16) -> Answer {
        let open = self.claims.iter().find(|c| c.number == number);
        match (open, self.ended_at(number)) {
            (Some(claim), _) if claim.leaving => Answer::Releasing { short: claim.short },
            (Some(claim), _) => Answer::Claim { open: true, short: claim.short },
            (None, Ok(at)) => Answer::Claim { open: false, short: self.ended[at].1 },
            (None, Err(_)) => Answer::Unknown,
        }
    }

    /// Where it stands among those that ended, or would.
    fn ended_at(&self, number: u16) -> Result<usize, usize> {
        self.ended.binary_search_by_key(&number, |(ended, _)| *ended)
    }

    fn figures(&self) -> Answer {
        let reserved = self.claims.iter().map(|c| c.units - c.short).sum();
        let (available, missing) = (self.available, self.missing);
        Answer::Figures { available, reserved, missing, elsewhere: 0 }
    }

    fn reserve(&mut self, number: u16, units: i64, paid: bool) -> Answer {
        if units > self.available {
            return Answer::Refused { available: self.available };
        }
        self.available -= units;
        self.claims.push(Claim { number, units, short: 0, paid, leaving: false });
        Answer::Given
    }

    fn release(&mut self, number: u16) -> Answer {
        let Some(at) = self.claims.iter().position(|c| c.number == number) else {
            return if self.ended_at(number).is_ok() { Answer::Ended } else { Answer::Unknown };
        };
        let claim = &mut self.claims[at];
        let short = claim.short;
        if claim.paid && short < claim.units {
            // The store may be handing it over.
            claim.leaving = true;
            return Answer::GivenUp;
        }
        let paid = claim.paid;
        self.end(at);
        if paid { Answer::GivenUp } else { Answer::Released { short } }
    }

    fn let_go(&mut self, number: u16) {
        if let Some(at) = self.claims.iter().position(|c| c.number == number) {
            self.end(at);
        }
    }

    fn end(&mut self, at: usize) {
        let Claim { number, units, short, .. } = self.claims.remove(at);
        if let Err(place) = self.ended_at(number) {
            self.ended.insert(place, (number, short));
        }
        self.available += units - short;
        self.settle();
    }

    /// First what nobody claimed, then claims that were given up, then those that are not paid,
    /// then paid ones, of each the youngest first; then the books lack them.
    fn sell(&mut self, units: i64) {
        let mut left = units - take(&mut self.available, units);
        for turn in [(true, true), (false, false), (false, true)] {
            for claim in self.claims.iter_mut().rev().filter(|c| (c.leaving, c.paid) == turn) {
                let mut held = claim.units - claim.short;
                let taken = take(&mut held, left);
                claim.short += taken;
                left -= taken;
            }
        }
        self.missing += left;
        // Of a claim that was given up nothing is left that the store could free.
        while let Some(at) = self.claims.iter().position(|c| c.leaving && c.short == c.units) {
            self.end(at);
        }
    }

    /// Free units repay what the books lack, then fill claims that are short, the oldest first.
    fn settle(&mut self) {
        self.missing -= take(&mut self.available, self.missing);
        for claim in self.claims.iter_mut().filter(|c| !c.leaving) {
            claim.short -= take(&mut self.available, claim.short);
        }
    }
}

/// Takes at most so many; says how many.
fn take(from: &mut i64, wanted: i64) -> i64 {
    let taken = wanted.min(*from);
    *from -= taken;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(units: i64, acts: &[Act]) -> (Shelf, Vec<Answer>) {
        let mut shelf = Shelf::with(units);
        let answers = acts.iter().map(|act| shelf.act(act)).collect();
        (shelf, answers)
    }

    const fn reserve(claim: u16, units: i64, paid: bool) -> Act {
        Act::Reserve { claim, units, paid }
    }

    #[test]
    fn what_is_not_there_is_refused_and_what_was_given_comes_back_once() {
        let release = Act::Release { claim: 1 };
        let acts = [reserve(1, 2, false), reserve(2, 2, false), release, release, Act::Stock];
        let (_, answers) = after(3, &acts);
        let figures = Answer::Figures { available: 3, reserved: 0, missing: 0, elsewhere: 0 };
        assert_eq!(
            answers,
            [
                Answer::Given,
                Answer::Refused { available: 1 },
                Answer::Released { short: 0 },
                Answer::Ended,
                figures
            ]
        );
    }

    #[test]
    fn a_sale_takes_holds_before_paid_claims_and_goods_fill_the_oldest() {
        let acts = [reserve(1, 2, true), reserve(2, 2, false), reserve(3, 2, false)];
        let (mut shelf, _) = after(7, &acts);
        let short = |shelf: &Shelf| shelf.claims.iter().map(|c| c.short).collect::<Vec<_>>();
        shelf.act(&Act::Sell { units: 4 });
        assert_eq!((short(&shelf), shelf.available), (vec![0, 1, 2], 0));
        shelf.act(&Act::Sell { units: 4 });
        assert_eq!((short(&shelf), shelf.missing), (vec![2, 2, 2], 1));
        shelf.act(&Act::Bring { units: 4 });
        assert_eq!((short(&shelf), shelf.missing), (vec![0, 1, 2], 0));
        // Its own units go to the one that waits, not back to itself.
        assert_eq!(shelf.act(&Act::Release { claim: 1 }), Answer::GivenUp);
        assert_eq!(shelf.act(&Act::LetGo { claim: 1 }), Answer::Booked);
        assert_eq!((short(&shelf), shelf.available), (vec![0, 1], 0));
    }
}
