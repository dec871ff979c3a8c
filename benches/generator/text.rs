//! Text logs: sshd by syslog, web-server access, proxy access.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::names::{self, Clock};
use crate::generator::random::Random;
use crate::generator::{Planted, Source};

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Log {
    /// sshd, about 110 bytes a line.
    Sshd,
    /// Combined access log, about 240 bytes a line.
    Apache,
    /// Proxy with URLs and host:port, about 130 bytes a line.
    Proxy,
    /// A third of each.
    Mix,
}

/// A stream of lines.
#[derive(Debug)]
pub(crate) struct Text {
    random: Random,
    clock: Clock,
    planted: Planted,
    log: Log,
}

impl Text {
    /// A stream with hits as given.
    pub(crate) fn new(log: Log, planted: Planted) -> Text {
        Text { random: Random::new(22, log as u64), clock: Clock::default(), planted, log }
    }

    fn listed(&mut self, shape: Shape) -> String {
        indicators::one(&mut self.random, self.planted.indicators, shape)
    }

    fn client(&mut self, hit: bool) -> String {
        if hit { self.listed(Shape::Address) } else { names::outside(&mut self.random).to_string() }
    }

    fn sshd(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let client = self.client(hit);
        let random = &mut self.random;
        let [day, hour, minute, second, _] = self.clock.tick(random).parts();
        let what = random.pick(&[
            "Failed password for root from",
            "Failed password for invalid user admin from",
            "Accepted publickey for deploy from",
            "Connection closed by authenticating user root",
        ]);
        write!(
            out,
            "Mar {day:2} {hour:02}:{minute:02}:{second:02} ip-10-77-20-{} sshd[{}]: {what} {client} port {} ssh2",
            random.below(255),
            random.between(1000, 32_000),
            random.between(1024, 65_535),
        )
    }

    fn apache(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let by_referrer = self.random.chance(0.3);
        let client = self.client(hit && !by_referrer);
        let mut referrer = format!("http://{}/", names::harmless(&mut self.random));
        if hit && by_referrer {
            referrer = self.listed(Shape::Url);
        }
        let random = &mut self.random;
        let [day, hour, minute, second, _] = self.clock.tick(random).parts();
        let mut path = String::new();
        names::label(random, &mut path);
        write!(
            out,
            "{client} - - [{day:02}/Mar/2026:{hour:02}:{minute:02}:{second:02} +0000] \
             \"GET /presentations/{path}/images/chart-{}.png HTTP/1.1\" {} {} \"{referrer}\" \
             \"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/132.0.6834.83 Safari/537.36\"",
            random.below(1000),
            random.pick(&[200, 200, 200, 304, 404]),
            random.below(300_000),
        )
    }

    fn proxy(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let host = if hit { self.listed(Shape::Name) } else { names::harmless(&mut self.random) };
        let random = &mut self.random;
        let [day, hour, minute, second, micro] = self.clock.tick(random).parts();
        write!(
            out,
            "{}.{:03} {:6} {} ",
            1_772_323_200 + (day - 1) * 86_400 + hour * 3600 + minute * 60 + second,
            micro / 1000,
            random.below(90_000),
            names::inside(random),
        )?;
        if random.chance(0.6) {
            write!(out, "TCP_TUNNEL/200 {} CONNECT {host}:443", random.below(90_000))?;
        } else {
            let mut path = String::new();
            names::label(random, &mut path);
            write!(out, "TCP_MISS/200 {} GET http://{host}/{path}/", random.below(90_000))?;
        }
        write!(out, " - HIER_DIRECT/{} text/html", names::outside(random))
    }
}

impl Source for Text {
    fn event(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let hit = self.random.chance(self.planted.rate);
        let log = match self.log {
            Log::Mix => self.random.pick(&[Log::Sshd, Log::Apache, Log::Proxy]),
            log => log,
        };
        match log {
            Log::Sshd => self.sshd(hit, out),
            Log::Apache => self.apache(hit, out),
            Log::Proxy | Log::Mix => self.proxy(hit, out),
        }?;
        Ok(hit)
    }
}
