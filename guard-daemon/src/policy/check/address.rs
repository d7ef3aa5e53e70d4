//! Address rules: `10.0.0.0/8`, `10.0.0.5:5432/tcp`, `[2001:db8::/32]:443`, `*:8000-8010`. Resolves no names:
//! the kernel judges addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::policy::document::{Report, Text};

/// Ports in one range: each is a row of its own in the kernel.
const PORT_RANGE_MAX: u32 = 1024;

/// Protocols that a rule may name.
const PROTOCOLS: &[(&str, u8)] = &[("tcp", 6), ("udp", 17), ("sctp", 132)];

/// An address rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRule {
    /// The network; `None` is every address of either family.
    pub network: Option<IpNet>,
    /// First and last port; `None` is any.
    pub ports: Option<(u16, u16)>,
    /// `IPPROTO_*`, 0 for any.
    pub protocol: u8,
}

impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = match self.network {
            None => "*".to_owned(),
            Some(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
            Some(net) => net.to_string(),
        };
        match (self.network, self.ports) {
            (Some(IpNet::V6(_)), Some(_)) => write!(f, "[{network}]")?,
            (Some(IpNet::V4(_) | IpNet::V6(_)) | None, _) => write!(f, "{network}")?,
        }
        match self.ports {
            Some((first, last)) if first == last => write!(f, ":{first}")?,
            Some((first, last)) => write!(f, ":{first}-{last}")?,
            None => {}
        }
        match PROTOCOLS.iter().find(|(_, number)| *number == self.protocol) {
            Some((name, _)) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl AddressRule {
    /// Prefixes of the mapped address space that the network covers. An IPv6 network never takes in the mapped
    /// IPv4 addresses that its prefix would span: who writes `::/0` speaks of IPv6.
    pub(in crate::policy) fn prefixes(&self) -> Vec<(Ipv6Addr, u8)> {
        /// Bits before the IPv4 address in `::ffff:a.b.c.d`.
        const MAPPED_BITS: u8 = 96;
        match self.network {
            None => vec![(Ipv6Addr::UNSPECIFIED, 0)],
            Some(IpNet::V4(net)) => vec![(net.network().to_ipv6_mapped(), net.prefix_len() + MAPPED_BITS)],
            Some(IpNet::V6(net)) => {
                let mapped = u128::from(std::net::Ipv4Addr::UNSPECIFIED.to_ipv6_mapped());
                if net.prefix_len() >= MAPPED_BITS || !net.contains(&Ipv6Addr::from(mapped)) {
                    return vec![(net.network(), net.prefix_len())];
                }
                // The siblings of the path from the network down to ::ffff:0:0/96.
                (net.prefix_len()..MAPPED_BITS)
                    .map(|bit| {
                        let turned = mapped ^ (1 << (127 - bit));
                        let mask = u128::MAX << (127 - bit);
                        (Ipv6Addr::from(turned & mask), bit + 1)
                    })
                    .collect()
            }
        }
    }
}

pub(super) fn parse(text: &Text, report: &mut Report) -> Option<AddressRule> {
    match rule(text.text.trim()) {
        Ok(rule) => Some(rule),
        Err((reason, hint)) => {
            let shown: String = text.text.chars().take(80).collect();
            report.refuse(text.spot, format!("address `{}` {reason}", shown.escape_debug()), hint);
            None
        }
    }
}

type Refused = (String, String);

fn refuse<T>(reason: impl Into<String>, hint: impl Into<String>) -> Result<T, Refused> {
    Err((reason.into(), hint.into()))
}

fn rule(written: &str) -> Result<AddressRule, Refused> {
    let (rest, protocol) = protocol(written)?;
    let (network, ports) = if let Some(inner) = rest.strip_prefix('[') {
        let Some((network, ports)) = inner.split_once(']') else {
            return refuse("opens `[` and does not close it", "[2001:db8::/32]:443");
        };
        (network, ports.strip_prefix(':').map_or((!ports.is_empty()).then_some(ports), Some))
    } else {
        match rest.split_once(':') {
            // More than one colon: IPv6 without brackets, and so without a port.
            Some((_, tail)) if tail.contains(':') => (rest, None),
            Some((network, ports)) => (network, Some(ports)),
            None => (rest, None),
        }
    };
    Ok(AddressRule { network: self::network(network)?, ports: ports.map(self::ports).transpose()?, protocol })
}

/// Splits `/tcp` off; a number after the last slash is a prefix length.
fn protocol(written: &str) -> Result<(&str, u8), Refused> {
    let Some((rest, word)) = written.rsplit_once('/') else { return Ok((written, 0)) };
    if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok((written, 0));
    }
    match PROTOCOLS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        Some((_, number)) => Ok((rest, *number)),
        None => refuse(
            format!("names the protocol `{word}`"),
            super::proposal(word, PROTOCOLS.iter().map(|(name, _)| *name), ""),
        ),
    }
}

