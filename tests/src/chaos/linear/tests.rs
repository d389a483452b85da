//! The checker can fail: planted histories, written by hand and made by an object with a bug, and
//! a second checker (stateright's) beside ours.

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::history::{Call, at_once};
use super::search::{CALLS_MAX, Verdict, order};
use super::shrink::{explained, smallest};
use super::spec::{Act, Answer, Shelf};
use crate::chaos::dice::Dice;

const STEPS_MAX: usize = 2_000_000;

fn is_ordered(start: &Shelf, calls: &[Call]) -> bool {
    match order(start, calls, &mut { STEPS_MAX }) {
        Verdict::Ordered(way) => {
            replayed(start, calls, &way);
            true
        }
        Verdict::Broken(_) => false,
        Verdict::Undecided => panic!("not decided"),
    }
}

/// An order is a proof: it is looked at without the search.
fn replayed(start: &Shelf, calls: &[Call], way: &[usize]) {
    let mut shelf = start.clone();
    for (place, at) in way.iter().enumerate() {
        let answer = shelf.act(&calls[*at].act);
        assert!(calls[*at].answered.is_none_or(|(_, heard)| heard == answer));
        for later in &way[place + 1..] {
            let ended = calls[*later].answered.map_or(u64::MAX, |(at, _)| at);
            assert!(calls[*at].called < ended, "{at} stands before {later}");
        }
    }
    let must = (0..calls.len()).filter(|at| calls[*at].answered.is_some());
    assert!(must.into_iter().all(|at| way.contains(&at)));
}

/// (who, called, answered or 0, act, answer)
type Row = (usize, u64, u64, Act, Answer);

fn history(rows: &[Row]) -> Vec<Call> {
    let call = |&(who, called, at, act, answer): &Row| {
        let answered = (at > 0).then_some((at, answer));
        Call { who, act, called, answered, version: None }
    };
    let mut calls: Vec<Call> = rows.iter().map(call).collect();
    calls.sort_by_key(|call| call.called);
    calls
}

const fn reserve(claim: u16, units: i64) -> Act {
    Act::Reserve { claim, units, paid: false }
}

const fn figures(available: i64, reserved: i64, missing: i64) -> Answer {
    Answer::Figures { available, reserved, missing, elsewhere: 0 }
}

#[test]
fn bad_histories_written_by_hand_are_found_and_their_good_twins_are_not() {
    use Answer::{Booked, Given, Released};
    let (sell, bring) = (Act::Sell { units: 1 }, Act::Bring { units: 1 });
    let release = Act::Release { claim: 1 };
    let free = Released { short: 0 };
    // (name, good, bad): one answer or one moment makes the difference.
    let pairs: [(&str, Vec<Row>, Vec<Row>); 6] = [
        (
            "a lost reserve",
            vec![(0, 1, 2, reserve(1, 2), Given), (1, 3, 4, Act::Stock, figures(1, 2, 0))],
            vec![(0, 1, 2, reserve(1, 2), Given), (1, 3, 4, Act::Stock, figures(3, 0, 0))],
        ),
        (
            "a unit that two got",
            vec![
                (0, 1, 5, reserve(1, 2), Given),
                (1, 2, 4, reserve(2, 2), Answer::Refused { available: 1 }),
            ],
            vec![(0, 1, 5, reserve(1, 2), Given), (1, 2, 4, reserve(2, 2), Given)],
        ),
        (
            "a doubled sale",
            vec![(0, 1, 4, sell, Booked), (1, 5, 6, Act::Stock, figures(2, 0, 0))],
            vec![(0, 1, 4, sell, Booked), (1, 5, 6, Act::Stock, figures(1, 0, 0))],
        ),
        (
            "a stale read",
            vec![(0, 1, 3, bring, Booked), (1, 2, 4, Act::Stock, figures(3, 0, 0))],
            vec![(0, 1, 3, bring, Booked), (1, 4, 5, Act::Stock, figures(3, 0, 0))],
        ),
        (
            "a release that is seen before it was called",
            vec![
                (0, 1, 2, reserve(1, 3), Given),
                (0, 3, 6, release, free),
                (1, 4, 5, Act::Stock, figures(3, 0, 0)),
            ],
            vec![
                (0, 1, 2, reserve(1, 3), Given),
                (1, 3, 4, Act::Stock, figures(3, 0, 0)),
                (0, 5, 6, release, free),
            ],
        ),
        (
            "figures that go back",
            vec![
                (0, 1, 9, sell, Booked),
                (1, 2, 3, Act::Stock, figures(3, 0, 0)),
                (1, 4, 5, Act::Stock, figures(2, 0, 0)),
            ],
            vec![
                (0, 1, 9, sell, Booked),
                (1, 2, 3, Act::Stock, figures(2, 0, 0)),
                (1, 4, 5, Act::Stock, figures(3, 0, 0)),
            ],
        ),
    ];
    let start = Shelf::with(3);
    for (name, good, bad) in pairs {
        let (good, bad) = (history(&good), history(&bad));
        assert!(is_ordered(&start, &good) && seconded(&start, &good), "{name}: its good twin");
        assert!(!is_ordered(&start, &bad) && !seconded(&start, &bad), "{name}");
    }
}

