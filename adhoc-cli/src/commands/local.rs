use std::fmt::Write as _;
use std::path::Path;

use adhoc_core::{Context, Error, Result, Summary};
use adhoc_local::{Scenario, Server};

use crate::args::{Cli, OutputFormat, ServeArgs};

/// `adhoc local serve`: until interrupted, which is how it is meant to end.
pub(super) async fn serve(cli: &Cli, args: &ServeArgs, cx: &Context) -> Summary {
    let summary = Summary::new("local serve");
    match start(args).await {
        Ok(server) => {
            announce(cli, cx, &server);
            cx.cancellation().cancelled().await;
            server.shutdown().await;
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}

async fn start(args: &ServeArgs) -> Result<Server> {
    let scenario = match &args.scenario {
        Some(path) => read_scenario(path)?,
        None => Scenario::default(),
    };
    Server::bind(args.port, scenario).await.map_err(|error| {
        Error::invalid("", format!("port {}", args.port), "cannot be served")
            .with_source(error)
            .with_hint("choose another port with --port, or 0 for a free one")
    })
}

fn read_scenario(path: &Path) -> Result<Scenario> {
    let invalid = |reason: String| Error::invalid("", path.display().to_string(), reason);
    let text =
        std::fs::read_to_string(path).map_err(|error| invalid("cannot be read".to_owned()).with_source(error))?;
    Scenario::from_toml(&text).map_err(|error| {
        let place = format!("{}:{}:{}", path.display(), error.line, error.column);
        Error::invalid("", place, error.message).with_hint("the format is described in the README of adhoc-local")
    })
}

/// Tells how to use the server: to people on stdout, to machines as a hint.
fn announce(cli: &Cli, cx: &Context, server: &Server) {
    let endpoint = server.endpoint();
    if cli.global.output == OutputFormat::Json {
        cx.hint(format!("AWS_ENDPOINT_URL={endpoint}"));
        return;
    }
    let environments = server.environments().join(", ");
    let mut text = format!("The embedded AWS listens on {endpoint}, with the environments: {environments}.\n");
    let _ = writeln!(text, "In another terminal:\n");
    let _ = writeln!(text, "  export AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1");
    let _ = writeln!(text, "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test");
    let _ = writeln!(text, "  adhoc update backend alpha --tag v1.1.0\n");
    let _ = writeln!(text, "Ctrl-C ends it, and every task in it.");
    crate::reporters::print_result(&text);
}
