//! What holds for any value.

use proptest::prelude::*;

use super::*;

const HINTS: [Hint; 7] =
    [Hint::None, Hint::Ip, Hint::IpPort, Hint::Domain, Hint::Url, Hint::Email, Hint::Digest(None)];

/// Pieces out of which values of all kinds, defanged and broken ones are put together.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9_-]{1,6}",
        2 => Just(".".to_owned()),
        1 => "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        1 => "[0-9a-f:]{2,12}",
        1 => "[0-9a-fA-F]{32}",
        3 => prop::sample::select(vec![
            "http://", "hxxps://", "h**p", "ws://", "://", "//", "/", "?", "#", "@", ":", ":80", ":8080", "/24",
            "[", "]", "(", ")", "{", "}", "[.]", "(dot)", " [at] ", "\\", "\\.", " ", "-", "*.", "\"", "'", "%2f",
            "%eth0", "%", "ü", "ß", "。", "xn--", "xn--mnchen-3ya", "\u{301}", "\u{200d}", "م", ".com", ".evil",
            "::ffff:", "[::1]", "+", "=", "&",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

/// What was read reads back the same from its text, by the hint of its kind.
fn reads_back(text: &str) {
    for hint in HINTS {
        for found in read(text, hint).unwrap_or_default() {
            let shown = found.to_string();
            let hint = found.kind().hint();
            assert_eq!(read(&shown, hint), Ok(vec![found]), "{text:?} -> {shown:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn canonical_of_canonical(text in value()) {
        reads_back(&text);
    }

    #[test]
    fn canonical_of_likely_urls(
        host in "([a-zA-Z0-9_ü-]{1,5}\\.){1,3}[a-z]{2,5}",
        port in prop_oneof![Just(String::new()), "(:[0-9]{0,5})"],
        scheme in "(http://|hxxp://|HTTPS://|//|wss://|x-y://|u@)?",
        tail in "([/?][a-zA-Z0-9%.()\\[\\]&=ü#;@:/?-]{0,20})?",
    ) {
        reads_back(&format!("{scheme}{host}{port}{tail}"));
    }

    #[test]
    fn the_short_way_to_a_name_gives_what_the_long_one_gives(text in "[0-9a-zA-Z._-]{1,20}") {
        if can_only_be_a_name(text.as_bytes()) {
            prop_assert!(addresses(&text).is_err() && Digest::parse(&text, None).is_err());
            prop_assert!(Email::parse(&text).is_err() && Url::parse(&text).is_err());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        reads_back(&text);
        if let Ok(url) = Url::parse(&text) {
            prop_assert!(Url::parse(&url.to_string()) == Ok(url));
        }
        if let Ok(name) = Name::parse(&text) {
            prop_assert!(Name::parse(name.as_str()) == Ok(name));
        }
    }

    #[test]
    fn refang_twice_is_once(text in value()) {
        let once = refang(&text).into_owned();
        prop_assert_eq!(refang(&once), once.as_str());
    }

    #[test]
    fn every_network_reads_back(bits in any::<u128>(), v4 in any::<bool>(), prefix in 0u8..=128) {
        let address = if v4 {
            IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap()))
        } else {
            IpAddr::V6(std::net::Ipv6Addr::from_bits(bits))
        };
        if let Ok(network) = Network::new(address, prefix) {
            prop_assert!(network.contains(address));
            prop_assert_eq!(Network::parse(&network.to_string()), Ok(network));
            reads_back(&network.to_string());
        }
    }

    #[test]
    fn std_and_we_agree_on_ipv6(text in "[0-9a-f:.]{2,30}") {
        let std = text.parse::<std::net::Ipv6Addr>().ok().map(|v| ip::fold(IpAddr::V6(v)));
        if let Some(std) = std {
            prop_assert_eq!(ip::parse(&text), Ok(std));
        }
        if text.contains(':') && !text.contains('.') {
            prop_assert_eq!(ip::parse(&text).ok(), std);
        }
    }
}
