//! Other enforcers, with the same rules: loaded when they are measured, gone afterwards. And a program on one hook
//! that does nothing: the least that any of guard's can cost.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aya::programs::Lsm;
use aya::{Btf, Ebpf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::rules;
use crate::harness::shell::{sh, until};

/// AppArmor's profile for the measured process. Dropping it unloads the profile.
pub(super) struct Apparmor;

impl Apparmor {
    const PROFILE: &str = "guard-bench";
    const FILE: &str = "/tmp/guard-bench.apparmor";

    pub(super) fn load() -> Result<Self> {
        fs::write(Self::FILE, rules::apparmor(Self::PROFILE))?;
        sh(&format!("apparmor_parser --replace --skip-cache {}", Self::FILE))?;
        Ok(Self)
    }

    /// What starts a program under the profile.
    pub(super) fn confined(mut aa_exec: Command) -> Command {
        aa_exec.args(["-p", Self::PROFILE, "--"]);
        aa_exec
    }
}

impl Drop for Apparmor {
    fn drop(&mut self) {
        let _ = sh(&format!("apparmor_parser --remove {}", Self::FILE));
    }
}

/// fapolicyd, deciding in earnest and refusing nothing. Dropping it ends it.
pub(super) struct Fapolicyd {
    child: Child,
}

impl Fapolicyd {
    const FOLDER: &str = "/etc/fapolicyd";
    const LOG: &str = "/tmp/guard-bench.fapolicyd";
    /// The file system that is measured on, and trust by a list: hashing the machine's packages is not the subject.
    const CONFIGURATION: &str = "permissive = 1\nnice_val = 0\nq_size = 800\nuid = root\ngid = root\n\
        db_max_size = 50\nsubj_cache_size = 1549\nobj_cache_size = 8191\nwatch_fs = tmpfs\ntrust = file\n\
        integrity = none\nsyslog_format = rule,dec,perm,pid,exe,:,path\n";

    pub(super) fn start() -> Result<Self> {
        fs::create_dir_all("/run/fapolicyd")?;
        fs::create_dir_all("/var/lib/fapolicyd")?;
        fs::write(format!("{}/fapolicyd.conf", Self::FOLDER), Self::CONFIGURATION)?;
        fs::write(format!("{}/fapolicyd.trust", Self::FOLDER), "")?;
        fs::write(format!("{}/compiled.rules", Self::FOLDER), rules::fapolicyd())?;
        let log = File::create(Self::LOG)?;
        let mut command = Command::new("fapolicyd");
        // In the foreground; tells of refusals only, of which there are none.
        command.args(["--debug-deny", "--permissive"]).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn().context("cannot start fapolicyd")?;
        let mut started = Self { child };
        until("fapolicyd listens", Duration::from_secs(60), || {
            let said = fs::read_to_string(Self::LOG).unwrap_or_default();
            if let Some(status) = started.child.try_wait()? {
                bail!("fapolicyd ended with {status}: {said}");
            }
            Ok(said.contains("Starting to listen for events"))
        })?;
        Ok(started)
    }
}

impl Drop for Fapolicyd {
    fn drop(&mut self) {
        // By a signal it can answer: what waits for its decision must not wait for ever.
        let pid = i32::try_from(self.child.id()).unwrap_or_default();
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// A program that does nothing, on `file_open`. Dropping it takes it off.
pub(super) struct Empty(#[expect(dead_code, reason = "held for its drop")] Ebpf);

impl Empty {
    /// Its name, in the kernel too.
    pub(super) const NAME: &str = "empty";
    const HOOK: &str = "file_open";
    const SOURCE: &str = "__attribute__((section(\"license\"), used)) static char terms[] = \"GPL\";\n\
        __attribute__((section(\"lsm/file_open\"), used)) int empty(void *context) { return 0; }\n";

    pub(super) fn attach() -> Result<Self> {
        fs::write("/tmp/empty.c", Self::SOURCE)?;
        sh("clang -target bpf -O2 -g -c /tmp/empty.c -o /tmp/empty.o")?;
        let mut object = Ebpf::load_file("/tmp/empty.o")?;
        let program: &mut Lsm =
            object.program_mut(Self::NAME).context("the object lacks its program")?.try_into()?;
        program.load(Self::HOOK, &Btf::from_sys_fs()?)?;
        program.attach()?;
        Ok(Self(object))
    }
}
