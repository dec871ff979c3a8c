//! Decoded objects -> what they say about indicators.
//!
//! Is: which types and properties are read, and what happens to those that make no sense.
//! Is not: the walk over documents, or the joining of what stands in several objects.
//! Invariant: every object is counted once: as draft, context, or skipped with its reason.
//! Fails: never. Costs: the parse of the pattern, unless a newer version of the indicator is known.

use crate::compound::Compound;
use crate::indicator::{Id, Indicator, Part, ThreatKind, Timestamp, Tlp};
use crate::observable::Observable;
use crate::pattern::{self, Reduction};
use crate::stix::v2::object::{Object, Value};
use crate::stix::words::{TEXT_BYTES_MAX, WORDS_MAX, Words, cut, once};
use crate::stix::{
    Attribution, Draft, Fate, Kept, Named, Objects, Place, REVOKED, Relation, Slot, Stated, UNDATED, tlp,
};
use crate::survey::Survey;
use crate::tally::EXAMPLE_BYTES_MAX;

/// The look-ups of an indicator.
type Values = Vec<(Observable, Part)>;

/// Takes one object.
pub(super) fn object(object: &Object<'_>, place: Place, objects: &mut Objects) {
    objects.tally.received += 1;
    let [created, modified] =
        [&object.created, &object.modified].map(|time| time.text().and_then(Timestamp::parse));
    objects.survey.created.add(created);
    objects.survey.modified.add(modified);
    survey(object, &mut objects.survey);
    let mut taker = Taker { object, place, created, modified, objects };
    match object.kind.text() {
        None => taker.skip("no-type"),
        Some("indicator") => taker.indicator(),
        Some(kind) => {
            taker.context(kind);
            taker.objects.tally.context(kind);
        }
    }
}

/// What is told of an object, whatever its type is.
fn survey(object: &Object<'_>, survey: &mut Survey) {
    survey.indicators += u64::from(object.kind.text() == Some("indicator"));
    if let Some(version) = object.spec_version.text() {
        survey.version(version);
    }
    let parts = object.granular_markings.items();
    survey.marked += u64::from(!object.object_marking_refs.items().is_empty());
    survey.marked_in_part += u64::from(!parts.is_empty());
    let selects_pattern =
        |part: &Value<'_>| part.get("selectors").is_some_and(|all| all.texts().any(|one| one == "pattern"));
    survey.marked_patterns += u64::from(parts.iter().any(selects_pattern));
    if let Value::Map(extensions) = &object.extensions {
        for (id, _) in extensions {
            survey.extension(id);
        }
    }
    for name in &object.custom {
        survey.custom_property(name);
    }
}

/// The reader of one object.
pub(super) struct Taker<'o, 'a> {
    pub(super) object: &'o Object<'a>,
    pub(super) place: Place,
    /// When it was created and modified, as far as these are times.
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    pub(super) objects: &'o mut Objects,
}

impl Taker<'_, '_> {
    fn indicator(&mut self) {
        self.state();
        let Some(id) = self.object.id.text() else { return self.skip("no-id") };
        let id = Id::parse(id);
        let modified = self.version();
        let revoked = self.is_revoked();
        let slot = match self.objects.slot(&id, modified) {
            Ok(slot) => slot,
            Err(reason) => return self.skip(reason),
        };
        if revoked {
            return self.leave_out((id, slot), modified, Fate::Skip(REVOKED));
        }
        if let Some(language) = self.object.pattern_type.text()
            && !language.trim().eq_ignore_ascii_case("stix")
        {
            let pattern = self.object.pattern.text().map(str::trim).unwrap_or_default();
            let pattern = pattern.get(..pattern.floor_char_boundary(EXAMPLE_BYTES_MAX)).unwrap_or_default();
            let pattern = format!("{}: {pattern}", cut(language.trim())).into();
            let kept = Kept { reason: "pattern-type", pattern };
            return self.leave_out((id, slot), modified, Fate::Wait(kept.into()));
        }
        let Some(pattern) = self.object.pattern.text() else {
            return self.leave_out((id, slot), modified, Fate::Skip("no-pattern"));
        };
        let valid_from = self.time("valid_from", &self.object.valid_from);
        let valid_until = self.time("valid_until", &self.object.valid_until);
        if valid_until.is_some_and(|until| valid_from.is_some_and(|from| until <= from)) {
            return self.leave_out((id, slot), modified, Fate::Skip("invalid-validity"));
        }
        let (values, compounds) = match self.reduce(pattern) {
            Ok(found) => found,
            Err(fate) => return self.leave_out((id, slot), modified, fate),
        };
        let (tlp, markings) = self.markings();
        let indicator = Indicator {
            feed: 0,
            id: Some(id),
            values,
            compounds,
            valid_from,
            valid_until,
            confidence: self.confidence(),
            tlp,
            context: self.words(),
        };
        self.objects.push(Draft { indicator, modified, fate: Fate::Use, markings, place: self.place }, slot);
    }

