//! A scale on a serial port: one question at a time.
//!
//! Owns whose turn it is, the port that stays open between questions, and the scale's word. Must
//! not know who asks. Invariant: every question ends within its time, and its answer came after it
//! was asked.

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::ScaleAddress;
use super::answer::{ANSWER_MAX, END_OF_TEXT, ScaleFault, Weighed, read_answer};
use crate::port::Port;

/// Request weight.
const WEIGH: &[u8] = b"W\r";

/// How long to wait for what.
#[derive(Debug, Clone)]
pub struct ScaleTimes {
    pub open: Duration,
    pub answer: Duration,
    /// Between two questions while the pan settles.
    pub again: Duration,
}

impl Default for ScaleTimes {
    fn default() -> ScaleTimes {
        ScaleTimes {
            open: Duration::from_secs(2),
            answer: Duration::from_secs(1),
            again: Duration::from_millis(100),
        }
    }
}

/// The word for a scale, as pages show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleState {
    Ready,
    NotAnswering,
    Unreachable,
}

/// A scale.
#[derive(Debug)]
pub struct Scale {
    address: ScaleAddress,
    times: ScaleTimes,
    turn: Mutex<Option<Port>>,
    state: watch::Sender<ScaleState>,
}

impl Scale {
    pub fn new(address: ScaleAddress, times: ScaleTimes) -> Scale {
        let (state, _) = watch::channel(ScaleState::Unreachable);
        Scale { address, times, turn: Mutex::new(None), state }
    }

    pub fn address(&self) -> &ScaleAddress {
        &self.address
    }

    /// The present state and every later one.
    pub fn watch(&self) -> watch::Receiver<ScaleState> {
        self.state.subscribe()
    }

    /// What lies on it now.
    pub async fn weigh(&self) -> Result<Weighed, ScaleFault> {
        let mut turn = self.turn.lock().await;
        let weighed = self.asked(&mut turn).await;
        self.state.send_replace(match &weighed {
            // It answers, though not with a weight.
            Ok(_) | Err(ScaleFault::OtherUnit) => ScaleState::Ready,
            Err(ScaleFault::Unreachable) => ScaleState::Unreachable,
            Err(ScaleFault::NotAnswering | ScaleFault::Garbled | ScaleFault::Faulty) => {
                ScaleState::NotAnswering
            }
        });
        weighed
    }

    /// What lies on it, asked again while the pan moves, until `until`.
    pub async fn weigh_settled(&self, until: Instant) -> Result<Weighed, ScaleFault> {
        loop {
            let weighed = self.weigh().await?;
            if weighed != Weighed::Moving || Instant::now() + self.times.again >= until {
                return Ok(weighed);
            }
            sleep(self.times.again).await;
        }
    }

    async fn asked(&self, turn: &mut Option<Port>) -> Result<Weighed, ScaleFault> {
        if let Some(mut port) = turn.take() {
            match self.answer(&mut port).await {
                // It may have been pulled long ago: the port is opened anew.
                Ok(Err(_)) => {}
                asked => return keep(turn, port, asked),
            }
        }
        let opened = timeout(self.times.open, Port::serial(&self.address.0)).await;
        let mut port = match opened {
            Ok(Ok(port)) => port,
            Ok(Err(_)) | Err(_) => return Err(ScaleFault::Unreachable),
        };
        let asked = self.answer(&mut port).await;
        keep(turn, port, asked)
    }

    /// The bytes of an answer. Outer error: none came in time; inner: the port is gone.
    async fn answer(&self, port: &mut Port) -> Result<io::Result<Vec<u8>>, ScaleFault> {
        // What came unasked, or too late, is no answer to this question.
        port.forget_input();
        let deadline = Instant::now() + self.times.answer;
        let talk = async {
            let mut rest = WEIGH;
            while !rest.is_empty() {
                rest = &rest[port.write(rest).await?..];
            }
            let mut answer = Vec::new();
            let mut bytes = [0u8; ANSWER_MAX];
            while answer.len() < ANSWER_MAX {
                let length = port.read(&mut bytes).await?;
                for byte in &bytes[..length] {
                    answer.push(*byte);
                    if byte & 0x7f == END_OF_TEXT {
                        return Ok(answer);
                    }
                }
            }
            Ok(answer)
        };
        timeout_at(deadline, talk).await.map_err(|_| ScaleFault::NotAnswering)
    }
}

/// A port stays open only when all on it is in order.
fn keep(
    turn: &mut Option<Port>,
    port: Port,
    asked: Result<io::Result<Vec<u8>>, ScaleFault>,
) -> Result<Weighed, ScaleFault> {
    let bytes = asked?.map_err(|_| ScaleFault::Unreachable)?;
    let weighed = read_answer(&bytes)?;
    *turn = Some(port);
    Ok(weighed)
}