#[test]
fn versions_that_go_another_way_than_time_are_found() {
    let start = Shelf::with(3);
    let mut calls = history(&[
        (0, 1, 2, reserve(1, 1), Answer::Given),
        (1, 3, 4, reserve(2, 1), Answer::Given),
    ]);
    for (versions, good) in [([5, 6], true), ([6, 5], false)] {
        for (call, version) in calls.iter_mut().zip(versions) {
            call.version = Some(version);
        }
        assert_eq!(is_ordered(&start, &calls), good, "{versions:?}");
    }
}

#[test]
fn what_was_never_answered_may_have_happened_later_or_not_at_all() {
    let start = Shelf::with(3);
    let with = |seen: Answer, again: Answer| {
        history(&[
            (0, 1, 0, Act::Sell { units: 2 }, Answer::Booked),
            (1, 2, 3, Act::Stock, seen),
            (1, 4, 5, Act::Stock, again),
        ])
    };
    let (before, after) = (figures(3, 0, 0), figures(1, 0, 0));
    for good in [with(before, before), with(before, after), with(after, after)] {
        assert!(is_ordered(&start, &good) && seconded(&start, &good));
    }
    // Once it has happened it stays so, it happens once, and not before it was asked for.
    let early =
        history(&[(1, 1, 2, Act::Stock, after), (0, 3, 0, Act::Sell { units: 2 }, Answer::Booked)]);
    for bad in [with(after, before), with(after, figures(0, 0, 1)), early] {
        assert!(!is_ordered(&start, &bad) && !seconded(&start, &bad));
    }
}

#[test]
fn a_history_that_is_too_long_or_too_hard_is_not_called_good() {
    let act = Act::Sell { units: 1 };
    let call = Call { who: 0, act, called: 1, answered: None, version: None };
    let start = Shelf::default();
    assert_eq!(order(&start, &vec![call.clone(); CALLS_MAX + 1], &mut 1_000), Verdict::Undecided);
    let answered = Call { answered: Some((2, Answer::Booked)), ..call };
    assert_eq!(order(&start, &[answered], &mut 1), Verdict::Undecided);
}

/// Bugs of the object that simulated people act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// A reserve is answered and not booked.
    LostReserve,
    /// A sale is booked twice.
    DoubledSale,
    /// Figures are those of the moment before the last change.
    StaleRead,
    /// A release happens before it was asked for.
    EarlyRelease,
}

impl Bug {
    const ALL: [Self; 4] =
        [Self::LostReserve, Self::DoubledSale, Self::StaleRead, Self::EarlyRelease];

    fn concerns(self, act: Act) -> bool {
        match self {
            Self::LostReserve => matches!(act, Act::Reserve { .. }),
            Self::DoubledSale => matches!(act, Act::Sell { .. }),
            Self::StaleRead => matches!(act, Act::Stock),
            Self::EarlyRelease => matches!(act, Act::Release { .. }),
        }
    }
}

/// Somebody in the middle of an act: asked, then done, then answered.
struct Busy {
    call: Call,
    answer: Option<Answer>,
}

/// People and an object that does one act at a time, each at some moment of its call. A bug
/// strikes once, at the first chance of the second half.
struct World {
    dice: Dice,
    shelf: Shelf,
    version: i64,
    /// The state before the last change, and its version.
    before: (Shelf, i64),
    bug: Option<Bug>,
    struck: bool,
    now: u64,
    claims: Vec<u16>,
    calls: Vec<Call>,
}

const OPENING: i64 = 6;

