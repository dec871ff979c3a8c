//! Files and pipes: the stage behind `taxiway filter`.
//!
//! Is: a run from the first stream to the end, with its summary.
//! Is not: arguments and messages of the command line.
//! Invariants: as for the whole stage. Fails: with the error of the output; `BrokenPipe` is told apart, because
//! a reader that has seen enough is no failure. Costs: memory for one chunk a worker, 256 KiB unless events are
//! longer.

use std::io;
use std::sync::Arc;

use crate::engine::Settings;
use crate::live::Current;
use crate::stage::cut::{Cutter, Cutting, Say};
use crate::stage::input::{Origin, Signals};
use crate::stage::output::Output;
use crate::stage::pump::pump;
pub use crate::stage::worker::Tally;
use crate::stage::worker::{Orders, Worker};

/// Bytes that are asked for in one read unless told otherwise.
pub const READ_BYTES: usize = 256 << 10;
/// Bytes of an event above which it is not tagged unless told otherwise.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Workers at most: more than any machine has use for, and little enough memory (some 300 KiB each).
pub const THREADS_MAX: usize = 256;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Streams, in order.
    pub origins: Vec<Origin>,
    /// For the engine; the format also says how streams are cut.
    pub settings: Settings,
    /// Workers: 0 is taken as 1, more than [`THREADS_MAX`] as that.
    pub threads: usize,
    /// Only events that hit are written.
    pub only_hits: bool,
    /// Whether [`Tally::events`] is wanted.
    pub count_events: bool,
    /// Bytes of an event, its line end not counted, above which it is not tagged.
    pub line_bytes_max: usize,
    /// Bytes that are asked for in one read, 1 at least.
    pub read_bytes: usize,
}

/// What became of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was seen.
    pub tally: Tally,
    /// Events longer than the limit.
    pub long_events: u64,
    /// Streams that could not be opened or broke off; each was told.
    pub faults: u64,
    /// An error of the output; a reader that went away is none.
    pub error: Option<io::Error>,
}

/// Runs until the input ends, the output fails, or `signals` stop it. What has to be told meanwhile goes to `say`.
pub fn run(
    options: &Options,
    output: Output,
    current: &Current,
    signals: &Arc<Signals>,
    say: impl Fn(&str) + Send + 'static,
) -> Summary {
    let cutting = Cutting {
        format: options.settings.format,
        line_bytes_max: options.line_bytes_max,
        read_bytes: options.read_bytes.max(1),
    };
    let say: Say = Box::new(say);
    let cutter = Cutter::new(cutting, options.origins.clone(), Arc::clone(signals), say);
    let orders = Orders {
        settings: &options.settings,
        current,
        only_hits: options.only_hits,
        count_events: options.count_events,
    };
    let mut workers: Vec<Worker<'_>> =
        std::iter::repeat_with(|| Worker::new(orders)).take(options.threads.clamp(1, THREADS_MAX)).collect();
    let (cutter, error) = pump(cutter, output, &mut workers, Worker::work);
    let mut summary =
        Summary { long_events: cutter.long_events, faults: cutter.faults, ..Summary::default() };
    for worker in &workers {
        summary.tally.add(&worker.tally);
    }
    summary.error = error.filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
    summary
}
