//! Chunks through workers, in order.
//!
//! Is: the loop of a stage: take the next chunk under one lock, work on it without any, write when its turn has
//! come. Workers share nothing else.
//! Is not: concerned with what the work is.
//! Invariants: output stands in the order of input for every number of workers; a worker never waits with a lock
//! that the one before it needs. Fails: the first error of the output ends the run. Costs: two uncontended locks
//! a chunk.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use crate::stage::cut::{Chunk, Cutter};
use crate::stage::input::Signals;
use crate::stage::output::{Answer, Output};

/// Whose turn it is to write.
#[derive(Debug)]
struct Turn {
    output: Output,
    next: u64,
    done: bool,
    fault: Option<io::Error>,
}

/// What the workers share.
struct Shared {
    cutter: Mutex<Cutter>,
    turn: Mutex<Turn>,
    passed: Condvar,
    signals: Arc<Signals>,
}

/// Runs one worker for each state until the input ends or the output fails, and gives back the cutter with what
/// it noted, and the output's error. The first works on this thread; those for which the system has no thread are
/// told and missing.
pub(crate) fn pump<S: Send>(
    cutter: Cutter,
    output: Output,
    states: &mut [S],
    work: impl Fn(&mut S, &Chunk, &mut Answer) + Sync,
) -> (Cutter, Option<io::Error>) {
    let turn = Turn { output, next: 0, done: false, fault: None };
    let signals = cutter.signals();
    let (cutter, turn) = (Mutex::new(cutter), Mutex::new(turn));
    let shared = Shared { cutter, turn, passed: Condvar::new(), signals };
    if let Some((own, others)) = states.split_first_mut() {
        std::thread::scope(|scope| {
            let spawn = |state| {
                let (shared, work) = (&shared, &work);
                let worker = Builder::new().name(String::from("worker"));
                worker.spawn_scoped(scope, move || serve(shared, state, work)).map(drop)
            };
            if let Err(error) = others.iter_mut().try_for_each(spawn) {
                lock(&shared.cutter).say(&format!("fewer threads than asked for: {error}"));
            }
            serve(&shared, own, &work);
        });
    }
    let turn = shared.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    (shared.cutter.into_inner().unwrap_or_else(PoisonError::into_inner), turn.fault)
}

/// One worker.
fn serve<S>(shared: &Shared, state: &mut S, work: &impl Fn(&mut S, &Chunk, &mut Answer)) {
    let _release = Release(shared);
    let (mut chunk, mut answer) = (Chunk::default(), Answer::default());
    loop {
        if !lock(&shared.cutter).next(&mut chunk) {
            return;
        }
        answer.clear();
        work(state, &chunk, &mut answer);
        let mut turn = lock(&shared.turn);
        while turn.next != chunk.ticket && !turn.done {
            turn = shared.passed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if turn.done {
            return;
        }
        if let Err(error) = turn.output.write(&chunk, &answer) {
            turn.fault = Some(error);
            turn.done = true;
            shared.signals.stop();
        }
        turn.next += 1;
        shared.passed.notify_all();
        if turn.done {
            return;
        }
    }
}

/// Lets the others go when a worker breaks down, so that none waits for its turn for ever.
struct Release<'a>(&'a Shared);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.turn).done = true;
            self.0.signals.stop();
            self.0.passed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
