//! Where a scanner is and how it is read: what people write on a command line.
//!
//! Owns the text. Must not know how a device is opened. Invariant: an address that was taken names
//! one device, and a repeat window within a second.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::port::BAUDS;

const DEFAULT_BAUD: u32 = 9_600;
const DEFAULT_REPEAT: Duration = Duration::from_millis(300);
const REPEAT_MAX_MS: u64 = 1_000;

/// `serial:/dev/serial/by-id/usb-...?baud=115200`, `evdev:/dev/input/by-id/usb-...-event-kbd`; a
/// bare path is a serial port. `repeat=MS` behind the `?`: the same code within this time counts
/// once (0 to 1000, else 300).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerAddress {
    pub(super) device: Device,
    pub(super) repeat_window: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    Serial { path: PathBuf, baud: u32 },
    Keyboard(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScannerAddressError {
    #[error("not the address of a scanner: {0:?} (expected serial:/dev/... or evdev:/dev/...)")]
    Shape(String),
    #[error("an option that this scanner's address does not have: {0:?}")]
    Option(String),
    #[error("no baud rate of a scanner: {0:?}")]
    Baud(String),
    #[error("repeat must be 0 to 1000 milliseconds, not {0:?}")]
    Repeat(String),
    #[error("this program was built without keyboard scanners (feature evdev)")]
    NoKeyboards,
}

impl ScannerAddress {
    /// The device's file.
    pub fn path(&self) -> &Path {
        match &self.device {
            Device::Serial { path, .. } | Device::Keyboard(path) => path,
        }
    }
}

impl FromStr for ScannerAddress {
    type Err = ScannerAddressError;

    fn from_str(text: &str) -> Result<ScannerAddress, ScannerAddressError> {
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let (keyboard, path) = match place.strip_prefix("evdev:") {
            Some(path) => (true, path),
            None => (false, place.strip_prefix("serial:").unwrap_or(place)),
        };
        if !path.starts_with('/') || path.len() < 2 {
            return Err(ScannerAddressError::Shape(text.to_owned()));
        }
        if keyboard && !cfg!(feature = "evdev") {
            return Err(ScannerAddressError::NoKeyboards);
        }
        let path = PathBuf::from(path);
        let mut device = match keyboard {
            true => Device::Keyboard(path),
            false => Device::Serial { path, baud: DEFAULT_BAUD },
        };
        let mut repeat_window = DEFAULT_REPEAT;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match (&mut device, option.split_once('=')) {
                (Device::Serial { baud, .. }, Some(("baud", rate))) => {
                    let known = rate.parse().ok().filter(|rate| BAUDS.contains(rate));
                    *baud = known.ok_or_else(|| ScannerAddressError::Baud(rate.to_owned()))?;
                }
                (_, Some(("repeat", ms))) => {
                    let window = ms.parse().ok().filter(|ms| *ms <= REPEAT_MAX_MS);
                    let window =
                        window.ok_or_else(|| ScannerAddressError::Repeat(ms.to_owned()))?;
                    repeat_window = Duration::from_millis(window);
                }
                _ => return Err(ScannerAddressError::Option(option.to_owned())),
            }
        }
        Ok(ScannerAddress { device, repeat_window })
    }
}

impl fmt::Display for ScannerAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.device {
            Device::Serial { path, baud } => {
                write!(out, "serial:{}?baud={baud}", path.display())
            }
            Device::Keyboard(path) => write!(out, "evdev:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_is_a_port_or_a_keyboard() {
        for (text, shown, repeat_ms) in [
            ("/dev/ttyACM0", "serial:/dev/ttyACM0?baud=9600", 300),
            ("serial:/dev/ttyS0?baud=115200&repeat=0", "serial:/dev/ttyS0?baud=115200", 0),
            ("serial:/dev/ttyS0?repeat=1000", "serial:/dev/ttyS0?baud=9600", 1000),
        ] {
            let address: ScannerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.repeat_window, Duration::from_millis(repeat_ms));
        }
        for text in [
            "",
            "ttyACM0",
            "serial:",
            "usb:/dev/x",
            "/dev/ttyS0?baud=1",
            "/dev/ttyS0?repeat=1001",
            "/dev/ttyS0?repeat=soon",
            "/dev/ttyS0?colour=red",
            "evdev:/dev/input/event3?baud=9600",
        ] {
            assert!(text.parse::<ScannerAddress>().is_err(), "{text}");
        }
        let keyboard = "evdev:/dev/input/event3".parse::<ScannerAddress>();
        assert_eq!(keyboard.is_ok(), cfg!(feature = "evdev"));
    }
}
