//! What is compared with what, and the goals.

use std::ffi::OsString;
use std::path::Path;

use crate::Plan;
use crate::contender::{By, Claim, Contender, Group};
use crate::prepare::{Data, EventFile, Events};
use crate::record::Goal;
use crate::rivals;

/// Makes the groups of one name.
type Build = fn(&Plan, &Data) -> anyhow::Result<Vec<Group>>;

/// All groups by name.
pub(crate) const ALL: [(&str, Build); 9] = [
    ("floors", floors),
    ("lists", lists),
    ("engines", engines),
    ("hyperscan", hyperscan),
    ("self", ourselves),
    ("joined", joined),
    ("real", real),
    ("compile", compile),
    ("feeds", feeds),
];

const MILLION: u64 = 1_000_000;

/// Share of events with a hit where nothing else is said.
const RATE: f64 = 0.001;

/// Taxiway over a file, from a snapshot.
fn ours(plan: &Plan, name: &str, snapshot: &Path, events: &EventFile, threads: u32) -> Contender {
    let mut command: Vec<OsString> = vec![plan.taxiway.clone().into(), "filter".into(), "--snapshot".into()];
    command.extend([snapshot.into(), "--threads".into(), threads.to_string().into(), (&events.path).into()]);
    let mut contender = Contender::new(name, &events.path, command);
    contender.planted = events.planted;
    contender.marker = "\"enrichments\":[";
    contender
}

fn group(name: &str) -> Group {
    Group { name: name.to_owned(), ..Group::default() }
}

/// 1 M indicators: the copy loop, `wc -l` and the prototype.
fn floors(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let list = data.list(MILLION)?;
    let events = data.events(Events::Zeek, plan.bytes, MILLION, RATE)?;
    let mut group = group("floors");
    group.contenders.push(ours(plan, "taxiway 1 M", &data.snapshot(&list)?, &events, 1));
    let prototype = rivals::prototype(plan, &list, &events.path);
    group.rival("taxiway 1 M", prototype, By::Wall, Some(Goal::least(0.8, 1.0)));
    group.rival(
        "taxiway 1 M",
        rivals::copy_loop(plan, &events.path),
        By::Wall,
        Some(Goal::least(0.15, 0.25)),
    );
    group.rival("taxiway 1 M", rivals::wc(plan, &events.path), By::Wall, Some(Goal::least(0.2, 0.33)));
    group.claims.push(Claim::Memory { subject: "taxiway 1 M".into(), goal: Goal::most(80.0, 45.0) });
    Ok(vec![group])
}

/// grep and ripgrep, which take any list: 10 k, 100 k and 1 M values.
fn lists(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let sizes = [
        (10_000, "10 k", Goal::least(15.0, 25.0), Some(Goal::least(15.0, 25.0))),
        (100_000, "100 k", Goal::least(30.0, 50.0), None),
        (MILLION, "1 M", Goal::least(300.0, 600.0), Some(Goal::least(150.0, 300.0))),
    ];
    let mut groups = Vec::new();
    for (count, size, for_rg, for_grep) in sizes {
        let list = data.list(count)?;
        let events = data.events(Events::Zeek, plan.bytes / 10, count, RATE)?;
        let mut group = group(&format!("lists {size}"));
        let name = format!("taxiway {size}");
        group.contenders.push(ours(plan, &name, &data.snapshot(&list)?, &events, 1));
        let rg = rivals::ripgrep(plan, &format!("rg {size}"), &list, &events.path);
        group.rival(&name, rg, By::Wall, Some(for_rg));
        let grep = rivals::grep(plan, &format!("grep {size}"), &list, &events.path);
        group.rival(&name, grep, By::Wall, for_grep);
        groups.push(group);
    }
    Ok(groups)
}

