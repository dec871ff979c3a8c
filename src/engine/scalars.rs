//! The second walk over an event: its numbers and short strings too, for the few events that need them.
//!
//! Is: the port in a field beside an address (M3.12), the path in a field beside a host (M13), and what `moment` reads.
//! Is not: made unless it is asked for.
//! Costs: one walk, and one map an event for ports and one for strings, however many addresses and hosts ask.

use ahash::AHashMap;

use crate::engine::event::grammar::decoded;
use crate::engine::event::{Keep, Piece, Role, Walk};

/// The scalars of an event, once they are asked for.
#[derive(Debug, Default)]
pub struct Scalars {
    walk: Walk,
    is_read: bool,
    /// By number of the object and key: the first member of the name that is a port.
    ports: Option<AHashMap<(u32, String), u16>>,
    /// By number of the object and key: the first member of the name that is a string.
    strings: Option<AHashMap<(u32, String), Piece>>,
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

    /// The port that belongs to the address that is the value of a member and starts at `start`.
    pub fn port_beside(&mut self, event: &[u8], start: usize) -> Option<u16> {
        let pieces = self.walk.pieces();
        let piece = pieces.get(pieces.partition_point(|piece| piece.start < start))?;
        let (object, key) = self.walk.member(event, piece.node)?;
        let ports = self.ports.get_or_insert_with(|| ports(&self.walk, event));
        PORT_KEYS.iter().find_map(|(address, port)| {
            let key = format!("{}{port}", key.strip_suffix(address)?);
            ports.get(&(object, key)).copied()
        })
    }

    /// The object of the string that is the value of a member and starts at `start`, and its key; `None` if an
    /// earlier member of the object is a string with this key.
    pub fn first_of_its_key(&mut self, event: &[u8], start: usize) -> Option<(u32, String)> {
        self.read(event);
        let strings = self.strings.get_or_insert_with(|| strings(&self.walk, event));
        let pieces = self.walk.pieces();
        let piece = pieces.get(pieces.partition_point(|piece| piece.start < start))?;
        let member = self.walk.member(event, piece.node)?;
        (strings.get(&member)?.start == start).then_some(member)
    }

    /// The first member of an object with this key that is a string; for an object of
    /// [`Scalars::first_of_its_key`].
    pub fn string(&self, object: u32, key: String) -> Option<Piece> {
        self.strings.as_ref()?.get(&(object, key)).copied()
    }

    /// Gives memory back that only a very large event needed.
    pub fn shrink(&mut self) {
        self.walk.shrink();
        self.forget();
    }
}

fn ports(walk: &Walk, event: &[u8]) -> AHashMap<(u32, String), u16> {
    let mut ports = AHashMap::new();
    for piece in walk.pieces().iter().filter(|piece| piece.role != Role::Key && piece.end - piece.start <= 30)
    {
        let text = decoded(event.get(piece.start..piece.end).unwrap_or_default(), piece.escaped);
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let port = text.parse().ok().filter(|&port: &u16| port > 0 && is_number);
        if let (Some(port), Some(member)) = (port, walk.member(event, piece.node)) {
            ports.entry(member).or_insert(port);
        }
    }
    ports
}

fn strings(walk: &Walk, event: &[u8]) -> AHashMap<(u32, String), Piece> {
    let mut strings = AHashMap::new();
    for piece in walk.pieces().iter().filter(|piece| piece.role == Role::Value) {
        if let Some(member) = walk.member(event, piece.node) {
            strings.entry(member).or_insert(*piece);
        }
    }
    strings
}

/// Endings of the keys of addresses, and those of the ports beside them (M3.12).
const PORT_KEYS: [(&str, &str); 8] = [
    ("_h", "_p"),
    ("ip", "port"),
    ("Ip", "Port"),
    ("IP", "Port"),
    ("address", "port"),
    ("addr", "port"),
    ("Address", "Port"),
    ("Addr", "Port"),
];
