//! Input made to be slow: each kind aims at one step of the scan.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::names;
use crate::generator::random::Random;
use crate::generator::{Planted, Source};

/// What is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Attack {
    /// `a.a.a. ... .com`: names of 100 labels.
    Dots,
    /// MD5-shaped tokens, one after the other.
    Digests,
    /// Hex digits without end.
    Hex,
    /// Short names under public suffixes of two labels, which share their last labels with listed names.
    Suffixes,
    /// One token of a mebibyte, letters only.
    Tokens,
    /// `a:b:c:`: starts of IPv6 addresses.
    Colons,
    /// Random addresses, one after the other.
    Addresses,
    /// Pairs of back-slashes with names behind them.
    Backslashes,
    /// Runs of emoji with names between them.
    Emoji,
    /// Chinese text with dots: names that only the exact cut can tell.
    Chinese,
    /// URLs in the queries of URLs, on the hosts of listed ones: each ends where the outermost does.
    Nested,
    /// URLs on the hosts of listed URLs, with other paths: nothing hits, but every event has to be read.
    Near,
}

/// A stream of JSON events `{"m":"..."}`.
#[derive(Debug)]
pub(crate) struct Adversary {
    random: Random,
    attack: Attack,
    planted: Planted,
}

impl Adversary {
    /// A stream; only [`Attack::Near`] and [`Attack::Nested`] look at the list of indicators.
    pub(crate) fn new(attack: Attack, planted: Planted) -> Adversary {
        Adversary { random: Random::new(23, attack as u64), attack, planted }
    }

    /// The host of a listed URL.
    fn host(&mut self) -> String {
        let url = indicators::one(&mut self.random, self.planted.indicators, Shape::Url);
        url.split('/').nth(2).unwrap_or_default().to_owned()
    }

    fn piece(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let random = &mut self.random;
        match self.attack {
            Attack::Dots => {
                for _ in 0..100 {
                    out.extend_from_slice(b"a.");
                }
                out.write_all(b"com ")
            }
            Attack::Digests => write!(out, "{:016x}{:016x} ", random.next(), random.next()),
            Attack::Hex => write!(out, "{:016x}", random.next()),
            Attack::Suffixes => {
                let letter = char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0));
                let suffix = random.pick(&["co.uk", "com.br", "co.uk", "co.jp", "com.au"]);
                write!(out, "{letter}.{suffix} ")
            }
            Attack::Tokens => write!(out, "{}", random.pick(&["abcdefgh", "zyxwvuts", "sdfghjkl"])),
            Attack::Colons => write!(out, "{:x}:", random.below(65_536)),
            Attack::Addresses => write!(out, "{} ", names::public(random, 0)),
            Attack::Backslashes => {
                let name = names::harmless(random);
                write!(out, "\\\\\\\\n{name}\\\\\\\\\\\\{name}\\t\\u002e\\\\")
            }
            Attack::Emoji => {
                let name = names::harmless(random);
                write!(out, "\u{1f600}\u{1f680}\u{1f600}{name}\u{1f600}.\u{1f600}a.b")
            }
            Attack::Chinese => {
                for _ in 0..random.between(1, 6) {
                    let offset = u32::try_from(random.below(0x5000)).unwrap_or(0);
                    write!(out, "{}", char::from_u32(0x4e00 + offset).unwrap_or('.'))?;
                }
                write!(out, "{}", random.pick(&[".", ".", "\u{3002}", ".com "]))
            }
            Attack::Nested => {
                let host = self.host();
                write!(out, "http://{host}/{:x}?u=", self.random.below(1 << 20))
            }
            Attack::Near => {
                let host = self.host();
                write!(out, "http://{host}/{:x} ", self.random.below(1 << 20))
            }
        }
    }
}

impl Source for Adversary {
    fn event(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let length = match self.attack {
            Attack::Tokens => 1 << 20,
            Attack::Emoji | Attack::Chinese | Attack::Nested => 16 << 10,
            _ => 400,
        };
        let end = out.len() + length;
        out.extend_from_slice(b"{\"m\":\"");
        while out.len() < end {
            self.piece(out)?;
        }
        out.extend_from_slice(b"\"}");
        Ok(false)
    }
}
