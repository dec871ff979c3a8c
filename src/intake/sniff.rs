//! What a file is, by its first bytes.
//!
//! Is: JSON, STIX 1 in XML, a list, or something that is not read, with what it is and what to do about it.
//! Is not: a judge of names; the name of a file counts only for what a folder holds beside feeds.
//! Fails: never; text that is nothing else is a list. Costs: a look at the first bytes.

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing but blanks.
    Empty,
    /// JSON by its first character.
    Json,
    /// STIX 1 in XML by its root element.
    Stix1,
    /// Text, to be read line by line.
    List,
    /// Not read, with what it is and the remedy.
    Refused(String),
}

/// Bytes looked at.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// Says what a file is that begins with these bytes; `whole` if they are all of it.
pub(crate) fn content(head: &[u8], whole: bool) -> Content {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Content::Refused((*what).to_owned());
    }
    if head.get(257..262) == Some(b"ustar") {
        return Content::Refused("a tar archive: unpack it and name the folder".to_owned());
    }
    let text = head.trim_ascii_start();
    match text {
        [] if whole => return Content::Empty,
        [b'{', ..] => return Content::Json,
        [b'[', rest @ ..] if is_array(rest) => return Content::Json,
        [b'<', ..] => return markup(&String::from_utf8_lossy(text)),
        _ => {}
    }
    let strange = head.iter().filter(|b| b.is_ascii_control() && !b.is_ascii_whitespace()).count();
    if strange * 20 > head.len() {
        return Content::Refused("binary data: neither STIX nor a list".to_owned());
    }
    Content::List
}

/// Whether what follows a bracket is JSON, and not the title of an adblock list or an address in brackets.
fn is_array(rest: &[u8]) -> bool {
    match rest.trim_ascii_start() {
        [] | [b'{' | b'[' | b'"', ..] => true,
        [b']', end @ ..] => end.trim_ascii_start().is_empty(),
        _ => false,
    }
}

/// What a document with markup is.
fn markup(text: &str) -> Content {
    let refused = |what: &str| Content::Refused(what.to_owned());
    let Some((root, attributes)) = root(text) else {
        return refused("markup without an element: neither STIX nor a list");
    };
    let name = root.rsplit_once(':').map_or(root, |(_, name)| name);
    if name.eq_ignore_ascii_case("html") {
        return refused("an HTML page, perhaps one for logging in or an error, saved in place of the feed");
    }
    let is_stix_name = STIX_1_ROOTS.contains(&name);
    let is_stix_space = STIX_1_NAMESPACES.iter().any(|space| attributes.contains(space));
    if name == "STIX_Package" || is_stix_name && (is_stix_space || root.contains(':')) {
        return Content::Stix1;
    }
    if attributes.contains("http://taxii.mitre.org/") || TAXII_1_ROOTS.contains(&name) && root.contains(':') {
        if TAXII_1_ROOTS.contains(&name) {
            return Content::Stix1;
        }
        return Content::Refused(format!(
            "a TAXII 1 message ({root}) without content: save the answer to a poll"
        ));
    }
    let prefix = root.split_once(':').map_or("", |(prefix, _)| prefix);
    if name == "MAEC_Package" || name == "MAEC_Bundle" {
        return refused("MAEC, a description of malware and what it does: export its indicators as STIX");
    }
    if is_stix_space && prefix.is_empty() || STIX_1_PREFIXES.contains(&prefix) {
        return Content::Refused(format!(
            "a part of a STIX 1 document ({root}) that says nothing without the rest: name the whole document"
        ));
    }
    Content::Refused(format!("XML with the root element {root}: neither STIX nor a list"))
}

/// What may stand at the root of a document beside a whole package.
const STIX_1_ROOTS: [&str; 20] = [
    "Package",
    "Observables",
    "Observable",
    "Indicators",
    "Indicator",
    "Incidents",
    "Incident",
    "Reports",
    "Report",
    "TTPs",
    "TTP",
    "Campaigns",
    "Campaign",
    "Threat_Actors",
    "Threat_Actor",
    "Courses_Of_Action",
    "Course_Of_Action",
    "Exploit_Targets",
    "Exploit_Target",
    "Related_Packages",
];

/// Messages of TAXII 1 in which documents stand, and the parts of them.
const TAXII_1_ROOTS: [&str; 4] = ["Poll_Response", "Inbox_Message", "Content_Block", "Content"];

/// The prefixes that nearly all documents use, for what was cut out of one.
const STIX_1_PREFIXES: [&str; 9] =
    ["stix", "stixCommon", "indicator", "cybox", "cyboxCommon", "ttp", "incident", "campaign", "marking"];

