//! `repoctl`: everything but the server itself, over HTTPS with a client certificate.
//!
//! May name: cli, debian, demo, domain, init, server, signing, time

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(repod::cli::run(std::env::args_os()).await)
}
