//! The words that events and indicators are made of: names, addresses, digests, identifiers, times.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::generator::random::Random;

/// Ends of names; some are public suffixes of two labels.
pub(crate) const SUFFIXES: [&str; 20] = [
    "com", "com", "com", "net", "org", "info", "de", "fr", "nl", "us", "ru", "cn", "co.uk", "com.br", "io",
    "xyz", "top", "biz", "online", "site",
];

const SYLLABLES: [&str; 32] = [
    "an", "bo", "cu", "der", "el", "fin", "go", "hal", "is", "jo", "kar", "lo", "mi", "nor", "om", "pe",
    "quo", "ri", "sol", "tu", "ul", "ver", "wo", "xo", "yp", "zu", "data", "home", "shop", "mail", "cloud",
    "press",
];

const HOSTS: [&str; 10] = ["www", "api", "cdn", "mail", "img", "static", "login", "update", "edge-2", "a1"];

/// Appends a label of two to four syllables, a fifth of them with a number.
pub(crate) fn label(random: &mut Random, out: &mut String) {
    for _ in 0..random.between(2, 4) {
        out.push_str(random.pick(&SYLLABLES));
    }
    if random.chance(0.2) {
        out.push_str(&random.below(1000).to_string());
    }
}

/// A label that is marked: `mark` and four hex digits end no unmarked label.
pub(crate) fn marked(random: &mut Random, mark: char, out: &mut String) {
    label(random, out);
    out.push(mark);
    hex(random, 4, out);
    out.push('.');
    out.push_str(random.pick(&SUFFIXES));
}

/// Appends hex digits.
pub(crate) fn hex(random: &mut Random, digits: usize, out: &mut String) {
    let mut bits = 0;
    for i in 0..digits {
        if i % 16 == 0 {
            bits = random.next();
        }
        out.push(char::from(b"0123456789abcdef"[(bits & 15) as usize]));
        bits >>= 4;
    }
}

/// A harmless name: one of 300,000, popular ones more often.
pub(crate) fn harmless(random: &mut Random) -> String {
    let number = random.skewed(HARMLESS);
    harmless_number(number)
}

/// One of the [`HARMLESS`] names.
pub(crate) fn harmless_number(number: u64) -> String {
    let mut random = Random::new(3, number);
    let mut name = String::with_capacity(32);
    for _ in 0..random.pick(&[0, 0, 0, 1, 1, 2]) {
        name.push_str(random.pick(&HOSTS));
        name.push('.');
    }
    label(&mut random, &mut name);
    name.push('.');
    name.push_str(random.pick(&SUFFIXES));
    name
}

/// Number of harmless names.
pub(crate) const HARMLESS: u64 = 300_000;

/// A digest that is in no list: one of 200,000, cut to this many digits.
pub(crate) fn harmless_digest(random: &mut Random, digits: usize) -> String {
    let mut of = Random::new(4, random.below(200_000));
    let mut text = String::with_capacity(digits);
    hex(&mut of, digits, &mut text);
    text
}

/// A public address, the lowest bit as given.
pub(crate) fn public(random: &mut Random, lowest: u32) -> Ipv4Addr {
    loop {
        let bits = (random.next() >> 32) as u32 & !1 | lowest;
        let address = Ipv4Addr::from(bits);
        if !matches!(address.octets()[0], 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..) {
            return address;
        }
    }
}

/// A public address that is in no list: one of 400,000, popular ones more often.
pub(crate) fn outside(random: &mut Random) -> Ipv4Addr {
    let number = random.skewed(400_000);
    public(&mut Random::new(5, number), 0)
}

/// An address of the house.
pub(crate) fn inside(random: &mut Random) -> Ipv4Addr {
    let [site, subnet, host, ..] = random.next().to_le_bytes();
    Ipv4Addr::new(10, [0, 47, 128, 164][usize::from(site & 3)], subnet & 31, host % 254 + 1)
}

/// An address of the house or, 9 in 20, outside of it.
pub(crate) fn either(random: &mut Random) -> Ipv4Addr {
    if random.chance(0.45) { outside(random) } else { inside(random) }
}

/// An IPv6 address, the lowest bit as given, with the usual run of zeros in half of the cases.
pub(crate) fn public6(random: &mut Random, lowest: u128) -> Ipv6Addr {
    let network = random.pick(&[0x2001_0db9, 0x2400_cb00, 0x2606_4700, 0x2a00_1450, 0x2a03_2880u128]);
    let subnet = u128::from(random.next() >> 32);
    let host = if random.chance(0.5) { u128::from(random.next() >> 48) } else { u128::from(random.next()) };
    Ipv6Addr::from(network << 96 | subnet << 64 | host & !1 | lowest)
}

/// An IPv6 address that is in no list.
pub(crate) fn outside6(random: &mut Random) -> Ipv6Addr {
    let number = random.skewed(50_000);
    public6(&mut Random::new(6, number), 0)
}

/// Zeek's identifier of a connection (`C...`) or of a file (`F...`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uid([u8; 18]);

impl Uid {
    /// An identifier that starts with this letter.
    pub(crate) fn new(random: &mut Random, first: u8) -> Uid {
        let mut text = [first; 18];
        let mut bits = u128::from(random.next()) << 64 | u128::from(random.next());
        for place in &mut text[1..] {
            *place = ALPHABET[(bits % 62) as usize];
            bits /= 62;
        }
        Uid(text)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Microseconds in March 2026, wrapping at the end of the 28th.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock(u64);

impl Clock {
    /// Goes on by up to a millisecond.
    pub(crate) fn tick(&mut self, random: &mut Random) -> Clock {
        self.0 += random.below(1000);
        *self
    }

    /// Earlier by up to 20 ms.
    pub(crate) fn before(self, random: &mut Random) -> Clock {
        Clock(self.0.saturating_sub(random.below(20_000)))
    }

    /// Day of the month, hour, minute, second, microsecond.
    pub(crate) fn parts(self) -> [u64; 5] {
        let seconds = self.0 / 1_000_000;
        [seconds / 86_400 % 28 + 1, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, self.0 % 1_000_000]
    }
}

impl fmt::Display for Clock {
    /// `2026-03-24T17:15:20.866586Z`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [day, hour, minute, second, micro] = self.parts();
        write!(f, "2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
    }
}
