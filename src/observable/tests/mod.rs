//! Tests of canonical forms, rule by rule and by property.

use std::borrow::Cow;

use super::*;

mod properties;

fn ip_text(text: &str) -> Option<String> {
    ip::parse(text).ok().map(|v| v.to_string())
}
fn name_text(text: &str) -> Option<String> {
    Name::parse(text).ok().map(|v| v.to_string())
}
fn url_text(text: &str) -> Option<String> {
    Url::parse(text).ok().map(|v| v.to_string())
}
fn email_text(text: &str) -> Option<String> {
    Email::parse(text).ok().map(|v| v.to_string())
}

/// Kind and text of all that `read` gives, joined by blanks; the reason when it refuses.
fn shown(text: &str, hint: Hint) -> String {
    match read(text, hint) {
        Err(refused) => format!("refused {}", refused.as_str()),
        Ok(found) => {
            let one = |v: &Observable| format!("{} {v}", v.kind());
            found.iter().map(one).collect::<Vec<_>>().join(" ")
        }
    }
}

#[track_caller]
fn same(cases: &[(&str, &str)], canonical: fn(&str) -> Option<String>) {
    for (text, expected) in cases {
        let expected = (!expected.is_empty()).then(|| (*expected).to_owned());
        assert_eq!(canonical(text), expected, "{text:?}");
    }
}

