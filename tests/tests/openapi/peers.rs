//! The peers' runs: what each is asked, and how its word is read.

use std::path::PathBuf;
use std::time::Duration;

use oneshelf_hub::auth::rates::{Rate, Rates};
use serde_json::json;
use tokio::process::Command;

use crate::support::Hub;

/// Cases of a bar; both runs together make more.
const CASES_MIN: u64 = 1_500;
const SEED: &str = "20261125";
/// All but those that ask whether whatever fits the schema is accepted: a PIN that fits its
/// pattern may still have too few digits for a manager.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,ignored_auth";
/// Longer than any peer takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

fn tool(variable: &str, name: &str) -> PathBuf {
    let folder = std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, or see docs/testing.md")
    });
    folder.join(name)
}

async fn run(mut command: Command) -> (bool, String) {
    let output = tokio::time::timeout(LIMIT, command.kill_on_drop(true).output());
    let output = output.await.expect("the peer ends").expect("the peer starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The number before ` generated` in schemathesis' last lines.
fn cases(report: &str) -> u64 {
    let words: Vec<&str> = report.split_whitespace().collect();
    let at = words.iter().position(|w| *w == "generated,");
    at.and_then(|at| words[at - 1].parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_fault_and_no_break_of_the_document() {
    let fast = Rate { burst: 1_000_000, every: Duration::from_micros(1) };
    let rates = Rates { caller: fast, address: fast, holds: fast, door: fast };
    let hub = Hub::open_with(rates).await;
    hub.receive("S07", 100_000).await;
    let key = hub.get("/v1/public/config").await.ok(200)["key"].as_str().unwrap().to_owned();
    let mut count = 0;
    for (config, examples) in [(None, "12"), (Some("peers/openapi.toml"), "18")] {
        let mut command = Command::new(tool("ONESHELF_PEERS", "schemathesis"));
        if let Some(config) = config {
            let path = format!("{}/{config}", env!("CARGO_MANIFEST_DIR"));
            command.args(["--config-file", &path]);
        }
        command
            .arg("run")
            .arg(format!("{}/openapi.json", hub.base))
            .args(["--header", &format!("Authorization: Bearer {}", hub.admin)])
            .args(["--header", &format!("X-Oneshelf-Key: {key}")])
            .args(["--checks", CHECKS, "--seed", SEED, "--max-examples", examples])
            .args(["--workers", "1", "--continue-on-failure", "--no-shrink"])
            // It would end the key that it works with.
            .args(["--exclude-operation-id", "end_key"])
            // It speaks no WebSocket.
            .args(["--exclude-operation-id", "open_live"])
            // It waits for the end of an answer.
            .args(["--exclude-operation-id", "open_live_events"])
            .args(["--exclude-operation-id", "open_agent_link"])
            .current_dir(std::env::temp_dir());
        let (well, report) = run(command).await;
        assert!(well, "{report}");
        count += cases(&report);
    }
    assert!(count >= CASES_MIN, "only {count} cases");
    let report = oneshelf_hub::audit::audit(&hub.app().store).await.unwrap();
    assert_eq!(report.broken, []);
    hub.close().await;
}

#[tokio::test]
async fn ending_keys_at_random_is_no_fault_either() {
    let hub = Hub::open().await;
    for _ in 0..3 {
        hub.make_key(json!({"name": "K", "kind": "secret", "scopes": ["live"]})).await;
    }
    for id in ["key_", "key_zz", "..", "%00", "key_00000000000000000000000000000007"] {
        hub.delete(&format!("/v1/keys/{id}")).await;
    }
    let keys = hub.get("/v1/keys").await.ok(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 5);
    hub.close().await;
}

#[tokio::test]
async fn openapi_typescript_makes_types_that_compile() {
    let folder = std::env::temp_dir().join(format!("oneshelf-openapi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let document = oneshelf_hub::http::document().to_pretty_json().unwrap();
    std::fs::write(folder.join("openapi.json"), document).unwrap();
    let mut generate = Command::new(tool("ONESHELF_TEST_TOOLS", ".bin/openapi-typescript"));
    generate.current_dir(&folder).args(["openapi.json", "--output", "hub.ts"]);
    let (well, said) = run(generate).await;
    assert!(well, "{said}");
    let usage = "import type { components, paths } from './hub';\n\
        type Item = components['schemas']['Item'];\n\
        type Holds = paths['/v1/public/holds']['post']['responses'][201];\n\
        export const price = (item: Item): number | undefined => item.price?.minor;\n\
        export const id = (hold: Holds): string => hold.content['application/json'].id;\n";
    std::fs::write(folder.join("usage.ts"), usage).unwrap();
    let mut compile = Command::new(tool("ONESHELF_TEST_TOOLS", ".bin/tsc"));
    compile.current_dir(&folder).args(["--strict", "--noEmit", "usage.ts"]);
    let (well, said) = run(compile).await;
    assert!(well, "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
