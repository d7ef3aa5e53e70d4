//! One guest, from start to end: boot, hand over the job, pass its output on, tell how it ended.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::machine::{Accel, CONTROL, ERR, LOG, Machine, OUT, PORTS};
use super::wire::{Heard, Listeners, Sink, hear, pump};
use super::{Job, accel};
use crate::emulator::Emulator;
use crate::kernel::Kernel;
use crate::sh::{quote, say};
use crate::{cache, checkout, image, initramfs};

/// Far above the 4 to 15 s that were measured, for a machine that is busy.
const BOOT_LIMIT: Duration = Duration::from_secs(180);
const LOG_LINES: usize = 40;

/// How the guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The command ended by itself.
    Exited(i32),
    /// The guest was up, the command did not end in time.
    Hung,
    /// The guest never said that it was ready.
    NoBoot,
    /// The guest was up and went away under the command: a kernel panic, most likely.
    Died,
}

pub(crate) struct Ran {
    pub(crate) end: End,
    /// The command's standard output, if the job asked for it.
    pub(crate) output: Vec<u8>,
}

/// Boots `kernel` and runs `job` in it. An error is the host's; whatever the guest does is an `End`.
pub(crate) fn run(kernel: Kernel, job: &Job) -> Result<Ran> {
    let accel = if job.icount { Accel::Icount } else { accel::best()? };
    run_on(kernel, job, accel, BOOT_LIMIT, true)
}

pub(crate) fn run_on(
    kernel: Kernel,
    job: &Job,
    accel: Accel,
    boot_limit: Duration,
    loud: bool,
) -> Result<Ran> {
    let emulator = Emulator::installed()?;
    let installed = kernel.installed()?;
    let image = image::unpacked(&installed)?;
    let initramfs = initramfs::for_kernel(&installed)?;
    let keep = hidden_paths(&installed.modules)?;
    let machine = Machine {
        emulator: &emulator,
        kernel: &installed,
        image: &image,
        initramfs: &initramfs,
        accel,
        memory_mib: job.memory_mib,
        terminal: job.terminal,
        verbose: job.kernel_log,
        keep: &keep,
    };
    let started = Instant::now();
    let mut guest = Guest::start(&machine, job)?;
    let end = guest.drive(job, boot_limit, |what| {
        if loud {
            let took = started.elapsed().as_secs_f64();
            say(&format!("kernel {} ({accel:?}) {what} after {took:.1} s", installed.release));
        }
    })?;
    let (output, log) = guest.finish();
    if loud {
        explain(kernel, end, job, &log)?;
    }
    Ok(Ran { end, output })
}

/// Job and modules are reached at their own paths; below /tmp and /run the guest has folders of its own.
fn hidden_paths(modules: &Path) -> Result<Vec<String>> {
    let mut paths =
        vec![checkout::root(), cache::target_dir()?, cache::folder(cache::root()?.join("peers"))?];
    paths.retain(|path| is_hidden(path));
    // Named on the kernel's command line in any case.
    paths.push(modules.to_path_buf());
    let texts: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    if let Some(text) = texts.iter().find(|text| text.contains([':', ' ', '"'])) {
        bail!("{text}: a space, colon or quote cannot go on a kernel's command line; use another folder");
    }
    let kept = if is_hidden(modules) { texts.len() } else { texts.len() - 1 };
    Ok(texts.into_iter().take(kept).collect())
}

fn is_hidden(path: &Path) -> bool {
    ["/tmp", "/run", "/dev/shm"].iter().any(|folder| path.starts_with(folder))
}

struct Guest {
    qemu: Child,
    control: UnixStream,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
    log: JoinHandle<Vec<u8>>,
}

