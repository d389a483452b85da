//! What a scale answers.
//!
//! Owns the bytes of the answer to `W`: `LF weight unit CR LF status CR ETX`. Must not know ports.
//! Invariant: a weight comes only of a stable pan that is neither too heavy nor lifted, and in a
//! unit that is grams or a thousand of them.

use serde::Serialize;

use crate::scanner::Decimal;

pub(super) const END_OF_TEXT: u8 = 0x03;
/// The longest answer that is read; a whole one has about twenty.
pub(super) const ANSWER_MAX: usize = 64;
/// No counter scale weighs more than a ton.
const GRAMS_MAX: i64 = 1_000_000;

/// What lies on a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "grams", rename_all = "snake_case")]
pub enum Weighed {
    /// Whole grams; what is finer is rounded half up.
    Stable(i64),
    /// Nothing lies on it.
    Zero,
    /// The pan has not settled.
    Moving,
    /// More than it can weigh.
    Overload,
    /// Less than nothing: the pan was lifted, or a tare is still set.
    Underload,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ScaleFault {
    #[error("no connection to the scale")]
    Unreachable,
    #[error("the scale does not answer")]
    NotAnswering,
    #[error("the scale's answer cannot be understood; is it set to the NCI protocol?")]
    Garbled,
    #[error("the scale displays another unit than kilograms or grams")]
    OtherUnit,
    #[error("the scale reports a fault of its own")]
    Faulty,
}

/// Reads a whole answer, up to its ETX.
pub fn read_answer(bytes: &[u8]) -> Result<Weighed, ScaleFault> {
    // A scale set to 7 bits with parity is understood on a port that is set to 8.
    let plain: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
    let body = plain.strip_suffix(&[END_OF_TEXT]).ok_or(ScaleFault::Garbled)?;
    let mut lines = body.split(|byte| *byte == b'\r').filter(|line| !line.is_empty());
    let (first, second) = (lines.next(), lines.next());
    if lines.next().is_some() {
        return Err(ScaleFault::Garbled);
    }
    // Some answer with nothing but their state while they cannot weigh.
    let (weight, status) = match (first, second) {
        (Some(weight), Some(status)) => (Some(weight), status),
        (Some(status), None) => (None, status),
        _ => return Err(ScaleFault::Garbled),
    };
    let state = State::read(strip_line_feed(status)?)?;
    if state.faulty {
        return Err(ScaleFault::Faulty);
    }
    // Before the weight: what is displayed then is not one.
    match state {
        State { over: true, .. } => return Ok(Weighed::Overload),
        State { under: true, .. } => return Ok(Weighed::Underload),
        State { moving: true, .. } => return Ok(Weighed::Moving),
        _ => {}
    }
    match grams(strip_line_feed(weight.ok_or(ScaleFault::Garbled)?)?)? {
        0 => Ok(Weighed::Zero),
        below if below < 0 => Ok(Weighed::Underload),
        grams => Ok(Weighed::Stable(grams)),
    }
}

fn strip_line_feed(line: &[u8]) -> Result<&[u8], ScaleFault> {
    line.strip_prefix(b"\n").ok_or(ScaleFault::Garbled)
}

struct State {
    moving: bool,
    under: bool,
    over: bool,
    faulty: bool,
}

impl State {
    /// Two bytes or more, each with bits 4 and 5 set; SCP-02 writes an `S` before them.
    fn read(bytes: &[u8]) -> Result<State, ScaleFault> {
        let bytes = bytes.strip_prefix(b"S").unwrap_or(bytes);
        let [first, second, more @ ..] = bytes else { return Err(ScaleFault::Garbled) };
        let is_status = |byte: &u8| byte & 0x30 == 0x30;
        if !bytes.iter().all(is_status) || first & 0x40 != 0 || more.len() > 2 {
            return Err(ScaleFault::Garbled);
        }
        Ok(State {
            moving: first & 1 != 0,
            under: second & 1 != 0,
            over: second & 2 != 0,
            // Memory and calibration.
            faulty: (first | second) & 0x0c != 0,
        })
    }
}

/// `  1.250kg`: blanks, a sign, digits with a point, a unit.
fn grams(text: &[u8]) -> Result<i64, ScaleFault> {
    let text = std::str::from_utf8(text).map_err(|_| ScaleFault::Garbled)?.trim();
    let split =
        text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or(ScaleFault::Garbled)?;
    let (number, unit) = text.split_at(split);
    let to_grams = match unit.trim().to_ascii_lowercase().as_str() {
        "kg" => 3,
        "g" => 0,
        "lb" | "oz" | "lboz" => return Err(ScaleFault::OtherUnit),
        _ => return Err(ScaleFault::Garbled),
    };
    let number = number.trim();
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, number.strip_prefix('+').unwrap_or(number).trim_start()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || digits.is_empty() || digits.len() > 12 {
        return Err(ScaleFault::Garbled);
    }
    let digits = digits.parse().map_err(|_| ScaleFault::Garbled)?;
    let decimals = u8::try_from(part.len()).map_err(|_| ScaleFault::Garbled)?;
    let grams = Decimal { digits, decimals }.scaled_half_up(to_grams);
    let grams = grams.filter(|grams| *grams <= GRAMS_MAX).ok_or(ScaleFault::Garbled)?;
    Ok(if negative { -grams } else { grams })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pan_that_stands_still_has_a_weight() {
        for (answer, weighed) in [
            (&b"\n  1.250kg\r\n00\r\x03"[..], Weighed::Stable(1250)),
            (b"\n 01.250KG\r\nS00\r\x03", Weighed::Stable(1250)),
            (b"\n   985 g\r\n00\r\x03", Weighed::Stable(985)),
            (b"\n0.0125kg\r\n00\r\x03", Weighed::Stable(13)),
            // Net weight, told by a third byte.
            (b"\n  0.400kg\r\n0p4\r\x03", Weighed::Stable(400)),
            (b"\n  0.000kg\r\n20\r\x03", Weighed::Zero),
            (b"\n  1.234kg\r\n10\r\x03", Weighed::Moving),
            (b"\n-------kg\r\n01\r\x03", Weighed::Underload),
            (b"\n -0.120kg\r\n00\r\x03", Weighed::Underload),
            (b"\n ^^^^^^kg\r\n02\r\x03", Weighed::Overload),
            (b"\n02\r\x03", Weighed::Overload),
            (b"\nS10\r\x03", Weighed::Moving),
        ] {
            assert_eq!(read_answer(answer), Ok(weighed), "{}", answer.escape_ascii());
        }
        // Seven bits and even parity, seen through eight.
        let parity = |byte: &u8| if byte.count_ones() % 2 == 1 { byte | 0x80 } else { *byte };
        let answer: Vec<u8> = b"\n  1.250kg\r\n00\r\x03".iter().map(parity).collect();
        assert_eq!(read_answer(&answer), Ok(Weighed::Stable(1250)));
    }

    #[test]
    fn whatever_else_comes_is_no_weight() {
        for (answer, fault) in [
            (&b""[..], ScaleFault::Garbled),
            (b"\x03", ScaleFault::Garbled),
            (b"\n?\r\x03", ScaleFault::Garbled),
            (b"\n  1.250kg\r\n00\r", ScaleFault::Garbled),
            (b"\n  1.250kg\r\x03", ScaleFault::Garbled),
            (b"\n  1.2.0kg\r\n00\r\x03", ScaleFault::Garbled),
            (b"\n  1.250\r\n00\r\x03", ScaleFault::Garbled),
            (b"\n  1.250kg\r\nxx\r\x03", ScaleFault::Garbled),
            (b"\n  9999999999999kg\r\n00\r\x03", ScaleFault::Garbled),
            (b"\n  5000.00kg\r\n00\r\x03", ScaleFault::Garbled),
            (b"\n   2.75lb\r\n00\r\x03", ScaleFault::OtherUnit),
            (b"\n  1.250kg\r\n40\r\x03", ScaleFault::Faulty),
            (b"\n  1.250kg\r\n08\r\x03", ScaleFault::Faulty),
        ] {
            assert_eq!(read_answer(answer), Err(fault), "{}", answer.escape_ascii());
        }
    }
}
