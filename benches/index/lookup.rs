//! Look-ups in random order: listed values of each kind, and values that are in no list, the prefilter first as the
//! scan does, and straight into the tables.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Instant;

use anyhow::ensure;
use taxiway::index::Entry;
use taxiway::index::Snapshot;
use taxiway::index::filter::KeyKind;
use taxiway::observable::{self, Hint, Kind, Observable};

use crate::Plan;
use crate::generator::names;
use crate::generator::random::Random;
use crate::record::{Record, Row, float, median};
use crate::sets::Set;

/// Look-ups of one kind.
const ASKED: usize = 200_000;

/// Measures all kinds that the snapshot has.
pub(crate) fn measure(
    set: &Set,
    snapshot: &Snapshot,
    plan: &Plan,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut random = Random::new(30, 0);
    let mut first = 0;
    for kind in Kind::ALL {
        let count = snapshot.count(kind);
        if count > 0 && !matches!(kind, Kind::Network | Kind::IpPort) {
            let listed = sample(snapshot, first, count, &mut random);
            let found = |value: &Observable| find(snapshot, value).is_some();
            let all = listed.len()..=listed.len();
            time(set, &format!("{kind} listed"), &listed, all, found, plan, record)?;
        }
        first += count;
    }
    let names: Vec<String> = (0..ASKED).map(|_| names::harmless(&mut random)).collect();
    // of real names and addresses, a few may be among those made up
    let few = ASKED / 1000;
    time(set, "domain absent", &names, 0..=few, |name| snapshot.name(name).is_some(), plan, record)?;
    let (filter, hasher) = (snapshot.filter(), snapshot.hasher());
    let in_filter = |name: &String| {
        let start = name.match_indices('.').rev().nth(1).map_or(0, |(dot, _)| dot + 1);
        filter.ask(hasher.text(name.as_bytes(), start, name.len(), KeyKind::Name)).path
    };
    time(set, "domain absent, prefilter", &names, 0..=ASKED, in_filter, plan, record)?;
    let addresses: Vec<Ipv4Addr> = (0..ASKED).map(|_| names::public(&mut random, 0)).collect();
    let found = |address: &Ipv4Addr| snapshot.ip(IpAddr::V4(*address)).is_some();
    time(set, "ip absent", &addresses, 0..=few, found, plan, record)?;
    let in_filter = |address: &Ipv4Addr| filter.ask(hasher.ip4(u32::from(*address))).listed;
    time(set, "ip absent, prefilter", &addresses, 0..=ASKED, in_filter, plan, record)
}

/// Values of entries of one kind, drawn at random.
fn sample(snapshot: &Snapshot, first: u32, count: u32, random: &mut Random) -> Vec<Observable> {
    let drawn = (0..ASKED.min(count as usize)).filter_map(|_| {
        let number = u32::try_from(random.below(u64::from(count))).ok()?;
        observable::read(&snapshot.value(Entry(first + number)), Hint::None).ok()?.into_iter().next()
    });
    drawn.collect()
}

fn find(snapshot: &Snapshot, value: &Observable) -> Option<Entry> {
    match value {
        Observable::Ip(address) => snapshot.ip(*address),
        Observable::Domain(name) => snapshot.name(name.as_str()),
        Observable::Url(url) => snapshot.url(url.scheme(), url.rest()),
        Observable::Email(email) => snapshot.email(email.as_str()),
        Observable::Digest(digest) => snapshot.digest(digest.bytes()),
        _ => None,
    }
}

fn time<T>(
    set: &Set,
    what: &str,
    values: &[T],
    expected: RangeInclusive<usize>,
    mut found: impl FnMut(&T) -> bool,
    plan: &Plan,
    record: &mut Record,
) -> anyhow::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut hits = 0;
    let mut wall = Vec::new();
    for _ in 0..plan.runs.max(1) {
        let start = Instant::now();
        hits = values.iter().filter(|value| black_box(found(black_box(value)))).count();
        wall.push(start.elapsed().as_secs_f64());
    }
    ensure!(expected.contains(&hits), "{}, {what}: {hits} found, not {expected:?}", set.name);
    let each = median(&wall).map(|seconds| (seconds * 1e9 / float(values.len() as u64), "ns"));
    record.push(Row {
        group: "lookup".to_owned(),
        name: format!("{}: {what}", set.name),
        wall,
        value: each,
        note: format!("{hits} of {} found", values.len()),
        ..Row::default()
    });
    Ok(())
}
