//! Bars of a Code 128, from the bytes of `GS k 73`.
//!
//! Owns the symbol table and the code sets. Must not know paper. Invariant: bars come with their
//! check symbol and stop, or not at all.

/// Widths of bars and spaces of the 106 symbols; the stop has one bar more.
const SYMBOLS: [&str; 106] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212",
    "221213", "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221",
    "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122", "321221",
    "312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321",
    "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331", "132131",
    "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131",
    "311123", "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111",
    "111224", "111422", "121124", "121421", "141122", "141221", "112214", "112412", "122114",
    "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111", "111242",
    "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232",
];
const STOP: &str = "2331112";
const START: [usize; 3] = [103, 104, 105];
const CODE: [[usize; 3]; 3] = [[0, 100, 99], [101, 0, 99], [101, 100, 0]];

/// The modules from the first bar to the last, true for black. `None` for bytes that Code 128 does
/// not take.
pub fn modules(content: &[u8]) -> Option<Vec<bool>> {
    let symbols = symbols(content)?;
    let sum: usize = symbols.iter().enumerate().map(|(place, value)| place.max(1) * value).sum();
    let check = sum % 103;
    let widths = symbols
        .iter()
        .chain([&check])
        .map(|value| SYMBOLS.get(*value).copied())
        .chain([Some(STOP)])
        .collect::<Option<Vec<&str>>>()?
        .concat();
    let mut black = true;
    let mut out = Vec::new();
    for width in widths.bytes() {
        out.extend(std::iter::repeat_n(black, usize::from(width - b'0')));
        black = !black;
    }
    Some(out)
}

/// The text that stands below the bars.
pub fn text(content: &[u8]) -> String {
    let mut out = String::new();
    let mut bytes = content.iter();
    let mut pairs = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' => match bytes.next() {
                Some(b'{') => out.push('{'),
                Some(set) => pairs = *set == b'C',
                None => {}
            },
            value if pairs => out.push_str(&format!("{value:02}")),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => out.push(' '),
        }
    }
    out
}

fn symbols(content: &[u8]) -> Option<Vec<usize>> {
    let mut bytes = content.iter();
    if bytes.next() != Some(&b'{') {
        return None;
    }
    let set_of = |letter: &u8| match letter {
        b'A' => Some(0usize),
        b'B' => Some(1),
        b'C' => Some(2),
        _ => None,
    };
    let mut set = set_of(bytes.next()?)?;
    let mut out = vec![START[set]];
    while let Some(&byte) = bytes.next() {
        if byte == b'{' {
            match bytes.next()? {
                b'{' if set != 2 => out.push(usize::from(b'{' - 32)),
                b'1' => out.push(102),
                letter => {
                    let next = set_of(letter)?;
                    if next != set {
                        out.push(CODE[set][next]);
                    }
                    set = next;
                }
            }
            continue;
        }
        out.push(match (set, byte) {
            (0, 0..=0x1f) => usize::from(byte) + 64,
            (0, 0x20..=0x5f) | (1, 0x20..=0x7f) => usize::from(byte) - 32,
            (2, 0..=99) => usize::from(byte),
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_code_has_its_known_bars() {
        let bars: String =
            modules(b"{BAB").unwrap().iter().map(|black| if *black { '1' } else { '0' }).collect();
        // Start B, A, B, check (104 + 33 + 2 * 34) % 103 = 102, stop.
        assert_eq!(
            bars,
            "11010010000101000110001000101100011110101110 1100011101011".replace(' ', "")
        );
    }

    #[test]
    fn text_and_refusals() {
        assert_eq!(text(b"{BS07-R2-000123"), "S07-R2-000123");
        assert_eq!(text(b"{BA{{B"), "A{B");
        assert_eq!(text(b"{C\x0c\x22"), "1234");
        for wrong in [&b""[..], b"A", b"{", b"{X", b"{B\x05", b"{C\xff"] {
            assert_eq!(modules(wrong), None, "{wrong:?}");
        }
        assert_eq!(modules(b"{BS07-R2-000123").unwrap().len(), 15 * 11 + 13);
    }
}
