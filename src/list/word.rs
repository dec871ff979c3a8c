//! The words that lists use: names of columns and types of values.
//!
//! Is: the spellings of MISP, OTX, `ThreatFox`, abuse.ch, Zeek, and the object paths of STIX, without case, and with
//! `_`, `-` and blanks alike.
//! Is not: a judge of values.
//! Fails: an unknown word is told as such; then the value's shape decides. Costs: a search in a short table.

use crate::observable::{Algorithm, Hint};

/// What a type word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A kind that is looked up.
    Kind(Hint),
    /// A known type that is not looked up: file names, registry keys, rules ...
    Unread,
    /// A word that is not known.
    Unknown,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    /// The value; of several such columns the one with the lowest rank is read.
    Value {
        /// Its rank.
        rank: usize,
        /// What the name of the column says about the value.
        hint: Hint,
    },
    /// The type of the value.
    Type,
    /// The name of the threat, with a rank.
    Name(usize),
    /// The confidence.
    Confidence,
}

/// Reads a type word: `ip-dst`, `FileHash-SHA256`, `sha256_hash`, `ipv4-addr:value`, `Intel::DOMAIN` ...
pub(super) fn kind(word: &str) -> Said {
    let Some(word) = Folded::new(word) else { return Said::Unknown };
    let word = word.as_str();
    let word = word.strip_prefix("intel::").unwrap_or(word);
    if let Some((_, hint)) = KINDS.iter().find(|(known, _)| *known == word) {
        return Said::Kind(*hint);
    }
    if let Some(said) = stix_path(word) {
        return said;
    }
    let bare = ["filehash-", "file-", "hash-", "malware-", "x509-fingerprint-", "x509-certificate-"];
    let bare = bare.iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(word);
    let bare = bare.strip_suffix("-hash").unwrap_or(bare);
    if let Some(algorithm) = Algorithm::from_name(bare) {
        return Said::Kind(Hint::Digest(Some(algorithm)));
    }
    if UNREAD.contains(&word) { Said::Unread } else { Said::Unknown }
}

/// Reads a value of one of MISP's double types, of which the parts are values by themselves: a file name with a digest
/// (only the digest is looked up), a name with its address. `None` for other types.
pub(super) fn pair<'a>(word: &str, value: &'a str) -> Option<Vec<(Hint, &'a str)>> {
    let (first, second) = word.split_once('|')?;
    let (left, right) = value.split_once('|')?;
    match (kind(first), kind(second)) {
        (Said::Unread, Said::Kind(hint @ Hint::Digest(_))) => Some(vec![(hint, right)]),
        (Said::Kind(name @ Hint::Domain), Said::Kind(address @ Hint::Ip)) => {
            Some(vec![(name, left), (address, right)])
        }
        _ => None,
    }
}

/// Reads the name of a column.
pub(super) fn column(name: &str) -> Option<Column> {
    let name = Folded::new(name)?;
    let name = name.as_str();
    let at = |names: &[&str]| names.iter().position(|known| *known == name);
    if let Some(rank) = at(&VALUES) {
        let hint = if name == "url" { Hint::Url } else { Hint::None };
        return Some(Column::Value { rank, hint });
    }
    if at(&TYPES).is_some() {
        return Some(Column::Type);
    }
    if let Some(rank) = at(&NAMES) {
        return Some(Column::Name(rank));
    }
    if at(&CONFIDENCES).is_some() {
        return Some(Column::Confidence);
    }
    match kind(name) {
        Said::Kind(hint) => Some(Column::Value { rank: VALUES.len() + rank_of(hint), hint }),
        Said::Unread | Said::Unknown => None,
    }
}

/// Of columns that are named after kinds, the one that says most is read: a URL before its host, the longest digest.
fn rank_of(hint: Hint) -> usize {
    match hint {
        Hint::None | Hint::Url => 0,
        Hint::IpPort => 1,
        Hint::Digest(Some(Algorithm::Sha256)) => 2,
        Hint::Digest(Some(Algorithm::Sha512)) => 3,
        Hint::Digest(Some(Algorithm::Sha1)) => 4,
        Hint::Digest(Some(Algorithm::Md5)) => 5,
        Hint::Digest(None) => 6,
        Hint::Domain => 7,
        Hint::Ip => 8,
        Hint::Email => 9,
    }
}

