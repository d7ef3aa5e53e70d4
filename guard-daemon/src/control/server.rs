//! Server of the admin socket. Reads requests, rules on who may ask, hands them to the loop, writes its answers.
//! Decides nothing else and holds no state of the daemon.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::auth::{self, Ruling};
use super::lines::{self, Limits, Line};
use super::peer::{Peer, Standing};
use super::wire::{Refusal, Request, Response};

/// Connections at once: each agent's launcher may keep one to watch, operators and users a few.
pub const CONNECTIONS_MAX: usize = 4096 + 512;

/// Connections at once of one user who is no operator, so that no user shuts the others out.
pub const CONNECTIONS_PER_USER_MAX: usize = 512;

/// An operator's longest line. A policy is the longest thing that is sent.
pub const LINE_BYTES_MAX: usize = 2 << 20;

/// Anybody else's longest line. 512 connections * 64 KiB = 32 MiB.
pub const USER_LINE_BYTES_MAX: usize = 64 << 10;

/// Requests that wait for the loop.
pub const REQUESTS_MAX: usize = 64;

/// How long a peer may stay silent between two requests.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How long a request may take from its first byte to its last.
const LINE_LIMIT: Duration = Duration::from_secs(10);

/// How long a peer may take to read an answer.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A request that may be answered.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// By whom.
    pub peer: Peer,
    /// Whether only the asker's own instances are its business.
    pub own_only: bool,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Answer>,
}

/// What goes to somebody who watches.
#[derive(Debug)]
pub enum Told {
    /// A refusal.
    Refusal(Box<Refusal>),
    /// Say so when everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// What the loop answers.
#[derive(Debug)]
pub enum Answer {
    /// One response.
    Once(Box<Response>),
    /// [`Response::Done`], and then refusals until somebody hangs up.
    Stream(mpsc::Receiver<Told>),
}

impl Answer {
    /// One response.
    pub fn once(response: Response) -> Self {
        Self::Once(Box::new(response))
    }

