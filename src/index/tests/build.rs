//! What a builder makes of what it is given.

use super::*;

/// Ids that come again, in values near and far, are stored once and come back at each.
#[test]
fn ids_are_stored_once() {
    let id = |i: u8| match i % 9 {
        8 => None,
        7 => Some(Id::Text(format!("text-{}", i % 2).into())),
        n => Some(Id::Uuid([n / 2; 16])),
    };
    let address = |i: u8| Observable::Ip(std::net::Ipv4Addr::new(198, 51, 100, i).into());
    let snapshot = opened(&["f"], (0..200).map(|i| Indicator { id: id(i), ..plain(0, address(i)) }));
    for i in 0..200 {
        let entry = find(&snapshot, &address(i)).unwrap();
        assert_eq!(snapshot.records(entry).map(|record| record.id).collect::<Vec<_>>(), [id(i)], "{i}");
    }
    let sections = snapshot.info().sections;
    assert_eq!(sections.iter().find(|(name, _)| *name == "uuids").unwrap().1, 4 * 16);
}

#[test]
fn repetitions_do_not_change_the_bytes() {
    let names = |times: usize| {
        let some = (0..500).map(|i| format!("name-{i}.evil.example"));
        let again = std::iter::repeat_n("again.and-again.example".to_owned(), times);
        some.chain(again).map(|name| plain(0, value(&name))).collect::<Vec<_>>()
    };
    assert_eq!(built(&["f"], names(1)).0, built(&["f"], names(400)).0);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut indicators = rich();
    let (bytes, _) = built(&["zebra", "ant"], indicators.clone());
    // again, and with a second copy of everything
    assert_eq!(built(&["zebra", "ant"], indicators.iter().chain(&indicators).cloned()).0, bytes);
    indicators.reverse();
    for indicator in &mut indicators {
        indicator.values.reverse();
    }
    assert_eq!(built(&["zebra", "ant"], indicators.clone()).0, bytes);
    // feeds in the other order, an Arc for each context, values one by one, a feed named twice
    let mut other = Vec::new();
    for indicator in &indicators {
        for one in &indicator.values {
            let mut single = Indicator { values: vec![one.clone()], ..indicator.clone() };
            single.context = Arc::new(Context::clone(&indicator.context));
            single.feed = [2, 0][usize::from(indicator.feed)];
            other.push(single);
        }
    }
    other.rotate_left(7);
    assert_eq!(built(&["ant", "ant", "zebra"], other).0, bytes);
}

#[test]
fn the_version_changes_with_anything_that_is_said() {
    let base = || plain(0, value("evil.example"));
    let text = |text: &str| Some(Box::from(text));
    let context = |context| Indicator { context: Arc::new(context), ..base() };
    let remarked = |remarks| context(Context { remarks: Some(Box::new(remarks)), ..Context::default() });
    let variants = vec![
        base(),
        plain(0, value("evil.exampl")),
        Indicator { values: vec![(value("evil.example"), Part::OfPattern)], ..base() },
        Indicator { id: Some(Id::Uuid([0; 16])), ..base() },
        Indicator { id: Some(Id::Uuid([1; 16])), ..base() },
        Indicator { id: Some(Id::Text("a".into())), ..base() },
        Indicator { valid_from: Some(Timestamp(0)), ..base() },
        Indicator { valid_from: Some(Timestamp(1)), ..base() },
        Indicator { valid_until: Some(Timestamp(0)), ..base() },
        Indicator { confidence: Some(0), ..base() },
        Indicator { confidence: Some(100), ..base() },
        Indicator { tlp: Some(Tlp::White), ..base() },
        context(Context { name: text("x"), ..Context::default() }),
        context(Context { description: text("x"), ..Context::default() }),
        context(Context { labels: vec!["x".into()], ..Context::default() }),
        context(Context { labels: vec!["x".into(), "y".into()], ..Context::default() }),
        context(Context { labels: vec!["y".into(), "x".into()], ..Context::default() }),
        context(Context { threats: vec![(ThreatKind::Malware, "x".into())], ..Context::default() }),
        context(Context { threats: vec![(ThreatKind::Tool, "x".into())], ..Context::default() }),
        context(Context { kill_chain: vec!["x".into()], ..Context::default() }),
        context(Context { references: vec!["x".into()], ..Context::default() }),
        remarked(Remarks { techniques: vec!["x".into()], ..Remarks::default() }),
        remarked(Remarks { statements: vec!["x".into()], ..Remarks::default() }),
        remarked(Remarks { notes: vec!["x".into()], ..Remarks::default() }),
        remarked(Remarks { sightings: Some(Sightings { count: 1, last_seen: None }), ..Remarks::default() }),
        remarked(Remarks { sightings: Some(Sightings { count: 2, last_seen: None }), ..Remarks::default() }),
        remarked(Remarks {
            sightings: Some(Sightings { count: 1, last_seen: Some(Timestamp(0)) }),
            ..Remarks::default()
        }),
        remarked(Remarks { opinions: [0, 1, 0, 0, 0], ..Remarks::default() }),
        remarked(Remarks { opinions: [0, 0, 1, 0, 0], ..Remarks::default() }),
    ];
    let count = variants.len();
    let versions: BTreeSet<String> =
        variants.into_iter().map(|variant| opened(&["f"], [variant]).version().to_owned()).collect();
    assert_eq!(versions.len(), count);
    let version = opened(&["f"], [base()]).version().to_owned();
    assert!(version.len() == 16 && version.bytes().all(|c| c.is_ascii_hexdigit()), "{version}");
    assert!(versions.contains(&version));
    assert!(!versions.contains(opened(&["g"], [base()]).version()));
    let mut builder = Builder::new(&feeds(&["f"]), Allow { wide_network: true, ..Allow::default() });
    builder.add(base());
    let other = Snapshot::from_bytes(builder.finish().unwrap().0).unwrap();
    assert!(!versions.contains(other.version()));
}

