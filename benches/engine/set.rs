//! Snapshots and events, made in memory.

use std::ops::RangeInclusive;
use std::sync::Arc;

use taxiway::index::{Allow, Builder, Snapshot};
use taxiway::indicator::{Context, Indicator, Part};
use taxiway::live::Generation;
use taxiway::observable::{self, Hint};
use taxiway::policy::Policy;

use crate::generator::adversarial::{Adversary, Attack};
use crate::generator::sysmon::Sysmon;
use crate::generator::text::{Log, Text};
use crate::generator::zeek::Zeek;
use crate::generator::{self, Planted, Source, indicators};

/// The first `count` values of the mixed list.
pub(crate) fn mixed(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|number| indicators::mixed(number).1)
}

/// Networks and IPv6 addresses, as a feed would list them.
pub(crate) fn networks(networks: u64, ip6: u64) -> anyhow::Result<Vec<String>> {
    let mut text = Vec::new();
    indicators::write_networks(networks, &mut text)?;
    indicators::write_ip6(ip6, &mut text)?;
    Ok(String::from_utf8(text)?.lines().map(str::to_owned).collect())
}

/// One snapshot of these values, with the default policy.
pub(crate) fn generation(values: impl Iterator<Item = String>) -> anyhow::Result<Generation> {
    let mut builder = Builder::new(&["bench".into()], Allow::default());
    let context = Arc::new(Context::default());
    for value in values {
        let values = observable::read(&value, Hint::None)?;
        builder.add(Indicator {
            feed: 0,
            id: None,
            values: values.into_iter().map(|value| (value, Part::Whole)).collect(),
            compounds: Box::default(),
            valid_from: None,
            valid_until: None,
            confidence: None,
            tlp: None,
            context: Arc::clone(&context),
        });
    }
    let (bytes, _) = builder.finish()?;
    let snapshots = vec![Arc::new(Snapshot::from_bytes(bytes)?)];
    Ok(Generation { snapshots, policy: Policy::default() })
}

/// What events are like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Events {
    /// Zeek-like JSON.
    Zeek,
    /// Sysmon-like JSON.
    Sysmon,
    /// A text log.
    Text(Log),
    /// Input made to be slow.
    Hostile(Attack),
}

fn source(kind: Events, planted: Planted) -> Box<dyn Source> {
    match kind {
        Events::Zeek => Box::new(Zeek::new(planted)),
        Events::Sysmon => Box::new(Sysmon::new(planted)),
        Events::Text(log) => Box::new(Text::new(log, planted)),
        Events::Hostile(attack) => Box::new(Adversary::new(attack, planted)),
    }
}

/// Events with the number of those that hit.
pub(crate) struct Lines {
    /// The events.
    pub(crate) bytes: Vec<u8>,
    /// How many of them hit.
    pub(crate) planted: RangeInclusive<u64>,
}

/// Lines of at least this many bytes.
pub(crate) fn events(kind: Events, bytes: u64, planted: Planted) -> anyhow::Result<Lines> {
    let mut text = Vec::new();
    let planted = generator::write_lines(source(kind, planted).as_mut(), bytes, &mut text)?.planted;
    Ok(Lines { bytes: text, planted: planted..=planted })
}

/// One line of at least this many bytes.
pub(crate) fn long_line(bytes: u64, planted: Planted) -> anyhow::Result<Lines> {
    let mut text = Vec::new();
    let planted =
        generator::write_long_line(source(Events::Zeek, planted).as_mut(), bytes, &mut text)?.planted;
    let planted = planted.min(1);
    Ok(Lines { bytes: text, planted: planted..=planted })
}
