//! Tests of the scan's parts: classes, anchors, keys; each on every tier of the machine. Quick enough for a machine
//! that is emulated.

mod sift;

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

/// The bits of a window of 32 bytes by their definitions: ends of labels and bytes above 0x7f, digits and dots.
fn windows(window: &[u8; 32]) -> [(u32, u32); 2] {
    let bits = |f: &dyn Fn(u8) -> bool| {
        window.iter().enumerate().fold(0u32, |sum, (i, &b)| sum | u32::from(f(b)) << i)
    };
    let in_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b >= 0x80;
    [(bits(&|b| !in_label(b)), bits(&|b| b >= 0x80)), (bits(&|b| b.is_ascii_digit()), bits(&|b| b == b'.'))]
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
            let got = [C::delimiters(window), C::digits_and_dots(window)];
            assert_eq!(got, windows(window), "{tier:?}, shift {shift}");
        });
    }
}

/// What the tier finds in `data`, absolute.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    names: Vec<usize>,
    quads: Vec<usize>,
    digests: Vec<usize>,
    ip6: Vec<usize>,
    escapes: Vec<usize>,
}

fn found<C: Classes>(data: &[u8], odd_names: bool) -> Found {
    let look = Look { names: true, odd_names, ip4: true, ip6: true, digests: true };
    let (mut anchors, mut carry) = (Anchors::new(), Carry::default());
    let mut found = Found::default();
    let mut from = 0;
    loop {
        let to = (from + CHUNK).min(data.len());
        anchor::find::<C>(data, from, to, look, &mut carry, &mut anchors);
        for (list, positions) in [
            (&mut found.names, &anchors.names),
            (&mut found.quads, &anchors.quads),
            (&mut found.digests, &anchors.digests),
            (&mut found.ip6, &anchors.ip6),
            (&mut found.escapes, &anchors.escapes),
        ] {
            list.extend(positions.iter().map(|at| from + at));
        }
        from = to;
        if from == data.len() {
            return found;
        }
    }
}

/// Ends of names and quads.
fn ends<C: Classes>(data: &[u8], odd_names: bool) -> (Vec<usize>, Vec<usize>) {
    let found = found::<C>(data, odd_names);
    (found.names, found.quads)
}

/// Digests, IPv6 and escapes by the definitions of their anchors.
fn by_definition(data: &[u8]) -> Found {
    let is = |at: Option<usize>, f: fn(u8) -> bool| at.and_then(|at| data.get(at)).is_some_and(|&b| f(b));
    let colon: fn(u8) -> bool = |b| b == b':';
    let hex: fn(u8) -> bool = |b| b.is_ascii_hexdigit();
    // the last byte of a block does not know what follows it
    let last = |at: usize| at % BLOCK == BLOCK - 1;
    let blocks = data.len() / BLOCK + 1;
    let in_block = |block: usize| block * BLOCK..data.len().min((block + 1) * BLOCK);
    let either: fn(u8) -> bool = |b| b == b':' || b.is_ascii_hexdigit();
    let behind = |block: usize| {
        in_block(block).filter(|&at| is(Some(at), colon) && is(at.checked_sub(1), either)).collect::<Vec<_>>()
    };
    let groups =
        |block: usize| behind(block).into_iter().filter(|&at| last(at) || is(at.checked_add(1), hex)).count();
    // the first byte of a block does not know which of the two is before it
    let double =
        |block: usize| behind(block).into_iter().any(|at| at % BLOCK == 0 || is(at.checked_sub(1), colon));
    let five = |block: usize| groups(block) + block.checked_sub(1).map_or(0, groups) >= 5;
    let near = |&block: &usize| !behind(block).is_empty() && (double(block) || five(block));
    let digits = |&at: &usize| data.get(at..at + 16).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
    let escape = |&at: &usize| data[at] == b'\\' && (last(at) || data.get(at + 1) == Some(&b'u'));
    Found {
        digests: (0..data.len()).step_by(16).filter(digits).collect(),
        ip6: (0..blocks).filter(near).map(|block| block * BLOCK).collect(),
        escapes: (0..data.len()).filter(escape).collect(),
        ..Found::default()
    }
}

#[test]
fn anchors_of_digests_ip6_and_escapes_are_as_defined() {
    for (seed, alphabet) in
        [&b"0a9F"[..], b"0a:", b"0a:. g", b"\\u0 ", b"0123456789abcdefABCDEF:\\u.g"].iter().enumerate()
    {
        // two whole chunks and a bit: the last block is cut, or is none at all
        for more in [0, 1, 63, 64, 300] {
            let data = sift::bytes(seed as u64 + 1, 2 * CHUNK + more, alphabet);
            let expected = by_definition(&data);
            assert!(expected.digests.len() + expected.ip6.len() + expected.escapes.len() > 100, "{seed}");
            each_tier!(tier, C, {
                let got = Found { names: Vec::new(), quads: Vec::new(), ..found::<C>(&data, true) };
                assert!(got == expected, "{tier:?}, alphabet {}", alphabet.escape_ascii());
            });
        }
    }
}

/// The scan reads the runs within 64 bytes around an anchor of IPv6.
#[test]
fn every_spelling_of_ip6_has_an_anchor_near() {
    for text in [
        "::",
        "2001:db8::1",
        "2001:db8:1:2:3:4:5:6",
        "2001:0db8:0001:0002:0003:0004:0005:0006",
        "2001:0db8:0001:0002:0003:0004:192.000.002.001",
        "::ffff:192.0.2.1",
    ] {
        for pad in 0..130 {
            let data = [&vec![b' '; pad], text.as_bytes(), b" "].concat();
            each_tier!(tier, C, {
                let anchors = found::<C>(&data, false).ip6;
                let near = |at: &usize| at.saturating_sub(BLOCK) < pad + text.len() && pad < at + BLOCK;
                assert!(anchors.iter().any(near), "{tier:?}, pad {pad}: {text} {anchors:?}");
            });
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