impl Guest {
    fn start(machine: &Machine<'_>, job: &Job) -> Result<Guest> {
        let sockets = Listeners::new(&PORTS)?;
        let mut command = machine.command(&sockets);
        if !job.terminal {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        command.stderr(Stdio::piped());
        let mut qemu = command.spawn().context("cannot start setpriv (package util-linux)")?;
        let mut streams = match sockets.accept(&mut qemu) {
            Ok(streams) => streams,
            Err(error) => {
                let _ = qemu.kill();
                let output = qemu.wait_with_output()?;
                bail!("{error}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
            }
        };
        let mut port = |name| streams.remove(name).context("a port is missing");
        let out_sink = if job.silent { Sink::Nowhere } else { Sink::Stdout };
        let log_sink = if job.kernel_log { Sink::Stderr } else { Sink::Nowhere };
        Ok(Guest {
            qemu,
            control: port(CONTROL)?,
            out: pump(port(OUT)?, out_sink, job.name.clone(), job.keep_output),
            err: pump(port(ERR)?, Sink::Stderr, job.name.clone(), false),
            log: pump(port(LOG)?, log_sink, job.name.clone(), true),
        })
    }

    fn drive(&mut self, job: &Job, boot_limit: Duration, note: impl Fn(&str)) -> Result<End> {
        match hear(&mut self.control, Some(boot_limit))? {
            Heard::Line(line) if line == "ready" => note("ready"),
            Heard::Line(_) | Heard::Silence | Heard::Closed => return Ok(End::NoBoot),
        }
        let script = script(job);
        if self.control.write_all(script.as_bytes()).is_err() {
            return Ok(End::Died);
        }
        let end = match hear(&mut self.control, job.timeout)? {
            Heard::Line(line) => line.strip_prefix("exit ").and_then(|status| status.parse().ok()),
            Heard::Silence => return Ok(End::Hung),
            Heard::Closed => None,
        };
        Ok(end.map_or(End::Died, End::Exited))
    }

    /// Ends QEMU. The guest has seen its last byte of output taken before it told the exit status, so ending
    /// the machine here cuts nothing off: the pumps read to the end of their sockets.
    fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let joined = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        joined(self.err);
        (joined(self.out), joined(self.log))
    }
}

/// The job as a script for the guest's /bin/sh, with an environment of its own.
fn script(job: &Job) -> String {
    let machine_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let path = format!("{}:{machine_path}", checkout::bin_dir().display());
    let mut lines = Vec::new();
    if job.terminal {
        lines.push("# terminal".to_owned());
        lines.push(terminal_size());
    }
    let set = |key: &str, value: &str| format!("export {key}={}", quote(value));
    lines.push(set("PATH", &path));
    lines.push(set("HOME", "/root"));
    lines.push(set("USER", "root"));
    for (key, value) in std::env::vars() {
        if ["TERM", "LANG", "RUST_LOG", "RUST_BACKTRACE"].contains(&key.as_str()) || key.starts_with("GUARD_")
        {
            lines.push(set(&key, &value));
        }
    }
    lines.push(format!("cd {} || exit 126", quote(&checkout::root().to_string_lossy())));
    let words: Vec<String> = job.command.iter().map(|word| quote(word)).collect();
    lines.push(format!("exec {}", words.join(" ")));
    lines.push("end of the job\n".to_owned());
    lines.join("\n")
}

fn terminal_size() -> String {
    let size = std::process::Command::new("stty").arg("size").stdin(Stdio::inherit()).output();
    let text = size.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [rows, columns] => format!("stty rows {rows} cols {columns}"),
        _ => ":".to_owned(),
    }
}

/// Says what went wrong with the guest itself, and keeps the kernel's log for a closer look.
fn explain(kernel: Kernel, end: End, job: &Job, log: &[u8]) -> Result<()> {
    let reason = match end {
        End::Exited(_) => return Ok(()),
        End::Hung => {
            let limit = job.timeout.unwrap_or_default().as_secs();
            format!(
                "the command did not end within {limit} s; the guest was ended (--timeout sets the limit)"
            )
        }
        End::NoBoot => "the guest did not boot".to_owned(),
        End::Died => "the guest ended while the command ran".to_owned(),
    };
    let folder = cache::folder(cache::root()?.join("log"))?;
    let name = if job.name.is_empty() { kernel.name().to_owned() } else { job.name.replace(' ', "-") };
    let path = folder.join(format!("vm-{name}.log"));
    cache::write_atomic(&path, log)?;
    say(&format!("kernel {}: {reason}; its log, whole in {}, ends:", kernel.name(), path.display()));
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
        eprintln!("  | {}", line.trim_end());
    }
    Ok(())
}
