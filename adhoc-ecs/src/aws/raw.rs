//! The raw JSON of requests and replies, for documents with members that the typed SDK would drop.

use std::sync::{Arc, Mutex, PoisonError};

use adhoc_core::{Error, Result};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value};

/// Keeps the body of the last reply. The body is only complete after deserialisation; before, it is a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct CaptureReply(Arc<Mutex<Vec<u8>>>);

impl CaptureReply {
    /// The reply as a JSON object.
    pub(super) fn into_document(self, operation: &'static str, resource: &str) -> Result<Map<String, Value>> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(&body).map_err(|error| {
            Error::unavailable(operation, resource, "the answer is not a JSON object").with_source(error)
        })
    }
}

#[dyn_dispatch_hint]
impl Intercept for CaptureReply {
    fn name(&self) -> &'static str {
        "CaptureReply"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        if let Some(body) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        }
        Ok(())
    }
}

/// Replaces a request's body before it is signed.
pub(super) fn replace_body(request: &mut HttpRequest, body: &[u8]) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body.to_vec());
}
