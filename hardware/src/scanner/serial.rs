//! A scanner on a serial port (RS-232 or USB-COM).
//!
//! Owns the port's settings and its reads. Must not know frames. Invariant: a read never waits
//! longer than it was told.

use std::io;
use std::path::Path;
use std::time::Duration;

use serialport::{DataBits, FlowControl, Parity, SerialPort, StopBits};

use super::reader::Input;

pub(super) fn open(path: &Path, baud: u32) -> io::Result<Box<dyn Input>> {
    let path = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
    let port = serialport::new(path, baud)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None)
        .open()?;
    Ok(Box::new(Port(port)))
}

struct Port(Box<dyn SerialPort>);

impl Input for Port {
    fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.0.set_timeout(wait)?;
        self.0.read(bytes)
    }
}
