//! Sysmon events of Windows as JSON, a back-slash escape in every one: 45 % process starts, 35 % network
//! connections, 20 % DNS queries.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::names::{self, Clock};
use crate::generator::random::Random;
use crate::generator::{Planted, Source};

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Sysmon {
    random: Random,
    clock: Clock,
    planted: Planted,
    record: u64,
}

impl Sysmon {
    /// A stream with hits as given.
    pub(crate) fn new(planted: Planted) -> Sysmon {
        Sysmon { random: Random::new(21, 0), clock: Clock::default(), planted, record: 4_000_000 }
    }

    fn listed(&mut self, shape: Shape) -> String {
        indicators::one(&mut self.random, self.planted.indicators, shape)
    }

    /// All that comes before the data of the event; returns the program and the user.
    fn head(&mut self, code: u64, out: &mut Vec<u8>) -> io::Result<[&'static str; 2]> {
        let random = &mut self.random;
        let now = self.clock.tick(random);
        self.record += 1;
        let [image, user] = [random.pick(&IMAGES), random.pick(&USERS)];
        write!(
            out,
            "{{\"@timestamp\":\"{now}\",\"event\":{{\"code\":{code},\"provider\":\
             \"Microsoft-Windows-Sysmon\"}},\"winlog\":{{\"channel\":\"Microsoft-Windows-Sysmon/Operational\",\
             \"computer_name\":\"WS-{:04}.corp.example\",\"record_id\":{},\"event_data\":{{\
             \"UtcTime\":\"{now}\",\"ProcessGuid\":\"{{{}-0000-0010-0000-00{:08x}}}\",\"ProcessId\":{},\
             \"Image\":\"{image}\",\"User\":\"{user}\"",
            random.below(3000),
            self.record,
            names::harmless_digest(random, 8),
            random.next() >> 32,
            random.between(400, 30_000),
        )?;
        Ok([image, user])
    }

    fn process(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let sha256 =
            if hit { self.listed(Shape::Sha256) } else { names::harmless_digest(&mut self.random, 64) };
        let [image, user] = self.head(1, out)?;
        let random = &mut self.random;
        write!(
            out,
            ",\"CommandLine\":\"\\\"{image}\\\" -k netsvcs -p -s {}\",\
             \"CurrentDirectory\":\"C:\\\\Windows\\\\system32\\\\\",\"IntegrityLevel\":\"Medium\",\
             \"Hashes\":\"MD5={},SHA256={sha256},IMPHASH={}\",\"ParentImage\":\"{}\",\
             \"ParentCommandLine\":\"{}\",\"ParentUser\":\"{user}\"}}}}}}",
            random.pick(&["Schedule", "wuauserv", "BITS", "Themes"]),
            names::harmless_digest(random, 32),
            names::harmless_digest(random, 32),
            random.pick(&IMAGES),
            random.pick(&IMAGES),
        )
    }

    fn connection(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let destination =
            if hit { self.listed(Shape::Address) } else { names::either(&mut self.random).to_string() };
        self.head(3, out)?;
        let random = &mut self.random;
        write!(
            out,
            ",\"Protocol\":\"tcp\",\"Initiated\":\"true\",\"SourceIsIpv6\":\"false\",\"SourceIp\":\"{}\",\
             \"SourcePort\":{},\"DestinationIsIpv6\":\"false\",\"DestinationIp\":\"{destination}\",\
             \"DestinationHostname\":\"{}\",\"DestinationPort\":443}}}}}}",
            names::inside(random),
            random.between(1024, 65_535),
            names::harmless(random),
        )
    }

    fn query(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let name = if hit { self.listed(Shape::Name) } else { names::harmless(&mut self.random) };
        self.head(22, out)?;
        let random = &mut self.random;
        write!(
            out,
            ",\"QueryName\":\"{name}\",\"QueryStatus\":\"0\",\
             \"QueryResults\":\"type:  5 {};::ffff:{};\"}}}}}}",
            names::harmless(random),
            names::outside(random),
        )
    }
}

impl Source for Sysmon {
    fn event(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let kind = self.random.below(100);
        let hit = self.random.chance(self.planted.rate);
        match kind {
            0..45 => self.process(hit, out),
            45..80 => self.connection(hit, out),
            _ => self.query(hit, out),
        }?;
        Ok(hit)
    }
}

const IMAGES: [&str; 6] = [
    "C:\\\\Windows\\\\System32\\\\svchost.exe",
    "C:\\\\Windows\\\\System32\\\\WindowsPowerShell\\\\v1.0\\\\powershell.exe",
    "C:\\\\Program Files\\\\Google\\\\Chrome\\\\Application\\\\chrome.exe",
    "C:\\\\Program Files (x86)\\\\Microsoft\\\\EdgeUpdate\\\\MicrosoftEdgeUpdate.exe",
    "C:\\\\Users\\\\n.brandt\\\\AppData\\\\Local\\\\Temp\\\\tmp4f.exe",
    "C:\\\\Windows\\\\explorer.exe",
];

const USERS: [&str; 3] = ["NT AUTHORITY\\\\SYSTEM", "CORP\\\\n.brandt", "CORP\\\\svc-backup"];
