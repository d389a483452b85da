//! Properties of the core under random commands: sound, wrong, late and doubled ones alike.
//!
//! The steps are lines of the tables' language, so that a failing run can be kept as a table.
//! `World` looks at the invariants after every step.

use oneshelf_domain::promise::{Lines, promise_of};
use oneshelf_domain::stock::ItemNo;
use proptest::prelude::*;

use super::table::Run;
use super::world::World;

/// Numbers that become a step in the light of what there is.
type Op = (u8, u8, u8, u8, i64);

const ITEMS: [&str; 3] = ["MUG", "CUP", "KIT"];
const LOCATIONS: [&str; 3] = ["S07", "S02", "W01"];
/// Two lives of an agent at S07, a third one, and one at S02.
const AGENTS: [(&str, &str); 4] = [("a1", "S07"), ("a2", "S07"), ("a3", "S07"), ("b1", "S02")];

/// Where goods stand on their way.
const ROAD: &str = "put {\"record\":\"location\",\"no\":0,\"code\":\"T01\",\"name\":\"Road\",\
    \"kind\":\"transit\",\"zone\":\"UTC\",\"state\":\"active\"}";

fn pick<T: Copy>(list: &[T], n: u8) -> T {
    list[usize::from(n) % list.len()]
}

fn line((kind, a, b, c, n): Op, step: usize, made: &[usize]) -> String {
    let (item, other) = (pick(&ITEMS, a >> 4), pick(&ITEMS, b >> 4));
    let (place, elsewhere) = (pick(&LOCATIONS, b), pick(&LOCATIONS, c));
    let (agent, store) = pick(&AGENTS, b);
    // Reservations are named by their step.
    let known = if made.is_empty() { 0 } else { pick(made, c) };
    // Facts are about the newest more often: it has not ended yet.
    let newest = made.last().copied().filter(|_| kind % 26 > 19 && n % 2 == 0);
    let reservation = format!("r{}", newest.unwrap_or(known));
    match kind % 26 {
        24 => format!("transfer r{step} {place} {elsewhere} {item} {n}"),
        25 => {
            let close = if c % 3 == 0 { " close" } else { "" };
            format!("take_in {reservation} {item} {}+{}{close}", n % 4, n / 4)
        }
        0 | 1 => format!("receive {place} {item} {n}"),
        2 | 3 => format!("reserve r{step} {item}@{place} {n} for 900s shopper s{}", c % 3),
        4 => format!("reserve r{step} {item}@{place} {n}"),
        5 => format!("reserve r{step} {item}@{place} 1 {other}@{elsewhere} {n} channel web"),
        6 => format!("commit {reservation}"),
        7 => format!("release {reservation}"),
        8 => format!("expire {reservation}"),
        9 => format!("pick {reservation}"),
        10 => format!("handover {reservation}"),
        11 => {
            let why = pick(&["damaged", "lost", "found", "expired", "scrapped"], c);
            format!("adjust {place} {item} {n} {why}")
        }
        12 => format!("count {place} {item} {n} approved"),
        13 => format!("hello {agent} at {store} nonce n{step}"),
        14 => format!("hello {agent} at {store} nonce n{} lease 1.{}", c % 4, a % 4),
        15 => format!("hello {agent} at {store} nonce n{step} granted {item}:{n} last {}", c % 3),
        16 => format!("ask {agent} {item} {n}"),
        17 => format!("grant {store} {item}"),
        18 => format!("share {store} {item} {n}"),
        19 => {
            format!("return {place} {item} {n} to {}", pick(&["available", "quality_control"], c))
        }
        _ => fact((kind, a, b, c, n), step, &reservation),
    }
}

fn fact((_, a, b, c, n): Op, step: usize, reservation: &str) -> String {
    let (item, other) = (pick(&ITEMS, a >> 4), pick(&ITEMS, c >> 4));
    let (agent, store) = pick(&AGENTS, b);
    let via = pick(&AGENTS, b.wrapping_add(c % 3)).0;
    let order = match c % 7 {
        0 => format!(" seq {} prev x{}", 1 + a % 3, c % 4),
        1 => format!(" granted {item}:{n}"),
        _ => String::new(),
    };
    let head = match c % 23 {
        3 => format!("late {agent} at {store} id f{step}"),
        _ => format!("fact {agent} at {store} via {via} id f{step}{order}"),
    };
    match a % 16 {
        13 => {
            let to = pick(&LOCATIONS, c);
            let head = head.replace(&format!("id f{step}"), &format!("id r{step}"));
            format!("{head} sent {to} {item} {n}")
        }
        14 | 15 => format!("{head} arrived {reservation} {item} {}+{} closed", n % 4, n / 4),
        0..3 => format!("{head} sale {item} {}+{} {other} 0+1", n % 3, n / 3),
        4 => format!("{head} in {item} {n} share"),
        5 => format!("{head} in {item} {n}"),
        6 => format!("{head} back {item} {n}"),
        7 | 8 => format!("{head} counted {item} {n} cut {}", c % 2),
        3 | 9 => format!("{head} handed {reservation} {item} {n}"),
        10 => format!("{head} handed {reservation}"),
        11 => format!("{head} let_go {reservation} {item} {n}"),
        _ => format!("{head} close {item} {n}"),
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), 1..6_i64), 1..120)
}

