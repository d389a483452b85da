//! Where a scale is: what people write on a command line.
//!
//! Owns the text. Must not know how a port is opened. Invariant: an address that was taken names
//! one port.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::port::{BAUDS, Flow, Line};

/// `serial:/dev/serial/by-id/usb-...?baud=9600&bits=7`: 7 bits come with even parity; without it
/// the scale is set to 8 bits and none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleAddress(pub(super) Line);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a scale: {0:?} (expected serial:/dev/...?baud=9600, perhaps &bits=7)")]
pub struct ScaleAddressError(String);

impl FromStr for ScaleAddress {
    type Err = ScaleAddressError;

    fn from_str(text: &str) -> Result<ScaleAddress, ScaleAddressError> {
        let wrong = || ScaleAddressError(text.to_owned());
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let path = place.strip_prefix("serial:").ok_or_else(wrong)?;
        if !path.starts_with('/') || path.len() < 2 {
            return Err(wrong());
        }
        let path = PathBuf::from(path);
        let mut line = Line { path, baud: 9_600, flow: Flow::None, seven_even: false };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("baud", rate)) => {
                    let known = rate.parse().ok().filter(|rate| BAUDS.contains(rate));
                    line.baud = known.ok_or_else(wrong)?;
                }
                Some(("bits", "7")) => line.seven_even = true,
                Some(("bits", "8")) => line.seven_even = false,
                _ => return Err(wrong()),
            }
        }
        Ok(ScaleAddress(line))
    }
}

impl fmt::Display for ScaleAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { path, baud, seven_even, .. } = &self.0;
        let bits = if *seven_even { "&bits=7" } else { "" };
        write!(out, "serial:{}?baud={baud}{bits}", path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_on_a_serial_port() {
        for (text, shown) in [
            ("serial:/dev/ttyUSB0", Some("serial:/dev/ttyUSB0?baud=9600")),
            ("serial:/dev/ttyS0?baud=4800&bits=7", Some("serial:/dev/ttyS0?baud=4800&bits=7")),
            ("/dev/ttyUSB0", None),
            ("serial:ttyUSB0", None),
            ("serial:/dev/ttyS0?baud=7", None),
            ("serial:/dev/ttyS0?bits=9", None),
            ("tcp://10.0.0.1", None),
        ] {
            let address = text.parse::<ScaleAddress>().ok().map(|address| address.to_string());
            assert_eq!(address.as_deref(), shown, "{text}");
        }
    }
}
