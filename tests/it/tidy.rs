//! The law of the source tree: who may import whom, which outside crate may be named where, and how a file looks.
//!
//! Reads all files under `src`. A new arrow between modules is a row here, so that it cannot be missed in review.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Module, and the modules it may use besides itself. The row with the longest name that fits a file counts.
const LAYERS: &[(&str, &[&str])] = &[
    // L0 words
    ("observable", &[]),
    ("compound", &["observable"]),
    ("pattern", &["compound", "indicator", "observable"]),
    ("indicator", &["compound", "observable"]),
    ("tally", &[]),
    ("survey", &["indicator", "observable", "tally"]),
    // L1 tools
    ("codec", &[]),
    ("stix", &["compound", "indicator", "observable", "pattern", "survey", "tally"]),
    ("list", &["indicator", "observable", "tally"]),
    ("index", &["compound", "indicator", "observable", "tally"]),
    ("policy", &["indicator", "observable"]),
    ("live", &["index", "policy"]),
    // L2 planes
    ("engine", &["index", "indicator", "live", "observable", "policy"]),
    ("engine::scan", &["engine::event", "engine::join", "engine::token", "index", "observable"]),
    ("intake", &["codec", "indicator", "list", "pattern", "stix", "survey", "tally"]),
    // L3 edges
    ("stage", &["codec", "engine", "indicator", "live"]),
    // L4 entry
    (
        "cli",
        &[
            "compound",
            "engine",
            "index",
            "indicator",
            "intake",
            "live",
            "observable",
            "pattern",
            "policy",
            "stage",
            "survey",
            "tally",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Outside crate, and the files (or folders) that may name it. Each dependency of `Cargo.toml` needs a row.
const CRATES: &[(&str, &[&str])] = &[
    ("ahash", &["engine/", "index/", "intake/", "list", "pattern/", "stix/", "survey.rs"]),
    ("anyhow", &["cli/"]),
    ("arc_swap", &["live.rs"]),
    ("blake3", &["index/"]),
    ("bzip2", &["codec.rs"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("crc32c", &["index/"]),
    ("flate2", &["codec.rs"]),
    ("fst", &["index/"]),
    ("icu_properties", &["observable/"]),
    ("idna", &["observable/"]),
    ("indicatif", &["cli/"]),
    ("jiff", &["indicator.rs"]),
    ("liblzma", &["codec.rs"]),
    ("memchr", &["engine/", "observable/", "pattern/", "list", "stage/", "stix/"]),
    ("memmap2", &["index/"]),
    ("psl", &["index/"]),
    ("quick_xml", &["stix/v1/"]),
    ("rustix", &["stage/"]),
    ("serde", &["cli/", "stix"]),
    ("serde_json", &["cli/", "stix"]),
    ("signal_hook", &["cli/"]),
    ("tempfile", &["index/map.rs"]),
    ("thiserror", &[""]),
    ("zstd", &["codec.rs"]),
];

/// Where `unsafe` may stand.
const UNSAFE: &[&str] = &["engine/scan/", "index/map.rs"];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helpers", "shared", "types", "manager"];

const NON_TEST_LINES_MAX: usize = 600;

#[test]
fn the_source_tree_keeps_the_law() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), "", &mut files);
    assert!(files.len() > 10, "only {} files found", files.len());
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut problems: Vec<String> = files.iter().flat_map(|(path, text)| problems(path, text)).collect();
    problems.extend(rowless(&manifest));
    problems.extend(unused(&files));
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() {
            collect(&entry, &format!("{prefix}{name}/"), files);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            files.push((format!("{prefix}{name}"), fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// All that is wrong with a file; `path` is below `src`.
fn problems(path: &str, text: &str) -> Vec<String> {
    let (code, tests) = code_and_tests(path, text);
    let mut problems = Vec::new();
    let mut say = |what: String| problems.push(format!("src/{path}: {what}"));

    if !text.starts_with("//!") {
        say("does not start with //!".into());
    }
    let lines = code.lines().filter(|l| !l.trim().is_empty()).count();
    if lines > NON_TEST_LINES_MAX {
        say(format!("{lines} lines of code: find the missing noun"));
    }
    let stem = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
    if path.split('/').any(|p| EMPTY_NAMES.contains(&p.trim_end_matches(".rs"))) {
        say(format!("{stem} is a name that says nothing"));
    }
    if code.contains("super::") || tests.replace("use super::*;", "").contains("super::") {
        say("super:: (only `use super::*;` in test modules; say crate:: instead)".into());
    }
    if has_word(&(code.clone() + &tests), "unsafe") && !UNSAFE.iter().any(|u| path.starts_with(u)) {
        say("unsafe outside of the scan and the map".into());
    }
    for (name, homes) in CRATES {
        if names_crate(&code, name) && !homes.iter().any(|home| path.starts_with(home)) {
            say(format!("names {name}, whose home is {}", homes.join(", ")));
        }
    }
    let module = module_of(path);
    match row_of(&module) {
        None => say(format!("module {module} has no row in tests/it/tidy.rs")),
        Some((row, allowed)) => {
            let itself = module.split("::").next().unwrap();
            for target in imports(&code) {
                let under = |m: &str| target == m || target.starts_with(&format!("{m}::"));
                let home = if row.contains("::") { row } else { itself };
                if !under(home) && !allowed.iter().any(|m| under(m)) {
                    say(format!("{row} may not use crate::{target}"));
                }
            }
        }
    }
    problems
}

/// Without comments and literals.
fn code_and_tests(path: &str, text: &str) -> (String, String) {
    let bare = without_comments_and_literals(text);
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    if is_test { (String::new(), bare) } else { split_tests(&bare) }
}

/// Permissions that nobody needs any more.
fn unused(files: &[(String, String)]) -> Vec<String> {
    let files: Vec<(&str, String)> =
        files.iter().map(|(path, text)| (path.as_str(), code_and_tests(path, text).0)).collect();
    let mut unused = Vec::new();
    for (row, allowed) in LAYERS {
        let own = files.iter().filter(|(path, _)| row_of(&module_of(path)).is_some_and(|(r, _)| r == *row));
        let targets: BTreeSet<String> = own.flat_map(|(_, code)| imports(code)).collect();
        let needed = |m: &str| targets.iter().any(|t| t == m || t.starts_with(&format!("{m}::")));
        let idle = allowed.iter().filter(|m| !needed(m));
        unused.extend(idle.map(|m| format!("{row} does not use {m}: the row says more than is needed")));
    }
    for (name, homes) in CRATES {
        let named = |home: &str| files.iter().any(|(p, code)| p.starts_with(home) && names_crate(code, name));
        let idle = homes.iter().filter(|home| !named(home));
        unused.extend(idle.map(|home| format!("{name} is not named in {home}")));
    }
    let holds = |home: &str| files.iter().any(|(p, code)| p.starts_with(home) && has_word(code, "unsafe"));
    unused.extend(UNSAFE.iter().filter(|u| !holds(u)).map(|u| format!("no unsafe in {u}")));
    unused
}

/// Dependencies that have no row in [`CRATES`].
fn rowless(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[").find_map(|s| s.strip_prefix("dependencies]")).unwrap_or_default();
    let names = section.lines().filter_map(|l| l.split_once('=')).map(|(name, _)| name.trim());
    names
        .filter(|n| !n.starts_with('#') && !CRATES.iter().any(|(c, _)| *c == n.replace('-', "_")))
        .map(|n| format!("Cargo.toml: {n} has no row in tests/it/tidy.rs"))
        .collect()
}

/// `index/filter.rs` is `index::filter`, `engine/mod.rs` is `engine`.
fn module_of(path: &str) -> String {
    path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
}

fn row_of(module: &str) -> Option<(&'static str, &'static [&'static str])> {
    let fits = |row: &&(&str, _)| module == row.0 || module.starts_with(&format!("{}::", row.0));
    LAYERS.iter().filter(fits).max_by_key(|row| row.0.len()).map(|row| (row.0, row.1))
}

/// All paths behind `crate::` (and, in the program, `taxiway::`), groups spelled out.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for head in ["crate::", "taxiway::"] {
        for (at, _) in code.match_indices(head) {
            let before = code.get(..at).unwrap().chars().next_back();
            if before.is_none_or(|c| !is_ident(c) && c != ':') {
                let tail: Vec<char> = code.get(at + head.len()..).unwrap().chars().collect();
                spell_out("", &tail, &mut 0, &mut found);
            }
        }
    }
    found
}

/// Reads one use tree: `a::b`, `a::{b, c::d}`, `{a, b}`.
fn spell_out(prefix: &str, chars: &[char], at: &mut usize, found: &mut BTreeSet<String>) {
    let mut path = prefix.to_owned();
    loop {
        while chars.get(*at).is_some_and(|c| c.is_whitespace()) {
            *at += 1;
        }
        match chars.get(*at) {
            Some('{') => {
                *at += 1;
                while chars.get(*at).is_some_and(|&c| c != '}') {
                    let start = *at;
                    spell_out(&path, chars, at, found);
                    while chars.get(*at).is_some_and(|&c| c != ',' && c != '}') {
                        *at += 1;
                    }
                    *at += usize::from(chars.get(*at) == Some(&','));
                    assert!(*at > start, "stuck in a group");
                    while chars.get(*at).is_some_and(|c| c.is_whitespace()) {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            Some(&c) if is_ident(c) => {
                let word: String = chars.iter().skip(*at).take_while(|&&c| is_ident(c)).collect();
                *at += word.chars().count();
                path = if path.is_empty() { word } else { format!("{path}::{word}") };
            }
            _ => {
                found.insert(path);
                return;
            }
        }
        if chars.get(*at) == Some(&':') && chars.get(*at + 1) == Some(&':') {
            *at += 2;
        } else {
            found.insert(path);
            return;
        }
    }
}

fn is_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).unwrap().chars().next_back();
        let after = code.get(at + word.len()..).unwrap().chars().next();
        before.is_none_or(|c| !is_ident(c)) && after.is_none_or(|c| !is_ident(c))
    })
}

/// `name::`, `use name;` or `use name as`, and not `crate::name::` or `self::name`.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).unwrap();
        let after = code.get(at + name.len()..).unwrap();
        let head = !before.ends_with(|c| is_ident(c) || c == ':' || c == '.');
        let used = before.trim_end().ends_with("use")
            && (after.starts_with(';') || after.starts_with(" as ") || after.starts_with("::"));
        head && (after.starts_with("::") || used)
    })
}

/// Blanks out comments, strings and characters; line ends stay.
fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut bare = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match (chars[i], chars.get(i + 1)) {
            ('/', Some('/')) => Some((i..chars.len()).find(|&k| chars[k] == '\n').unwrap_or(chars.len())),
            ('/', Some('*')) => Some(block_comment_end(&chars, i)),
            ('r', Some('"' | '#')) if i == 0 || !is_ident(chars[i - 1]) || chars[i - 1] == 'b' => {
                raw_string_end(&chars, i)
            }
            ('"', _) => Some(quoted_end(&chars, i, '"')),
            ('\'', Some('\\')) => Some(quoted_end(&chars, i, '\'')),
            ('\'', Some(_)) if chars.get(i + 2) == Some(&'\'') => Some(i + 3),
            _ => None,
        };
        if let Some(end) = end {
            bare.extend(chars[i..end.min(chars.len())].iter().map(|&c| if c == '\n' { c } else { ' ' }));
            i = end;
        } else {
            bare.push(chars[i]);
            i += 1;
        }
    }
    bare
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut i = start;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                i += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    i
}

fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars.iter().skip(start + 1).take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    (chars.get(open) == Some(&'"')).then_some(())?;
    let closes = |k: &usize| {
        chars.get(*k).is_none_or(|&c| c == '"')
            && (1..=hashes).all(|h| chars.get(k + h).is_none_or(|&c| c == '#'))
    };
    (open + 1..=chars.len()).find(closes).map(|k| k + 1 + hashes)
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Code, and what stands in `#[cfg(test)] mod ... { }`.
fn split_tests(bare: &str) -> (String, String) {
    let Some((code, rest)) = bare.split_once("#[cfg(test)]") else { return (bare.into(), String::new()) };
    let chars: Vec<char> = rest.chars().collect();
    let mut depth = 0;
    let mut end = chars.len();
    for (i, c) in chars.iter().enumerate() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {}
            _ => continue,
        }
        if depth == 0 {
            end = i + 1;
            break;
        }
    }
    let (more_code, more_tests) = split_tests(&chars[end..].iter().collect::<String>());
    (code.to_owned() + &more_code, chars[..end].iter().collect::<String>() + &more_tests)
}

#[cfg(test)]
mod planted {
    use crate::tidy::{imports, problems, rowless, unused, without_comments_and_literals};

    fn found(path: &str, text: &str) -> String {
        problems(path, text).join("\n")
    }