#[test]
fn addresses_in_every_spelling() {
    same(
        &[
            ("1.2.3.4", "1.2.3.4"),
            ("001.002.003.004", "1.2.3.4"),
            ("010.1.1.1", "10.1.1.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("256.1.1.1", ""),
            ("0001.1.1.1", ""),
            ("1.2.3", ""),
            ("1.2.3.4.5", ""),
            ("1.2.3.4.", ""),
            ("1..3.4", ""),
            (" 1.2.3.4", ""),
            ("+1.2.3.4", ""),
            ("1.2.3.4%eth0", ""),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7:8:9", ""),
            ("1:2:3:4::5:6:7:8", ""),
            ("1:2:3:4:5:6:7", ""),
            ("1::2::3", ""),
            (":::", ""),
            ("1:::2", ""),
            (":1:2:3:4:5:6:7:8", ""),
            ("1:2:3:4:5:6:7:", ""),
            ("12345::", ""),
            ("g::1", ""),
            ("fe80::1%eth0", "fe80::1"),
            ("fe80::1%25eth0", "fe80::1"),
            ("fe80::1%", ""),
            ("fe80::1%eth/0", ""),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("::FFFF:0102:0304", "1.2.3.4"),
            ("0:0:0:0:0:ffff:001.002.3.4", "1.2.3.4"),
            ("::1.2.3.4", "::102:304"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("1:2:3:4:5:6:7:1.2.3.4", ""),
            ("::1.2.3.4:5", ""),
            ("::256.2.3.4", ""),
            ("", ""),
            (":", ""),
        ],
        ip_text,
    );
}

#[test]
fn every_address_of_std_is_read() {
    for n in 0..2000u32 {
        let bits = n.wrapping_mul(2_654_435_761);
        let v4 = std::net::Ipv4Addr::from_bits(bits);
        assert_eq!(ip::parse(&v4.to_string()), Ok(IpAddr::V4(v4)));
        let hole = (u128::from(bits) << 96 | u128::from(n)) & !(u128::from(bits.rotate_left(7)) << 32);
        let v6 = std::net::Ipv6Addr::from_bits(hole);
        assert_eq!(ip::parse(&v6.to_string()), Ok(ip::fold(IpAddr::V6(v6))), "{v6}");
    }
}

#[test]
fn networks_and_ranges() {
    for (text, expected) in [
        ("1.2.3.4/24", "network 1.2.3.0/24"),
        ("1.2.3.0/255.255.255.0", "network 1.2.3.0/24"),
        ("1.2.3.4/255.255.255.255", "ip 1.2.3.4"),
        ("1.2.3.0/0.0.0.255", "refused not-a-network"),
        ("1.2.3.0/255.0.255.0", "refused not-a-network"),
        ("1.2.3.4/32", "ip 1.2.3.4"),
        ("2001:db8::1/128", "ip 2001:db8::1"),
        ("2001:DB8::1/32", "network 2001:db8::/32"),
        ("2001:db8::/ffff:ffff::", "network 2001:db8::/32"),
        ("1.2.3.4/0", "network 0.0.0.0/0"),
        ("1.2.3.4/024", "network 1.2.3.0/24"),
        ("::/0", "network ::/0"),
        ("1.2.3.4/33", "refused not-a-network"),
        ("::1/129", "refused not-a-network"),
        ("1.2.3.4/+8", "refused not-a-network"),
        ("1.2.3.4/", "refused not-a-network"),
        ("::ffff:1.2.3.0/120", "network 1.2.3.0/24"),
        ("::ffff:1.2.3.4/128", "ip 1.2.3.4"),
        ("::ffff:1.2.3.0/95", "network ::fffe:0:0/95"),
        ("1.2.3.0-1.2.3.255", "network 1.2.3.0/24"),
        ("1.2.3.0 - 1.2.3.255", "network 1.2.3.0/24"),
        ("1.2.3.4-1.2.3.4", "ip 1.2.3.4"),
        ("1.2.3.1-1.2.3.4", "ip 1.2.3.1 network 1.2.3.2/31 ip 1.2.3.4"),
        ("0.0.0.0-255.255.255.255", "network 0.0.0.0/0"),
        ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "network ::/0"),
        ("2001:db8::-2001:db8::2", "network 2001:db8::/127 ip 2001:db8::2"),
        ("1.2.3.4-1.2.3.3", "refused not-a-network"),
        ("1.2.3.4-::1", "refused not-a-network"),
        ("evil.com", "refused not-an-address"),
    ] {
        assert_eq!(shown(text, Hint::Ip), expected, "{text}");
    }
    let net = Network::parse("1.2.3.0/24").unwrap();
    assert!(net.contains(ip::parse("1.2.3.255").unwrap()));
    assert!(net.contains("::ffff:1.2.3.9".parse().unwrap()));
    assert!(!net.contains(ip::parse("1.2.4.0").unwrap()));
    assert!(!net.contains(ip::parse("::1").unwrap()));
    let all = Network::parse("::/0").unwrap();
    assert!(all.contains(ip::parse("ffff::").unwrap()) && !all.contains(ip::parse("1.2.3.4").unwrap()));
}

#[test]
fn a_range_is_covered_exactly_and_minimally() {
    for (first, last) in [(1u32, 254u32), (0, 255), (3, 3), (5, 200), (u32::MAX - 9, u32::MAX), (7, 1031)] {
        let address = |n| IpAddr::V4(std::net::Ipv4Addr::from_bits(n));
        let networks = ip::range(address(first), address(last)).unwrap();
        let mut next = u64::from(first);
        for net in &networks {
            let IpAddr::V4(start) = net.address() else { panic!("family") };
            assert_eq!(u64::from(start.to_bits()), next);
            next += 1u64 << (32 - net.prefix());
        }
        assert_eq!(next, u64::from(last) + 1);
        for pair in networks.windows(2) {
            let joined = Network::new(pair[0].address(), pair[0].prefix() - 1).unwrap();
            assert!(
                pair[0].prefix() != pair[1].prefix() || joined.address() != pair[0].address(),
                "{pair:?} could be one"
            );
        }
    }
}

#[test]
fn address_with_port() {
    for (text, expected) in [
        ("1.2.3.4:443", "ip-port 1.2.3.4:443"),
        ("1.2.3.4:00443", "ip-port 1.2.3.4:443"),
        ("[2001:DB8::1]:443", "ip-port [2001:db8::1]:443"),
        ("[::ffff:1.2.3.4]:80", "ip-port 1.2.3.4:80"),
        ("1.2.3.4:0", "refused not-a-port"),
        ("1.2.3.4:65536", "refused not-a-port"),
        ("1.2.3.4:", "refused not-a-port"),
        ("1.2.3.4:+1", "refused not-a-port"),
        ("1.2.3.4", "refused not-an-address"),
    ] {
        assert_eq!(shown(text, Hint::IpPort), expected, "{text}");
    }
}

#[test]
fn names() {
    let long = format!("{}.com", "a".repeat(63));
    let too_long = format!("{}.com", "a".repeat(64));
    let full = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    let overfull = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62));
    same(
        &[
            ("Evil.COM", "evil.com"),
            ("*.evil.com", "evil.com"),
            (".evil.com", "evil.com"),
            ("evil.com...", "evil.com"),
            ("..evil.com", ""),
            ("evil..com", ""),
            ("evil", ""),
            ("evil.", ""),
            ("a_b-.-c_.example", "a_b-.-c_.example"),
            ("_dmarc.evil.com", "_dmarc.evil.com"),
            ("1.2.3.4", ""),
            ("evil.123", ""),
            ("123.evil", "123.evil"),
            ("evil com.net", ""),
            ("evil.com/", ""),
            ("*.*.evil.com", ""),
            (&long, &long),
            (&too_long, ""),
            (&full, &full),
            (&overfull, ""),
            ("münchen.de", "xn--mnchen-3ya.de"),
            ("MÜNCHEN.DE", "xn--mnchen-3ya.de"),
            ("mu\u{308}nchen.de", "xn--mnchen-3ya.de"),
            ("XN--mnchen-3ya.de", "xn--mnchen-3ya.de"),
            ("straße.de", "xn--strae-oqa.de"),
            ("ＥＶＩＬ.com", "evil.com"),
            ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
            ("xn--e1afmkfd.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
            ("a_ü.de", "xn--a_-yka.de"),
            ("xn--99999999999.com", "xn--99999999999.com"),
            ("xn--99999999999.bücher", "xn--99999999999.xn--bcher-kva"),
            ("evil。com", ""),
            ("evil．com", ""),
            ("a.evil。com", ""),
            ("a.evil｡com", ""),
            ("a.1\u{2025}2.com", ""),
            ("evil.١٢٣", ""),
            ("evil.１２３", ""),
            ("evil.c\u{2044}m", "evil.xn--cm-c6t"), // a feed may list it; in events it is a border
            ("", ""),
        ],
        name_text,
    );
}

