//! Lists in every layout, sound and broken.

use super::*;

fn read(list: &str) -> Entries {
    let mut entries = Entries::default();
    parse(list.as_bytes(), "", &mut entries);
    let sum = entries.indicators.len() as u64 + entries.tally.skipped.total();
    assert_eq!(entries.tally.received, sum, "{list}");
    entries
}

/// Values with their names.
fn found(entries: &Entries) -> Vec<String> {
    let name =
        |indicator: &Indicator| indicator.context.threats.first().map_or("", |(_, name)| name).to_owned();
    let row = |indicator: &Indicator| {
        let values: Vec<String> = indicator.values.iter().map(|(value, _)| value.to_string()).collect();
        let confidence = indicator.confidence.map_or_else(String::new, |c| c.to_string());
        [values.join("+"), name(indicator), confidence].join(" ").trim_end().to_owned()
    };
    entries.indicators.iter().map(row).collect()
}

#[track_caller]
fn gives(list: &str, expected: &[&str]) {
    assert_eq!(found(&read(list)), expected, "{list}");
}

#[test]
fn plain_lists() {
    gives(
        "\u{feff}# title\r\n\r\nevil.com\r\n  1.2.3.4 # C2\n; x\n// y\n! z\nhxxp://bad[.]org/a\n*.Wild.org.\n10.0.0.0-10.0.0.3",
        &["evil.com", "1.2.3.4", "http://bad.org/a", "wild.org", "10.0.0.0/30"],
    );
    gives(
        "http://evil.com/a,b;c
http://evil.com/x",
        &["http://evil.com/a,b;c", "http://evil.com/x"],
    );
    gives("http://evil.com/a,b", &["http://evil.com/a,b"]);
    gives(
        "login.bank [.] com\n1.2 (dot) 3.4 # [at] noon\nbob [at] evil [dot] com\nhxxp [:] //evil . com\n0.0.0.0 a [.] com b.com",
        &["login.bank.com", "1.2.3.4", "bob@evil.com", "a.com", "b.com"],
    );
}

#[test]
fn ipsum_and_maltrail() {
    let ipsum = "# IPsum\n#\n# IP\tnumber of (black)lists\n#\n77.90.185.20\t10\n2.57.122.53\t9\n";
    gives(ipsum, &["77.90.185.20", "2.57.122.53"]);
    gives("77.90.185.20\t10\n2.57.122.53\t9\n", &["77.90.185.20", "2.57.122.53"]);
    let maltrail = "cidr\t5.63.151.0/24\tscanner\ndomain\tevil.com\tmal ware\nip-port\t1.2.3.4:80\tx\nurl\tevil.com/a\ty\n";
    gives(maltrail, &["5.63.151.0/24 scanner", "evil.com mal ware", "1.2.3.4:80 x", "evil.com/a y"]);
}

#[test]
fn headers_name_the_columns() {
    let rows = "x,1.2.3.4,Emotet,75\nx,evil.com,\"A, B\",\n";
    for header in [
        "id,indicator,malware,confidence",
        "# id,IOC,Threat,Confidence_Level",
        "\"id\",\"ioc_value\",\"name\",\"confidence\"",
    ] {
        gives(&format!("# by us\n{header}\n{rows}"), &["1.2.3.4 Emotet 75", "evil.com A, B"]);
        let other = format!("{header}\n{rows}").replace("\"A, B\"", "B").replace(',', ";");
        gives(&other, &["1.2.3.4 Emotet 75", "evil.com B"]);
        gives(&other.replace(';', "\t"), &["1.2.3.4 Emotet 75", "evil.com B"]);
        gives(&other.replace(';', "|"), &["1.2.3.4 Emotet 75", "evil.com B"]);
    }
    gives("url\nhttp://evil.com/a,b\nevil.com\n", &["http://evil.com/a,b", "evil.com"]);
    gives("value\n1.2.3.4\n", &["1.2.3.4"]);
    gives("domain,first_seen\nevil.com,2020\ndomain,first_seen\n", &["evil.com"]);
    gives("url,http://evil.com/a,Emotet\n", &["http://evil.com/a Emotet"]);
    gives("domain,evil.com,Emotet\nip,1.2.3.4,Emotet\n", &["evil.com Emotet", "1.2.3.4 Emotet"]);
    gives("1.2.3.4,Emotet\nevil.com,TrickBot\n", &["1.2.3.4", "evil.com"]);
    gives("1.2.3.4,Emotet\nevil.com\n5.6.7.8;x\n", &["1.2.3.4", "evil.com", "5.6.7.8"]);
}

