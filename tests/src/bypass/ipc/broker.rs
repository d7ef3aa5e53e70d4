//! Somebody outside who runs what he is told, at the names and ports where such people are.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, Prepare, Refusal, Spot, Trick, UNIX, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::fixture::MARKS;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("broker.py")), cases };

const CONNECT: Refusal = Refusal::no_edge(Surface::Connect, Operation::Connect);

/// He stands where he is asked, which a case's preparation cannot be told: each place is a function.
macro_rules! asked_at {
    ($id:literal, $sentence:literal, $refusal:expr, $place:literal) => {
        asked($id, $sentence, $refusal, $place, |_| {
            stands_by(Who::Root, concat!("ipc.broker.broker ", $place))
        })
    };
}

fn cases() -> Cases {
    [
        asked_at!("I01f", "the_container_daemon_is_not_asked", UNIX, "/run/docker.sock"),
        asked_at!("I05", "the_sessions_bus_is_not_asked", UNIX, "/run/user/61000/bus"),
        asked_at!("I05b", "the_systems_bus_is_not_asked", UNIX, "/run/dbus/guardtest_bus_socket"),
        asked_at!("I05c", "the_service_manager_is_not_asked", UNIX, "/run/systemd/guardtest-private"),
        asked_at!("I06", "the_key_agent_is_not_asked", UNIX, "/tmp/ssh-guardtest/agent.1"),
        asked_at!("I06b", "the_signing_agent_is_not_asked", UNIX, "/run/user/61000/gnupg/S.gpg-agent"),
        asked_at!("I06c", "the_login_service_is_not_asked", CONNECT, "10.99.0.1:22"),
        asked_at!("I07", "the_terminal_multiplexer_is_not_asked", UNIX, "/tmp/tmux-61000/default"),
        asked_at!("I07b", "the_display_is_not_asked", UNIX, "/tmp/.X11-unix/X7"),
        asked_at!("I07c", "the_display_is_not_asked_by_its_other_name", UNIX, "@/tmp/.X11-unix/X7"),
        asked_at!("I07d", "the_editor_is_not_asked", UNIX, "/home/guardtest/.editor/ipc.sock"),
        asked_at!("I15", "a_service_of_the_hosts_is_not_asked", CONNECT, "10.99.0.1:7022"),
        asked_at!("I61", "the_name_service_cache_is_not_asked", UNIX, "/run/nscd/guardtest-socket"),
        asked_at!("I61b", "the_name_resolver_is_not_asked", UNIX, "/run/systemd/resolve/guardtest.Resolve"),
    ]
    .into()
}

fn asked(id: &'static str, sentence: &str, refusal: Refusal, place: &str, broker: Prepare) -> Cases {
    let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let marked = Effect::changed(MARKS);
    let attack = format!("!ipc.broker.ask {place} touch {{mark}}");
    let allowed = "!ipc.broker.ask {w}/broker touch {mark}";
    at(places, id, sentence, refusal, (&attack, &marked), (allowed, &marked)).prepared(broker).each(|case| {
        case.allowed.prepare =
            Some(|spot| stands_by(Who::Root, &format!("ipc.broker.broker {}", spot.w("broker"))));
    })
}