    fn says_no(&self) -> bool {
        matches!(self, Self::Once(response) if matches!(**response, Response::Failed { .. }))
    }
}

/// A response that says no.
pub fn failed(message: impl Into<String>) -> Response {
    Response::Failed { message: message.into(), forbidden: false }
}

/// A response that says that the asker may not.
pub fn forbidden(message: impl Into<String>) -> Response {
    Response::Failed { message: message.into(), forbidden: true }
}

/// Opens the socket for everybody: who may ask what is ruled on for each request. The caller holds the lock
/// that makes it the only daemon, so a socket that stands there is left from one that died.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Serves until the loop is gone.
pub async fn serve(listener: UnixListener, requests: mpsc::Sender<Asked>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let users = Users::default();
    while !requests.is_closed() {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: those who are served will hang up at some time.
                tracing::warn!(%error, "admin socket: a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (permit, users, requests) =
            (connections.clone().try_acquire_owned(), users.clone(), requests.clone());
        tokio::spawn(async move {
            match permit {
                Ok(_permit) => meet(stream, &users, &requests).await,
                Err(_) => turn_away(stream, failed("too many connections to the daemon; try again")).await,
            }
        });
    }
}

async fn meet(stream: UnixStream, users: &Users, requests: &mpsc::Sender<Asked>) {
    let peer = match identify(&stream).await {
        Ok(peer) => peer,
        Err(error) => {
            return turn_away(stream, forbidden(format!("the daemon cannot tell who is asking: {error}")))
                .await;
        }
    };
    let Some(_seat) = users.take_seat(&peer) else {
        let message = format!("user {} has {CONNECTIONS_PER_USER_MAX} connections to the daemon", peer.uid);
        return turn_away(stream, failed(message)).await;
    };
    let (read, write) = stream.into_split();
    Connection { read: BufReader::new(read), write, peer, launched: false }.run(requests).await;
}

async fn identify(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let pid =
        pid.ok_or_else(|| io::Error::other("its process is in a namespace that the daemon cannot see"))?;
    let (uid, gid) = (credentials.uid(), credentials.gid());
    tokio::task::spawn_blocking(move || Peer::of(uid, gid, pid)).await.map_err(io::Error::other)?
}

async fn turn_away(stream: UnixStream, response: Response) {
    let (_read, mut write) = stream.into_split();
    let _ = send(&mut write, &response).await;
}

async fn send(write: &mut OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    timeout(WRITE_LIMIT, write.write_all(&line)).await?
}

/// One connection.
struct Connection {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    peer: Peer,
    /// Whoever asked to become an agent is one, whatever the kernel's tables say a moment later.
    launched: bool,
}

impl Connection {
    async fn run(mut self, requests: &mpsc::Sender<Asked>) {
        loop {
            let bytes_max = if self.peer.operator { LINE_BYTES_MAX } else { USER_LINE_BYTES_MAX };
            let limits = Limits { bytes_max, idle: IDLE_LIMIT, line: LINE_LIMIT };
            let line = match lines::next(&mut self.read, limits).await {
                Line::Whole(line) => line,
                Line::TooLong => {
                    let message = format!("a request may have {bytes_max} bytes at most");
                    let _ = send(&mut self.write, &failed(message)).await;
                    return;
                }
                Line::TooSlow => {
                    let _ = send(&mut self.write, &failed("no whole request came in time")).await;
                    return;
                }
                Line::End => return,
            };
            let answer = self.answer(&line, requests).await;
            let sent = match answer {
                Answer::Once(response) => send(&mut self.write, &response).await,
                Answer::Stream(told) => return self.stream(told).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn answer(&mut self, line: &[u8], requests: &mpsc::Sender<Asked>) -> Answer {
        let request: Request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return Answer::once(failed(format!("this is no request: {error}"))),
        };
        let standing = if self.launched { Standing::Agent } else { self.peer.standing() };
        let own_only = match auth::rule(&request, standing) {
            Ruling::Full => false,
            Ruling::Own => true,
            Ruling::Forbidden(why) => return Answer::once(forbidden(why)),
        };
        self.launched |= matches!(request, Request::Launch { .. });
        let (answer, answered) = oneshot::channel();
        let asked = Asked { request, peer: self.peer.clone(), own_only, answer };
        if requests.send(asked).await.is_err() {
            return Answer::once(failed("the daemon is ending"));
        }
        let answer = answered.await.unwrap_or_else(|_| Answer::once(failed("the daemon is ending")));
        if answer.says_no() {
            self.launched = false;
        }
        answer
    }

    async fn stream(mut self, mut told: mpsc::Receiver<Told>) {
        if send(&mut self.write, &Response::Done).await.is_err() {
            return;
        }
        let mut hung_up = [0_u8; 1];
        loop {
            tokio::select! {
                told = told.recv() => match told {
                    Some(Told::Refusal(refusal)) => {
                        if send(&mut self.write, &Response::Refused(*refusal)).await.is_err() {
                            return;
                        }
                    }
                    Some(Told::Flush(written)) => drop(written.send(())),
                    None => return,
                },
                // Whoever watches has nothing more to say: a byte ends it like an end does.
                _ = tokio::io::AsyncReadExt::read(&mut self.read, &mut hung_up) => return,
            }
        }
    }
}

/// Connections of each user who is no operator.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<HashMap<u32, usize>>>);

/// One connection's seat among its user's; given back on drop.
struct Seat {
    users: Users,
    uid: Option<u32>,
}

impl Users {
    fn take_seat(&self, peer: &Peer) -> Option<Seat> {
        if peer.operator {
            return Some(Seat { users: self.clone(), uid: None });
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer.uid).or_default();
        if *count >= CONNECTIONS_PER_USER_MAX {
            return None;
        }
        *count += 1;
        Some(Seat { users: self.clone(), uid: Some(peer.uid) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(uid) = self.uid else { return };
        let mut counts = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt;

    use super::*;

    /// A server whose loop answers `Done` to everything, with the one folder it lives in.
    async fn server() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = listen(&path).unwrap();
        let (requests, mut asked) = mpsc::channel::<Asked>(REQUESTS_MAX);
        tokio::spawn(serve(listener, requests));
        tokio::spawn(async move {
            while let Some(one) = asked.recv().await {
                let _ = one.answer.send(Answer::once(Response::Done));
            }
        });
        (folder, path)
    }

    async fn exchange(path: &Path, bytes: &[u8], answers: usize) -> Vec<Response> {
        let (read, mut write) = UnixStream::connect(path).await.unwrap().into_split();
        write.write_all(bytes).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        let mut responses = Vec::new();
        for _ in 0..answers {
            let line = lines.next_line().await.unwrap().expect("an answer");
            responses.push(serde_json::from_str(&line).unwrap());
        }
        responses
    }

    fn says_no(response: &Response) -> bool {
        matches!(response, Response::Failed { .. })
    }

    #[tokio::test]
    async fn bad_bytes_get_an_answer_and_the_connection_goes_on() {
        let (_folder, path) = server().await;
        let bytes = b"\xff\xfe\n{\n[]\n{\"request\":\"nonsense\"}\n{\"request\":\"watch\",\"slot\":1,\"x\":1}\n{\"request\":\"status\"}\n";
        let responses = exchange(&path, bytes, 6).await;
        assert!(responses[..5].iter().all(says_no), "{responses:?}");
        assert_eq!(responses[5], Response::Done);
    }

    #[tokio::test]
    async fn a_line_beyond_the_bound_is_refused_in_words() {
        let (_folder, path) = server().await;
        let (read, mut write) = UnixStream::connect(&path).await.unwrap().into_split();
        let writer = tokio::spawn(async move { write.write_all(&vec![b'x'; LINE_BYTES_MAX + 2]).await });
        let line = BufReader::new(read).lines().next_line().await.unwrap().expect("an answer");
        assert!(line.contains("bytes at most"), "{line}");
        let _ = writer.await;
    }

    #[tokio::test]
    async fn a_connection_that_became_an_agent_may_ask_nothing_more() {
        let (_folder, path) = server().await;
        let launch = "{\"request\":\"launch\",\"agent\":null,\"profile\":null,\"command\":[]}\n";
        let bytes = format!("{launch}{{\"request\":\"status\"}}\n");
        let responses = exchange(&path, bytes.as_bytes(), 2).await;
        assert_eq!(responses[0], Response::Done);
        assert!(matches!(&responses[1], Response::Failed { forbidden: true, .. }), "{responses:?}");
    }

    #[tokio::test]
    async fn a_socket_left_by_a_dead_daemon_is_replaced_and_open_to_everybody() {
        let (_folder, path) = server().await;
        listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    }

    #[test]
    fn one_user_cannot_take_every_seat() {
        let users = Users::default();
        let peer = |uid, operator| Peer {
            uid,
            gid: 0,
            user: None,
            groups: Vec::new(),
            pid: 1,
            start_ticks: 0,
            login_uid: None,
            operator,
        };
        let mut seats: Vec<Seat> =
            (0..CONNECTIONS_PER_USER_MAX).map(|_| users.take_seat(&peer(1000, false)).unwrap()).collect();
        assert!(users.take_seat(&peer(1000, false)).is_none());
        assert!(users.take_seat(&peer(1001, false)).is_some());
        assert!(users.take_seat(&peer(0, true)).is_some());
        seats.pop();
        assert!(users.take_seat(&peer(1000, false)).is_some());
    }
}
