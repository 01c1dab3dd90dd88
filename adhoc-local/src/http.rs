//! From a request on the wire to an answer on the wire.

use crate::{
    Call, FaultKind,
    clock::{now_ms, sleep_ms},
    dispatch::{self, Answer},
    error::ApiError,
    form, guard,
    shared::Shared,
    sync::lock,
    xml::{leaf, node},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// A request, understood.
pub(crate) struct Incoming {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) input: Value,
    pub(crate) protocol: Protocol,
    pub(crate) access_key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Query,
    Ec2,
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let protocol = if parts.headers.contains_key("x-amz-target") { Protocol::Json } else { Protocol::Query };
    if let Err(error) = guard::check(&parts.headers) {
        tracing::warn!(code = error.code, message = error.message, "refused a request");
        return error_response(protocol, &error);
    }
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return error_response(protocol, &ApiError::new("RequestEntityTooLargeException", "The request is too large."));
    };
    match understand(&parts.headers, &body) {
        Ok(incoming) => carry_out(&shared, incoming).await,
        Err(error) => error_response(protocol, &error),
    }
}

fn service_of_target(prefix: &str) -> &str {
    match prefix {
        "AmazonEC2ContainerServiceV20141113" => "ecs",
        "Logs_20140328" => "logs",
        "AmazonEC2ContainerRegistry_V20150921" => "ecr",
        "AWSEC2InstanceConnectService" => "ec2-instance-connect",
        "AmazonSSM" => "ssm",
        other => other,
    }
}

/// A part of what the signature is for: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn signed(headers: &HeaderMap, part: usize) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.split_once("Credential=")?.1.split(',').next()?.split('/').nth(part)
}

fn understand(headers: &HeaderMap, body: &[u8]) -> Result<Incoming, ApiError> {
    let access_key = signed(headers, 0).unwrap_or_default().to_owned();
    if let Some(target) = headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        let (prefix, operation) = target.split_once('.').ok_or_else(ApiError::unknown_operation)?;
        let body = if body.is_empty() { &b"{}"[..] } else { body };
        let input: Value = serde_json::from_slice(body)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| ApiError::new("SerializationException", "The request body is not a JSON object."))?;
        let (service, operation) = (service_of_target(prefix).to_owned(), operation.to_owned());
        return Ok(Incoming { service, operation, input, protocol: Protocol::Json, access_key });
    }
    let input = form::parse(&String::from_utf8_lossy(body));
    let member = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = member("Action").to_owned();
    if operation.is_empty() {
        return Err(ApiError::new("MissingAction", "The request must name an action."));
    }
    let service = match member("Version") {
        "2016-11-15" => "ec2",
        "2014-10-31" => "rds",
        "2011-06-15" => "sts",
        _ => signed(headers, 3).unwrap_or("unknown"),
    };
    let protocol = if service == "ec2" { Protocol::Ec2 } else { Protocol::Query };
    Ok(Incoming { service: service.to_owned(), operation, input, protocol, access_key })
}

async fn carry_out(shared: &Arc<Shared>, incoming: Incoming) -> Response {
    let at_ms = now_ms();
    let struck = lock(&shared.faults).strike(&incoming.service, &incoming.operation);
    let mut lost = false;
    let mut forced = None;
    for kind in struck {
        match kind {
            FaultKind::Delay(ms) => sleep_ms(ms).await,
            FaultKind::DropAnswer => lost = true,
            kind => forced = forced.or(Some(kind)),
        }
    }
    let response = match &forced {
        Some(FaultKind::Drop) => None,
        Some(kind) => Some(faulty(shared, &incoming, kind)),
        None if throttled(shared, &incoming) => Some(error_response(incoming.protocol, &throttling(incoming.protocol))),
        None => Some(respond(shared, &incoming)),
    };
    let response = response.filter(|_| !lost);
    let status = response.as_ref().map_or(0, |response| response.status().as_u16());
    let Incoming { service, operation, input, access_key, .. } = incoming;
    shared.record(Call { service, operation, request: input, status, access_key, at_ms });
    response.unwrap_or_else(broken_off)
}

fn throttled(shared: &Shared, incoming: &Incoming) -> bool {
    let take =
        |buckets| !lock::<crate::limits::Buckets>(buckets).take(&incoming.service, &incoming.operation, now_ms());
    shared.buckets.as_ref().is_some_and(take)
}

