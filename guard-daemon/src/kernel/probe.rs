//! What this host has of what guard needs, and the exact line that mends each thing it lacks. Changes nothing.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use guard_common::fields;
use guard_common::map::name;

use super::adopt;
use super::btf::{self, KernelTypes};
use super::mounts;
use super::pins::{BPFFS, PinFolder};
use super::programs;
use super::sys;

/// Oldest kernel that guard runs on.
const OLDEST: (u32, u32) = (6, 1);
const SECURITYFS: &str = "/sys/kernel/security";
/// There where the host has a TPM.
const TPM: &str = "/sys/class/tpm/tpm0";
/// Numbers of the host's own namespaces, the same on every kernel (proc_ns.h of Linux).
const NAMESPACES: [(&str, u64, &str); 2] = [
    ("pid", 0xefff_fffc, "who acts outside of it would be nobody's"),
    ("cgroup", 0xefff_fffb, "cgroups outside of it would be nobody's"),
];
/// Capabilities that loading and pinning need, by number: CAP_SYS_ADMIN stands for the two others.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// One thing that guard needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is.
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// What is there.
    pub found: String,
    /// The command or line that mends it; absent where it is there, or where nothing on this host would.
    pub mend: Option<String>,
}

impl Check {
    fn passed(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, found: found.into(), mend: None }
    }

    fn failed(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, found: found.into(), mend: Some(mend.into()) }
    }
}

/// What the host itself must have, whether guard runs or not.
pub fn host() -> Vec<Check> {
    vec![
        kernel(&release()),
        preemption(&release(), &text("/proc/sys/kernel/version"), &text("/proc/cmdline")),
        types(),
        hooks(),
        lsm(fs::read_to_string(Path::new(SECURITYFS).join("lsm")), mounts::any("securityfs")),
        cgroup2(),
        bpffs(),
        namespaces(|kind| fs::metadata(format!("/proc/self/ns/{kind}")).map(|namespace| namespace.ino())),
        capabilities(&text("/proc/self/status")),
        trial(),
    ]
}

/// Whether a policy may name programs by their digests: of no concern to any other, so no part of [`host`].
pub fn digests() -> Check {
    let config = fs::read_to_string(format!("/boot/config-{}", release())).ok();
    let is_there = Path::new(SECURITYFS).join("ima").exists();
    let measured = text(&format!("{SECURITYFS}/ima/ascii_runtime_measurements"));
    // With a TPM the first measurement is by that one's hash.
    let measured = if Path::new(TPM).exists() { "" } else { &measured };
    digests_by(is_there, measured, &text("/proc/cmdline"), config.as_deref())
}

/// What guard has in force: every program attached, every map pinned.
pub fn enforcement(pins: &PinFolder) -> Vec<Check> {
    const START: &str = "systemctl restart guardd";
    let programs = programs::here().iter().map(|program| {
        let name = format!("program {}", program.name);
        match adopt::program_id(pins, program.name) {
            Some(id) => Check::passed(name, format!("attached to {}, program {id}", program.place())),
            None => Check::failed(name, format!("not attached to {}", program.place()), START),
        }
    });
    let maps = name::ALL.iter().map(|map| {
        let (name, path) = (format!("map {map}"), pins.map(map));
        match fs::symlink_metadata(&path) {
            Ok(_) => Check::passed(name, format!("pinned at {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Check::failed(name, "cannot be seen", "run this as root")
            }
            Err(_) => Check::failed(name, format!("not pinned at {}", path.display()), START),
        }
    });
    programs.chain(maps).collect()
}

/// The running kernel's release.
pub fn release() -> String {
    text("/proc/sys/kernel/osrelease").trim().to_owned()
}

/// A file's text; nothing where it cannot be read.
fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn kernel(release: &str) -> Check {
    const NAME: &str = "kernel";
    match version(release) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Check::passed(NAME, release),
        _ => {
            let mend = format!("boot a kernel of version {}.{} or later", OLDEST.0, OLDEST.1);
            Check::failed(NAME, if release.is_empty() { "unknown" } else { release }, mend)
        }
    }
}

/// Major and minor number of a release, where it has any.
fn version(release: &str) -> (Option<u32>, Option<u32>) {
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().ok());
    (numbers.next().flatten(), numbers.next().flatten())
}

