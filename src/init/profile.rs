//! The first operator: its grant, and the profile that its `repoctl` reads.

use super::InitOptions;
use crate::domain::{Grant, Role, SuiteScope};

pub(super) fn first_grant(options: &InitOptions) -> Grant {
    Grant::whole(options.operator.clone(), Role::Admin, SuiteScope::All)
}

pub(super) fn profile_text(url: &str) -> String {
    format!(
        "# Profile of repoctl. Copy this directory to ~/.config/repoctl to use it without --config.\n\
         server = \"{url}\"\ncertificate = \"client.crt\"\nkey = \"client.key\"\nca = \"ca.crt\"\n"
    )
}
