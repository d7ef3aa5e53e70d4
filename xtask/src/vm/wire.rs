//! The lines between host and guest: one unix socket per virtio-serial port, in a folder that is gone as soon
//! as QEMU has connected. Output is passed on byte by byte; nothing is interpreted but the control lines.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail};

const POLL: Duration = Duration::from_millis(5);
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// Sockets that wait for QEMU; the folder goes with the value.
pub(crate) struct Listeners {
    folder: PathBuf,
    waiting: Vec<(&'static str, UnixListener)>,
}

impl Listeners {
    pub(crate) fn new(names: &[&'static str]) -> Result<Listeners> {
        // A socket's path is limited to 107 bytes: the cache folder's may be too long.
        static GUESTS: AtomicU32 = AtomicU32::new(0);
        let (process, guest) = (std::process::id(), GUESTS.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("guard-vm-{process}-{guest}"));
        if folder.is_dir() {
            fs::remove_dir_all(&folder)?; // of a killed process that had this number before
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let mut listeners = Listeners { folder, waiting: Vec::new() };
        for name in names {
            let listener = UnixListener::bind(listeners.path(name))?;
            listener.set_nonblocking(true)?;
            listeners.waiting.push((name, listener));
        }
        Ok(listeners)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Waits until QEMU has connected to every socket. A QEMU that ends before is the caller's to explain.
    pub(crate) fn accept(self, qemu: &mut Child) -> Result<HashMap<&'static str, UnixStream>> {
        let deadline = Instant::now() + CONNECT_LIMIT;
        let mut streams = HashMap::new();
        for (name, listener) in &self.waiting {
            let stream = loop {
                match listener.accept() {
                    Ok((stream, _)) => break stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error).context("cannot accept QEMU's connection"),
                }
                if qemu.try_wait()?.is_some() || Instant::now() > deadline {
                    bail!("QEMU did not start");
                }
                thread::sleep(POLL);
            };
            stream.set_nonblocking(false)?;
            streams.insert(*name, stream);
        }
        Ok(streams)
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // Nothing else can be done about a folder that cannot be removed.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where a port's bytes go, beside being kept.
pub(crate) enum Sink {
    Stdout,
    Stderr,
    Nowhere,
}

/// Passes a port's bytes on until its end, in a thread of its own; what it returns is what it kept.
/// `name`, if any, is put before each line: one of several guests speaks.
pub(crate) fn pump(mut from: UnixStream, sink: Sink, name: String, keep: bool) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut shown = Shown { sink, name, line: Vec::new() };
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => return kept,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return kept, // QEMU was ended: what came before is whole
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            shown.take(bytes);
            if keep {
                kept.extend_from_slice(bytes);
            }
        }
    })
}

/// Bytes on their way to where they are seen.
struct Shown {
    sink: Sink,
    name: String,
    /// The begin of a line, where lines are named.
    line: Vec<u8>,
}

impl Shown {
    fn take(&mut self, bytes: &[u8]) {
        if self.name.is_empty() {
            return self.sink.write(bytes);
        }
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            let line = std::mem::replace(&mut self.line, rest);
            // In one piece: others write between.
            self.sink.write(&[self.name.as_bytes(), b": ", &line].concat());
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.take(b"\n");
        }
    }
}

impl Sink {
    /// A reader who has gone away must not stop the guest: what cannot be shown is dropped.
    fn write(&self, bytes: &[u8]) {
        let _ = match self {
            Sink::Stdout => write_flushed(&mut std::io::stdout().lock(), bytes),
            Sink::Stderr => write_flushed(&mut std::io::stderr().lock(), bytes),
            Sink::Nowhere => Ok(()),
        };
    }
}

fn write_flushed(to: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// What the control port said within the limit.
pub(crate) enum Heard {
    Line(String),
    Silence,
    Closed,
}

/// Reads one line; the guest writes little here, so a byte at a time will do.
pub(crate) fn hear(control: &mut UnixStream, limit: Option<Duration>) -> Result<Heard> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let mut line = Vec::new();
    let mut byte = [0; 1];
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Heard::Silence);
        }
        control.set_read_timeout(left)?;
        match control.read(&mut byte) {
            Ok(0) => return Ok(Heard::Closed),
            Ok(_) if byte == *b"\n" => return Ok(Heard::Line(String::from_utf8_lossy(&line).into_owned())),
            Ok(_) => line.extend_from_slice(&byte),
            Err(error) if is_timeout(&error) => return Ok(Heard::Silence),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Heard::Closed),
            Err(error) => return Err(error).context("cannot read the guest's control port"),
        }
    }
}

/// Which of the two a socket reports is left open by `set_read_timeout`.
fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
