//! `repoctl crl …`.

use std::path::Path;

use super::Session;
use crate::cli::args::CrlCommand;
use crate::cli::failure::{Failure, unreadable};
use crate::cli::render;

/// The most that is read of a file: the limit of the server. Unit: bytes.
const MOST_BYTES: u64 = 32 << 20;

/// Delivers and shows revocation lists.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk.
pub async fn crl(session: &mut Session<'_>, command: &CrlCommand) -> Result<(), Failure> {
    let issuers = match command {
        CrlCommand::Show => session.client.list_crls().await?,
        CrlCommand::Put(args) => {
            let mut issuers = Vec::new();
            for file in &args.files {
                issuers = session.client.put_crl(read(file)?).await?;
            }
            issuers
        }
    };
    session.show(&issuers, |sheet| render::crl::issuers(&issuers, sheet));
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |why: String| Failure::refused(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MOST_BYTES {
        return Err(refused(format!("is larger than {MOST_BYTES} bytes, the most of a list")));
    }
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}
