//! Hit + field + time -> tag, or the name of the rule that suppresses it.
//!
//! Is: docs/MATCHING.md section 3, at the hit. Is not: the build rules (`index`).

use crate::observable::Kind;

/// Which hits are tagged.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Kinds of indicators that tag; empty means all.
    pub kinds: Vec<Kind>,
    /// Least confidence; an indicator without one passes.
    pub min_confidence: Option<u8>,
    /// `--allow reserved`.
    pub allow_reserved: bool,
    /// `--allow looks-like-file`.
    pub allow_looks_like_file: bool,
}
