//! What runs by turns, and what is concluded from it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::Plan;
use crate::prepare::Data;
use crate::record::{Goal, Row, float, median};
use crate::supervise::{self, Cost, Output, Seen};

/// A program with its arguments and input.
#[derive(Debug)]
pub(crate) struct Contender {
    /// Name in the table.
    pub(crate) name: String,
    /// What it says of its version.
    pub(crate) version: String,
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// Variables for it.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// The file whose bytes count.
    pub(crate) events: PathBuf,
    /// Whether it reads that file from its standard input.
    pub(crate) by_stdin: bool,
    /// Whether its output has to go to a file (GNU grep does not read on when it is /dev/null).
    pub(crate) to_file: bool,
    /// What each tagged event has in it; empty: every line that comes out is a hit.
    pub(crate) marker: &'static str,
    /// Exit codes that are no failure.
    pub(crate) accepted: &'static [i32],
    /// How its work differs from ours.
    pub(crate) note: String,
    /// Events with a planted hit, when hits are what it finds: ours has to find exactly these.
    pub(crate) planted: Option<u64>,
    /// What share of them a rival has to find. None knows all kinds; substrings are found where no token is.
    pub(crate) least: f64,
    costs: Vec<Cost>,
}

impl Contender {
    /// A contender that names its file among its arguments and ends with 0.
    pub(crate) fn new(name: impl Into<String>, events: &Path, command: Vec<OsString>) -> Contender {
        Contender {
            name: name.into(),
            version: String::new(),
            command,
            environment: Vec::new(),
            events: events.to_owned(),
            by_stdin: false,
            to_file: false,
            marker: "\"ti\":\"",
            accepted: &[0],
            note: String::new(),
            planted: None,
            least: 0.5,
            costs: Vec::new(),
        }
    }

    /// Whether it is ours: it may not fail.
    fn is_ours(&self) -> bool {
        self.name.starts_with("taxiway")
    }

    /// One run with its output counted: warms caches. The hits have to be there.
    pub(crate) fn check(&mut self, data: &Data) -> anyhow::Result<()> {
        let marker = self.marker.as_bytes();
        let (_, seen) = self.once(&Output::Counted { marker }, data)?;
        let tagged = if marker.is_empty() { seen.lines } else { seen.tagged };
        if let Some(planted) = self.planted {
            let enough =
                if self.is_ours() { tagged == planted } else { float(tagged) >= float(planted) * self.least };
            ensure!(enough, "{tagged} hits of {planted} that were planted");
        }
        let counted = format!("{} lines out, {tagged} hits", seen.lines);
        let semantics = std::mem::take(&mut self.note);
        let both = [counted, semantics].into_iter().filter(|s| !s.is_empty());
        self.note = both.collect::<Vec<_>>().join("; ");
        Ok(())
    }

    /// One run that is kept; none when three were enough for the patience.
    pub(crate) fn run(&mut self, plan: &Plan, data: &Data) -> anyhow::Result<()> {
        if self.costs.len() >= 3 && self.series(By::Wall).iter().sum::<f64>() > plan.patience {
            return Ok(());
        }
        let path = data.scratch("output");
        let output = if self.to_file { Output::File(&path) } else { Output::Null };
        let (cost, _) = self.once(&output, data)?;
        self.costs.push(cost);
        Ok(())
    }

    fn once(&self, output: &Output<'_>, data: &Data) -> anyhow::Result<(Cost, Seen)> {
        let messages = data.scratch("messages");
        let input = self.by_stdin.then_some(self.events.as_path());
        let done = supervise::run(&self.command, &self.environment, input, output, &messages)
            .with_context(|| self.name.clone())?;
        if !done.0.code.is_some_and(|code| self.accepted.contains(&code)) {
            let said = fs::read_to_string(&messages).unwrap_or_default();
            let last = said.trim().lines().last().unwrap_or_default();
            bail!("ended with {:?}: {last}", done.0.code);
        }
        Ok(done)
    }

    /// The command as it is recorded: paths from the root of this repository on, others without their folders,
    /// which are of no use on another machine.
    fn line(&self) -> String {
        let word = |word: &OsString| {
            let path = Path::new(word);
            let ours = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).ok();
            let other = path.file_name().filter(|_| path.is_absolute()).map(Path::new);
            ours.or(other).unwrap_or(path).to_string_lossy().into_owned()
        };
        self.command.iter().map(word).collect::<Vec<String>>().join(" ")
    }

    fn bytes(&self) -> u64 {
        fs::metadata(&self.events).map_or(0, |data| data.len())
    }

    fn series(&self, by: By) -> Vec<f64> {
        self.costs.iter().map(|cost| if by == By::Wall { cost.wall } else { cost.cpu }).collect()
    }

    fn rate(&self, by: By) -> Option<f64> {
        median(&self.series(by)).map(|seconds| float(self.bytes()) / seconds)
    }

    fn memory(&self) -> u64 {
        self.costs.iter().map(|cost| cost.memory).max().unwrap_or(0)
    }
}

