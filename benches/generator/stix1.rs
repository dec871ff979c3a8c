//! The mixed list once more, as one STIX 1.1.1 package: indicators with an observable each, validity, confidence, and
//! the TTPs that they point to.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::random::Random;

/// Writes a package: [`indicators::THREATS`] TTPs, the indicators, and courses of action, which say nothing about
/// indicators, until it has this many bytes.
pub(crate) fn write_package(count: u64, bytes: u64, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(HEAD.as_bytes())?;
    to.write_all(b"<stix:TTPs>\n")?;
    for number in 0..indicators::THREATS {
        writeln!(
            to,
            "<stix:TTP xsi:type=\"ttp:TTPType\" id=\"example:ttp-{number}\"><ttp:Title>{0}</ttp:Title><ttp:Behavior><ttp:Malware>\
             <ttp:Malware_Instance><ttp:Name>{0}</ttp:Name></ttp:Malware_Instance></ttp:Malware></ttp:Behavior></stix:TTP>",
            indicators::threat(number),
        )?;
    }
    to.write_all(b"</stix:TTPs>\n<stix:Indicators>\n")?;
    let mut written = 0;
    for number in 0..count {
        let text = indicator(number);
        written += text.len() as u64;
        to.write_all(text.as_bytes())?;
    }
    to.write_all(b"</stix:Indicators>\n<stix:Courses_Of_Action>\n")?;
    for number in 0.. {
        if written >= bytes {
            break;
        }
        let text = course_of_action(number);
        written += text.len() as u64;
        to.write_all(text.as_bytes())?;
    }
    to.write_all(b"</stix:Courses_Of_Action>\n</stix:STIX_Package>\n")?;
    to.flush()
}

fn indicator(number: u64) -> String {
    let (shape, value) = indicators::mixed(number);
    let value = value.replace('&', "&amp;");
    let hash = |kind: &str| {
        format!(
            "<cybox:Properties xsi:type=\"FileObj:FileObjectType\">\n            <FileObj:Hashes>\n              <cyboxCommon:Hash>\n                \
             <cyboxCommon:Type xsi:type=\"cyboxVocabs:HashNameVocab-1.0\">{kind}</cyboxCommon:Type>\n                \
             <cyboxCommon:Simple_Hash_Value condition=\"Equals\">{value}</cyboxCommon:Simple_Hash_Value>\n              \
             </cyboxCommon:Hash>\n            </FileObj:Hashes>\n          </cybox:Properties>"
        )
    };
    let simple = |kind: &str, field: &str, attributes: &str| {
        format!(
            "<cybox:Properties xsi:type=\"{kind}\"{attributes}>\n            <{field} condition=\"Equals\">{value}</{field}>\n          \
             </cybox:Properties>"
        )
    };
    let address = "AddressObj:AddressObjectType";
    let properties = match shape {
        Shape::Address => simple(address, "AddressObj:Address_Value", " category=\"ipv4-addr\""),
        Shape::Email => simple(address, "AddressObj:Address_Value", " category=\"e-mail\""),
        Shape::Name => simple("DomainNameObj:DomainNameObjectType", "DomainNameObj:Value", " type=\"FQDN\""),
        Shape::Url => simple("URIObj:URIObjectType", "URIObj:Value", " type=\"URL\""),
        Shape::Sha256 => hash("SHA256"),
        Shape::Md5 => hash("MD5"),
        Shape::Sha1 => hash("SHA1"),
    };
    let mut random = Random::new(18, number);
    let (day, month) = (random.between(1, 28), random.between(1, 6));
    let confidence = random.pick(&["Low", "Medium", "High"]);
    let threat = random.skewed(indicators::THREATS);
    format!(
        "    <stix:Indicator id=\"example:indicator-{number:08x}\" timestamp=\"2026-{month:02}-{day:02}T08:00:00.000000+00:00\" \
         xsi:type=\"indicator:IndicatorType\" negate=\"false\" version=\"2.1.1\">\n      \
         <indicator:Title>Indicator {number}</indicator:Title>\n      \
         <indicator:Type xsi:type=\"stixVocabs:IndicatorTypeVocab-1.1\">Malware Artifacts</indicator:Type>\n      \
         <indicator:Valid_Time_Position>\n        <indicator:Start_Time precision=\"second\">2026-{month:02}-{day:02}T08:00:00Z</indicator:Start_Time>\n        \
         <indicator:End_Time precision=\"second\">2037-{month:02}-{day:02}T08:00:00Z</indicator:End_Time>\n      </indicator:Valid_Time_Position>\n      \
         <indicator:Observable id=\"example:observable-{number:08x}\">\n        <cybox:Object id=\"example:object-{number:08x}\">\n          \
         {properties}\n        </cybox:Object>\n      </indicator:Observable>\n      \
         <indicator:Indicated_TTP>\n        <stixCommon:TTP idref=\"example:ttp-{threat}\"/>\n      </indicator:Indicated_TTP>\n      \
         <indicator:Confidence timestamp=\"2026-{month:02}-{day:02}T08:00:00.000000+00:00\">\n        \
         <stixCommon:Value xsi:type=\"stixVocabs:HighMediumLowVocab-1.0\">{confidence}</stixCommon:Value>\n      </indicator:Confidence>\n    \
         </stix:Indicator>\n"
    )
}

fn course_of_action(number: u64) -> String {
    format!(
        "    <stix:Course_Of_Action id=\"example:coa-{number:08x}\" xsi:type=\"coa:CourseOfActionType\">\n      \
         <coa:Title>Course {number}</coa:Title>\n      <coa:Description>{}</coa:Description>\n    </stix:Course_Of_Action>\n",
        "Block it where it enters, and look for what it left. ".repeat(16),
    )
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stix:STIX_Package xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
    xmlns:stix=\"http://stix.mitre.org/stix-1\" xmlns:stixCommon=\"http://stix.mitre.org/common-1\" xmlns:stixVocabs=\"http://stix.mitre.org/default_vocabularies-1\" \
    xmlns:indicator=\"http://stix.mitre.org/Indicator-2\" xmlns:ttp=\"http://stix.mitre.org/TTP-1\" xmlns:coa=\"http://stix.mitre.org/CourseOfAction-1\" \
    xmlns:cybox=\"http://cybox.mitre.org/cybox-2\" xmlns:cyboxCommon=\"http://cybox.mitre.org/common-2\" xmlns:cyboxVocabs=\"http://cybox.mitre.org/default_vocabularies-2\" \
    xmlns:AddressObj=\"http://cybox.mitre.org/objects#AddressObject-2\" xmlns:DomainNameObj=\"http://cybox.mitre.org/objects#DomainNameObject-1\" \
    xmlns:FileObj=\"http://cybox.mitre.org/objects#FileObject-2\" xmlns:URIObj=\"http://cybox.mitre.org/objects#URIObject-2\" \
    xmlns:example=\"http://example.com\" id=\"example:package-1\" version=\"1.1.1\" timestamp=\"2026-06-30T08:00:00.000000+00:00\">\n\
    <stix:STIX_Header><stix:Title>Generated</stix:Title></stix:STIX_Header>\n";
