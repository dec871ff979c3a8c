//! What is compared with what, and the goals.

use std::hint::black_box;

use anyhow::Context as _;
use clap::ValueEnum;
use taxiway::engine::event::{Keep, Marks, Walk};
use taxiway::engine::judge::{Judge, Marked};
use taxiway::engine::scan::Tier;
use taxiway::engine::{Batch, Counts, Engine, Framing, Settings};

use crate::Plan;
use crate::data;
use crate::generator::Planted;
use crate::generator::adversarial::Attack;
use crate::generator::text::Log;
use crate::pass::{self, Claim, Contender, NOW, measure};
use crate::record::{Goal, Record};
use crate::rivals;
use crate::set::{self, Events, Lines};

/// Measures one group.
type Measure = fn(&Plan, &mut Record) -> anyhow::Result<()>;

/// All groups by name.
pub(crate) const ALL: [(&str, Measure); 8] = [
    ("tiers", tiers),
    ("calls", calls),
    ("judge", judge),
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
    measure("tiers", contenders, &claims, plan.runs, record)
}

/// One event a call, as in a Kafka consumer, against blocks of whole lines.
fn calls(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let lines = pass::lines(&events.bytes);
    let mut single = engine();
    let one = Contender::new("one event a call", events.bytes.len(), events.planted.clone(), || {
        for range in &lines {
            let bytes = &events.bytes[range.clone()];
            let framing = Framing::Ends(&[range.end - range.start]);
            single.process(Batch { bytes, framing }, &generation, NOW);
        }
        single.take_counts().events_tagged
    });
    let contenders = vec![Contender::engine("batches", engine(), &events, &generation), one];
    let claims = [Claim::new("one event a call", "batches", Goal::least(0.75, 0.95))];
    measure("calls", contenders, &claims, plan.runs, record)
}

/// What an event costs that is judged: one of 521 bytes with a hit where the scan has marked it, the same with all
/// strings read, without a hit, and walking it alone.
fn judge(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    const CALLS: u64 = 50_000;
    let values = set::mixed(plan.indicators.min(200_000)).chain(["198.51.100.16".to_owned()]);
    let hit = set::generation(values)?;
    let none = set::generation(std::iter::once("192.0.2.1".to_owned()))?;
    let found = memchr::memmem::find(EVENT, b"198.51.100.16").context("the event has the value")?;
    let mark: &'static [usize] = Vec::leak(vec![found]);
    let all = Marked { bytes: EVENT, marks: None };
    let one = Marked { marks: Some(Marks { ascending: mark, start: 0 }), ..all };
    let judged = |name: &str, marked: Marked<'static>, generation, hits| {
        let (mut judge, settings) = (Judge::new(), Settings::default());
        let (mut tags, mut counts) = (Vec::new(), Counts::default());
        Contender::new(name, EVENT.len() * 50_000, hits..=hits, move || {
            let calls = (0..CALLS).filter(|_| {
                tags.clear();
                judge.event(marked, &settings, generation, NOW, &mut tags, &mut counts).is_some()
            });
            calls.count() as u64
        })
    };
    let mut walk = Walk::default();
    let contenders = vec![
        judged("judge, hit", one, &hit, CALLS),
        judged("judge, hit, all strings", all, &hit, CALLS),
        judged("judge, no hit, all strings", all, &none, 0),
        Contender::new("walk", EVENT.len() * 50_000, CALLS..=CALLS, || {
            (0..CALLS).filter(|_| black_box(walk.event(EVENT, Keep::Strings)).is_some()).count() as u64
        }),
    ];
    let each = |name, goal| Claim::each(name, CALLS, goal);
    let claims = [
        each("judge, hit", Some(Goal::most(2.0, 1.0))),
        each("judge, hit, all strings", None),
        each("judge, no hit, all strings", None),
        each("walk", None),
    ];
    measure("judge", contenders, &claims, plan.runs, record)
}

