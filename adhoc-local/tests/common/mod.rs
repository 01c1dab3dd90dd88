//! A small client: HTTP by hand, with a signature that nobody checks.

#![expect(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use adhoc_local::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub const SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=00";

/// An answer; status 0 means that the connection closed without one.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

/// Sends exactly these headers.
pub async fn send(server: &Server, headers: &[(&str, &str)], body: &str) -> Answer {
    let address = server.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let mut request = format!("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A dropped connection may show as an end or as a reset.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        assert!(answer.is_empty(), "half an answer: {answer}");
        return Answer { status: 0, body: String::new() };
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: body.to_owned() }
}

pub async fn raw(server: &Server, target: &str, body: &Value) -> Answer {
    let headers = [("Host", "127.0.0.1"), ("Authorization", SIGNATURE), ("X-Amz-Target", target)];
    send(server, &headers, &body.to_string()).await
}

/// A call of ECS that must succeed.
pub async fn ecs(server: &Server, operation: &str, body: Value) -> Value {
    let answer = raw(server, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &body).await;
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.body);
    answer.json()
}

/// A call of ECS that must fail: code and message.
pub async fn ecs_error(server: &Server, operation: &str, body: Value) -> (String, String) {
    let answer = raw(server, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &body).await;
    assert_eq!(answer.status, 400, "{operation} {body}: {}", answer.body);
    let error = answer.json();
    (error["__type"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

/// A call of any service with a JSON protocol that must succeed, such as `secretsmanager.PutSecretValue`.
pub async fn call(server: &Server, target: &str, body: Value) -> Value {
    let answer = raw(server, target, &body).await;
    assert_eq!(answer.status, 200, "{target} {body}: {}", answer.body);
    answer.json()
}

/// A call that must fail: its code.
pub async fn refused(server: &Server, target: &str, body: Value) -> String {
    let answer = raw(server, target, &body).await;
    assert_eq!(answer.status, 400, "{target} {body}: {}", answer.body);
    answer.json()["__type"].as_str().unwrap().to_owned()
}

pub async fn logs(server: &Server, operation: &str, body: Value) -> Value {
    let answer = raw(server, &format!("Logs_20140328.{operation}"), &body).await;
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.body);
    answer.json()
}

pub async fn query(server: &Server, form: &str) -> Answer {
    let headers =
        [("Host", "localhost"), ("Authorization", SIGNATURE), ("Content-Type", "application/x-www-form-urlencoded")];
    send(server, &headers, form).await
}

/// The text of the first element of this name.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text.to_owned())
}

/// Asks again until `check` has an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited 30 s for {what}");
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause between two polls of a real server")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// The network settings that the seeded services have.
pub fn network() -> Value {
    json!({"awsvpcConfiguration": {"subnets": ["subnet-0a005a7e00000000"], "securityGroups": ["sg-0ec5000000000001"]}})
}

/// Runs one task of a family of the environment `alpha` and returns its ARN.
pub async fn run(server: &Server, family: &str) -> String {
    let body = json!({"cluster": "alpha-cluster", "taskDefinition": family, "networkConfiguration": network()});
    let answer = ecs(server, "RunTask", body).await;
    answer["tasks"][0]["taskArn"].as_str().unwrap_or_else(|| panic!("no task: {answer}")).to_owned()
}

pub async fn task(server: &Server, arn: &str) -> Value {
    ecs(server, "DescribeTasks", json!({"cluster": "alpha-cluster", "tasks": [arn]})).await["tasks"][0].clone()
}

pub async fn until_status(server: &Server, arn: &str, status: &str) -> Value {
    eventually(&format!("{arn} to be {status}"), || async {
        Some(task(server, arn).await).filter(|task| task["lastStatus"] == status)
    })
    .await
}

pub async fn service(server: &Server, name: &str) -> Value {
    let body = json!({"cluster": "alpha-cluster", "services": [name]});
    ecs(server, "DescribeServices", body).await["services"][0].clone()
}

pub async fn until_service(server: &Server, name: &str, what: &str, check: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{name}: {what}"), || async { Some(service(server, name).await).filter(&check) }).await
}

pub fn is_stable(service: &Value) -> bool {
    service["deployments"].as_array().unwrap().len() == 1 && service["runningCount"] == service["desiredCount"]
}

/// The lines of the stream that a task's container writes.
pub async fn lines(server: &Server, role: &str, task: &str) -> Vec<String> {
    let id = task.rsplit('/').next().unwrap();
    let body = json!({"logGroupName": format!("/ecs/alpha/{role}"), "logStreamName": format!("{role}/{role}/{id}"), "startFromHead": true});
    let page = logs(server, "GetLogEvents", body).await;
    page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// Registers the newest revision of a family again with other images, as an update does.
pub async fn clone_with_tag(server: &Server, family: &str, tag: &str) -> String {
    let mut definition =
        ecs(server, "DescribeTaskDefinition", json!({"taskDefinition": family})).await["taskDefinition"].clone();
    let image = definition["containerDefinitions"][0]["image"].as_str().unwrap();
    let image = format!("{}:{tag}", image.rsplit_once(':').unwrap().0);
    definition["containerDefinitions"][0]["image"] = image.into();
    let registered = ecs(server, "RegisterTaskDefinition", definition).await;
    registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
}
