//! Zeek-like JSON: 40 % conn, 22 % dns, 12 % ssl, 12 % http, 6 % files, 6 % of other logs, and 2 % Suricata EVE
//! alerts; about 495 bytes an event.

use std::io::{self, Write};

use crate::generator::indicators::{self, Shape};
use crate::generator::names::{self, Clock, Uid};
use crate::generator::random::Random;
use crate::generator::{Planted, Source};

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Zeek {
    random: Random,
    clock: Clock,
    planted: Planted,
    /// Events of http only, with this as the key of the host.
    http_only: Option<&'static str>,
}

impl Zeek {
    /// A stream with hits as given.
    pub(crate) fn new(planted: Planted) -> Zeek {
        Zeek { random: Random::new(20, 0), clock: Clock::default(), planted, http_only: None }
    }

    /// A stream of http events only, whose hits are URLs of [`indicators::write_list`] cut in two fields; the host
    /// stands under this key.
    pub(crate) fn http_only(planted: Planted, host: &'static str) -> Zeek {
        Zeek { http_only: Some(host), ..Zeek::new(planted) }
    }

    fn listed(&mut self, shape: Shape) -> String {
        indicators::one(&mut self.random, self.planted.indicators, shape)
    }

    /// `_path`, both times, connection id, and the four that every log of connections starts with.
    fn head(&mut self, log: &str, responder: &str, port: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let random = &mut self.random;
        let written = self.clock.tick(random);
        write!(
            out,
            "{{\"_path\":\"{log}\",\"_write_ts\":\"{written}\",\"ts\":\"{}\",\"uid\":\"{}\",\
             \"id.orig_h\":\"{}\",\"id.orig_p\":{},\"id.resp_h\":\"{responder}\",\"id.resp_p\":{port}",
            written.before(random),
            Uid::new(random, b'C'),
            names::inside(random),
            random.between(1024, 65_535),
        )
    }

    fn conn(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let responder = if hit {
            self.listed(Shape::Address)
        } else if self.random.chance(0.02) {
            names::outside6(&mut self.random).to_string()
        } else {
            names::either(&mut self.random).to_string()
        };
        let port = self.random.pick(&[53, 80, 443, 443, 22, 3389, 445, 8080, 123]);
        self.head("conn", &responder, port, out)?;
        let random = &mut self.random;
        let [sent, received] = [random.below(200_000), random.below(900_000)];
        let [packets_out, packets_in] = [random.between(1, 900), random.below(900)];
        write!(
            out,
            ",\"proto\":\"{}\",\"service\":\"{}\",\"duration\":{:.6},\"orig_bytes\":{sent},\
             \"resp_bytes\":{received},\"conn_state\":\"{}\",\"local_orig\":true,\"local_resp\":{},\
             \"missed_bytes\":0,\"history\":\"{}\",\"orig_pkts\":{packets_out},\"orig_ip_bytes\":{},\
             \"resp_pkts\":{packets_in},\"resp_ip_bytes\":{},\"tunnel_parents\":[]}}",
            random.pick(&["tcp", "tcp", "udp"]),
            random.pick(&["ssl", "http", "dns", "ssh", "smb", "ntp"]),
            random.unit() * 60.0,
            random.pick(&["SF", "SF", "S0", "RSTO", "REJ"]),
            random.chance(0.4),
            random.pick(&["ShADadFf", "Dd", "S", "ShADadfFr", "ShR"]),
            sent + packets_out * 40,
            received + packets_in * 40,
        )
    }

    fn dns(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let query = if hit {
            let parent = self.listed(Shape::Name);
            if self.random.chance(0.5) { format!("www.{parent}") } else { parent }
        } else {
            names::harmless(&mut self.random)
        };
        let server = names::inside(&mut self.random).to_string();
        self.head("dns", &server, 53, out)?;
        let random = &mut self.random;
        let six = random.chance(0.2);
        write!(
            out,
            ",\"proto\":\"udp\",\"trans_id\":{},\"rtt\":{:.16},\"query\":\"{query}\",\"qclass\":1,\
             \"qclass_name\":\"C_INTERNET\",\"qtype\":{},\"qtype_name\":\"{}\",\"rcode\":0,\
             \"rcode_name\":\"NOERROR\",\"AA\":false,\"TC\":false,\"RD\":true,\"RA\":true,\"Z\":0",
            random.below(65_536),
            random.unit() / 50.0,
            if six { 28 } else { 1 },
            if six { "AAAA" } else { "A" },
        )?;
        if random.chance(0.6) {
            let [first, second] = [random.below(300), random.below(86_400)];
            let address =
                if six { names::outside6(random).to_string() } else { names::outside(random).to_string() };
            if random.chance(0.5) {
                let alias = names::harmless(random);
                write!(out, ",\"answers\":[\"{alias}\",\"{address}\"],\"TTLs\":[{first}.0,{second}.0]")?;
            } else {
                write!(out, ",\"answers\":[\"{address}\"],\"TTLs\":[{first}.0]")?;
            }
        }
        out.write_all(b",\"rejected\":false}")
    }

