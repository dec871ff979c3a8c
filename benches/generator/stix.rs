//! The mixed list once more, as one STIX 2.1 bundle: ids, validity, confidence, names of malware.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::random::Random;

/// Writes a bundle: [`indicators::THREATS`] malware objects, then each indicator with the relationship to its
/// malware: twice as many objects as indicators, and the malware.
pub(crate) fn write_bundle(count: u64, to: &mut dyn Write) -> io::Result<()> {
    write_padded_bundle(count, 0, to)
}

/// The same with observed data, which say nothing about indicators, until this many bytes are added.
pub(crate) fn write_padded_bundle(count: u64, bytes: u64, to: &mut dyn Write) -> io::Result<()> {
    write!(to, "{{\"type\":\"bundle\",\"id\":\"bundle--{}\",\"objects\":[", uuid(12, 0))?;
    for number in 0..indicators::THREATS {
        let comma = if number == 0 { "" } else { "," };
        write!(
            to,
            "{comma}\n{{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--{}\",\
             \"created\":\"2026-01-05T08:00:00.000Z\",\"modified\":\"2026-01-05T08:00:00.000Z\",\
             \"name\":\"{}\",\"is_family\":true,\"malware_types\":[\"trojan\"]}}",
            uuid(13, number),
            indicators::threat(number),
        )?;
    }
    for number in 0..count {
        indicator(number, to)?;
        relationship(number, to)?;
    }
    let mut written = 0;
    for number in 0.. {
        if written >= bytes {
            break;
        }
        let text = observed(number);
        written += text.len() as u64;
        to.write_all(text.as_bytes())?;
    }
    writeln!(to, "\n]}}")?;
    to.flush()
}

fn indicator(number: u64, to: &mut dyn Write) -> io::Result<()> {
    let (shape, value) = indicators::mixed(number);
    let path = match shape {
        Shape::Address => "ipv4-addr:value",
        Shape::Name => "domain-name:value",
        Shape::Url => "url:value",
        Shape::Sha256 => "file:hashes.'SHA-256'",
        Shape::Md5 => "file:hashes.MD5",
        Shape::Sha1 => "file:hashes.'SHA-1'",
        Shape::Email => "email-addr:value",
    };
    let mut random = Random::new(14, number);
    let day = random.between(1, 28);
    let month = random.between(1, 6);
    let confidence = random.pick(&[30, 50, 60, 75, 85, 95u64]);
    write!(
        to,
        ",\n{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--{}\",\
         \"created\":\"2026-{month:02}-{day:02}T08:{:02}:{:02}.000Z\",\
         \"modified\":\"2026-{month:02}-{day:02}T09:{:02}:{:02}.000Z\",\
         \"pattern\":\"[{path} = '{value}']\",\"pattern_type\":\"stix\",\
         \"indicator_types\":[\"malicious-activity\"],\"confidence\":{confidence},\
         \"valid_from\":\"2026-{month:02}-{day:02}T08:00:00Z\"",
        uuid(15, number),
        random.below(60),
        random.below(60),
        random.below(60),
        random.below(60),
    )?;
    if random.chance(0.8) {
        write!(to, ",\"valid_until\":\"{}-{month:02}-{day:02}T08:00:00Z\"", random.between(2036, 2038))?;
    }
    to.write_all(b"}")
}

fn relationship(number: u64, to: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::new(16, number);
    let threat = random.skewed(indicators::THREATS);
    write!(
        to,
        ",\n{{\"type\":\"relationship\",\"spec_version\":\"2.1\",\"id\":\"relationship--{}\",\
         \"created\":\"2026-06-30T08:00:00.000Z\",\"modified\":\"2026-06-30T08:00:00.000Z\",\
         \"relationship_type\":\"indicates\",\"source_ref\":\"indicator--{}\",\
         \"target_ref\":\"malware--{}\"}}",
        uuid(17, number),
        uuid(15, number),
        uuid(13, threat),
    )
}

fn observed(number: u64) -> String {
    let (_, value) = indicators::mixed(number);
    format!(
        ",\n{{\"type\":\"observed-data\",\"spec_version\":\"2.1\",\"id\":\"observed-data--{}\",\
         \"created\":\"2026-06-30T08:00:00.000Z\",\"modified\":\"2026-06-30T08:00:00.000Z\",\
         \"first_observed\":\"2026-06-30T08:00:00Z\",\"last_observed\":\"2026-06-30T08:00:00Z\",\"number_observed\":1,\
         \"objects\":{{\"0\":{{\"type\":\"url\",\"value\":\"{value}\"}},\"1\":{{\"type\":\"artifact\",\"payload_bin\":\"{}\"}}}}}}",
        uuid(19, number),
        "QmxvY2sgaXQgd2hlcmUgaXQgZW50ZXJz".repeat(24),
    )
}

/// A version 4 UUID.
fn uuid(purpose: u64, number: u64) -> String {
    let mut random = Random::new(purpose, number);
    let bits = u128::from(random.next()) << 64 | u128::from(random.next());
    let bits = bits & !(0xf << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let digits = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (i, digit) in digits.chars().enumerate() {
        if matches!(i, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}
