//! Functions over IP networks in CIDR notation, with OpenTofu's rules.

use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::Computed;
use super::arguments::Args;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "cidrhost" => host(args),
        "cidrnetmask" => netmask(args),
        "cidrsubnet" => subnet(args),
        "cidrsubnets" => subnets(args),
        "cidrcontains" => contains(args),
        _ => return None,
    })
}

/// A network: the bits of its first address, how many an address has, and how many are the prefix.
#[derive(Clone, Copy)]
struct Network {
    bits: u128,
    width: u32,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self, Why> {
        let bad = || invalid(format!("{text} is no CIDR prefix"));
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let (bits, width) = bits(address.parse().map_err(|_| bad())?);
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix
            .parse()
            .ok()
            .filter(|prefix| plain && *prefix <= width)
            .ok_or_else(bad)?;
        let network = Self {
            bits,
            width,
            prefix,
        };
        Ok(Self {
            bits: bits & !network.host_mask(),
            ..network
        })
    }

    /// The bits of an address that are not the prefix.
    fn host_mask(self) -> u128 {
        match self.width - self.prefix {
            0 => 0,
            128 => u128::MAX,
            free => (1 << free) - 1,
        }
    }

    fn address(self, bits: u128) -> String {
        match self.width {
            32 => Ipv4Addr::from(bits as u32).to_string(),
            _ => Ipv6Addr::from(bits).to_string(),
        }
    }

    fn text(self) -> String {
        format!("{}/{}", self.address(self.bits), self.prefix)
    }

    fn holds(self, bits: u128) -> bool {
        bits & !self.host_mask() == self.bits
    }

    /// Returns the subnet of that number with so many more bits of prefix.
    fn part(self, more: u32, number: u128) -> Result<Self, Why> {
        let prefix = self.prefix + more;
        if prefix > self.width {
            return Err(invalid("a subnet with more bits than an address has"));
        }
        if more < 128 && number >= 1_u128 << more {
            return Err(invalid("a subnet number that is too large"));
        }
        let shift = self.width - prefix;
        let offset = if shift >= 128 { 0 } else { number << shift };
        Ok(Self {
            bits: self.bits | offset,
            prefix,
            ..self
        })
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// Counts from the end where the number is negative.
fn host(args: Args) -> Computed {
    let network = Network::parse(&args.count(2, 2)?.string(0)?)?;
    let (number, mask) = (args.int(1)?, network.host_mask());
    let distance = number.unsigned_abs();
    let too_far = || invalid("a host number that is too large for its prefix");
    let offset = if number < 0 {
        mask.checked_sub(distance - 1).ok_or_else(too_far)?
    } else {
        Some(distance)
            .filter(|host| *host <= mask)
            .ok_or_else(too_far)?
    };
    Ok(Value::text(network.address(network.bits | offset)))
}

fn netmask(args: Args) -> Computed {
    let network = Network::parse(&args.count(1, 1)?.string(0)?)?;
    if network.width != 32 {
        return Err(invalid("a netmask of an IPv6 network"));
    }
    let mask = !network.host_mask() & u128::from(u32::MAX);
    Ok(Value::text(network.address(mask)))
}

fn new_bits(value: i128) -> Result<u32, Why> {
    u32::try_from(value)
        .ok()
        .filter(|more| *more <= 128)
        .ok_or_else(|| invalid("a number of bits that no address has"))
}

fn subnet(args: Args) -> Computed {
    let network = Network::parse(&args.count(3, 3)?.string(0)?)?;
    let (more, number) = (new_bits(args.int(1)?)?, args.int(2)?);
    let number = u128::try_from(number).map_err(|_| invalid("a negative subnet number"))?;
    Ok(Value::text(network.part(more, number)?.text()))
}

/// Hands out subnets one after another, each at the next place where one of its size may begin.
fn subnets(args: Args) -> Computed {
    let network = Network::parse(&args.count(1, usize::MAX)?.string(0)?)?;
    let mut next = network.bits;
    let mut full = false;
    let mut out = Vec::new();
    for at in 1..args.0.len() {
        let more = new_bits(args.int(at)?)?;
        if more < 1 {
            return Err(invalid("a subnet without a bit of its own"));
        }
        if more > 32 {
            return Err(invalid("a subnet of more than 32 bits of its own"));
        }
        let part = Network {
            prefix: network.prefix + more,
            ..network
        };
        if part.prefix > part.width {
            return Err(invalid("a subnet with more bits than an address has"));
        }
        let mask = part.host_mask();
        let start = next.checked_add(mask).map(|end| end & !mask);
        let start = start
            .filter(|start| !full && network.holds(*start))
            .ok_or_else(|| invalid("subnets that do not fit"))?;
        out.push(Value::text(
            Network {
                bits: start,
                ..part
            }
            .text(),
        ));
        match start.checked_add(mask).and_then(|last| last.checked_add(1)) {
            Some(after) => next = after,
            None => full = true,
        }
    }
    Ok(list(out))
}

fn contains(args: Args) -> Computed {
    let network = Network::parse(&args.count(2, 2)?.string(0)?)?;
    let other = args.string(1)?;
    let (first, last, width) = match other.parse::<IpAddr>() {
        Ok(address) => {
            let (bits, width) = bits(address);
            (bits, bits, width)
        }
        Err(_) => {
            let other = Network::parse(&other)?;
            (other.bits, other.bits | other.host_mask(), other.width)
        }
    };
    if width != network.width {
        return Err(invalid("networks of two versions of IP"));
    }
    Ok(Value::Bool(network.holds(first) && network.holds(last)))
}