/// Stream processors and query engines with 1 M indicators, a tenth of the events.
fn engines(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let list = data.list(MILLION)?;
    let events = data.events(Events::Zeek, plan.bytes / 10, MILLION, RATE)?;
    let us = "taxiway 1 M";
    let mut group = group("engines");
    group.contenders.push(ours(plan, us, &data.snapshot(&list)?, &events, 1));
    let (list, events) = (list.as_path(), events.path.as_path());
    let note = "ten fields, exact; batch";
    let chdb = rivals::python(plan, "chdb", "chdb_tag.py", note, list, events);
    group.rival(us, chdb, By::Cpu, Some(Goal::least(4.0, 7.0)));
    let polars = rivals::python(plan, "polars", "polars_tag.py", note, list, events);
    group.rival(us, polars, By::Cpu, Some(Goal::least(30.0, 45.0)));
    let note = "ten fields, exact; batch; hit rows only";
    let mut duckdb = rivals::python(plan, "duckdb", "duckdb_join.py", note, list, events);
    if let Ok(rival) = &mut duckdb {
        rival.marker = "";
    }
    group.rival(us, duckdb, By::Wall, Some(Goal::least(3.0, 5.0)));
    let grepcidr = rivals::grepcidr(plan, &data.addresses(MILLION)?, events);
    group.rival(us, grepcidr, By::Wall, Some(Goal::least(6.0, 12.0)));
    let vector = rivals::vector(plan, data, &data.csv(MILLION)?, events);
    group.rival(us, vector, By::Cpu, Some(Goal::least(70.0, 130.0)));
    group.rival(us, rivals::fluent_bit(plan, list, events), By::Cpu, Some(Goal::least(50.0, 80.0)));
    group.rival(us, rivals::benthos(plan, list, events), By::Cpu, Some(Goal::least(130.0, 220.0)));
    group.rival(us, rivals::jq(plan, list, events), By::Cpu, None);
    Ok(vec![group])
}

/// 10 k literals.
fn hyperscan(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let list = data.list(10_000)?;
    let events = data.events(Events::Zeek, plan.bytes, 10_000, RATE)?;
    let mut group = group("hyperscan");
    group.contenders.push(ours(plan, "taxiway 10 k", &data.snapshot(&list)?, &events, 1));
    let rival = rivals::hyperscan(plan, data, &list, &events.path);
    group.rival("taxiway 10 k", rival, By::Cpu, Some(Goal::least(1.4, 2.2)));
    Ok(vec![group])
}

/// Against ourselves: threads, sizes of lists, hit rates, kinds of events.
fn ourselves(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let snapshot = data.snapshot(&data.list(MILLION)?)?;
    let events = data.events(Events::Zeek, plan.bytes, MILLION, RATE)?;
    let mut group = group("self");
    let mut add = |name: &str, against: &str, goal, contender: Contender| {
        let (subject, against) = (name.to_owned(), against.to_owned());
        if subject != against {
            group.claims.push(Claim::Ratio { subject, against, by: By::Wall, goal: Some(goal) });
        }
        group.contenders.push(contender);
    };
    let base = "taxiway 1 M";
    let none = Goal::least(0.0, 0.0);
    add(base, base, none, ours(plan, base, &snapshot, &events, 1));
    let two = "taxiway 1 M, 2 threads";
    add(two, base, Goal::least(1.7, 1.95), ours(plan, two, &snapshot, &events, 2));
    let small = "taxiway 10 k";
    let small_snapshot = data.snapshot(&data.list(10_000)?)?;
    // what hits with the smallest list hits with every longer one
    let of_small = data.events(Events::Zeek, plan.bytes, 10_000, RATE)?;
    add(small, small, none, ours(plan, small, &small_snapshot, &of_small, 1));
    for (rate, limit, aim) in [(0.0, 0.0, 0.0), (0.01, 0.85, 0.95), (0.1, 0.5, 0.75)] {
        let of_rate = data.events(Events::Zeek, plan.bytes, MILLION, rate)?;
        let name = format!("taxiway 1 M, {} % hits", rate * 100.0);
        let contender = ours(plan, &name, &snapshot, &of_rate, 1);
        add(&name, "taxiway 1 M, 0 % hits", Goal::least(limit, aim), contender);
    }
    for (kind, limit, aim) in [(Events::Text, 0.8, 1.0), (Events::Sysmon, 0.7, 0.9)] {
        let of_kind = data.events(kind, plan.bytes, MILLION, RATE)?;
        let name = format!("taxiway 1 M, {}", format!("{kind:?}").to_lowercase());
        let contender = ours(plan, &name, &snapshot, &of_kind, 1);
        add(&name, base, Goal::least(limit, aim), contender);
    }
    if plan.largest >= 10 * MILLION {
        let large = "taxiway 10 M";
        let large_snapshot = data.snapshot(&data.list(10 * MILLION)?)?;
        add(large, small, Goal::least(0.65, 0.85), ours(plan, large, &large_snapshot, &of_small, 1));
        group.claims.push(Claim::Memory { subject: large.to_owned(), goal: Goal::most(500.0, 300.0) });
    }
    Ok(vec![group])
}

