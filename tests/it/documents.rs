//! The documents: each path that they name is there.

use std::fs;
use std::path::{Path, PathBuf};

/// Made by builds and benches.
const MADE: &[&str] = &["benches/results", "target"];

#[test]
fn every_path_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = Vec::new();
    let mut found = 0;
    for document in documents(root) {
        let text = fs::read_to_string(&document).unwrap();
        let homes = [root.to_owned(), root.join("src"), document.parent().unwrap().to_owned()];
        for path in paths(&text, &homes) {
            found += 1;
            let made = MADE.iter().any(|made| path.starts_with(made));
            if !made && !homes.iter().any(|home| home.join(&path).exists()) {
                problems.push(format!("{}: {path}", document.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(found > 20, "only {found} paths are named at all");
    assert!(problems.is_empty(), "named, and not there:\n{}", problems.join("\n"));
}

/// All Markdown outside of hidden folders and of what is built.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            documents.extend(self::documents(&path));
        } else if path.extension().is_some_and(|e| e == "md") {
            documents.push(path);
        }
    }
    documents
}

/// What links lead to, and what stands between back-ticks with a slash in it and either begins with a folder of ours
/// or ends like a source file.
fn paths(text: &str, homes: &[PathBuf]) -> Vec<String> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|span| {
        let first = span.split('/').next().unwrap_or_default();
        let ours = !first.is_empty() && homes.iter().any(|home| home.join(first).is_dir());
        span.contains('/')
            && !span.contains(char::is_whitespace)
            && (ours || Path::new(span).extension().is_some_and(|e| e == "rs"))
    });
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
    quoted.chain(links).map(str::to_owned).collect()
}

#[test]
fn paths_are_told_from_other_things() {
    let homes = [Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()];
    let text = "see `src/gone.rs`, `nowhere/x.rs`, `http://evil.example/a`, `/`, `//x`, `evil.example/a`, `a/b c`,\n\
                [x](docs/gone.md#m1), [y](#m2), [z](https://x.example/)";
    assert_eq!(paths(text, &homes), ["src/gone.rs", "nowhere/x.rs", "docs/gone.md"]);
}
