//! Lines from a stream, each bounded in bytes and in time. Knows no JSON.

use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::timeout;

/// Bounds of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest line, without its end.
    pub bytes_max: usize,
    /// How long a peer may stay silent between two lines.
    pub idle: Duration,
    /// How long a line may take from its first byte to its last.
    pub line: Duration,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// More bytes than a line may have. The rest is still unread: the stream is of no more use.
    TooLong,
    /// Nothing in time. The stream is of no more use.
    TooSlow,
    /// The peer hung up. What it left unfinished counts for nothing.
    End,
}

/// The next line.
pub async fn next<R: AsyncBufRead + Unpin>(stream: &mut R, limits: Limits) -> Line {
    match timeout(limits.idle, stream.fill_buf()).await {
        Err(_) => return Line::TooSlow,
        Ok(Ok([]) | Err(_)) => return Line::End,
        Ok(Ok(_)) => {}
    }
    timeout(limits.line, finish(stream, limits.bytes_max)).await.unwrap_or(Line::TooSlow)
}

async fn finish<R: AsyncBufRead + Unpin>(stream: &mut R, bytes_max: usize) -> Line {
    let mut line = Vec::new();
    loop {
        let Ok(chunk) = stream.fill_buf().await else { return Line::End };
        if chunk.is_empty() {
            return Line::End;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken > bytes_max {
            return Line::TooLong;
        }
        line.extend_from_slice(&chunk[..taken]);
        let used = taken + usize::from(end.is_some());
        stream.consume(used);
        if end.is_some() {
            return Line::Whole(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, BufReader};

    use super::*;

    fn limits(bytes_max: usize) -> Limits {
        Limits { bytes_max, idle: Duration::from_millis(50), line: Duration::from_millis(50) }
    }

    async fn lines(bytes: &[u8], bytes_max: usize, most: usize) -> Vec<Line> {
        let mut stream = BufReader::with_capacity(4, bytes);
        let mut lines = Vec::new();
        for _ in 0..most {
            lines.push(next(&mut stream, limits(bytes_max)).await);
        }
        lines
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_come_whole_and_an_unfinished_one_counts_for_nothing() {
        let wanted = vec![whole("first line"), whole(""), whole("x"), Line::End];
        assert_eq!(lines(b"first line\n\nx\nunfinished", 64, 4).await, wanted);
    }

    #[tokio::test]
    async fn a_line_may_be_exactly_as_long_as_the_bound_and_no_longer() {
        assert_eq!(lines(b"12345678\n", 8, 1).await, [whole("12345678")]);
        assert_eq!(lines(b"123456789\n", 8, 1).await, [Line::TooLong]);
        assert_eq!(lines(&[b'x'; 100], 8, 1).await, [Line::TooLong], "no end in sight");
    }

    #[tokio::test]
    async fn a_peer_that_dribbles_or_sleeps_is_given_up() {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let mut stream = BufReader::new(theirs);
        assert_eq!(next(&mut stream, limits(64)).await, Line::TooSlow);
        ours.write_all(b"begun").await.unwrap();
        assert_eq!(next(&mut stream, limits(64)).await, Line::TooSlow);
    }
}
