//! Noticing that nobody is at the other end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::tunnel::lost::Lost;

const INTERVAL: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(6);

/// Postgres's GSSENCRequest: eight bytes that any server answers with one. After an SSLRequest, which would do as well, the
/// server writes to its log that a handshake was broken off. See
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const QUESTION: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

/// Asks the server something as long as a stream is open, and fails `lost` when it does not answer.
pub(super) async fn keep_watch(clock: Arc<dyn Clock>, port: u16, mut open: watch::Receiver<usize>, lost: Lost) {
    loop {
        // The sender is gone when the forwarding is.
        if open.wait_for(|count| *count > 0).await.is_err() {
            return;
        }
        clock.sleep(INTERVAL).await;
        if *open.borrow() == 0 {
            continue;
        }
        match within(&*clock, PATIENCE, ask(port)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                return lost.fail(format!("the session was lost: the plugin's port is closed: {error}"));
            }
            None => return lost.fail("the session was lost: the server behind it no longer answers"),
        }
    }
}

/// An error means that the plugin is not there. To close the connection is an answer too: a server may not know the question.
async fn ask(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("localhost", port)).await?;
    // What may fail from here on is the connection, and then the far end has closed it.
    if stream.write_all(&QUESTION).await.is_ok() {
        let _ = stream.read_u8().await;
    }
    Ok(())
}