#[test]
fn an_odd_line_does_not_change_the_layout() {
    let rows: Vec<String> = (0..18).map(|n| format!("domain,n{n}.example,Emotet\n")).collect();
    let rows = rows.concat();
    let named: Vec<String> = (0..18).map(|n| format!("n{n}.example Emotet")).collect();
    for odd in ["evil.example", "nonsense", "1.2.3.4;x"] {
        for list in [format!("{odd}\n{rows}"), format!("{rows}{odd}\n")] {
            let entries = read(&list);
            assert_eq!(found(&entries), named, "{odd}");
            assert_eq!(entries.tally.skipped.of("missing-column"), 1, "{odd}");
        }
        let valued = rows.replace("domain,", "");
        assert_eq!(
            read(&format!("{odd}\n{valued}")).tally.skipped.of("not-a-value"),
            u64::from(odd == "nonsense")
        );
    }
    // The header of a comment counts if half of the rows have its columns.
    gives("# id,ioc\n-\n1,1.2.3.4\n2,evil.com\n", &["1.2.3.4", "evil.com"]);
}

#[test]
fn dialects() {
    let threatfox = "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\"\n\
        \"2024-01-01 00:00:00\", \"1\", \"1.2.3.4:443\", \"ip:port\", \"botnet_cc\", \"win.x\", \"None\", \"Cobalt Strike\", \"\", \"100\"\n\
        \"2024-01-01 00:00:00\", \"2\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", \"payload\", \"win.x\", \"None\", \"X\", \"\", \"50\"\n\
        # Number of entries: 2\n";
    gives(threatfox, &["1.2.3.4:443 Cobalt Strike 100", "d41d8cd98f00b204e9800998ecf8427e X 50"]);
    let urlhaus = "################\n# abuse.ch #\n################\n#\n# id,dateadded,url,url_status,threat\n\"1\",\"2024\",\"http://evil.com/a\",\"online\",\"malware_download\"\n";
    gives(urlhaus, &["http://evil.com/a malware_download"]);
    let zeek = "#fields\tindicator\tindicator_type\tmeta.source\nevil.com\tIntel::DOMAIN\tx\nevil.com/a\tIntel::URL\tx\n1.2.3.0/24\tIntel::SUBNET\tx\n";
    gives(zeek, &["evil.com", "evil.com/a", "1.2.3.0/24"]);
    let otx = "Indicator type,Indicator,Description\nFileHash-MD5,d41d8cd98f00b204e9800998ecf8427e,\nhostname,a.evil.com,x\nCVE,CVE-2020-1,\n";
    let entries = read(otx);
    assert_eq!(found(&entries), ["d41d8cd98f00b204e9800998ecf8427e", "a.evil.com"]);
    assert_eq!(entries.tally.skipped.of("not-yet-matched:type"), 1);
    let misp = "uuid,type,value,comment\n1,filename|md5,a.exe|d41d8cd98f00b204e9800998ecf8427e,\n2,domain|ip,evil.com|1.2.3.4,\n3,ip-dst|port,1.2.3.4|80,\n4,filename,evil.com,\n";
    gives(misp, &["d41d8cd98f00b204e9800998ecf8427e", "evil.com+1.2.3.4", "1.2.3.4:80"]);
    let stix = "type,value\nipv4-addr:value,1.2.3.4\nfile:hashes.'MD5',d41d8cd98f00b204e9800998ecf8427e\nstrange,evil.com\n";
    gives(stix, &["1.2.3.4", "d41d8cd98f00b204e9800998ecf8427e", "evil.com"]);
}

#[test]
fn quoted_fields_of_several_lines() {
    gives("value,name,x\n1.2.3.4,\"a\nb\"\"\",y\r\nevil.com,c,d\n", &["1.2.3.4 a\nb\"", "evil.com c"]);
    // A stray quote takes no other line along.
    gives(
        "value,name\n1.2.3.4,\"a\nevil.com,b\n5.6.7.8,\"c\"\n",
        &["1.2.3.4 \"a", "evil.com b", "5.6.7.8 c"],
    );
    let entries = read("value,name\n1.2.3.4,\"a\nb\"\nnonsense,c\n");
    assert!(
        entries.tally.skipped.counts().iter().any(|count| count.examples[0].contains("line 4")),
        "{:?}",
        entries.tally
    );
}

