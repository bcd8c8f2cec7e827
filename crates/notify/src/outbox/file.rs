//! The file of the outbox and the thread that writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use pipeline::{Code, Trouble};
use tokio::sync::{oneshot, watch};

use super::{Entry, State};
use crate::Error;

/// Lines waiting for the disk; beyond it the callers wait.
const QUEUE: usize = 1_024;
/// After a refusal of the disk.
const AGAIN: Duration = Duration::from_millis(500);

pub(super) fn line(entry: &Entry) -> Vec<u8> {
    // Texts, numbers and lists: nothing in it that JSON cannot hold.
    let json = serde_json::to_vec(entry).unwrap_or_default();
    let mut line = format!("{:08x} ", crc32c::crc32c(&json)).into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    line
}

/// The state and how many damaged lines were skipped. A torn tail is none: it was never promised.
pub(super) fn read(path: &Path) -> Result<(State, u64), Error> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.read_to_end(&mut bytes).map_err(Error::file(path))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file(path)(error)),
    }
    let (mut state, mut skipped) = (State::default(), 0);
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        match parse(line) {
            Line::Entry(entry) => state.apply(*entry),
            Line::Damaged if lines.peek().is_some() => skipped += 1,
            Line::Damaged => {}
            Line::Newer => {
                return Err(Error::Newer {
                    path: path.to_owned(),
                });
            }
        }
    }
    Ok((state, skipped))
}

enum Line {
    Entry(Box<Entry>),
    Damaged,
    /// Whole, but not understood.
    Newer,
}

fn parse(line: &[u8]) -> Line {
    let sound = line
        .strip_suffix(b"\n")
        .and_then(|line| line.split_at_checked(9))
        .filter(|(head, json)| {
            let crc = std::str::from_utf8(&head[..8])
                .ok()
                .and_then(|hex| u32::from_str_radix(hex, 16).ok());
            crc == Some(crc32c::crc32c(json))
        });
    match sound.map(|(_, json)| serde_json::from_slice(json)) {
        Some(Ok(entry)) => Line::Entry(Box::new(entry)),
        Some(Err(_)) => Line::Newer,
        None => Line::Damaged,
    }
}

enum Order {
    Append(Vec<u8>, oneshot::Sender<()>),
    Rewrite(Vec<u8>, oneshot::Sender<()>),
}

pub(super) struct Writer {
    orders: SyncSender<Order>,
}

impl Writer {
    /// Writes the file anew with `entries` and starts the thread. Blocks.
    pub(super) fn open(
        path: &Path,
        entries: &[Entry],
    ) -> Result<(Self, watch::Receiver<Option<Trouble>>), Error> {
        let whole: Vec<u8> = entries.iter().flat_map(line).collect();
        let mut disk = Disk {
            path: path.to_owned(),
            file: None,
            good: 0,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        disk.rewrite(&whole).map_err(Error::file(path))?;
        let (orders, taken) = sync_channel(QUEUE);
        let (show, trouble) = watch::channel(None);
        thread::Builder::new()
            .name("notify-outbox".to_owned())
            .spawn(move || serve(&mut disk, &taken, &show))
            .map_err(Error::Thread)?;
        Ok((Self { orders }, trouble))
    }

    /// `told` resolves when it is on the disk. A writer that is gone drops it.
    pub(super) fn append(&self, line: Vec<u8>, told: oneshot::Sender<()>) {
        let _ = self.orders.send(Order::Append(line, told));
    }

    pub(super) fn rewrite(&self, whole: Vec<u8>, told: oneshot::Sender<()>) {
        let _ = self.orders.send(Order::Rewrite(whole, told));
    }
}

/// Ends when the last handle of the outbox is gone and everything is written, or the disk refuses then.
fn serve(disk: &mut Disk, orders: &Receiver<Order>, show: &watch::Sender<Option<Trouble>>) {
    let mut waiting = Vec::new();
    while let Ok(first) = orders.recv() {
        waiting.push(first);
        waiting.extend(orders.try_iter().take(QUEUE));
        while let Err(error) = disk.carry_out(&waiting) {
            let message = format!("writing the outbox {}: {error}", disk.path.display());
            show.send_replace(Some(Trouble::new(Code::Disk, message)));
            match orders.recv_timeout(AGAIN) {
                Ok(more) if waiting.len() < 2 * QUEUE => waiting.push(more),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if show.borrow().is_some() {
            show.send_replace(None);
        }
        for order in waiting.drain(..) {
            let (Order::Append(_, told) | Order::Rewrite(_, told)) = order;
            // Who asked may be gone.
            let _ = told.send(());
        }
    }
}

struct Disk {
    path: PathBuf,
    file: Option<File>,
    /// Length up to which everything is synced.
    good: u64,
}

impl Disk {
    /// All or nothing: after an error it is carried out again from the beginning.
    fn carry_out(&mut self, orders: &[Order]) -> io::Result<()> {
        let start = orders
            .iter()
            .rposition(|order| matches!(order, Order::Rewrite(..)));
        if let Some(at) = start
            && let Some(Order::Rewrite(whole, _)) = orders.get(at)
        {
            self.rewrite(whole)?;
        }
        let mut bytes = Vec::new();
        for order in orders.iter().skip(start.map_or(0, |at| at + 1)) {
            if let Order::Append(line, _) = order {
                bytes.extend_from_slice(line);
            }
        }
        self.append(&bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = file
            .set_len(self.good)
            .and_then(|()| file.seek(SeekFrom::Start(self.good)))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.sync_data());
        match written {
            Ok(()) => {
                self.good += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Opened again: what a failed sync has left in the cache is written once more.
                self.file = None;
                Err(error)
            }
        }
    }

    fn rewrite(&mut self, whole: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)?;
        file.write_all(whole)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = Some(file);
        self.good = whole.len() as u64;
        Ok(())
    }
}
