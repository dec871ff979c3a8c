//! What is compared with what, and the goals.

use std::fs;

use anyhow::Context as _;
use clap::ValueEnum;
use taxiway::engine::scan::Tier;
use taxiway::engine::{Batch, Engine, Framing, Settings};

use crate::Plan;
use crate::generator::Planted;
use crate::generator::adversarial::Attack;
use crate::generator::text::Log;
use crate::pass::{self, Claim, Contender, NOW, measure};
use crate::record::{Goal, Record};
use crate::rivals;
use crate::set::{self, Events};

/// Measures one group.
type Measure = fn(&Plan, &mut Record) -> anyhow::Result<()>;

/// All groups by name.
pub(crate) const ALL: [(&str, Measure); 7] = [
    ("tiers", tiers),
    ("calls", calls),
    ("adversarial", adversarial),
    ("long", long),
    ("features", features),
    ("parsers", parsers),
    ("kinds", kinds),
];

fn planted(plan: &Plan) -> Planted {
    Planted { indicators: plan.indicators, rate: 0.001 }
}

fn engine() -> Engine {
    Engine::new(Settings::default())
}

/// Every tier that the machine has.
fn tiers(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let mut contenders = Vec::new();
    for tier in Tier::ALL.into_iter().filter(|tier| tier.is_available()) {
        let engine = Engine::with_tier(Settings::default(), tier);
        contenders.push(Contender::engine(tier.as_str(), engine, &events, &generation));
    }
    let claims = [
        Claim::new("avx2", "avx512", Goal::least(0.75, 0.95)),
        Claim::new("wide128", "avx2", Goal::least(0.6, 0.75)),
        Claim::new("scalar", "avx2", Goal::least(0.25, 0.4)),
    ];
    measure("tiers", contenders, &claims, plan.runs, record);
    Ok(())
}

/// One event a call, as in a Kafka consumer, against blocks of whole lines.
fn calls(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let lines = pass::lines(&events);
    let mut single = engine();
    let one = Contender::new("one event a call", events.len(), || {
        for range in &lines {
            let bytes = &events[range.clone()];
            let framing = Framing::Ends(&[range.end - range.start]);
            single.process(Batch { bytes, framing }, &generation, NOW);
        }
        single.take_counts().events_tagged
    });
    let contenders = vec![Contender::engine("batches", engine(), &events, &generation), one];
    let claims = [Claim::new("one event a call", "batches", Goal::least(0.75, 0.95))];
    measure("calls", contenders, &claims, plan.runs, record);
    Ok(())
}

/// Input made to be slow, 40 MB of each kind.
fn adversarial(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let bytes = plan.bytes.min(40_000_000);
    let typical = set::events(Events::Zeek, bytes, planted(plan))?;
    let mut inputs = Vec::new();
    for attack in Attack::value_variants() {
        let name = attack.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        inputs.push((name, set::events(Events::Hostile(*attack), bytes, planted(plan))?));
    }
    let mut contenders = vec![Contender::engine("typical", engine(), &typical, &generation)];
    let mut claims = Vec::new();
    for (name, input) in &inputs {
        contenders.push(Contender::engine(name, engine(), input, &generation));
        claims.push(Claim::new(name, "typical", Goal::least(0.1, 0.3)));
    }
    measure("adversarial", contenders, &claims, plan.runs, record);
    Ok(())
}

/// One line of 80 MB, and one of 160 MB: half the rate would be quadratic time. The goal on time, 2.5 times at most,
/// is 0.8 of the rate.
fn long(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let short = set::long_line(80_000_000, planted(plan))?;
    let long = set::long_line(160_000_000, planted(plan))?;
    let contenders = vec![
        Contender::engine("80 MB line", engine(), &short, &generation),
        Contender::engine("160 MB line", engine(), &long, &generation),
    ];
    let claims = [Claim::new("160 MB line", "80 MB line", Goal::least(0.8, 1.0))];
    measure("long", contenders, &claims, plan.runs.min(5), record);
    Ok(())
}

/// The mixed list alone, and with 5,000 networks, 20,000 IPv6 addresses and networks, and a policy. Escapes are
/// always undone.
fn features(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let off = set::generation(set::mixed(plan.indicators))?;
    let more = set::networks(5000, 20_000)?;
    let mut on = set::generation(set::mixed(plan.indicators).chain(more))?;
    on.policy.exclude = ["user_agent", "certificate.*"].map(Box::from).to_vec();
    on.policy.min_confidence = Some(50);
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let contenders = vec![
        Contender::engine("features off", engine(), &events, &off),
        Contender::engine("features on", engine(), &events, &on),
    ];
    let claims = [Claim::new("features on", "features off", Goal::least(0.75, 0.9))];
    measure("features", contenders, &claims, plan.runs, record);
    Ok(())
}

/// The same job with a JSON parser: a tree of values and a hash set; and the fastest parser with our look-ups.
fn parsers(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let lines = pass::lines(&events);
    let listed = set::mixed(plan.indicators).collect();
    let [snapshot] = generation.snapshots.as_slice() else { anyhow::bail!("one snapshot is expected") };
    let contenders = vec![
        Contender::engine("taxiway", engine(), &events, &generation),
        Contender::new("serde_json Value + HashSet + write", events.len(), || {
            rivals::tree(&events, &lines, &listed)
        }),
        Contender::new("sonic-rs visitor + our look-ups", events.len(), || {
            rivals::visitor(&events, &lines, snapshot)
        }),
    ];
    let claims = [
        Claim::new("taxiway", "serde_json Value + HashSet + write", Goal::least(15.0, 27.0)),
        Claim::new("taxiway", "sonic-rs visitor + our look-ups", Goal::least(2.5, 4.5)),
    ];
    measure("parsers", contenders, &claims, plan.runs.min(5), record);
    Ok(())
}

/// Kinds of events; real text logs when a corpus is given.
fn kinds(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let kinds = [
        ("sysmon", Events::Sysmon, Goal::least(0.7, 0.9)),
        ("sshd", Events::Text(Log::Sshd), Goal::least(0.3, 0.6)),
        ("apache", Events::Text(Log::Apache), Goal::least(0.3, 0.6)),
        ("proxy", Events::Text(Log::Proxy), Goal::least(0.3, 0.6)),
    ];
    let zeek = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let mut inputs = Vec::new();
    for (name, kind, goal) in kinds {
        inputs.push((name.to_owned(), goal, set::events(kind, plan.bytes, planted(plan))?));
    }
    for log in ["apache_access.log", "auth.log", "openssh_2k.log"] {
        let Some(corpus) = &plan.corpus else { break };
        let path = corpus.join("logs").join(format!("{log}.zst"));
        let packed = fs::read(&path).with_context(|| path.display().to_string())?;
        let once = zstd::decode_all(packed.as_slice())?;
        let times = usize::try_from(plan.bytes)?.div_ceil(once.len());
        inputs.push((format!("real {log}"), Goal::least(0.3, 0.6), once.repeat(times)));
    }
    let mut contenders = vec![Contender::engine("zeek", engine(), &zeek, &generation)];
    let mut claims = Vec::new();
    for (name, goal, input) in &inputs {
        contenders.push(Contender::engine(name, engine(), input, &generation));
        claims.push(Claim::new(name, "zeek", *goal));
    }
    measure("kinds", contenders, &claims, plan.runs, record);
    Ok(())
}
