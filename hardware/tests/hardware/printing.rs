//! Jobs to the simulated printer: what is confirmed was printed once, and nothing is printed twice.

use std::time::Duration;

use oneshelf_hardware::printer::{
    Address, Currency, Drawer, DrawerProfile, Job, JobOutcome, Paper, Printer, PrinterState,
    Profile, Reason, Receipt, ReceiptLine, Times, receipt_job,
};
use oneshelf_hardware::sim::render::sheets;
use oneshelf_hardware::sim::{PaperLevel, PrinterSim};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Short waits, for cases in which the printer will certainly not answer.
pub(super) fn impatient() -> Times {
    Times {
        answer: Duration::from_millis(300),
        barrier: Duration::from_millis(300),
        settle: Duration::from_millis(2),
        per_kilobyte: Duration::from_millis(500),
        confirm: Duration::from_millis(400),
        poll: Duration::from_millis(50),
        ..Times::default()
    }
}

/// Waits that a busy machine cannot exceed, for cases in which the answer will come.
pub(super) fn patient() -> Times {
    let long = Duration::from_secs(60);
    Times {
        connect: long,
        answer: long,
        barrier: long,
        settle: Duration::from_millis(2),
        per_kilobyte: long,
        confirm: long,
        poll: Duration::from_millis(20),
    }
}

/// Not before anything here has ended.
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

fn client(sim: &PrinterSim, times: Times) -> Printer {
    client_at(sim.address().to_string().parse().unwrap(), times)
}

pub(super) fn client_at(address: Address, times: Times) -> Printer {
    Printer::new(address, DrawerProfile::default(), times)
}

pub(super) fn receipt(number: &str, title: &str) -> Receipt {
    let mut receipt = Receipt::new(number, Currency::new("EUR", 2));
    receipt.header = vec!["Harbour Goods".to_owned()];
    receipt.lines = vec![ReceiptLine {
        quantity: "1".to_owned(),
        name: title.to_owned(),
        detail: None,
        total: 450,
    }];
    receipt
}

pub(super) fn job(receipt: &Receipt, drawer: Drawer) -> Job {
    receipt_job("job_1", receipt, &Profile::default(), drawer).unwrap()
}

async fn sim() -> PrinterSim {
    PrinterSim::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn a_confirmed_receipt_was_printed_once_and_opened_the_drawer_once() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    let outcome = printer.print(&job(&receipt("S07-R2-000123", "Tea"), Drawer::Open)).await;
    assert_eq!(outcome, JobOutcome::Confirmed);
    assert_eq!(*printer.watch().borrow(), PrinterState::Ready);
    let sheets = sim.sheets();
    assert_eq!(sheets.len(), 1);
    let text = sheets[0].text();
    for part in ["Harbour Goods", "1 x Tea", "4.50", "[bars S07-R2-000123]"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let pulses = sim.pulses();
    assert_eq!(pulses.len(), 1);
    assert_eq!((pulses[0].pin, pulses[0].on), (2, Duration::from_millis(50)));
}

#[tokio::test]
async fn host_names_work_and_jobs_queue_behind_each_other() {
    let sim = sim().await;
    let address = format!("tcp://localhost:{}", sim.address().port()).parse().unwrap();
    let printer = Printer::new(address, DrawerProfile::default(), patient());
    let jobs: Vec<Job> =
        (0..5).map(|n| job(&receipt(&format!("S07-R2-{n:06}"), "Tea"), Drawer::Leave)).collect();
    let (a, b, c, d, e) = tokio::join!(
        printer.print(&jobs[0]),
        printer.print(&jobs[1]),
        printer.print(&jobs[2]),
        printer.print(&jobs[3]),
        printer.print(&jobs[4]),
    );
    assert_eq!([a, b, c, d, e], [JobOutcome::Confirmed; 5]);
    for (n, sheet) in sim.sheets().iter().enumerate() {
        assert!(sheet.text().contains(&format!("[bars S07-R2-{n:06}]")));
        assert_eq!(sheet.text().matches("Harbour Goods").count(), 1);
    }
}

#[tokio::test]
async fn status_has_a_word_for_each_state() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    assert_eq!(printer.status().await.unwrap().unwrap().paper, Paper::Ok);
    sim.set_paper(PaperLevel::Low);
    assert_eq!(printer.status().await.unwrap().unwrap().paper, Paper::Low);
    assert_eq!(*printer.watch().borrow(), PrinterState::PaperLow);
    sim.set_drawer_open(true);
    assert!(printer.status().await.unwrap().unwrap().drawer_open);
    for (paper, cover, cutter, state, reason) in [
        (PaperLevel::Out, false, false, PrinterState::NoPaper, Reason::NoPaper),
        (PaperLevel::Ok, true, false, PrinterState::CoverOpen, Reason::CoverOpen),
        (PaperLevel::Ok, false, true, PrinterState::CutterError, Reason::CutterError),
    ] {
        sim.set(|knobs| {
            knobs.paper = paper;
            knobs.cover_open = cover;
            knobs.cutter_error = cutter;
        });
        assert!(printer.status().await.is_ok());
        assert_eq!(*printer.watch().borrow(), state);
        let outcome = printer.print(&job(&receipt("1", "Tea"), Drawer::Open)).await;
        assert_eq!(outcome, JobOutcome::NotSent(reason));
        assert_eq!(printer.open_drawer(soon()).await, JobOutcome::NotSent(reason));
    }
    assert!(sim.sheets().is_empty() && sim.pulses().is_empty());
    sim.reset();
    assert_eq!(printer.open_drawer(soon()).await, JobOutcome::Confirmed);
    assert_eq!(sim.pulses().len(), 1);
    assert!(sim.sheets().is_empty(), "opening the drawer prints nothing");
}