    fn ssl(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let name = if hit {
            Some(self.listed(Shape::Name))
        } else {
            self.random.chance(0.6).then(|| names::harmless(&mut self.random))
        };
        let server = names::either(&mut self.random).to_string();
        self.head("ssl", &server, 443, out)?;
        let random = &mut self.random;
        let resumed = random.chance(0.6);
        write!(
            out,
            ",\"version\":\"TLSv12\",\"cipher\":\"TLS_ECDHE_RSA_WITH_AES_{}_GCM_SHA256\",\
             \"curve\":\"secp256r1\"",
            random.pick(&[128, 256]),
        )?;
        if let Some(name) = name {
            write!(out, ",\"server_name\":\"{name}\"")?;
        }
        write!(out, ",\"resumed\":{resumed},\"established\":true,\"ssl_history\":\"CsxknGIi\"")?;
        if !resumed {
            let [leaf, issuer] = [names::harmless_digest(random, 64), names::harmless_digest(random, 64)];
            write!(
                out,
                ",\"cert_chain_fps\":[\"{leaf}\",\"{issuer}\"],\"client_cert_chain_fps\":[],\
                 \"validation_status\":\"ok\"",
            )?;
        }
        out.write_all(b"}")
    }

    fn http(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let mut host = names::harmless(&mut self.random);
        let mut referrer = format!("http://{}/", names::harmless(&mut self.random));
        names::label(&mut self.random, &mut referrer);
        let mut path = None;
        if hit && self.http_only.is_some() {
            let url = self.listed(Shape::Url);
            let (_, rest) = url.split_once("://").unwrap_or_default();
            let (listed, rest) = rest.split_once('/').unwrap_or_default();
            (host, path) = (listed.to_owned(), Some(format!("/{rest}")));
        } else if hit && self.random.chance(0.5) {
            referrer = self.listed(Shape::Url);
        } else if hit {
            host = self.listed(Shape::Name);
        }
        let server = names::either(&mut self.random).to_string();
        self.head("http", &server, 80, out)?;
        let random = &mut self.random;
        let mut uri = String::from("/");
        names::label(random, &mut uri);
        uri.push('/');
        names::label(random, &mut uri);
        uri.push_str(".php");
        let uri = path.unwrap_or(uri);
        let key = self.http_only.unwrap_or("host");
        write!(
            out,
            ",\"trans_depth\":1,\"method\":\"{}\",\"{key}\":\"{host}\",\"uri\":\"{uri}?id={}&q={}\",\
             \"referrer\":\"{referrer}\",\"version\":\"1.1\",\"user_agent\":\"{}\",\
             \"request_body_len\":0,\"response_body_len\":{},\"status_code\":200,\"status_msg\":\"OK\",\
             \"tags\":[],\"resp_fuids\":[\"{}\"],\"resp_mime_types\":[\"text/html\"]}}",
            random.pick(&["GET", "GET", "POST"]),
            random.below(100_000),
            names::harmless_digest(random, 12),
            random.pick(&AGENTS),
            random.below(90_000),
            Uid::new(random, b'F'),
        )
    }

