//! Tests of the tokens.

use super::*;

/// The candidates of a string, in order: kind and text; a URL with each of its readings.
fn found(text: impl AsRef<[u8]>) -> Vec<String> {
    let text = text.as_ref();
    let mut tokens = Tokens::default();
    let mut found: Vec<Candidate> = tokens.read(text).to_vec();
    found.sort_by_key(|c| (c.start, c.end));
    let show = |c: &Candidate, end: usize| String::from_utf8(text[c.start..end].to_vec()).unwrap();
    let mut lines = Vec::new();
    for c in &found {
        match c.what {
            What::Address(ip) => lines.push(format!("ip {} {ip}", show(c, c.end))),
            What::AddressPort(ip, port) => lines.push(format!("port {} {ip} {port}", show(c, c.end))),
            What::Name { mail: false, .. } => lines.push(format!("name {}", show(c, c.end))),
            What::Name { mail: true, .. } => lines.push(format!("domain {}", show(c, c.end))),
            What::Mail { at, .. } => {
                assert_eq!(text[at], b'@');
                lines.push(format!("mail {}", show(c, c.end)));
            }
            What::Digest => lines.push(format!("digest {}", c.end - c.start)),
            What::Url { trimmed, short, .. } => {
                let mut ends = vec![c.end, trimmed, short];
                ends.dedup();
                let ends: Vec<_> = ends.into_iter().map(|end| show(c, end)).collect();
                lines.push(format!("url {}", ends.join(" | ")));
            }
        }
    }
    lines
}

