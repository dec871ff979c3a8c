//! Lists of indicators: 40 % IPv4 addresses, 33 % names, 17 % URLs, 9.5 % digests, 0.5 % e-mail addresses.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::generator::names;
use crate::generator::random::Random;

/// What an indicator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An IPv4 address.
    Address,
    /// A name.
    Name,
    /// A URL.
    Url,
    /// A SHA-256.
    Sha256,
    /// An MD5.
    Md5,
    /// A SHA-1.
    Sha1,
    /// An e-mail address.
    Email,
}

/// Number `number` of the list that all mixed lists are the beginning of.
pub(crate) fn mixed(number: u64) -> (Shape, String) {
    let mut random = Random::new(1, number);
    let shape = draw(&mut random);
    let mut text = String::with_capacity(64);
    match shape {
        Shape::Address => text.push_str(&names::public(&mut random, 1).to_string()),
        Shape::Name => names::marked(&mut random, 'x', &mut text),
        Shape::Url => url(&mut random, &mut text),
        Shape::Sha256 => names::hex(&mut random, 64, &mut text),
        Shape::Md5 => names::hex(&mut random, 32, &mut text),
        Shape::Sha1 => names::hex(&mut random, 40, &mut text),
        Shape::Email => {
            names::label(&mut random, &mut text);
            text.push('@');
            names::marked(&mut random, 'q', &mut text);
        }
    }
    (shape, text)
}

fn draw(random: &mut Random) -> Shape {
    match random.below(1000) {
        0..400 => Shape::Address,
        400..730 => Shape::Name,
        730..900 => Shape::Url,
        900..980 => Shape::Sha256,
        980..988 => Shape::Md5,
        988..995 => Shape::Sha1,
        _ => Shape::Email,
    }
}

/// A fifth of the URLs is on an address, one in a hundred on a harmless name, all others on a name of their own.
fn url(random: &mut Random, out: &mut String) {
    out.push_str(if random.chance(0.5) { "http://" } else { "https://" });
    match random.below(100) {
        0..20 => out.push_str(&names::public(random, 0).to_string()),
        20 => out.push_str(&names::harmless_number(random.below(names::HARMLESS))),
        _ => names::marked(random, 'q', out),
    }
    out.push('/');
    names::label(random, out);
    out.push('/');
    names::hex(random, 8, out);
}

/// One of the first `count` indicators that has this shape; the first of the shape at all when there is none.
pub(crate) fn one(random: &mut Random, count: u64, shape: Shape) -> String {
    for _ in 0..10_000 {
        let number = random.below(count.max(1));
        if draw(&mut Random::new(1, number)) == shape {
            return mixed(number).1;
        }
    }
    (0..10_000).map(mixed).find(|(s, _)| *s == shape).map(|(_, text)| text).unwrap_or_default()
}

/// One value a line; only those of one shape when it is given.
pub(crate) fn write_list(count: u64, only: Option<Shape>, to: &mut dyn Write) -> io::Result<()> {
    for number in 0..count {
        let (shape, text) = mixed(number);
        if only.is_none_or(|only| only == shape) {
            writeln!(to, "{text}")?;
        }
    }
    to.flush()
}

/// Names with the malware that they belong to, as CSV: the shape of a large list of trails (1.16 M names, 3,000
/// malware names, long runs of one malware, one name in five under a shared parent).
pub(crate) fn write_named(count: u64, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "value,malware")?;
    let mut text = String::new();
    for number in 0..count {
        let mut random = Random::new(7, number);
        text.clear();
        if random.chance(0.2) {
            names::label(&mut random, &mut text);
            text.push('.');
            let mut parent = Random::new(8, random.skewed(2000));
            names::marked(&mut parent, 'x', &mut text);
        } else {
            names::marked(&mut random, 'x', &mut text);
        }
        writeln!(to, "{text},{}", threat(number / 400 % THREATS))?;
    }
    to.flush()
}

/// Number of malware names.
pub(crate) const THREATS: u64 = 3000;

/// The name of a malware.
pub(crate) fn threat(number: u64) -> String {
    let mut random = Random::new(9, number);
    let mut text = String::new();
    names::label(&mut random, &mut text);
    // a number in the name keeps the 3,000 apart
    write!(text, "-{number}").map_or_else(|_| String::new(), |()| text)
}

/// Networks from /16 to /29, most of them /24.
pub(crate) fn write_networks(count: u64, to: &mut dyn Write) -> io::Result<()> {
    for number in 0..count {
        let mut random = Random::new(10, number);
        let bits = u32::from(names::public(&mut random, 0));
        let length =
            random.pick(&[16, 20, 21, 22, 22, 23, 24, 24, 24, 24, 24, 24, 24, 25, 26, 27, 28, 29u32]);
        let masked = std::net::Ipv4Addr::from(bits & u32::MAX << (32 - length));
        writeln!(to, "{masked}/{length}")?;
    }
    to.flush()
}

/// IPv6: nine addresses and then one network (/32 to /64).
pub(crate) fn write_ip6(count: u64, to: &mut dyn Write) -> io::Result<()> {
    for number in 0..count {
        let mut random = Random::new(11, number);
        let address = names::public6(&mut random, 1);
        if number % 10 < 9 {
            writeln!(to, "{address}")?;
            continue;
        }
        let length = random.pick(&[48, 56, 64, 64u32]);
        let masked = std::net::Ipv6Addr::from(u128::from(address) & u128::MAX << (128 - length));
        writeln!(to, "{masked}/{length}")?;
    }
    to.flush()
}
