//! Stories: the program from outside.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod command;
mod corpus;
mod differential;
mod documents;
mod ecs;
mod fuzz;
mod inspect;
mod joined;
mod oracle;
mod program;
#[path = "../fuzz/properties.rs"]
#[expect(unreachable_pub, reason = "a crate of its own for the fuzzer")]
mod properties;
mod reference;
mod stix1;
mod tagged;
mod tidy;
