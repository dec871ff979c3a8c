//! The second walk over an event: its numbers and short strings too, for the few events that need them.
//!
//! Is: ports and strings by object and key (M3.12, M13), and what `moment` reads.
//! Is not: made unless it is asked for.
//! Costs: one walk, and one map an event for ports and one for strings, however many addresses and hosts ask.

use ahash::AHashMap;

use crate::engine::event::grammar::decoded;
use crate::engine::event::{Keep, Piece, Role, Walk};
use crate::engine::join;

/// The name of a member: the number of its object, and its key.
type Member = (u32, String);

/// The scalars of an event, once they are asked for.
#[derive(Debug, Default)]
pub struct Scalars {
    walk: Walk,
    is_read: bool,
    /// The first member of the name that is a port.
    ports: Option<AHashMap<Member, Piece>>,
    /// The first member of the name that is a string.
    strings: Option<AHashMap<Member, Piece>>,
}

impl Scalars {
    /// Starts another event.
    pub fn forget(&mut self) {
        self.is_read = false;
        self.ports = None;
        self.strings = None;
    }

    /// The walk over this event, made once.
    pub fn read(&mut self, event: &[u8]) -> &Walk {
        if !self.is_read {
            self.is_read = true;
            if self.walk.event(event, Keep::Scalars).is_none() {
                self.walk = Walk::default();
            }
        }
        &self.walk
    }

    /// Object and key of the string that is the value of a member and starts at `start`.
    pub fn member(&mut self, event: &[u8], start: usize) -> Option<Member> {
        self.read(event);
        let pieces = self.walk.pieces();
        let piece = pieces.get(pieces.partition_point(|piece| piece.start < start))?;
        self.walk.member(event, piece.node)
    }

    /// The first member of this name that is a port, of an object that [`Scalars::member`] gave.
    pub fn port(&mut self, event: &[u8], member: &Member) -> Option<Piece> {
        self.ports.get_or_insert_with(|| ports(&self.walk, event)).get(member).copied()
    }

    /// The first member of this name that is a string, of an object that [`Scalars::member`] gave.
    pub fn string(&mut self, event: &[u8], member: &Member) -> Option<Piece> {
        self.strings.get_or_insert_with(|| strings(&self.walk, event)).get(member).copied()
    }

    /// Gives memory back that only a very large event needed.
    pub fn shrink(&mut self) {
        self.walk.shrink();
        self.forget();
    }
}

fn ports(walk: &Walk, event: &[u8]) -> AHashMap<Member, Piece> {
    let mut ports = AHashMap::new();
    for piece in walk.pieces().iter().filter(|piece| piece.role != Role::Key && piece.end - piece.start <= 30)
    {
        let text = decoded(event.get(piece.start..piece.end).unwrap_or_default(), piece.escaped);
        if join::port(text.as_bytes()).is_some()
            && let Some(member) = walk.member(event, piece.node)
        {
            ports.entry(member).or_insert(*piece);
        }
    }
    ports
}

fn strings(walk: &Walk, event: &[u8]) -> AHashMap<Member, Piece> {
    let mut strings = AHashMap::new();
    for piece in walk.pieces().iter().filter(|piece| piece.role == Role::Value) {
        if let Some(member) = walk.member(event, piece.node) {
            strings.entry(member).or_insert(*piece);
        }
    }
    strings
}
