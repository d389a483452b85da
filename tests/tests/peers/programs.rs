//! Finds the peers' programs and runs them.
//!
//! Owns where they lie and how long they may take. Must not know what they do. Invariant: a program
//! that outlives its time is killed and fails the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use oneshelf_hardware::sim::PrinterSim;
use oneshelf_hardware::sim::device::Device;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than any peer takes on a busy machine, shorter than a test may.
const LIMIT: Duration = Duration::from_secs(15);
/// The one port that receiptio knows.
const PORT: u16 = 9100;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

/// Runs receiptio's command line on a receipt in its markup.
pub(crate) async fn receiptio(arguments: &[&str], markup: &str) -> Ended {
    let program = folder("ONESHELF_TEST_TOOLS").join(".bin/receiptio");
    run(program, arguments, markup.as_bytes()).await
}

/// Draws a code with zint: the bytes of a PNG file.
pub(crate) async fn zint(kind: &[&str], content: &str) -> Vec<u8> {
    let to_output = ["--direct", "--filetype=PNG", "--scale=2", "--whitesp=10", "--vwhitesp=10"];
    let arguments = [kind, &to_output, &["-d", content]].concat();
    let ended = run(PathBuf::from("zint"), &arguments, b"").await;
    assert_eq!(ended.code, Some(0), "zint {kind:?} {content}: {}", ended.err);
    ended.out
}

/// Runs a script of `tests/peers` with node, on JSON; its packages are the npm test tools.
pub(crate) async fn node_json(script: &str, input: &Value) -> Value {
    let script = format!("{}/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let tools = folder("ONESHELF_TEST_TOOLS").display().to_string();
    let arguments = [script.as_str(), tools.as_str()];
    let ended = run(PathBuf::from("node"), &arguments, input.to_string().as_bytes()).await;
    assert_eq!(ended.code, Some(0), "{script} failed: {}", ended.err);
    serde_json::from_slice(&ended.out).unwrap()
}

/// Runs a script of `tests/peers`, which must end well.
pub(crate) async fn python(script: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let script = format!("{}/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let arguments = [&["-B", script.as_str()], arguments].concat();
    let ended = run(folder("ONESHELF_PEERS").join("python"), &arguments, input).await;
    assert_eq!(ended.code, Some(0), "{script} failed: {}", ended.err);
    ended.out
}

/// Like `python`, for scripts that take and give JSON.
pub(crate) async fn python_json(script: &str, arguments: &[&str], input: &Value) -> Value {
    let out = python(script, arguments, input.to_string().as_bytes()).await;
    serde_json::from_slice(&out).unwrap()
}

fn folder(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test --only peers`, or see docs/testing.md")
    });
    assert!(folder.is_dir(), "{variable} names no folder: {}", folder.display());
    folder
}

async fn run(program: PathBuf, arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = Command::new(&program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
    let mut stdin = child.stdin.take().unwrap();
    let feed = async move {
        // A program that wants no input has closed it, which is no failure.
        let _ = stdin.write_all(input).await;
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    let Ok(output) = timeout(LIMIT, both).await else {
        panic!("{} {arguments:?} did not end within {LIMIT:?}", program.display());
    };
    let output = output.unwrap();
    Ended {
        code: output.status.code(),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    }
}

/// A printer on an address of this machine where port 9100 is free.
pub(crate) async fn printer_on_9100() -> PrinterSim {
    let mut refusal = None;
    for host in 1..=250u8 {
        match PrinterSim::bind(&format!("127.91.0.{host}:{PORT}")).await {
            Ok(printer) => return printer,
            Err(error) => refusal = Some(error),
        }
    }
    panic!("port {PORT} is free on no loopback address: {refusal:?}");
}

/// An address without a printer: nothing listens on its port 9100.
pub(crate) fn nowhere() -> String {
    let free = (1..=250u8)
        .map(|host| format!("127.92.0.{host}"))
        .find(|host| TcpListener::bind((host.as_str(), PORT)).is_ok());
    free.expect("port 9100 is free on no loopback address")
}

/// Waits until the printer is as described.
pub(crate) async fn wait_until(printer: &PrinterSim, is_so: impl FnMut(&Device) -> bool) {
    if timeout(LIMIT, printer.wait_until(is_so)).await.is_err() {
        panic!("what was waited for did not happen; the printer has {:?}", printer.knobs());
    }
}
