//! Three ways to hold names, which have to agree. Measured on a million real ones by
//! `TAXIWAY_CORPUS=FOLDER cargo test --release --lib three_ways -- --nocapture`; the folder holds
//! `lists/maltrail.tsv.zst`. The figures are in ARCHITECTURE.md.

use std::time::Instant;

use super::*;
use crate::index::table::tail::Tails;
use crate::index::table::text::{self, Text};

/// One way: how many bytes it takes, and its look-up.
struct Way<'a> {
    name: &'static str,
    bytes: usize,
    build_s: f64,
    find: Box<dyn Fn(&str) -> bool + 'a>,
}

/// Text sorted by hash: the upper half of each hash, where its text starts, and where each bucket of hashes does.
struct HashSorted {
    buckets: Vec<u32>,
    hashes: Vec<u32>,
    starts: Vec<u32>,
    data: Vec<u8>,
}

fn upper(name: &str) -> u32 {
    let key = Hasher::new(7).text(name.as_bytes(), 0, name.len(), KeyKind::Name);
    u32::try_from(key >> 32).unwrap()
}

impl HashSorted {
    fn new(names: &[String]) -> HashSorted {
        let mut order: Vec<(u32, &String)> = names.iter().map(|name| (upper(name), name)).collect();
        order.sort_unstable();
        let count = names.len() / 8 + 1;
        let mut table =
            HashSorted { buckets: vec![0; count + 1], hashes: vec![], starts: vec![0], data: vec![] };
        for (hash, name) in order {
            table.hashes.push(hash);
            table.data.extend_from_slice(name.as_bytes());
            table.starts.push(u32::try_from(table.data.len()).unwrap());
            let next = table.bucket(hash) + 1;
            table.buckets[next] = u32::try_from(table.hashes.len()).unwrap();
        }
        for i in 1..table.buckets.len() {
            table.buckets[i] = table.buckets[i].max(table.buckets[i - 1]);
        }
        table
    }

    fn bucket(&self, hash: u32) -> usize {
        usize::try_from((u64::from(hash) * (self.buckets.len() as u64 - 1)) >> 32).unwrap()
    }

    fn find(&self, name: &str) -> bool {
        let hash = upper(name);
        let bucket = self.bucket(hash);
        (self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize).any(|i| {
            self.hashes[i] == hash
                && &self.data[self.starts[i] as usize..self.starts[i + 1] as usize] == name.as_bytes()
        })
    }

    fn bytes(&self) -> usize {
        4 * (self.buckets.len() + self.hashes.len() + self.starts.len()) + self.data.len()
    }
}

/// Real names where there are some, otherwise made up.
fn names() -> Vec<String> {
    let real = || {
        let file = Path::new(&std::env::var_os("TAXIWAY_CORPUS")?).join("lists/maltrail.tsv.zst");
        let text = zstd::decode_all(std::fs::File::open(file).ok()?).ok()?;
        String::from_utf8(text).ok()
    };
    let line = |n: u32| format!("domain\tn{n}.x{}.example{}\t\n", n % 97, n % 7);
    let made = || (0..5_000).map(line).collect::<Vec<String>>().concat();
    let text: String = real().unwrap_or_else(made);
    let values = text.lines().filter_map(|line| line.strip_prefix("domain\t")?.split('\t').next());
    let names: BTreeSet<String> =
        values.filter_map(|value| Some(Name::parse(value).ok()?.as_str().to_owned())).collect();
    names.into_iter().collect()
}

fn shuffled(names: &[String]) -> Vec<&str> {
    let mut order: Vec<&str> = names.iter().map(String::as_str).collect();
    order.sort_by_key(|name| upper(name));
    order
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
#[test]
fn three_ways_for_names() {
    let names = names();
    assert!(names.len() >= 5_000);
    let count = names.len() as f64;
    let (mut ways, start) = (Vec::new(), Instant::now());
    let mut builder = fst::MapBuilder::memory();
    for (i, name) in (0u64..).zip(&names) {
        builder.insert(name, i).unwrap();
    }
    let map = builder.into_map();
    let (bytes, build_s) = (map.as_fst().size(), start.elapsed().as_secs_f64());
    ways.push(Way { name: "fst", bytes, build_s, find: Box::new(move |name| map.get(name).is_some()) });

    let start = Instant::now();
    let (mut writer, mut coded) =
        (text::Writer::new(Tails::of(names.iter().map(String::as_bytes))), Vec::new());
    for name in &names {
        writer.push(name.as_bytes());
    }
    writer.finish(&mut coded).unwrap();
    let build_s = start.elapsed().as_secs_f64();
    let table = Text::read(&coded, 0..coded.len()).unwrap();
    let bytes = coded.len();
    let find = Box::new(move |name: &str| table.find(&coded, name.as_bytes()).is_some());
    ways.push(Way { name: "front-coded", bytes, build_s, find });

    let start = Instant::now();
    let hashed = HashSorted::new(&names);
    let (bytes, build_s) = (hashed.bytes(), start.elapsed().as_secs_f64());
    ways.push(Way { name: "hash-sorted", bytes, build_s, find: Box::new(move |name| hashed.find(name)) });

    let order = shuffled(&names);
    let hits: Vec<&str> = order.iter().copied().take(200_000).collect();
    let misses: Vec<String> = hits.iter().map(|name| format!("{name}.example")).collect();
    for way in &ways {
        let start = Instant::now();
        assert!(hits.iter().all(|name| (way.find)(name)), "{}", way.name);
        let hit = start.elapsed().as_nanos() as f64 / hits.len() as f64;
        let start = Instant::now();
        assert!(!misses.iter().any(|name| (way.find)(name)), "{}", way.name);
        let miss = start.elapsed().as_nanos() as f64 / misses.len() as f64;
        let Way { name, bytes, build_s, .. } = way;
        let per_name = *bytes as f64 / count;
        println!(
            "{name:12} {per_name:5.2} bytes a name, hit {hit:5.0} ns, miss {miss:5.0} ns, build {build_s:.2} s"
        );
    }
}
