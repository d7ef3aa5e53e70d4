//! guard's kernel half. A hook reads its arguments, asks who acts, lets the checks decide, and tells.
//!
//! Nobody but agents is ever refused here, nor what a launcher starts in an enrolled cgroup and cannot be labelled: a task
//! without a label leaves each hook after that look-up, whatever else could fail. The few hooks that note something for
//! everybody refuse nobody.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch, core_intrinsics)]
#![allow(internal_features, reason = "see `atomic`")]

mod ancillary;
mod arguments;
mod atomic;
mod cell;
mod checks;
mod diagnostics;
mod digest;
mod emit;
mod enrol;
mod epoch;
mod fail;
mod hooks;
mod kernel;
mod launcher;
mod maps;
mod peer;
mod subject;
mod zone;

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