/// A DNS event as Zeek writes it.
const EVENT: &[u8] = br#"{"_path":"dns","_write_ts":"2018-03-24T17:15:20.866586Z","ts":"2018-03-24T17:15:20.865716Z","uid":"CqKst53mF3det3eDV9","id.orig_h":"10.47.1.100","id.orig_p":41772,"id.resp_h":"10.0.0.100","id.resp_p":53,"proto":"udp","trans_id":36329,"rtt":0.0008699893951416016,"query":"ise.dept1.example","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":true,"Z":0,"answers":["ise.dept1.cs.example","198.51.100.16"],"TTLs":[2230.0,41830.0],"rejected":false}"#;

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
    measure("adversarial", contenders, &claims, plan.runs, record)
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
    measure("long", contenders, &claims, plan.runs.min(5), record)
}

/// The mixed list alone, and with 5,000 networks, 20,000 IPv6 addresses and networks, and a policy. Escapes are
/// always undone.
fn features(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let off = set::generation(set::mixed(plan.indicators))?;
    let mut on = set::generation(set::mixed(plan.indicators).chain(set::networks(5000, 20_000)?))?;
    on.policy.exclude = ["user_agent", "certificate.*"].map(Box::from).to_vec();
    on.policy.min_confidence = Some(50);
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    // networks hold some of the addresses that are in no list
    let more = Lines { bytes: events.bytes.clone(), planted: *events.planted.start()..=u64::MAX };
    let contenders = vec![
        Contender::engine("features off", engine(), &events, &off),
        Contender::engine("features on", engine(), &more, &on),
    ];
    let claims = [Claim::new("features on", "features off", Goal::least(0.75, 0.9))];
    measure("features", contenders, &claims, plan.runs, record)
}

/// The same job with a JSON parser: a tree of values and a hash set; and the fastest parser with our look-ups.
fn parsers(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let generation = set::generation(set::mixed(plan.indicators))?;
    let events = set::events(Events::Zeek, plan.bytes, planted(plan))?;
    let (bytes, lines) = (&events.bytes, pass::lines(&events.bytes));
    // a listed value alone in a string: all that is planted but what stands in longer texts
    let most = events.planted.start() / 2..=*events.planted.end();
    let listed = set::mixed(plan.indicators).collect();
    let [snapshot] = generation.snapshots.as_slice() else { anyhow::bail!("one snapshot is expected") };
    let contenders = vec![
        Contender::engine("taxiway", engine(), &events, &generation),
        Contender::new("serde_json Value + HashSet + write", bytes.len(), most.clone(), || {
            rivals::tree(bytes, &lines, &listed)
        }),
        Contender::new("sonic-rs visitor + our look-ups", bytes.len(), most, || {
            rivals::visitor(bytes, &lines, snapshot)
        }),
    ];
    let claims = [
        Claim::new("taxiway", "serde_json Value + HashSet + write", Goal::least(15.0, 27.0)),
        Claim::new("taxiway", "sonic-rs visitor + our look-ups", Goal::least(2.5, 4.5)),
    ];
    measure("parsers", contenders, &claims, plan.runs.min(5), record)
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
    for log in data::LOGS {
        let Some(corpus) = &plan.place.corpus else { break };
        let bytes = data::real_log(corpus, log, plan.bytes)?;
        // nothing is planted, and what made-up values are in them is the same in every run
        let lines = Lines { bytes, planted: 0..=u64::MAX };
        inputs.push((format!("real {log}"), Goal::least(0.3, 0.6), lines));
    }
    let mut contenders = vec![Contender::engine("zeek", engine(), &zeek, &generation)];
    let mut claims = Vec::new();
    for (name, goal, input) in &inputs {
        contenders.push(Contender::engine(name, engine(), input, &generation));
        claims.push(Claim::new(name, "zeek", *goal));
    }
    measure("kinds", contenders, &claims, plan.runs, record)
}