    #[test]
    fn arrows_that_go_up_are_reported() {
        for text in [
            "//! x\nuse crate::engine::Engine;\n",
            "//! x\nuse crate::{observable::Kind, engine::Engine};\n",
            "//! x\nuse crate::{\n    observable::{Kind, Name},\n    engine,\n};\n",
            "//! x\nfn f() { crate::engine::scan::go(); }\n",
            "//! x\npub(in crate::engine) fn f() {}\n",
        ] {
            assert!(found("index/mod.rs", text).contains("may not use crate::engine"), "{text}");
        }
        assert!(found("main.rs", "//! x\nfn main() { taxiway::stage::run(); }").contains("may not use"));
        assert!(found("engine/scan/mod.rs", "//! x\nuse crate::engine::judge;").contains("may not use"));
        assert_eq!(
            found("engine/judge.rs", "//! x\nuse crate::engine::scan;\nuse crate::index::Snapshot;"),
            ""
        );
        assert_eq!(found("index/ip.rs", "//! x\nuse crate::index::filter;\nuse crate::observable;"), "");
    }

    #[test]
    fn modules_without_a_row_are_reported() {
        assert!(found("kitchen/sink.rs", "//! x\n").contains("has no row"));
        assert!(found("stage/util.rs", "//! x\n").contains("says nothing"));
    }

