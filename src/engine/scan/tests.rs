//! Tests of the scan's parts: classes, anchors, keys; each on every tier of the machine.

use crate::engine::scan::anchor::{self, Anchors, CHUNK, Carry, Look};
use crate::engine::scan::scalar::Scalar;
use crate::engine::scan::{BLOCK, Classes, Masks, Tier, key};

/// Calls a closure-like body with the class type of every tier that this machine has.
macro_rules! each_tier {
    ($tier:ident, $class:ident, $body:block) => {{
        {
            type $class = Scalar;
            let $tier = Tier::Scalar;
            $body
        }
        #[cfg(target_arch = "x86_64")]
        {
            if Tier::Wide128.is_available() {
                type $class = crate::engine::scan::wide128::Wide128;
                let $tier = Tier::Wide128;
                $body
            }
            if Tier::Avx2.is_available() {
                type $class = crate::engine::scan::avx2::Avx2;
                let $tier = Tier::Avx2;
                $body
            }
            if Tier::Avx512.is_available() {
                type $class = crate::engine::scan::avx512::Avx512;
                let $tier = Tier::Avx512;
                $body
            }
        }
    }};
}

/// The masks by the definition of the classes.
fn masks(block: &[u8; BLOCK]) -> Masks {
    let bits = |f: &dyn Fn(u8) -> bool| {
        block.iter().enumerate().fold(0u64, |sum, (i, &b)| sum | u64::from(f(b)) << i)
    };
    Masks {
        alpha: bits(&|b| b.is_ascii_alphabetic()),
        digit: bits(&|b| b.is_ascii_digit()),
        hex: bits(&|b| b.is_ascii_hexdigit()),
        dot: bits(&|b| b == b'.'),
        colon: bits(&|b| b == b':'),
        label: bits(&|b| b.is_ascii_alphanumeric() || b == b'-' || b >= 0x80),
        underscore: bits(&|b| b == b'_'),
        high: bits(&|b| b >= 0x80),
        backslash: bits(&|b| b == b'\\'),
    }
}

#[test]
fn every_tier_knows_every_byte_at_every_place() {
    for shift in 0..=255u8 {
        let mut block = [0u8; BLOCK];
        for (i, byte) in block.iter_mut().enumerate() {
            *byte = u8::try_from(i).unwrap().wrapping_mul(37).wrapping_add(shift);
        }
        let window: &[u8; 32] = block.first_chunk().unwrap();
        each_tier!(tier, C, {
            assert_eq!(C::classify(&block), masks(&block), "{tier:?}, shift {shift}");
            assert_eq!(C::delimiters(window), Scalar::delimiters(window), "{tier:?}, shift {shift}");
            assert_eq!(
                C::digits_and_dots(window),
                Scalar::digits_and_dots(window),
                "{tier:?}, shift {shift}"
            );
        });
    }
}

/// Ends of names and quads that the tier finds in `data`, absolute.
fn ends<C: Classes>(data: &[u8], odd_names: bool) -> (Vec<usize>, Vec<usize>) {
    let look = Look { names: true, odd_names, ip4: true, ip6: false, digests: false };
    let (mut anchors, mut carry) = (Anchors::new(), Carry::default());
    let (mut names, mut quads) = (Vec::new(), Vec::new());
    let mut from = 0;
    loop {
        let to = (from + CHUNK).min(data.len());
        anchor::find::<C>(data, from, to, look, &mut carry, &mut anchors);
        names.extend(anchors.names.iter().map(|at| from + at));
        quads.extend(anchors.quads.iter().map(|at| from + at));
        from = to;
        if from == data.len() {
            return (names, quads);
        }
    }
}

#[test]
fn anchors_do_not_depend_on_where_blocks_begin() {
    let text = b" evil.com 1.2.3.4 www.evil.co.uk. http://x.org/a?b=1.2.3.4.5 a.b.c_d xn--a.xn--p1ai \xd0\xbf.\xd1\x80\xd1\x84 ";
    each_tier!(tier, C, {
        let expected = ends::<Scalar>(text, false);
        assert!(expected.0.len() >= 5 && expected.1.len() >= 2, "{expected:?}");
        for pad in 0..130 {
            let mut data = vec![b' '; pad];
            data.extend_from_slice(text);
            let (names, quads) = ends::<C>(&data, false);
            let back = |v: Vec<usize>| v.into_iter().map(|at| at - pad).collect::<Vec<_>>();
            // an end dot on the last byte of a block is taken for a final one: more, never fewer
            let names = back(names);
            assert!(expected.0.iter().all(|at| names.contains(at)), "{tier:?}, pad {pad}: {names:?}");
            assert_eq!(back(quads), expected.1, "{tier:?}, pad {pad}");
        }
    });
}

#[test]
fn names_end_where_their_last_label_ends() {
    let find = |text: &str, odd| ends::<Scalar>(text.as_bytes(), odd).0;
    assert_eq!(find("evil.com", false), [8]);
    assert_eq!(find("\"evil.com\"", false), [9]);
    assert_eq!(find("evil.com. next", false), [8]);
    assert_eq!(find("id.orig_h", false), Vec::<usize>::new());
    assert_eq!(find("id.orig_h", true), [9]);
    assert_eq!(find("20.866586Z", false), Vec::<usize>::new());
    assert_eq!(find("20.866586Z", true), [10]);
    assert_eq!(find("a.xn--p1ai", false), [10]);
    assert_eq!(find("evil.com_backup", false), Vec::<usize>::new());
}

#[test]
fn the_last_two_labels() {
    each_tier!(tier, C, {
        for (text, expected) in [
            ("evil.com", Some(0)),
            ("www.evil.com", Some(4)),
            ("\"evil.com", Some(1)),
            ("com", None),
            ("some.text before it \"www.evil.com", Some(25)),
        ] {
            let got = key::two_labels::<C>(text.as_bytes(), text.len()).map(|(start, _)| start);
            assert_eq!(got, expected, "{tier:?} {text}");
        }
        let long = format!("{}.{}", "a".repeat(63), "b".repeat(63));
        assert_eq!(key::two_labels::<C>(long.as_bytes(), long.len()), Some((0, false)), "{tier:?}");
    });
}

#[test]
fn dotted_quads() {
    each_tier!(tier, C, {
        for (text, expected) in [
            ("1.2.3.4", Some([1, 2, 3, 4])),
            ("x=255.255.255.255", Some([255, 255, 255, 255])),
            (" 001.002.003.004", Some([1, 2, 3, 4])),
            ("1.2.3.4.", Some([1, 2, 3, 4])),
            (" .1.2.3.4", Some([1, 2, 3, 4])),
            ("%201.2.3.4", Some([1, 2, 3, 4])),
            ("%2F1.2.3.4", Some([1, 2, 3, 4])),
            ("\\n1.2.3.4", Some([1, 2, 3, 4])),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("v1.2.3.4", None),
            ("1..2.3.4", None),
            ("1.2.3.0004", None),
        ] {
            let got = key::quad::<C>(text.as_bytes(), text.len()).map(u32::to_be_bytes);
            assert_eq!(got, expected, "{tier:?} {text}");
        }
    });
}