#[test]
fn refused_values_are_counted_and_leave_nothing() {
    let refused = [
        ("wide-network", vec!["16.0.0.0/7", "2000::/15"]),
        ("public-suffix", vec!["co.uk", "com.au", "ac.jp", "gov.br"]),
        (
            "empty-file",
            vec![
                "d41d8cd98f00b204e9800998ecf8427e",
                "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ],
        ),
        ("file-name", vec!["fix-your-files.txt"]),
    ];
    let taken = ["16.0.0.0/8", "2000::/16", "evil.co.uk", "http://co.uk/x", "someone@co.uk", "a.b.txt"];
    let indicators = |refused: &[(&str, Vec<&str>)]| -> Vec<Indicator> {
        let refused = refused.iter().flat_map(|(_, values)| values.clone());
        let context = |text: &str| Arc::new(Context { name: Some(text.into()), ..Context::default() });
        let mut all: Vec<_> = refused
            .chain(taken)
            .map(|text| Indicator { context: context(text), ..plain(0, value(text)) })
            .collect();
        // refused and taken in one indicator
        all[0].values.push((value("198.51.100.7"), Part::Whole));
        all
    };
    let (bytes, report) = built(&["f"], indicators(&refused));
    let snapshot = Snapshot::from_bytes(bytes).unwrap();
    assert_eq!(snapshot.entries().count(), taken.len() + 1);
    assert_eq!(snapshot.info().contexts, 7, "contexts of refused values are not kept");
    for (rule, values) in &refused {
        let (_, count, examples) = report.refused.iter().find(|(name, ..)| name == rule).unwrap();
        let wanted: Vec<String> = values.iter().take(3).map(|text| value(text).to_string()).collect();
        assert_eq!((*count, examples), (values.len() as u64, &wanted), "{rule}");
        assert!(values.iter().all(|text| find(&snapshot, &value(text)).is_none()));
    }

    let allow = Allow { wide_network: true, public_suffix: true, empty_file: true, file_name: true };
    let mut builder = Builder::new(&feeds(&["f"]), allow);
    for indicator in indicators(&refused) {
        builder.add(indicator);
    }
    let (bytes, report) = builder.finish().unwrap();
    let snapshot = Snapshot::from_bytes(bytes).unwrap();
    snapshot.verify().unwrap();
    assert!(report.refused.is_empty());
    assert!(refused.iter().flat_map(|(_, v)| v).all(|text| find(&snapshot, &value(text)).is_some()));
    assert_eq!(snapshot.info().allow, allow);
}
