//! Compressed event streams, decoded on a thread of their own.
//!
//! Is: the thread, and the blocks that it hands over.
//! Is not: a knower of compressions (`codec`); a feed reader (`intake`).
//! Invariants: what was decoded before a fault is delivered before the fault is; at most [`QUEUE`] blocks wait,
//! so memory is bounded whatever the ratio of compression. Fails: with `UnexpectedEof` for a cut stream and
//! `InvalidData` for a broken one. Costs: one copy of the decoded bytes.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::codec::Codec;
use crate::stage::input::{Buffer, Signals};

/// Decoded bytes in one message at most.
const BLOCK: usize = 256 << 10;
/// Messages that wait at most.
const QUEUE: usize = 4;

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
    source: BufReader<impl Read>,
    sender: &SyncSender<Message>,
    returned: &Receiver<Vec<u8>>,
) -> Message {
    let mut reader = match codec.reader(source) {
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
