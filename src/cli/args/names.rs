//! Names on the command line: of hosts and people, and of roles.

use crate::api::Role;
use crate::nearest::nearest;

/// A name that is safe as a directory and in a path. The server checks the rest.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |l: &str| !l.is_empty() && l.bytes().all(inner) && !l.starts_with('-');
    if text.len() <= 253 && text.split('.').all(label) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is not a host name: lower-case letters, digits, '-' and '.'"))
}

pub(super) fn parse_role(text: &str) -> Result<Role, String> {
    let words = Role::ALL.map(Role::as_str);
    Role::parse(text).ok_or_else(|| match nearest(text, words.into_iter()) {
        Some(near) => format!("did you mean {near}? The roles are {}", words.join(", ")),
        None => format!("the roles are {}", words.join(", ")),
    })
}
