//! STIX 1 documents in every shape, sound and broken.

use super::*;
use crate::indicator::Part;
use crate::stix::Fate;

fn read(document: &str) -> Objects {
    let mut objects = Objects::default();
    assert_eq!(parse(document.as_bytes(), &mut objects), Found::Stix, "{document}");
    check(&objects);
    objects
}

/// Everything that was received is a draft, an observable, context, or skipped.
fn check(objects: &Objects) {
    let tally = &objects.tally;
    let kept = objects.drafts.len() + objects.observables.len();
    let sum = kept as u64 + tally.context_total() + tally.skipped.total();
    assert_eq!(tally.received, sum, "{tally:?}");
}

fn package(inner: &str) -> String {
    format!(
        r#"<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.1.1" timestamp="2020-01-01T00:00:00Z">{inner}</stix:STIX_Package>"#
    )
}

fn indicators(inner: &str) -> String {
    package(&format!("<stix:Indicators>{inner}</stix:Indicators>"))
}

fn indicator(n: u32, inner: &str) -> String {
    format!(
        r#"<stix:Indicator id="a:Indicator-{n}" xsi:type="indicator:IndicatorType">{inner}</stix:Indicator>"#
    )
}

fn observable(properties: &str) -> String {
    format!("<indicator:Observable><cybox:Object>{properties}</cybox:Object></indicator:Observable>")
}

fn address(value: &str) -> String {
    observable(&format!(
        r#"<cybox:Properties xsi:type="AddressObj:AddressObjectType" category="ipv4-addr"><AddressObj:Address_Value condition="Equals">{value}</AddressObj:Address_Value></cybox:Properties>"#
    ))
}

