//! `CybOX` 2 observables -> [`Expression`].
//!
//! Is: which properties of which objects hold what, the conditions on them, lists of values, compositions, events
//! and related objects.
//! Is not: resolving of references; nothing is looked up here.
//! Invariant: the properties of an object, and an object and those it is related to, are an AND; only a digest may
//! stand for a file that has other properties as well ([`Part::OfPattern`]).
//! Fails: never; what gives no value is a [`Expression::Wait`] with its reason and text.
//! Costs: a visit an element.

use std::sync::Arc;

use crate::indicator::Part;
use crate::observable::{self, Algorithm, Hint, IpPort, Observable, Refused};
use crate::pattern::Waiting;
use crate::stix::expression::{AND, Expression};
use crate::stix::v1::tree::Element;

/// What a document says about how its values are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dialect {
    /// Lists are separated by plain commas: STIX 1.0, which had no mark of its own for that.
    pub(super) plain_commas: bool,
}

/// Takes definitions as they are met: id and expression.
pub(super) type Define<'d> = dyn FnMut(&str, &Arc<Expression>) + 'd;

impl Dialect {
    /// What an `Observable` looks for.
    pub(super) fn observable(self, element: Element<'_>, define: &mut Define<'_>) -> Arc<Expression> {
        if let Some(id) = element.reference() {
            return refer(id);
        }
        let mut terms = Vec::new();
        for child in element.children() {
            match child.name() {
                "Object" => terms.push(self.object(child, define)),
                "Observable_Composition" => terms.push(self.composition(child, define)),
                "Event" => terms.push(self.event(child, define)),
                _ => {}
            }
        }
        let mut found = Expression::all(terms);
        if element.attribute("negate").is_some_and(|negate| matches!(negate, "true" | "1")) {
            found = wait(Waiting::Negation, &format!("NOT {}", shown(element)));
        }
        if let Some(id) = element.attribute("id") {
            define(id, &found);
        }
        found
    }

    /// `Observable_Composition`: its `operator` is OR, or AND (also when it is missing).
    fn composition(self, element: Element<'_>, define: &mut Define<'_>) -> Arc<Expression> {
        let parts = element.children().filter(|child| child.name() == "Observable");
        let parts = parts.map(|child| self.observable(child, define)).collect();
        join(element, parts)
    }

    /// `Event`: all objects of all its actions.
    fn event(self, element: Element<'_>, define: &mut Define<'_>) -> Arc<Expression> {
        let parts = element.descendants().filter(|child| child.name() == "Associated_Object");
        let parts: Vec<_> = parts.map(|child| self.object(child, define)).collect();
        if parts.is_empty() && element.descendants().any(|child| child.name() == "Action") {
            return wait(Waiting::UnknownProperty, &shown(element));
        }
        Expression::all(parts)
    }

    /// `Object`: its properties and the objects that it is related to.
    fn object(self, element: Element<'_>, define: &mut Define<'_>) -> Arc<Expression> {
        if let Some(id) = element.reference() {
            return refer(id);
        }
        let mut terms = Vec::new();
        for child in element.children() {
            match child.name() {
                "Properties" | "Defined_Object" => terms.push(self.properties(child)),
                "Related_Objects" => {
                    let related = child.children().filter(|child| child.name() == "Related_Object");
                    terms.extend(related.map(|related| self.object(related, define)));
                }
                _ => {}
            }
        }
        terms.retain(|term| **term != Expression::Nothing);
        let found = Expression::all(terms);
        if let Some(id) = element.attribute("id") {
            define(id, &found);
        }
        found
    }

    fn properties(self, element: Element<'_>) -> Arc<Expression> {
        let kind = element.kind().unwrap_or_default();
        let is_file = kind.ends_with("FileObjectType") || kind == "ArtifactObjectType";
        let mut properties = Vec::new();
        let mut fields = Fields { dialect: self, kind, is_file, found: &mut properties };
        fields.collect(element, &mut Vec::new());
        match properties.as_slice() {
            [] => Arc::new(Expression::Nothing),
            [one] => one.expression(),
            many if is_file => of_file(many),
            many => endpoint(many).unwrap_or_else(|| and(many)),
        }
    }
}

/// An AND of expressions, or an OR where the element says so.
pub(super) fn join(element: Element<'_>, parts: Vec<Arc<Expression>>) -> Arc<Expression> {
    let is_or = element.attribute("operator").is_some_and(|operator| operator.eq_ignore_ascii_case("or"));
    if is_or { Expression::any(parts) } else { Expression::all(parts) }
}

