//! Traffic Light Protocol markings: the ids that every STIX reader has to know, and the words of definitions.
//!
//! Is: the nine ids that STIX 2 and the TLP 2 extension fix (their definition objects need not be sent).
//! Is not: a judge of what may be shown.
//! Fails: an unknown id or word is `None`. Costs: a comparison or nine.

use crate::indicator::Tlp;

/// The marking with this id of a `marking-definition`, if it is built in.
pub fn built_in(id: &str) -> Option<Tlp> {
    let uuid = id.strip_prefix("marking-definition--")?;
    BUILT_IN.iter().find(|(known, _)| known.eq_ignore_ascii_case(uuid)).map(|(_, tlp)| *tlp)
}

/// The marking with this name: `amber`, `TLP:AMBER+STRICT`, `tlp:clear` ...
pub fn from_word(word: &str) -> Option<Tlp> {
    let word = word.trim();
    let word = match word.split_at_checked(4) {
        Some((prefix, colour)) if prefix.eq_ignore_ascii_case("tlp:") => colour.trim(),
        _ => word,
    };
    WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, tlp)| *tlp)
}

/// The extension by which marking definitions carry TLP 2.
pub const TLP_2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

const BUILT_IN: [(&str, Tlp); 9] = [
    ("613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp::White),
    ("34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp::Green),
    ("f88d31f6-486f-44da-b317-01333bde0b82", Tlp::Amber),
    ("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp::Red),
    ("94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::Clear),
    ("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp::Green),
    ("55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp::Amber),
    ("939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp::AmberStrict),
    ("e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
];

const WORDS: [(&str, Tlp); 8] = [
    ("white", Tlp::White),
    ("clear", Tlp::Clear),
    ("green", Tlp::Green),
    ("amber", Tlp::Amber),
    ("amber+strict", Tlp::AmberStrict),
    ("amber-strict", Tlp::AmberStrict),
    ("amber_strict", Tlp::AmberStrict),
    ("red", Tlp::Red),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_and_words() {
        let red = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
        assert_eq!(built_in(red), Some(Tlp::Red));
        assert_eq!(built_in("marking-definition--0"), None);
        assert_eq!(built_in("red"), None);
        for word in ["amber+strict", "TLP:AMBER+STRICT", "tlp:amber-strict"] {
            assert_eq!(from_word(word), Some(Tlp::AmberStrict), "{word}");
        }
        assert_eq!(from_word("TLP:WHITE"), Some(Tlp::White));
        assert_eq!(from_word("purple"), None);
        assert_eq!(from_word("ä€"), None);
    }
}
