//! Stories: the program from outside.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod command;
mod corpus;
mod differential;
mod documents;
mod ecs;
mod inspect;
mod program;
mod reference;
mod tagged;
mod tidy;
