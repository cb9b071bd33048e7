//! Network: whom an address counts for. Who has one address of an IPv6 network has all of them, and
//! many have networks of networks.

use std::net::{IpAddr, Ipv6Addr};

/// How many bits of an IPv6 address a provider gives to one customer at most. Source: RFC 6177.
pub const WIDE_BITS: u32 = 48;

/// An IPv4 address, or the first 64 bits of an IPv6 address.
pub fn network_of(address: IpAddr) -> IpAddr {
    prefix_of(address, 64)
}

/// An IPv4 address, or the first `bits` of an IPv6 address.
pub fn prefix_of(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !rest))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_one_network() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (address, bits, network) in [
            ("2001:db8:1:234:5::6", 64, "2001:db8:1:234::"),
            ("2001:db8:1:234:5::6", 56, "2001:db8:1:200::"),
            ("2001:db8:1:234:5::6", 48, "2001:db8:1::"),
            ("2001:db8:1:234:5::6", 128, "2001:db8:1:234:5::6"),
            ("192.0.2.9", 48, "192.0.2.9"),
            ("::ffff:192.0.2.9", 64, "192.0.2.9"),
        ] {
            assert_eq!(prefix_of(ip(address), bits), ip(network), "{address}/{bits}");
        }
    }
}
