//! The ready policies, sentence by sentence.

use std::net::IpAddr;
use std::path::Path;

use guard_common::{Surface, Verdict, ZoneId};

use crate::policy::{Compiled, Launcher, Lineage, Sources, load};

fn ready(name: &str) -> Compiled {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies").join(name);
    let policy = load(Sources::read(&path).unwrap(), &Lineage::default())
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(policy.warnings(), &[], "{name}");
    policy
}

fn may(policy: &Compiled, zone: ZoneId, surface: Surface) -> bool {
    let (profile, _) = policy.default_profile().unwrap();
    policy.verdict(profile, zone, surface) == Some(Verdict::Allow)
}

/// Which of read, write, exec and ipc are allowed, as letters.
fn letters(policy: &Compiled, zone: ZoneId) -> String {
    [(Surface::Read, 'r'), (Surface::Write, 'w'), (Surface::Exec, 'x'), (Surface::Ipc, 'i')]
        .iter()
        .filter(|(surface, _)| may(policy, zone, *surface))
        .map(|(_, letter)| *letter)
        .collect()
}

fn at(policy: &Compiled, path: &str) -> String {
    letters(policy, policy.zone_of_path(Path::new(path)))
}

#[test]
fn the_embedded_default_is_the_file() {
    assert_eq!(
        load(Sources::embedded(), &Lineage::default()).unwrap().sha256(),
        ready("default.toml").sha256()
    );
}

#[test]
fn by_default_an_agent_reads_and_executes_the_system_and_writes_its_own_folders_and_nothing_else() {
    let policy = ready("default.toml");
    assert_eq!(policy.default_profile().unwrap().1.name, "agent");
    let zones = ZoneId::BUILT_IN.iter().map(|(_, id)| *id).chain(policy.zones().map(|(id, _)| id));
    let writable: Vec<&str> = zones
        .filter(|id| may(&policy, *id, Surface::Write))
        .map(|id| policy.zone_name(id).unwrap())
        .collect();
    assert_eq!(writable, ["anonymous", "work", "temp", "devices"]);
    for (zone, wanted) in [
        (ZoneId::WORK, "rwi"),
        (ZoneId::TEMP, "rwi"),
        (ZoneId::ANONYMOUS, "rw"),
        (ZoneId::FOREIGN, ""),
        (ZoneId::ELSEWHERE, ""),
        (ZoneId::GUARD, ""),
        (ZoneId::UNRESOLVED, ""),
    ] {
        assert_eq!(letters(&policy, zone), wanted, "{zone:?}");
    }
    for path in [
        "/usr/bin/git",
        "/usr/lib/gcc/x86_64-linux-gnu/14/cc1",
        "/bin/sh",
        "/etc/passwd",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem",
        "/usr/lib/python3/dist-packages/certifi/cacert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/home/alice/.gitconfig",
        "/home/alice/.config/git/config",
        "/home/alice/.cargo/bin/cargo",
        "/proc/self/maps",
        "/sys/devices/system/cpu/online",
        "/usr/share/git-core/templates/hooks/pre-commit.sample",
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "/home/alice/p/.env.example",
        "/usr/lib/node_modules/npm/lib/cli.js",
        "/home/alice/notes/.environment",
    ] {
        assert_eq!(at(&policy, path), "rx", "{path}");
    }
    for path in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"] {
        assert_eq!(at(&policy, path), "rw", "{path}");
    }
}

#[test]
fn by_default_secrets_are_neither_read_nor_written() {
    let policy = ready("default.toml");
    for path in [
        "/root/.ssh/id_ed25519",
        "/home/alice/.ssh/config",
        "/home/alice/.ssh/authorized_keys",
        "/srv/copy/id_rsa",
        "/home/alice/.aws/credentials",
        "/srv/app/.env",
        "/srv/app/.env.production",
        "/srv/app/.env.local",
        "/etc/shadow",
        "/etc/gshadow-",
        "/etc/sudoers.d/alice",
        "/etc/ssl/private/host.crt",
        "/srv/tls/server.key",
        "/srv/tls/privkey.pem",
        "/srv/tls/server-key.pem",
        "/etc/ssh/ssh_host_rsa_key",
        "/home/alice/.gnupg/private-keys-v1.d/x",
        "/home/alice/.netrc",
        "/home/alice/.git-credentials",
        "/home/alice/.kube/config",
        "/home/alice/.bash_history",
        "/home/alice/.npmrc",
        "/root/.docker/config.json",
        "/proc/kcore",
        "/mnt/proc/kcore",
        "/sys/kernel/debug/x",
        "/dev/vda",
        "/dev/mem",
        "/dev/kvm",
        "/dev/pts/0",
        "/dev/shm/x",
    ] {
        assert_eq!(at(&policy, path), "", "{path}");
    }
}

