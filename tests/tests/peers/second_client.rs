//! python-escpos as another client of our simulator: it reads the states, prints, opens the drawer.

use std::time::Duration;

use oneshelf_hardware::sim::page::Cut;
use oneshelf_hardware::sim::{Knobs, PaperLevel, PrinterSim};
use serde_json::{Value, json};

use crate::codes::read;
use crate::programs::{python, python_json, wait_until};
use crate::second_encoder::epson;

async fn status(printer: &PrinterSim) -> Value {
    let address = printer.address();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    python_json("second_client.py", &[&host, &port, "status"], &Value::Null).await
}

#[tokio::test]
async fn it_sees_paper_and_whether_the_printer_is_online() {
    let printer = PrinterSim::bind("127.0.0.1:0").await.unwrap();
    type Turn = fn(&mut Knobs);
    let states: [(&str, Turn, bool, &str); 5] = [
        ("fresh", |_| {}, true, "ok"),
        ("paper low", |knobs| knobs.paper = PaperLevel::Low, true, "low"),
        ("paper out", |knobs| knobs.paper = PaperLevel::Out, false, "out"),
        ("cover open", |knobs| knobs.cover_open = true, false, "ok"),
        ("offline", |knobs| knobs.offline = true, false, "ok"),
    ];
    for (state, turn, online, paper) in states {
        printer.reset();
        printer.set(turn);
        assert_eq!(status(&printer).await, json!({"online": online, "paper": paper}), "{state}");
    }
}

#[tokio::test]
async fn its_receipt_comes_out_with_codes_pulse_and_cut() {
    // The client picks among all pages of the model that it thinks it speaks to.
    let printer = PrinterSim::bind_with("127.0.0.1:0", epson()).await.unwrap();
    let address = printer.address();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let text = "Café crème 4.50\nŁódź, Žižkov, Жук, Ω, 5 €\n";
    python("second_client.py", &[&host, &port, "receipt"], text.as_bytes()).await;
    wait_until(&printer, |device| device.printed().sheets_total == 1).await;
    let sheet = printer.sheets().remove(0);
    let expected =
        format!("{text}5.00\n[bars S07-R2-000124]\n[qr https://shop.example/r/2]\n\n\n\n\n\n\n");
    assert_eq!(sheet.text(), expected);
    assert_eq!(sheet.cut, Some(Cut::Partial));
    let pulses: Vec<(u8, Duration)> = printer.pulses().iter().map(|p| (p.pin, p.on)).collect();
    assert_eq!(pulses, [(2, Duration::from_millis(100))]);
    let codes = read(&[sheet]).await.remove(0);
    assert_eq!(codes, [("]C0", "S07-R2-000124"), ("]Q1", "https://shop.example/r/2")]);
}
