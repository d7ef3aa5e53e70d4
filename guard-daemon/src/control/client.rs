//! Client of the admin socket: blocking, one JSON object a line, every wait bounded. Knows no policy and
//! starts no daemon: it says why it got no answer, and the command line decides what to do about it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wire::{Refusal, Request, Response};

/// Where the daemon listens unless it was told otherwise.
pub const SOCKET: &str = "/run/guard/admin.sock";

/// How long an answer may take. Applying a large policy is the slowest thing a daemon is asked.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Longest line taken from a daemon: more is a daemon gone mad, not an answer.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon answers at {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket may not be opened by this user.
    #[error("the daemon's socket {} may not be opened from here: no agent may talk to the daemon", path.display())]
    NotAllowed {
        /// The socket.
        path: PathBuf,
    },
    /// The daemon refused.
    #[error("{message}")]
    Refused {
        /// Who is wrong, and what to do.
        message: String,
        /// Whether the asker lacks the right to ask this.
        forbidden: bool,
    },
    /// The daemon hung up, or took too long.
    #[error("the daemon at {} gave no answer: {source}", path.display())]
    Lost {
        /// The socket.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The daemon speaks another language.
    #[error("the daemon and this `guard` do not understand each other ({0}); are both of the same version?")]
    Protocol(String),
}

impl ClientError {
    /// Whether no daemon is there at all.
    pub fn is_not_running(&self) -> bool {
        matches!(self, Self::NotRunning(_))
    }
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the daemon that listens at `path`.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|source| connect_error(path, source))?;
        let client = Self { path: path.to_owned(), stream: BufReader::new(stream) };
        client.limit(Some(ANSWER_LIMIT))?;
        Ok(client)
    }

    /// Waits no longer than this for an answer from now on.
    pub fn answer_within(&self, limit: Duration) -> Result<(), ClientError> {
        self.limit(Some(limit))
    }

    /// Asks, and waits for the answer. [`Response::Failed`] comes back as an error.
    pub fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| ClientError::Protocol(error.to_string()))?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).map_err(|source| self.lost(source))?;
        match self.next_response()? {
            Some(Response::Failed { message, forbidden }) => Err(ClientError::Refused { message, forbidden }),
            Some(response) => Ok(response),
            None => Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Asks for what is answered by [`Response::Done`].
    pub fn order(&mut self, request: &Request) -> Result<(), ClientError> {
        let answer = self.ask(request)?;
        if answer == Response::Done { Ok(()) } else { Err(unexpected(&answer)) }
    }

    /// Turns the connection into a stream of one instance's refusals.
    pub fn watch(mut self, slot: u32) -> Result<Watch, ClientError> {
        self.order(&Request::Watch { slot })?;
        self.limit(None)?;
        Ok(Watch { client: self })
    }

    fn limit(&self, limit: Option<Duration>) -> Result<(), ClientError> {
        let stream = self.stream.get_ref();
        stream
            .set_read_timeout(limit)
            .and_then(|()| stream.set_write_timeout(limit))
            .map_err(|source| self.lost(source))
    }

    fn lost(&self, source: io::Error) -> ClientError {
        ClientError::Lost { path: self.path.clone(), source }
    }

    fn next_response(&mut self) -> Result<Option<Response>, ClientError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|source| self.lost(source))? == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| ClientError::Protocol(error.to_string()))
    }
}

/// Refusals of one instance, as they happen. Ends when the daemon does, or when its [`Hangup`] is used.
#[derive(Debug)]
pub struct Watch {
    client: Client,
}

impl Watch {
    /// A handle that ends the stream from another thread.
    pub fn hangup(&self) -> Result<Hangup, ClientError> {
        self.client.stream.get_ref().try_clone().map(Hangup).map_err(|source| self.client.lost(source))
    }
}

impl Iterator for Watch {
    type Item = Result<Refusal, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let response = self.client.next_response().transpose()?;
        Some(response.and_then(|response| {
            let Response::Refused(refusal) = response else { return Err(unexpected(&response)) };
            Ok(refusal)
        }))
    }
}

/// Ends a [`Watch`].
#[derive(Debug)]
pub struct Hangup(UnixStream);

impl Hangup {
    /// The watch's next line is its last.
    pub fn hang_up(&self) -> io::Result<()> {
        self.0.shutdown(std::net::Shutdown::Both)
    }
}

/// The error for an answer to another question.
pub fn unexpected(response: &Response) -> ClientError {
    ClientError::Protocol(format!("unexpected answer {response:?}"))
}

fn connect_error(path: &Path, source: io::Error) -> ClientError {
    let path = path.to_owned();
    let kind = source.kind();
    if matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
        ClientError::NotRunning(path)
    } else if kind == io::ErrorKind::PermissionDenied {
        ClientError::NotAllowed { path }
    } else {
        ClientError::Lost { path, source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn daemon(answer: &'static [u8]) -> (tempfile::TempDir, PathBuf, std::thread::JoinHandle<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let heard = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            BufReader::new(&stream).read_line(&mut question).unwrap();
            (&stream).write_all(answer).unwrap();
            question
        });
        (folder, path, heard)
    }

    #[test]
    fn a_missing_socket_and_a_dead_one_are_no_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(Client::connect(&path).unwrap_err().is_not_running());
        drop(UnixListener::bind(&path).unwrap());
        assert!(Client::connect(&path).unwrap_err().is_not_running());
    }

    #[test]
    fn a_question_is_one_line_and_a_refusal_is_an_error_with_the_daemons_words() {
        let (_folder, path, heard) =
            daemon(b"{\"response\":\"failed\",\"message\":\"only root\",\"forbidden\":true}\n");
        let error = Client::connect(&path).unwrap().ask(&Request::Status).unwrap_err();
        assert_eq!(heard.join().unwrap(), "{\"request\":\"status\"}\n");
        assert!(matches!(&error, ClientError::Refused { forbidden: true, .. }));
        assert_eq!(error.to_string(), "only root");
    }

    #[test]
    fn a_hang_up_instead_of_an_answer_is_an_error() {
        let (_folder, path, _heard) = daemon(b"");
        let error = Client::connect(&path).unwrap().ask(&Request::Status).unwrap_err();
        assert!(matches!(error, ClientError::Lost { .. }));
    }

    #[test]
    fn a_foreign_answer_is_a_protocol_error_not_a_panic() {
        for answer in [&b"\xff\xfe\n"[..], b"{}\n", b"{\"response\":\"done\"", b"[[[[\n"] {
            let (_folder, path, _heard) = daemon(answer);
            let error = Client::connect(&path).unwrap().ask(&Request::Status).unwrap_err();
            assert!(matches!(error, ClientError::Protocol(_)), "{answer:?} gave {error:?}");
        }
    }
}
