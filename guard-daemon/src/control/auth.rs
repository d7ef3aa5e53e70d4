//! Who may ask what: one pure table. Agents nothing; operators everything; everybody else what concerns their
//! own instances, and a launch where the policy lets them.

use super::peer::Standing;
use super::wire::Request;

/// How far a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// As far as it likes.
    Full,
    /// Only what concerns the asker's own instances; a launch only where the policy lets the asker.
    Own,
    /// Not at all.
    Forbidden(&'static str),
}

const AGENTS: &str = "an agent, or a process that ended after connecting, may not talk to the admin socket";
const OPERATORS: &str = "only root and members of the group `guard` may ask this";

/// The ruling for a request.
pub fn rule(request: &Request, standing: Standing) -> Ruling {
    match standing {
        Standing::Agent => Ruling::Forbidden(AGENTS),
        Standing::Operator => Ruling::Full,
        Standing::User => rule_user(request),
    }
}

fn rule_user(request: &Request) -> Ruling {
    match request {
        Request::Status
        | Request::Agents
        | Request::Launch { .. }
        | Request::Watch { .. }
        | Request::Why { .. }
        | Request::Settle => Ruling::Own,
        Request::Surface { .. }
        | Request::Recover { .. }
        | Request::KillGiven
        | Request::Policy
        | Request::Apply { .. } => Ruling::Forbidden(OPERATORS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_request() -> Vec<Request> {
        let text = String::new;
        vec![
            Request::Status,
            Request::Agents,
            Request::Launch { agent: None, profile: None, command: Vec::new() },
            Request::Watch { slot: 1 },
            Request::Why { agent: None, pid: None, most: 1 },
            Request::Settle,
            Request::Surface { surface: text(), on: true },
            Request::Recover { agent: None, note: text() },
            Request::KillGiven,
            Request::Policy,
            Request::Apply { text: text(), source: text() },
        ]
    }

    #[test]
    fn an_agent_may_ask_nothing() {
        for request in every_request() {
            assert_eq!(rule(&request, Standing::Agent), Ruling::Forbidden(AGENTS), "{request:?}");
        }
    }

    #[test]
    fn only_operators_change_what_is_in_force() {
        let (own, operators) = (Ruling::Own, Ruling::Forbidden(OPERATORS));
        let wanted = [own, own, own, own, own, own, operators, operators, operators, operators, operators];
        for (request, wanted) in every_request().iter().zip(wanted) {
            assert_eq!(rule(request, Standing::User), wanted, "{request:?}");
            assert_eq!(rule(request, Standing::Operator), Ruling::Full, "{request:?}");
        }
    }
}