fn network(text: &str) -> Result<Option<IpNet>, Refused> {
    if text == "*" {
        return Ok(None);
    }
    let net = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(net), _) => net,
        (_, Ok(address)) => IpNet::from(address),
        (Err(_), Err(_)) => return refuse_network(text),
    };
    if net.addr() != net.network() {
        return refuse(
            "has bits of a host in it",
            format!("did you mean the network `{}`, or the host `{}`?", net.trunc(), net.addr()),
        );
    }
    Ok(Some(unmapped(net)))
}

/// IPv4 written in its mapped form means IPv4.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(bits)) => ipnet::Ipv4Net::new(v4, bits).map_or(net, IpNet::V4),
        _ => net,
    }
}

fn refuse_network<T>(text: &str) -> Result<T, Refused> {
    if text.is_empty() || text.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return refuse("has no address", "for a port of every address write `*:443`");
    }
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    if let Ok(address) = address.parse::<IpAddr>() {
        let most = if address.is_ipv4() { 32 } else { 128 };
        return refuse(format!("has the prefix length `{prefix}`"), format!("0 to {most}"));
    }
    if text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':') {
        return refuse(
            "is a name, and the kernel judges addresses",
            "write the addresses that it stands for",
        );
    }
    refuse("is no address", "write 10.0.0.0/8, 10.0.0.5:5432/tcp, [2001:db8::/32]:443 or *:443")
}

fn ports(text: &str) -> Result<(u16, u16), Refused> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        // `parse` takes a sign; a port has none.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    let (Some(first), Some(last)) = (port(first), port(last)) else {
        return refuse(format!("has the port `{text}`"), "a port is 1 to 65535, a range is 8000-8010");
    };
    let count = u32::from(last).saturating_sub(u32::from(first)) + 1;
    if last < first {
        return refuse(format!("has the ports `{text}`"), format!("did you mean `{last}-{first}`?"));
    }
    if count > PORT_RANGE_MAX {
        let hint = format!("{PORT_RANGE_MAX} at most in one rule; without ports it means every port");
        return refuse(format!("names {count} ports"), hint);
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        rule(text).map_or_else(|(reason, hint)| format!("{reason}; {hint}"), |rule| rule.to_string())
    }

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        for text in [
            "10.0.0.0/8",
            "10.0.0.5",
            "10.0.0.5:5432/tcp",
            "10.0.0.0/8:443",
            "::1",
            "2001:db8::/32",
            "[2001:db8::/32]:443",
            "[::1]:8000-8010/udp",
            "*",
            "*:443",
            "*:53/udp",
            "10.0.0.5/tcp",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(shown("[10.0.0.1]:80"), "10.0.0.1:80");
    }

    #[test]
    fn host_bits_are_refused_with_the_network_and_the_host() {
        assert!(
            shown("10.1.2.3/8").contains("`10.0.0.0/8`, or the host `10.1.2.3`"),
            "{}",
            shown("10.1.2.3/8")
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_to_write() {
        for (text, part) in [
            ("", "no address"),
            ("443", "`*:443`"),
            ("8000-8010", "`*:443`"),
            ("10.0.0.0/33", "0 to 32"),
            ("::/129", "0 to 128"),
            ("db.example.org:5432", "is a name"),
            ("10.0.0.5:0", "1 to 65535"),
            ("10.0.0.5:70000", "1 to 65535"),
            ("10.0.0.5:+80", "1 to 65535"),
            ("*:9-8", "`8-9`"),
            ("*:1-65535", "every port"),
            ("10.0.0.5/tpc", "`tcp`"),
            ("[::1", "does not close"),
            ("[::1]80x", "1 to 65535"),
            ("10.0.0", "is no address"),
        ] {
            assert!(shown(text).contains(part), "{text}: {}", shown(text));
        }
    }

    #[test]
    fn an_ipv6_network_never_takes_in_ipv4() {
        let covers = |text: &str, address: Ipv6Addr| {
            let prefixes = rule(text).unwrap().prefixes();
            let inside =
                |(net, bits): &(Ipv6Addr, u8)| ipnet::Ipv6Net::new(*net, *bits).unwrap().contains(&address);
            prefixes.iter().filter(|prefix| inside(prefix)).count()
        };
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        for net in ["::/0", "::/64", "::/80", "::/95"] {
            assert_eq!(covers(net, mapped), 0, "{net}");
            assert_eq!(covers(net, Ipv6Addr::LOCALHOST), 1, "{net}");
        }
        assert_eq!(covers("::/0", "2001:db8::1".parse().unwrap()), 1);
        assert_eq!(covers("*", mapped), 1);
        assert_eq!(covers("0.0.0.0/0", mapped), 1);
        assert_eq!(covers("0.0.0.0/0", Ipv6Addr::LOCALHOST), 0);
    }
}
