//! The current generation: snapshots, policy and set version, swapped as one.
//!
//! Is: the atomic holder that the data plane reads once a batch.
//! Is not: a cache or a lock; the only file that names `arc_swap`.

use std::sync::Arc;

use crate::index::Snapshot;
use crate::policy::Policy;

/// What a batch is judged by.
#[derive(Debug)]
pub struct Generation {
    /// Asked in order; hits of all are joined.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// What is tagged.
    pub policy: Policy,
}

/// The holder of the current generation.
#[derive(Debug)]
pub struct Current(arc_swap::ArcSwap<Generation>);

impl Current {
    /// A holder with its first generation.
    pub fn new(generation: Generation) -> Current {
        Current(arc_swap::ArcSwap::from_pointee(generation))
    }
    /// The generation to use for one batch.
    pub fn load(&self) -> arc_swap::Guard<Arc<Generation>> {
        self.0.load()
    }
    /// Puts a new generation in place; gives back the old one, to be dropped away from the hot path.
    pub fn swap(&self, generation: Generation) -> Arc<Generation> {
        self.0.swap(Arc::new(generation))
    }
}