fn throttling(protocol: Protocol) -> ApiError {
    match protocol {
        Protocol::Json => ApiError::new("ThrottlingException", "Rate exceeded"),
        Protocol::Query => ApiError::new("Throttling", "Rate exceeded"),
        Protocol::Ec2 => ApiError::new("RequestLimitExceeded", "Request limit exceeded.")
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn respond(shared: &Arc<Shared>, incoming: &Incoming) -> Response {
    match dispatch::call(shared, incoming, now_ms()) {
        Ok(answer) => answer_response(incoming, answer),
        Err(error) => {
            if matches!(error.code.as_str(), "UnknownOperationException" | "InvalidAction") {
                let (service, operation) = (&incoming.service, &incoming.operation);
                tracing::warn!(service, operation, "an operation that this server does not have");
            }
            error_response(incoming.protocol, &error)
        }
    }
}

fn faulty(shared: &Arc<Shared>, incoming: &Incoming, kind: &FaultKind) -> Response {
    let status = |code: u16| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    let error = match kind {
        FaultKind::Throttle => throttling(incoming.protocol),
        FaultKind::ServerError(code) => {
            let name = if *code == 503 { "ServiceUnavailableException" } else { "ServerException" };
            ApiError::new(name, "Service Unavailable. Please try again later.").with_status(status(*code))
        }
        FaultKind::Error { code, message, status: code_number } => {
            ApiError::new(code, message.clone()).with_status(status(*code_number))
        }
        FaultKind::Failures(reason) => {
            let failures = dispatch::failures(&incoming.operation, &incoming.input, reason);
            return answer_response(incoming, Answer::Json(failures));
        }
        FaultKind::EmptyPage => match shared.logs.empty_page(&incoming.input) {
            Ok(page) => return answer_response(incoming, Answer::Json(page)),
            Err(error) => error,
        },
        FaultKind::Drop | FaultKind::DropAnswer | FaultKind::Missing | FaultKind::Delay(_) => {
            return respond(shared, incoming);
        }
    };
    error_response(incoming.protocol, &error)
}

/// A response whose body fails at once, which makes the server close the connection before anything is sent.
fn broken_off() -> Response {
    let error = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "the scenario drops this connection");
    Response::new(Body::from_stream(futures_util::stream::once(std::future::ready(Err::<Vec<u8>, _>(error)))))
}

fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1".to_owned()), (REQUEST_ID, request_id())];
    (status, headers, body.to_string()).into_response()
}

const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-amzn-requestid");

fn xml_response(status: StatusCode, body: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/xml;charset=UTF-8".to_owned()), (REQUEST_ID, request_id())];
    (status, headers, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}")).into_response()
}

fn answer_response(incoming: &Incoming, answer: Answer) -> Response {
    let operation = &incoming.operation;
    let (version, inner) = match answer {
        Answer::Json(value) => return json_response(StatusCode::OK, &value),
        Answer::Xml { namespace, inner } => (namespace, inner),
    };
    let body = if incoming.protocol == Protocol::Ec2 {
        leaf("requestId", &request_id()) + &inner
    } else {
        let metadata = node("ResponseMetadata", &leaf("RequestId", &request_id()));
        node(&format!("{operation}Result"), &inner) + &metadata
    };
    xml_response(StatusCode::OK, &format!("<{operation}Response xmlns=\"{version}\">{body}</{operation}Response>"))
}

fn error_response(protocol: Protocol, error: &ApiError) -> Response {
    let code_and_message = leaf("Code", &error.code) + &leaf("Message", &error.message);
    match protocol {
        Protocol::Json => json_response(error.status, &json!({"__type": error.code, "message": error.message})),
        Protocol::Ec2 => {
            let errors = node("Errors", &node("Error", &code_and_message));
            xml_response(error.status, &node("Response", &(errors + &leaf("RequestID", &request_id()))))
        }
        Protocol::Query => {
            let fault = if error.status.is_server_error() { "Receiver" } else { "Sender" };
            let body = node("Error", &(leaf("Type", fault) + &code_and_message)) + &leaf("RequestId", &request_id());
            xml_response(error.status, &node("ErrorResponse", &body))
        }
    }
}
