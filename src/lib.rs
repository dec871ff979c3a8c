//! Taxiway: threat-intelligence indicators meet streaming log events.
//!
//! The library behind the `taxiway` program, in five layers; imports go downwards only
//! (`tests/it/tidy.rs` holds the table).
//!
//! ```text
//! L4  entry     main  cli
//! L3  edges     stage (stdio)
//! L2  planes    engine (scan, judge, event, token, verify, tag)   intake (files -> indicators)
//! L1  tools     codec  stix  list  index  policy  live
//! L0  words     observable  compound  pattern  indicator  tally  survey
//! ```
//!
//! `ARCHITECTURE.md` has the picture, the words and the invariants; `docs/MATCHING.md` says what matches what.

pub mod cli;
mod codec;
pub mod compound;
pub mod engine;
pub mod index;
pub mod indicator;
pub mod intake;
pub mod list;
pub mod live;
pub mod observable;
pub mod pattern;
pub mod policy;
pub mod stage;
pub mod stix;
pub mod survey;
pub mod tally;