#[test]
fn emails() {
    same(
        &[
            ("Bob.X+tag@Evil.COM", "bob.x+tag@evil.com"),
            ("a%b_c-d@evil.com.", "a%b_c-d@evil.com"),
            ("bob@münchen.de", "bob@xn--mnchen-3ya.de"),
            ("@evil.com", ""),
            ("bob@evil", ""),
            ("bob@.evil.com", ""),
            ("bob@*.evil.com", ""),
            ("bob@1.2.3.4", ""),
            ("bo b@evil.com", ""),
            ("bob@x@evil.com", ""),
            ("o'neil@evil.com", ""),
            ("bób@evil.com", ""),
            ("bob", ""),
        ],
        email_text,
    );
    assert_eq!(Email::parse("Bob@Sub.Evil.com").unwrap().domain(), "sub.evil.com");
}

#[test]
fn urls() {
    same(
        &[
            ("HTTP://Evil.COM", "http://evil.com/"),
            ("http://evil.com/A/../b/./?q=Z&a#frag", "http://evil.com/A/../b/./?q=Z&a"),
            ("http://evil.com?x=1", "http://evil.com/?x=1"),
            ("http://evil.com#x", "http://evil.com/"),
            ("http://evil.com/?", "http://evil.com/?"),
            ("http://evil.com:80/a", "http://evil.com/a"),
            ("http://evil.com:0080/a", "http://evil.com/a"),
            ("http://evil.com:/a", "http://evil.com/a"),
            ("http://evil.com:443/a", "http://evil.com:443/a"),
            ("https://evil.com:443/a", "https://evil.com/a"),
            ("ftp://evil.com:21/a", "ftp://evil.com/a"),
            ("ws://evil.com:80/a", "ws://evil.com/a"),
            ("wss://evil.com:443/a", "wss://evil.com/a"),
            ("tcp://evil.com:80", "tcp://evil.com:80/"),
            ("h+x.9-://evil.com/", "h+x.9-://evil.com/"),
            ("9x://evil.com/", ""),
            ("://evil.com/", ""),
            ("evil.com:80/a", "evil.com/a"),
            ("evil.com:443/a", "evil.com/a"),
            ("evil.com:21/a", "evil.com:21/a"),
            ("evil.com:65536/a", ""),
            ("evil.com:0/a", ""),
            ("evil.com:a/a", ""),
            ("evil.com/", "evil.com/"),
            ("evil.com?a", "evil.com/?a"),
            ("//evil.com/a", "evil.com/a"),
            ("//bob@evil.com/a", "evil.com/a"),
            ("bob@evil.com/a", ""),
            ("evil.com", ""),
            ("evil.com:8080", ""),
            ("evil.com#a", ""),
            ("//evil.com", ""),
            ("evil.com/?u=http://other.com/", "evil.com/?u=http://other.com/"),
        ],
        url_text,
    );
}

