//! Sending a request for somebody who would like to know, but need not.

use std::time::Duration;

use adhoc_core::{Context, Error, Result};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::http;

/// The pause before the second attempt, where the server names none.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that is kept.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The answer to a request, which is sent once more where the server asks for that, or has failed.
///
/// # Errors
///
/// [`Error::Unavailable`] if there is no answer. Neither the URL nor a header is part of it.
pub(super) async fn deliver(cx: &Context, what: &'static str, request: RequestBuilder) -> Result<Response> {
    let second = request.try_clone();
    let first = sent(what, request).await?;
    match (pause(&first), second) {
        (Some(pause), Some(second)) if pause <= LONGEST_PAUSE => {
            cx.clock().sleep(pause).await;
            sent(what, second).await
        }
        _ => Ok(first),
    }
}

async fn sent(what: &'static str, request: RequestBuilder) -> Result<Response> {
    request.send().await.map_err(|error| Error::unavailable("", what, http::failure(error)))
}

/// After how long another attempt makes sense, if it does.
fn pause(response: &Response) -> Option<Duration> {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let status = response.status();
    let is_transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    match (seconds, is_transient) {
        (Some(seconds), _) if !status.is_success() => Some(seconds),
        (_, true) => Some(PAUSE),
        _ => None,
    }
}