fn played(ops: &[Op]) -> (Run, Vec<String>) {
    let mut run = Run::new();
    let (mut answers, mut made) = (vec![], vec![]);
    answers.push(run.step(ROAD));
    answers.push(run.step("item KIT parts MUG:2,CUP:1"));
    for agent in ["a1", "b1"] {
        let store = if agent == "a1" { "S07" } else { "S02" };
        answers.push(run.step(&format!("hello {agent} at {store} nonce {agent}")));
    }
    for (step, op) in ops.iter().enumerate() {
        if op.0.is_multiple_of(16) {
            run.world.now_ms += 300_000;
        }
        let line = line(*op, step, &made);
        if ["reserve", "transfer"].iter().any(|verb| line.starts_with(verb))
            || line.contains(" sent ")
        {
            made.push(step);
        }
        answers.push(run.step(&line));
        kits_are_whole(&run.world);
    }
    (run, answers)
}

/// All parts of the kits that were claimed or none, and no figure beyond what the parts allow: by a
/// formula of its own.
fn kits_are_whole(world: &World) {
    let [mug, cup, kit] = ITEMS.map(|sku| world.item(sku));
    for r in world.reservations.values() {
        let of_kit = |part| {
            let lines = r.lines.iter().filter(move |l| l.item == part);
            lines.filter_map(|l| l.kit.map(|kit| (kit.item, kit.quantity, l.quantity)))
        };
        let (mugs, cups): (Vec<_>, Vec<_>) = (of_kit(mug).collect(), of_kit(cup).collect());
        let twice = |(item, kits, units): &(ItemNo, i64, i64)| (*item, *kits, 2 * units);
        assert_eq!(mugs, cups.iter().map(twice).collect::<Vec<_>>(), "{r:?}");
        assert!(r.lines.iter().all(|l| l.item != kit), "{r:?}");
    }
    for code in LOCATIONS {
        let row = |sku| world.stock(world.key(sku, code)).available();
        let found =
            promise_of(&world.state.records, &Lines::default(), world.key("KIT", code), |key| {
                world.stock(key)
            });
        assert!(2 * found <= row("MUG") && found <= row("CUP"), "{found} at {code}");
        let one_more = 2 * (found + 1) <= row("MUG") && found < row("CUP");
        assert!(!one_more, "more than {found} could be had at {code}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // More when the environment says so.
        cases: ProptestConfig::default().cases.max(3_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Units are conserved, nothing is negative, lines equal buckets, every reservation ends once:
    /// `World::check`, after every step. And history is the whole truth.
    #[test]
    fn any_commands_keep_the_invariants(ops in ops()) {
        let (run, answers) = played(&ops);
        let rows = run.world.rows();
        prop_assert_eq!(&run.world.replayed().rows(), &rows, "the same decisions, the same rows");
        let (again, same) = played(&ops);
        prop_assert_eq!(answers, same, "the same commands, the same answers");
        prop_assert_eq!(again.world.rows(), rows);
    }
}

/// The generator reaches what it is for: else the property above says nothing.
#[test]
fn random_commands_reach_every_answer() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let ops = ops().new_tree(&mut runner).unwrap().current();
        for answer in played(&ops).1 {
            let words: Vec<&str> = answer.split_whitespace().collect();
            let known = words[0] == "refused" || words[0] == "!";
            seen.insert(if known { words[1].to_owned() } else { words[0].to_owned() });
            let notices = answer.split(" ! ").skip(1);
            seen.extend(notices.map(|n| n.trim().to_owned()));
        }
    }
    for answer in [
        "done",
        "unchanged",
        "held",
        "committed",
        "picked",
        "consumed",
        "releasing",
        "transferred",
        "transfer_short",
        "transfer_lost",
        "arrival_unexpected",
        "released",
        "expired",
        "welcome",
        "stale",
        "retired",
        "grant",
        "booked",
        "not",
        "reservation_short",
        "agent_forked",
        "agent_retired",
        "hub_behind",
        "share_mismatch",
        "handover_differs",
        "handover_elsewhere",
        "store_has_agent",
        "fact_not_bookable",
        "not_enough_available",
        "reservation_ended",
        "stale_timer",
        "reservation_state",
        "reservation_expired",
        "kit_has_no_stock",
        "kit_counted",
        "count_not_used",
    ] {
        assert!(seen.contains(answer), "{answer} is never reached: {seen:?}");
    }
}
