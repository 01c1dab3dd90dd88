use std::time::Duration;

use adhoc_core::{Context, Error, Result, within};
use reqwest::{Response, Url};

use super::delivery::deliver;
use super::message::{ExpiryWarning, Message, of_warning};
use super::surroundings::variable;
use crate::config::NotificationsConfig;
use crate::http;

/// How long anybody waits for a chat.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a server's own words are, if they are a code for what is wrong.
const LONGEST_REASON: usize = 60;

const WHAT: &str = "the webhook";

/// A chat that is told things by its webhook: Slack's own, or one that takes the same, as those of Mattermost and Discord (`/slack`)
/// do.
pub(crate) struct Notifier {
    cx: Context,
    variable: String,
    /// None where nobody wants to be told. A secret: whoever has it may write into the chat.
    webhook: Option<Url>,
}

impl Notifier {
    /// For the chat whose webhook the environment variable of the configuration holds, if it is set.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the variable holds no https URL.
    pub(crate) fn new(cx: Context, config: &NotificationsConfig) -> Result<Self> {
        let name = &config.slack_webhook_env;
        let webhook = variable(name).map(|url| http::trusted_url(&url, name)).transpose()?;
        Ok(Self { cx, variable: name.clone(), webhook })
    }

    /// Says that an environment is going to be swept away; whether anybody was told. A chat that nobody has named is none.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Rejected`] if the message was not taken within ten seconds.
    pub(crate) async fn warn(&self, warning: &ExpiryWarning) -> Result<bool> {
        self.send(&of_warning(warning)).await
    }

    /// Sends a message; whether anybody was told.
    pub(super) async fn send(&self, message: &Message) -> Result<bool> {
        let Some(webhook) = &self.webhook else { return Ok(false) };
        let request = http::client()?.post(webhook.clone()).timeout(LIMIT).json(&message.payload());
        let sent = within(self.cx.clock(), LIMIT, async { self.judge(deliver(&self.cx, WHAT, request).await?).await });
        let late = || Err(Error::unavailable("", WHAT, "no answer in time"));
        sent.await.unwrap_or_else(late).map(|()| true)
    }

    async fn judge(&self, response: Response) -> Result<()> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let reason = match response.text().await {
            Ok(text) if is_code(&text) => format!("{status}: {text}"),
            _ => status.to_string(),
        };
        let error = Error::rejected("", WHAT, reason);
        Err(match status.is_client_error() || status.is_redirection() {
            true => error.with_hint(format!("look at the URL in {}", self.variable)),
            false => error,
        })
    }
}

/// Whether a server's words are such as `invalid_token` or `no_service`: anything else may repeat what we have sent.
fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_REASON && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use adhoc_core::{Clock, NullSink, Timestamp, async_trait};

    use super::*;

    /// A clock on which any pause is over at once.
    struct Impatient;

    #[async_trait]
    impl Clock for Impatient {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[tokio::test]
    async fn a_chat_that_never_answers_is_waited_for_no_longer_than_ten_seconds() {
        // It takes connections, and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook-secret", listener.local_addr().expect("an address"));
        let cx = Context::new(Arc::new(Impatient), Arc::new(NullSink));
        let webhook = Some(Url::parse(&url).expect("a URL"));
        let notifier = Notifier { cx, variable: "X".to_owned(), webhook };
        let error = notifier.send(&Message::default()).await.expect_err("no answer");
        assert_eq!(error.to_string(), "the webhook: no answer in time");
        let nobody = Notifier { webhook: None, ..notifier };
        assert!(!nobody.send(&Message::default()).await.expect("nobody to tell"));
    }

    #[test]
    fn only_a_code_is_repeated() {
        assert!(is_code("no_service") && !is_code("") && !is_code("bad https://hooks") && !is_code(&"a".repeat(61)));
    }
}
