//! Trees of objects -> what they say about indicators.
//!
//! Is: what is read of indicators, observables and what they point to, at whatever depth they stand in each other.
//! Is not: the walk over documents, or the joining of what stands in several objects.
//! Invariant: every object is counted once: as draft, observable, context, or skipped with its reason. An element
//! that only refers to an object (`idref`) is none.
//! Fails: never. Costs: a visit an element, and one more for each indicator inside of another.

use std::sync::Arc;

use crate::indicator::{self, Id, Indicator, Timestamp, Tlp};
use crate::stix::expression::{self, AND, Expression};
use crate::stix::v1::observable::{self, Dialect};
use crate::stix::v1::threat;
use crate::stix::v1::tree::Element;
use crate::stix::words::{Words, cut, once};
use crate::stix::{Draft, Fate, Objects, Place, Relation, Standalone, tlp};

/// Threats that one indicator points to.
const TARGETS_MAX: usize = 256;

/// Whether elements of this name are objects that are counted.
pub(super) fn is_object(name: &str) -> bool {
    matches!(
        name,
        "Indicator"
            | "Observable"
            | "TTP"
            | "Campaign"
            | "Threat_Actor"
            | "Course_Of_Action"
            | "Exploit_Target"
    )
}

/// Where an object stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'s> {
    /// How the document writes its values.
    pub(super) dialect: Dialect,
    /// Numbers of the markings of what it stands in.
    pub(super) markings: &'s [u32],
    /// The time of what it stands in, for objects that have none.
    pub(super) time: Timestamp,
}

/// Takes the object and all objects in it; `number` counts them.
pub(super) fn object(element: Element<'_>, around: Around<'_>, number: &mut u64, objects: &mut Objects) {
    let mut taker = Taker { around, number, objects };
    taker.object(element, None);
}

struct Taker<'o> {
    around: Around<'o>,
    number: &'o mut u64,
    objects: &'o mut Objects,
}

