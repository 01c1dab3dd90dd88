//! Whoever is told how a command has ended: a chat by its webhook, and a pull request by its comment, both played by a server on
//! loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use adhoc_local::Behaviour;
use serde_json::{Value, json};
use support::{Run, World};

const SECRET_PATH: &str = "/services/T0/B0/hook-secret";
const TOKEN: &str = "token-secret";

#[derive(Debug, Clone)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut first = lines[0].split(' ');
        let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
        let header = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let mut request = Self { method, path, headers: lines[1..].iter().map(header).collect(), body: Value::Null };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        request.body = serde_json::from_slice(&body).unwrap_or_default();
        request
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A server that keeps what it was asked, and answers with status, headers and body.
struct Peer {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Peer {
    fn new(answer: impl Fn(&Request) -> (u16, &'static str, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = Request::read(&stream);
                let (status, headers, body) = answer(&request);
                kept.lock().unwrap().push(request);
                let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n{headers}", body.len());
                let _ = write!(&stream, "{head}\r\n{body}");
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Method and path of each request.
    fn asked(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn told(world: &World, peer: &Peer, line: &str) -> Run {
    let mut command = world.command(line);
    command
        .env("ADHOC_SLACK_WEBHOOK", format!("{}{SECRET_PATH}", peer.url))
        .env("USER", "ada")
        .env("GITHUB_SERVER_URL", "https://github.example.com")
        .env("GITHUB_REPOSITORY", "acme/blog")
        .env("GITHUB_RUN_ID", "42")
        .env("GITHUB_API_URL", format!("{}/api/v3", peer.url))
        .env("GITHUB_TOKEN", TOKEN);
    let run = Run::of(command.output().unwrap());
    for secret in ["hook-secret", TOKEN] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}{}", run.stdout, run.stderr);
    }
    run
}

fn hints(run: &Run) -> Vec<String> {
    let events = run.events().into_iter().filter(|event| event["event"] == "hint");
    events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_chat_is_told_how_an_update_ended() {
    let (world, peer) = (World::new(), Peer::new(|_| (200, "", "ok".into())));
    told(&world, &peer, "update backend alpha --tag v2").ends_with(0);
    let failing = ["sh", "-c", "exit 3"];
    world.server.add_behaviour(Behaviour::command("*-migrate", failing));
    told(&world, &peer, "update backend alpha --tag v3").ends_with(4);
    let requests = peer.requests();
    assert_eq!(peer.asked(), [format!("POST {SECRET_PATH}"), format!("POST {SECRET_PATH}")]);
    assert!(requests[0].header("user-agent").unwrap().starts_with("adhoc/"));
    let texts: Vec<&str> = requests.iter().map(|request| request.body["text"].as_str().unwrap()).collect();
    let good = "✓ *update backend in alpha* succeeded\nEnvironment: alpha · Component: backend · Version: backend:v2 · By: ada\n\
                <https://github.example.com/acme/blog/actions/runs/42|Show the run>";
    assert_eq!(texts[0], good);
    for part in ["✗ *update backend in alpha* failed in a task", "*Error:*", "exited with code 3", "*Next:*"] {
        assert!(texts[1].contains(part), "{}", texts[1]);
    }
}

#[test]
fn what_changes_nothing_or_is_not_wanted_is_not_told() {
    let (world, peer) = (World::new(), Peer::new(|_| (200, "", "ok".into())));
    for line in ["status alpha", "update backend alpha --tag v2 --dry-run"] {
        told(&world, &peer, line).ends_with(0);
    }
    told(&world, &peer, "update Backend alpha").ends_with(2);
    world.file("adhoc.toml", "[notifications]\nonly_failures = true");
    told(&world, &peer, "update frontend alpha --tag v2").ends_with(0);
    world.file("adhoc.toml", "[notifications]\nslack_webhook_env = 'OTHER'");
    told(&world, &peer, "update frontend alpha --tag v3").ends_with(0);
    assert_eq!(peer.asked(), Vec::<String>::new());
}

#[test]
fn a_chat_that_refuses_is_a_hint() {
    let (world, peer) = (World::new(), Peer::new(|_| (404, "", "no_service".into())));
    let run = told(&world, &peer, "update frontend alpha --tag v2 --output json").ends_with(0);
    assert_eq!(run.summary()["outcome"], "succeeded");
    let hints = hints(&run);
    assert!(hints[0].contains("no_service") && hints[0].contains("ADHOC_SLACK_WEBHOOK"), "{hints:?}");
    assert_eq!(peer.requests().len(), 1);
}

#[test]
fn a_chat_that_fails_is_asked_once_more() {
    let peer = Peer::new(|request| (500, "retry-after: 0\r\n", format!("{} failed", request.path).into()));
    let run = told(&World::new(), &peer, "update frontend alpha --tag v2 --output json").ends_with(0);
    assert_eq!(peer.requests().len(), 2);
    assert!(hints(&run)[0].contains("500"), "{:?}", hints(&run));
}

#[test]
fn a_redirect_to_somebody_else_is_not_followed() {
    let other = Peer::new(|_| (200, "", "ok".into()));
    let location: &'static str = format!("location: {}/x\r\n", other.url).leak();
    let peer = Peer::new(move |_| (307, location, Value::Null));
    let run = told(&World::new(), &peer, "update frontend alpha --tag v2 --output json").ends_with(0);
    assert!(hints(&run)[0].contains("307"), "{:?}", hints(&run));
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_chat_that_is_not_there_is_a_hint() {
    let world = World::new();
    for url in ["http://127.0.0.1:9/hook-secret", "hook-secret", "http://example.com/hook-secret"] {
        let mut command = world.command("update frontend alpha --tag v2 --output json");
        let run = Run::of(command.env("ADHOC_SLACK_WEBHOOK", url).output().unwrap()).ends_with(0);
        let hints = hints(&run);
        assert!(hints[0].contains("nobody was notified") && !hints[0].contains("secret"), "{hints:?}");
    }
}

/// GitHub with a pull request that has these comments; whose token it is that the job has.
fn github(comments: Vec<Value>, user: Option<&'static str>) -> Peer {
    let comments = Mutex::new(comments);
    Peer::new(move |request| {
        let mut comments = comments.lock().unwrap();
        assert_eq!(request.header("authorization"), Some("Bearer token-secret"));
        let path = request.path.strip_prefix("/api/v3/").unwrap();
        match (request.method.as_str(), path.strip_prefix("repos/acme/blog/issues/").unwrap_or(path)) {
            ("GET", "user") => match user {
                Some(login) => (200, "", json!({"login": login, "type": "User"})),
                None => (403, "", json!({"message": "Resource not accessible by integration"})),
            },
            ("GET", list) if list.starts_with("7/comments?per_page=100&page=") => {
                let page: usize = list.rsplit_once('=').unwrap().1.parse().unwrap();
                (200, "", comments.chunks(100).nth(page - 1).unwrap_or_default().into())
            }
            ("POST", "7/comments") => {
                let login = user.unwrap_or("github-actions[bot]");
                let made = comment(comments.len(), login, request.body["body"].as_str().unwrap());
                comments.push(made.clone());
                (201, "", made)
            }
            ("PATCH", change) => {
                let id: usize = change.strip_prefix("comments/").unwrap().parse().unwrap();
                comments[id]["body"] = request.body["body"].clone();
                (200, "", comments[id].clone())
            }
            other => panic!("{other:?}"),
        }
    })
}

fn comment(id: usize, login: &str, body: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({"id": id, "body": body, "user": {"login": login, "type": kind}})
}

fn writes(peer: &Peer) -> Vec<String> {
    let written = peer.asked().into_iter().filter(|it| !it.starts_with("GET") && !it.contains("/services/"));
    written.map(|it| it.replace("/api/v3/repos/acme/blog/issues/", "")).collect()
}

#[test]
fn a_pull_request_has_one_comment_for_an_environment() {
    let (world, peer) = (World::new(), github(vec![comment(0, "mallory", "<!-- adhoc alpha -->\nplanted")], None));
    world.file("adhoc.toml", "[project]\ndomain = 'dev.example.com'\n[notifications]\non = []");
    told(&world, &peer, "update frontend alpha --tag v2 --pr-comment 7").ends_with(0);
    told(&world, &peer, "update frontend alpha --tag v3 --pr-comment 7").ends_with(0);
    assert_eq!(writes(&peer), ["POST 7/comments", "PATCH comments/1"]);
    let body = peer.requests().last().unwrap().body["body"].as_str().unwrap().to_owned();
    assert!(body.starts_with("<!-- adhoc alpha -->\n### ✓ update frontend in alpha succeeded\n"), "{body}");
    for part in [
        "https://alpha.dev.example.com",
        "`frontend:v3`",
        "[run](https://github.example.com/acme/blog/actions/runs/42)",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[test]
fn the_comment_is_found_among_many() {
    let mut comments: Vec<Value> = (0..150).map(|id| comment(id, "ada", "<!-- adhoc alphabet -->")).collect();
    comments.extend([120, 130].map(|_| comment(0, "bob", "<!-- adhoc alpha -->")));
    comments.extend([152, 153].map(|id| comment(id, "ada", "<!-- adhoc alpha -->\r\nold")));
    let (world, peer) = (World::new(), github(comments, Some("ada")));
    world.file("adhoc.toml", "[notifications]\non = []");
    told(&world, &peer, "status alpha --pr-comment 7").ends_with(0);
    assert_eq!(writes(&peer), ["PATCH comments/152"]);
    // What failed is told, too, and fails as it did.
    told(&world, &peer, "status beta --pr-comment 7").ends_with(3);
    assert_eq!(writes(&peer)[1..], ["POST 7/comments"]);
}

#[test]
fn a_pull_request_that_refuses_is_a_hint() {
    let world = World::new();
    for (status, part) in
        [(403, "pull-requests: write"), (404, "look at the number"), (401, "has expired"), (422, "422")]
    {
        let peer = Peer::new(move |request| match request.path.as_str() {
            "/api/v3/user" if status != 401 => (200, "", json!({"login": "ada"})),
            path if path.starts_with("/services/") => (200, "", "ok".into()),
            _ => (status, "", json!({"message": "no"})),
        });
        let run = told(&world, &peer, "status alpha --pr-comment 7 --output json").ends_with(0);
        let hints = hints(&run);
        assert!(hints[0].contains("pull request 7") && hints[0].contains(part), "{hints:?}");
        assert_eq!(run.summary()["outcome"], "succeeded");
    }
}

#[test]
fn a_comment_needs_a_token_and_a_repository() {
    let world = World::new();
    for (name, value, part) in [
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN: is not set"),
        ("GITHUB_REPOSITORY", "", "GITHUB_REPOSITORY: is not set"),
        ("GITHUB_REPOSITORY", "acme/../x", "not `owner/name`"),
        ("GITHUB_API_URL", "http://api.example.com", "GITHUB_API_URL: holds no https URL"),
    ] {
        let mut command = world.command("status alpha --pr-comment 7 --output json");
        command.env("GITHUB_TOKEN", TOKEN).env("GITHUB_REPOSITORY", "acme/blog").env(name, value);
        let hints = hints(&Run::of(command.output().unwrap()).ends_with(0));
        assert!(hints[0].contains(part) && !hints[0].contains(TOKEN), "{hints:?}");
    }
}
