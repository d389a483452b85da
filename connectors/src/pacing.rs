//! How often an HTTP endpoint wants to be asked, as its answers say: `Retry-After` (RFC 9110),
//! `RateLimit` and its older spellings (draft-ietf-httpapi-ratelimit-headers).
//!
//! Advice from a stranger: whatever cannot be read says nothing. Invariant: no wait is longer than
//! its limit, whatever a header asks for.

use chrono::NaiveDateTime;

use crate::port::{Allowance, Reply};

/// The longest wait that an answer may ask for, seconds (a day).
const RETRY_AFTER_S_MAX: u32 = 24 * 60 * 60;
/// The longest that a hint is believed, seconds: a refusal may ask for more.
const RESET_S_MAX: u32 = 300;
/// From here on a reset is a Unix time, not a number of seconds.
const UNIX_TIME_MIN: i64 = 1_000_000_000;
/// Policies of one header that are read.
const POLICIES_MAX: usize = 16;

/// After how many seconds the endpoint wants to be asked again.
pub fn retry_after(reply: &Reply<'_>) -> Option<u32> {
    let text = reply.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(seconds.min(RETRY_AFTER_S_MAX));
    }
    let date = NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok()?;
    let seconds = date.and_utc().timestamp() - reply.now.0.div_euclid(1_000_000);
    // One that is over says: at once.
    Some(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX).min(RETRY_AFTER_S_MAX))
}

/// How many more requests the endpoint takes now; of several policies the tightest.
pub fn allowance(reply: &Reply<'_>) -> Option<Allowance> {
    let policies = reply.header("ratelimit").map(policies).unwrap_or_default();
    let single = |prefix: &str| {
        let number = |name: &str| reply.header(&format!("{prefix}{name}"))?.trim().parse().ok();
        let reset: i64 = number("reset")?;
        let now = reply.now.0.div_euclid(1_000_000);
        let reset = if reset >= UNIX_TIME_MIN { (reset - now).max(0) } else { reset };
        one(number("remaining")?, reset)
    };
    let older = ["ratelimit-", "x-ratelimit-"].into_iter().filter_map(single);
    policies.into_iter().chain(older).min_by_key(|a| (a.left, u32::MAX - a.reset_s))
}

fn one(left: i64, reset_s: i64) -> Option<Allowance> {
    let left = u32::try_from(left).ok()?;
    let reset_s = u32::try_from(reset_s).ok()?.min(RESET_S_MAX);
    Some(Allowance { left, reset_s })
}

/// `"burst";r=5;t=30, "day";r=900;t=3600`. One that does not say when it ends is of no use.
fn policies(text: &str) -> Vec<Allowance> {
    let policy = |text: &str| {
        let number = |name: &str| {
            let mut parameters = text.split(';').skip(1).filter_map(|p| p.trim().split_once('='));
            parameters.find(|(known, _)| *known == name)?.1.parse().ok()
        };
        one(number("r")?, number("t")?)
    };
    text.split(',').take(POLICIES_MAX).filter_map(policy).collect()
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Timestamp;

    use super::*;

    /// 2027-01-15 08:00:00.
    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn allowed(headers: &[(&str, &str)]) -> Option<(u32, u32)> {
        let reply = Reply { status: 204, headers, body: b"", now: NOW };
        allowance(&reply).map(|a| (a.left, a.reset_s))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, seconds) in [
            ("30", Some(30)),
            (" 120 ", Some(120)),
            ("4000000000", Some(86_400)),
            ("Fri, 15 Jan 2027 08:01:30 GMT", Some(90)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
            ("Thu, 15 Jan 2037 08:00:00 GMT", Some(86_400)),
            ("Friday", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            let headers = [("retry-after", text)];
            let reply = Reply { status: 429, headers: &headers, body: b"", now: NOW };
            assert_eq!(retry_after(&reply), seconds, "{text}");
        }
    }

    #[test]
    fn the_tightest_policy_counts() {
        assert_eq!(allowed(&[]), None);
        assert_eq!(allowed(&[("ratelimit", "\"default\";r=50;t=30")]), Some((50, 30)));
        let two = "\"day\";r=900;t=200, \"burst\"; r=5; t=10";
        assert_eq!(allowed(&[("ratelimit", two)]), Some((5, 10)));
        assert_eq!(allowed(&[("ratelimit", "\"a\";r=0;t=9,\"b\";r=0;t=99")]), Some((0, 99)));
        let older = [("ratelimit-remaining", "3"), ("ratelimit-reset", "20")];
        assert_eq!(allowed(&older), Some((3, 20)));
        let unix = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000040")];
        assert_eq!(allowed(&unix), Some((0, 40)));
        assert_eq!(allowed(&[("ratelimit", "\"year\";r=0;t=9999999")]), Some((0, 300)));
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for text in ["", ";", "r=1", "\"a\";r=1", "\"a\";t=1", "\"a\";r=-1;t=1", "\"a\";r=x;t=1"] {
            assert_eq!(allowed(&[("ratelimit", text)]), None, "{text}");
        }
        assert_eq!(allowed(&[("ratelimit-remaining", "3")]), None);
        assert_eq!(allowed(&[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "soon")]), None);
    }
}