fn stix_path(word: &str) -> Option<Said> {
    let (object, property) = word.split_once(':')?;
    let digest = property.strip_prefix("hashes.");
    Some(match object {
        "ipv4-addr" | "ipv6-addr" | "network-traffic" => Said::Kind(Hint::Ip),
        "domain-name" => Said::Kind(Hint::Domain),
        "url" => Said::Kind(Hint::Url),
        "email-addr" | "email-message" => Said::Kind(Hint::Email),
        "file" | "artifact" | "x509-certificate" => {
            let algorithm = digest.map(|name| name.trim_matches(['\'', '"'])).and_then(Algorithm::from_name);
            algorithm.map_or(Said::Unread, |algorithm| Said::Kind(Hint::Digest(Some(algorithm))))
        }
        "mutex" | "process" | "windows-registry-key" | "user-account" | "directory" | "software" => {
            Said::Unread
        }
        _ => return None,
    })
}

/// A word in lower case, with `_` and blanks as `-`, without quotes; words that are too long are none.
struct Folded {
    bytes: [u8; Folded::BYTES_MAX],
    length: usize,
}

impl Folded {
    const BYTES_MAX: usize = 40;

    fn new(word: &str) -> Option<Folded> {
        let word = word.trim().trim_matches('"').trim();
        let mut bytes = [0; Folded::BYTES_MAX];
        for (place, byte) in bytes.get_mut(..word.len())?.iter_mut().zip(word.bytes()) {
            *place = match byte {
                b'_' | b' ' => b'-',
                _ => byte.to_ascii_lowercase(),
            };
        }
        Some(Folded { bytes, length: word.len() })
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Names of the column that holds the value, the best first.
const VALUES: [&str; 13] = [
    "value",
    "indicator",
    "ioc",
    "ioc-value",
    "url",
    "indicator-value",
    "observable",
    "observable-value",
    "ioc-indicator",
    "dst-ip",
    "src-ip",
    "entry",
    "artifact",
];

const TYPES: [&str; 9] = [
    "type",
    "ioc-type",
    "indicator-type",
    "value-type",
    "observable-type",
    "itype",
    "kind",
    "ioctype",
    "indicatortype",
];

/// Names of the column that holds the name of the threat, the best first.
const NAMES: [&str; 9] = [
    "name",
    "malware",
    "malware-printable",
    "threat",
    "malware-name",
    "malware-family",
    "threat-name",
    "family",
    "signature",
];

const CONFIDENCES: [&str; 3] = ["confidence", "confidence-level", "confidence-score"];

const KINDS: [(&str, Hint); 67] = [
    ("ip", Hint::Ip),
    ("ips", Hint::Ip),
    ("ipv4", Hint::Ip),
    ("ipv6", Hint::Ip),
    ("ip4", Hint::Ip),
    ("ip6", Hint::Ip),
    ("addr", Hint::Ip),
    ("address", Hint::Ip),
    ("ip-addr", Hint::Ip),
    ("ip-address", Hint::Ip),
    ("ipaddress", Hint::Ip),
    ("ipv4-addr", Hint::Ip),
    ("ipv6-addr", Hint::Ip),
    ("ipv4-address", Hint::Ip),
    ("ipv6-address", Hint::Ip),
    ("ip-dst", Hint::Ip),
    ("ip-src", Hint::Ip),
    ("dst-ip", Hint::Ip),
    ("src-ip", Hint::Ip),
    ("cidr", Hint::Ip),
    ("cidr4", Hint::Ip),
    ("cidr6", Hint::Ip),
    ("ip-cidr", Hint::Ip),
    ("ipv4-cidr", Hint::Ip),
    ("ipv6-cidr", Hint::Ip),
    ("network", Hint::Ip),
    ("ip-network", Hint::Ip),
    ("net", Hint::Ip),
    ("netblock", Hint::Ip),
    ("subnet", Hint::Ip),
    ("ip-range", Hint::Ip),
    ("range", Hint::Ip),
    ("ip:port", Hint::IpPort),
    ("ip-port", Hint::IpPort),
    ("ipport", Hint::IpPort),
    ("ipv4:port", Hint::IpPort),
    ("ipv4-port", Hint::IpPort),
    ("ip-dst|port", Hint::IpPort),
    ("ip-src|port", Hint::IpPort),
    ("domain", Hint::Domain),
    ("domains", Hint::Domain),
    ("domain-name", Hint::Domain),
    ("hostname", Hint::Domain),
    ("host", Hint::Domain),
    ("host-name", Hint::Domain),
    ("fqdn", Hint::Domain),
    ("dns", Hint::Domain),
    ("url", Hint::Url),
    ("urls", Hint::Url),
    ("uri", Hint::Url),
    ("link", Hint::Url),
    ("email", Hint::Email),
    ("e-mail", Hint::Email),
    ("mail", Hint::Email),
    ("email-addr", Hint::Email),
    ("email-address", Hint::Email),
    ("email-src", Hint::Email),
    ("email-dst", Hint::Email),
    ("email-sender", Hint::Email),
    ("email-reply-to", Hint::Email),
    ("hash", Hint::Digest(None)),
    ("hashes", Hint::Digest(None)),
    ("filehash", Hint::Digest(None)),
    ("file-hash", Hint::Digest(None)),
    ("digest", Hint::Digest(None)),
    ("checksum", Hint::Digest(None)),
    ("cert-hash", Hint::Digest(None)),
];

/// Types whose values are not looked up, whatever they look like.
const UNREAD: [&str; 47] = [
    "filename",
    "file-name",
    "filepath",
    "file-path",
    "file",
    "path",
    "directory",
    "regkey",
    "regkey|value",
    "registry",
    "registry-key",
    "mutex",
    "process",
    "process-name",
    "command-line",
    "pdb",
    "user-agent",
    "useragent",
    "user-name",
    "username",
    "yara",
    "snort",
    "sigma",
    "suricata",
    "pattern-in-file",
    "cve",
    "vulnerability",
    "asn",
    "as",
    "btc",
    "xmr",
    "bitcoin",
    "port",
    "email-subject",
    "email-body",
    "email-attachment",
    "phone-number",
    "imphash",
    "ssdeep",
    "tlsh",
    "authentihash",
    "pehash",
    "telfhash",
    "sha224",
    "sha384",
    "ja3-fingerprint-md5",
    "ja3",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_in_all_dialects() {
        let sha256 = Said::Kind(Hint::Digest(Some(Algorithm::Sha256)));
        for word in
            ["sha256", "SHA-256", "sha256_hash", "FileHash-SHA256", "hash-sha256", "file:hashes.'SHA-256'"]
        {
            assert_eq!(kind(word), sha256, "{word}");
        }
        for word in
            ["ip", "IPv4", "ip-dst", "ip_address", "CIDR", "ipv6-addr:value", "Intel::ADDR", "Intel::SUBNET"]
        {
            assert_eq!(kind(word), Said::Kind(Hint::Ip), "{word}");
        }
        assert_eq!(kind("ip:port"), Said::Kind(Hint::IpPort));
        assert_eq!(kind("Intel::FILE_HASH"), Said::Kind(Hint::Digest(None)));
        assert_eq!(kind("domain-name:value"), Said::Kind(Hint::Domain));
        assert_eq!(kind("filename"), Said::Unread);
        assert_eq!(kind("file:name"), Said::Unread);
        assert_eq!(kind("sha3_384_hash"), Said::Unknown);
        assert_eq!(kind(&"x".repeat(1000)), Said::Unknown);
        assert_eq!(kind("dömain"), Said::Unknown);
    }

    #[test]
    fn reads_columns() {
        assert_eq!(column("IOC_Value"), Some(Column::Value { rank: 3, hint: Hint::None }));
        assert_eq!(column(" \"ioc_type\" "), Some(Column::Type));
        assert_eq!(column("malware_printable"), Some(Column::Name(2)));
        assert_eq!(column("confidence_level"), Some(Column::Confidence));
        assert!(matches!(column("sha256_hash"), Some(Column::Value { hint: Hint::Digest(_), .. })));
        assert_eq!(column("first_seen_utc"), None);
        assert_eq!(column("threat_type"), None);
    }
}