#[test]
fn by_default_programs_that_lead_out_do_not_start() {
    let policy = ready("default.toml");
    for program in [
        "sudo",
        "su",
        "pkexec",
        "mount",
        "unshare",
        "nsenter",
        "systemd-run",
        "systemctl",
        "docker",
        "podman",
        "at",
        "crontab",
    ] {
        assert_eq!(at(&policy, &format!("/usr/bin/{program}")), "", "{program}");
    }
    for program in ["insmod", "modprobe", "kexec", "bpftool", "chroot"] {
        assert_eq!(at(&policy, &format!("/usr/sbin/{program}")), "", "{program}");
    }
}

#[test]
fn by_default_what_other_programs_obey_is_not_written() {
    let policy = ready("default.toml");
    for path in [
        "/home/alice/.bashrc",
        "/home/alice/p/.vscode/tasks.json",
        "/home/alice/p/.mcp.json",
        "/home/alice/.profile",
    ] {
        assert_eq!(at(&policy, path), "r", "{path}");
    }
}

#[test]
fn by_default_an_agent_talks_to_loopback_and_to_nobody_else() {
    let policy = ready("default.toml");
    let reaches = |address: &str| {
        let zone = policy.zone_of_address(address.parse::<IpAddr>().unwrap(), 443, 6);
        may(&policy, zone, Surface::Connect)
    };
    for address in ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"] {
        assert!(reaches(address), "{address}");
    }
    for address in [
        "10.0.0.1",
        "192.0.2.1",
        "169.254.169.254",
        "0.0.0.0",
        "::",
        "::2",
        "fe80::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        assert!(!reaches(address), "{address}");
    }
}

#[test]
fn by_default_anybody_starts_an_agent_below_a_home_and_not_in_it() {
    let policy = ready("default.toml");
    let launch = &policy.default_profile().unwrap().1.launch;
    let alice = Launcher { uid: 1000, user: Some("alice".to_owned()), groups: Vec::new() };
    assert!(launch.permits_user(&alice));
    assert!(launch.permits_workdir(&alice, Path::new("/home/alice/project")));
    for folder in ["/home/alice", "/", "/etc", "/usr/local", "/var/lib"] {
        assert!(!launch.permits_workdir(&alice, Path::new(folder)), "{folder}");
    }
}

#[test]
fn deny_all_denies_all() {
    let policy = ready("deny-all.toml");
    assert!(policy.cells().is_empty());
    assert_eq!(policy.default_profile().unwrap().1.name, "agent");
}

#[test]
fn dev_is_the_default_and_a_little_wider() {
    let policy = ready("dev.toml");
    let wider: Vec<String> =
        crate::policy::diff(&ready("default.toml"), &policy).iter().map(ToString::to_string).collect();
    assert_eq!(
        wider,
        [
            "agent -> registries by connect: allow, was none (wider)",
            "agent -> shared by read: allow, was none (wider)",
            "agent -> shared by write: allow, was none (wider)",
            "agent -> temp by exec: allow, was none (wider)",
            "agent -> work by exec: allow, was none (wider)",
            "zone registries: +192.0.2.10:443/tcp +[2001:db8::10]:443/tcp",
            "zone shared: +/dev/ptmx +/dev/pts +/dev/shm",
        ]
    );
}

#[test]
fn enrolled_containers_have_their_own_files_and_units_the_systems() {
    let policy = ready("enrolled.toml");
    let verdict = |profile: &str, path: &str, surface| {
        let (profile, _) = policy.profile(profile).unwrap();
        policy.verdict(profile, policy.zone_of_path(Path::new(path)), surface) == Some(Verdict::Allow)
    };
    let image = "/var/lib/containers/storage/overlay/x/merged/bin/sh";
    for surface in [Surface::Read, Surface::Write, Surface::Exec] {
        assert!(verdict("container", image, surface));
        assert!(!verdict("unit", image, Surface::Write));
    }
    assert!(!verdict("container", "/etc/passwd", Surface::Read), "nothing of the host that it is not given");
    assert!(!verdict("container", "/var/lib/containers/x/merged/root/.ssh/id", Surface::Read));
    assert!(
        verdict("unit", "/usr/bin/python3", Surface::Exec)
            && !verdict("unit", "/usr/bin/python3", Surface::Write)
    );
    assert!(
        verdict("unit", "/srv/agents/x", Surface::Write)
            && verdict("container", "/srv/agents/x", Surface::Write)
    );
    let enrolled = |path: &str| {
        let rules = policy.rules();
        crate::policy::enrolled::first_match(&rules, path)
            .and_then(|rule| policy.profile_name(rule.profile))
            .map(str::to_owned)
    };
    assert_eq!(enrolled("/machine.slice/libpod-0a.scope").as_deref(), Some("container"));
    assert_eq!(enrolled("/machine.slice/libpod-conmon-0a.scope"), None);
    assert_eq!(enrolled("/system.slice/agent-x.service").as_deref(), Some("unit"));
    assert_eq!(enrolled("/system.slice/system-agent.slice/agent@x.service").as_deref(), Some("unit"));
    assert_eq!(enrolled("/system.slice/guardd.service"), None);
}
