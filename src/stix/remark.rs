//! What objects of their own say about indicators: sightings, notes and opinions.
//!
//! Is: one version of such an object, and which of two counts.
//! Is not: the joining with the indicators (`intake::resolve`).
//! Invariant: which of two versions counts does not depend on their order.
//! Fails: never. Costs: the text of notes, and an id for each indicator that is spoken of.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::indicator::{Id, Timestamp};

/// A sighting, note or opinion, by what it says of which indicators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The version.
    pub modified: Timestamp,
    /// The indicators it is about.
    pub about: Box<[Id]>,
    /// What it says.
    pub said: Said,
}

/// What a remark says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Nothing more.
    Revoked,
    /// That they were seen.
    Seen {
        /// How often.
        count: u64,
        /// When it was last.
        last_seen: Option<Timestamp>,
        /// Whether this sums up others.
        summary: bool,
    },
    /// A note.
    Note(Arc<str>),
    /// An opinion, its place in [`crate::indicator::OPINIONS`].
    Opinion(u8),
}

impl Remark {
    /// Whether this counts and not the other: the newest does, of two of one time the revoked one, then the first by
    /// what it says.
    pub fn supersedes(&self, other: &Remark) -> bool {
        fn order(remark: &Remark) -> (Reverse<Timestamp>, &Said, &[Id]) {
            (Reverse(remark.modified), &remark.said, &remark.about)
        }
        order(self) < order(other)
    }
}