/// Properties of an object of this type.
fn of(kind: &str, inner: &str) -> String {
    observable(&format!(r#"<cybox:Properties xsi:type="X:{kind}ObjectType">{inner}</cybox:Properties>"#))
}

/// The values of the first indicator, or the word under which it is left out.
fn said(document: &str) -> Result<Vec<String>, String> {
    let objects = read(document);
    let draft = objects.drafts.first().unwrap_or_else(|| panic!("no indicator: {document}"));
    match &draft.fate {
        Fate::Use => Ok(draft
            .indicator
            .values
            .iter()
            .map(|(value, part)| match part {
                Part::Whole => value.to_string(),
                Part::OfPattern => format!("~{value}"),
            })
            .collect()),
        Fate::Skip(reason) => Err((*reason).to_owned()),
        Fate::Wait(kept) => Err(kept.reason.to_owned()),
        Fate::Seek(_) => Err("open".to_owned()),
    }
}

fn says(inner: &str, expected: &str) {
    let found = said(&indicators(&indicator(1, inner)));
    let found = found.map_or_else(|reason| reason, |values| values.join(" "));
    assert_eq!(found, expected, "{inner}");
}

const MD5: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn objects_of_every_kind() {
    says(&address("198.51.100.1"), "198.51.100.1");
    says(&of("DomainName", "<Value>A.Example.</Value>"), "a.example");
    says(&of("URI", "<Value>http://a.example/x</Value>"), "http://a.example/x");
    says(&of("URI", "<Value>a.example</Value>"), "a.example");
    says(&of("Link", "<Value>hxxp://a[.]example/x</Value>"), "http://a.example/x");
    says(
        &of("Hostname", "<Is_Domain_Name>true</Is_Domain_Name><Hostname_Value>h.example</Hostname_Value>"),
        "h.example",
    );
    let hash = |kind: &str, value: &str| {
        format!("<Hash>{kind}<Simple_Hash_Value>{value}</Simple_Hash_Value></Hash>")
    };
    let md5 = hash("<Type>MD5</Type>", MD5);
    says(&of("File", &format!("<Hashes>{md5}</Hashes>")), MD5);
    says(&of("File", &format!("<Hashes>{}</Hashes>", hash("", MD5))), MD5);
    says(&of("File", &format!("<Hashes>{}</Hashes>", hash("<Type>SHA1</Type>", MD5))), "bad-value");
    says(
        &of("File", &format!("<Hashes>{}</Hashes>", hash("<Type>SSDEEP</Type>", "3:a:b"))),
        "not-yet-matched:digest-algorithm",
    );
    says(&of("File", &format!("<File_Name>x.exe</File_Name><Hashes>{md5}</Hashes>")), &format!("~{MD5}"));
    says(
        &of("PDFFile", &format!("<Size_In_Bytes>7</Size_In_Bytes><Hashes>{md5}</Hashes>")),
        &format!("~{MD5}"),
    );
    says(&of("File", "<File_Name>x.exe</File_Name>"), "not-yet-matched:keyed-text");
    says(&of("Artifact", &format!("<Hashes>{md5}</Hashes><Raw_Artifact>AAAA</Raw_Artifact>")), MD5);
}

#[test]
fn objects_with_objects_in_them() {
    let archived = format!(
        "<Archived_File><Hashes><Hash><Simple_Hash_Value>{MD5}</Simple_Hash_Value></Hash></Hashes></Archived_File>"
    );
    says(&of("ArchiveFile", &archived), "not-yet-matched:unknown-property");
    says(&of("ArchiveFile", &format!("<File_Name>x.zip</File_Name>{archived}")), "not-yet-matched:and");
    says(&of("Mutex", "<Name>x</Name>"), "not-yet-matched:keyed-text");
    says(
        &of("EmailMessage", "<Header><From><Address_Value>a@b.example</Address_Value></From></Header>"),
        "a@b.example",
    );
    says(
        &of(
            "EmailMessage",
            "<Header><From category='e-mail'><Address_Value>a@b.example</Address_Value></From><Subject>x</Subject></Header>",
        ),
        "not-yet-matched:and",
    );
    says(
        &of(
            "EmailMessage",
            "<Header><X_Originating_IP><Address_Value>198.51.100.9</Address_Value></X_Originating_IP></Header>",
        ),
        "198.51.100.9",
    );
    let socket = "<IP_Address><Address_Value>198.51.100.1</Address_Value></IP_Address>";
    says(&of("SocketAddress", socket), "198.51.100.1");
    says(
        &of("SocketAddress", &format!("{socket}<Port><Port_Value>443</Port_Value></Port>")),
        "198.51.100.1:443",
    );
    says(
        &of(
            "NetworkConnection",
            &format!(
                "<Destination_Socket_Address>{socket}<Port><Port_Value>443</Port_Value></Port></Destination_Socket_Address>"
            ),
        ),
        "198.51.100.1:443",
    );
    says(
        &of(
            "NetworkConnection",
            &format!(
                "<Source_Socket_Address>{socket}</Source_Socket_Address><Destination_Socket_Address><Port><Port_Value>443</Port_Value></Port></Destination_Socket_Address>"
            ),
        ),
        "not-yet-matched:and",
    );
    says(&of("Port", "<Port_Value>443</Port_Value>"), "not-yet-matched:keyed-text");
    says(
        &of(
            "DNSQuery",
            r#"<Question><QName xsi:type="URIObj:URIObjectType"><Value>a.example</Value></QName></Question>"#,
        ),
        "a.example",
    );
    says(
        &of(
            "HTTPSession",
            "<HTTP_Request_Response><HTTP_Client_Request><HTTP_Request_Header><Parsed_Header><Host><Domain_Name><Value>a.example</Value></Domain_Name></Host></Parsed_Header></HTTP_Request_Header></HTTP_Client_Request></HTTP_Request_Response>",
        ),
        "a.example",
    );
}

#[test]
fn categories_of_addresses() {
    let with = |category: &str, value: &str| {
        observable(&format!(
            r#"<cybox:Properties xsi:type="A:AddressObjectType"{category}><Address_Value>{value}</Address_Value></cybox:Properties>"#
        ))
    };
    says(&with("", "198.51.100.1"), "198.51.100.1");
    says(&with("", "2001:DB8::1"), "2001:db8::1");
    says(&with(r#" category="cidr""#, "198.51.100.77/24"), "198.51.100.0/24");
    says(&with(r#" category="ipv4-net""#, "198.51.100.0/31"), "198.51.100.0/31");
    says(&with(r#" category="e-mail""#, "A@b.example"), "A@b.example".to_lowercase().as_str());
    says(&with(r#" category="mac""#, "00:11:22:33:44:55"), "not-yet-matched:keyed-text");
    says(&with(r#" category="asn""#, "64500"), "not-yet-matched:keyed-text");
    says(&with("", "nonsense"), "bad-value");
}

#[test]
fn lists_and_conditions() {
    let addresses =
        read(&indicators(&indicator(1, &address("198.51.100.1##comma##nonsense##comma##198.51.100.2"))));
    assert_eq!((addresses.drafts[0].indicator.values.len(), addresses.tally.noted.total()), (2, 1));
    let value =
        |attributes: &str, text: &str| of("DomainName", &format!("<Value {attributes}>{text}</Value>"));
    says(
        &value(r#"condition="Equals" apply_condition="ANY""#, "a.example##comma##b.example##comma##"),
        "a.example b.example",
    );
    says(&value(r#"delimiter="|""#, "a.example|b.example"), "a.example b.example");
    says(&value(r#"apply_condition="ALL""#, "a.example##comma##b.example"), "not-yet-matched:and");
    says(&value(r#"apply_condition="ALL""#, "a.example"), "a.example");
    says(&value(r#"apply_condition="NONE""#, "a.example"), "not-yet-matched:negation");
    says(&value("", "a.example,b.example"), "a.example b.example");
    for (condition, expected) in [
        ("equals", "a.example"),
        ("Equal", "a.example"),
        ("DoesNotEqual", "not-yet-matched:negation"),
        ("Contains", "not-yet-matched:like"),
        ("StartsWith", "not-yet-matched:like"),
        ("InclusiveBetween", "not-yet-matched:comparison"),
        ("greaterthen", "not-yet-matched:comparison"),
        ("FitsPattern", "not-yet-matched:matches"),
    ] {
        says(&value(&format!(r#"condition="{condition}""#), "a.example"), expected);
    }
    let url = indicators(&indicator(1, &of("URI", "<Value>http://a.example/x,y</Value>")));
    assert_eq!(said(&url).unwrap(), ["http://a.example/x,y"]);
    let addresses = indicators(&indicator(1, &address("198.51.100.1,nonsense,198.51.100.2")));
    assert_eq!(said(&addresses).unwrap().len(), 2);
    let early = url.replace(r#" version="1.1.1""#, "");
    assert_eq!(said(&early.replace(",y", ",http://b.example/y,")).unwrap().len(), 2);
    assert_eq!(said(&early).unwrap(), ["http://a.example/x,y"]);
}

#[test]
fn a_reference_with_content_is_what_it_holds() {
    let full =
        address("198.51.100.1").replace("<indicator:Observable", "<indicator:Observable idref=\"a:o\"");
    says(&full, "198.51.100.1");
    says("<indicator:Observable idref=\"a:o\"/>", "open");
}

#[test]
fn mechanisms_of_other_languages_are_named_and_not_looked_into() {
    let ioc = "<indicator:Test_Mechanisms><ioc><Indicator id=\"x\"><Observable/></Indicator></ioc></indicator:Test_Mechanisms>";
    says(ioc, "test-mechanism");
    says(&format!("{ioc}{}", address("198.51.100.1")), "198.51.100.1");
    says("<indicator:Title>x</indicator:Title>", "no-observable");
}

#[test]
fn compositions() {
    let inner = |operator: &str, parts: &[String]| {
        format!(
            r#"<cybox:Observable><cybox:Observable_Composition operator="{operator}">{}</cybox:Observable_Composition></cybox:Observable>"#,
            parts.concat()
        )
    };
    let [a, b, c] = ["198.51.100.1", "198.51.100.2", "198.51.100.3"].map(address);
    says(&inner("OR", &[a.clone(), b.clone()]), "198.51.100.1 198.51.100.2");
    says(&inner("AND", &[a.clone(), b.clone()]), "not-yet-matched:and");
    says(&inner("AND", std::slice::from_ref(&a)), "198.51.100.1");
    says(&inner("OR", &[inner("AND", &[a.clone(), b.clone()]), c.clone()]), "198.51.100.3");
    says(&inner("OR", &[inner("OR", &[a.clone(), b.clone()]), c]), "198.51.100.1 198.51.100.2 198.51.100.3");
    says(
        &a.replace("Observable>", "Observable negate=\"true\">")
            .replace("</indicator:Observable negate=\"true\">", "</indicator:Observable>"),
        "not-yet-matched:negation",
    );
    let composite = |operator: &str| {
        let parts = [indicator(2, &a), indicator(3, &b)].concat();
        indicators(&indicator(
            1,
            &format!(
                r#"<indicator:Composite_Indicator_Expression operator="{operator}">{parts}</indicator:Composite_Indicator_Expression>"#
            ),
        ))
    };
    let objects = read(&composite("OR"));
    assert_eq!((objects.drafts.len(), objects.drafts[2].indicator.values.len()), (3, 2));
    let objects = read(&composite("AND"));
    assert_eq!(objects.drafts.len(), 1);
    assert_eq!(objects.tally.skipped.of("not-yet-matched:and"), 2);
    assert!(matches!(objects.drafts[0].fate, Fate::Wait(_)));
}

#[test]
fn what_an_indicator_says_of_itself() {
    let inner = format!(
        r#"<indicator:Title>A &amp; B</indicator:Title><indicator:Type>IP Watchlist</indicator:Type><indicator:Description><![CDATA[<b>x</b>]]></indicator:Description>
        <indicator:Valid_Time_Position><indicator:Start_Time precision="second">2020-01-01T00:00:00</indicator:Start_Time><indicator:End_Time>2021-01-01T00:00:00Z</indicator:End_Time></indicator:Valid_Time_Position>
        {}<indicator:Kill_Chain_Phases><stixCommon:Kill_Chain_Phase phase_id="stix:TTP-79a0e041-9d5f-49bb-ada4-8322622b162d"/></indicator:Kill_Chain_Phases>
        <indicator:Confidence><stixCommon:Value>High</stixCommon:Value></indicator:Confidence>"#,
        address("198.51.100.1")
    );
    let objects = read(&indicators(&indicator(1, &inner)));
    let found = &objects.drafts[0].indicator;
    assert_eq!(found.id.as_ref().unwrap().to_string(), "a:Indicator-1");
    assert_eq!(found.context.name.as_deref(), Some("A & B"));
    assert_eq!(found.context.description.as_deref(), Some("<b>x</b>"));
    assert_eq!(found.context.labels, ["IP Watchlist".into()]);
    assert_eq!(found.context.kill_chain, ["LM Cyber Kill Chain/Delivery".into()]);
    assert_eq!(found.confidence, Some(85));
    assert_eq!(found.valid_from, Timestamp::parse("2020-01-01T00:00:00Z"));
    assert_eq!(found.valid_until, Timestamp::parse("2021-01-01T00:00:00Z"));
    assert_eq!(objects.drafts[0].modified, Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
    assert_eq!(objects.tally.noted.total(), 0, "{:?}", objects.tally.noted);
    for (word, expected) in [
        ("Low", Some(15)),
        ("77", Some(77)),
        ("77.5%", Some(77)),
        ("Unknown", None),
        ("101", None),
        ("maybe", None),
    ] {
        let objects = read(&indicators(&indicator(1, &inner.replace("High", word))));
        assert_eq!(objects.drafts[0].indicator.confidence, expected, "{word}");
        assert_eq!(objects.tally.noted.of("bad-confidence"), u64::from(matches!(word, "101" | "maybe")));
    }
    let reversed = inner.replace("2021-01-01", "2019-01-01");
    assert_eq!(said(&indicators(&indicator(1, &reversed))), Err("invalid-validity".to_owned()));
}

#[test]
fn markings_are_inherited_whatever_their_place() {
    let colour = |colour: &str| {
        format!(
            r#"<Handling><Marking><Controlled_Structure>//node()</Controlled_Structure><Marking_Structure xsi:type="tlp:TLPMarkingStructureType" color="{colour}"/></Marking></Handling>"#
        )
    };
    let marked = |document: &str| {
        let objects = read(document);
        let draft = &objects.drafts[0];
        let list = (draft.markings as usize).checked_sub(1).map(|at| objects.marking_lists[at].to_vec());
        let inherited =
            list.into_iter().flatten().filter_map(|number| objects.markings.get(&number).copied());
        draft.indicator.tlp.max(inherited.max())
    };
    let plain = indicator(1, &address("198.51.100.1"));
    let header = format!("<STIX_Header>{}</STIX_Header>", colour("green"));
    assert_eq!(marked(&package(&plain)), None);
    assert_eq!(marked(&package(&format!("{header}{plain}"))), Some(Tlp::Green));
    assert_eq!(
        marked(&package(&format!(
            "{header}{}",
            indicator(1, &format!("{}{}", address("198.51.100.1"), colour("AMBER")))
        ))),
        Some(Tlp::Amber)
    );
    assert_eq!(
        marked(&package(&format!(
            "{header}{}",
            indicator(1, &format!("{}{}", address("198.51.100.1"), colour("WHITE")))
        ))),
        Some(Tlp::Green)
    );
    // the marking of an incident follows what stands in it
    let incident = format!(
        "<Incident id=\"a:i\"><Related_Indicators><Related_Indicator>{plain}</Related_Indicator></Related_Indicators>{}</Incident>",
        colour("RED")
    );
    assert_eq!(
        marked(&package(&format!(
            "{header}<Related_Packages><Related_Package><Package><Incidents>{incident}</Incidents></Package></Related_Package></Related_Packages>"
        ))),
        Some(Tlp::Red)
    );
    assert_eq!(
        marked(&package(&format!(
            "<Incidents>{}</Incidents>{plain}",
            incident.replace("a:Indicator-1", "a:x").replace(&plain.replace("a:Indicator-1", "a:x"), "")
        ))),
        None
    );
}

#[test]
fn faults_cost_little_and_have_a_place() {
    let [a, b] = [1, 2].map(|n| indicator(n, &address(&format!("198.51.100.{n}"))));
    let used = |document: &str| {
        let objects = read(document);
        let used = objects.drafts.iter().filter(|draft| draft.fate == Fate::Use).count();
        (used, objects.tally.noted.total(), objects.tally.warnings.len())
    };
    assert_eq!(used(&indicators(&[a.clone(), b.clone()].concat())), (2, 0, 0));
    for broken in [
        indicators(&[a.clone(), b.clone()].concat())
            .replace("<stix:STIX_Package", "<stix:STIX_Package xmlns:=\"https://a.example\""),
        indicators(&format!("{a}</stray>{b}")),
        indicators(&format!("{a}<open>{b}")),
        indicators(&format!("{a}<!oops>{b}")),
        indicators(&format!("{a}&undefined;{b}")),
    ] {
        assert_eq!(used(&broken), (2, 1, 1), "{broken}");
        let objects = read(&broken);
        assert!(objects.tally.warnings[0].contains("byte "), "{:?}", objects.tally.warnings);
    }
    assert_eq!(used(&indicators(&format!("{}{b}", a.replace("198.51.100.1", "198&x;51.100.1")))), (1, 1, 1));
    let cut = indicators(&[a.clone(), b.clone()].concat());
    let at = cut.find("198.51.100.2").unwrap();
    let objects = read(cut.get(..at).unwrap());
    assert_eq!(objects.tally.skipped.of("cut"), 1);
    assert_eq!(objects.drafts.len(), 1);
    assert!(objects.tally.warnings.iter().any(|warning| warning.contains(&format!("cut at byte {at}"))));
}

#[test]
fn every_cut_ends_and_is_accounted_for() {
    let document = indicators(
        &[
            indicator(1, &address("198.51.100.1")),
            indicator(2, &of("URI", "<Value>http://a.example/?a&amp;b</Value>")),
            // text that goes on behind an element, with blanks at every cut
            indicator(3, "<indicator:Description>a<b>x</b>\n        b  c<b/>   d</indicator:Description>"),
        ]
        .concat(),
    );
    for cut in 0..document.len() {
        let mut objects = Objects::default();
        parse(&document.as_bytes()[..cut], &mut objects);
        check(&objects);
    }
    for size in [1, 2, 3, 7, 64, 199, 1000] {
        let (mut objects, mut reader) = (Objects::default(), Reader::default());
        let (mut from, mut to) = (0, 0);
        while from < document.len() {
            to = (to + size).min(document.len());
            from += reader.read(&document.as_bytes()[from..to], to == document.len(), &mut objects);
        }
        check(&objects);
        assert_eq!(objects.drafts[1].indicator.values[0].0.to_string(), "http://a.example/?a&b", "{size}");
        assert_eq!(objects.tally.noted.total(), 0, "{size}");
        let description = objects.drafts[2].indicator.context.description.clone();
        assert_eq!(description.as_deref(), Some("a\n        b  c   d"), "{size}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    let mut document = indicators(&indicator(
        1,
        &format!("<indicator:Title>caf#</indicator:Title>{}", address("198.51.100.1")),
    ))
    .into_bytes();
    let at = document.iter().position(|byte| *byte == b'#').unwrap();
    document[at] = 0xe9;
    let mut objects = Objects::default();
    parse(&document, &mut objects);
    check(&objects);
    assert_eq!(objects.drafts[0].indicator.context.name.as_deref(), Some("caf\u{fffd}"));
    assert_eq!(objects.tally.noted.of("bad-characters"), 1);
    // it is told of once, though windows overlap
    let (mut objects, mut reader, mut from) = (Objects::default(), Reader::default(), 0);
    for to in 1..=document.len() {
        from += reader.read(&document[from..to], to == document.len(), &mut objects);
    }
    check(&objects);
    assert_eq!(objects.tally.noted.of("bad-characters"), 1);
}

#[test]
fn hostile_documents_end() {
    let deep = package(&"<a>".repeat(10_000));
    read(&deep);
    let mut objects = Objects::default();
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><STIX_Package>&b;</STIX_Package>"#;
    assert!(matches!(parse(bomb.as_bytes(), &mut objects), Found::Other(what) if what.contains("DOCTYPE")));
    let nested = indicators(&format!(
        "{}{}",
        "<stix:Indicator><Composite_Indicator_Expression operator=\"OR\">".repeat(120),
        "</Composite_Indicator_Expression></stix:Indicator>".repeat(120)
    ));
    read(&nested);
}
