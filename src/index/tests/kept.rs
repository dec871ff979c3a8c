//! Compounds and their silent entries.

use super::*;
use crate::compound::{Compound, Operation, Program};
use crate::index::format::Section;
use crate::indicator::Context;

/// The compound that a pattern comes down to.
fn compound(part: &str, program: &[Operation], values: &[&str]) -> Compound {
    let mut values: Vec<Observable> = values.iter().map(|text| value(text)).collect();
    values.sort_unstable();
    Compound { values, program: Program(program.to_vec()), part: part.into() }
}

/// All of these.
fn all(part: &str, values: &[&str]) -> Compound {
    let count = u16::try_from(values.len()).unwrap();
    let program: Vec<_> = (0..count).map(Operation::Seen).chain([Operation::All(count)]).collect();
    compound(part, &program, values)
}

/// Indicators with compounds that use every column, one beside a look-up, and values of all kinds but networks, some of
/// them listed as well.
pub(super) fn some() -> Vec<Indicator> {
    let nothing = || Indicator { values: Vec::new(), ..plain(0, value("a.example")) };
    let shas: Vec<&str> =
        EVERY_KIND.into_iter().filter(|text| text.len() > 31 && !text.contains('/')).collect();
    let [md5, sha1, sha256, .., sha512] = shas.as_slice() else { panic!("{shas:?}") };
    vec![
        Indicator {
            compounds: [all("a AND b", &["203.0.113.9", "evil.example", "co.uk"])].into(),
            id: Some(Id::Uuid([7; 16])),
            valid_from: Some(Timestamp(-1)),
            confidence: Some(100),
            tlp: Some(Tlp::Red),
            context: Arc::new(Context { name: Some("only here".into()), ..Context::default() }),
            ..nothing()
        },
        Indicator {
            compounds: [
                all("c AND d", &["http://evil.example/a", "someone@evil.example", "[2001:db8::7]:443"]),
                compound(
                    "e AND (f OR g)",
                    &[
                        Operation::Seen(0),
                        Operation::Seen(1),
                        Operation::Seen(2),
                        Operation::Seen(3),
                        Operation::Any(3),
                        Operation::All(2),
                    ],
                    &[md5, sha1, sha256, sha512],
                ),
            ]
            .into(),
            valid_until: Some(Timestamp(i64::MAX)),
            id: Some(Id::Text("ü".into())),
            ..plain(1, value("beside.example"))
        },
    ]
}

fn lengths(bytes: &[u8]) -> Vec<(Section, usize)> {
    Header::read(bytes).unwrap().sections.lengths().collect()
}

