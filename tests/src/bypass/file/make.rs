//! Making names that no open makes: folders, links, sockets, devices.

use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;

use guard_common::Operation;
use nix::sys::socket::{SockType, UnixAddr, bind};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::{Cases, Spot, Trick, Who, on_new, on_pd, on_pd_at};
use crate::act::{unix, way};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way("symlink", |a, _| symlink(a.path(0)?, a.path(1)?)),
        way("mkdir", |a, _| std::fs::create_dir(a.path(0)?)),
        way("mkfifo", |a, _| Ok(nix::unistd::mkfifo(a.path(0)?, Mode::S_IRWXU)?)),
        way("mknod", |a, _| Ok(mknod(a.path(0)?, SFlag::S_IFREG, Mode::S_IRWXU, 0)?)),
        way("mknod-device", |a, _| Ok(mknod(a.path(0)?, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3))?)),
        way("bind-unix", |a, _| {
            let fd = unix::open(SockType::Stream)?;
            Ok(bind(fd.as_raw_fd(), &UnixAddr::new(a.path(0)?)?)?)
        }),
    ],
    python: None,
    cases,
};

fn cases() -> Cases {
    [
        on_new("F22", "a_folder_cannot_be_made", Operation::Mkdir, "mkdir"),
        on_new("F22b", "a_fifo_cannot_be_made", Operation::Mknod, "mkfifo"),
        on_new("F22c", "a_plain_file_cannot_be_made_by_mknod", Operation::Mknod, "mknod"),
        on_new("F22d", "a_socket_cannot_be_bound_to_a_name", Operation::Mknod, "bind-unix"),
        on_pd(
            "F22e",
            "a_symbolic_link_cannot_be_made",
            Operation::Symlink,
            "symlink /etc/passwd {pd}/new",
            "symlink /etc/passwd {w}/new",
        ),
        on_pd_at(
            [(Spot::Tmpfs, Who::Root)],
            "F22f",
            "a_device_cannot_be_made",
            Operation::Mknod,
            "mknod-device {pd}/new",
            "mkfifo {w}/new",
        ),
    ]
    .into()
}
