//! What an indicator says in words: its context, still in the document, and the one copy of each that is kept.
//!
//! Is: the limits of such words, for STIX 1 and STIX 2 alike. Is not: a reader of either.
//! Invariant: labels, phases and references stand in the order of the document, each once.
//! Fails: never; what is longer or more is cut. Costs: a look-up by a hash of all words.

use std::sync::Arc;

use ahash::{AHashMap, RandomState};

use crate::indicator::{Context, Remarks};

/// Bytes kept of a name or description.
pub(crate) const TEXT_BYTES_MAX: usize = 64 << 10;

/// Labels, phases and references kept of one indicator.
pub(crate) const WORDS_MAX: usize = 64;

/// The words of an indicator, still in the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Words<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Its description.
    pub description: Option<&'a str>,
    /// Labels and types, each once.
    pub labels: Vec<&'a str>,
    /// Chain and phase, each pair once.
    pub kill_chain: Vec<(&'a str, &'a str)>,
    /// URLs of references, each once.
    pub references: Vec<&'a str>,
    /// Ids of techniques, sorted, each once.
    pub techniques: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// Takes a phase of a kill chain, once.
    pub(crate) fn phase(&mut self, chain: &'a str, phase: &'a str) {
        if self.kill_chain.len() < WORDS_MAX && !self.kill_chain.contains(&(chain, phase)) {
            self.kill_chain.push((chain, phase));
        }
    }

    fn are(&self, context: &Context) -> bool {
        let techniques = context.remarks.as_ref().map_or(&[][..], |remarks| &remarks.techniques);
        self.name == context.name.as_deref()
            && self.description == context.description.as_deref()
            && self.labels.iter().copied().eq(context.labels.iter().map(|label| &**label))
            && self.references.iter().copied().eq(context.references.iter().map(|url| &**url))
            && self.techniques.iter().copied().eq(techniques.iter().map(|id| &**id))
            && self.kill_chain.len() == context.kill_chain.len()
            && self.kill_chain.iter().zip(&context.kill_chain).all(|((chain, phase), joined)| {
                joined.strip_prefix(chain).and_then(|rest| rest.strip_prefix('/')) == Some(phase)
            })
    }

    fn to_context(&self) -> Context {
        Context {
            name: self.name.map(Into::into),
            description: self.description.map(Into::into),
            labels: self.labels.iter().map(|label| (*label).into()).collect(),
            threats: Vec::new(),
            kill_chain: self
                .kill_chain
                .iter()
                .map(|(chain, phase)| format!("{chain}/{phase}").into())
                .collect(),
            references: self.references.iter().map(|url| (*url).into()).collect(),
            remarks: (!self.techniques.is_empty()).then(|| {
                let techniques = self.techniques.iter().map(|id| (*id).into()).collect();
                Box::new(Remarks { techniques, ..Remarks::default() })
            }),
        }
    }
}

/// Contexts seen, by a hash of their words. Two that share a hash are told apart; only one is then shared.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    seen: AHashMap<u64, Arc<Context>>,
    hasher: RandomState,
}

impl Contexts {
    /// The one copy of a context with these words.
    pub(crate) fn get(&mut self, words: &Words<'_>) -> Arc<Context> {
        let hash = self.hasher.hash_one(words);
        match self.seen.get(&hash) {
            Some(context) if words.are(context) => Arc::clone(context),
            Some(_) => Arc::new(words.to_context()),
            None => {
                let context = Arc::new(words.to_context());
                self.seen.insert(hash, Arc::clone(&context));
                context
            }
        }
    }
}

/// Takes a word, once.
pub(crate) fn once<'v>(words: &mut Vec<&'v str>, word: &'v str) {
    if !word.is_empty() && words.len() < WORDS_MAX && !words.contains(&word) {
        words.push(cut(word));
    }
}

/// As much of a text as is kept.
pub(crate) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}