impl Taker<'_> {
    fn object(&mut self, element: Element<'_>, inherited: Option<Tlp>) {
        if element.reference().is_some() {
            return self.objects_in(element, inherited);
        }
        *self.number += 1;
        self.objects.tally.received += 1;
        let place = self.objects.place(*self.number);
        let own = marking(element);
        self.objects.survey.marked += u64::from(own.is_some());
        let tlp = inherited.max(own);
        self.objects.survey.indicators += u64::from(element.name() == "Indicator");
        match element.name() {
            "Indicator" => self.indicator(element, place, tlp),
            "Observable" => self.observable(element, place, tlp),
            kind => {
                self.objects.tally.context(&kind.to_lowercase().replace('_', "-"));
                if let Some(id) = element.attribute("id") {
                    let modified = self.version(element, place, id);
                    threat::name(element, id, modified, self.objects);
                }
                self.objects_in(element, tlp);
            }
        }
    }

    /// Takes the objects inside of an element.
    fn objects_in(&mut self, element: Element<'_>, tlp: Option<Tlp>) {
        let mut behind = 0;
        for inner in element.descendants() {
            if inner.position() >= behind && is_object(inner.name()) {
                behind = inner.end();
                self.object(inner, tlp);
            }
        }
    }

    fn observable(&mut self, element: Element<'_>, place: Place, tlp: Option<Tlp>) {
        let expression = self.expression(element);
        let list = self.markings();
        let title = element.child("Title").map(Element::text).filter(|title| !title.is_empty());
        let words = Words { name: title.map(cut), ..Words::default() };
        let context = self.objects.context(&words);
        let id = element.attribute("id").map(Into::into);
        self.objects.observables.push(Standalone { id, expression, place, tlp, markings: list, context });
    }

    fn expression(&mut self, element: Element<'_>) -> Arc<Expression> {
        let dialect = self.around.dialect;
        dialect.observable(element, &mut |id, found| self.objects.define(id, found))
    }

    fn indicator(&mut self, element: Element<'_>, place: Place, tlp: Option<Tlp>) {
        let mut looked_for = Vec::new();
        let has_mechanism = element.child("Test_Mechanisms").or(element.child("Test_Mechanism")).is_some();
        for child in element.children() {
            match child.name() {
                "Observable" => looked_for.push(self.expression(child)),
                "Observables" => {
                    let inner = child.children().filter(|inner| inner.name() == "Observable");
                    looked_for.extend(inner.map(|inner| self.expression(inner)));
                }
                "Composite_Indicator_Expression" => looked_for.push(self.composite(child, tlp)),
                name if is_object(name) => self.object(child, tlp),
                _ => self.objects_in(child, tlp),
            }
        }
        let mut expression = Expression::any(looked_for);
        let text = |name| element.child(name).map(Element::text).filter(|text: &&str| !text.is_empty());
        if element.attribute("negate").is_some_and(|negate| matches!(negate, "true" | "1")) {
            let title = text("Title").unwrap_or_default();
            expression = observable::wait(crate::pattern::Waiting::Negation, &format!("NOT {title}"));
        }
        let id = element.attribute("id").map(Id::parse);
        let shown = crate::stix::shown(id.as_ref());
        let modified = self.version(element, place, &shown);
        let (valid_from, valid_until) = self.validity(element, place, &shown);
        let confidence = self.confidence(element, place, &shown);
        let is_never_valid = valid_until.is_some_and(|until| valid_from.is_some_and(|from| until <= from));
        let (values, fate) = if is_never_valid {
            (Vec::new(), Fate::Skip("invalid-validity"))
        } else if expression.is_closed() {
            let outcome = expression::reduce(&expression, &|_| None);
            match self.objects.settle(outcome, place) {
                (values, Fate::Skip(_)) if has_mechanism => (values, Fate::Skip("test-mechanism")),
                settled => settled,
            }
        } else {
            (Vec::new(), Fate::Seek(expression))
        };
        if let Some(id) = &id {
            self.points_to(element, id, modified);
        }
        let markings = self.markings();
        let context = self.objects.context(&words(element));
        let indicator = Indicator {
            feed: 0,
            id,
            values,
            compounds: Box::default(),
            valid_from,
            valid_until,
            confidence,
            tlp,
            context,
        };
        self.objects.take(Draft { indicator, modified, fate, markings, place });
    }

    /// The TTPs that it indicates and the campaigns that it belongs to, here or elsewhere.
    fn points_to(&mut self, element: Element<'_>, id: &Id, modified: Timestamp) {
        for child in element.children() {
            let wanted = match child.name() {
                "Indicated_TTP" | "Indicated_TTPs" => "TTP",
                "Related_Campaigns" | "Related_Campaign" => "Campaign",
                _ => continue,
            };
            for inner in child.descendants().filter(|inner| inner.name() == wanted).take(TARGETS_MAX) {
                let Some(target) = inner.attribute("idref").or(inner.attribute("id")) else { continue };
                let target = self.objects.number(target);
                // relations of STIX 1 have no ids
                let relation = Relation { id: None, modified, source: id.clone(), target };
                self.objects.indicates.push(relation);
            }
        }
    }

    /// `Composite_Indicator_Expression`. By OR each indicator in it is one of its own as well; by AND none is.
    fn composite(&mut self, element: Element<'_>, tlp: Option<Tlp>) -> Arc<Expression> {
        let is_or = element.attribute("operator").is_some_and(|operator| operator.eq_ignore_ascii_case("or"));
        let mut parts = Vec::new();
        for child in element.children().filter(|child| child.name() == "Indicator") {
            parts.push(self.part(child));
            if is_or {
                self.object(child, tlp);
            } else {
                self.leave_out(child);
            }
        }
        observable::join(element, parts)
    }

    /// What an indicator of a composite looks for.
    fn part(&mut self, element: Element<'_>) -> Arc<Expression> {
        if let Some(id) = element.reference() {
            return Arc::new(Expression::Reference(id.into()));
        }
        let mut looked_for = Vec::new();
        for child in element.children() {
            match child.name() {
                "Observable" => looked_for.push(self.expression(child)),
                "Composite_Indicator_Expression" => {
                    let parts = child.children().filter(|child| child.name() == "Indicator");
                    let parts = parts.map(|part| self.part(part)).collect();
                    looked_for.push(observable::join(child, parts));
                }
                _ => {}
            }
        }
        Expression::any(looked_for)
    }

    /// Counts the indicators of an AND: none of them is one on its own.
    fn leave_out(&mut self, element: Element<'_>) {
        let inner = element.descendants().filter(|inner| inner.name() == "Indicator");
        for part in std::iter::once(element).chain(inner) {
            if part.reference().is_none() {
                *self.number += 1;
                self.objects.tally.received += 1;
                self.objects.survey.indicators += 1;
                let place = self.objects.place(*self.number);
                self.objects.skip(AND, place, part.attribute("id").unwrap_or_default());
            }
        }
    }

    fn markings(&mut self) -> u32 {
        self.objects.marking_list(self.around.markings)
    }

    fn version(&mut self, element: Element<'_>, place: Place, id: &str) -> Timestamp {
        let own = element.attribute("timestamp");
        let own = own.and_then(|time| self.time(time, place, id));
        self.objects.survey.modified.add(own);
        own.unwrap_or(self.around.time)
    }

    /// From the first start to the last end; a position without one has none.
    fn validity(
        &mut self,
        element: Element<'_>,
        place: Place,
        id: &str,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let mut span: Option<(Option<Timestamp>, Option<Timestamp>)> = None;
        for position in element.children().filter(|child| child.name() == "Valid_Time_Position") {
            let mut time = |name| {
                let text = position.child(name).map(Element::text).filter(|text| !text.is_empty());
                text.and_then(|text| self.time(text, place, id))
            };
            let (from, until) = (time("Start_Time"), time("End_Time"));
            span = Some(match span {
                None => (from, until),
                Some((first, last)) => (
                    first.and_then(|first| from.map(|from| first.min(from))),
                    last.and_then(|last| until.map(|until| last.max(until))),
                ),
            });
        }
        span.unwrap_or_default()
    }

    fn time(&mut self, text: &str, place: Place, id: &str) -> Option<Timestamp> {
        let time = instant(text);
        if time.is_none() {
            self.objects.note("bad-time", place, id);
        }
        time
    }

    fn confidence(&mut self, element: Element<'_>, place: Place, id: &str) -> Option<u8> {
        let word = element.find(&["Confidence", "Value"]).map(Element::text)?;
        let confidence = confidence(word);
        if confidence == Err(()) {
            self.objects.note("bad-confidence", place, id);
        }
        confidence.unwrap_or_default()
    }
}