/// Before 6.2 the kernel gives no label while another task of the same CPU is being asked for its own: where a task
/// can be preempted inside the kernel at any time, an agent would pass for nobody.
fn preemption(release: &str, build: &str, command_line: &str) -> Check {
    const NAME: &str = "kernel preemption";
    const MEND: &str = "boot with `preempt=voluntary`, or a kernel from 6.2 on";
    let late = matches!(version(release), (Some(6), Some(2..)) | (Some(7..), _));
    let words = |text: &str, word: &str| text.split_whitespace().any(|one| one == word);
    let always = words(build, "PREEMPT") || words(build, "PREEMPT_RT");
    let chosen = words(command_line, "preempt=full") && !words(build, "PREEMPT_NONE");
    match (late, always || chosen) {
        (false, true) => Check::failed(NAME, "full, on a kernel before 6.2: labels would be missed", MEND),
        (false, false) => Check::passed(NAME, "not full"),
        (true, _) => Check::passed(NAME, "any kind will do on this kernel"),
    }
}

fn types() -> Check {
    const NAME: &str = "kernel types (BTF)";
    const MEND: &str = "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y";
    let resolved = btf::running().and_then(|bytes| {
        let types = KernelTypes::parse(&bytes)?;
        types.resolve(fields::ALL).map(|fields| fields.len())
    });
    match resolved {
        Ok(count) => Check::passed(NAME, format!("all {count} fields found")),
        Err(error) => Check::failed(NAME, error.to_string(), MEND),
    }
}

/// Whether each program has its place, with the arguments that it reads.
fn hooks() -> Check {
    const NAME: &str = "kernel hooks (BTF)";
    const MEND: &str =
        "boot a kernel that this version of guard knows, or install one that knows this kernel";
    let bytes = btf::running();
    let types = bytes
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|bytes| KernelTypes::parse(bytes).map_err(|error| error.to_string()));
    let fitting = types.and_then(|types| {
        programs::on(&types).map_err(|misfit| {
            format!("program {} ({}): {}", misfit.program.name, misfit.program.place(), misfit.what)
        })
    });
    match fitting {
        Ok(fitting) => Check::passed(NAME, format!("all {} programs fit", fitting.len())),
        Err(why) => Check::failed(NAME, why, MEND),
    }
}

/// `list` is what securityfs says; where it says nothing, whether it is mounted at all decides the advice.
fn lsm(list: io::Result<String>, securityfs: bool) -> Check {
    const NAME: &str = "BPF among the LSMs";
    match list {
        Ok(list) => {
            let list = list.trim();
            if list.split(',').any(|module| module == "bpf") {
                Check::passed(NAME, list)
            } else {
                Check::failed(NAME, list, boot_line(list))
            }
        }
        Err(_) if !securityfs => Check::failed(
            NAME,
            "securityfs is not mounted, so nobody can tell",
            format!("mount -t securityfs securityfs {SECURITYFS}"),
        ),
        Err(error) => Check::failed(NAME, format!("{SECURITYFS}/lsm: {error}"), "run this as root"),
    }
}

/// The boot loader's line: the modules of now, and bpf. Those that always run are not chosen there.
fn boot_line(list: &str) -> String {
    let chosen = list.split(',').filter(|module| !matches!(*module, "" | "capability" | "ima" | "evm"));
    let modules: Vec<_> = chosen.chain(["bpf"]).collect();
    format!(
        "in /etc/default/grub add to GRUB_CMDLINE_LINUX: \"lsm={}\"; then run `update-grub` and reboot",
        modules.join(",")
    )
}

fn cgroup2() -> Check {
    const NAME: &str = "cgroup v2";
    match mounts::cgroup2() {
        Some(point) => Check::passed(NAME, format!("mounted at {}", point.display())),
        None => Check::failed(NAME, "not mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"),
    }
}

fn bpffs() -> Check {
    const NAME: &str = "BPF file system";
    if mounts::bpf_at(Path::new(BPFFS)) {
        Check::passed(NAME, format!("mounted at {BPFFS}"))
    } else {
        Check::failed(NAME, format!("not mounted at {BPFFS}"), format!("mount -t bpf bpf {BPFFS}"))
    }
}

