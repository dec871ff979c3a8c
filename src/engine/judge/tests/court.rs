//! A judge with what it judges by, and small snapshots.

use super::*;

pub(super) const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

pub(super) fn listed(feed: u16, value: &str) -> Indicator {
    let values = observable::read(value, Hint::None).unwrap();
    Indicator {
        feed,
        id: None,
        values: values.into_iter().map(|v| (v, Part::Whole)).collect(),
        compounds: Box::default(),
        valid_from: None,
        valid_until: None,
        confidence: None,
        tlp: None,
        context: Arc::default(),
    }
}

pub(super) fn snapshot(feeds: &[&str], indicators: impl IntoIterator<Item = Indicator>) -> Arc<Snapshot> {
    let feeds: Vec<Box<str>> = feeds.iter().map(|f| (*f).into()).collect();
    let mut builder = Builder::new(&feeds, Allow::default());
    indicators.into_iter().for_each(|i| builder.add(i));
    Arc::new(Snapshot::from_bytes(builder.finish().unwrap().0).unwrap())
}

/// A judge with what it judges by.
pub(super) struct Court {
    pub(super) judge: Judge,
    pub(super) generation: Generation,
    pub(super) settings: Settings,
    pub(super) counts: Counts,
}

impl Court {
    pub(super) fn new(snapshots: Vec<Arc<Snapshot>>) -> Court {
        Court {
            judge: Judge::new(),
            generation: Generation { snapshots, policy: Policy::default() },
            settings: Settings::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn of(values: &[&str]) -> Court {
        Court::new(vec![snapshot(&["feed"], values.iter().map(|v| listed(0, v)))])
    }

    /// The offset and the bytes of the tag.
    pub(super) fn tag(&mut self, event: impl AsRef<[u8]>) -> Option<(usize, Vec<u8>)> {
        let mut tags = b"before".to_vec();
        let event = event.as_ref();
        let marked = Marked { bytes: event, marks: None };
        let at = self.judge.event(marked, &self.settings, &self.generation, NOW, &mut tags, &mut self.counts);
        let tag = tags.split_off(6);
        assert_eq!(tags, b"before");
        assert_eq!(at.is_some(), !tag.is_empty());
        Some((at?, tag))
    }

    /// The event with its tag.
    pub(super) fn tagged(&mut self, event: impl AsRef<[u8]>) -> Vec<u8> {
        let event = event.as_ref();
        let mut out = event.to_vec();
        if let Some((at, tag)) = self.tag(event) {
            assert!(!tag.contains(&b'\n') && !tag.contains(&b'\r'));
            out.splice(at..at, tag);
        }
        out
    }

    /// `field atomic listed grade` of each enrichment of an event after it was tagged.
    pub(super) fn hits(&mut self, event: impl AsRef<[u8]>) -> Vec<String> {
        self.settings.preset = Preset::Flat;
        let Some((_, tag)) = self.tag(event) else { return Vec::new() };
        let start = tag.iter().position(|b| *b == b'{').unwrap();
        let text = String::from_utf8(tag[start..].to_vec()).unwrap();
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let object = object.get("taxiway").unwrap_or(&object);
        let cell = |name: &str, n: usize| object[name][n].as_str().unwrap().to_owned();
        let rows = object["feed"].as_array().unwrap().len();
        (0..rows).map(|n| ["field", "atomic", "indicator", "grade"].map(|c| cell(c, n)).join(" ")).collect()
    }

    pub(super) fn suppressed(&self, rule: &str) -> u64 {
        self.counts.suppressed.iter().find(|(name, _)| *name == rule).map_or(0, |(_, n)| *n)
    }
}

pub(super) fn full() -> Indicator {
    Indicator {
        id: Some(Id::parse("indicator--12345678-9abc-4def-8123-456789abcdef")),
        valid_from: Some(Timestamp(0)),
        valid_until: Some(Timestamp(4_102_444_800_000_000)),
        confidence: Some(85),
        tlp: Some(Tlp::AmberStrict),
        context: Arc::new(Context {
            name: Some("Bad \"thing\"".into()),
            description: Some("Line one\nline two".into()),
            labels: vec!["c2".into(), "x".into()],
            threats: vec![(ThreatKind::Malware, "Poison Ivy".into()), (ThreatKind::Actor, "APT".into())],
            kill_chain: vec!["mitre/delivery".into()],
            references: vec!["https://a.example/1".into(), "https://a.example/2".into()],
            remarks: Some(Box::new(Remarks {
                techniques: vec!["T1071.001".into()],
                notes: vec!["not for tags".into()],
                sightings: Some(Sightings { count: 7, last_seen: Some(Timestamp(0)) }),
                ..Remarks::default()
            })),
        }),
        ..listed(0, "evil.example")
    }
}
