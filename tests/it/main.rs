//! Stories: the program from outside.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#[test]
fn placeholder() {
    assert_eq!(Some(1).unwrap(), 1);
}