/// In a namespace of its own the daemon sees a part of the host, and takes it for all.
fn namespaces(number: impl Fn(&str) -> io::Result<u64>) -> Check {
    const NAME: &str = "the host's namespaces";
    const MEND: &str =
        "run it on the host itself; where it is in a container, start that with `--pid=host --cgroupns=host`";
    for (kind, of_host, why) in NAMESPACES {
        match number(kind) {
            Ok(own) if own == of_host => {}
            Ok(_) => return Check::failed(NAME, format!("a {kind} namespace of its own: {why}"), MEND),
            Err(error) => return Check::failed(NAME, format!("/proc/self/ns/{kind}: {error}"), MEND),
        }
    }
    Check::passed(NAME, "pid and cgroup")
}

/// The kernel takes digests with IMA's default hash, and the programs take those that are SHA-256. What of that cannot
/// be known from here is taken for well, and told.
fn digests_by(is_there: bool, measured: &str, command_line: &str, config: Option<&str>) -> Check {
    const NAME: &str = "digests of programs";
    const KERNEL: &str = "boot a kernel built with CONFIG_IMA=y and CONFIG_IMA_DEFAULT_HASH_SHA256=y";
    if !is_there {
        return Check::failed(NAME, format!("no IMA at {SECURITYFS}/ima"), KERNEL);
    }
    let first = measured.lines().next().filter(|line| line.ends_with("boot_aggregate"));
    let measured = first.and_then(|line| line.split(' ').nth_back(1)?.split_once(':')).map(|(hash, _)| hash);
    let chosen =
        command_line.split_whitespace().filter_map(|word| word.strip_prefix("ima_hash=")).next_back();
    let built_in = config
        .and_then(|config| config.lines().find_map(|line| line.strip_prefix("CONFIG_IMA_DEFAULT_HASH=")));
    match measured.or(chosen).or(built_in.map(|quoted| quoted.trim_matches('"'))) {
        Some("sha256") => Check::passed(NAME, "IMA takes them, as SHA-256"),
        Some(other) => Check::failed(
            NAME,
            format!("IMA's default hash is {}, not sha256", other.escape_debug()),
            "boot with `ima_hash=sha256`",
        ),
        None => Check::passed(NAME, "IMA is there; its default hash, which must be sha256, is not known"),
    }
}

fn capabilities(status: &str) -> Check {
    const NAME: &str = "rights";
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    if has(CAP_SYS_ADMIN) {
        Check::passed(NAME, "CAP_SYS_ADMIN")
    } else if has(CAP_BPF) && has(CAP_PERFMON) {
        Check::passed(NAME, "CAP_BPF and CAP_PERFMON")
    } else {
        Check::failed(NAME, "neither CAP_SYS_ADMIN nor CAP_BPF and CAP_PERFMON", "run this as root")
    }
}

