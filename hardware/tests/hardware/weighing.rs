//! The scale on a pseudo terminal: every state, a pan that settles, a cable that is pulled.

use std::time::Duration;

use oneshelf_hardware::scale::{Scale, ScaleFault, ScaleState, ScaleTimes, Weighed};
use oneshelf_hardware::sim::ScaleSim;
use tokio::time::Instant;

use super::cutting::link;

fn plugged(name: &str) -> (ScaleSim, Scale) {
    let sim = ScaleSim::plug_in(&link(name)).unwrap();
    let times = ScaleTimes {
        open: Duration::from_secs(60),
        answer: Duration::from_secs(60),
        again: Duration::from_millis(2),
    };
    let scale = scale(&sim, times);
    (sim, scale)
}

fn scale(sim: &ScaleSim, times: ScaleTimes) -> Scale {
    let address = format!("serial:{}?baud=9600", sim.path().display());
    Scale::new(address.parse().unwrap(), times)
}

fn late() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

#[tokio::test]
async fn each_state_of_the_pan_has_its_word() {
    let (sim, scale) = plugged("states");
    for (grams, weighed) in [
        (0, Weighed::Zero),
        (1250, Weighed::Stable(1250)),
        (5, Weighed::Stable(5)),
        (15_001, Weighed::Overload),
        (-20, Weighed::Underload),
    ] {
        sim.put(grams);
        assert_eq!(scale.weigh().await, Ok(weighed));
    }
    assert_eq!(*scale.watch().borrow(), ScaleState::Ready);
    sim.put(400);
    sim.set(|knobs| knobs.moving = 5);
    assert_eq!(scale.weigh().await, Ok(Weighed::Moving));
    assert_eq!(scale.weigh_settled(late()).await, Ok(Weighed::Stable(400)));
    // It is not waited for longer than somebody wants to.
    sim.set(|knobs| knobs.moving = u32::MAX);
    assert_eq!(scale.weigh_settled(Instant::now()).await, Ok(Weighed::Moving));
}

#[tokio::test]
async fn what_is_no_weight_is_never_taken_for_one() {
    let (sim, scale) = plugged("faults");
    sim.put(1250);
    for (turn, fault, state) in [
        ("pounds", ScaleFault::OtherUnit, ScaleState::Ready),
        ("faulty", ScaleFault::Faulty, ScaleState::NotAnswering),
        ("garbled", ScaleFault::Garbled, ScaleState::NotAnswering),
        ("endless", ScaleFault::Garbled, ScaleState::NotAnswering),
    ] {
        sim.set(|knobs| {
            knobs.pounds = turn == "pounds";
            knobs.faulty = turn == "faulty";
            knobs.garbled = match turn {
                "garbled" => Some(b"\n  1.250kg\x03".to_vec()),
                "endless" => Some(vec![b'7'; 500]),
                _ => None,
            };
        });
        assert_eq!(scale.weigh().await, Err(fault), "{turn}");
        assert_eq!(*scale.watch().borrow(), state, "{turn}");
    }
    // What is left of an endless answer is not taken for the next.
    sim.set(|knobs| knobs.garbled = None);
    assert_eq!(scale.weigh().await, Ok(Weighed::Stable(1250)));
}

#[tokio::test]
async fn a_silent_scale_is_not_waited_for_and_a_pulled_one_comes_back() {
    let (sim, _) = plugged("silent");
    sim.put(750);
    sim.set(|knobs| knobs.silent = true);
    let brief = ScaleTimes { answer: Duration::from_millis(30), ..ScaleTimes::default() };
    let silent = scale(&sim, brief);
    assert_eq!(silent.weigh().await, Err(ScaleFault::NotAnswering));
    drop(silent);
    let (sim, scale) = plugged("pulled-scale");
    for round in 1..=20 {
        sim.put(round);
        assert_eq!(scale.weigh().await, Ok(Weighed::Stable(round)));
        sim.unplug().unwrap();
        assert_eq!(scale.weigh().await, Err(ScaleFault::Unreachable));
        assert_eq!(*scale.watch().borrow(), ScaleState::Unreachable);
        sim.replug().unwrap();
    }
}
