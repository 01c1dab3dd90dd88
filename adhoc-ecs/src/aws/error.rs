//! From the SDK's errors to the core's, by error code and never by text, but for the messages that AWS gives no code.

use std::error::Error as StdError;

use adhoc_core::Error;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// What kept a call from succeeding, before it has a name of ours.
enum Failure {
    /// The service answered with an error.
    Service { code: String, message: String, status: u16 },
    /// No credentials were found, or they could not be loaded.
    NoCredentials(String),
    /// The request did not get through, or its answer did not.
    Transport(String),
    /// The request could not be made.
    Construction(String),
}

/// The core error of a failed call.
pub(super) fn from_sdk<E>(operation: &'static str, resource: &str, error: &SdkError<E, Response>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    to_core(operation, resource, classify(error))
}

fn classify<E>(error: &SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(answer) => Failure::Service {
            code: answer.err().code().unwrap_or("Unknown").to_owned(),
            message: answer.err().message().unwrap_or("no message").to_owned(),
            status: answer.raw().status().as_u16(),
        },
        SdkError::ConstructionFailure(_) => Failure::Construction(innermost(error)),
        _ if mentions_credentials(error) => Failure::NoCredentials(first_sentence(&innermost(error))),
        _ => Failure::Transport(innermost(error)),
    }
}

fn to_core(operation: &'static str, resource: &str, failure: Failure) -> Error {
    match failure {
        Failure::Service { code, message, status } => from_code(operation, resource, &code, &message, status),
        Failure::NoCredentials(reason) => Error::permission_denied(operation, resource, format!("no AWS credentials: {reason}"))
            .with_hint("set AWS_PROFILE or --profile, or the AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY variables; `aws sts get-caller-identity` shows who you are"),
        Failure::Transport(reason) => Error::unavailable(operation, resource, format!("AWS could not be reached: {reason}"))
            .with_hint("check the network, the region and AWS_ENDPOINT_URL"),
        Failure::Construction(reason) => Error::invalid(operation, resource, format!("the request could not be made: {reason}"))
            .with_hint("set --region or AWS_REGION"),
    }
}

fn from_code(operation: &'static str, resource: &str, code: &str, message: &str, status: u16) -> Error {
    let reason = format!("{message} ({code})");
    match code {
        "ClusterNotFoundException"
        | "ServiceNotFoundException"
        | "ResourceNotFoundException"
        | "ServiceNotActiveException"
        | "TaskDefinitionNotFoundException"
        | "RepositoryNotFoundException"
        | "ImageNotFoundException"
        | "NoSuchEntity"
        | "NoSuchResourceException"
        | "LoadBalancerNotFound" => Error::not_found(operation, resource, reason),
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException" => Error::throttled(operation, resource, reason),
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "InvalidToken" => Error::permission_denied(operation, resource, reason)
            .with_hint("the AWS credentials are wrong or have expired; sign in again"),
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => {
            Error::permission_denied(operation, resource, reason)
                .with_hint("ask for this action in the role's IAM policy")
        }
        "ConflictException" => Error::conflict(operation, resource, reason),
        "ClientException" if message.contains("Too many concurrent attempts") => {
            Error::throttled(operation, resource, reason)
        }
        "ClientException" if message.contains("apacity is unavailable") => {
            Error::task_not_started(operation, resource, reason)
                .with_hint("run the same command again later, or add another capacity provider")
        }
        "InvalidParameterException" if message.contains("No Container Instances") => {
            Error::task_not_started(operation, resource, reason)
        }
        _ if status >= 500 => Error::unavailable(operation, resource, reason),
        _ => Error::rejected(operation, resource, reason),
    }
}

/// The last message of the chain, which names the cause ("Connection refused") where the outer ones only say "dispatch
/// failure". No message of the SDK holds a secret: requests are not part of them.
fn innermost(error: &dyn StdError) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The SDK goes on to tell every place in which it has looked.
fn first_sentence(text: &str) -> String {
    text.split_once(". ").map_or(text, |(first, _)| first).to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_meanings() {
        let retryable = |code, message, status| from_code("Op", "x", code, message, status).is_retryable();
        assert!(retryable("ThrottlingException", "Rate exceeded", 400));
        assert!(retryable("ServerException", "oops", 500));
        assert!(retryable(
            "ClientException",
            "Too many concurrent attempts to create a new revision of the specified family.",
            400
        ));
        assert!(!retryable("ClientException", "Something else", 400));
        assert!(matches!(from_code("Op", "x", "ClusterNotFoundException", "", 400), Error::NotFound(_)));
        assert!(matches!(from_code("Op", "x", "AccessDeniedException", "", 400), Error::PermissionDenied(_)));
        assert!(matches!(
            from_code("Op", "x", "ClientException", "Capacity is unavailable at this time.", 400),
            Error::TaskNotStarted(_)
        ));
    }
}