#[test]
fn what_no_event_could_hold_is_no_url() {
    for end in ["\"", "'", "<", ">", "`", "{", "}", "|", "^", "\\", "\u{2014}", "\u{201d}"] {
        for url in [format!("http://evil.com/a{end}b"), format!("evil.com/?q={end}")] {
            assert_eq!(read(&url, Hint::Url), Err(Refused::UrlEnd), "{url}");
            assert_eq!(read(&url, Hint::Domain), Err(Refused::UrlEnd), "{url}");
            assert_eq!(read(&url, Hint::None), Err(Refused::UrlEnd), "{url}");
        }
        assert!(read(&format!("http://evil.com/a#{end}"), Hint::Url).is_ok());
    }
    for word in ["ü", "u\u{308}", "\u{0e31}", "²", "[", "~", "%7C"] {
        assert!(read(&format!("http://evil.com/a{word}b"), Hint::Url).is_ok(), "{word}");
    }
    let local = "a".repeat(64);
    assert!(read(&format!("{local}@evil.com"), Hint::Email).is_ok());
    assert_eq!(read(&format!("a{local}@evil.com"), Hint::Email), Err(Refused::Email));
}

#[test]
fn hosts_of_urls() {
    same(
        &[
            ("http://user:p%40ss@evil.com/a", "http://evil.com/a"),
            ("http://a@b@evil.com/a@b", "http://evil.com/a@b"),
            ("http://evil.com./a", "http://evil.com/a"),
            ("http://evil.com.:8080/a", "http://evil.com:8080/a"),
            ("http://*.evil.com/a", ""),
            ("http://.evil.com/a", ""),
            ("http://münchen.de/ü", "http://xn--mnchen-3ya.de/ü"),
            ("http://evil.com/%2f%aF%zz%4", "http://evil.com/%2F%AF%zz%4"),
            ("http://evil.com/%e2%82%ac%%2f", "http://evil.com/%E2%82%AC%%2F"),
            ("http://%65vil.com/", ""),
            ("http://001.2.3.4/x", "http://1.2.3.4/x"),
            ("1.2.3.4:8080/x", "1.2.3.4:8080/x"),
            ("1.2.3.4/24", "1.2.3.4/24"),
            ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
            ("http://[2001:DB8::1]:81/x", "http://[2001:db8::1]:81/x"),
            ("http://[fe80::1%25eth0]/", "http://[fe80::1]/"),
            ("http://[::ffff:1.2.3.4]/", "http://1.2.3.4/"),
            ("[::1]/a", "[::1]/a"),
            ("http://[1.2.3.4]/", ""),
            ("http://[::1]x/", ""),
            ("http://[::1/", ""),
            ("http://2001:db8::1/", ""),
            ("http://::1/", ""),
            ("http://localhost/x", ""),
            ("http:///x", ""),
            ("http://:80/x", ""),
            ("http://", ""),
            ("http://1.2.3/", ""),
            ("http://1.2.3.4.5/", ""),
            ("http://evil.com/a b", ""),
            ("http://evil.com/a\u{a0}b", ""),
            ("http://evil.com\\a/", ""),
            ("hxxp://evil.com/a", "hxxp://evil.com/a"),
            ("", ""),
        ],
        url_text,
    );
}

#[test]
fn parts_of_a_url() {
    let url = Url::parse("https://Evil.com:8443/a/b?c=/d?e#f").unwrap();
    assert_eq!(url.scheme(), Some("https"));
    assert_eq!(url.rest(), "evil.com:8443/a/b?c=/d?e");
    assert_eq!(url.rest_without_query(), Some("evil.com:8443/a/b"));
    assert_eq!((url.host(), url.port(), url.path()), ("evil.com", Some(8443), "/a/b"));
    let url = Url::parse("[2001:db8::1]:81?x").unwrap();
    assert_eq!((url.scheme(), url.host(), url.port(), url.path()), (None, "2001:db8::1", Some(81), "/"));
    let url = Url::parse("http://evil.com/a:1").unwrap();
    assert_eq!((url.rest_without_query(), url.port(), url.path()), (None, None, "/a:1"));
}

