//! Session Manager: sessions that begin and end, and no data channel behind them.

use crate::{error::ApiError, json::Members, topology::Topology};
use serde_json::{Value, json};

struct Session {
    id: String,
    open: bool,
}

/// The sessions so far, oldest first.
#[derive(Default)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
}

/// The name of a session document and the parameters that it takes.
type Document = (&'static str, &'static [&'static str]);

const REMOTE_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";
const DOCUMENTS: [Document; 3] = [
    (REMOTE_HOST, &["host", "portNumber", "localPortNumber"]),
    ("AWS-StartPortForwardingSession", &["portNumber", "localPortNumber"]),
    ("AWS-StartSSHSession", &["portNumber"]),
];

impl Sessions {
    pub(crate) fn call(
        &mut self,
        topology: &Topology,
        region: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ApiError> {
        match operation {
            "StartSession" => self.start(topology, region, input),
            "TerminateSession" => self.terminate(input),
            _ => Err(ApiError::unknown_operation()),
        }
    }

    /// The ids of the open ones, oldest first.
    pub(crate) fn open(&self) -> Vec<String> {
        self.sessions.iter().filter(|session| session.open).map(|session| session.id.clone()).collect()
    }

    fn start(&mut self, topology: &Topology, region: &str, input: &Value) -> Result<Value, ApiError> {
        check_document(input)?;
        let target = input.text("Target").unwrap_or_default();
        if topology.instance(target).is_none() {
            return Err(ApiError::new("TargetNotConnected", format!("{target} is not connected.")));
        }
        let random = uuid::Uuid::new_v4().simple().to_string();
        let id = format!("adhoc-{}", &random[..17]);
        let stream = format!("wss://ssmmessages.{region}.amazonaws.com/v1/data-channel/{id}?role=publish_subscribe");
        self.sessions.push(Session { id: id.clone(), open: true });
        Ok(json!({"SessionId": id, "TokenValue": format!("local-{random}"), "StreamUrl": stream}))
    }

    fn terminate(&mut self, input: &Value) -> Result<Value, ApiError> {
        let id = input.text("SessionId").unwrap_or_default();
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else {
            return Err(ApiError::new("DoesNotExistException", format!("Session {id} does not exist")));
        };
        if !session.open {
            return Err(ApiError::new("ValidationException", "Session is not in a valid state"));
        }
        session.open = false;
        Ok(json!({"SessionId": id}))
    }
}

/// Whether the document is known and takes the parameters of the request. Without one, it is a shell.
fn check_document(input: &Value) -> Result<(), ApiError> {
    let Some(name) = input.text("DocumentName") else { return Ok(()) };
    let Some((_, known)) = DOCUMENTS.iter().find(|(document, _)| *document == name) else {
        return Err(ApiError::new("InvalidDocument", format!("Document with name {name} does not exist.")));
    };
    let invalid = |what: &str, key: &str| {
        Err(ApiError::new("InvalidParameters", format!("The parameter {key} is {what} for the document {name}.")))
    };
    let parameters = input.get("Parameters").and_then(Value::as_object);
    let mut given = parameters.into_iter().flatten().map(|(key, _)| key.as_str());
    if let Some(unknown) = given.find(|key| !known.contains(key)) {
        return invalid("unknown", unknown);
    }
    if name == REMOTE_HOST && !parameters.is_some_and(|parameters| parameters.contains_key("host")) {
        return invalid("missing", "host");
    }
    Ok(())
}