    /// Notes the pattern for those who ask for all.
    fn state(&mut self) {
        if self.objects.stated.is_none() {
            return;
        }
        let text = |value: &Value<'_>| value.text().map(Into::into);
        let name = text(&self.object.id).unwrap_or_else(|| self.objects.describe(self.place).into());
        let (language, pattern) = (text(&self.object.pattern_type), text(&self.object.pattern));
        self.objects.stated.get_or_insert_default().push(Stated { name, language, pattern });
    }

    /// What the pattern comes down to, or what else becomes of the indicator.
    fn reduce(&mut self, text: &str) -> Result<(Values, Box<[Compound]>), Fate> {
        let wait = |reason| Err(Fate::Wait(Kept { reason, pattern: text.into() }.into()));
        let Ok(pattern) = pattern::parse(text) else { return wait("bad-pattern") };
        let Reduction { values, compounds, waiting } = pattern::reduce(&pattern);
        match (waiting.first(), compounds.first()) {
            (Some(rest), None) if values.is_empty() => return wait(rest.reason.as_str()),
            (Some(rest), _) => self.objects.note("part-not-yet-matched", self.place, &rest.part),
            (None, Some(one)) if !values.is_empty() => self.objects.note("part-kept", self.place, &one.part),
            (None, _) => {}
        }
        Ok((values, compounds.into()))
    }

    /// Keeps the id and version of an indicator that is not used, so that older versions do not come back.
    fn leave_out(&mut self, (id, slot): (Id, Slot), modified: Timestamp, fate: Fate) {
        let indicator = Indicator {
            feed: 0,
            id: Some(id),
            values: Vec::new(),
            compounds: Box::default(),
            valid_from: None,
            valid_until: None,
            confidence: None,
            tlp: None,
            context: self.objects.context(&Words::default()),
        };
        self.objects.push(Draft { indicator, modified, fate, markings: 0, place: self.place }, slot);
    }

