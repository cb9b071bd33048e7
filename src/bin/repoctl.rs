//! `repoctl`: everything but the server itself, over HTTPS with a client certificate.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::process::ExitCode;

fn main() -> ExitCode {
    if repod::cli::answer_shell(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => ExitCode::from(runtime.block_on(repod::cli::run(std::env::args_os()))),
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            ExitCode::from(4)
        }
    }
}