impl World {
    fn play(seed: u64, people: usize, acts: usize, bug: Option<Bug>) -> (Vec<Call>, bool) {
        let shelf = Shelf::with(OPENING);
        let before = (shelf.clone(), 0);
        let dice = Dice::new(seed);
        let (claims, calls) = (vec![], vec![]);
        let mut world =
            Self { dice, shelf, version: 0, before, bug, struck: false, now: 0, claims, calls };
        let mut busy: Vec<Option<Busy>> = (0..people).map(|_| None).collect();
        let mut asked = 0;
        while asked < acts || busy.iter().any(Option::is_some) {
            let who = usize::try_from(world.dice.between(0, people as u64 - 1)).unwrap();
            world.now += 1;
            match busy[who].take() {
                None if asked < acts => {
                    busy[who] = Some(world.ask(who, asked, asked > acts / 2));
                    asked += 1;
                }
                None => {}
                Some(Busy { call, answer: None }) => {
                    busy[who] = world.happens(call, asked > acts / 2);
                }
                Some(Busy { mut call, answer: Some(answer) }) => {
                    call.answered = Some((world.now, answer));
                    if let (Act::Reserve { claim, .. }, Answer::Given) = (call.act, answer) {
                        world.claims.push(claim);
                    }
                    world.calls.push(call);
                }
            }
        }
        let answered = Some((world.now + 2, world.shelf.act(&Act::Stock)));
        let (called, version) = (world.now + 1, Some(world.version));
        world.calls.push(Call { who: 0, act: Act::Stock, called, answered, version });
        world.calls.sort_by_key(|call| call.called);
        (world.calls, world.struck)
    }

    fn strikes(&mut self, bug: Bug, act: Act, may: bool) -> bool {
        let strikes = may && !self.struck && self.bug == Some(bug) && bug.concerns(act);
        self.struck |= strikes;
        strikes
    }

    fn ask(&mut self, who: usize, number: usize, may: bool) -> Busy {
        let number = u16::try_from(number).unwrap();
        let units = i64::try_from(self.dice.between(1, 3)).unwrap();
        let act = match self.dice.between(0, 10) {
            0..=3 => Act::Reserve { claim: number, units, paid: self.dice.chance(50) },
            4 | 5 if !self.claims.is_empty() => {
                Act::Release { claim: *self.dice.pick(&self.claims) }
            }
            6 => Act::Sell { units },
            7 => Act::Bring { units },
            10 if !self.claims.is_empty() => Act::LetGo { claim: *self.dice.pick(&self.claims) },
            8 if !self.claims.is_empty() => Act::Look { claim: *self.dice.pick(&self.claims) },
            _ => Act::Stock,
        };
        let (mut answer, mut version) = (None, None);
        if matches!(self.shelf.clone().act(&act), Answer::Released { .. })
            && self.strikes(Bug::EarlyRelease, act, may)
        {
            // It was seen a moment before it was asked for.
            answer = Some(self.shelf.act(&act));
            let seen = self.shelf.act(&Act::Stock);
            let (called, at) = (self.now, self.now + 1);
            self.version += 1;
            version = Some(self.version);
            let answered = Some((at, seen));
            self.calls.push(Call { who, act: Act::Stock, called, answered, version });
            self.now += 2;
        }
        Busy { call: Call { who, act, called: self.now, answered: None, version }, answer }
    }

    /// The act happens; none when nobody waits for its answer.
    fn happens(&mut self, mut call: Call, may: bool) -> Option<Busy> {
        let (before, version) = (self.shelf.clone(), self.version);
        let mut answer = self.shelf.act(&call.act);
        if before != self.shelf {
            self.version += 1;
        }
        let numbered = |answer| matches!(answer, Answer::Given | Answer::Released { .. });
        if numbered(answer) || call.act == Act::Stock {
            call.version = Some(self.version);
        }
        if answer == Answer::Given && self.strikes(Bug::LostReserve, call.act, may) {
            self.shelf = before.clone();
        } else if self.strikes(Bug::DoubledSale, call.act, may) {
            self.shelf.act(&call.act);
        } else if self.before.0.clone().act(&Act::Stock) != answer
            && self.strikes(Bug::StaleRead, call.act, may)
        {
            answer = self.before.0.act(&Act::Stock);
            call.version = Some(self.before.1);
        }
        if before != self.shelf {
            self.before = (before, version);
        }
        if call.act.changes() && self.dice.chance(3) {
            self.calls.push(Call { version: None, ..call });
            return None;
        }
        Some(Busy { call, answer: Some(answer) })
    }
}

