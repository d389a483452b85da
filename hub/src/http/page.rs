//! Pages of lists: `limit` and an opaque `cursor`. Knows no list.
//!
//! Invariant: a cursor that this hub did not make is refused, never guessed at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oneshelf_domain::limits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::problem::{Answer, Error};

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows of the page.
    #[serde(default, deserialize_with = "given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A parameter that is there has a value; an empty one is not the same as none.
pub fn given<'de, D, T>(part: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(part).map(Some)
}

/// Rows of a page.
pub fn limit(asked: Option<i64>) -> Answer<i64> {
    let largest = i64::try_from(limits::PAGE_ROWS_MAX).unwrap_or(i64::MAX);
    let usual = i64::try_from(limits::PAGE_ROWS_DEFAULT).unwrap_or(i64::MAX);
    match asked {
        None => Ok(usual),
        Some(n) if (1..=largest).contains(&n) => Ok(n),
        Some(_) => Err(Error::invalid("limit", "1 to 500")),
    }
}

/// A NUL in JSON.
const NUL: &[u8] = b"\\u0000";

/// Where the page begins: behind this.
pub fn after<T: DeserializeOwned>(cursor: Option<&str>) -> Answer<Option<T>> {
    let Some(text) = cursor else { return Ok(None) };
    // A NUL can only be escaped in JSON; nothing that a list is ordered by has one.
    let plain = |json: &Vec<u8>| !json.windows(NUL.len()).any(|part| part == NUL);
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(plain);
    let read = bytes.and_then(|b| serde_json::from_slice(&b).ok());
    read.map(Some).ok_or_else(|| Error::malformed("cursor: not one of this list"))
}

/// The cursor behind the last row of a page, when the page is full.
pub fn next<T: Serialize>(rows: usize, limit: i64, last: Option<T>) -> Option<String> {
    let full = i64::try_from(rows).is_ok_and(|n| n >= limit);
    let last = last.filter(|_| full)?;
    serde_json::to_vec(&last).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// A page of a list that is in memory, in the order of names that no two rows share.
pub fn cut<T>(
    rows: impl Iterator<Item = T>,
    asked: &Page,
    name: impl Fn(&T) -> String,
) -> Answer<(Vec<T>, Option<String>)> {
    let limit = limit(asked.limit)?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let after: Option<String> = after(asked.cursor.as_deref())?;
    let named = rows.map(|row| (name(&row), row));
    let mut rest: Vec<(String, T)> =
        named.filter(|(name, _)| after.as_ref().is_none_or(|after| name > after)).collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    let more = rest.len() > wanted;
    rest.truncate(wanted);
    let last = rest.last().filter(|_| more).map(|(name, _)| name.as_str());
    let next = next(rest.len(), limit, last);
    Ok((rest.into_iter().map(|(_, row)| row).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_others_are_refused() {
        let cursor = next(2, 2, Some(("A", 5))).unwrap();
        assert_eq!(after::<(String, i64)>(Some(&cursor)).unwrap(), Some(("A".into(), 5)));
        assert_eq!(next(1, 2, Some("A")), None);
        assert_eq!(after::<i64>(Some(&cursor)).unwrap_err().status(), 400);
        assert_eq!(after::<i64>(Some("%%%")).unwrap_err().status(), 400);
        let nul = next(1, 1, Some("A\0")).unwrap();
        assert_eq!(after::<String>(Some(&nul)).unwrap_err().status(), 400, "no database takes it");
        assert_eq!(limit(Some(501)).unwrap_err().status(), 422);
    }

    #[test]
    fn pages_of_a_list_in_memory_meet() {
        let walk = |limit: i64| {
            let (mut seen, mut cursor) = (vec![], None);
            loop {
                let asked = Page { limit: Some(limit), cursor };
                let rows = ["b", "d", "a", "c"].into_iter();
                let (rows, next) = cut(rows, &asked, |row| (*row).to_owned()).unwrap();
                seen.push(rows.concat());
                match next {
                    Some(next) => cursor = Some(next),
                    None => return seen,
                }
            }
        };
        assert_eq!(walk(3), ["abc", "d"]);
        assert_eq!(walk(2), ["ab", "cd"]);
        assert_eq!(walk(4), ["abcd"]);
    }
}