#[tokio::test]
async fn a_drawer_does_not_open_late() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    sim.set(|knobs| knobs.paper_lasts_lines = Some(3));
    let job = job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave);
    // A job hangs in the printer; when its paper is there, the pulse behind it is too late.
    let until = Instant::now();
    let refill = async {
        let mut state = printer.watch();
        state.wait_for(|state| *state == PrinterState::NoPaper).await.unwrap();
        sim.set_paper(PaperLevel::Ok);
    };
    let (printed, pulsed, ()) =
        tokio::join!(printer.print(&job), printer.open_drawer(until), refill);
    assert_eq!((printed, pulsed), (JobOutcome::Confirmed, JobOutcome::NotSent(Reason::TooSlow)));
    assert_eq!(*printer.watch().borrow(), PrinterState::Ready, "it is well");
    assert!(sim.pulses().is_empty());
    // One that says nothing is not waited for, however patient its jobs are.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string().parse().unwrap();
    let printer = Printer::new(address, DrawerProfile::default(), patient());
    let until = Instant::now() + Duration::from_millis(50);
    assert_eq!(printer.open_drawer(until).await, JobOutcome::NotSent(Reason::TooSlow));
}

#[tokio::test]
async fn paper_out_in_the_middle_then_refilled_is_one_confirmed_receipt() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    sim.set(|knobs| knobs.paper_lasts_lines = Some(3));
    let job = job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave);
    let refill = async {
        // The page is told while the job waits.
        let mut state = printer.watch();
        state.wait_for(|state| *state == PrinterState::NoPaper).await.unwrap();
        sim.set_paper(PaperLevel::Ok);
    };
    let (outcome, ()) = tokio::join!(printer.print(&job), refill);
    assert_eq!(outcome, JobOutcome::Confirmed);
    assert_eq!(sim.sheets().len(), 1);
}

#[tokio::test]
async fn paper_out_in_the_middle_for_long_is_unknown_and_comes_out_once() {
    let sim = sim().await;
    let printer = client(&sim, impatient());
    sim.set(|knobs| knobs.paper_lasts_lines = Some(3));
    let outcome = printer.print(&job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave)).await;
    assert_eq!(outcome, JobOutcome::Unknown(Reason::NoPaper));
    assert_eq!(*printer.watch().borrow(), PrinterState::SentNotConfirmed);
    assert!(sim.sheets().is_empty());
    sim.set_paper(PaperLevel::Ok);
    sim.wait_until(|device| device.printed().sheets_total == 1).await;
    // The next job is another receipt and is confirmed by its own answer.
    let printer = client(&sim, patient());
    let outcome = printer.print(&job(&receipt("S07-R2-000124", "Milk"), Drawer::Leave)).await;
    assert_eq!(outcome, JobOutcome::Confirmed);
    let texts: Vec<String> = sim.sheets().iter().map(|sheet| sheet.text()).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("000123") && !texts[0].contains("000124"));
    assert!(texts[1].contains("000124"));
}

