//! The one fault of QEMU's emulation that ends a guest now and then, told from every fault of the guest's own.
//!
//! A kernel that attaches a program rewrites a function's entry while other processors run it: a breakpoint goes in,
//! the rest follows, the breakpoint goes out, and every processor is told. QEMU before 8.1 translates code without
//! holding its page, so a processor may keep what it read in between, and meet a breakpoint that is in memory no
//! more. The kernel, which finds nobody rewriting, has to give up.

/// What is said of it.
pub(crate) const FAULT: &str = "QEMU ran a breakpoint that the kernel had taken out already (a fault of its emulation, mended in QEMU 8.1)";

/// Whether this log ends so: the fault is a breakpoint, and the bytes at its place are whole code again. A breakpoint
/// that is really there (0xcc just before the marked byte) is the guest's own fault.
pub(crate) fn broke(log: &[u8]) -> bool {
    let log = String::from_utf8_lossy(log);
    let Some((_, oops)) = log.split_once("int3: 0000 [#1]") else { return false };
    let marked = oops.lines().find_map(|line| line.split_once("Code: ")).map(|(_, bytes)| bytes);
    let before =
        marked.and_then(|bytes| bytes.split_once(" <")).and_then(|(before, _)| before.split(' ').next_back());
    before.is_some_and(|byte| byte != "cc")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oops(kind: &str, before: &str) -> Vec<u8> {
        format!(
            "[  802.07] Oops: {kind}: 0000 [#1] SMP NOPTI\n\
             [  802.07] RIP: 0010:bpf_lsm_file_permission+0x5/0x10\n\
             [  802.07] Code: 90 f3 0f 1e fa {before} <67> ef a4 3e 31 c0 c3\n\
             [  802.08] Call Trace:\n"
        )
        .into_bytes()
    }

    #[test]
    fn only_a_breakpoint_that_is_gone_is_the_emulators() {
        assert!(broke(&oops("int3", "e9")));
        assert!(!broke(&oops("int3", "cc")));
        assert!(!broke(&oops("general protection fault", "e9")));
        assert!(!broke(b"Kernel panic - not syncing: Attempted to kill init!"));
        assert!(!broke(b""));
    }
}
