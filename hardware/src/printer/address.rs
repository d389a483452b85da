//! Where a printer is: on the network, on a serial port, or behind a device file.
//!
//! Owns the addresses that people write. Must not know how they are reached. Invariant: an address
//! that was taken is printed back as one that is taken again.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::port::{BAUDS, Flow, Line};

const DEFAULT_PORT: u16 = 9100;
const DEFAULT_BAUD: u32 = 9_600;

/// `tcp://10.0.0.9:9100` (or without the front: `printer-1`, `[::1]:9100`),
/// `serial:/dev/serial/by-id/usb-...?baud=115200`, `file:/dev/usb/lp0`. Options stand behind a
/// `?`: `baud`, `flow=none` for a serial cable without RTS and CTS, and on any of them
/// `answers=no` for a printer that says nothing back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) link: Link,
    pub(super) answers: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// Host and port.
    Tcp(String),
    Serial(Line),
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "not the address of a printer: {0:?} (expected tcp://HOST:PORT, serial:/dev/... or \
         file:/dev/...)"
    )]
    Shape(String),
    #[error("an option that a printer's address does not have: {0:?}")]
    Option(String),
    #[error("no baud rate of a printer: {0:?}")]
    Baud(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let wrong = || AddressError::Shape(text.to_owned());
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let device = |path: &str| {
            // A name without a folder would depend on where the program was started.
            (path.len() > 1 && path.starts_with('/')).then(|| PathBuf::from(path)).ok_or_else(wrong)
        };
        let mut link = if let Some(path) = place.strip_prefix("serial:") {
            let path = device(path)?;
            let flow = Flow::Hardware;
            Link::Serial(Line { path, baud: DEFAULT_BAUD, flow, seven_even: false })
        } else if let Some(path) = place.strip_prefix("file:") {
            Link::File(device(path)?)
        } else {
            Link::Tcp(host_and_port(place).ok_or_else(wrong)?)
        };
        let mut answers = true;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match (&mut link, option.split_once('=').unwrap_or((option, ""))) {
                (Link::Serial(line), ("baud", rate)) => {
                    let baud = rate.parse().ok().filter(|rate| BAUDS.contains(rate));
                    line.baud = baud.ok_or_else(|| AddressError::Baud(rate.to_owned()))?;
                }
                (Link::Serial(line), ("flow", "none")) => line.flow = Flow::None,
                (Link::Serial(line), ("flow", "hardware")) => line.flow = Flow::Hardware,
                (_, ("answers", "no")) => answers = false,
                (_, ("answers", "yes")) => answers = true,
                _ => return Err(AddressError::Option(option.to_owned())),
            }
        }
        Ok(Address { link, answers })
    }
}

fn host_and_port(text: &str) -> Option<String> {
    let rest = text.strip_prefix("tcp://").unwrap_or(text).trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse::<u16>().ok()?)
        }
        _ => (rest, DEFAULT_PORT),
    };
    let named = host.starts_with('[') && host.ends_with(']')
        || host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    (!host.is_empty() && named && port != 0).then(|| format!("{host}:{port}"))
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        match &self.link {
            Link::Tcp(address) => write!(out, "tcp://{address}")?,
            Link::File(path) => write!(out, "file:{}", path.display())?,
            Link::Serial(line) => {
                write!(out, "serial:{}", line.path.display())?;
                options.push(format!("baud={}", line.baud));
                if line.flow == Flow::None {
                    options.push("flow=none".to_owned());
                }
            }
        }
        if !self.answers {
            options.push("answers=no".to_owned());
        }
        if options.is_empty() { Ok(()) } else { write!(out, "?{}", options.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_usual_form() {
        let by_id = "serial:/dev/serial/by-id/usb-EPSON-if00";
        for (given, address) in [
            ("tcp://10.0.0.9:9100", Some("tcp://10.0.0.9:9100".to_owned())),
            ("10.0.0.9", Some("tcp://10.0.0.9:9100".to_owned())),
            ("printer-1.shop.lan:9101", Some("tcp://printer-1.shop.lan:9101".to_owned())),
            ("tcp://[::1]:9100/", Some("tcp://[::1]:9100".to_owned())),
            ("[::1]", Some("tcp://[::1]:9100".to_owned())),
            ("tcp://p?answers=no", Some("tcp://p:9100?answers=no".to_owned())),
            (by_id, Some(format!("{by_id}?baud=9600"))),
            (&format!("{by_id}?baud=115200"), Some(format!("{by_id}?baud=115200"))),
            (
                "serial:/dev/ttyS0?flow=none&baud=19200",
                Some("serial:/dev/ttyS0?baud=19200&flow=none".to_owned()),
            ),
            ("file:/dev/usb/lp0", Some("file:/dev/usb/lp0".to_owned())),
            ("file:/dev/usb/lp0?answers=no", Some("file:/dev/usb/lp0?answers=no".to_owned())),
            ("::1", None),
            ("", None),
            ("tcp://", None),
            ("printer:port", None),
            ("printer:0", None),
            ("pri nter:9100", None),
            ("/dev/usb/lp0", None),
            ("file:lp0", None),
            ("file:/", None),
            ("serial:", None),
            ("serial:/dev/ttyS0?baud=12345", None),
            ("serial:/dev/ttyS0?flow=maybe", None),
            ("file:/dev/usb/lp0?baud=9600", None),
            ("tcp://p?answers=perhaps", None),
        ] {
            let read = given.parse::<Address>().ok();
            assert_eq!(read.as_ref().map(ToString::to_string), address, "{given}");
            if let Some(read) = read {
                assert_eq!(read.to_string().parse(), Ok(read), "{given}");
            }
        }
    }
}
