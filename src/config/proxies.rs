//! The addresses from which proxies connect.

use std::net::IpAddr;

use serde::Deserialize;

/// An address, or a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    /// Its first address.
    pub address: IpAddr,
    /// The length of its prefix, in bits.
    pub bits: u8,
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').unzip();
        let address = address.unwrap_or(&text).parse::<IpAddr>().ok();
        let most = match address {
            Some(IpAddr::V6(_)) => 128,
            _ => 32,
        };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok());
        match (address, bits) {
            // A prefix of 0 bits would make everybody a proxy.
            (Some(address), Some(bits)) if (1..=most).contains(&bits) => Ok(Self { address, bits }),
            _ => Err(format!(
                "listen.proxies has {text:?}; name addresses or networks, such as \"192.0.2.7\" or \
                 \"192.0.2.0/24\""
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_nothing_else() {
        let read = |text: &str| Network::try_from(text.to_owned()).map(|one| one.bits).ok();
        for (text, bits) in
            [("192.0.2.7", 32), ("192.0.2.0/24", 24), ("2001:db8::/32", 32), ("::1", 128)]
        {
            assert_eq!(read(text), Some(bits), "{text}");
        }
        for text in ["", "proxy", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
