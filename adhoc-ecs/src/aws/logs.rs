use adhoc_core::{LogCursor, LogEvent, LogPage, LogSource, LogStream, Result, Timestamp, async_trait};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Region;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;

use super::error::from_sdk;

/// Log streams in CloudWatch Logs, in whichever region a stream names.
#[derive(Clone)]
pub struct AwsLogs {
    client: Client,
}

impl AwsLogs {
    /// On the account of `client`, and on its region for streams that name none.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl LogSource for AwsLogs {
    async fn page(&self, stream: &LogStream, cursor: &LogCursor) -> Result<LogPage> {
        let request = self.client.get_log_events().log_group_name(&stream.group).log_stream_name(&stream.stream);
        let request = match cursor {
            LogCursor::Token(token) => request.start_from_head(true).next_token(token),
            LogCursor::Tail { lines } => request.start_from_head(false).limit((*lines).into()),
            LogCursor::Start { since } => {
                request.start_from_head(true).set_start_time(since.map(Timestamp::as_millisecond))
            }
            _ => request.start_from_head(true),
        };
        let mut config = aws_sdk_cloudwatchlogs::Config::builder();
        if let Some(region) = &stream.region {
            config = config.region(Region::new(region.clone()));
        }
        let reply = request.customize().config_override(config).send().await;
        let reply =
            reply.map_err(|error| from_sdk("GetLogEvents", &format!("{}/{}", stream.group, stream.stream), &error))?;
        let events = reply.events().iter().map(event).collect();
        // The end is when the token comes back that was sent; an empty page is not the end.
        let (next, at_end) = match (reply.next_forward_token(), cursor) {
            (Some(next), LogCursor::Token(sent)) => (LogCursor::Token(next.to_owned()), next == sent),
            (Some(next), _) => (LogCursor::Token(next.to_owned()), false),
            (None, _) => (cursor.clone(), true),
        };
        Ok(LogPage::new(events, next, at_end))
    }
}

fn event(from: &OutputLogEvent) -> LogEvent {
    let at = from.timestamp().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let ingested_at = from.ingestion_time().and_then(|at| Timestamp::from_millisecond(at).ok());
    let event = LogEvent::new(at, from.message().unwrap_or_default().trim_end_matches(['\r', '\n']));
    event.with_ingested_at(ingested_at)
}
