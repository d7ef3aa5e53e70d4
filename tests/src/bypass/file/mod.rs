//! Class F: changing what may not be changed, and reading what may not be read.

mod bind_mount;
mod cached_verdict;
mod create;
mod handle;
mod make;
mod mode;
mod open;
mod other_path;
mod other_root;
mod overlay_mount;
mod owner;
mod remove;
mod rename;
mod reopen;
mod second_name;
mod secret;
mod symlink;
mod truncate;
mod truncating_open;

use guard_common::Operation;

use super::{
    Cases, Effect, PLACES, Refusal, Spot, TWO_PLACES, Trick, Who, at, needs_namespaces, on_pd, on_pd_at,
};

/// See the module.
pub const TRICKS: &[Trick] = &[
    open::TRICK,
    create::TRICK,
    truncating_open::TRICK,
    truncate::TRICK,
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
    owner::TRICK,
    bind_mount::TRICK,
    overlay_mount::TRICK,
    secret::TRICK,
    cached_verdict::TRICK,
];

/// A way to P, and the same way to a file of W.
fn on_p(id: &'static str, sentence: &str, operation: Operation, way: &str) -> Cases {
    on_pd(id, sentence, operation, &format!("{way} {{pd}}/p"), &format!("{way} {{w}}/f"))
}

/// A way to a new name in PD, and the same way to one in W.
fn on_new(id: &'static str, sentence: &str, operation: Operation, way: &str) -> Cases {
    on_pd(id, sentence, operation, &format!("{way} {{pd}}/new"), &format!("{way} {{w}}/new"))
}
