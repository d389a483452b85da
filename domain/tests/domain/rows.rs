//! Rows are asked for together: how often does not depend on how many lines a command has.
//!
//! Each story is told with two lines and with as many as a command may have, and its steps must
//! ask as often in both. `World` decides each step on an empty state too, and counts.

use oneshelf_domain::limits;

use super::table::Run;

/// How often a command may ask: far below what a plan allows.
const ROUNDS_MAX: usize = 9;

struct Story {
    run: Run,
    lines: usize,
    asked: Vec<(String, usize)>,
}

impl Story {
    /// Items I0, I1 ... and a road.
    fn new(lines: usize) -> Self {
        let mut story = Self { run: Run::new(), lines, asked: vec![] };
        story.each("item I#", "item I#");
        story.location("T01", "transit");
        story
    }

    fn location(&mut self, code: &str, kind: &str) {
        let put = format!(
            r#"put {{"record":"location","no":0,"code":"{code}","name":"Place","kind":"{kind}",
            "zone":"UTC","state":"active"}}"#
        );
        assert_eq!(self.run.step(&put), "done");
    }

    /// A step for each line.
    fn each(&mut self, step: &str, answer: &str) {
        for n in 0..self.lines {
            let n = n.to_string();
            assert_eq!(self.run.step(&step.replace('#', &n)), answer.replace('#', &n));
        }
    }

    /// One step whose `[words]` are said for each line; its notices are left out.
    fn tell(&mut self, step: &str, answer: &str) {
        self.tell_of(self.lines, step, answer);
    }

    fn tell_of(&mut self, lines: usize, step: &str, answer: &str) {
        let (before, rest) = step.split_once('[').unwrap_or((step, "]"));
        let (words, after) = rest.split_once(']').unwrap();
        let words: Vec<String> = (0..lines).map(|n| words.replace('#', &n.to_string())).collect();
        let said = self.run.step(&format!("{before}{}{after}", words.join(" ")));
        assert_eq!(said.split(" ! ").next().unwrap(), answer, "{step}");
        self.asked.push((step.to_owned(), self.run.world.rounds));
    }

    /// An agent speaks at S07, and units of every item lie there.
    fn store(&mut self, units: i64) {
        self.tell(&format!("receive S07 [I# {units}]"), "done");
        self.run.step("hello a1 nonce n1");
    }
}

fn told(story: impl Fn(&mut Story)) {
    let asked = |lines| {
        let mut told = Story::new(lines);
        story(&mut told);
        told.asked
    };
    let many = asked(limits::LINES_MAX);
    assert_eq!(many, asked(2), "what many lines ask, and what two ask");
    let most = many.iter().max_by_key(|(_, rounds)| *rounds).unwrap();
    assert!(most.1 <= ROUNDS_MAX, "{most:?}");
}

#[test]
fn claims_of_a_warehouse() {
    told(|story| {
        story.tell("receive W01 [I# 9]", "done");
        story.tell("reserve r1 [I#@W01 1]", "committed");
        story.tell("pick r1", "picked");
        story.tell("handover r1", "consumed");
        story.tell("reserve r2 [I#@W01 1]", "committed");
        story.tell("release r2", "released");
        story.tell("reserve r3 [I#@W01 1] for 900s channel web", "held");
        story.tell("commit r3", "committed");
        story.tell("handover r3", "consumed");
        story.tell("reserve r4 [I#@W01 1] for 900s shopper ann address x", "held");
        story.tell("reserve r5 [I#@W01 2] for 900s shopper ann address x", "held");
        story.run.world.now_ms = 900_000;
        story.tell("expire r5", "expired");
        story.tell("receive W01 [I# 1]", "done");
    });
}