/// Which seconds are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Wall clock.
    Wall,
    /// User and system.
    Cpu,
}

/// What is concluded.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// Bytes a second of one over those of another.
    Ratio {
        /// The faster one, it is hoped.
        subject: String,
        /// The other one.
        against: String,
        /// By which seconds.
        by: By,
        /// The goal, if one was set.
        goal: Option<Goal>,
    },
    /// Peak memory in megabytes.
    Memory {
        /// Of which contender.
        subject: String,
        /// The goal.
        goal: Goal,
    },
    /// Things a second, or seconds when `things` is 0.
    Rate {
        /// Of which contender.
        subject: String,
        /// How many it handles.
        things: u64,
        /// The goal.
        goal: Goal,
    },
}

/// Contenders that run by turns.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    /// Who runs.
    pub(crate) contenders: Vec<Contender>,
    /// Who does not, and why.
    pub(crate) skipped: Vec<(String, String)>,
    /// What is concluded.
    pub(crate) claims: Vec<Claim>,
}

impl Group {
    /// Adds a rival, or the reason for its absence, and the claim that `subject` is faster.
    pub(crate) fn rival(
        &mut self,
        subject: &str,
        rival: Result<Contender, (String, String)>,
        by: By,
        goal: Option<Goal>,
    ) {
        match rival {
            Ok(mut contender) => {
                let first = self.contenders.first();
                contender.planted = first.and_then(|ours| ours.planted);
                let against = contender.name.clone();
                self.claims.push(Claim::Ratio { subject: subject.to_owned(), against, by, goal });
                self.contenders.push(contender);
            }
            Err(skipped) => self.skipped.push(skipped),
        }
    }

    /// Does this with each. A rival that fails is dropped; that ours fails is an error.
    #[expect(clippy::print_stdout, reason = "progress of the bench")]
    pub(crate) fn each(&mut self, act: impl Fn(&mut Contender) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut kept = Vec::new();
        for mut contender in self.contenders.drain(..) {
            match act(&mut contender) {
                Ok(()) => kept.push(contender),
                Err(error) if contender.is_ours() => return Err(error.context(contender.name)),
                Err(error) => println!("  {:<44} skipped: {error:#}", contender.name),
            }
        }
        self.contenders = kept;
        Ok(())
    }

    /// What was measured and what is concluded.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let measured = self.contenders.iter().map(|contender| Row {
            group: self.name.clone(),
            name: contender.name.clone(),
            version: contender.version.clone(),
            bytes: contender.bytes(),
            wall: contender.series(By::Wall),
            cpu: contender.series(By::Cpu),
            memory: contender.memory(),
            note: contender.note.clone(),
            command: contender.line(),
            ..Row::default()
        });
        measured.chain(self.claims.iter().flat_map(|claim| self.conclude(claim))).collect()
    }

    /// The row of a claim; a ratio has two, since the seconds that it was not made by say how far the machine was
    /// shared. Empty when one of the contenders did not run.
    fn conclude(&self, claim: &Claim) -> Vec<Row> {
        let find = |name: &str| self.contenders.iter().find(|contender| contender.name == name);
        let row = |name: String, value, goal| Row {
            group: self.name.clone(),
            name,
            value: Some(value),
            goal,
            ..Row::default()
        };
        match claim {
            Claim::Ratio { subject, against, by, goal } => [(By::Wall, "wall"), (By::Cpu, "cpu")]
                .into_iter()
                .filter_map(|(seconds, name)| {
                    let ratio = find(subject)?.rate(seconds)? / find(against)?.rate(seconds)?;
                    let goal = goal.filter(|_| seconds == *by);
                    Some(row(format!("{subject} / {against}, {name}"), (ratio, "x"), goal))
                })
                .collect(),
            Claim::Memory { subject, goal } => find(subject)
                .map(|one| {
                    let megabytes = float(one.memory()) / 1e6;
                    row(format!("{subject}, peak memory"), (megabytes, "MB"), Some(*goal))
                })
                .into_iter()
                .collect(),
            Claim::Rate { subject, things, goal } => find(subject)
                .and_then(|one| median(&one.series(By::Wall)))
                .map(|seconds| match things {
                    0 => row(format!("{subject}, wall"), (seconds, "s"), Some(*goal)),
                    _ => row(format!("{subject}, a second"), (float(*things) / seconds, "/s"), Some(*goal)),
                })
                .into_iter()
                .collect(),
        }
    }
}
