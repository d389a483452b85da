//! Tests of the framing machine. Owns scripted byte sequences with times; knows no ports.

use proptest::prelude::*;

use super::*;

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn run(pieces: &[(&[u8], u64)]) -> Vec<FrameEvent> {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    for (bytes, at) in pieces {
        framer.push(bytes, ms(*at), &mut out);
    }
    out
}

fn codes(events: &[FrameEvent]) -> Vec<&str> {
    events
        .iter()
        .map(|event| match event {
            FrameEvent::Scan(scan) => scan.code.as_str(),
            FrameEvent::Refused(_) => "(refused)",
        })
        .collect()
}

#[test]
fn every_end_mark_ends_a_frame_once() {
    for end in [&b"\r"[..], b"\n", b"\r\n", b"\x03"] {
        let mut bytes = b"4006381333931".to_vec();
        bytes.extend_from_slice(end);
        bytes.extend_from_slice(b"96385074");
        bytes.extend_from_slice(end);
        assert_eq!(codes(&run(&[(&bytes, 0)])), ["4006381333931", "96385074"], "{end:?}");
    }
    assert_eq!(codes(&run(&[(b"\x02ABC\x03", 0)])), ["ABC"]);
}

#[test]
fn a_code_may_arrive_in_pieces() {
    assert_eq!(codes(&run(&[(b"40063813339", 0), (b"31\r", 30)])), ["4006381333931"]);
}

#[test]
fn silence_ends_a_frame_without_an_end_mark() {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    framer.push(b"96385074", ms(0), &mut out);
    framer.tick(ms(59), &mut out);
    assert!(out.is_empty());
    framer.tick(ms(60), &mut out);
    assert_eq!(codes(&out), ["96385074"]);
    framer.tick(ms(500), &mut out);
    assert_eq!(out.len(), 1, "an ended frame ends once");
}

#[test]
fn an_unplugged_device_leaves_no_half_code() {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    framer.push(b"400638", ms(0), &mut out);
    framer.unplugged();
    framer.tick(ms(1000), &mut out);
    framer.push(b"96385074\r", ms(1001), &mut out);
    assert_eq!(codes(&out), ["96385074"]);
}

#[test]
fn card_tracks_are_refused_and_their_content_is_gone() {
    for track in [
        &b"%B4111111111111111^DOE/JANE^2512101?\r"[..],
        b";4111111111111111=25121010000?\r",
        b"%B4111111111111111^DOE/JANE^2512101?;4111111111111111=2512101?\r",
        b"MSR;4111111111111111=25121010000?\r",
        b"]L0%B4111111111111111^X\r",
    ] {
        let events = run(&[(track, 0)]);
        assert_eq!(events, [FrameEvent::Refused(Refusal::CardTrack)]);
        assert!(!format!("{events:?}").contains("4111"));
    }
    assert_eq!(codes(&run(&[(b"A;1=2\r%BOOK\r", 0)])), ["A;1=2", "%BOOK"]);
}

#[test]
fn foreign_bytes_and_overlong_frames_refuse_the_whole_frame_only() {
    let events = run(&[(b"40\x9963\r96385074\r", 0)]);
    assert_eq!(events[0], FrameEvent::Refused(Refusal::ForeignByte));
    assert_eq!(codes(&events), ["(refused)", "96385074"]);

    let mut long = vec![b'7'; 5000];
    long.extend_from_slice(b"\rOK\r");
    let events = run(&[(&long, 0)]);
    assert_eq!(events[0], FrameEvent::Refused(Refusal::TooLong));
    assert_eq!(codes(&events), ["(refused)", "OK"]);
    let mut longest = vec![b'7'; 4096];
    longest.push(b'\r');
    assert!(matches!(run(&[(&longest, 0)])[..], [FrameEvent::Scan(_)]));
}

#[test]
fn group_separators_and_the_mark_survive() {
    let events = run(&[(b"]d20104006381333931\x1d10LOT7\r", 0)]);
    let FrameEvent::Scan(scan) = &events[0] else { panic!("{events:?}") };
    assert_eq!(scan.symbology, Some(Symbology::Gs1DataMatrix));
    assert_eq!(scan.code, "0104006381333931\u{1d}10LOT7");
}

#[test]
fn a_double_pull_counts_once() {
    let mut guard = RepeatGuard::default();
    let scan = |code: &str, at| Scan { code: code.to_owned(), symbology: None, at: ms(at) };
    assert!(guard.admits(&scan("A", 0)));
    assert!(!guard.admits(&scan("A", 299)));
    assert!(!guard.admits(&scan("A", 598)), "a stuck trigger stays one scan");
    assert!(guard.admits(&scan("A", 898)));
    assert!(guard.admits(&scan("B", 900)));
    assert!(guard.admits(&scan("A", 901)));
    let mut open = RepeatGuard::new(Duration::ZERO);
    assert!(open.admits(&scan("A", 0)) && open.admits(&scan("A", 0)));
}

proptest! {
    #[test]
    fn cutting_the_stream_anywhere_changes_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(1usize..40, 0..40),
    ) {
        let whole = run(&[(&bytes, 0)]);
        let mut framer = Framer::default();
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            framer.push(piece, ms(0), &mut pieces);
            rest = after;
        }
        framer.push(rest, ms(0), &mut pieces);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn codes_hold_only_what_a_code_may_hold(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        for event in run(&[(&bytes, 0), (b"\r", 1)]) {
            if let FrameEvent::Scan(scan) = event {
                prop_assert!(scan.code.bytes().all(|b| matches!(b, 0x20..=0x7e | 0x1d)));
                prop_assert!(!scan.code.is_empty() && scan.code.len() <= 4096);
            }
        }
    }
}
