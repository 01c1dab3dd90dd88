//! Another infrastructure tool: the environment is a stack of AWS CDK, and the release goes onto it as onto any other.
//!
//! A release needs nothing but the names of the conventions, whoever made what has them. `CdkWorkspaces` is the trait that
//! plans and applies, over CDK and CloudFormation; see `examples/cdk` for the app. It needs an account, and the network of a
//! shared environment in it, which it finds by its tags. Without arguments it only says how it is called.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::ffi::OsString;

use adhoc_core::{
    Context, Conventions, EnvironmentName, Family, ImageChange, PlanPurpose, PlanRequest, Result, Workspaces,
};
use adhoc_ecs::{Ecs, Environment, UpdateRequest, retire, update};
use adhoc_examples::cdk::{CdkConfig, CdkWorkspaces};
use adhoc_examples::{account, narrated};

const USAGE: &str = "usage: cdk FOLDER ENVIRONMENT TAG   (deploys the app in FOLDER, then releases TAG)
       cdk FOLDER ENVIRONMENT --destroy";

/// Plans, shows, applies, and releases.
async fn deploy(
    cx: &Context,
    ecs: &Ecs,
    workspaces: &dyn Workspaces,
    environment: &Environment,
    image: ImageChange,
) -> Result<()> {
    let plan = workspaces.plan(cx, &PlanRequest::new(environment.name.clone(), PlanPurpose::Apply)).await?;
    for change in &plan.changes {
        println!("{:>14} {} ({})", change.action, change.address, change.kind);
    }
    workspaces.apply(cx, &plan).await?;
    let outputs = workspaces.outputs(cx, &environment.name).await?;
    println!("outputs: {outputs:?}");
    update(cx, ecs, &UpdateRequest::new(environment.clone(), "backend", image)).await.into_result()?;
    Ok(())
}

/// Destroys the stack, and what the releases have registered beside it.
async fn destroy(cx: &Context, ecs: &Ecs, workspaces: &dyn Workspaces, environment: &Environment) -> Result<()> {
    let gone = workspaces.destroy(cx, &environment.name).await?;
    let roles = environment.conventions.components.values().flat_map(|component| component.roles());
    let families: Vec<Family> = roles.map(|role| environment.conventions.family(&environment.name, role)).collect();
    let retired = retire(cx, ecs, environment, families).await?;
    println!("{} resources and {retired} revisions are gone", gone.destroyed);
    Ok(())
}

/// The app's stacks, in the private subnets and the security group that carry the conventional tags.
async fn workspaces(
    ecs: &Ecs,
    conventions: &Conventions,
    folder: OsString,
    client: aws_sdk_cloudformation::Client,
) -> Result<CdkWorkspaces> {
    let subnets = ecs.network.subnets(&conventions.subnet_tags()).await?;
    let groups = ecs.network.security_groups(&conventions.security_group_tags()).await?;
    let config = CdkConfig::new(folder, "ublog")
        .with_variables(std::env::vars_os())
        .with_context("subnets", subnets.join(","))
        .with_context("securityGroups", groups.join(","));
    Ok(CdkWorkspaces::new(config, client))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [folder, name, what] = &arguments[..] else {
        println!("{USAGE}");
        return Ok(());
    };
    let (name, what) = (name.to_string_lossy(), what.to_string_lossy());
    let sdk = account().await;
    let (cx, ecs) = (narrated(), Ecs::on_aws(&sdk));
    let environment = Environment::new(name.parse::<EnvironmentName>()?, Conventions::default());
    let client = aws_sdk_cloudformation::Client::new(&sdk);
    let workspaces = workspaces(&ecs, &environment.conventions, folder.clone(), client).await?;
    match &*what {
        "--destroy" => destroy(&cx, &ecs, &workspaces, &environment).await,
        tag => deploy(&cx, &ecs, &workspaces, &environment, ImageChange::Tag(tag.parse()?)).await,
    }
}