#[test]
fn block_lists() {
    let hosts = "# hosts\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 evil.com bad.org # x\n0.0.0.0\tworse.net\n0.0.0.0 single\n";
    let entries = read(hosts);
    assert_eq!(found(&entries), ["evil.com", "bad.org", "worse.net"]);
    assert_eq!((entries.tally.received, entries.tally.skipped.of("hosts-boilerplate")), (6, 2));
    assert_eq!(entries.tally.skipped.of("not-a-domain"), 1);
    let adblock = "[Adblock Plus 2.0]\n! Title: x\n||evil.com^\n||bad.org^$third-party\n@@||good.com^\nevil.com##.ad\n##.banner\n";
    let entries = read(adblock);
    assert_eq!(found(&entries), ["evil.com", "bad.org"]);
    assert_eq!((entries.tally.skipped.of("exception"), entries.tally.skipped.of("cosmetic-rule")), (1, 1));
    gives("address=/evil.com/0.0.0.0\nserver=/bad.org/\n", &["evil.com", "bad.org"]);
}

#[test]
fn bad_lines_are_counted_with_their_place() {
    let entries = read("evil.com\nnonsense\n1.2.3.4\n");
    let skipped: Vec<_> = entries.tally.skipped.counts().iter().collect();
    assert_eq!((skipped[0].reason, skipped[0].count), ("not-a-value", 1));
    assert_eq!(skipped[0].examples, [": line 2: nonsense"]);
    let entries = read("type,value,confidence\ndomain,evil.com,101\nip,nonsense,50\nsha256,abcd,x\nip\n");
    assert_eq!(found(&entries), ["evil.com"]);
    assert_eq!(entries.tally.noted.of("bad-confidence"), 2);
    for reason in ["not-an-address", "not-a-digest", "missing-column"] {
        assert_eq!(entries.tally.skipped.of(reason), 1, "{reason}");
    }
}

#[test]
fn repetitions_are_counted_once() {
    let entries = read("value,name\nevil.com,a\nEVIL.com.,a\nevil.com,b\nevil.com,\n");
    assert_eq!(found(&entries), ["evil.com a", "evil.com b", "evil.com"]);
    assert_eq!(entries.tally.skipped.of("duplicate"), 1);
    let all = read("1.2.3.4\n5.6.7.8");
    assert!(Arc::ptr_eq(&all.indicators[0].context, &all.indicators[1].context));
}

#[test]
fn windows_of_any_size_give_the_same() {
    let list = "type,value,name\nip,1.2.3.4,\"a\nb\"\ndomain,evil.com,c\nnonsense,nonsense,d\nip,5.6.7.8,e";
    let whole = read(list);
    for size in [40, 41, 64, 1000] {
        let (mut entries, mut reader) = (Entries::default(), Reader::new(""));
        let (mut from, mut to) = (0, 0);
        while from < list.len() {
            to = (to + size).min(list.len());
            from += reader.read(
                &list.as_bytes()[from..to],
                if to == list.len() { End::Whole } else { End::More },
                &mut entries,
            );
        }
        assert_eq!(found(&entries), found(&whole), "{size}");
        assert_eq!(entries.tally, whole.tally);
    }
}

#[test]
fn hostile_lines_end() {
    let long = "x".repeat(LINE_BYTES_MAX + 9);
    let entries = read(&format!("evil.com\n{long}\n1.2.3.4\n{long}"));
    assert_eq!((entries.indicators.len(), entries.tally.skipped.of("too-long")), (2, 2));
    let (mut entries, mut reader) = (Entries::default(), Reader::new(""));
    for _ in 0..3 {
        assert_eq!(reader.read(long.as_bytes(), End::More, &mut entries), long.len());
    }
    reader.read(b"xx\nevil.com\n\"\n", End::Whole, &mut entries);
    assert_eq!((entries.indicators.len(), entries.tally.skipped.of("too-long")), (1, 1));
    let mut latin = b"value,name\nevil.com,caf\xe9\nb\xff.com,x\n".to_vec();
    latin.extend(b"\0\0\0,\0\n");
    let mut entries = Entries::default();
    parse(&latin, "", &mut entries);
    assert_eq!(found(&entries), ["evil.com caf\u{fffd}"]);
    read(&"\"".repeat(5000));
    read(&"value,name\n1.2.3.4,\"x\n".repeat(300));
    // Each line opens a quoted field that goes on over all others.
    let open = format!("value,name,x\n{}", "1.2.3.4\",\"a\",\"z\n".repeat(20_000));
    let mut reader = Reader::new("");
    reader.read(open.as_bytes(), End::Whole, &mut Entries::default());
    assert!(reader.looked_at < LOOK_BYTES_FREE + (LOOK_TIMES_MAX + 1) * open.len() as u64);
}
