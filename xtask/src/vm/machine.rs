//! QEMU's command line. Knows every option and why it is there; starts nothing.

use std::path::Path;
use std::process::Command;

use crate::emulator::Emulator;
use crate::kernel::Installed;
use crate::vm::wire::Listeners;

pub(crate) const CONTROL: &str = "control";
pub(crate) const OUT: &str = "out";
pub(crate) const ERR: &str = "err";
pub(crate) const LOG: &str = "log";
pub(crate) const PORTS: [&str; 4] = [CONTROL, OUT, ERR, LOG];

/// The processor that QEMU plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accel {
    /// The host's own, where a probe boot has shown that it works.
    Kvm,
    /// Software emulation, one thread per processor.
    Tcg,
    /// Software emulation with a clock that counts instructions.
    Icount,
}

pub(crate) struct Machine<'a> {
    pub(crate) emulator: &'a Emulator,
    pub(crate) kernel: &'a Installed,
    pub(crate) image: &'a Path,
    pub(crate) initramfs: &'a Path,
    pub(crate) accel: Accel,
    pub(crate) memory_mib: u32,
    pub(crate) terminal: bool,
    pub(crate) verbose: bool,
    /// Paths below /tmp or /run that the job needs all the same.
    pub(crate) keep: &'a [String],
}

impl Machine<'_> {
    pub(crate) fn command(&self, sockets: &Listeners) -> Command {
        let mut qemu = self.emulator.command();
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none"]);
        qemu.args(["-m", &self.memory_mib.to_string()]);
        qemu.args(self.processor());
        qemu.arg("-kernel").arg(self.image);
        qemu.arg("-initrd").arg(self.initramfs);
        qemu.args(["-append", &self.kernel_command_line()]);
        qemu.args(["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"]);
        for name in PORTS {
            qemu.arg("-chardev").arg(format!("socket,id={name},path={}", sockets.path(name).display()));
        }
        qemu.args(["-serial", &format!("chardev:{LOG}"), "-device", "virtio-serial-pci"]);
        for (number, name) in [(1, CONTROL), (2, OUT), (3, ERR)] {
            qemu.args(["-device", &format!("virtserialport,nr={number},chardev={name},name=guard.{name}")]);
        }
        if self.terminal {
            qemu.args(["-chardev", "stdio,id=terminal,mux=on,signal=off"]);
            qemu.args(["-device", "virtconsole,nr=4,chardev=terminal"]);
        }
        qemu
    }

    fn processor(&self) -> &'static [&'static str] {
        match self.accel {
            Accel::Kvm => &["-accel", "kvm", "-cpu", "host", "-smp", "2"],
            Accel::Tcg => &["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"],
            Accel::Icount => &["-accel", "tcg", "-icount", "shift=0,sleep=off", "-cpu", "max", "-smp", "1"],
        }
    }

    fn kernel_command_line(&self) -> String {
        let mut words = vec![
            // What an operator adds to the boot loader, so that programs may be attached to LSM hooks.
            "lsm=landlock,lockdown,yama,integrity,apparmor,bpf".to_owned(),
            "console=ttyS0".to_owned(),
            // A guest that panics ends (with -no-reboot): a boot failure, never a hang.
            "panic=-1 oops=panic".to_owned(),
            // Less work for an emulated processor; nothing of it changes what a hook sees.
            "mitigations=off nokaslr audit=0 tsc=reliable no_timer_check".to_owned(),
            format!("guard_modules={}", self.kernel.modules.display()),
        ];
        if self.accel == Accel::Icount {
            // While a processor sleeps, this clock jumps to the next timer: a wait for the host would use up every
            // time limit in the guest at once. A processor that polls instead goes on counting.
            words.push("idle=poll".to_owned());
        }
        words.push(if self.verbose { "loglevel=7" } else { "quiet loglevel=4" }.to_owned());
        if !self.keep.is_empty() {
            words.push(format!("guard_keep={}", self.keep.join(":")));
        }
        words.join(" ")
    }
}
