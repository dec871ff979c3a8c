//! Snapshots as files: opened, put in place, and what is none.

use super::*;

#[test]
fn large_files_are_mapped_and_small_ones_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.snapshot");
    for count in [10u32, 300_000] {
        let (bytes, _) = built(
            &["f"],
            (0..count).map(|i| plain(0, Observable::Ip(std::net::Ipv4Addr::from(i * 7919).into()))),
        );
        assert_eq!(bytes.len() > 1 << 20, count > 10);
        install(&path, &bytes).unwrap();
        let snapshot = Snapshot::open(&path).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(snapshot.count(Kind::Ip), count);
        // the old file stays what it is for those who have it open
        install(&path, b"another file").unwrap();
        snapshot.verify().unwrap();
        let error = Snapshot::open(&path).unwrap_err().to_string();
        assert!(error.contains("set.snapshot") && error.contains("not a snapshot"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    assert!(matches!(Snapshot::open(&folder.path().join("missing")), Err(Error::Io { .. })));
    assert!(matches!(Snapshot::open(folder.path()), Err(Error::Io { .. })));
    // what has no end is not read to it
    let error = Snapshot::open(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("not a snapshot"), "{error}");
    install(Path::new("/dev/null"), b"nothing").unwrap();
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
}

#[test]
fn a_file_is_put_where_its_name_points_to() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    symlink("sub/two", at("one")).unwrap();
    symlink("../real", at("sub/two")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    for bytes in [b"a", b"b"] {
        install(&at("one"), bytes).unwrap();
        assert_eq!(std::fs::read(at("real")).unwrap(), bytes);
        assert!(at("one").is_symlink() && at("sub/two").is_symlink() && !at("real").is_symlink());
        let mode = std::fs::metadata(at("real")).unwrap().permissions().mode() & 0o777;
        assert!(bytes == b"a" || mode == 0o640, "{mode:o}");
        std::fs::set_permissions(at("real"), std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    assert!(install(&at("loop"), b"c").is_err());
    // a new file has the mode of one that any program makes; nothing else is left, whatever became of it
    install(&at("new"), b"c").unwrap();
    std::fs::write(at("other"), "other").unwrap();
    assert_eq!(std::fs::metadata(at("new")).unwrap().mode(), std::fs::metadata(at("other")).unwrap().mode());
    assert!(install(&at("missing/new"), b"c").is_err() && install(&at("sub"), b"c").is_err());
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["loop", "new", "one", "other", "real", "sub"]);
}
