//! Feeds as named on the command line, and the files that they consist of.
//!
//! Is: `NAME=FILE`, `FILE`, folders and `-`; the walk over a folder, in the order of names.
//! Is not: reading.
//! Invariant: the same folder gives the same files in the same order; a folder is entered once, whatever links say.
//! Fails: what cannot be listed is told as a warning of the folder. Costs: the names of the files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders in folders that are entered.
const DEPTH_MAX: usize = 32;

/// Files taken of one folder with all that is in it.
const FILES_MAX: usize = 1_000_000;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Name and path of a feed argument.
pub(crate) fn parse(text: &str) -> (Box<str>, PathBuf) {
    if text == STDIN {
        return ("stdin".into(), STDIN.into());
    }
    if let Some((name, path)) = text.split_once('=')
        && !name.is_empty()
        && !path.is_empty()
        && !name.contains('/')
        && !Path::new(text).exists()
    {
        return (name.into(), path.into());
    }
    (name_of(Path::new(text)), text.into())
}

/// The name of a feed that is given none: the file's name without folder and endings; a folder's name as it is.
fn name_of(path: &Path) -> Box<str> {
    let whole = match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        // `.`, `..` and `/` have a name only where they really are.
        None => match path.canonicalize() {
            Ok(path) => path.file_name().map_or("root".into(), |name| name.to_string_lossy().into_owned()),
            Err(_) => "feed".to_owned(),
        },
    };
    if path.is_dir() {
        return whole.into();
    }
    let mut name = whole.as_str();
    while let Some(shorter) = without(name, &COMPRESSIONS) {
        name = shorter;
    }
    without(name, &FORMATS).unwrap_or(name).into()
}

/// A name without one of these endings, if that leaves something.
fn without<'a>(name: &'a str, endings: &[&str]) -> Option<&'a str> {
    let (start, end) = name.rsplit_once('.')?;
    (!start.is_empty() && endings.iter().any(|ending| ending.eq_ignore_ascii_case(end))).then_some(start)
}

/// The files of a folder.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// In the order in which they are read.
    pub(crate) paths: Vec<PathBuf>,
    /// What was left out, and why.
    pub(crate) warnings: Vec<String>,
    entered: HashSet<(u64, u64)>,
}

impl Files {
    /// Walks a folder.
    ///
    /// # Errors
    /// If the folder itself cannot be listed.
    pub(crate) fn of(folder: &Path) -> io::Result<Files> {
        let mut files = Files::default();
        files.walk(folder, 0)?;
        Ok(files)
    }

    fn walk(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let place = fs::metadata(folder)?;
        if !self.entered.insert((place.dev(), place.ino())) {
            return Ok(());
        }
        let mut names: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        names.sort_by_key(fs::DirEntry::file_name);
        for entry in names {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() && depth < DEPTH_MAX => {
                    if let Err(error) = self.walk(&path, depth + 1) {
                        self.leave_out(&path, &error.to_string());
                    }
                }
                Ok(found) if found.is_dir() => self.leave_out(&path, "too deep"),
                Ok(found) if !found.is_file() => self.leave_out(&path, "not a file"),
                Ok(_) if is_beside_feeds(&path) => self.leave_out(&path, "not a feed by its name"),
                Ok(_) if self.paths.len() == FILES_MAX => self.leave_out(&path, "too many files"),
                Ok(_) => self.paths.push(path),
                Err(error) => self.leave_out(&path, &error.to_string()),
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, why: &str) {
        self.warnings.push(format!("{}: skipped: {why}", path.display()));
    }
}

/// Whether a file is one of those that folders of feeds hold beside them.
fn is_beside_feeds(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["readme", "license", "licence", "copying", "changelog", "contributing", "notice", "makefile"].contains(&stem)
        || ["md", "rst", "adoc", "html", "htm", "py", "sh", "yml", "yaml", "toml", "sig", "asc"].contains(&ending)
}

const COMPRESSIONS: [&str; 7] = ["gz", "gzip", "zst", "zstd", "bz2", "bzip2", "xz"];

const FORMATS: [&str; 15] = [
    "json", "stix", "stix2", "txt", "csv", "tsv", "list", "lst", "ndjson", "jsonl", "xml", "ioc", "hosts", "dat",
    "conf",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let (name, path) = parse(text);
        (name.into(), path.to_string_lossy().into_owned())
    }

    #[test]
    fn names_come_from_files() {
        for (text, name) in [
            ("ipsum.txt.zst", "ipsum"),
            ("a/b/conn.2024.json.gz", "conn.2024"),
            ("FEED.STIX2", "FEED"),
            ("hosts", "hosts"),
            ("x.txt.csv", "x.txt"),
            (".json", ".json"),
            ("a=b/c.txt", "a"),
            ("dir/a=b.txt", "a=b"),
            ("./a=b.txt", "a=b"),
            ("=x", "=x"),
            ("x=", "x="),
            ("-", "stdin"),
        ] {
            assert_eq!(parsed(text).0, name, "{text}");
        }
        assert_eq!(parsed("bad=dir/x.txt"), ("bad".into(), "dir/x.txt".into()));
        assert_eq!(parsed("n=-"), ("n".into(), "-".into()));
        assert_eq!(parsed("n=a=b"), ("n".into(), "a=b".into()));
        assert_eq!(parsed("/").0, "root");
    }

    #[test]
    fn a_file_that_is_there_is_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("sub.json");
        fs::create_dir(&plain).unwrap();
        assert_eq!(parsed(plain.to_str().unwrap()).0, "sub.json");
    }

    #[test]
    fn folders_are_walked_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.txt", "a.txt", ".hidden", "README.md", "sub/c.json", "sub/.git/x", "LICENSE"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), at("sub/loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        let files = Files::of(folder.path()).unwrap();
        assert_eq!(files.paths, [at("a.txt"), at("b.txt"), at("sub/c.json")]);
        assert_eq!(files.warnings.len(), 3, "{:?}", files.warnings);
        assert!(Files::of(&at("none")).is_err());
    }
}