#[test]
fn compounds_come_back_with_their_records_and_values() {
    let (bytes, report) = built(&["zebra", "ant"], some());
    let snapshot = Snapshot::from_bytes(bytes).unwrap();
    snapshot.verify().unwrap();
    assert_eq!((report.compounds, report.silent, report.records), (3, 10, 1));
    let silent = snapshot.silent().unwrap().unwrap();
    silent.verify().unwrap();
    let mut found: Vec<(String, Vec<String>, Record)> = Vec::new();
    for kept in snapshot.compounds() {
        let values: Vec<String> = kept.values.iter().map(|entry| silent.value(*entry)).collect();
        assert!(kept.program.holds(|_| true) && !kept.program.holds(|n| n == 1));
        found.push((kept.part.into(), values, kept.record));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let wanted: Vec<(&str, Vec<String>)> = some()
        .iter()
        .flat_map(|indicator| indicator.compounds.clone())
        .map(|one| (["a AND b", "c AND d", "e AND (f OR g)"], one))
        .map(|(parts, one)| {
            let part = parts.into_iter().find(|part| **part == *one.part).unwrap();
            (part, one.values.iter().map(ToString::to_string).collect())
        })
        .collect();
    let given: Vec<(&str, Vec<String>)> =
        found.iter().map(|(part, values, _)| (part.as_str(), values.clone())).collect();
    assert_eq!(given, wanted);
    let first = &found[0].2;
    assert_eq!(snapshot.feeds()[usize::from(first.feed)].as_ref(), "zebra");
    assert_eq!((first.id.clone(), first.tlp), (Some(Id::Uuid([7; 16])), Some(Tlp::Red)));
    assert_eq!((first.valid_from, first.valid_until), (Some(Timestamp(-1)), None));
    assert_eq!(first.confidence, Some(100));
    assert_eq!(snapshot.context(first.context_number).name.as_deref(), Some("only here"));
    let last = &found[2].2;
    assert_eq!((last.id.clone(), last.valid_until), (Some(Id::Text("ü".into())), Some(Timestamp(i64::MAX))));
}

#[test]
fn silent_entries_are_no_entries() {
    let (plain, _) = built(&["zebra", "ant"], rich());
    let (bytes, _) = built(&["zebra", "ant"], rich().into_iter().chain(some()));
    let (without, with) = (Snapshot::from_bytes(plain).unwrap(), Snapshot::from_bytes(bytes).unwrap());
    let entries = |snapshot: &Snapshot| snapshot.entries().map(|(_, _, value)| value).collect::<Vec<_>>();
    let mut expected = entries(&without);
    let place = expected.iter().position(|value| value == "evil.example").unwrap();
    expected.insert(place, "beside.example".into());
    assert_eq!(entries(&with), expected);
    assert_eq!(with.find(&value("203.0.113.9")), None);
    assert_eq!(with.find(&value("co.uk")), None);
    assert_eq!(with.info().records, without.info().records + 1);
    assert!(with.silent().unwrap().unwrap().find(&value("co.uk")).is_some(), "no build rule applies");
    assert_ne!(with.version(), without.version());
}

/// Of one indicator only the compound is new: no section but its own, contexts and checksums has another length.
#[test]
fn compounds_take_nothing_from_the_others() {
    let only = |compounds: Vec<Compound>| Indicator {
        values: Vec::new(),
        compounds: compounds.into(),
        ..plain(0, value("a.example"))
    };
    let names = (0..5_000).map(|n| plain(0, value(&format!("n{n}.example"))));
    let (without, _) = built(&["f"], names.clone());
    let (with, _) = built(&["f"], names.chain([only(vec![all("x", &["x.example", "8.8.8.8"])])]));
    assert!(
        lengths(&without)
            .iter()
            .all(|(section, len)| { !matches!(section, Section::Silent | Section::Compounds) || *len == 0 })
    );
    for ((section, before), (_, after)) in lengths(&without).into_iter().zip(lengths(&with)) {
        match section {
            Section::Silent | Section::Compounds => assert!(after > 0),
            Section::Checksums => {}
            _ => assert_eq!(before, after, "{}", section.as_str()),
        }
    }
    let traits = opened(&["f"], [only(vec![all("x", &["x.example", "8.8.8.8"])])]).traits();
    assert_eq!(traits, Traits::default(), "nothing is looked for");
}

#[test]
fn the_same_compounds_give_the_same_bytes() {
    let (bytes, _) = built(&["zebra", "ant"], rich().into_iter().chain(some()));
    let mut others: Vec<Indicator> = some().into_iter().chain(rich()).chain(some()).collect();
    others.reverse();
    for indicator in &mut others {
        indicator.compounds.reverse();
        indicator.feed = 1 - indicator.feed;
        indicator.context = Arc::new(Context::clone(&indicator.context));
    }
    assert_eq!(built(&["ant", "zebra"], others).0, bytes);
}

#[test]
fn the_version_changes_with_a_compound() {
    let version = |compounds: &[Compound], id| {
        let one = Indicator { compounds: compounds.into(), id, ..plain(0, value("a.example")) };
        opened(&["f"], [one]).version().to_owned()
    };
    let some = |part: &str, values: &[&str]| version(&[all(part, values)], None);
    let any = [Operation::Seen(0), Operation::Seen(1), Operation::Any(2)];
    let versions: BTreeSet<String> = [
        version(&[], None),
        some("x", &["x.example", "y.example"]),
        some("y", &["x.example", "y.example"]),
        some("x", &["x.example", "z.example"]),
        version(&[compound("x", &any, &["x.example", "y.example"])], None),
        version(&[all("x", &["x.example", "y.example"])], Some(Id::Text("x".into()))),
        version(&[all("x", &["x.example", "y.example"]), all("y", &["x.example", "y.example"])], None),
    ]
    .into();
    assert_eq!(versions.len(), 7);
}

#[test]
fn what_is_no_compound_is_refused() {
    for program in [
        &[][..],
        &[Operation::Seen(0)],
        &[Operation::Seen(0), Operation::Seen(2), Operation::All(2)],
        &[Operation::Seen(0), Operation::Seen(1), Operation::All(3)],
    ] {
        let mut builder = Builder::new(&feeds(&["f"]), Allow::default());
        let compounds = [compound("x", program, &["x.example", "y.example"])].into();
        builder.add(Indicator { compounds, ..plain(0, value("a.example")) });
        assert!(builder.finish().is_err(), "{program:?}");
    }
}

/// Ten thousand, with values shared by many: nothing is lost, and each takes its text and a few bytes.
#[test]
fn ten_thousand_compounds() {
    let part = |n: u32| format!("url:value = 'n{n}.example/x' AND ipv4-addr:value = '10.0.{}.1'", n % 97);
    let indicators = (0..10_000u32).map(|n| {
        let compounds = [all(&part(n), &[&format!("n{n}.example/x"), &format!("10.0.{}.1", n % 97)])].into();
        let id = Some(Id::Uuid(u128::from(n).to_be_bytes()));
        Indicator { compounds, id, values: Vec::new(), ..plain(0, value("a.example")) }
    });
    let snapshot = opened(&["f"], indicators);
    let info = snapshot.info();
    assert_eq!((info.compounds, info.records), (10_000, 0));
    let silent: u32 = info.silent.iter().map(|(_, count)| count).sum();
    assert_eq!(silent, 10_097);
    let values = snapshot.silent().unwrap().unwrap();
    let mut seen = BTreeSet::new();
    for kept in snapshot.compounds() {
        let Some(Id::Uuid(id)) = kept.record.id else { panic!("{:?}", kept.record) };
        let n = u32::try_from(u128::from_be_bytes(id)).unwrap();
        assert_eq!(*kept.part, part(n));
        let texts: Vec<String> = kept.values.iter().map(|entry| values.value(*entry)).collect();
        assert_eq!(texts, [format!("10.0.{}.1", n % 97), format!("n{n}.example/x")]);
        seen.insert(n);
    }
    assert_eq!(seen.len(), 10_000);
    let texts: u64 = (0..10_000).map(|n| part(n).len() as u64).sum();
    let section = info.sections.iter().find(|(name, _)| *name == "compounds").unwrap().1;
    assert!(section < texts + 10_000 * 60, "{section} bytes for {texts} of text");
}

/// A section that stands without the other, or whose numbers lead nowhere, is found at once.
#[test]
fn crafted_sections_are_refused_when_opened() {
    let (bytes, _) = built(
        &["f"],
        [Indicator {
            compounds: [all("x", &["x.example", "y.example"])].into(),
            ..plain(0, value("a.example"))
        }],
    );
    let range = |section| Header::read(&bytes).unwrap().sections.range(section);
    let compounds = range(Section::Compounds);
    // the last bytes: two values, 0 and 1, then three steps: seen 0, seen 1, all of 2
    assert_eq!(bytes[compounds.end - 7..compounds.end], [2, 0, 1, 3, 0, 3, 7]);
    for (back, byte, what) in [
        (6, 2, "a value that is not there"),
        (7, 1, "a value less"),
        (4, 4, "a step more than there are"),
        (3, 3, "a value that the program leaves out"),
        (1, 10, "all of three"),
        (1, 4, "all of one"),
        (1, 0x80, "a number without an end"),
    ] {
        let mut changed = bytes.clone();
        changed[compounds.end - back] = byte;
        format::reseal(&mut changed);
        let error = Snapshot::from_bytes(changed).expect_err(what).to_string();
        assert!(error.contains("section compounds is unsound"), "{what}: {error}");
    }
    let silent = range(Section::Silent);
    for at in [silent.start, silent.start + 8, silent.start + 24, silent.end - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        format::reseal(&mut changed);
        let found = Snapshot::from_bytes(changed).and_then(|snapshot| snapshot.verify());
        assert!(found.unwrap_err().to_string().contains("section silent is unsound"), "at {at}");
    }
}

#[test]
fn a_silent_entry_without_a_compound_is_found() {
    let three = |values: &[&str]| {
        let compounds = [all("x", values)].into();
        built(&["f"], [Indicator { compounds, ..plain(0, value("a.example")) }]).0
    };
    // the values of one file with the compounds of another: as long, but they name less
    let (more, less) = (three(&["x.example", "y.example", "z.example"]), three(&["x.example", "y.example"]));
    let range = |bytes: &[u8], section| Header::read(bytes).unwrap().sections.range(section);
    let (from, to) = (range(&more, Section::Silent), range(&less, Section::Silent));
    assert_eq!(from.len(), to.len(), "sections are as long as their blocks");
    let mut changed = less.clone();
    changed[to].copy_from_slice(&more[from]);
    format::reseal(&mut changed);
    let error = Snapshot::from_bytes(changed).and_then(|snapshot| snapshot.verify()).unwrap_err();
    assert!(error.to_string().contains("silent"), "{error}");
}
