//! The program `pos-agent`: arguments, the log, exit code. Knows nothing else.

use std::process::ExitCode;

use clap::Parser;
use oneshelf_pos_agent::cli::{Cli, run};
use oneshelf_pos_agent::log;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = log::begin(cli.log_format, &cli.log) {
        // Without a log there is only this.
        eprintln!("error: {error:#}");
        return ExitCode::from(2);
    }
    match run(cli).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