    fn confidence(&mut self) -> Option<u8> {
        match self.object.confidence {
            Value::Absent => None,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just before"
            )]
            Value::Number(number) if (0.0..=100.0).contains(&number) => Some(number as u8),
            _ => {
                self.note("bad-confidence");
                None
            }
        }
    }

    fn words(&mut self) -> std::sync::Arc<crate::indicator::Context> {
        let object = self.object;
        let mut words = Words {
            name: self.text("bad-name", &object.name),
            description: self.text("bad-description", &object.description),
            ..Words::default()
        };
        for label in object.labels.texts().chain(object.indicator_types.texts()) {
            once(&mut words.labels, label.trim());
        }
        for phase in object.kill_chain_phases.items() {
            let part = |key| phase.get(key).and_then(Value::text);
            if let (Some(chain), Some(phase)) = (part("kill_chain_name"), part("phase_name")) {
                words.phase(chain, phase);
            }
        }
        for reference in object.external_references.items() {
            once(&mut words.references, reference.get("url").and_then(Value::text).unwrap_or_default());
        }
        words.techniques = techniques(&object.external_references).take(WORDS_MAX).collect();
        words.techniques.sort_unstable();
        words.techniques.dedup();
        self.objects.context(&words)
    }

    /// The strictest of the built-in markings, and the number of the list of others.
    fn markings(&mut self) -> (Option<Tlp>, u32) {
        let object = self.object;
        let whole = object.object_marking_refs.texts();
        let parts = object.granular_markings.items();
        let parts = parts.iter().filter_map(|part| part.get("marking_ref").and_then(Value::text));
        let mut strictest = None;
        let mut others = Vec::new();
        for id in whole.chain(parts) {
            match tlp::built_in(id) {
                Some(tlp) => strictest = strictest.max(Some(tlp)),
                None => others.push(self.objects.number(id)),
            }
        }
        others.sort_unstable();
        others.dedup();
        (strictest, self.objects.marking_list(&others))
    }

    fn context(&mut self, kind: &str) {
        let Some(id) = self.object.id.text() else { return };
        match kind {
            "relationship" => self.relation(id),
            "marking-definition" => self.marking(id),
            "sighting" | "note" | "opinion" => self.remark(id, kind),
            _ => {
                if let Some(kind) = threat_kind(kind) {
                    let alias = self.object.aliases.texts().next();
                    let name = self.object.name.text().map(str::trim).filter(|name| !name.is_empty());
                    let name = name.or(alias).filter(|_| !self.is_revoked());
                    let name = name.map(|name| cut(name).into());
                    let modified = self.version();
                    let technique = techniques(&self.object.external_references).next();
                    let technique =
                        technique.filter(|_| kind == ThreatKind::AttackPattern && !self.is_revoked());
                    let technique = technique.map(Into::into);
                    self.objects.name(id, Named { kind, name, technique, modified });
                }
            }
        }
    }

    fn relation(&mut self, id: &str) {
        let (Some(source), Some(target)) = (self.object.source_ref.text(), self.object.target_ref.text())
        else {
            return self.note("relation-without-ends");
        };
        let (id, modified) = (relation_id(id), self.version());
        match self.object.relationship_type.text() {
            Some("indicates" | "attributed-to" | "uses") if self.is_revoked() => {
                self.objects.revoke_relation(id, modified);
            }
            // STIX 2.0 feeds have indicators that use a technique.
            Some("uses") if !source.starts_with("indicator--") => {}
            Some("indicates" | "uses") => {
                let target = self.objects.number(target);
                let source = Id::parse(source);
                self.objects.indicates.push(Relation { id, modified, source, target });
            }
            Some("attributed-to") => {
                let (source, target) = (self.objects.number(source), self.objects.number(target));
                self.objects.attributed.push(Attribution { id, modified, source, target });
            }
            _ => {}
        }
    }

    fn marking(&mut self, id: &str) {
        let object = self.object;
        let first = object.definition.get("tlp").and_then(Value::text);
        let second = object.extensions.get(tlp::TLP_2_EXTENSION);
        let second = second.and_then(|extension| extension.get("tlp_2_0")).and_then(Value::text);
        let named =
            object.name.text().filter(|name| name.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("tlp:")));
        let colour = [first, named, second].into_iter().flatten().filter_map(tlp::from_word).max();
        if let Some(colour) = colour {
            let number = self.objects.number(id);
            let strictest = self.objects.markings.entry(number).or_insert(colour);
            *strictest = colour.max(*strictest);
        }
        let statement = object.definition.get("statement").and_then(Value::text).map(str::trim);
        if let Some(statement) = statement.filter(|statement| !statement.is_empty()) {
            self.objects.state(id, cut(statement));
        }
    }

    pub(super) fn version(&mut self) -> Timestamp {
        let modified = self.told("modified", self.modified, &self.object.modified);
        modified.or_else(|| self.told("created", self.created, &self.object.created)).unwrap_or(UNDATED)
    }

    pub(super) fn is_revoked(&self) -> bool {
        matches!(self.object.revoked, Value::Flag(true)) || self.object.revoked.text() == Some("true")
    }

    pub(super) fn time(&mut self, property: &'static str, value: &Value<'_>) -> Option<Timestamp> {
        self.told(property, value.text().and_then(Timestamp::parse), value)
    }

    /// The time that a value is, and a note if it is none.
    fn told(
        &mut self,
        property: &'static str,
        time: Option<Timestamp>,
        value: &Value<'_>,
    ) -> Option<Timestamp> {
        if time.is_none() && !matches!(value, Value::Absent) {
            self.objects.note("bad-time", self.place, property);
        }
        time
    }

    fn text<'v>(&mut self, reason: &'static str, value: &'v Value<'_>) -> Option<&'v str> {
        if value.is_no_text() {
            self.note(reason);
        }
        let text = value.text().map(str::trim).filter(|text| !text.is_empty())?;
        if text.len() > TEXT_BYTES_MAX {
            self.note("long-text");
        }
        Some(cut(text))
    }

    pub(super) fn note(&mut self, reason: &'static str) {
        self.objects.note(reason, self.place, self.object.id.text().unwrap_or_default());
    }

    fn skip(&mut self, reason: &'static str) {
        self.objects.skip(reason, self.place, self.object.id.text().unwrap_or_default());
    }
}

/// What a type of object is to an indicator, if it can be indicated.
fn threat_kind(kind: &str) -> Option<ThreatKind> {
    Some(match kind {
        "malware" => ThreatKind::Malware,
        "threat-actor" | "intrusion-set" => ThreatKind::Actor,
        "campaign" => ThreatKind::Campaign,
        "tool" => ThreatKind::Tool,
        "attack-pattern" => ThreatKind::AttackPattern,
        "infrastructure" => ThreatKind::Infrastructure,
        _ => return None,
    })
}

/// Ids of ATT&CK techniques among references: `T1071`, `T1071.001`.
fn techniques<'v>(references: &'v Value<'_>) -> impl Iterator<Item = &'v str> {
    let is_attack = |reference: &&Value<'_>| {
        let source = reference.get("source_name").and_then(Value::text).unwrap_or_default();
        source.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("mitre"))
    };
    let id = |reference: &'v Value<'_>| reference.get("external_id").and_then(Value::text).map(str::trim);
    references.items().iter().filter(is_attack).filter_map(id).filter(|id| is_technique(id))
}

fn is_technique(id: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    match id.strip_prefix('T').map(|number| number.split_once('.').ok_or(number)) {
        Some(Ok((technique, sub))) => digits(technique, 4) && digits(sub, 3),
        Some(Err(technique)) => digits(technique, 4),
        None => false,
    }
}

/// The id of a relation: its UUID where it has one, which is all that tells relations apart.
fn relation_id(id: &str) -> Option<Id> {
    let uuid = id.strip_prefix("relationship--").and_then(crate::indicator::uuid);
    (!id.is_empty()).then(|| uuid.map_or_else(|| Id::Text(id.into()), Id::Uuid))
}