#[test]
fn claims_at_many_stores() {
    told(|story| {
        for n in 0..story.lines {
            story.location(&format!("L{n}"), "store");
        }
        story.each("receive L# I0 5", "done");
        story.tell("reserve r1 [I0@L# 1]", "committed");
        story.tell("pick r1", "picked");
        story.tell("release r1", "released");
        story.tell("reserve r2 [I0@L# 1]", "committed");
        story.tell("handover r2", "consumed");
        story.tell("reserve r3 [I0@L# 1]", "committed");
        story.tell("release r3", "released");
        story.each("hello a# at L# nonce n#", "welcome 1.1");
        story.tell("reserve r4 [I0@L# 1]", "committed");
        story.tell("release r4", "releasing");
        story.tell("fact a0 let_go r4 I0 1", "booked");
        story.tell("reserve r5 [I0@L# 1]", "committed");
        story.tell("pick r5", "refused store_has_agent");
    });
}

#[test]
fn a_count_that_ends_what_waited_for_an_agent_that_is_gone() {
    told(|story| {
        story.run.step("item X");
        story.tell("receive S07 [I# 1]", "done");
        story.run.step("receive S07 X 200");
        story.run.step("hello a1 nonce n1");
        story.each("reserve q# X@S07 1 I#@S07 1", "committed");
        story.each("release q#", "releasing");
        story.run.step("give-up S07 a1");
        story.tell("count S07 X 200", "done");
    });
}

#[test]
fn claims_that_are_filled_by_what_comes() {
    told(|story| {
        story.store(2);
        story.tell("reserve r1 [I#@S07 1]", "committed");
        story.tell("reserve r2 [I#@S07 1] for 900s", "held");
        story.tell("fact a1 sale [I# 0+2]", "booked");
        story.run.step("give-up S07 a1");
        story.tell("receive S07 [I# 1]", "done");
        story.tell("release r2", "released");
        story.tell("receive S07 [I# 2]", "done");
        story.tell("reserve r3 [I#@S07 1]", "committed");
    });
}

#[test]
fn kits_and_their_parts() {
    told(|story| {
        let parts = story.lines.min(limits::KIT_PARTS_MAX);
        let kits = story.lines / parts;
        for kit in 0..kits {
            let of: Vec<String> = (0..parts).map(|n| format!("I{}:2", kit * parts + n)).collect();
            let made = format!("item K{kit} parts {}", of.join(","));
            story.tell(&made, &format!("item K{kit}"));
        }
        story.asked.clear(); // there are more of them
        story.tell("receive W01 [I# 20]", "done");
        story.tell_of(kits, "reserve r1 [K#@W01 1] for 900s", "held");
        story.tell_of(kits, "reserve r2 [K#@W01 1] channel web", "committed");
        story.tell_of(kits, "reserve r3 [K#@W01 1] for 900s shopper ann address x", "held");
        story.tell_of(kits, "reserve r4 [K#@W01 2] for 900s shopper ann address x", "held");
        story.tell("release r1", "released");
        story.tell("pick r2", "picked");
        story.tell("handover r2", "consumed");
        story.tell("return W01 K0 2", "done");
        story.store(4);
        story.tell_of(kits, "fact a1 sale [K# 0+1]", "booked");
        story.tell_of(kits, "reserve r5 [K#@S07 1]", "committed");
        story.tell_of(kits, "fact a1 handed r5 [K# 2]", "booked");
        story.tell_of(kits, "fact a1 id t1 sent W01 [K# 1]", "booked");
        story.tell_of(kits, "take_in t1 close", "transferred");
        story.tell_of(kits, "fact a1 arrived t9 [K# 1+1]", "booked");
        story.tell("fact a1 in K0 1 share", "booked");
    });
}

#[test]
fn transfers_of_a_warehouse() {
    told(|story| {
        story.tell("receive W01 [I# 9]", "done");
        story.tell("transfer t1 W01 W02 [I# 2]", "committed");
        story.tell("handover t1", "in_transit");
        story.tell("take_in t1 [I# 1+0]", "in_transit");
        story.tell("take_in t1 [I# 1+1]", "transferred");
        story.tell("transfer t2 W01 W02 [I# 2]", "committed");
        story.tell("pick t2", "picked");
        story.tell("handover t2", "in_transit");
        story.tell("take_in t2 close", "transferred");
        story.tell("transfer t3 W01 W02 [I# 2]", "committed");
        story.tell("release t3", "released");
    });
}

