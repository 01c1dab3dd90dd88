use std::time::Duration;

use adhoc_core::{Context, Error, ExposeSecret, Result, SecretString, within};
use reqwest::header::ACCEPT;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::comment::marker;
use super::delivery::deliver;
use super::surroundings::variable;
use crate::http;

/// How long anybody waits for a comment.
const LIMIT: Duration = Duration::from_secs(20);
/// GitHub gives no more comments in one page.
const PAGE: usize = 100;
/// How many pages are looked through for our comment.
const PAGES: usize = 30;

const WHAT: &str = "GitHub";

/// A pull request, seen with the token of the job.
pub(super) struct PullRequest {
    client: Client,
    /// `https://api.github.com/repos/acme/blog/`
    repository: Url,
    user: Url,
    number: u64,
    token: SecretString,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct User {
    login: String,
    r#type: Option<String>,
}

/// Who writes our comments.
enum Author {
    /// A person, whose token it is.
    Person(String),
    /// An app, as that of a job: its token may not ask for its own name.
    App,
}

impl Author {
    fn is(&self, user: &User) -> bool {
        match self {
            Self::Person(login) => user.login == *login,
            Self::App => user.r#type.as_deref() == Some("Bot"),
        }
    }
}

impl PullRequest {
    /// The pull request of that number in the repository that the environment variables of a job name.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that names the variable which is missing.
    pub(super) fn of_job(number: u64) -> Result<Self> {
        let token = needed(
            "GITHUB_TOKEN",
            "pass `github.token` to the step, in a job with `permissions: pull-requests: write`",
        )?;
        let name = needed("GITHUB_REPOSITORY", "it is `owner/name`, and set in GitHub Actions")?;
        if !is_repository(&name) {
            return Err(Error::invalid("", "GITHUB_REPOSITORY", "is not `owner/name`"));
        }
        let api = variable("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
        let api = http::trusted_url(&format!("{}/", api.trim_end_matches('/')), "GITHUB_API_URL")?;
        let join = |path: &str| {
            api.join(path).map_err(|error| Error::invalid("", "GITHUB_API_URL", "is no URL").with_source(error))
        };
        Ok(Self {
            client: http::client()?,
            repository: join(&format!("repos/{name}/"))?,
            user: join("user")?,
            number,
            token: token.into(),
        })
    }

    /// Writes the comment of an environment: changes the oldest one of ours, or makes one. Two jobs that have both made one at the
    /// same moment leave two, of which the older one is kept up from then on.
    ///
    /// # Errors
    ///
    /// [`Error::PermissionDenied`] and [`Error::NotFound`] with what the token lacks, others if GitHub does not answer well within
    /// twenty seconds.
    pub(super) async fn comment(&self, cx: &Context, environment: &str, body: &str) -> Result<()> {
        let written = within(cx.clock(), LIMIT, self.write(cx, environment, body)).await;
        written.unwrap_or_else(|| Err(Error::unavailable("", WHAT, "no answer in time")))
    }

    async fn write(&self, cx: &Context, environment: &str, body: &str) -> Result<()> {
        let all = format!("issues/{}/comments", self.number);
        let body = json!({"body": body});
        if let Some(id) = self.find(cx, &all, &marker(environment)).await? {
            let request = self.request(Method::PATCH, self.at(&format!("issues/comments/{id}"))?).json(&body);
            let response = deliver(cx, WHAT, request).await?;
            if response.status() != StatusCode::NOT_FOUND {
                return self.judged(response).map(drop);
            }
            // Somebody has deleted it since.
        }
        let request = self.request(Method::POST, self.at(&all)?).json(&body);
        self.judged(deliver(cx, WHAT, request).await?).map(drop)
    }

    /// The oldest comment of ours that begins with `marker`.
    async fn find(&self, cx: &Context, all: &str, marker: &str) -> Result<Option<u64>> {
        let author = self.author(cx).await?;
        for page in 1..=PAGES {
            let url = self.at(&format!("{all}?per_page={PAGE}&page={page}"))?;
            let comments: Vec<Comment> = self.read(cx, url).await?;
            let is_ours = |comment: &&Comment| {
                let begins = comment.body.as_deref().is_some_and(|body| body.lines().next() == Some(marker));
                begins && comment.user.as_ref().is_some_and(|user| author.is(user))
            };
            // They come in the order in which they were made.
            if let Some(comment) = comments.iter().find(is_ours) {
                return Ok(Some(comment.id));
            }
            if comments.len() < PAGE {
                break;
            }
        }
        Ok(None)
    }

    async fn author(&self, cx: &Context) -> Result<Author> {
        let response = deliver(cx, WHAT, self.request(Method::GET, self.user.clone())).await?;
        match response.status() {
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(Author::App),
            _ => Ok(Author::Person(parsed::<User>(self.judged(response)?).await?.login)),
        }
    }

    async fn read<T: DeserializeOwned>(&self, cx: &Context, url: Url) -> Result<T> {
        parsed(self.judged(deliver(cx, WHAT, self.request(Method::GET, url)).await?)?).await
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client
            .request(method, url)
            .bearer_auth(self.token.expose_secret())
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
    }

    fn at(&self, path: &str) -> Result<Url> {
        self.repository.join(path).map_err(|error| Error::internal("", WHAT, "no such path").with_source(error))
    }

    fn judged(&self, response: Response) -> Result<Response> {
        let (status, what) = (response.status(), format!("pull request {}", self.number));
        match status {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED => Err(Error::permission_denied("", WHAT, "does not know the token")
                .with_hint("GITHUB_TOKEN has expired, or belongs to another server than GITHUB_API_URL")),
            StatusCode::FORBIDDEN => {
                Err(Error::permission_denied("", WHAT, format!("does not let us comment on {what}")).with_hint(
                    "the job needs `permissions: pull-requests: write`; a pull request from a fork never gets it",
                ))
            }
            StatusCode::NOT_FOUND => Err(Error::not_found("", WHAT, format!("does not show us {what}"))
                .with_hint("look at the number; the job needs `permissions: pull-requests: write`")),
            status => Err(Error::rejected("", WHAT, format!("answered with {status}"))),
        }
    }
}

async fn parsed<T: DeserializeOwned>(response: Response) -> Result<T> {
    response.json().await.map_err(|error| Error::unavailable("", WHAT, http::failure(error)))
}

fn needed(name: &str, hint: &str) -> Result<String> {
    variable(name).ok_or_else(|| Error::invalid("", name, "is not set").with_hint(hint))
}

fn is_repository(name: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    name.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        assert!(is_repository("acme/blog.rs") && is_repository("a_b/c-d"));
        for bad in ["acme", "acme/", "/blog", "acme/blog/x", "acme/..", "acme/b?c", "../x"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }

    #[test]
    fn only_comments_of_our_own_are_ours() {
        let user = |login: &str, kind: &str| User { login: login.to_owned(), r#type: Some(kind.to_owned()) };
        assert!(Author::Person("ada".to_owned()).is(&user("ada", "User")));
        assert!(!Author::Person("ada".to_owned()).is(&user("github-actions[bot]", "Bot")));
        assert!(Author::App.is(&user("github-actions[bot]", "Bot")) && !Author::App.is(&user("mallory", "User")));
    }
}