#[test]
fn digests() {
    let md5 = "D41D8CD98F00B204E9800998ECF8427E";
    let digest = Digest::parse(md5, None).unwrap();
    assert_eq!(digest.to_string(), md5.to_lowercase());
    assert_eq!(digest.bytes()[..2], [0xd4, 0x1d]);
    assert_eq!(Digest::from_bytes(digest.bytes()), Some(digest));
    assert_eq!(Digest::from_bytes(&[0; 17]), None);
    for (digits, algorithm) in
        [(32, Algorithm::Md5), (40, Algorithm::Sha1), (64, Algorithm::Sha256), (128, Algorithm::Sha512)]
    {
        let text = "aB0".repeat(50);
        let (text, _) = text.split_at(digits);
        let (_, shorter) = text.split_at(1);
        let digest = Digest::parse(text, None).unwrap();
        assert_eq!((digest.algorithm(), digest.to_string()), (algorithm, text.to_lowercase()));
        assert_eq!(Digest::parse(text, Some(algorithm)), Ok(digest.clone()));
        assert_eq!(digest.bytes().len(), algorithm.len());
        let other = if digits == 32 { Algorithm::Sha1 } else { Algorithm::Md5 };
        assert_eq!(Digest::parse(text, Some(other)), Err(Refused::Digest));
        assert_eq!(Digest::parse(shorter, None), Err(Refused::Digest));
        for bad in ["g", " ", "/", ":", "@", "`", "-"] {
            assert_eq!(Digest::parse(&format!("{bad}{shorter}"), None), Err(Refused::Digest));
        }
    }
    for (names, algorithm) in [
        (&["MD5", "md5", "Md-5"][..], Some(Algorithm::Md5)),
        (&["SHA-1", "sha1", "SHA_1", "sha 1"], Some(Algorithm::Sha1)),
        (&["SHA-256", "sha256", "SHA_256", "sha-256"], Some(Algorithm::Sha256)),
        (&["SHA-512", "sha512"], Some(Algorithm::Sha512)),
        (&["SHA-224", "SHA3-256", "SSDEEP", "sha", "", "sha256x", "sha512/256"], None),
    ] {
        for name in names {
            assert_eq!(Algorithm::from_name(name), algorithm, "{name}");
        }
    }
}

#[test]
fn defanged_forms() {
    for (text, expected) in [
        ("hxxp://evil[.]com/a", "http://evil.com/a"),
        ("hXXps://evil.com", "https://evil.com"),
        ("HXXP://evil.com", "http://evil.com"),
        ("h**p://evil.com", "http://evil.com"),
        ("htxps://evil.com", "https://evil.com"),
        ("fxp://evil.com/a", "ftp://evil.com/a"),
        ("hxxp[:]//evil.com", "http://evil.com"),
        ("hxxp[://]evil.com", "http://evil.com"),
        ("hxxp:[/][/]evil.com", "http://evil.com"),
        ("http://evil.com", "http://evil.com"),
        ("evil(.)com", "evil.com"),
        ("evil{.}com", "evil.com"),
        ("evil[dot]com", "evil.com"),
        ("evil(DOT)com", "evil.com"),
        ("evil{dot}com", "evil.com"),
        ("evil [dot] com", "evil.com"),
        ("evil [.] com", "evil.com"),
        ("bob[@]evil.com", "bob@evil.com"),
        ("bob [at] evil (dot) com", "bob@evil.com"),
        ("bob(at)evil.com", "bob@evil.com"),
        ("1\\.2\\.3\\.4", "1.2.3.4"),
        ("1[.]2[.]3[.]4[:]80", "1.2.3.4:80"),
        ("  \"evil.com\" ", "evil.com"),
        ("'\"evil.com\"'", "evil.com"),
        ("evil.com'", "evil.com'"),
        ("\"", "\""),
        ("[[.]]", "."),
        ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://[::]/", "http://[::]/"),
        ("http://evil.com/a(1).exe", "http://evil.com/a(1).exe"),
        ("http://evil.com/hxxp://", "http://evil.com/hxxp://"),
        ("evil[.com", "evil[.com"),
        ("[.)", "[.)"),
        ("", ""),
    ] {
        assert_eq!(refang(text), expected, "{text}");
    }
    assert!(matches!(refang(" http://evil.com/(x)[1] "), Cow::Borrowed("http://evil.com/(x)[1]")));
}

