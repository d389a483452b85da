//! Tests of the printer without a socket. Owns byte sequences and what a real printer does with
//! them.

use super::*;

fn device() -> Device {
    Device::new(Profile::default())
}

fn ask(device: &mut Device, bytes: &[u8]) -> Vec<u8> {
    device.receive(bytes);
    device.take_replies()
}

#[test]
fn real_time_questions_are_answered_in_every_state() {
    let mut device = device();
    let all = b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04";
    assert_eq!(ask(&mut device, all), [0x16, 0x12, 0x12, 0x12]);
    device.set(|knobs| knobs.cover_open = true);
    assert_eq!(ask(&mut device, all), [0x1e, 0x16, 0x12, 0x12]);
    device.set(|knobs| *knobs = Knobs { paper: PaperLevel::Out, ..Knobs::default() });
    assert_eq!(ask(&mut device, all), [0x1e, 0x32, 0x12, 0x7e]);
    device.set(|knobs| *knobs = Knobs { paper: PaperLevel::Low, ..Knobs::default() });
    assert_eq!(ask(&mut device, all), [0x16, 0x12, 0x12, 0x1e]);
    device.set(|knobs| *knobs = Knobs { drawer_open: true, ..Knobs::default() });
    assert_eq!(ask(&mut device, all), [0x12, 0x12, 0x12, 0x12]);
    device.set(|knobs| *knobs = Knobs { cutter_error: true, ..Knobs::default() });
    assert_eq!(ask(&mut device, all), [0x1e, 0x52, 0x1a, 0x12]);
    assert_eq!(ask(&mut device, b"\x10\x05\x02\x10\x04\x03"), [0x12], "DLE ENQ 2 recovers");
}

#[test]
fn the_read_back_comes_in_its_turn_and_only_with_paper() {
    let mut device = device();
    device.set(|knobs| knobs.paper_lasts_lines = Some(2));
    assert!(ask(&mut device, b"one\ntwo\nthree\n\x1dVB\x00\x1dr\x01").is_empty());
    assert_eq!(device.knobs().paper, PaperLevel::Out);
    assert_eq!(device.hanging().text(), "one\ntwo\n");
    assert_eq!(ask(&mut device, b"\x10\x04\x02"), [0x32], "it still answers");
    device.set(|knobs| knobs.paper = PaperLevel::Ok);
    assert_eq!(device.take_replies(), [0x00]);
    assert_eq!(device.printed().sheets_total, 1);
    assert_eq!(device.printed().sheets[0].text(), "one\ntwo\nthree\n");
}

#[test]
fn automatic_status_is_sent_on_a_change() {
    let mut device = device();
    assert_eq!(ask(&mut device, b"\x1b@\x1da\xff"), [0x14, 0x00, 0x00, 0x0f]);
    device.set(|knobs| knobs.cover_open = true);
    assert_eq!(device.take_replies(), [0x3c, 0x00, 0x00, 0x0f]);
    device.set(|knobs| knobs.cover_open = true);
    assert!(device.take_replies().is_empty(), "nothing changed");
    device.set(|knobs| knobs.cover_open = false);
    device.take_replies();
    assert!(ask(&mut device, b"\x1da\x00").is_empty());
    device.set(|knobs| knobs.cover_open = true);
    assert!(device.take_replies().is_empty());
}

#[test]
fn pulses_are_recorded_with_pin_and_times() {
    let mut device = device();
    device.receive(b"\x1bp\x00\x19\xfa\x1bp\x01\x32\x64\x10\x14\x01\x00\x02");
    let ms = Duration::from_millis;
    assert_eq!(
        device.printed().pulses,
        [
            Pulse { pin: 2, on: ms(50), off: ms(500) },
            Pulse { pin: 5, on: ms(100), off: ms(200) },
            Pulse { pin: 2, on: ms(200), off: ms(200) },
        ]
    );
    assert!(device.knobs().drawer_open);
}

#[test]
fn a_real_time_pulse_acts_even_inside_a_bar_code() {
    let mut device = device();
    device.receive(b"\x1dkI\x0a{BAB\x10\x14\x01\x00\x02CDEF12\n");
    assert_eq!(device.printed().pulses_total, 1);
}

#[test]
fn half_a_command_waits_over_a_broken_connection() {
    let mut device = device();
    device.receive(b"\x1dkI\x20{BHALF");
    device.disconnected();
    assert!(ask(&mut device, b"\x1dr\x01").is_empty(), "the question became part of the bar code");
    let mut flush = vec![0; 64];
    flush.extend_from_slice(b"\x1b@\x1dr\x01");
    assert_eq!(ask(&mut device, &flush), [0x00]);
}

#[test]
fn the_buffer_is_bounded_and_so_is_the_memory() {
    let mut device = device();
    device.set(|knobs| knobs.paper = PaperLevel::Out);
    let mut taken = 0;
    while device.room() > 0 {
        device.receive(b"x");
        taken += 1;
    }
    assert_eq!(taken, BUFFER_BYTES);
    device.set(|knobs| *knobs = Knobs { never_read: true, ..Knobs::default() });
    assert_eq!(device.room(), 0);
}

#[test]
fn the_model_is_told() {
    let mut device = device();
    assert_eq!(ask(&mut device, b"\x1dI\x42"), b"_Oneshelf\0");
    assert_eq!(ask(&mut device, b"\x1dI\x01"), [0x20]);
}