/// Only candidates of one kind.
fn of(kind: &str, text: impl AsRef<[u8]>) -> Vec<String> {
    let prefix = format!("{kind} ");
    found(text).into_iter().filter_map(|l| l.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn ips(text: impl AsRef<[u8]>) -> Vec<String> {
    of("ip", text).into_iter().map(|l| l.split(' ').next_back().unwrap().to_owned()).collect()
}

#[test]
fn ipv4_borders() {
    for good in [
        "192.0.2.1",
        "host-192.0.2.1",
        "192.0.2.1-9",
        "192.0.2.1/24",
        "192.0.2.1:443",
        "[192.0.2.1]",
        "from 192.0.2.1.",
        ".192.0.2.1",
        "192.000.002.001",
        "é192.0.2.1é",
        "(192.0.2.1)",
        "192.0.2.1..5",
        "%20192.0.2.1%20",
        "a=192.0.2.1;b",
        "\\t192.0.2.1\\n",
        "a@192.0.2.1",
        "-192.0.2.1-",
        "é.192.0.2.1.é",
        "x-192.0.2.1.-",
    ] {
        assert_eq!(ips(good), ["192.0.2.1"], "{good}");
    }
    for bad in [
        "192.0.2.1.5",
        "pool.192.0.2.1",
        "192.0.2.1.isp.example",
        "v192.0.2.1",
        "192.0.2.1_x",
        "192.0.2.256",
        "1920.0.2.1",
        "192.0.2",
        "192.0.2.1a",
        "192..0.2.1",
        "192.0.2.",
        "0192.0.2.1",
        "_192.0.2.1",
        "\\x192.0.2.1",
        "192.0.2.1%2e1x.2",
    ] {
        if bad == "192.0.2.1%2e1x.2" {
            assert_eq!(ips(bad), ["192.0.2.1"], "a percent sign is a border");
        } else {
            assert_eq!(ips(bad), [""; 0], "{bad}");
        }
    }
    assert_eq!(
        ips("192.0.2.1,192.0.2.2 192.0.2.3-192.0.2.4"),
        ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    );
}

#[test]
fn ipv6_is_cut_at_colons() {
    for (text, want) in [
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("client:2001:db8::1", "2001:db8::1"),
        ("ip:2001:db8::1", "2001:db8::1"),
        ("2001:db8::1:refused", "2001:db8::1"),
        ("2001:db8::1: refused", "2001:db8::1"),
        ("(:2001:db8::1)", "2001:db8::1"),
        ("face:2001:db8::1", "face:2001:db8::1"),
        ("ip:::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("::ffff:192.000.002.001", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
        ("2001:db8::1.443", "2001:db8::1"),
        ("2001:db8::1.", "2001:db8::1"),
        ("x.2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25eth0", "fe80::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1/64", "2001:db8::1"),
        ("2001:db8:::", "2001:db8::"),
        ("host-2001:db8::1-x", "2001:db8::1"),
        ("%202001:db8::1", "2001:db8::1"),
        ("\\t2001:db8::1", "2001:db8::1"),
        ("é2001:db8::1é", "2001:db8::1"),
        ("1:2:3:4:5:6:7:8:peer", "1:2:3:4:5:6:7:8"),
        ("client::2001:db8::1", "2001:db8::1"),
    ] {
        assert_eq!(ips(text), [want], "{text}");
    }
    for bad in [
        "1:2:3:4:5:6:7:8:9",
        "2001:db8::1::2",
        "00:11:22:33:44:55",
        "std::vector",
        "client::1",
        "12:30:45",
        "2001:db8::1x",
        "2001:db8::12345",
        "_::1",
        "2001:db8::_",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.x",
        "::ffff:192.0.2.1.isp",
        "::ffff:1.2.3.4x",
        "12:34:56:78:9a:bc:de:f0:12:34:56:78:9a:bc:de:f0",
        ":",
    ] {
        assert_eq!(ips(bad), [""; 0], "{bad}");
    }
    assert_eq!(ips("\\f::1"), ["f::1", "::1"], "read twice");
    assert_eq!(ips("::1,::2"), ["::1", "::2"]);
    assert_eq!(ips("2001:db8::1:peer:2001:db8::2"), ["2001:db8::1", "2001:db8::2"]);
    assert_eq!(
        ips("12:30:45:192.0.2.1 a::peer:192.0.2.2"),
        ["192.0.2.1", "192.0.2.2"],
        "no tail, an address"
    );
}

#[test]
fn ports() {
    assert_eq!(of("port", "192.0.2.1:443"), ["192.0.2.1:443 192.0.2.1 443"]);
    assert_eq!(of("port", "192.0.2.1:443."), ["192.0.2.1:443 192.0.2.1 443"]);
    assert_eq!(of("port", "192.0.2.1:443/x"), ["192.0.2.1:443 192.0.2.1 443"]);
    assert_eq!(of("port", "[2001:db8::1]:443"), ["[2001:db8::1]:443 2001:db8::1 443"]);
    assert_eq!(of("port", "[fe80::1%eth0]:443"), ["[fe80::1%eth0]:443 fe80::1 443"]);
    assert_eq!(of("port", "::ffff:192.0.2.1:443"), ["::ffff:192.0.2.1:443 192.0.2.1 443"]);
    assert_eq!(of("port", "[::ffff:192.0.2.1]:443"), ["[::ffff:192.0.2.1]:443 192.0.2.1 443"]);
    for none in [
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:443x",
        "192.0.2.1:443.5",
        "192.0.2.1:123456",
        "192.0.2.1:",
        "192.0.2.1 :443",
        "2001:db8::1:443",
        "[192.0.2.1]:443",
        "[2001:db8::1]",
        "[2001:db8::1]443",
    ] {
        assert_eq!(of("port", none), [""; 0], "{none}");
    }
}

#[test]
fn names_are_whole_runs() {
    for (text, want) in [
        ("evil.example", "evil.example"),
        ("(evil.example)", "evil.example"),
        (".evil.example", "evil.example"),
        ("*.evil.example", "evil.example"),
        ("evil.example...", "evil.example"),
        ("evil.example:443", "evil.example"),
        ("%2Fevil.example", "evil.example"),
        ("%252Fevil.example", "2Fevil.example"),
        ("“evil.example”", "evil.example"),
        ("evil.example\u{a0}", "evil.example"),
        ("\u{1f525}evil.example\u{1f525}", "evil.example"),
        ("–evil.example—", "evil.example"),
        ("evil.example_backup", "evil.example_backup"),
        ("-evil.example", "-evil.example"),
        ("bücher.example", "bücher.example"),
        ("bu\u{308}cher.example", "bu\u{308}cher.example"),
        ("ไทย.example", "ไทย.example"),
        ("中文.example。", "中文.example"),
        ("_dmarc.evil.example", "_dmarc.evil.example"),
        ("a.1.2.3.x4", "a.1.2.3.x4"),
        ("@evil.example", "evil.example"),
        ("x@.evil.example", "evil.example"),
        ("evil.example\u{200d}", "evil.example"),
    ] {
        assert_eq!(of("name", text), [want], "{text}");
    }
    let long = format!("{}.example", "a".repeat(64));
    let longer = format!("{}example", "abcdefgh.".repeat(28));
    assert_eq!(longer.len(), 259);
    for bad in [
        "evil",
        "evil..example",
        "..evil.example",
        "192.0.2.1",
        "evil.example.1",
        "evil",
        ".",
        "%ab.example",
        "evil。example",
        long.as_str(),
        longer.as_str(),
        "evil%2Eexample",
        "-",
        "a.",
    ] {
        assert_eq!(of("name", bad), [""; 0], "{bad}");
    }
    assert_eq!(of("name", longer.replacen("abcdefgh.", "", 1)).len(), 1, "250 bytes");
    assert_eq!(of("name", "\\nevil.example"), ["nevil.example", "evil.example"]);
    assert_eq!(of("name", "\\evil.example"), ["evil.example"]);
    assert_eq!(of("name", "CORP\\\\xevil.example\\d"), ["xevil.example"]);
    assert_eq!(of("name", b"\xffevil.example\xfe\x80"), ["evil.example"]);
    assert_eq!(of("name", "a.zip@b.example"), ["a.zip"], "in front of an @ as well");
}

#[test]
fn both_readings_of_an_escape_are_one_place() {
    let mut tokens = Tokens::default();
    for text in ["x \\nevil.example/a", "x \\nhttp://evil.example/", "x \\na@evil.example"] {
        let places: Vec<_> =
            tokens.read(text.as_bytes()).iter().filter(|c| c.start <= 4).map(|c| c.place).collect();
        assert!(places.len() >= 2 && places.iter().all(|p| *p == 3), "{text} {places:?}");
    }
}

#[test]
fn mail_addresses() {
    for (text, want) in [
        ("a@evil.example", "a@evil.example"),
        ("mailto:a.b+c@evil.example?x", "a.b+c@evil.example"),
        ("to='a@evil.example'", "a@evil.example"),
        ("<a@evil.example>", "a@evil.example"),
        ("éa@evil.example", "a@evil.example"),
        ("x%20a@evil.example", "a@evil.example"),
        ("%%20%a@evil.example", "%a@evil.example"),
        ("a%b@evil.example.", "a%b@evil.example"),
        ("a@b@evil.example", "b@evil.example"),
        ("a@bücher.example", "a@bücher.example"),
    ] {
        assert_eq!(of("mail", text), [want], "{text}");
        assert_eq!(of("domain", text).len(), 1, "{text}");
        assert_eq!(of("name", text).iter().filter(|n| n.contains("example")).count(), 0, "{text}");
    }
    assert_eq!(of("mail", "\\nab@evil.example"), ["nab@evil.example", "ab@evil.example"]);
    assert_eq!(of("domain", "\\nab@evil.example"), ["evil.example"]);
    let (longest, long) = ("a".repeat(64), "a".repeat(65));
    assert_eq!(of("mail", format!("{longest}@evil.example")).len(), 1);
    assert_eq!(of("mail", format!("{long}@evil.example")).len(), 0);
    assert_eq!(of("mail", format!("\\n{longest}@evil.example")), [format!("{longest}@evil.example")]);
    for none in [
        "@evil.example",
        "a@.evil.example",
        "a@evil",
        "a@192.0.2.1",
        "a @evil.example",
        "a@%20evil.example",
        "a%41@evil.example",
    ] {
        assert_eq!(of("mail", none), [""; 0], "{none}");
    }
    for host in [
        "http://user@evil.example/",
        "ftp://u:p@evil.example",
        "(http://u@evil.example)",
        "http://u@evil.example“",
    ] {
        assert_eq!(of("mail", host), [""; 0], "{host}");
        assert_eq!(of("name", host), ["evil.example"], "{host}");
    }
}

#[test]
fn urls_and_their_ends() {
    for (text, want) in [
        ("http://evil.example/a", "http://evil.example/a"),
        ("(see http://evil.example/a), then", "http://evil.example/a), | http://evil.example/a"),
        ("\"http://evil.example/a.\"", "http://evil.example/a. | http://evil.example/a"),
        ("http://evil.example/a;b=1 x", "http://evil.example/a;b=1 | http://evil.example/a"),
        (
            "http://evil.example/a.;b.",
            "http://evil.example/a.;b. | http://evil.example/a.;b | http://evil.example/a",
        ),
        ("http://[2001:db8::1]", "http://[2001:db8::1]"),
        ("http://[2001:db8::1].", "http://[2001:db8::1]. | http://[2001:db8::1]"),
        ("http://[2001:db8::1];x", "http://[2001:db8::1];x | http://[2001:db8::1]"),
        ("1-http://evil.example/", "http://evil.example/"),
        ("_http://evil.example/", "http://evil.example/"),
        ("%3dhttp://evil.example/", "http://evil.example/"),
        ("git+ssh://evil.example/a{b", "git+ssh://evil.example/a"),
        ("hxxp://evil.example/é“", "hxxp://evil.example/é"),
        ("http://evil.example/a\\b", "http://evil.example/a"),
        ("http://evil.example/a\u{0}b", "http://evil.example/a"),
        ("x evil.example/a", "evil.example/a"),
        ("//evil.example/a", "evil.example/a"),
        (".evil.example?q", "evil.example?q"),
        ("evil.example:8080/x", "evil.example:8080/x"),
        ("evil.example:/x", "evil.example:/x"),
        ("evil.example./x", "evil.example./x"),
        ("host-192.0.2.1:80/x", "192.0.2.1:80/x"),
        ("[2001:db8::1]:80/x", "[2001:db8::1]:80/x"),
        ("[2001:db8::1]?x", "[2001:db8::1]?x"),
        ("a@evil.example/x", "evil.example/x"),
        ("://evil.example/x", "evil.example/x"),
    ] {
        assert_eq!(of("url", text), [want], "{text}");
    }
    assert_eq!(of("url", b"http://evil.example/a\xff"), ["http://evil.example/a"]);
    for none in [
        "http:/x",
        "evil.example:99999/a",
        "evil.example:x/a",
        "evil.example /a",
        "::ffff:192.0.2.1/24",
        "evil/a",
    ] {
        assert_eq!(of("url", none), [""; 0], "{none}");
    }
    assert_eq!(
        of("url", "http://a.example/?u=http://evil.example/x;y&v=c.example/z"),
        [
            "http://a.example/?u=http://evil.example/x;y&v=c.example/z | http://a.example/?u=http://evil.example/x",
            "http://evil.example/x;y&v=c.example/z | http://evil.example/x",
            "c.example/z",
        ]
    );
    assert_eq!(of("url", "\\nhttp://evil.example/"), ["nhttp://evil.example/", "http://evil.example/"]);
    assert_eq!(
        of("name", "http://a.example@evil.example/b.example"),
        ["a.example", "evil.example", "b.example"]
    );
}

#[test]
fn digests() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427E";
    for good in [
        md5.to_owned(),
        format!("sample_{md5}.exe"),
        format!("SHA256={md5}"),
        format!("é{md5}é"),
        format!("%20{md5}"),
        format!("-{md5}-"),
        format!("\\n{md5}"),
        format!("\\b{md5}"),
    ] {
        assert_eq!(of("digest", &good), ["32"], "{good}");
    }
    assert_eq!(of("digest", format!("\\b{}", md5.replacen('d', "", 1))), ["32"], "with the letter");
    for length in [40, 64, 128] {
        assert_eq!(of("digest", "a".repeat(length)), [length.to_string()]);
    }
    for bad in [
        format!("0x{md5}"),
        format!("x{md5}"),
        format!("{md5}0"),
        md5.replace("d8", "d:"),
        "a".repeat(33),
        "g".repeat(32),
    ] {
        assert_eq!(of("digest", &bad), [""; 0], "{bad}");
    }
}

#[test]
fn slashes_are_joined() {
    let mut taken = Vec::new();
    let mut text = br"http:\/\/evil.example\/a\n\\/".to_vec();
    join_slashes(&mut text, &mut taken);
    assert_eq!(text, br"http://evil.example/a\n\/");
    assert_eq!(taken, [5, 6, 19, 24]);
    let mut plain = b"a/b\\c".to_vec();
    join_slashes(&mut plain, &mut taken);
    assert_eq!((plain.as_slice(), taken.len()), (&b"a/b\\c"[..], 0));
}

#[test]
fn cost_is_linear_whatever_stands_there() {
    let long = "x".repeat(50);
    for unit in [
        "a.",
        "http://",
        "::",
        ":",
        "a:",
        "1.",
        "http://evil.example/",
        "http://a.b,",
        "a@",
        "a@b.c",
        "a@b.c/",
        "://",
        "\\n",
        "%20",
        "...;",
        "a.b/",
        "http://a.b/;",
        "[::1]/",
        "::1.1.1.1",
        "[::1%",
        "é.",
        "\u{308}",
        "0123456789abcdef",
        "x://[",
        "x://a@",
        "evil.example:",
        "1.2.3.4/",
        "::ffff:1.2.3.4",
        "a-",
        "\\b::",
        "%",
        "+",
        "http://[",
        ";",
        "a://b;.",
        long.as_str(),
    ] {
        let mut tokens = Tokens::default();
        let mut work = |n: usize| {
            tokens.work = 0;
            tokens.read(unit.repeat(n).as_bytes());
            tokens.work
        };
        let (small, large) = (work(1_000), work(8_000));
        assert!(large <= small * 10 + 1_000, "{unit:?}: {small} {large}");
        assert!(large <= unit.len() * 8_000 * 12, "{unit:?}: {large}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics_and_stays_inside(text in "[a-f1-3.:/@%\\\\n;,\\[\\]é\u{308}“ -]{0,60}") {
        let mut tokens = Tokens::default();
        for c in tokens.read(text.as_bytes()) {
            proptest::prop_assert!(c.start < c.end && text.get(c.start..c.end).is_some(), "{c:?}");
            if let What::Url { authority, trimmed, short } = c.what {
                for end in [trimmed, short] {
                    proptest::prop_assert!(authority <= end && end <= c.end && text.get(c.start..end).is_some(), "{c:?}");
                }
            }
        }
    }

    #[test]
    fn any_bytes_will_do(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
        let mut tokens = Tokens::default();
        for c in tokens.read(&bytes) {
            proptest::prop_assert!(c.start < c.end && c.end <= bytes.len());
        }
    }
}