/// One property of an object, with what it says.
#[derive(Debug)]
struct Property<'t> {
    /// The type of the object.
    kind: &'t str,
    /// The steps from the object to it.
    path: Box<[Element<'t>]>,
    meaning: Meaning,
    /// What is wrong with other values of its list.
    bad: Option<Waiting>,
}

#[derive(Debug)]
enum Meaning {
    /// Any of these values.
    Values(Vec<Observable>),
    /// The same, of digests.
    Digests(Vec<Observable>),
    /// A port.
    Port(u16),
    /// Another object.
    Reference(Box<str>),
    /// Not looked up.
    Wait(Waiting),
}

impl Property<'_> {
    /// Path and value, for people.
    fn text(&self) -> String {
        let steps: Vec<&str> = self.path.iter().map(|step| step.name()).collect();
        let path = format!("{}:{}", self.kind.trim_end_matches("ObjectType"), steps.join("/"));
        match (&self.meaning, self.path.last()) {
            (Meaning::Reference(id), _) => format!("{path} = {id}"),
            (_, Some(field)) => format!("{path} {} {}", operator(*field), excerpt(field.text())),
            (_, None) => path,
        }
    }

    fn expression(&self) -> Arc<Expression> {
        match &self.meaning {
            Meaning::Values(values) | Meaning::Digests(values) => {
                let bad = self.bad.map(|reason| wait(reason, &self.text()));
                match bad {
                    None => whole(values.clone()),
                    Some(bad) => Expression::any(vec![whole(values.clone()), bad]),
                }
            }
            Meaning::Reference(id) => refer(id),
            Meaning::Port(_) => wait(Waiting::KeyedText, &self.text()),
            Meaning::Wait(reason) => wait(*reason, &self.text()),
        }
    }
}

/// The fields of one object.
struct Fields<'t, 'f> {
    dialect: Dialect,
    kind: &'t str,
    is_file: bool,
    found: &'f mut Vec<Property<'t>>,
}

impl<'t> Fields<'t, '_> {
    /// Takes the elements that have a text of their own, at any depth.
    fn collect(&mut self, element: Element<'t>, path: &mut Vec<Element<'t>>) {
        if let Some(id) = element.attribute("object_reference") {
            self.push(path, Meaning::Reference(id.into()), None);
        }
        for child in element.children() {
            // what says how its neighbours are to be read is no property
            if matches!(child.name(), "Is_Domain_Name" | "Naming_System")
                || child.name() == "Type" && element.name() == "Hash"
            {
                continue;
            }
            path.push(child);
            if !child.text().is_empty() {
                let mut bad = None;
                let meaning = if child.name() == "Simple_Hash_Value" && !(self.is_file && is_own_hash(path)) {
                    // of a section, or of a file inside of this one
                    Meaning::Wait(Waiting::UnknownProperty)
                } else {
                    self.meaning(child, element, &mut bad)
                };
                self.push(path, meaning, bad);
            }
            self.collect(child, path);
            path.pop();
        }
    }

    fn push(&mut self, path: &[Element<'t>], meaning: Meaning, bad: Option<Waiting>) {
        self.found.push(Property { kind: self.kind, path: path.into(), meaning, bad });
    }

    fn meaning(&self, field: Element<'t>, holder: Element<'t>, bad: &mut Option<Waiting>) -> Meaning {
        let hint = match self.hint(field, holder) {
            Ok(hint) => hint,
            Err(reason) => return Meaning::Wait(reason),
        };
        if let Some(reason) = condition(field) {
            return Meaning::Wait(reason);
        }
        let Some(hint) = hint else {
            let port = field.text().parse().ok().filter(|port| *port != 0);
            return port.map_or(Meaning::Wait(Waiting::KeyedText), Meaning::Port);
        };
        match self.dialect.values(field, hint, bad) {
            Ok(values) if matches!(hint, Hint::Digest(_)) => Meaning::Digests(values),
            Ok(values) => Meaning::Values(values),
            Err(reason) => Meaning::Wait(reason),
        }
    }

    /// How the text of a field is to be read; `None` is a port.
    fn hint(&self, field: Element<'t>, holder: Element<'t>) -> Result<Option<Hint>, Waiting> {
        match field.name() {
            "Address_Value" => address(holder).map(Some),
            "Hostname_Value" => Ok(Some(Hint::Domain)),
            "Port_Value" => Ok(None),
            "Simple_Hash_Value" => digest(holder).map(Some),
            "Fuzzy_Hash_Value" => Err(Waiting::DigestAlgorithm),
            "Value" => self.value(holder).map(Some).ok_or(Waiting::KeyedText),
            _ => Err(Waiting::KeyedText),
        }
    }

    /// `Value` means what the object that it stands in is; an object inside of another may have its type, or only the
    /// name of the field.
    fn value(&self, holder: Element<'t>) -> Option<Hint> {
        let kind = holder.kind().unwrap_or(if holder.name() == "Properties" { self.kind } else { "" });
        match (kind, holder.name()) {
            ("DomainNameObjectType", _) | ("", "Domain_Name" | "Host") => Some(Hint::Domain),
            ("URIObjectType" | "LinkObjectType", _)
            | ("", "QName" | "URI" | "URL" | "Link" | "Referer" | "Location" | "X_Originating_URL") => {
                Some(uri(holder))
            }
            _ => None,
        }
    }
}

