//! One connection to Postgres.

use std::time::Duration;

use adhoc_core::{Error, Result, within};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::tls::{NoTls, TlsStream};
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Connection, Row};

use super::error::database_error;
use super::wire::Wire;
use super::{Postgres, Tls};

/// How long a request to cancel may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection to Postgres. Dropping it closes the connection, which rolls an open transaction back.
pub struct Session {
    server: Postgres,
    client: Client,
    connection: JoinHandle<()>,
}

impl Session {
    pub(super) fn spawn<S, T>(server: Postgres, client: Client, connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: TlsStream + Unpin + Send + 'static,
    {
        let connection = tokio::spawn(async move {
            // What ends the connection also fails the statement under way, where it is reported.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Self { server, client, connection }
    }

    /// The client, for what has no method here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    /// Runs statements that give no rows. `operation` and `resource` name them in an error; the statements themselves are
    /// never shown.
    pub(crate) async fn run(&self, operation: &'static str, resource: &str, statements: &str) -> Result<()> {
        self.client.batch_execute(statements).await.map_err(|error| database_error(operation, resource, &error))
    }

    /// Runs one statement and gives back its rows.
    // Boxed, because the driver's future is only `Send` for lifetimes that are known.
    pub(crate) fn rows<'a>(
        &'a self,
        operation: &'static str,
        resource: &'a str,
        statement: &'a str,
        parameters: &'a [&'a (dyn ToSql + Sync)],
    ) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            let rows = self.client.query(statement, parameters).await;
            rows.map_err(|error| database_error(operation, resource, &error))
        })
    }

    /// What can cancel a statement of this session from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller { server: self.server.clone(), token: self.client.cancel_token() }
    }

    /// Closes the connection in good order and waits until the server has seen it.
    pub async fn close(self) {
        let Self { server, client, connection } = self;
        drop(client);
        let _ = within(&**server.clock(), CANCEL_TIMEOUT, connection).await;
    }
}

/// Cancels what a session runs, over a connection of its own.
pub struct Canceller {
    server: Postgres,
    token: CancelToken,
}

impl Canceller {
    /// Asks the server to cancel the statement under way; without one, nothing happens. See
    /// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS>.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the request does not get through within three seconds.
    pub async fn cancel(&self) -> Result<()> {
        let server = &self.server;
        let request = async {
            let stream = Wire(server.tunnel().open(server.host(), server.port()).await?);
            let sent = match server.tls() {
                Tls::Disabled => self.token.cancel_query_raw(stream, NoTls).await,
                Tls::VerifyFull(roots) => self.token.cancel_query_raw(stream, roots.connect(server.host())).await,
            };
            sent.map_err(|error| database_error("cancel", server.host(), &error))
        };
        let late = || Error::database("cancel", server.host(), "no answer within 3 s");
        within(&**server.clock(), CANCEL_TIMEOUT, request).await.unwrap_or_else(|| Err(late()))
    }
}