    fn files(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let sha256 =
            if hit { self.listed(Shape::Sha256) } else { names::harmless_digest(&mut self.random, 64) };
        let random = &mut self.random;
        let written = self.clock.tick(random);
        let size = random.below(90_000);
        write!(
            out,
            "{{\"_path\":\"files\",\"_write_ts\":\"{written}\",\"ts\":\"{}\",\"fuid\":\"{}\",\
             \"tx_hosts\":[\"{}\"],\"rx_hosts\":[\"{}\"],\"conn_uids\":[\"{}\"],\"source\":\"HTTP\",\
             \"depth\":0,\"analyzers\":[\"MD5\",\"SHA1\",\"SHA256\"],\"mime_type\":\"{}\",\
             \"duration\":{:.6},\"local_orig\":false,\"is_orig\":false,\"seen_bytes\":{size},\
             \"total_bytes\":{size},\"missing_bytes\":0,\"overflow_bytes\":0,\"timedout\":false,\
             \"md5\":\"{}\",\"sha1\":\"{}\",\"sha256\":\"{sha256}\"}}",
            written.before(random),
            Uid::new(random, b'F'),
            names::either(random),
            names::inside(random),
            Uid::new(random, b'C'),
            random.pick(&["application\\/x-dosexec", "application\\/pdf", "text/plain"]),
            random.unit(),
            names::harmless_digest(random, 32),
            names::harmless_digest(random, 40),
        )
    }

    fn other(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let peer =
            if hit { self.listed(Shape::Address) } else { names::either(&mut self.random).to_string() };
        match self.random.below(100) {
            0..70 => self.weird(&peer, out),
            70..82 => self.rdp(&peer, out),
            82..89 => self.syslog(&peer, out),
            89..95 => self.smtp(&peer, out),
            _ => self.x509(hit.then_some(&peer), out),
        }
    }

    fn weird(&mut self, peer: &str, out: &mut Vec<u8>) -> io::Result<()> {
        self.head("weird", peer, 80, out)?;
        let name = self.random.pick(&[
            "TCP_ack_underflow_or_misorder",
            "above_hole_data_without_any_acks",
            "bad_HTTP_request",
            "line_terminated_with_single_CR",
        ]);
        write!(out, ",\"name\":\"{name}\",\"notice\":false,\"peer\":\"zeek\",\"source\":\"TCP\"}}")
    }

    fn rdp(&mut self, peer: &str, out: &mut Vec<u8>) -> io::Result<()> {
        self.head("rdp", peer, 3389, out)?;
        out.write_all(b",\"result\":\"encrypted\",\"security_protocol\":\"HYBRID\",\"cert_count\":0}")
    }

    fn syslog(&mut self, peer: &str, out: &mut Vec<u8>) -> io::Result<()> {
        let server = names::inside(&mut self.random).to_string();
        self.head("syslog", &server, 514, out)?;
        let random = &mut self.random;
        let mut machine = String::new();
        names::label(random, &mut machine);
        let written = self.clock;
        let logon = random.below(1 << 26);
        write!(
            out,
            ",\"proto\":\"udp\",\"facility\":\"LOCAL0\",\"severity\":\"NOTICE\",\"message\":\"1 {written} \
             {machine}.corp.example EvntSLog - - - An account was successfully logged on. Subject: \
             Security ID: S-1-0-0 Account Name: - Logon ID: 0x0 Logon Type: 3 New Logon: Security ID: \
             S-1-5-21-1311969832-1707640848-2310541705-1104 Account Name: {machine}$ Account Domain: \
             CORP Logon ID: 0x{logon:x} Process Information: \
             {{\\\"sourceproc\\\": \\\"Security\\\", \\\"user\\\": \\\"CORP\\\\\\\\{machine}\\\"}} Network \
             Information: Source Network Address: {peer} Source Port: {} Logon Process: Kerberos\"}}",
            random.between(1024, 65_535),
        )
    }

    fn smtp(&mut self, peer: &str, out: &mut Vec<u8>) -> io::Result<()> {
        self.head("smtp", peer, 587, out)?;
        let random = &mut self.random;
        let sender = names::harmless(random);
        write!(
            out,
            ",\"trans_depth\":1,\"helo\":\"{}\",\"mailfrom\":\"post@{sender}\",\
             \"last_reply\":\"220 2.0.0 SMTP server ready\",\"path\":[\"{peer}\",\"{}\"],\"tls\":true,\
             \"fuids\":[],\"is_webmail\":false}}",
            names::inside(random),
            names::inside(random),
        )
    }

