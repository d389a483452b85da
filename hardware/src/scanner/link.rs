//! GS1 digital links: a web address that names a thing, such as
//! `https://id.shop.example/01/09506000134352/10/ABC123?17=290331`.
//!
//! Owns the grammar of GS1 Digital Link Standard: URI Syntax, release 1.4, sections 4 and 5, in its
//! uncompressed form. Never opens an address. Invariant: an address without an identifier where
//! the standard wants it is not a link, however much it looks like one.

use super::ai::{CodeFault, identifier};
use super::elements::Elements;

/// Keys that a path may be about, and the identifiers that may follow each, in this order.
const KEYS: &[(&str, &[&str])] = &[("01", &["22", "10", "21", "235"]), ("00", &[])];

/// `None`: not a digital link. A link whose values are wrong is a fault.
pub(super) fn parse(address: &str) -> Option<Result<Elements, CodeFault>> {
    let rest = strip_scheme(address)?;
    let rest = rest.split('#').next().unwrap_or(rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let segments: Vec<&str> = place.trim_end_matches('/').split('/').skip(1).collect();
    // The shop's own path may stand before the key: the last place that fits is the key's.
    let start = (0..segments.len()).rev().find(|at| is_path(&segments[*at..]))?;
    Some(read(&segments[start..], query))
}

fn strip_scheme(address: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let front = address.get(..scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then(|| &address[scheme.len()..])
    })
}

/// A key with its number, and behind it only what may qualify it.
fn is_path(segments: &[&str]) -> bool {
    let [key, number, qualifiers @ ..] = segments else { return false };
    let Some((_, allowed)) = KEYS.iter().find(|(name, _)| name == key) else { return false };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let length = match *key {
        "01" => matches!(number.len(), 8 | 12 | 13 | 14),
        _ => number.len() == 18,
    };
    let mut allowed = allowed.iter();
    let known = qualifiers.chunks(2).all(|pair| match pair {
        [ai, _] => allowed.any(|name| name == ai),
        _ => false,
    });
    digits && length && known
}

fn read(segments: &[&str], query: &str) -> Result<Elements, CodeFault> {
    let mut elements = Elements::default();
    for pair in segments.chunks(2) {
        let [ai, text] = pair else { continue };
        // Shorter GTINs may stand in a path; everywhere else they have 14 digits.
        match *ai {
            "01" => elements.push(ai, &format!("{text:0>14}"))?,
            _ => push_decoded(&mut elements, ai, text)?,
        }
    }
    for parameter in query.split(['&', ';']) {
        let Some((name, text)) = parameter.split_once('=') else { continue };
        // Other parameters are the shop's own.
        if identifier(name).is_some_and(|(ai, _)| ai == name) {
            push_decoded(&mut elements, name, text)?;
        }
    }
    Ok(elements)
}

fn push_decoded(elements: &mut Elements, ai: &str, text: &str) -> Result<(), CodeFault> {
    let plain = decoded(text).ok_or_else(|| CodeFault::ForeignCharacter(ai.to_owned()))?;
    elements.push(ai, &plain)
}

/// Percent signs and two digits become the character that they stand for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            out.push(u8::try_from(16 * high + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(address: &str) -> Vec<(String, String)> {
        let elements = parse(address).unwrap().unwrap();
        elements.iter().map(|element| (element.ai.clone(), element.text.clone())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(ai, text)| ((*ai).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_standards_own_examples_are_read() {
        assert_eq!(
            said("https://id.gs1.org/01/09506000134352"),
            pairs(&[("01", "09506000134352")])
        );
        assert_eq!(
            said("https://brand.example.com/01/9506000134352/10/ABC1/21/12345?17=180426"),
            pairs(&[("01", "09506000134352"), ("10", "ABC1"), ("21", "12345"), ("17", "180426")])
        );
        assert_eq!(
            said("https://example.com/some/path/01/9506000134352?3103=000195"),
            pairs(&[("01", "09506000134352"), ("3103", "000195")])
        );
        assert_eq!(
            said("HTTP://id.gs1.org/00/106141412345678908"),
            pairs(&[("00", "106141412345678908")])
        );
    }

    #[test]
    fn values_are_decoded_and_the_shops_own_parameters_left_alone() {
        assert_eq!(
            said("https://x.example/01/04006381333931/10/a%2Fb%25?linkType=all&lot=7&99=%3F#top"),
            pairs(&[("01", "04006381333931"), ("10", "a/b%"), ("99", "?")])
        );
    }

    #[test]
    fn other_addresses_are_no_links() {
        for address in [
            "https://shop.example/r/S07-R2-000123",
            "https://shop.example/01/",
            "https://shop.example/01/1234567",
            "https://shop.example/01/04006381333931/99/x",
            "https://shop.example/01/04006381333931/21/7/10/L",
            "https://shop.example/01/04006381333931/10",
            "ftp://id.gs1.org/01/09506000134352",
            "01/09506000134352",
            "https://",
            "http",
        ] {
            assert_eq!(parse(address), None, "{address}");
        }
    }

    #[test]
    fn a_link_with_a_wrong_value_says_so() {
        for (address, ai) in [
            ("https://id.gs1.org/01/09506000134353", "01"),
            ("https://id.gs1.org/01/09506000134352/10/a%2", "10"),
            ("https://id.gs1.org/01/09506000134352/10/a%ff", "10"),
            ("https://id.gs1.org/01/09506000134352?17=261301", "17"),
            ("https://id.gs1.org/01/09506000134352/10/A?10=B", "10"),
        ] {
            let fault = parse(address).unwrap().unwrap_err();
            assert!(format!("{fault:?}").contains(ai), "{address}: {fault:?}");
        }
    }
}
