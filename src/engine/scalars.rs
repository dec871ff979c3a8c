//! The second walk over an event: its numbers and short strings too, for the few events that need them.
//!
//! Is: the port in a field beside an address (M3.12), and what `moment` reads. Is not: made unless it is asked for.
//! Costs: one walk, and for ports one map an event, however many addresses ask.

use ahash::AHashMap;

use crate::engine::event::grammar::decoded;
use crate::engine::event::{Keep, Role, Walk};

/// The scalars of an event, once they are asked for.
#[derive(Debug, Default)]
pub struct Scalars {
    walk: Walk,
    is_read: bool,
    /// By number of the object and key: the first member of the name that is a port.
    ports: Option<AHashMap<(u32, String), u16>>,
}

impl Scalars {
    /// Starts another event.
    pub fn forget(&mut self) {
        self.is_read = false;
        self.ports = None;
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