    fn x509(&mut self, peer: Option<&String>, out: &mut Vec<u8>) -> io::Result<()> {
        let random = &mut self.random;
        let written = self.clock.tick(random);
        let name = names::harmless(random);
        let serial = names::harmless_digest(random, 24);
        write!(
            out,
            "{{\"_path\":\"x509\",\"_write_ts\":\"{written}\",\"ts\":\"{written}\",\"fingerprint\":\"{}\",\
             \"certificate.version\":3,\"certificate.serial\":\"{serial}\",\
             \"certificate.subject\":\"CN=*.{name},O=Example\\\\, Inc,L=Palo Alto,ST=California,C=US\",\
             \"certificate.issuer\":\"CN=Example Extended Validation CA,O=Example CA Limited,C=GB\",\
             \"certificate.not_valid_before\":\"2025-09-07T00:00:00.000000Z\",\
             \"certificate.not_valid_after\":\"2027-05-06T12:00:00.000000Z\",\
             \"certificate.key_alg\":\"rsaEncryption\",\"certificate.sig_alg\":\"sha256WithRSAEncryption\",\
             \"certificate.key_type\":\"rsa\",\"certificate.key_length\":2048,\
             \"certificate.exponent\":\"65537\",\"san.dns\":[\"*.{name}\",\"{name}\"]",
            names::harmless_digest(random, 64),
        )?;
        if let Some(peer) = peer {
            write!(out, ",\"san.ip\":[\"{peer}\"]")?;
        }
        out.write_all(b",\"basic_constraints.ca\":false,\"host_cert\":true,\"client_cert\":false}")
    }

    fn eve(&mut self, hit: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let source =
            if hit { self.listed(Shape::Address) } else { names::outside(&mut self.random).to_string() };
        let random = &mut self.random;
        let now = self.clock.tick(random);
        let [signature, text] = random.pick(&SIGNATURES);
        write!(
            out,
            "{{\"timestamp\":\"{now}\",\"flow_id\":{},\"pcap_cnt\":{},\"event_type\":\"alert\",\
             \"src_ip\":\"{source}\",\"src_port\":{},\"dest_ip\":\"{}\",\"dest_port\":80,\
             \"proto\":\"TCP\",\"tx_id\":0,\"alert\":{{\"action\":\"allowed\",\"gid\":1,\
             \"signature_id\":{signature},\"rev\":5,\"signature\":\"{text}\",\
             \"category\":\"Attempted Information Leak\",\"severity\":2}},\"http\":{{\"hostname\":\"{}\",\
             \"url\":\"/rom-{}\",\"http_user_agent\":\"{}\",\"http_content_type\":\"text{}html\",\
             \"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":404,\"length\":203}},\
             \"app_proto\":\"http\",\"flow\":{{\"pkts_toserver\":4,\"pkts_toclient\":4,\
             \"bytes_toserver\":{},\"bytes_toclient\":{},\"start\":\"{}\"}}}}",
            random.next() >> 12,
            random.below(1_000_000),
            random.between(1024, 65_535),
            names::inside(random),
            names::harmless(random),
            random.below(100),
            random.pick(&AGENTS),
            if random.chance(0.05) { "\\/" } else { "/" },
            random.below(9000),
            random.below(9000),
            now.before(random),
        )
    }
}

impl Source for Zeek {
    fn event(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let kind = if self.http_only.is_some() { HTTP } else { self.random.below(100) };
        let hit = self.random.chance(self.planted.rate);
        match kind {
            0..40 => self.conn(hit, out),
            40..62 => self.dns(hit, out),
            62..HTTP => self.ssl(hit, out),
            HTTP..86 => self.http(hit, out),
            86..92 => self.files(hit, out),
            92..98 => self.other(hit, out),
            _ => self.eve(hit, out),
        }?;
        Ok(hit)
    }
}

/// Of a hundred, the first number that is an http event.
const HTTP: u64 = 74;

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "curl/8.5.0",
    "Microsoft-CryptoAPI/10.0",
    "Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.0",
    "Debian APT-HTTP/1.3 (2.6.1)",
];

const SIGNATURES: [[&str; 2]; 4] = [
    ["2002910", "ET SCAN Potential VNC Scan 5800-5820"],
    ["2001219", "ET SCAN Potential SSH Scan"],
    ["2100498", "GPL ATTACK_RESPONSE id check returned root"],
    ["2221014", "SURICATA HTTP missing Host header"],
];
