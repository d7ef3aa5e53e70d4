#!/bin/busybox sh
# First program of the guest: from the initramfs to the machine's own root under an overlay.
# Refuses to go on half-way: a failed step ends in a panic, which the host reports as a boot failure.
b=/bin/busybox
fail() { $b echo "guard-vm: $1" >/dev/kmsg; $b echo "guard-vm: $1" >/dev/console; exit 1; }

$b mkdir -p /dev && $b mount -t devtmpfs dev /dev || fail "no devtmpfs"
for module in /modules/*.ko; do
    $b insmod "$module" || fail "cannot insert $module"
done

$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower || fail "no 9p root"
$b mount -t tmpfs -o size=75% rw /rw && $b mkdir /rw/upper /rw/work || fail "no tmpfs"
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work root /new || fail "no overlay"

$b mkdir -p /proc && $b mount -t proc proc /proc || fail "no proc"
for word in $($b cat /proc/cmdline); do
    case $word in
        guard_keep=*) keep=${word#guard_keep=} ;;
        guard_modules=*) modules=${word#guard_modules=} ;;
    esac
done

# What the job needs below /tmp or /run is bound aside first (guard_keep: paths with a colon between):
# a tmpfs would hide it.
IFS=:
n=0
for path in $keep; do
    n=$((n + 1))
    $b mkdir -p /keep/$n && $b mount --bind "/new$path" /keep/$n || fail "cannot keep $path"
done
for folder in tmp run dev/shm; do
    $b mkdir -p /new/$folder
done
$b mount -t tmpfs -o mode=1777 tmp /new/tmp || fail "no /tmp"
$b mount -t tmpfs -o mode=0755 run /new/run || fail "no /run"
n=0
for path in $keep; do
    n=$((n + 1))
    $b mkdir -p "/new$path" && $b mount --move /keep/$n "/new$path" || fail "cannot show $path"
done
unset IFS

release=$($b uname -r)
$b mkdir -p "/new/usr/lib/modules/$release"
$b mount --bind "/new$modules" "/new/usr/lib/modules/$release" || fail "no modules at $modules"

$b mount --move /proc /new/proc
$b mount -t sysfs sys /new/sys || fail "no sysfs"
$b mount --move /dev /new/dev
$b mkdir -p /new/dev/pts /new/dev/shm
$b mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
$b mount -t tmpfs -o mode=1777 shm /new/dev/shm
$b mount -t cgroup2 cgroup2 /new/sys/fs/cgroup || fail "no cgroup2"
$b mount -t bpf -o mode=700 bpf /new/sys/fs/bpf || fail "no bpffs"
$b mount -t securityfs security /new/sys/kernel/security || fail "no securityfs"
$b mount -t debugfs debug /new/sys/kernel/debug
$b mount -t tracefs trace /new/sys/kernel/tracing
$b ln -sf /proc/self/fd /new/dev/fd
$b ln -sf /proc/self/fd/0 /new/dev/stdin
$b ln -sf /proc/self/fd/1 /new/dev/stdout
$b ln -sf /proc/self/fd/2 /new/dev/stderr
$b ip link set lo up
$b hostname guard-vm

$b mkdir -p /new/run/guard-vm
$b cp /bin/busybox /pid1 /new/run/guard-vm/
exec $b switch_root /new /run/guard-vm/busybox sh /run/guard-vm/pid1
