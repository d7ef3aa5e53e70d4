//! Telling the service manager: ready, alive, ending (sd_notify(3)). Nothing where no manager asked for it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The daemon serves.
pub(super) fn ready() {
    tell("READY=1");
}

/// The loop runs: for the manager's watchdog.
pub(super) fn alive() {
    tell("WATCHDOG=1");
}

/// The daemon ends on purpose.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

fn tell(state: &str) {
    let Some(address) = std::env::var("NOTIFY_SOCKET").ok() else { return };
    let address = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&address),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::debug!(state, %error, "the service manager cannot be told");
    }
}
