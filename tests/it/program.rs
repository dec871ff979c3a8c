//! Running the program: a folder to run in, arguments and standard input -> exit code and streams.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The program, to be run in a folder of its own with a feed of one kind each.
pub(crate) struct Program {
    folder: TempDir,
}

pub(crate) const FEED: &str =
    "evil.example\n203.0.113.7\n198.51.100.0/24\nhttp://bad.example/a/b\n44d88612fea8a8f36de82e1278abb02f\n";

/// Events that hit and others, text and JSON, with all that lines may have.
pub(crate) const EVENTS: &str = "{\"id\":1,\"ip\":\"203.0.113.7\"}\n\
    {\"id\":2,\"ip\":\"192.0.2.1\"}\n\
    \n\
    Nov 24 host sshd[7]: from 198.51.100.9 port 22\r\n\
    plain line with www.evil.example in it\n\
    { \"nested\" : { \"url\" : \"http:\\/\\/bad.example\\/a\\/b\" } }  \n\
    caf\u{e9} \u{1f600} nothing here\n\
    last line, evil.example, without end";

impl Program {
    pub(crate) fn new() -> Program {
        let program = Program { folder: tempfile::tempdir().unwrap() };
        program.write("feed.txt", FEED);
        program
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taxiway"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs to the end with this standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
        let mut child = self.spawn(arguments);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// `filter --intel feed.txt` and more.
    pub(crate) fn filter(&self, more: &[&str], input: impl AsRef<[u8]>) -> Output {
        self.run(&[&["filter", "--intel", "feed.txt"], more].concat(), input)
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by {:?}", output.status))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
