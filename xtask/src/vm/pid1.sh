# Process 1 of the guest, and the one that takes one job over the control port, runs it, tells its exit status.
# A port can be opened once only, so the job writes
# into pipes: `/dev/stderr` and the like stay usable for it.
b=/run/guard-vm/busybox
d=/run/guard-vm
# The job is a child's affair, so that process 1 may make way: told to by USR1, it becomes the service manager.
if [ $$ = 1 ]; then
    trap 'exec /lib/systemd/systemd --unit=guard-vm.target --show-status=no --log-target=kmsg' USR1
    $b sh "$0" &
    # Everybody's orphans end here.
    while :; do wait || $b usleep 100000; done
fi
say() { echo "guard-vm: $1" >/dev/kmsg; }

# The kernel makes the ports a moment after it has found the device. Opening one too early would only make
# a plain file of that name.
port() {
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        for entry in /sys/class/virtio-ports/*; do
            if [ -c "/dev/${entry##*/}" ] && [ "$($b cat "$entry/name")" = "guard.$1" ]; then
                echo "/dev/${entry##*/}"
                return
            fi
        done
        $b usleep 100000
    done
    say "no port guard.$1"
    $b ls -l /dev/vport* /sys/class/virtio-ports >/dev/kmsg 2>&1
    exit 1
}
control=$(port control) && out_port=$(port out) && err_port=$(port err) || $b poweroff -f
exec 3<>"$control"
echo ready >&3

while IFS= read -r line <&3; do
    [ "$line" = "end of the job" ] && break
    echo "$line"
done >$d/job

if [ -c /dev/hvc0 ] && $b grep -q '^# terminal' $d/job; then
    $b setsid -c /bin/sh $d/job </dev/hvc0 >/dev/hvc0 2>&1 3>&- &
    job=$!
    wait $job
    status=$?
else
    $b mkfifo $d/out $d/err
    $b cat <$d/out >"$out_port" 3>&- &
    out=$!
    $b cat <$d/err >"$err_port" 3>&- &
    err=$!
    $b setsid /bin/sh $d/job </dev/null >$d/out 2>$d/err 3>&- &
    job=$!
    wait $job
    status=$?
    # Whatever the job left running holds the pipes open: end it, then let both pipes run dry.
    for process in /proc/[0-9]*; do
        pid=${process#/proc/}
        case $pid in 1 | $$ | $out | $err) ;; *) kill -KILL "$pid" 2>/dev/null ;; esac
    done
    wait $out $err
fi
echo "exit $status" >&3
# The host ends the machine; if it does not, the machine ends itself.
$b sleep 5
$b poweroff -f