fn without_versions(calls: &[Call]) -> Vec<Call> {
    calls.iter().map(|call| Call { version: None, ..call.clone() }).collect()
}

#[test]
fn long_histories_of_many_have_their_order_found() {
    for seed in 0..20 {
        let (calls, _) = World::play(seed, 8, 200, None);
        assert!(at_once(&calls) > 4);
        assert!(is_ordered(&Shelf::with(OPENING), &calls), "seed {seed}");
        let fewer = without_versions(&calls);
        assert!(is_ordered(&Shelf::with(OPENING), &fewer), "seed {seed} without versions");
    }
}

#[test]
fn planted_bugs_are_found_in_long_histories() {
    let start = Shelf::with(OPENING);
    for bug in Bug::ALL {
        let (mut planted, mut found) = (0, 0);
        for seed in 0..8 {
            let (calls, struck) = World::play(seed, 8, 200, Some(bug));
            planted += usize::from(struck);
            let broken = struck && !is_ordered(&start, &calls);
            found += usize::from(broken);
        }
        // What was concurrent with it, or nobody waited for, may explain a bug away.
        let hidden = matches!(bug, Bug::StaleRead | Bug::EarlyRelease);
        let least = if hidden { planted / 5 } else { planted * 3 / 4 };
        println!("{bug:?}: {found} of {planted} found");
        assert!(planted > 4 && found >= least, "{bug:?}: {found} of {planted}");
    }
}

#[test]
fn a_history_without_an_order_is_shown_small() {
    let start = Shelf::with(OPENING);
    let broken = |seed| {
        let (calls, _) = World::play(seed, 8, 60, Some(Bug::DoubledSale));
        (!is_ordered(&start, &calls)).then_some(calls)
    };
    let calls = (0..20).find_map(broken).expect("a bug that is seen");
    let least = smallest(&start, &calls, &mut 200_000);
    assert!(!is_ordered(&start, &least), "{least:?}");
    assert!(least.len() * 3 < calls.len() * 2, "{} of {}", least.len(), calls.len());
    let text = explained(&start, &least);
    assert!(text.contains("no order") && text.contains("would be answered"), "{text}");
}

/// The specification, as stateright takes it.
#[derive(Debug, Clone)]
struct Second(Shelf);

impl SequentialSpec for Second {
    type Op = Act;
    type Ret = Answer;

    fn invoke(&mut self, act: &Act) -> Answer {
        self.0.act(act)
    }
}

/// What stateright says of a history.
fn seconded(start: &Shelf, calls: &[Call]) -> bool {
    let mut tester = LinearizabilityTester::new(Second(start.clone()));
    let mut steps: Vec<(u64, usize, bool)> = vec![];
    for (at, call) in calls.iter().enumerate() {
        steps.push((call.called, at, true));
        steps.extend(call.answered.map(|(end, _)| (end, at, false)));
    }
    steps.sort_unstable();
    for (_, at, begins) in steps {
        // Whoever never got an answer does nothing more, and somebody else goes on.
        let who = if calls[at].answered.is_some() { calls[at].who } else { 1_000 + at };
        if begins {
            tester.on_invoke(who, calls[at].act).unwrap();
        } else {
            tester.on_return(who, calls[at].answered.unwrap().1).unwrap();
        }
    }
    tester.is_consistent()
}

#[test]
fn another_checker_says_the_same_of_short_histories() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let bug = (seed % 2 == 1).then(|| *dice.pick(&Bug::ALL));
        let (mut calls, _) = World::play(seed, 3, 12, bug);
        if seed % 5 == 4 {
            // Two people were told each other's answers.
            let (a, b) = (dice.bits() as usize % calls.len(), dice.bits() as usize % calls.len());
            if let (Some((at, one)), Some((to, other))) = (calls[a].answered, calls[b].answered) {
                calls[a].answered = Some((at, other));
                calls[b].answered = Some((to, one));
            }
        }
        let start = Shelf::with(OPENING);
        let numbered = is_ordered(&start, &calls);
        let calls = without_versions(&calls);
        let ours = is_ordered(&start, &calls);
        assert!(ours || !numbered, "seed {seed}: versions ask for more");
        assert_eq!(ours, seconded(&start, &calls), "seed {seed}");
        if ours { good += 1 } else { bad += 1 }
    }
    assert!(good > 100 && bad > 100, "{good} good, {bad} bad");
}