/// Title, description, types, phases and references.
fn words(element: Element<'_>) -> Words<'_> {
    let text = |name| element.child(name).map(Element::text).filter(|text: &&str| !text.is_empty()).map(cut);
    let mut words = Words { name: text("Title"), description: text("Description"), ..Words::default() };
    for child in element.children() {
        match child.name() {
            "Type" => once(&mut words.labels, child.text()),
            "Kill_Chain_Phases" => {
                for phase in child.children().filter(|phase| phase.name() == "Kill_Chain_Phase") {
                    if let Some((chain, phase)) = kill_chain_phase(phase) {
                        words.phase(chain, phase);
                    }
                }
            }
            "Producer" => {
                let references = child.child("References").into_iter().flat_map(Element::children);
                references.for_each(|reference| once(&mut words.references, reference.text()));
            }
            _ => {}
        }
    }
    words
}

/// Chain and phase; the names of the usual chain are known by their ids.
fn kill_chain_phase<'t>(phase: Element<'t>) -> Option<(&'t str, &'t str)> {
    let local = |id: &'t str| id.rsplit_once(':').map_or(id, |(_, local)| local);
    let (chain_id, phase_id) = (phase.attribute("kill_chain_id"), phase.attribute("phase_id"));
    let known = phase_id.and_then(|id| PHASES.iter().find(|(known, _)| *known == local(id)));
    let is_usual = known.is_some() || chain_id.is_some_and(|id| local(id) == CHAIN);
    let chain = phase.attribute("kill_chain_name").or(is_usual.then_some(CHAIN_NAME)).or(chain_id)?;
    let name = phase.attribute("name").or(known.map(|(_, name)| *name)).or(phase_id)?;
    Some((chain, name))
}

/// The strictest colour in the `Handling` of an object, whatever part of it the marking is said to be about.
fn marking(element: Element<'_>) -> Option<Tlp> {
    let handling = element.children().filter(|child| child.name() == "Handling");
    let colours = handling.flat_map(Element::descendants).filter_map(|inner| inner.attribute("color"));
    colours.filter_map(tlp::from_word).max()
}

/// A word of the vocabulary High, Medium, Low as the number that STIX 2.1 (appendix A) has for it, or a number.
fn confidence(word: &str) -> Result<Option<u8>, ()> {
    if word.is_empty() {
        return Ok(None);
    }
    match word.to_ascii_lowercase().as_str() {
        "high" => Ok(Some(85)),
        "medium" | "med" => Ok(Some(50)),
        "low" => Ok(Some(15)),
        "none" => Ok(Some(0)),
        "unknown" => Ok(None),
        word => indicator::confidence(word).map(Some).ok_or(()),
    }
}

/// An instant; one without a zone is in UTC, a day begins at its midnight.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}Z")))
        .or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
}

/// The chain that the STIX 1 vocabulary defines, and its phases.
const CHAIN: &str = "TTP-af3e707f-2fb9-49e5-8c37-14026ca0a5ff";
const CHAIN_NAME: &str = "LM Cyber Kill Chain";
const PHASES: [(&str, &str); 7] = [
    ("TTP-af1016d6-a744-4ed7-ac91-00fe2272185a", "Reconnaissance"),
    ("TTP-445b4827-3cca-42bd-8421-f2e947133c16", "Weaponization"),
    ("TTP-79a0e041-9d5f-49bb-ada4-8322622b162d", "Delivery"),
    ("TTP-f706e4e7-53d8-44ef-967f-81535c9db7d0", "Exploitation"),
    ("TTP-e1e4e3f7-be3b-4b39-b80a-a593cfd99a4f", "Installation"),
    ("TTP-d6dc32b9-2538-4951-8733-3cb9ef1daae2", "Command and Control"),
    ("TTP-786ca8f9-2d9a-4213-b38e-399af4a2e5d6", "Actions on Objectives"),
];