/// `URI Object`: a URL, or a domain where its type says so; a bare name is what it is by shape.
fn uri(holder: Element<'_>) -> Hint {
    match holder.attribute("type") {
        Some(kind) if kind.eq_ignore_ascii_case("domain name") => Hint::Domain,
        _ => Hint::Url,
    }
}

/// `Address Object`: by its category, IPv4 where it has none, except in the header of a mail.
fn address(holder: Element<'_>) -> Result<Hint, Waiting> {
    let category = holder.attribute("category").map(str::to_ascii_lowercase);
    let is_of_mail =
        matches!(holder.name(), "From" | "Sender" | "Reply_To" | "To" | "CC" | "BCC" | "Recipient");
    match category.as_deref() {
        Some("e-mail") => Ok(Hint::Email),
        Some("asn" | "atm" | "mac" | "ipv4-netmask" | "ipv6-netmask" | "ipv4-net-mask" | "ipv6-net-mask") => {
            Err(Waiting::KeyedText)
        }
        None if is_of_mail => Ok(Hint::Email),
        None | Some("ipv4-addr" | "ipv6-addr" | "ipv4-net" | "ipv6-net" | "cidr") => Ok(Hint::Ip),
        Some(_) => Err(Waiting::UnknownProperty),
    }
}

/// `Hash`: by its type; by length where it has none, or one that says nothing.
fn digest(hash: Element<'_>) -> Result<Hint, Waiting> {
    let kind = hash.child("Type").map(Element::text).unwrap_or_default();
    let kind: String = kind.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    Ok(Hint::Digest(match kind.as_str() {
        "md5" => Some(Algorithm::Md5),
        "sha1" => Some(Algorithm::Sha1),
        "sha256" => Some(Algorithm::Sha256),
        "sha512" => Some(Algorithm::Sha512),
        "" | "other" => None,
        _ => return Err(Waiting::DigestAlgorithm),
    }))
}

/// Why a condition makes a field none that can be looked up.
fn condition(field: Element<'_>) -> Option<Waiting> {
    let is_pattern = field.attribute("pattern_type").is_some() || field.attribute("regex_syntax").is_some();
    let word: String = operator(field).to_lowercase();
    Some(match word.as_str() {
        "equals" | "equal" if !is_pattern => return applied(field),
        "doesnotequal" | "doesnotcontain" => Waiting::Negation,
        "contains" | "startswith" | "endswith" => Waiting::Like,
        "equals" | "equal" | "fitspattern" => Waiting::Matches,
        _ => Waiting::Comparison,
    })
}

fn applied(field: Element<'_>) -> Option<Waiting> {
    match field.attribute("apply_condition")?.to_ascii_uppercase().as_str() {
        "NONE" => Some(Waiting::Negation),
        _ => None,
    }
}

/// The condition; none is equality.
fn operator(field: Element<'_>) -> &str {
    field.attribute("condition").unwrap_or("Equals")
}

impl Dialect {
    /// The values of a field: one, or a list. Of a list those that can be read are taken.
    fn values(
        self,
        field: Element<'_>,
        hint: Hint,
        bad: &mut Option<Waiting>,
    ) -> Result<Vec<Observable>, Waiting> {
        let delimiter = field.attribute("delimiter").unwrap_or(DELIMITER);
        let parts: Vec<&str> = field.text().split(delimiter).collect();
        let mut values = Vec::new();
        for part in parts.iter().filter(|part| !part.trim().is_empty()) {
            match self.one_or_commas(part, hint, bad) {
                Ok(found) => values.extend(found),
                Err(reason) => _ = bad.get_or_insert(reason),
            }
        }
        if values.is_empty() {
            return Err(bad.unwrap_or(Waiting::BadValue(Refused::Empty)));
        }
        let applies_to_all =
            field.attribute("apply_condition").is_some_and(|all| all.eq_ignore_ascii_case("ALL"));
        if applies_to_all && (values.len() > 1 || bad.is_some()) {
            return Err(Waiting::And);
        }
        Ok(values)
    }

