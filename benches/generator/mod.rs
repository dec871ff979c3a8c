//! Made-up indicators and events for the benches.
//!
//! Is: deterministic generators; the same arguments give the same bytes on every machine, and nothing is read
//! from anywhere. An indicator is a function of its number, so a longer list starts with the shorter one and a
//! planted hit needs no list in memory.
//! Is not: test data; what has to match what is decided by `tests/`, not here.
//! Invariant: without a planted hit, no event holds a value of [`indicators`]: listed addresses are odd, all
//! others even; listed names and hosts of listed URLs carry a mark that no other name has.
//! Fails: only with the writer it is given.
//! Costs: about 1 s for 300 MB of events; no memory to speak of, except where a `Vec` is returned.

pub(crate) mod adversarial;
pub(crate) mod indicators;
pub(crate) mod names;
pub(crate) mod random;
pub(crate) mod stix;
pub(crate) mod stix1;
pub(crate) mod sysmon;
pub(crate) mod text;
pub(crate) mod zeek;

use std::io::{self, Write};

/// Raised with every change of what the generators write.
pub(crate) const VERSION: u32 = 2;

/// What is planted into events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted {
    /// Length of the list of indicators that hits are drawn from.
    pub(crate) indicators: u64,
    /// Share of events with one hit, from 0 to 1.
    pub(crate) rate: f64,
}

/// Anything that makes one event after the other.
pub(crate) trait Source {
    /// Appends one event without its line end; whether a hit was planted.
    fn event(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    /// Events.
    pub(crate) events: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Events with a planted hit.
    pub(crate) planted: u64,
}

/// Writes lines until there are at least `bytes` of them.
pub(crate) fn write_lines(source: &mut dyn Source, bytes: u64, to: &mut dyn Write) -> io::Result<Written> {
    let mut written = Written::default();
    let mut block = Vec::with_capacity(BLOCK + (64 << 10));
    while written.bytes + (block.len() as u64) < bytes {
        written.planted += u64::from(source.event(&mut block)?);
        block.push(b'\n');
        written.events += 1;
        if block.len() >= BLOCK {
            to.write_all(&block)?;
            written.bytes += block.len() as u64;
            block.clear();
        }
    }
    to.write_all(&block)?;
    written.bytes += block.len() as u64;
    to.flush()?;
    Ok(written)
}

/// One line: a JSON object with an array of events, at least `bytes` long.
pub(crate) fn write_long_line(
    source: &mut dyn Source,
    bytes: u64,
    to: &mut dyn Write,
) -> io::Result<Written> {
    let mut written = Written { events: 1, ..Written::default() };
    let mut piece = Vec::with_capacity(4 << 10);
    piece.extend_from_slice(b"{\"batch\":[");
    loop {
        written.planted += u64::from(source.event(&mut piece)?);
        to.write_all(&piece)?;
        written.bytes += piece.len() as u64;
        piece.clear();
        if written.bytes >= bytes {
            break;
        }
        piece.push(b',');
    }
    to.write_all(b"]}\n")?;
    to.flush()?;
    written.bytes += 3;
    Ok(written)
}

const BLOCK: usize = 1 << 20;