    #[test]
    fn super_is_reported_outside_of_tests_and_in_them() {
        assert!(found("index/ip.rs", "//! x\nuse super::filter;\n").contains("super::"));
        assert!(
            found("index/ip.rs", "//! x\n#[cfg(test)]\nmod tests {\n use super::filter; }")
                .contains("super::")
        );
        assert_eq!(found("index/ip.rs", "//! x\n#[cfg(test)]\nmod tests {\n use super::*; }"), "");
        assert_eq!(found("index/tests.rs", "//! x\nuse super::*;\n"), "");
        assert_eq!(found("index/ip.rs", "//! x\npub(super) fn f() {}\n"), "");
    }

    #[test]
    fn crates_away_from_home_are_reported() {
        assert!(found("engine/mod.rs", "//! x\nuse serde_json::Value;\n").contains("names serde_json"));
        assert!(found("stage/mod.rs", "//! x\nfn f() -> anyhow::Result<()> { Ok(()) }").contains("anyhow"));
        assert!(found("index/mod.rs", "//! x\nuse arc_swap as a;\n").contains("arc_swap"));
        assert_eq!(found("cli/mod.rs", "//! x\nuse anyhow::Context as _;\n"), "");
        assert_eq!(found("index/mod.rs", "//! x\nfn f() { self::psl::g(); list.serde(); }\n"), "");
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nleft-pad = \"1\"\nahash = \"1\"\n\n[dev-dependencies]\nproptest = \"1\"\n";
        assert_eq!(rowless(manifest).len(), 1);
    }

    #[test]
    fn permissions_that_nobody_needs_are_reported() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = [
            file("live.rs", "use crate::index::Snapshot;\nuse arc_swap::ArcSwap;\n"),
            file("stix/mod.rs", "// crate::tally\n#[cfg(test)]\nmod tests { use crate::pattern; }\n"),
        ];
        let unused = unused(&files);
        let says = |what: &str| unused.iter().any(|u| u.starts_with(what));
        assert!(says("live does not use policy") && !says("live does not use index"));
        assert!(says("stix does not use tally") && says("stix does not use pattern"));
        assert!(says("anyhow is not named in cli/") && !says("arc_swap"));
        assert!(says("no unsafe in index/map.rs"));
    }

    #[test]
    fn looks_are_reported() {
        assert!(found("policy.rs", "use std::fmt;\n").contains("//!"));
        let long = format!("//! x\n{}", "fn f() {}\n".repeat(601));
        assert!(found("policy.rs", &long).contains("601 lines"));
        let tested = format!("//! x\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(601));
        assert_eq!(found("policy.rs", &tested), "");
        assert!(found("policy.rs", "//! x\nfn f() { unsafe { g() } }\n").contains("unsafe"));
        assert_eq!(found("index/map.rs", "//! x\nfn f() { unsafe { g() } }\n"), "");
        assert_eq!(found("policy.rs", "//! x\n#![expect(unsafe_code)]\n"), "");
    }

    #[test]
    fn comments_and_literals_hide_nothing_and_show_nothing() {
        let text = "//! x\n// use crate::engine;\n/* crate::cli /* */ crate::stage */\nconst A: &str = \"crate::cli \\\" crate::engine\";\nconst B: &str = r#\"crate::cli \" \"#;\nconst C: char = '\"';\nconst D: char = '\\'';\nfn f<'a>(x: &'a str) {}\n";
        assert_eq!(found("observable/mod.rs", text), "");
        let bare =
            without_comments_and_literals("const A: char = '\"'; use crate::engine; const B: &str = \"x\";");
        assert!(imports(&bare).contains("engine"), "{bare}");
        let after_tests = "//! x\n#[cfg(test)]\nmod tests;\nuse crate::engine;\n";
        assert!(found("index/mod.rs", after_tests).contains("may not use"));
    }
}
