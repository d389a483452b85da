//! The printer simulator as a program, so that clients written by others can be held against it.
//!
//! `printer_sim --listen 127.0.0.9:9100` prints `listening on ADDRESS`. Lines on standard input
//! turn knobs (`paper ok|low|out`, `cover open|closed`, `drawer open|closed`, `offline yes|no`,
//! `cutter bad|ok`, `reset`), print what came out (`text`, `pulses`) or save the codes of the last
//! sheet (`png FILE`, `svg FILE`). Each is answered by `ok`. It ends with its input.

use std::error::Error;
use std::io::{BufRead, Write};

use oneshelf_hardware::sim::{PaperLevel, PrinterSim};
use tokio::runtime::Builder;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match &arguments[..] {
        [] => "127.0.0.1:0",
        [flag, address] if flag == "--listen" => address,
        _ => return Err("usage: printer_sim [--listen ADDRESS:PORT]".into()),
    };
    // The printer works on the runtime's thread while this one waits for lines.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let printer = runtime.block_on(PrinterSim::bind(address))?;
    say(&format!("listening on {}", printer.address()))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match command(&printer, line.trim()) {
            Ok(text) => say(&format!("{text}ok"))?,
            Err(error) => say(&format!("error {error}"))?,
        }
    }
    Ok(())
}

fn say(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

fn command(printer: &PrinterSim, line: &str) -> Outcome<String> {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("paper", "ok") => printer.set_paper(PaperLevel::Ok),
        ("paper", "low") => printer.set_paper(PaperLevel::Low),
        ("paper", "out") => printer.set_paper(PaperLevel::Out),
        ("cover", word) => printer.set_cover_open(word == "open"),
        ("drawer", word) => printer.set_drawer_open(word == "open"),
        ("offline", word) => printer.set(|knobs| knobs.offline = word != "no"),
        ("cutter", word) => printer.set(|knobs| knobs.cutter_error = word != "ok"),
        ("reset", _) => printer.reset(),
        ("text", _) => {
            return Ok(printer.sheets().iter().map(|sheet| sheet.text() + "----\n").collect());
        }
        ("pulses", _) => {
            let line = |pulse: &oneshelf_hardware::sim::Pulse| {
                format!("pin {} on {:?} off {:?}\n", pulse.pin, pulse.on, pulse.off)
            };
            return Ok(printer.pulses().iter().map(line).collect());
        }
        ("png", file) => {
            let sheet = printer.sheets().pop().ok_or("nothing was printed yet")?;
            std::fs::write(file, sheet.png()?)?;
        }
        ("svg", file) => {
            let sheet = printer.sheets().pop().ok_or("nothing was printed yet")?;
            std::fs::write(file, sheet.svg())?;
        }
        _ => return Err(format!("unknown command: {line}").into()),
    }
    Ok(String::new())
}
