//! What an X.509 certificate says of itself: from when, until when, for which names.
//!
//! It reads DER and proves nothing: whether a certificate is to be believed is rustls's matter.
//! Invariant: any bytes are read without a panic, and what is not understood is none.

use chrono::NaiveDateTime;
use oneshelf_domain::Timestamp;

/// The tags that are read (X.690).
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;
/// `[0]` the version, `[3]` the extensions, `[2]` and `[7]` of a name: DNS and address.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;
/// 2.5.29.17 and 2.5.4.3.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Not good before.
    pub begins: Timestamp,
    /// Not good afterwards.
    pub ends: Timestamp,
    /// Hosts and addresses that it is for.
    pub names: Vec<String>,
    /// The common name of who signed it; empty when there is none.
    pub issuer: String,
}

/// Reads a certificate; none when it is not one.
pub fn read(der: &[u8]) -> Option<Certificate> {
    let mut body = Der(Der(Der(der).inside(SEQUENCE)?).inside(SEQUENCE)?);
    if body.tag()? == VERSION {
        body.next()?;
    }
    // Serial number, algorithm.
    body.next()?;
    body.next()?;
    let issuer = common_name(body.inside(SEQUENCE)?).unwrap_or_default();
    let mut validity = Der(body.inside(SEQUENCE)?);
    let begins = time(validity.next()?)?;
    let ends = time(validity.next()?)?;
    // Subject, public key.
    body.next()?;
    body.next()?;
    let mut names = vec![];
    while let Some((tag, content)) = body.next() {
        if tag == EXTENSIONS {
            names = alternative_names(content).unwrap_or_default();
        }
    }
    Some(Certificate { begins, ends, names, issuer })
}

/// Elements, one after another.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // The length has a length; four bytes are more than any certificate needs.
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    fn inside(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

fn common_name(content: &[u8]) -> Option<String> {
    let mut parts = Der(content);
    while let Some(part) = parts.inside(SET) {
        let mut pair = Der(Der(part).inside(SEQUENCE)?);
        if pair.inside(OBJECT_ID)? == COMMON_NAME {
            let (_, text) = pair.next()?;
            return Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    None
}

fn alternative_names(content: &[u8]) -> Option<Vec<String>> {
    let mut extensions = Der(Der(content).inside(SEQUENCE)?);
    while let Some(extension) = extensions.inside(SEQUENCE) {
        let mut extension = Der(extension);
        if extension.inside(OBJECT_ID)? != ALTERNATIVE_NAMES {
            continue;
        }
        // Between the two may stand that it is critical.
        while let Some((tag, value)) = extension.next() {
            if tag == OCTETS {
                return names(Der(value).inside(SEQUENCE)?);
            }
        }
    }
    None
}

fn names(content: &[u8]) -> Option<Vec<String>> {
    let (mut all, mut names) = (Der(content), vec![]);
    while let Some((tag, name)) = all.next() {
        match tag {
            DNS_NAME => names.push(String::from_utf8_lossy(name).into_owned()),
            ADDRESS => {
                let four = <[u8; 4]>::try_from(name).map(|a| std::net::IpAddr::from(a).to_string());
                let long =
                    || <[u8; 16]>::try_from(name).map(|a| std::net::IpAddr::from(a).to_string());
                names.extend(four.or_else(|_| long()));
            }
            _ => {}
        }
    }
    Some(names)
}

/// `YYMMDDhhmmssZ` (of 1950 to 2049) or `YYYYMMDDhhmmssZ`.
fn time((tag, content): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?;
    let whole = match (tag, text.len()) {
        (UTC_TIME, 13) if text.get(..2)? < "50" => format!("20{text}"),
        (UTC_TIME, 13) => format!("19{text}"),
        (LONG_TIME, 15) => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%SZ").ok()?;
    Some(Timestamp(time.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_calendar_has_them() {
        let at = |tag, text: &str| time((tag, text.as_bytes())).map(|t| t.0 / 1_000_000);
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(at(UTC_TIME, "000229120000Z"), Some(951_825_600));
        assert_eq!(at(LONG_TIME, "20501231235959Z"), Some(2_556_143_999));
        for wrong in ["7001010000Z", "701301000000Z", "700100000000Z", "70010100000\u{e9}Z", "Z"] {
            assert_eq!(at(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 7_u32;
        let mut byte = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        for length in 0..2_000_usize {
            let mut bytes: Vec<u8> = (0..length % 64).map(|_| byte()).collect();
            for (at, tag) in [(0, SEQUENCE), (2, SEQUENCE), (4, VERSION)] {
                if let Some(place) = bytes.get_mut(at) {
                    *place = tag;
                }
            }
            let _ = read(&bytes);
        }
    }
}
