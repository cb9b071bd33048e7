//! `repod.toml` of a new data directory.

use std::net::SocketAddr;

use super::{InitError, InitOptions};
use crate::config::{self, Config};
use crate::domain::Identity;

/// An option of `repod.toml`: its section, its name, its value.
pub(super) type Setting = (&'static str, &'static str, toml::Value);

pub(super) fn configuration(
    options: &InitOptions,
    url: &str,
    settings: &[Setting],
) -> Result<String, String> {
    let template = config::template(url, &listen(options), &options.local);
    let text = settings.iter().fold(template, |text, (section, key, value)| {
        config::with_option(&text, section, key, value)
    });
    Config::parse(&text).map(|_| text).map_err(|problem| problem.to_string())
}

pub(super) fn public_url(name: &str, port: u16) -> Result<String, InitError> {
    let address = name.parse::<std::net::IpAddr>().is_ok();
    if !address && let Err(error) = Identity::parse(name) {
        return Err(InitError::Name(error.to_string()));
    }
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_string() };
    Ok(if port == 443 { format!("https://{host}/") } else { format!("https://{host}:{port}/") })
}

fn listen(options: &InitOptions) -> Vec<SocketAddr> {
    if !options.listen.is_empty() {
        return options.listen.clone();
    }
    vec![SocketAddr::from(([0u8; 4], options.port)), SocketAddr::from(([0u16; 8], options.port))]
}
