//! Where this checkout is, and where its binaries are put.

use std::path::{Path, PathBuf};

/// The workspace's root. Asked of the running cargo first: the binary may have been built elsewhere.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// This checkout's own binaries: two checkouts share one target folder, not these.
pub(crate) fn bin_dir() -> PathBuf {
    root().join("target/guard/bin")
}