#[test]
fn by_shape() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    for (text, expected) in [
        ("1[.]2.3.4", "ip 1.2.3.4"),
        ("[2001:db8::1]", "ip 2001:db8::1"),
        ("1.2.3.4/24", "network 1.2.3.0/24"),
        ("1.2.3.4/x", "url 1.2.3.4/x"),
        ("1.2.3.4/33", "refused not-a-network"),
        ("::1/129", "refused not-a-network"),
        ("1.2.3.4/1/2", "url 1.2.3.4/1/2"),
        ("1.2.3.4-1.2.3.3", "refused not-a-network"),
        ("1.2.3.4-1.2.3.3.evil.com", "domain 1.2.3.4-1.2.3.3.evil.com"),
        ("1.2.3.4:0", "refused not-a-port"),
        ("1.2.3.4:65536", "refused not-a-port"),
        ("1.2.3.4:80?x", "url 1.2.3.4/?x"),
        ("evil.com/24", "url evil.com/24"),
        ("1.2.3.0-1.2.3.1", "network 1.2.3.0/31"),
        ("1.2.3.4:80", "ip-port 1.2.3.4:80"),
        ("1.2.3.4:80/x", "url 1.2.3.4/x"),
        (md5, "md5 d41d8cd98f00b204e9800998ecf8427e"),
        ("bob@evil.com", "email bob@evil.com"),
        ("http://bob@evil.com", "url http://evil.com/"),
        ("http://evil.com", "url http://evil.com/"),
        ("evil.com/a@b.c", "url evil.com/a@b.c"),
        ("evil.com:8080", "url evil.com:8080/"),
        ("evil.com:80", "url evil.com/"),
        ("evil.com?x", "url evil.com/?x"),
        ("*.evil.com", "domain evil.com"),
        ("münchen.de.", "domain xn--mnchen-3ya.de"),
        ("face:b00c.example.com", "refused not-a-value"),
        ("localhost", "refused not-a-value"),
        ("localhost:80", "refused not-a-value"),
        ("  ", "refused empty-value"),
        ("\"\"", "refused empty-value"),
    ] {
        assert_eq!(shown(text, Hint::None), expected, "{text}");
    }
}

#[test]
fn by_hint() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    for (text, hint, expected) in [
        ("evil.com", Hint::Url, "domain evil.com"),
        ("//evil.com", Hint::Url, "domain evil.com"),
        ("evil.com#x", Hint::Url, "domain evil.com"),
        ("1.2.3.4", Hint::Url, "ip 1.2.3.4"),
        ("[::1]", Hint::Url, "ip ::1"),
        ("1.2.3.4:80", Hint::Url, "ip-port 1.2.3.4:80"),
        ("evil.com:8080", Hint::Url, "url evil.com:8080/"),
        ("hxxp://evil[.]com", Hint::Url, "url http://evil.com/"),
        ("1.2.3.4/24", Hint::Url, "url 1.2.3.4/24"),
        ("http://localhost/x", Hint::Url, "refused not-a-url"),
        ("evil.com:99999", Hint::Url, "refused not-a-url"),
        ("*.evil.com", Hint::Domain, "domain evil.com"),
        ("1.2.3.4", Hint::Domain, "ip 1.2.3.4"),
        ("http://evil.com/a", Hint::Domain, "url http://evil.com/a"),
        ("bob@evil.com", Hint::Domain, "refused not-a-domain"),
        (md5, Hint::Domain, "refused not-a-domain"),
        ("1.2.3.4:80", Hint::Ip, "ip-port 1.2.3.4:80"),
        ("1.2.3.4/x", Hint::Ip, "refused not-a-network"),
        ("evil.com/24", Hint::Ip, "refused not-an-address"),
        ("bob[@]evil.com", Hint::Email, "email bob@evil.com"),
        ("evil.com", Hint::Email, "refused not-an-email"),
        (md5, Hint::Digest(None), "md5 d41d8cd98f00b204e9800998ecf8427e"),
        (md5, Hint::Digest(Some(Algorithm::Sha1)), "refused not-a-digest"),
        ("", Hint::Url, "refused empty-value"),
    ] {
        assert_eq!(shown(text, hint), expected, "{text} {hint:?}");
    }
}

#[test]
fn kinds_by_name() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::from_name("ipv4"), None);
}
