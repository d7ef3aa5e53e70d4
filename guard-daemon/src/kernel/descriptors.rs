//! Keeping a launcher's open files from the agent that it becomes. Owns one system call.
#![expect(unsafe_code, reason = "close_range(2) has no safe form")]

use std::io;

use nix::libc;

/// Marks every descriptor above standard error close-on-exec, whoever opened it: an agent inherits its three
/// standard streams and nothing else.
pub fn keep_from_next_program() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    let flags = libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: changes flags of this process's descriptors and closes none, so that no owner of one is affected.
    let result = unsafe { libc::close_range(FIRST, libc::c_uint::MAX, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};

    use super::*;

    fn flags(file: &impl AsFd) -> FdFlag {
        FdFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFD).unwrap())
    }

    #[test]
    fn an_inherited_descriptor_is_closed_by_the_next_program_and_standard_error_is_not() {
        let file = File::open("/dev/null").unwrap();
        fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        keep_from_next_program().unwrap();
        assert_eq!(flags(&file), FdFlag::FD_CLOEXEC);
        assert_eq!(flags(&io::stderr()), FdFlag::empty());
    }
}