#[tokio::test]
async fn a_silent_printer_is_not_answering_and_gets_no_byte_of_the_job() {
    let sim = sim().await;
    sim.set(|knobs| knobs.never_read = true);
    let printer = client(&sim, impatient());
    let outcome = printer.print(&job(&receipt("1", "Tea"), Drawer::Open)).await;
    assert_eq!(outcome, JobOutcome::NotSent(Reason::NotAnswering));
    assert_eq!(printer.status().await, Err(Reason::NotAnswering));
    assert_eq!(*printer.watch().borrow(), PrinterState::NotAnswering);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    // A port that was just free and is not listened on any more.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let address = free.to_string().parse().unwrap();
    let printer = Printer::new(address, DrawerProfile::default(), impatient());
    let outcome = printer.print(&job(&receipt("1", "Tea"), Drawer::Leave)).await;
    assert_eq!(outcome, JobOutcome::NotSent(Reason::Unreachable));
    assert_eq!(printer.state(), PrinterState::Unreachable);
}

#[tokio::test]
async fn hostile_titles_print_as_text_and_do_nothing() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    let titles = [
        ("Mug\u{1b}p\u{0}\u{19}\u{fa}", "Mugp\u{fa}"),
        ("Mug\u{1d}V\u{42}\u{0}!", "MugVB!"),
        ("Mug\u{10}\u{4}\u{1}!", "Mug!"),
        ("Mug\u{10}\u{14}\u{1}\u{0}\u{2}!", "Mug!"),
        ("\u{202e}guM\u{2066}!\u{200f}", "guM!"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=1+1", "=1+1"),
    ];
    for (title, _) in titles {
        let mut receipt = receipt(title, title);
        receipt.header = vec![title.to_owned()];
        receipt.footer = vec![title.to_owned()];
        receipt.qr = Some(title.to_owned());
        let outcome = printer.print(&job(&receipt, Drawer::Leave)).await;
        assert_eq!(outcome, JobOutcome::Confirmed, "{title:?}");
    }
    let sheets = sim.sheets();
    assert_eq!(sheets.len(), titles.len(), "one cut per receipt");
    assert!(sim.pulses().is_empty());
    for ((title, printed), sheet) in titles.iter().zip(&sheets) {
        assert!(sheet.text().contains(&format!("1 x {printed}")), "{title:?}: {}", sheet.text());
        assert!(!sheet.svg().contains("<script"));
    }
}

#[tokio::test]
async fn names_of_many_scripts_come_out_as_they_were_written() {
    let sim = sim().await;
    let printer = client(&sim, patient());
    let title = "Café 5 € Łódź Жук Ωμέγα";
    printer.print(&job(&receipt("1", title), Drawer::Leave)).await;
    assert!(sim.sheets()[0].text().contains(title), "{}", sim.sheets()[0].text());
}

/// Each page alone, so that no other can print its letters: what the encoder sends, the simulator
/// reads back. (That their tables are those of printers is for a program of others to say: leg
/// peers.)
#[test]
fn every_letter_of_every_page_of_every_profile_comes_back() {
    for name in Profile::NAMES {
        let profile = Profile::named(name).unwrap();
        for entry in &profile.pages {
            let alone = Profile { pages: vec![*entry], ..profile.clone() };
            let letters: Vec<char> = (0x20..=0xff)
                .filter_map(|byte| entry.page.decode(byte))
                .filter(|letter| letter.is_alphanumeric() || letter.is_ascii_graphic())
                .collect();
            assert!(letters.len() > 120, "{name} {:?}", entry.page);
            let mut printed = receipt("1", "");
            let words = letters.chunks(16).map(|word| word.iter().collect::<String>());
            printed.footer = words.collect();
            let bytes = receipt_job("job_1", &printed, &alone, Drawer::Leave).unwrap().bytes;
            let text = sheets(&bytes, &alone).remove(0).text();
            for word in &printed.footer {
                assert!(text.contains(word.as_str()), "{name} {:?}: {word} in {text}", entry.page);
            }
        }
    }
    let title = "5 € Łódź Żyła Ωμέγα Άλφα Жук Щука";
    for name in Profile::NAMES {
        let profile = Profile::named(name).unwrap();
        let mut printed = receipt("1", "");
        printed.footer = title.split(' ').map(str::to_owned).collect();
        let bytes = receipt_job("job_1", &printed, &profile, Drawer::Leave).unwrap().bytes;
        let text = sheets(&bytes, &profile).remove(0).text();
        assert!(printed.footer.iter().all(|word| text.contains(word.as_str())), "{name}: {text}");
    }
}
