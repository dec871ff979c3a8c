//! Real hosts and paths, in the shape of the log they are from and in that of others: each is found by a URL indicator
//! that is made of it, and none by one of the same host with another path.
//!
//! The excerpt in `tests/corpus`, and all alerts where `TAXIWAY_CORPUS` is set.
#![expect(clippy::print_stdout, reason = "tests say what they skip and what they found")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::program::{self, Program};
use crate::reference::Hit;
use crate::tagged;

/// A request: its line in the log, host, and path with its query.
struct Request {
    line: String,
    host: String,
    target: String,
}

impl Request {
    fn url(&self) -> String {
        format!("http://{}{}", self.host, self.target)
    }

    fn elsewhere(&self) -> String {
        format!("http://{}/other-path{}", self.host, self.target)
    }

    fn path_and_query(&self) -> (&str, &str) {
        self.target.split_once('?').unwrap_or((&self.target, ""))
    }
}

/// The requests of a log of alerts whose URL ends where its field does (M5.2) and has nothing to be cut off (M5.3).
fn requests(log: &Path) -> Vec<Request> {
    let text = fs::read_to_string(log).unwrap();
    let requests = text.lines().filter_map(|line| {
        let event: Json = serde_json::from_str(line).unwrap();
        let host = event["http"]["hostname"].as_str()?.to_owned();
        let target = event["http"]["url"].as_str()?.to_owned();
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>`{}|^\\#[]".contains(&b));
        // scanners send paths as hosts
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
        (host.contains('.') && host.bytes().all(is_host) && target.starts_with('/') && plain(&target))
            .then(|| Request { line: line.to_owned(), host, target })
    });
    requests.collect()
}

/// The program with these URLs.
fn with_urls(urls: impl Iterator<Item = String>) -> Program {
    let program = Program::new();
    let urls: BTreeSet<String> = urls.collect();
    program.write("feed.txt", urls.into_iter().map(|url| url + "\n").collect::<String>());
    program
}

fn hits(program: &Program, lines: &[String]) -> Vec<Vec<Hit>> {
    let output = program.filter(&["--quiet", "--preset", "flat"], lines.join("\n") + "\n");
    assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
    let hits: Vec<Vec<Hit>> = output.stdout.split(|&b| b == b'\n').map(tagged::hits).collect();
    assert_eq!(hits.len(), lines.len() + 1);
    hits
}

/// A shape of a log: its name, the field of a joined URL, and the line of a request.
type Shape = (&'static str, &'static str, fn(&Request) -> String);

const SHAPES: [Shape; 9] = [
    ("eve", "http.hostname+http.url", |r| r.line.clone()),
    ("zeek", "host+uri", |r| {
        let [host, uri] = [&r.host, &r.target];
        json!({"_path": "http", "id.resp_h": "198.51.100.7", "id.resp_p": 80, "method": "GET", "host": host, "uri": uri})
            .to_string()
    }),
    ("ecs", "url.domain+url.path", |r| {
        let (path, query) = r.path_and_query();
        json!({"destination": {"ip": "198.51.100.7"}, "url": {"domain": r.host, "path": path, "query": query}}).to_string()
    }),
    ("apache with a virtual host", "message", |r| {
        format!(
            "{}:80 198.51.100.7 - - [24/Nov/2026:00:00:00 +0000] \"GET {} HTTP/1.1\" 200 9 \"-\" \"UA\"",
            r.host, r.target
        )
    }),
    ("nginx with a host at the end", "message", |r| {
        format!(
            "198.51.100.7 - - [24/Nov/2026:00:00:00 +0000] \"GET {} HTTP/1.1\" 200 9 \"-\" \"UA\" \"{}\"",
            r.target, r.host
        )
    }),
    ("squid", "message", |r| {
        format!(
            "1764000000.123     45 198.51.100.7 TCP_MISS/200 9 GET {} - HIER_DIRECT/198.51.100.8 text/html",
            r.url()
        )
    }),
    ("iis", "message", |r| {
        let (path, query) = r.path_and_query();
        let query = if query.is_empty() { "-" } else { query };
        format!(
            "2026-11-24 00:00:00 198.51.100.7 GET {path} {query} 80 - 198.51.100.8 UA {} 200 0 0 9",
            r.host
        )
    }),
    ("cef", "message", |r| {
        format!(
            "CEF:0|Vendor|Proxy|1.0|100|web|5|src=198.51.100.7 dhost={} request={} act=allowed",
            r.host, r.target
        )
    }),
    ("leef", "message", |r| {
        format!("LEEF:1.0|Vendor|Proxy|1.0|web|src=198.51.100.7\thost={}\turi={}", r.host, r.target)
    }),
];

fn check(log: &Path, at_least: usize) {
    let requests = requests(log);
    println!("{}: {} requests", log.display(), requests.len());
    assert!(requests.len() >= at_least, "{}: only {} requests", log.display(), requests.len());
    let (listed, others) =
        (with_urls(requests.iter().map(Request::url)), with_urls(requests.iter().map(Request::elsewhere)));
    for (name, field, line) in SHAPES {
        // the host in the line of a web server is a name (M13.8)
        let in_line = ["apache with a virtual host", "nginx with a host at the end", "iis"].contains(&name);
        let is_name = |r: &&Request| !in_line || r.host.bytes().any(|b| b.is_ascii_alphabetic());
        let requests: Vec<&Request> = requests.iter().filter(is_name).collect();
        println!("{name}: {} requests", requests.len());
        let lines: Vec<String> = requests.iter().copied().map(line).collect();
        for ((request, line), hits) in requests.iter().zip(&lines).zip(hits(&listed, &lines)) {
            let (url, target) = (request.url(), &request.target);
            // a query in a field of its own is one more; one of another's URL without a query hits as well
            let is_it = |hit: &&Hit| {
                let in_field = hit.field == field || hit.field.strip_prefix(field) == Some("+url.query");
                in_field && hit.atomic.ends_with(target.as_str()) && hit.grade != "url-without-query"
            };
            assert!(
                hits.iter().any(|hit| is_it(&hit)),
                "{name}: {url} is not found in\n{line}\nbut {hits:?}"
            );
        }
        for (line, hits) in lines.iter().zip(hits(&others, &lines)) {
            assert!(hits.is_empty(), "{name}: another path\n{line}\n{hits:?}");
        }
    }
}

#[test]
fn requests_of_the_excerpt_are_found_in_every_shape() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/eve-alerts.ndjson"), 10);
}

#[test]
fn requests_of_all_alerts_are_found_in_every_shape() {
    let Some(folder) = std::env::var_os("TAXIWAY_CORPUS").map(PathBuf::from) else {
        println!("skipped, TAXIWAY_CORPUS is not set: requests of all alerts in every shape");
        return;
    };
    check(&folder.join("logs/suricata-eve-alerts.ndjson"), 200);
}
