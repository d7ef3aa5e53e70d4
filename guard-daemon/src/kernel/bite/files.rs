//! Acts on files that the probe has open, or opens.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use super::act::Turn;
use super::raw;
use super::scene::Scene;

pub(super) fn open(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    File::open(scene.file("open", turn)).map(drop)
}

pub(super) fn write(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.held.write_all(b"probe")
}

pub(super) fn truncate_open(scene: &mut Scene, _: Turn) -> io::Result<()> {
    scene.held.set_len(0)
}

pub(super) fn set_flags(scene: &mut Scene, _: Turn) -> io::Result<()> {
    Ok(rustix::fs::ioctl_setflags(&scene.held, rustix::fs::IFlags::empty())?)
}

/// In a child: a kernel without 32-bit calls ends whoever makes one.
pub(super) fn set_flags_as_32_bit(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::in_child(|| raw::set_flags_as_32_bit(scene.held.as_fd()))
}

pub(super) fn map(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::map_as_code(scene.held.as_fd())
}

pub(super) fn protect(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    scene.pages[turn as usize].make_code()
}