/// 100 k URLs over http events whose hosts and paths are joined, and over the same events where nothing is.
fn joined(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    // one in six of the mixed list is a URL
    let snapshot = data.snapshot(&data.urls(600_000)?)?;
    let mut group = group("joined");
    for (name, kind) in
        [("taxiway 100 k URLs, joined", Events::Http), ("taxiway 100 k URLs", Events::HttpApart)]
    {
        let events = data.events(kind, plan.bytes, 600_000, RATE)?;
        let mut contender = ours(plan, name, &snapshot, &events, 1);
        if matches!(kind, Events::HttpApart) {
            contender.planted = None;
        }
        group.contenders.push(contender);
    }
    let [subject, against] = ["taxiway 100 k URLs, joined", "taxiway 100 k URLs"].map(str::to_owned);
    group.claims.push(Claim::Ratio { subject, against, by: By::Wall, goal: Some(Goal::least(0.95, 1.0)) });
    Ok(vec![group])
}

/// Real text logs beside generated JSON.
fn real(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let corpus = plan.place.corpus.as_deref().ok_or_else(|| anyhow::anyhow!("no --corpus given"))?;
    let snapshot = data.snapshot(&data.list(MILLION)?)?;
    let events = data.events(Events::Zeek, plan.bytes, MILLION, RATE)?;
    let base = "taxiway 1 M";
    let mut group = group("real");
    group.contenders.push(ours(plan, base, &snapshot, &events, 1));
    for log in crate::data::LOGS {
        let name = format!("taxiway 1 M, {log}");
        let events = data.real(corpus, log, plan.bytes)?;
        group.contenders.push(ours(plan, &name, &snapshot, &events, 1));
        let goal = Some(Goal::least(0.8, 1.0));
        group.claims.push(Claim::Ratio { subject: name, against: base.to_owned(), by: By::Wall, goal });
    }
    Ok(vec![group])
}

/// Building snapshots: a plain list and STIX 2.1.
fn compile(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let mut group = group("compile");
    let output = data.scratch("snapshot");
    let mut add = |name: &str, feed: &Path, things: u64, goal| {
        let mut command: Vec<OsString> = vec![plan.taxiway.clone().into(), "compile".into(), feed.into()];
        command.extend(["-o".into(), output.clone().into_os_string()]);
        let mut contender = Contender::new(name, feed, command);
        contender.marker = "";
        group.contenders.push(contender);
        group.claims.push(Claim::Rate { subject: name.to_owned(), things, goal });
    };
    add("taxiway compile, 1 M list", &data.list(MILLION)?, 0, Goal::most(1.0, 0.5));
    let objects = 2 * MILLION + crate::generator::indicators::THREATS;
    let goal = Goal::least(400_000.0, 900_000.0);
    add("taxiway compile, STIX 2.1 objects", &data.bundle(MILLION)?, objects, goal);
    Ok(vec![group])
}

/// Reading STIX: against the readers that Python has, and the memory for a document of which little is kept.
fn feeds(plan: &Plan, data: &Data) -> anyhow::Result<Vec<Group>> {
    let output = data.scratch("snapshot");
    let ours = |name: &str, feed: &Path| {
        let mut command: Vec<OsString> = vec![plan.taxiway.clone().into(), "compile".into(), feed.into()];
        command.extend(["--quiet".into(), "-o".into(), output.clone().into_os_string()]);
        let mut contender = Contender::new(name, feed, command);
        contender.marker = "";
        contender.note = "resolves, builds and writes the set".into();
        contender
    };
    let mut stix_1 = group("feeds, STIX 1");
    let package = data.package(100_000, 0)?;
    stix_1.contenders.push(ours("taxiway compile, STIX 1", &package));
    let rival = rivals::reader(plan, "xml.etree.ElementTree", "elementtree.py", "values only", &package);
    stix_1.rival("taxiway compile, STIX 1", rival, By::Wall, Some(Goal::least(8.0, 12.0)));

    let mut stix_2 = group("feeds, STIX 2.1");
    stix_2.contenders.push(ours("taxiway compile, STIX 2.1", &data.bundle(200_000)?));
    let note = "patterns only; a fortieth of the objects";
    let rival = rivals::reader(plan, "stix2", "stix2_parse.py", note, &data.bundle(5000)?);
    stix_2.rival("taxiway compile, STIX 2.1", rival, By::Wall, Some(Goal::least(300.0, 600.0)));

    let mut memory = group("feeds, memory");
    let goal = Goal::most(64.0, 32.0);
    for (name, feed) in [
        ("taxiway compile, 10 k indicators in a bundle", data.padded_bundle(10_000, plan.bytes)?),
        ("taxiway compile, 10 k indicators in a package", data.package(10_000, plan.bytes)?),
    ] {
        memory.contenders.push(ours(name, &feed));
        memory.claims.push(Claim::Memory { subject: name.to_owned(), goal });
    }
    Ok(vec![stix_1, stix_2, memory])
}
