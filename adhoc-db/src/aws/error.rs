//! From the SDK's errors to the core's, by error code.

use std::error::Error as StdError;

use adhoc_core::Error;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The error code of an answer, if there was one.
pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, Response>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// The core error of a failed call. Requests are not part of the SDK's messages, so none holds a secret.
pub(super) fn from_sdk<E>(operation: &'static str, resource: &str, error: &SdkError<E, Response>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let (code, message) = (answer.err().code().unwrap_or("Unknown"), answer.err().message());
            let reason = format!("{} ({code})", message.unwrap_or("no message"));
            from_code(operation, resource, code, reason, answer.raw().status().as_u16())
        }
        _ if mentions_credentials(error) => Error::permission_denied(operation, resource, "no AWS credentials")
            .with_source(Text(innermost(error)))
            .with_hint("set AWS_PROFILE or --profile; `aws sts get-caller-identity` shows who you are"),
        _ => Error::unavailable(operation, resource, format!("AWS could not be reached: {}", innermost(error)))
            .with_hint("check the network, the region and AWS_ENDPOINT_URL"),
    }
}

fn from_code(operation: &'static str, resource: &str, code: &str, reason: String, status: u16) -> Error {
    match code {
        "DBInstanceNotFound"
        | "DBInstanceNotFoundFault"
        | "ResourceNotFoundException"
        | "EC2InstanceNotFoundException" => Error::not_found(operation, resource, reason),
        "TargetNotConnected" => Error::database(operation, resource, reason).with_hint(
            "the bastion must run, with an SSM agent that has a way out and the policy AmazonSSMManagedInstanceCore",
        ),
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "AuthException" => {
            Error::permission_denied(operation, resource, reason)
                .with_hint("ask for this action in the role's IAM policy")
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "AuthFailure" => Error::permission_denied(operation, resource, reason)
            .with_hint("the AWS credentials are wrong or have expired; sign in again"),
        _ if code.contains("Throttl") || code == "RequestLimitExceeded" => {
            Error::throttled(operation, resource, reason)
        }
        _ if status >= 500 => Error::unavailable(operation, resource, reason),
        _ => Error::rejected(operation, resource, reason),
    }
}

/// An inner message, without the SDK's type.
#[derive(Debug)]
struct Text(String);

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Text {}

fn innermost(error: &dyn StdError) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn mentions_credentials(error: &dyn StdError) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if text.contains("credential") || text.contains("identity") {
            return true;
        }
        next = error.source();
    }
    false
}
