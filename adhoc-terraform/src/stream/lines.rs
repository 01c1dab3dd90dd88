//! Lines of a pipe, in flat memory.

use tokio::io::{AsyncRead, AsyncReadExt};

const CHUNK: usize = 64 * 1024;

/// Hands over each line that `reader` gives, without its end, until it ends or fails. Of a line longer than `limit` bytes
/// the first `limit` are handed over, once it has ended.
pub(crate) async fn read_lines<R: AsyncRead + Unpin>(mut reader: R, limit: usize, mut take: impl FnMut(&[u8])) {
    let mut chunk = vec![0; CHUNK];
    let mut begun: Vec<u8> = Vec::new();
    loop {
        let read = match reader.read(&mut chunk).await {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        let mut rest = &chunk[..read];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if begun.is_empty() {
                take(without_return(&rest[..end.min(limit)]));
            } else {
                append(&mut begun, &rest[..end], limit);
                take(without_return(&begun));
                begun.clear();
            }
            rest = &rest[end + 1..];
        }
        append(&mut begun, rest, limit);
    }
    if !begun.is_empty() {
        take(without_return(&begun));
    }
}

fn append(line: &mut Vec<u8>, more: &[u8], limit: usize) {
    let room = limit.saturating_sub(line.len());
    line.extend_from_slice(&more[..more.len().min(room)]);
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use proptest::prelude::*;
    use tokio::io::ReadBuf;

    use super::*;

    /// Gives its pieces one at a time, then an error.
    struct Pieces(Vec<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if self.0.is_empty() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            to.put_slice(&self.0.remove(0));
            Poll::Ready(Ok(()))
        }
    }

    fn lines(pieces: Vec<Vec<u8>>, limit: usize) -> Vec<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut lines = Vec::new();
        runtime.block_on(read_lines(Pieces(pieces), limit, |line| lines.push(line.to_vec())));
        lines
    }

    #[test]
    fn lines_are_cut_to_the_limit_and_the_last_needs_no_end() {
        let pieces = [&b"ab\r\nlong"[..], b" li", b"ne\n\n\xff\nlast"].map(<[u8]>::to_vec);
        assert_eq!(lines(pieces.to_vec(), 6), [&b"ab"[..], b"long l", b"", b"\xff", b"last"]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(0xff)], 0..60),
            cuts in proptest::collection::vec(1usize..9, 1..60),
            limit in 1usize..12,
        ) {
            let mut pieces = Vec::new();
            let mut rest = &text[..];
            for cut in cuts {
                if rest.is_empty() { break }
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece.to_vec());
                rest = more;
            }
            let given: Vec<u8> = pieces.concat();
            let mut expected: Vec<Vec<u8>> =
                given.split(|byte| *byte == b'\n').map(|line| line[..line.len().min(limit)].to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) { expected.pop(); }
            prop_assert_eq!(lines(pieces, limit), expected);
        }
    }
}
