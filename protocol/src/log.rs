//! A line of a program's log: one line an event, whatever is in it, and no secret of ours.
//!
//! Text that people or other programs chose stands in logs too: it must not look like a line of
//! its own, move a terminal's cursor or turn the reading direction. It knows shapes of secrets,
//! never the secrets. Invariant: what comes out has one newline, its last character.

use std::io::{self, Write};

/// Prefixes of secrets; `osp_` keys are public.
const SECRETS: [&str; 3] = ["osa_", "osk_", "oss_"];
/// What follows one of these is for whoever is spoken to.
const SCHEMES: [&str; 3] = ["Bearer ", "Basic ", "Agent agt_"];
/// Hashes of passwords and PINs.
const HASH: &str = "$argon2";
/// Letters of a secret behind its prefix, so that a mere mention of the prefix stays readable.
const SECRET_LETTERS_MIN: usize = 16;
/// Keys, peppers, signatures and hashes of secrets are this long in hex, or longer.
const HEX_DIGITS_MIN: usize = 64;
const REDACTED: &str = "[redacted]";

/// Takes a program's events, one a call, and passes each on as one clean line.
pub struct Lines<W> {
    to: W,
    coloured: bool,
}

impl<W: Write> Lines<W> {
    /// `coloured`: the formatter writes colours; it has taken such sequences out of all else.
    pub fn new(to: W, coloured: bool) -> Self {
        Self { to, coloured }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.to.write_all(line(&text, self.coloured).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// An event's text as one line.
pub fn line(event: &str, coloured: bool) -> String {
    let event = redacted(event.strip_suffix('\n').unwrap_or(event));
    let mut line = String::with_capacity(event.len() + 1);
    for character in event.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{1b}' if coloured => line.push(character),
            hidden if is_hidden(hidden) => {
                // As JSON has it, so that a line of JSON stays one.
                line.push_str(&format!("\\u{:04x}", u32::from(hidden)));
            }
            plain => line.push(plain),
        }
    }
    line.push('\n');
    line
}

/// Control characters, separators of lines, and marks that turn the reading direction. All of
/// them have four hex digits.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{061c}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2066}'..='\u{2069}')
}

/// The text with secrets taken out, by their shape.
pub fn redacted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        if let Some((kept, taken)) = secret(rest, before) {
            clean.push_str(&rest[..kept]);
            clean.push_str(REDACTED);
            rest = &rest[kept + taken..];
            before = ']';
        } else {
            clean.push(next);
            rest = &rest[next.len_utf8()..];
            before = next;
        }
    }
    clean
}

/// Whether a secret begins here: how many bytes of it may be shown, and how many not.
fn secret(rest: &str, before: char) -> Option<(usize, usize)> {
    if let Some(prefix) = SECRETS.iter().find(|prefix| rest.starts_with(**prefix)) {
        let letters = run(&rest[prefix.len()..], is_of_secret);
        return (letters >= SECRET_LETTERS_MIN).then_some((prefix.len(), letters));
    }
    if let Some(scheme) = SCHEMES.iter().find(|scheme| rest.starts_with(**scheme)) {
        let letters = run(&rest[scheme.len()..], |c| !ends_a_word(c));
        return (letters >= SECRET_LETTERS_MIN).then_some((scheme.len(), letters));
    }
    if let Some(hash) = rest.strip_prefix(HASH) {
        return Some((HASH.len(), run(hash, |c| !ends_a_word(c))));
    }
    if let Some(address) = rest.strip_prefix("://") {
        let authority = &address[..run(address, |c| !ends_a_word(c) && c != '/' && c != '?')];
        let (named, _) = authority.rsplit_once('@')?;
        let (user, password) = named.split_once(':')?;
        return Some(("://".len() + user.len() + 1, password.len()));
    }
    if before.is_ascii_alphanumeric() {
        return None;
    }
    let digits = run(rest, |c| c.is_ascii_hexdigit());
    (digits >= HEX_DIGITS_MIN).then_some((0, digits))
}

/// How many bytes from here on belong to it.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn is_of_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn ends_a_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let hostile = "Tea\n2026-01-01T00:00:00Z ERROR oneshelf: forged\r\u{1b}[2J\u{202e}\u{2028}";
        let out = line(&format!("{hostile}\n"), false);
        assert_eq!(out.matches('\n').count(), 1);
        assert!(out.ends_with('\n') && out.contains("Tea\\n2026"), "{out}");
        assert!(!out.contains(['\r', '\u{1b}', '\u{202e}', '\u{2028}']), "{out:?}");
        assert!(line("\u{1b}[31mred\u{1b}[0m", true).contains('\u{1b}'));
        assert_eq!(line("plain: Łódź 茶 €", false), "plain: Łódź 茶 €\n");
    }

    #[test]
    fn a_line_of_json_stays_one() {
        let text = serde_json::json!({"title": "a\u{202e}b\nc\u{7f}\u{feff}"}).to_string();
        let out = line(&text, false);
        let back: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(back["title"], "a\u{202e}b\nc\u{7f}\u{feff}");
        assert!(!out.contains('\u{202e}'));
    }

    #[test]
    fn secrets_are_known_by_their_shape() {
        let secret = "Zk3-_9".repeat(8);
        let hex = "0f".repeat(32);
        for (text, clean) in [
            (format!("key osk_{secret}, used"), "key osk_[redacted], used"),
            (format!("\"osa_{secret}\""), "\"osa_[redacted]\""),
            (format!("Bearer {secret} x"), "Bearer [redacted] x"),
            (format!("Agent agt_{hex}.1.2.{hex}{hex}"), "Agent agt_[redacted]"),
            (format!("pepper={hex}"), "pepper=[redacted]"),
            ("postgres://hub:p:w@d@db/shop".into(), "postgres://hub:[redacted]@db/shop"),
            ("http://a:b@[::1]:80/c?d=e:f@g".into(), "http://a:[redacted]@[::1]:80/c?d=e:f@g"),
            ("$argon2id$v=19$m=1$abc$def and".into(), "$argon2[redacted] and"),
        ] {
            assert_eq!(redacted(&text), clean);
        }
        for plain in [
            "osk_... is a key; Bearer of news; agt_0192b3c4d5e6f708090a0b0c0d0e0f10",
            "http://127.0.0.1:8080/v1/items?x=a:b@c",
            "postgres://hub@db/shop",
            "1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d8356701", // 63 digits
        ] {
            assert_eq!(redacted(plain), plain);
        }
    }
}