    /// A text without the mark of lists: one value, or a list by plain commas where each part is a value. Which of
    /// both readings is tried first depends on the version; where both fail, the parts that are values are taken.
    fn one_or_commas(
        self,
        text: &str,
        hint: Hint,
        bad: &mut Option<Waiting>,
    ) -> Result<Vec<Observable>, Waiting> {
        let whole = || observable::read(text, hint).map_err(Waiting::BadValue);
        if !text.contains(',') {
            return whole();
        }
        let (found, fault) = parts(text, hint);
        match (fault, whole()) {
            (None, _) if self.plain_commas && !found.is_empty() => Ok(found),
            (_, Ok(one)) => Ok(one),
            (_, Err(reason)) if found.is_empty() => Err(reason),
            (fault, Err(_)) => {
                *bad = bad.or(fault);
                Ok(found)
            }
        }
    }
}

/// The values of a list by commas and what is wrong with the first that is none; empty parts, such as one behind a last
/// comma, are nothing.
fn parts(text: &str, hint: Hint) -> (Vec<Observable>, Option<Waiting>) {
    let (mut values, mut bad) = (Vec::new(), None);
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match observable::read(part, hint) {
            Ok(found) => values.extend(found),
            Err(refused) => _ = bad.get_or_insert(Waiting::BadValue(refused)),
        }
    }
    (values, bad)
}

/// Several properties of one file: its digests, each of which stands for it.
fn of_file(properties: &[Property<'_>]) -> Arc<Expression> {
    let digests = properties.iter().filter_map(|property| match &property.meaning {
        Meaning::Digests(values) => Some(values),
        _ => None,
    });
    let values: Vec<_> = digests.flatten().map(|value| (value.clone(), Part::OfPattern)).collect();
    if values.is_empty() { and(properties) } else { Arc::new(Expression::Values(values.into())) }
}

/// An address and a port of one socket.
fn endpoint(properties: &[Property<'_>]) -> Option<Arc<Expression>> {
    let [one, other] = properties else { return None };
    let (socket, port) = match (&one.meaning, &other.meaning) {
        (Meaning::Values(values), Meaning::Port(port)) | (Meaning::Port(port), Meaning::Values(values)) => {
            (values, *port)
        }
        _ => return None,
    };
    // `IP_Address/Address_Value` and `Port/Port_Value` in one element
    let beside = |property: &Property<'_>| property.path.iter().rev().nth(2).map(|above| above.position());
    if beside(one) != beside(other) {
        return None;
    }
    let pairs: Option<Vec<_>> = socket
        .iter()
        .map(|value| match value {
            Observable::Ip(address) => Some(Observable::IpPort(IpPort { address: *address, port })),
            _ => None,
        })
        .collect();
    pairs.map(whole)
}

fn and(properties: &[Property<'_>]) -> Arc<Expression> {
    let mut text = String::new();
    for property in properties {
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
        if !text.is_empty() {
            text.push_str(" AND ");
        }
        text.push_str(&property.text());
    }
    Arc::new(Expression::Wait(AND, text.into()))
}

fn whole(values: Vec<Observable>) -> Arc<Expression> {
    Arc::new(Expression::Values(values.into_iter().map(|value| (value, Part::Whole)).collect()))
}

fn refer(id: &str) -> Arc<Expression> {
    Arc::new(Expression::Reference(id.into()))
}

/// Something that is not looked up.
pub(super) fn wait(reason: Waiting, text: &str) -> Arc<Expression> {
    Arc::new(Expression::Wait(reason.as_str(), text.into()))
}

/// Whether a digest at the end of this path is one of the file itself.
fn is_own_hash(path: &[Element<'_>]) -> bool {
    matches!(path, [hashes, hash, _] if hashes.name() == "Hashes" && hash.name() == "Hash")
}

/// An element in words: its title or id.
fn shown(element: Element<'_>) -> String {
    let title = element.child("Title").map(Element::text).filter(|title| !title.is_empty());
    excerpt(title.or_else(|| element.attribute("id")).unwrap_or(element.name()))
}

fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}

/// What separates the values of a list from `CybOX` 2.0.1 on, unless `delimiter` says something else.
const DELIMITER: &str = "##comma##";

const TEXT_BYTES_MAX: usize = 1024;
