//! Log paging, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Behaviour, Fault, Scenario, Server, Timing};
use common::{logs, raw, run, until_status};
use serde_json::{Value, json};

async fn server() -> Server {
    Server::start_with(Scenario::default().with_timing(Timing::instant())).await.unwrap()
}

fn events(page: &Value) -> &Vec<Value> {
    page["events"].as_array().unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_fast_lines_all_arrive_in_order() {
    let server = server().await;
    server.add_behaviour(Behaviour::command("alpha-migrate", ["seq", "1", "100000"]));
    let arn = run(&server, "alpha-migrate").await;
    until_status(&server, &arn, "STOPPED").await;
    let stream = format!("migrate/migrate/{}", arn.rsplit('/').next().unwrap());
    let mut request = json!({"logGroupName": "/ecs/alpha/migrate", "logStreamName": stream, "startFromHead": true});
    let mut next = 1_u32;
    loop {
        let page = logs(&server, "GetLogEvents", request.clone()).await;
        for event in events(&page) {
            assert_eq!(event["message"], json!(next.to_string()));
            next += 1;
        }
        if page["nextForwardToken"] == request["nextToken"] {
            break;
        }
        request["nextToken"] = page["nextForwardToken"].clone();
    }
    assert_eq!(next, 100_001);
}

#[tokio::test]
async fn put_and_get_with_tokens_times_and_an_empty_page() {
    let server = server().await;
    let place = json!({"logGroupName": "/g", "logStreamName": "s"});
    let unknown = raw(&server, "Logs_20140328.GetLogEvents", &place).await;
    assert_eq!((unknown.status, &unknown.json()["__type"]), (400, &json!("ResourceNotFoundException")));
    logs(&server, "CreateLogGroup", json!({"logGroupName": "/g"})).await;
    let unknown = raw(&server, "Logs_20140328.GetLogEvents", &place).await;
    assert_eq!(unknown.json()["message"], "The specified log stream does not exist.");
    logs(&server, "CreateLogStream", place.clone()).await;
    let put: Vec<Value> = (0..5).map(|n| json!({"timestamp": 1000 + n, "message": format!("m{n}")})).collect();
    logs(&server, "PutLogEvents", json!({"logGroupName": "/g", "logStreamName": "s", "logEvents": put})).await;
    server.add_fault(Fault::empty_page(1));
    let empty =
        logs(&server, "GetLogEvents", json!({"logGroupName": "/g", "logStreamName": "s", "startFromHead": true})).await;
    assert!(events(&empty).is_empty());
    let first = logs(&server, "GetLogEvents", json!({"logGroupName": "/g", "logStreamName": "s", "limit": 2, "startFromHead": true, "nextToken": empty["nextForwardToken"]})).await;
    assert_eq!((events(&first).len(), &events(&first)[1]["message"]), (2, &json!("m1")));
    let rest = logs(
        &server,
        "GetLogEvents",
        json!({"logGroupName": "/g", "logStreamName": "s", "nextToken": first["nextForwardToken"]}),
    )
    .await;
    assert_eq!(events(&rest).len(), 3);
    let end = logs(
        &server,
        "GetLogEvents",
        json!({"logGroupName": "/g", "logStreamName": "s", "nextToken": rest["nextForwardToken"]}),
    )
    .await;
    assert!(events(&end).is_empty() && end["nextForwardToken"] == rest["nextForwardToken"]);
    server.add_fault(Fault::empty_page(1));
    let place_at = |token: &Value| json!({"logGroupName": "/g", "logStreamName": "s", "nextToken": token});
    let empty = logs(&server, "GetLogEvents", place_at(&end["nextForwardToken"])).await;
    assert!(events(&empty).is_empty() && empty["nextForwardToken"] != end["nextForwardToken"]);
    let end = logs(&server, "GetLogEvents", place_at(&empty["nextForwardToken"])).await;
    assert_eq!(end["nextForwardToken"], empty["nextForwardToken"]);
    let tail = logs(&server, "GetLogEvents", json!({"logGroupName": "/g", "logStreamName": "s", "limit": 1})).await;
    assert_eq!(events(&tail)[0]["message"], "m4");
    let window = logs(
        &server,
        "FilterLogEvents",
        json!({"logGroupName": "/g", "startTime": 1001, "endTime": 1004, "filterPattern": "m"}),
    )
    .await;
    assert_eq!(events(&window).len(), 3);
}