/// Beginnings of the namespaces of STIX 1 and `CybOX` 2, by MITRE and by OASIS.
const STIX_1_NAMESPACES: [&str; 4] = [
    "http://stix.mitre.org/",
    "http://cybox.mitre.org/",
    "docs.oasis-open.org/cti/ns/stix/",
    "docs.oasis-open.org/cti/ns/cybox/",
];

/// Name and attributes of the root element.
fn root(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        rest = rest.split_once('<')?.1;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
        } else if rest.starts_with(['?', '!']) {
            rest = rest.split_once('>')?.1;
        } else {
            let element = rest.split('>').next().unwrap_or(rest);
            let end = element.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(element.len());
            return element.split_at_checked(end).filter(|(name, _)| !name.is_empty());
        }
    }
}

const MAGIC: [(&[u8], &str); 17] = [
    (b"\x89taxiway", "a compiled snapshot: name it with --snapshot"),
    (b"PK\x03\x04", "a zip archive: unpack it first (unzip -p FILE | taxiway ... --intel NAME=-)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!", "a rar archive: unpack it first"),
    (b"\x04\x22\x4d\x18", "lz4-compressed data: unpack it first (lz4 -dc)"),
    (b"\x1f\x9d", "data compressed by compress: unpack it first (zcat)"),
    (b"%PDF-", "a PDF document: export its indicators as STIX 2 or as a list"),
    (b"\x7fELF", "a program (ELF): neither STIX nor a list"),
    (b"MZ\x90\x00", "a program (PE): neither STIX nor a list"),
    (b"\x89PNG", "a picture (PNG): neither STIX nor a list"),
    (b"\xff\xd8\xff", "a picture (JPEG): neither STIX nor a list"),
    (b"GIF8", "a picture (GIF): neither STIX nor a list"),
    (b"SQLite format 3\0", "an SQLite database: export its indicators as STIX 2 or as a list"),
    (b"\xd0\xcf\x11\xe0", "an Office document: export its indicators as STIX 2 or as a list"),
    (b"\x1f\x8b", "a gzip stream inside too many compressions, or of an unknown method"),
    (b"\x28\xb5\x2f\xfd", "a zstd stream inside too many compressions"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(head: &[u8]) -> String {
        match content(head, true) {
            Content::Refused(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tells_json_from_lists() {
        for json in ["{}", " \n{\"a\":1}", "[]", "[ {", "[\"1.2.3.4\"]", "["] {
            assert_eq!(content(json.as_bytes(), true), Content::Json, "{json}");
        }
        for list in [
            "[Adblock Plus 2.0]\n||a.b^",
            "[2001:db8::1]:443",
            "1.2.3.4",
            "# x",
            "[.]",
            "\u{1b}evil.com 1 2 3 4 5 6",
        ] {
            assert_eq!(content(list.as_bytes(), true), Content::List, "{list}");
        }
        assert_eq!(content(b" \r\n\t", true), Content::Empty);
    }

    #[test]
    fn tells_stix_1_by_its_root() {
        for document in [
            "<?xml version=\"1.0\"?>\n<!-- <html> -->\n<stix:STIX_Package\n xmlns:stix=\"http://stix.mitre.org/stix-1\">",
            "<STIX_Package xmlns='http://docs.oasis-open.org/cti/ns/stix/core-1'/>",
            "<cybox:Observables xmlns:cybox=\"http://cybox.mitre.org/cybox-2\"/>",
            "<stix:Indicator id=\"unbound:prefix\">",
            "<!DOCTYPE x><STIX_Package>",
            "<t:Poll_Response xmlns:t='http://taxii.mitre.org/messages/taxii_xml_binding-1.1'>",
            "<taxii_11:Content_Block>",
        ] {
            assert_eq!(content(document.as_bytes(), true), Content::Stix1, "{document}");
        }
        refused(b"<Observables/>");
        refused(b"<Report xmlns='https://other.example/'/>");
    }

    #[test]
    fn names_what_is_not_read() {
        assert!(
            refused(b"<t:Status_Message xmlns:t=\"http://taxii.mitre.org/messages/taxii_xml_binding-1.1\">")
                .contains("TAXII 1")
        );
        assert!(refused(b"<indicator:Confidence>").contains("whole document"));
        assert!(
            refused(b"<maecPackage:MAEC_Package xmlns:cybox='http://cybox.mitre.org/cybox-2'>")
                .contains("MAEC")
        );
        assert!(refused(b"<!DOCTYPE html><html lang=en>").contains("HTML"));
        assert!(refused(b"<rss version=\"2.0\">").contains("rss"));
        assert!(refused(b"PK\x03\x04xx").contains("unzip"));
        assert!(refused(b"\0\x01\x02\x03abc").contains("binary"));
        assert!(refused(b"<").contains("markup"));
        for head in [&b"%PDF-1.4"[..], b"\x7fELF\x02", b"\x89PNG\r\n"] {
            assert!(refused(head).lines().count() <= 2);
        }
    }
}
