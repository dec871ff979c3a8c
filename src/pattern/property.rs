//! What stands under an object path.
//!
//! Is: the table of the STIX properties (and of the custom ones that public feeds use) whose value is an
//! observable, or text worth keeping.
//! Is not: a schema of STIX; what is not here is [`Meaning::Unknown`].
//! Invariant: list steps (`[*]`, `[0]`) do not count; hash names count without case, hyphens and underscores.
//! Fails: never.
//! Costs: no allocation.

use crate::observable::{Algorithm, Hint};
use crate::pattern::Path;

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An observable, to be read by this hint.
    Value(Hint),
    /// Text that is kept for later.
    Text,
    /// A digest by an algorithm that is not looked up.
    OtherDigest,
    /// Not known.
    Unknown,
}

/// How the digests of an algorithm are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    algorithm: &'static str,
    digits: usize,
    /// In words, for messages.
    pub(crate) name: &'static str,
}

impl Spelling {
    /// Whether a text can be such a digest.
    pub(crate) fn fits(self, text: &str) -> bool {
        text.len() == self.digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// How the digests at a path are written: `None` where there are none, or of an algorithm without a fixed length.
pub(crate) fn spelling(path: &Path<'_>) -> Option<Spelling> {
    let mut backwards = path.keys().rev();
    let (algorithm, before) = (backwards.next()?, backwards.next()?);
    let plain: String = algorithm.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let named = |spelling: &&Spelling| plain.eq_ignore_ascii_case(spelling.algorithm);
    (before == "hashes").then(|| SPELLINGS.iter().find(named).copied()).flatten()
}

/// What the property at a path holds.
pub(crate) fn meaning(path: &Path<'_>) -> Meaning {
    let mut backwards = path.keys().rev();
    let (last, before) = (backwards.next().unwrap_or(""), backwards.next());
    match (before, last) {
        // `file:hashes[*]`: any of them
        (_, "hashes") => return Meaning::Value(Hint::Digest(None)),
        (Some("hashes"), name) => {
            return match Algorithm::from_name(name) {
                Some(algorithm) => Meaning::Value(Hint::Digest(Some(algorithm))),
                None => Meaning::OtherDigest,
            };
        }
        // a custom property, and feeds have SHA-1 digests under `md5`: the length is right, the name is not
        (Some("cert"), name) if path.object == "app" && Algorithm::from_name(name).is_some() => {
            return Meaning::Value(Hint::Digest(None));
        }
        _ => {}
    }
    if let Some(hint) = value_hint(path) {
        return Meaning::Value(hint);
    }
    let is_kept = TEXTS.iter().any(|(object, keys)| *object == path.object && keys_fit(path, keys));
    if is_kept { Meaning::Text } else { Meaning::Unknown }
}

fn value_hint(path: &Path<'_>) -> Option<Hint> {
    let mut keys = path.keys();
    let first = keys.next()?;
    let (second, third, fourth) = (keys.next(), keys.next(), keys.next());
    if keys.next().is_some() {
        return None;
    }
    match (path.object, first, second, third, fourth) {
        ("ipv4-addr" | "ipv6-addr", "value", None, None, None) => Some(Hint::Ip),
        ("domain-name" | "hostname", "value", None, None, None)
        | ("domain-name", "resolves_to_refs", Some("value"), None, None)
        | ("network-traffic", "src_ref" | "dst_ref", Some("value"), None, None) => Some(Hint::Domain),
        ("network-traffic", "extensions", Some("http-request-ext"), Some("request_header"), Some(header))
            if header.eq_ignore_ascii_case("host") =>
        {
            Some(Hint::Domain)
        }
        ("url", "value", None, None, None) => Some(Hint::Url),
        ("email-addr", "value", None, None, None)
        | (
            "email-message",
            "from_ref" | "sender_ref" | "to_refs" | "cc_refs" | "bcc_refs" | "reply_to_ref" | "reply_to_refs",
            Some("value"),
            None,
            None,
        ) => Some(Hint::Email),
        ("email-message", "additional_header_fields", Some(header), None, None)
            if header.eq_ignore_ascii_case("reply-to") || header.eq_ignore_ascii_case("reply_to") =>
        {
            Some(Hint::Email)
        }
        _ => None,
    }
}

/// Whether the keys are these; a last `*` is any one key.
fn keys_fit(path: &Path<'_>, expected: &str) -> bool {
    let mut keys = path.keys();
    expected.split('.').all(|expected| keys.next().is_some_and(|key| expected == "*" || key == expected))
        && keys.next().is_none()
}

/// The algorithms of `hash-algo-ov` (STIX 2.0) and `hash-algorithm-ov` (STIX 2.1, section 10.7) with a fixed length.
const SPELLINGS: [Spelling; 12] = [
    Spelling { algorithm: "md5", digits: 32, name: "an MD5 digest: 32 hex digits" },
    Spelling { algorithm: "ripemd160", digits: 40, name: "a RIPEMD-160 digest: 40 hex digits" },
    Spelling { algorithm: "sha1", digits: 40, name: "a SHA-1 digest: 40 hex digits" },
    Spelling { algorithm: "sha224", digits: 56, name: "a SHA-224 digest: 56 hex digits" },
    Spelling { algorithm: "sha256", digits: 64, name: "a SHA-256 digest: 64 hex digits" },
    Spelling { algorithm: "sha384", digits: 96, name: "a SHA-384 digest: 96 hex digits" },
    Spelling { algorithm: "sha512", digits: 128, name: "a SHA-512 digest: 128 hex digits" },
    Spelling { algorithm: "sha3224", digits: 56, name: "a SHA3-224 digest: 56 hex digits" },
    Spelling { algorithm: "sha3256", digits: 64, name: "a SHA3-256 digest: 64 hex digits" },
    Spelling { algorithm: "sha3384", digits: 96, name: "a SHA3-384 digest: 96 hex digits" },
    Spelling { algorithm: "sha3512", digits: 128, name: "a SHA3-512 digest: 128 hex digits" },
    Spelling { algorithm: "whirlpool", digits: 128, name: "a WHIRLPOOL digest: 128 hex digits" },
];

/// Object type, and the keys behind the colon, of text that is kept.
const TEXTS: [(&str, &str); 42] = [
    ("android-property", "name"),
    ("app", "id"),
    ("app", "name"),
    ("autonomous-system", "name"),
    ("configuration-profile", "id"),
    ("directory", "path"),
    ("email-addr", "display_name"),
    ("email-message", "additional_header_fields.*"),
    ("email-message", "body"),
    ("email-message", "body_multipart.body_raw_ref.name"),
    ("email-message", "from_ref.display_name"),
    ("email-message", "message_id"),
    ("email-message", "subject"),
    ("file", "name"),
    ("file", "parent_directory_ref.path"),
    ("file", "path"),
    ("mac-addr", "value"),
    ("mutex", "name"),
    ("network-traffic", "extensions.http-request-ext.request_header.*"),
    ("network-traffic", "extensions.http-request-ext.request_value"),
    ("process", "binary_ref.name"),
    ("process", "command_line"),
    ("process", "cwd"),
    ("process", "extensions.windows-service-ext.display_name"),
    ("process", "extensions.windows-service-ext.service_name"),
    ("process", "image_ref.name"),
    ("process", "name"),
    ("process", "parent_ref.command_line"),
    ("process", "parent_ref.name"),
    ("software", "cpe"),
    ("software", "name"),
    ("user-account", "account_login"),
    ("user-account", "display_name"),
    ("user-account", "user_id"),
    ("user-agent", "value"),
    ("windows-registry-key", "key"),
    ("windows-registry-key", "values.data"),
    ("windows-registry-key", "values.name"),
    ("x509-certificate", "issuer"),
    ("x509-certificate", "serial_number"),
    ("x509-certificate", "subject"),
    ("x509-certificate", "subject_public_key_modulus"),
];
