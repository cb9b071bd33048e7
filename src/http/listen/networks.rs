//! Networks: the addresses from which proxies connect.

use std::net::IpAddr;

/// A set of networks, each an address and how many of its first bits count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// The networks that begin with these bits.
    pub fn new(networks: impl IntoIterator<Item = (IpAddr, u8)>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether `address` lies in one of them.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let rest = 32_u32.saturating_sub((*bits).into());
                (network.to_bits() ^ address.to_bits()).checked_shr(rest).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let rest = 128_u32.saturating_sub((*bits).into());
                (network.to_bits() ^ address.to_bits()).checked_shr(rest).unwrap_or(0) == 0
            }
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_bits_count() {
        let networks = [("192.0.2.0", 24), ("10.1.2.3", 32), ("2001:db8::", 32), ("::1", 128)];
        let networks = networks.map(|(address, bits)| (address.parse().unwrap(), bits));
        let networks = Networks::new(networks);
        for inside in
            ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9", "10.1.2.3", "2001:db8:1::", "::1"]
        {
            assert!(networks.holds(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["192.0.3.0", "192.0.1.255", "10.1.2.2", "2001:db9::", "::2", "::", "0.0.0.1"]
        {
            assert!(!networks.holds(outside.parse().unwrap()), "{outside}");
        }
        assert!(!Networks::default().holds("127.0.0.1".parse().unwrap()));
    }
}
