//! Compressed event streams, decoded on a thread of their own.
//!
//! Is: gzip with several members, zstd with several frames, bzip2, xz; recognised by their first bytes.
//! Is not: an archive reader; a feed reader (`intake`).
//! Invariants: what was decoded before a fault is delivered before the fault is; at most [`QUEUE`] blocks wait,
//! so memory is bounded whatever the ratio of compression. Fails: with `UnexpectedEof` for a cut stream and
//! `InvalidData` for a broken one. Costs: one copy of the decoded bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::stage::input::{Buffer, Signals};

/// Decoded bytes in one message at most.
const BLOCK: usize = 256 << 10;
/// Messages that wait at most.
const QUEUE: usize = 4;
/// Memory that an xz stream may ask for: what `xz -9` needs, and some.
const XZ_MEMORY: u64 = 256 << 20;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Not at all.
    None,
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Bzip2.
    Bzip2,
    /// Xz.
    Xz,
}

impl Codec {
    /// Reads the first bytes of a stream; `None` when more are needed.
    pub(crate) fn sniff(head: &[u8]) -> Option<Codec> {
        // A pattern byte of `None` stands for "checked below".
        const MAGIC: [(Codec, &[Option<u8>]); 6] = [
            (Codec::Gzip, &[Some(0x1f), Some(0x8b), Some(8)]),
            (Codec::Zstd, &[Some(0x28), Some(0xb5), Some(0x2f), Some(0xfd)]),
            (Codec::Zstd, &[None, Some(0x2a), Some(0x4d), Some(0x18)]), // skippable frame 0x184D2A5?
            (
                Codec::Bzip2,
                &[
                    Some(b'B'),
                    Some(b'Z'),
                    Some(b'h'),
                    None,
                    Some(0x31),
                    Some(0x41),
                    Some(0x59),
                    Some(0x26),
                    Some(0x53),
                    Some(0x59),
                ],
            ),
            (
                Codec::Bzip2,
                &[
                    Some(b'B'),
                    Some(b'Z'),
                    Some(b'h'),
                    None,
                    Some(0x17),
                    Some(0x72),
                    Some(0x45),
                    Some(0x38),
                    Some(0x50),
                    Some(0x90),
                ],
            ),
            (Codec::Xz, &[Some(0xfd), Some(b'7'), Some(b'z'), Some(b'X'), Some(b'Z'), Some(0)]),
        ];
        let mut undecided = false;
        for (codec, magic) in MAGIC {
            let fits = head.iter().zip(magic).all(|(&byte, pattern)| match pattern {
                Some(expected) => byte == *expected,
                None if codec == Codec::Zstd => byte & 0xf0 == 0x50,
                None => byte.is_ascii_digit() && byte != b'0',
            });
            if fits && head.len() >= magic.len() {
                return Some(codec);
            }
            undecided |= fits;
        }
        (!undecided).then_some(Codec::None)
    }
}

/// What the decoding thread sends.
enum Message {
    Bytes(Vec<u8>),
    Fault(io::Error),
    End,
}

/// The receiving side of a decoding thread.
#[derive(Debug)]
pub(crate) struct Decoder {
    messages: Receiver<Message>,
    spent: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Decoder {
    /// Starts the thread. `head` are the bytes already read from `file`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        codec: Codec,
        head: Vec<u8>,
        file: File,
        signals: Arc<Signals>,
    ) -> io::Result<Decoder> {
        let (sender, messages) = sync_channel(QUEUE);
        let (spent, returned) = sync_channel(QUEUE + 2);
        let source = Cursor::new(head).chain(Counted { file, signals });
        std::thread::Builder::new().name(String::from("decode")).spawn(move || {
            let end = decode(codec, BufReader::with_capacity(BLOCK, source), &sender, &returned);
            // Nobody listens any more when the run has ended early.
            sender.send(end).ok();
        })?;
        Ok(Decoder { messages, spent, block: Vec::new(), at: 0, ended: false })
    }

    /// As `Input::read`.
    pub(crate) fn read(&mut self, into: &mut Buffer, max: usize, signals: &Signals) -> io::Result<usize> {
        while self.at == self.block.len() {
            if self.ended || signals.is_stopped() {
                return Ok(0);
            }
            self.spent.try_send(std::mem::take(&mut self.block)).ok();
            self.at = 0;
            match self.messages.recv_timeout(Duration::from_millis(100)) {
                Ok(Message::Bytes(block)) => self.block = block,
                Ok(Message::Fault(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                Ok(Message::End) => self.ended = true,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.ended = true;
                    return Err(io::Error::other("the decoder broke down"));
                }
            }
        }
        let piece = self.block.get(self.at..self.block.len().min(self.at + max)).unwrap_or_default();
        into.append(piece);
        self.at += piece.len();
        Ok(piece.len())
    }
}

/// A file that counts what is taken from it.
struct Counted {
    file: File,
    signals: Arc<Signals>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.signals.take(n);
        Ok(n)
    }
}

/// Decodes to the end, a fault, or until nobody listens.
fn decode(
    codec: Codec,
    source: impl BufRead + Send,
    sender: &SyncSender<Message>,
    returned: &Receiver<Vec<u8>>,
) -> Message {
    let mut reader = match reader(codec, source) {
        Ok(reader) => reader,
        Err(error) => return Message::Fault(error),
    };
    loop {
        let mut block = returned.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        match reader.read(&mut block) {
            Ok(0) => return Message::End,
            Ok(n) => {
                block.truncate(n);
                if sender.send(Message::Bytes(block)).is_err() {
                    return Message::End;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Message::Fault(error),
        }
    }
}

/// A reader of decoded bytes.
fn reader<'a>(codec: Codec, source: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match codec {
        Codec::None => Box::new(source),
        Codec::Gzip => Box::new(Members { member: Some(flate2::bufread::GzDecoder::new(source)) }),
        Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        Codec::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        Codec::Xz => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream))
        }
    })
}

/// Gzip members one after the other; zero bytes between and behind them are padding, as on tapes.
struct Members<R> {
    member: Option<flate2::bufread::GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let n = member.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            let Some(done) = self.member.take() else {
                return Ok(0);
            };
            let mut source = done.into_inner();
            match skip_zeros(&mut source)? {
                None => return Ok(0),
                Some(0x1f) => self.member = Some(flate2::bufread::GzDecoder::new(source)),
                Some(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "garbage behind the gzip data"));
                }
            }
        }
    }
}

/// Passes over zero bytes; gives the next other byte without taking it.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let available = match source.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(&last) = available.last() else {
            return Ok(None);
        };
        let zeros = available.iter().take_while(|&&byte| byte == 0).count();
        let next = available.get(zeros).copied();
        source.consume(zeros);
        if next.is_some() || last != 0 {
            return Ok(next);
        }
    }
}