/// A kernel can list everything and refuse all the same: only a try tells.
fn trial() -> Check {
    const NAME: &str = "loading an LSM program";
    let loaded = btf::running().map_err(|error| error.to_string()).and_then(|bytes| {
        let types = KernelTypes::parse(&bytes).map_err(|error| error.to_string())?;
        let hook = types.id("bpf_lsm_file_open").ok_or("the kernel has no BPF LSM (CONFIG_BPF_LSM=y)")?;
        sys::try_lsm_program(hook).map_err(|error| format!("the kernel refuses it: {error}"))
    });
    match loaded {
        Ok(()) => Check::passed(NAME, "works"),
        Err(found) => Check::failed(
            NAME,
            found,
            "run this as root, on a host of its own rather than in a container or sandbox that forbids bpf(2)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_preemption_is_told_where_the_kernel_would_miss_labels() {
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1";
        assert!(preemption("6.1.0-50-amd64", dynamic, "quiet").ok);
        assert!(!preemption("6.1.0-50-amd64", dynamic, "quiet preempt=full").ok);
        assert!(!preemption("6.1.0-rt", "#1 SMP PREEMPT_RT Debian", "").ok);
        assert!(preemption("6.12.1", "#1 SMP PREEMPT_RT", "preempt=full").ok);
        assert!(preemption("7.2.13", "#1 SMP PREEMPT", "").ok);
    }

    #[test]
    fn kernels_before_6_1_and_unreadable_releases_fail() {
        for (release, ok) in [
            ("6.1.0-38-amd64", true),
            ("6.12.1", true),
            ("7.2-rc1", true),
            ("6.0.19", false),
            ("5.15.0", false),
            ("", false),
            ("next", false),
        ] {
            assert_eq!(kernel(release).ok, ok, "{release}");
        }
    }

    #[test]
    fn a_missing_bpf_is_mended_by_the_list_of_now_and_bpf() {
        let check = lsm(Ok("lockdown,capability,landlock,yama,apparmor,ima,evm\n".to_owned()), true);
        assert!(!check.ok);
        assert!(check.mend.unwrap().contains("\"lsm=lockdown,landlock,yama,apparmor,bpf\""));
        assert!(lsm(Ok("capability,bpf\n".to_owned()), true).ok);
    }

    #[test]
    fn a_module_whose_name_only_contains_bpf_is_not_bpf() {
        assert!(!lsm(Ok("capability,bpfilter".to_owned()), true).ok);
    }

    #[test]
    fn an_unmounted_securityfs_is_told_apart_from_a_missing_module() {
        let check = lsm(Err(io::ErrorKind::NotFound.into()), false);
        assert!(!check.ok);
        assert_eq!(check.mend.as_deref(), Some("mount -t securityfs securityfs /sys/kernel/security"));
    }

    #[test]
    fn a_namespace_of_ones_own_is_told_and_so_is_one_that_cannot_be_seen() {
        let own = |own: &'static str| {
            move |kind: &str| Ok(if kind == own { 0xf000_0001 } else { namespace_of_host(kind) })
        };
        assert!(namespaces(own("none")).ok);
        for kind in ["pid", "cgroup"] {
            let check = namespaces(own(kind));
            assert!(
                !check.ok && check.found.contains(&format!("a {kind} namespace of its own")),
                "{check:?}"
            );
        }
        assert!(!namespaces(|_| Err(io::ErrorKind::NotFound.into())).ok);
    }

    fn namespace_of_host(kind: &str) -> u64 {
        if kind == "pid" { 4_026_531_836 } else { 4_026_531_835 }
    }

    #[test]
    fn digests_need_ima_and_its_default_hash_to_be_sha256() {
        let with = |measured: &str, line: &str, config: &str| digests_by(true, measured, line, Some(config));
        let of =
            |hash: &str| format!("10 1d8d ima-ng {hash}:0000 boot_aggregate\n10 1d8d ima-ng sha1:00 /init\n");
        let config = |hash: &str| format!("CONFIG_IMA=y\nCONFIG_IMA_DEFAULT_HASH=\"{hash}\"\n");
        let (good, bad) = (config("sha256"), config("sha1"));
        let missing = digests_by(false, "", "", Some(&good));
        assert!(!missing.ok && missing.mend.is_some_and(|mend| mend.contains("CONFIG_IMA=y")));
        assert!(with(&of("sha256"), "ima_hash=sha1", &bad).ok, "what it does counts most");
        assert!(!with(&of("sha1"), "", &good).ok);
        assert!(with("", "quiet ima_hash=sha1 ima_hash=sha256", &bad).ok, "the last word counts");
        assert!(!with("", "ima_hash=sha512", &good).ok);
        assert!(with("", "", &good).ok && !with("", "", &bad).ok);
        let unknown = digests_by(true, "", "quiet", None);
        assert!(unknown.ok && unknown.found.contains("not known"));
        // An old template names no hash.
        assert!(digests_by(true, "10 1d8d ima 0000 boot_aggregate", "", None).found.contains("not known"));
    }

    #[test]
    fn rights_are_read_from_the_effective_set() {
        assert!(capabilities("CapPrm:\t0\nCapEff:\t000001ffffffffff\n").ok);
        assert!(capabilities("CapEff:\t000000c000000000\n").ok);
        assert!(!capabilities("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n").ok);
        assert!(!capabilities("").ok);
    }

    #[test]
    fn every_failed_check_says_how_to_mend_it() {
        let nowhere = PinFolder::at("/nonexistent/guard");
        for check in host().into_iter().chain(enforcement(&nowhere)) {
            assert_eq!(check.ok, check.mend.is_none(), "{check:?}");
            assert!(!check.found.is_empty(), "{check:?}");
        }
    }
}
