//! Bars of an EAN-13, from the digits of `GS k 67`.
//!
//! Owns the tables of ISO/IEC 15420. Must not know paper. Invariant: bars come with their check
//! digit, or not at all.

/// Modules of each digit in set A; set C is its inverse, set B set C backwards.
const SET_A: [&[u8; 7]; 10] = [
    b"0001101", b"0011001", b"0010011", b"0111101", b"0100011", b"0110001", b"0101111", b"0111011",
    b"0110111", b"0001011",
];
/// Which of the left six digits stand in set B: the first digit is told by that alone.
const LEFT: [&[u8; 6]; 10] = [
    b"AAAAAA", b"AABABB", b"AABBAB", b"AABBBA", b"ABAABB", b"ABBAAB", b"ABBBAA", b"ABABAB",
    b"ABABBA", b"ABBABA",
];

/// The modules from the first bar to the last, true for black. `None` for anything but 12 digits,
/// or 13 of which the last fits.
pub fn modules(content: &[u8]) -> Option<Vec<bool>> {
    let digits: Vec<usize> = content
        .iter()
        .map(|byte| byte.is_ascii_digit().then(|| usize::from(byte - b'0')))
        .collect::<Option<_>>()?;
    let body = digits.get(..12)?;
    let sum: usize = body.iter().zip([1, 3].iter().cycle()).map(|(digit, by)| digit * by).sum();
    let check = (10 - sum % 10) % 10;
    if digits.len() > 13 || digits.get(12).is_some_and(|last| *last != check) {
        return None;
    }
    let mut out = vec![true, false, true];
    for (digit, set) in body[1..7].iter().zip(LEFT[body[0]]) {
        let bits = SET_A[*digit].iter().map(|bit| *bit == b'1');
        match set {
            b'A' => out.extend(bits),
            _ => out.extend(bits.rev().map(|black| !black)),
        }
    }
    out.extend([false, true, false, true, false]);
    for digit in body[7..].iter().chain([&check]) {
        out.extend(SET_A[*digit].iter().map(|bit| *bit == b'0'));
    }
    out.extend([true, false, true]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_come_whole_or_not_at_all() {
        for good in ["400638133393", "4006381333931", "9506000134352"] {
            assert_eq!(modules(good.as_bytes()).unwrap().len(), 95, "{good}");
        }
        for bad in ["4006381333930", "40063813339", "40063813339311", "40063813339a1", ""] {
            assert_eq!(modules(bad.as_bytes()), None, "{bad}");
        }
    }
}
