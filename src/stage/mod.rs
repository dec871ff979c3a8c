//! The edges of the data plane: where events come in and go out, around the engine.
//!
//! Is: files and pipes (`stdio`), with what that needs: reading (`input`, `decode`), framing (`cut`, `objects`),
//! ordered workers (`pump`, `worker`), writing (`output`); and the one place where a panic is caught.
//! Is not: the engine; the command line.
//! Invariants: every event comes out once, in order, tagged or byte for byte as it came; output does not depend
//! on read sizes or the number of workers. Fails: when the output does; a stream that breaks off is told and the
//! others go on. Costs: one read and one write for some 256 KiB; no copy of what is not tagged.

pub mod stdio;

mod cut;
mod decode;
mod input;
mod objects;
mod output;
mod pump;
mod worker;

pub use self::input::{Origin, Signals};
pub use self::output::Output;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::indicator::Timestamp;

thread_local! {
    /// Whether a panic of this thread would be caught by `guarded`.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the last panic that was caught had to say.
    static STORY: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics that `guarded` catches silent, so that a crafted stream cannot fill the log; all others are
/// reported as before. To be called once, at start.
pub fn silence_guarded_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if GUARDED.get() {
            STORY.set(Some(info.to_string().replace('\n', " ")));
        } else {
            before(info);
        }
    }));
}

/// Runs something of which a panic must not end the program: the only such place (a log line is written by
/// attackers, and with a crash one line could stop the pipeline for ever).
///
/// # Errors
/// What the panic had to say. What `run` worked on must not be used any more.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(false);
    outcome.map_err(|payload| STORY.take().unwrap_or_else(|| words(payload.as_ref())))
}

/// The clock: the edges tell the engine, and whoever asks without events, the time.
#[expect(clippy::disallowed_methods, reason = "all others take the time as an argument")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    text.or(owned).unwrap_or("panicked").to_owned()
}
