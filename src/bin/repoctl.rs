//! `repoctl`: everything but the server itself, over HTTPS with a client certificate.
//!
//! May name: cli

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(repod::cli::run(std::env::args_os()).await)
}
