//! What fuzzing kept, and what it once found, again: every file below `tests/fuzz/corpus` through the functions that
//! the fuzz targets run.

use std::fs;
use std::path::Path;

use crate::properties;

#[test]
fn what_the_fuzzer_kept_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut targets: Vec<_> = fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    targets.sort();
    let names: Vec<_> = targets.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["list", "pattern", "stix1", "stix2"]);
    let runs: [fn(&[u8]); 4] = [properties::list, properties::pattern, properties::stix1, properties::stix2];
    for (folder, run) in targets.iter().zip(runs) {
        let mut kept = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| run(&bytes));
            assert!(held.is_ok(), "{}", path.display());
            kept += 1;
        }
        assert!(kept >= 100, "{}: only {kept} files", folder.display());
    }
}
