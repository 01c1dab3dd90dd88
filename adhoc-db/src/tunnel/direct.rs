//! No tunnel at all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock, Error, Result, Tunnel, within};
use async_trait::async_trait;
use tokio::net::TcpStream;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects straight to the server, from inside its network or over a VPN.
#[derive(Clone)]
pub struct Direct {
    clock: Arc<dyn Clock>,
}

impl Direct {
    /// No tunnel.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Tunnel for Direct {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        let failed = |error: io::Error| {
            Error::database("connect", format!("{host}:{port}"), error.to_string())
                .with_hint("`bastion = \"direct\"` needs a route to the server: a VPN, or `bastion = \"ssh\"`")
        };
        let connecting = within(&*self.clock, CONNECT_TIMEOUT, TcpStream::connect((host, port))).await;
        let stream = connecting.unwrap_or_else(|| Err(io::Error::other("no answer within 5 s"))).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Box::new(stream))
    }
}
