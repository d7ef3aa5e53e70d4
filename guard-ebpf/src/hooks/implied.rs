//! Memory that may be run though no call asked for that: whatever may be read, by a process's personality, and the
//! stack, where a program's file wants it so. The kernel asks about neither. An agent that gets it and may not run memory
//! is killed before it is back in its own code.

use aya_ebpf::macros::{btf_tracepoint, fexit};
use aya_ebpf::programs::{BtfTracePointContext, FExitContext};
use guard_common::{Operation, Surface};

use super::memory::{VM_EXEC, run_memory};
use super::{conclude_nameless, kill, report};
use crate::kernel::{Bprm, Task, offset, raw};
use crate::subject::Subject;

// kernel: long int __x64_sys_personality(const struct pt_regs *regs)
#[fexit(function = "__x64_sys_personality")]
pub fn personality_done(_: FExitContext) -> i32 {
    if runs_what_it_reads() { judge() } else { 0 }
}

// kernel: long int __ia32_sys_personality(const struct pt_regs *regs)
//
// Also for 64-bit programs, by the gate for 32-bit calls.
#[fexit(function = "__ia32_sys_personality")]
pub fn personality_done_ia32(_: FExitContext) -> i32 {
    if runs_what_it_reads() { judge() } else { 0 }
}

// kernel: void trace_sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
//
// At the end of each start: the stack is mapped, and nothing of the program has run.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    let stack = Bprm(ctx.arg(2)).stack();
    let flags: u64 = raw::read(stack + offset::OFF_VMA_FLAGS);
    if flags & VM_EXEC != 0 || runs_what_it_reads() { judge() } else { 0 }
}

/// `READ_IMPLIES_EXEC`.
#[inline(always)]
fn runs_what_it_reads() -> bool {
    const READ_IMPLIES_EXEC: u32 = 0x40_0000;
    Task::current().personality() & READ_IMPLIES_EXEC != 0
}

#[inline(always)]
fn judge() -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, Operation::Map, Surface::Exec);
    let verdict = run_memory(&subject, &mut report);
    if verdict.is_err() {
        kill();
    }
    conclude_nameless(&mut report, verdict)
}
