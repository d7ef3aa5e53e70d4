//! Class F: changing what may not be changed, and reading what may not be read.
//!
//! F11, a store into a mapping whose file was allowed when it was mapped, has no case: no hook sees a store.

mod attribute;
mod bind_mount;
mod cached_verdict;
mod compat;
mod create;
mod detached_mount;
mod device;
mod flags;
mod handle;
mod held_copy;
mod held_map;
mod held_read;
mod held_write;
mod kernel_writes;
mod lease;
mod lent_ring;
mod make;
mod mode;
mod mount_over;
mod odd_name;
mod open;
mod other_path;
mod other_root;
mod overlay_mount;
mod owner;
mod passed;
mod persistence;
mod prefix;
mod remove;
mod rename;
mod reopen;
mod ring;
mod second_name;
mod secret;
mod set_id;
mod symlink;
mod taken;
mod times;
mod truncate;
mod truncating_open;
mod watched;

use guard_common::Operation;

pub(super) use self::passed::lenders;
use super::{
    Cases, Effect, PLACES, Refusal, Spot, TWO_PLACES, Trick, Who, at, beside, in_namespaces, on_pd, on_pd_at,
};
use crate::harness::fixture::HELD;

/// See the module.
pub const TRICKS: &[Trick] = &[
    open::TRICK,
    create::TRICK,
    truncating_open::TRICK,
    truncate::TRICK,
    held_write::TRICK,
    held_copy::TRICK,
    held_map::TRICK,
    held_read::TRICK,
    reopen::TRICK,
    handle::TRICK,
    symlink::TRICK,
    other_path::TRICK,
    other_root::TRICK,
    second_name::TRICK,
    rename::TRICK,
    remove::TRICK,
    make::TRICK,
    mode::TRICK,
    set_id::TRICK,
    owner::TRICK,
    times::TRICK,
    attribute::TRICK,
    flags::TRICK,
    compat::TRICK,
    ring::TRICK,
    lent_ring::TRICK,
    lease::TRICK,
    bind_mount::TRICK,
    mount_over::TRICK,
    detached_mount::TRICK,
    overlay_mount::TRICK,
    odd_name::TRICK,
    prefix::TRICK,
    passed::TRICK,
    taken::TRICK,
    kernel_writes::TRICK,
    device::TRICK,
    secret::TRICK,
    persistence::TRICK,
    cached_verdict::TRICK,
    watched::TRICK,
];

/// A way to P, and the same way to a file of W.
fn on_p(id: &'static str, sentence: &str, operation: Operation, way: &str) -> Cases {
    on_pd(id, sentence, operation, &format!("{way} {{pd}}/p"), &format!("{way} {{w}}/f"))
}

/// A way to a new name in PD, and the same way to one in W.
fn on_new(id: &'static str, sentence: &str, operation: Operation, way: &str) -> Cases {
    on_pd(id, sentence, operation, &format!("{way} {{pd}}/new"), &format!("{way} {{w}}/new"))
}

/// A function of Python's on the file that its actor held open before it was confined, and on one of W that it opens.
fn on_held(id: &'static str, sentence: &str, operation: Operation, function: &str) -> Cases {
    let line = |path: &str| format!("!!file.{function} {path}");
    on_pd(id, sentence, operation, &line(&format!("{{pd}}/{HELD}")), &line("{w}/f"))
}