#[test]
fn transfers_that_a_store_gives() {
    told(|story| {
        story.store(9);
        story.tell("reserve r1 [I#@S07 1]", "committed");
        story.tell("transfer t1 S07 W01 [I# 2]", "committed");
        story.tell("fact a1 handed t1 [I# 2]", "booked");
        story.tell("fact a1 id t2 handed t1 [I# 7]", "booked");
        story.tell("take_in t2 [I# 7+0]", "transferred");
        story.tell("fact a1 in I0 2", "booked");
        story.tell("transfer t3 W01 S07 [I# 2]", "committed");
        story.tell("handover t3", "in_transit");
        story.tell("fact a1 arrived t3 [I# 1+0]", "booked");
        story.tell("fact a1 arrived t3 [I# 2+1] closed", "booked");
        story.tell("fact a1 arrived t3 [I# 1+0]", "booked");
        story.tell("transfer t4 S07 W01 [I# 1]", "committed");
        story.tell("fact a1 handed t4 [I# 9]", "booked");
        story.tell("transfer t5 W01 S07 [I# 1]", "committed");
        story.tell("fact a1 arrived t5 [I# 1+0]", "booked");
    });
}

#[test]
fn what_a_store_does_by_itself() {
    told(|story| {
        story.store(9);
        story.each("ask a1 I# 4", "grant I# 4");
        story.tell("reserve r1 [I#@S07 2]", "committed");
        story.tell("reserve r2 [I#@S07 2] for 900s", "held");
        story.tell("fact a1 sale [I# 1+2]", "booked");
        story.tell("fact a1 id t1 sent W01 [I# 1]", "booked");
        story.tell("fact a1 sent N99 [I# 1]", "booked");
        story.tell("fact a1 handed r1 [I# 3]", "booked");
        story.tell("fact a1 let_go r2 [I# 1]", "booked");
        story.tell("fact a1 handed r2 [I# 1]", "booked");
        story.tell("fact a1 close [I# 1]", "booked");
        story.tell("fact a1 sale [I# 1+1]", "not now");
    });
}

#[test]
fn what_lives_that_ended_still_tell() {
    told(|story| {
        story.store(9);
        story.each("ask a1 I# 4", "grant I# 4");
        story.tell("receive W01 [I# 9]", "done");
        story.tell("transfer t1 W01 S07 [I# 2]", "committed");
        story.tell("handover t1", "in_transit");
        story.tell("reserve r1 [I#@S07 1]", "committed");
        story.run.step("hello a2 nonce n2");
        story.each("fact a2 counted I# 2", "booked");
        story.tell("fact a1 session 1.2 sale [I# 1+1]", "booked");
        story.tell("fact a1 session 1.2 sent W01 [I# 1]", "booked");
        story.tell("fact a1 session 1.2 arrived t1 [I# 2+1] closed", "booked");
        story.tell("fact a1 session 1.2 handed r1 [I# 2]", "booked");
        story.each("ask a2 I# 1", "grant I# 1");
        story.tell("fact a1 session 1.2 seq 1 prev x sale [I# 2+2]", "booked");
        story.tell("fact a1 session 1.2 seq 1 prev y sent W01 [I# 3]", "booked");
        story.tell("fact a1 session 1.2 close [I# 1]", "booked");
    });
}

#[test]
fn codes_of_an_item() {
    let asked = |codes: usize| {
        let mut run = Run::new();
        let codes: Vec<String> = (0..codes).map(|n| format!("C{n}")).collect();
        run.step(&format!("item NEW {}", codes.join(",")));
        run.world.rounds
    };
    assert_eq!(asked(limits::BARCODES_MAX), asked(1));
}
