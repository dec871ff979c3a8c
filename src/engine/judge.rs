//! One event, read exactly: candidates by docs/MATCHING.md, look-ups, policy, tag.

use std::ops::Range;

use crate::engine::{Counts, Settings};
use crate::indicator::Timestamp;
use crate::live::Generation;

/// Reads events exactly. Holds scratch memory; one a worker.
#[derive(Debug, Default)]
pub struct Judge {}

impl Judge {
    /// A judge.
    pub fn new() -> Judge {
        Judge::default()
    }

    /// Judges one event, given without its line end. When it gets a tag, the bytes are appended to `tags` and
    /// the offset in `event` at which they go in is returned.
    pub fn event(
        &mut self,
        _event: &[u8],
        _settings: &Settings,
        _generation: &Generation,
        _now: Timestamp,
        _tags: &mut Vec<u8>,
        _counts: &mut Counts,
    ) -> Option<usize> {
        todo!()
    }

    /// Counts the hits of a window of an event that is too long to be tagged, as text, under `line-limit`: those
    /// whose first byte lies in `range`.
    pub fn window(
        &mut self,
        _window: &[u8],
        _range: Range<usize>,
        _settings: &Settings,
        _generation: &Generation,
        _now: Timestamp,
        _counts: &mut Counts,
    ) {
        todo!()
    }
}
