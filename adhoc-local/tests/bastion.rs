//! The way to a database over HTTP: its endpoint, the bastion.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Network, Scenario, Server};
use common::{element, query};

const BASTION: &str = "i-0ba5710000000001";

async fn server(network: Network) -> Server {
    Server::start_with(Scenario::empty().with_network(network)).await.unwrap()
}

async fn instances(server: &Server, filters: &[(&str, &str)]) -> String {
    let mut form = "Action=DescribeInstances&Version=2016-11-15".to_owned();
    for (n, (name, value)) in filters.iter().enumerate() {
        form += &format!("&Filter.{0}.Name={name}&Filter.{0}.Value.1={value}", n + 1);
    }
    query(server, &form).await.body
}

async fn database(server: &Server) -> String {
    query(server, "Action=DescribeDBInstances&Version=2014-10-31").await.body
}

#[tokio::test]
async fn the_endpoint_is_where_the_scenario_says() {
    let at_first = database(&server(Network::default()).await).await;
    assert_eq!(element(&at_first, "Address").unwrap(), "dev-rds.local.us-east-1.rds.amazonaws.com");
    assert_eq!(element(&at_first, "Port").unwrap(), "5432");
    let moved = database(&server(Network::default().with_database_endpoint("localhost", 54321)).await).await;
    assert_eq!(element(&moved, "Address").unwrap(), "localhost");
    assert_eq!(element(&moved, "Port").unwrap(), "54321");
    let none = database(&server(Network::default().with_database(false)).await).await;
    assert!(!none.contains("<DBInstance>"), "{none}");
}

#[tokio::test]
async fn the_bastion_is_found_by_what_it_is() {
    let server = server(Network::default().with_bastion_address(std::net::Ipv4Addr::new(127, 0, 0, 9))).await;
    let zone = element(&instances(&server, &[]).await, "availabilityZone").unwrap();
    assert_eq!(zone, "us-east-1a");
    let wanted = [("instance-state-name", "running"), ("tag:Name", "dev-bastion"), ("instance-id", BASTION)];
    let found = instances(&server, &wanted).await;
    assert_eq!(element(&found, "ipAddress").unwrap(), "127.0.0.9");
    assert_eq!(element(&found, "instanceId").unwrap(), BASTION);
    for other in [("instance-state-name", "stopped"), ("tag:Name", "qa-bastion"), ("instance-id", "i-0")] {
        let found = instances(&server, &[wanted[0], other]).await;
        assert!(!found.contains("<instanceId>"), "{other:?}: {found}");
    }
    let invalid = instances(&server, &[("colour", "red")]).await;
    assert_eq!(element(&invalid, "Code").unwrap(), "InvalidParameterValue");
}

#[tokio::test]
async fn a_bastion_may_be_private_or_missing() {
    let private = server(Network::default().with_bastion_address(None)).await;
    let found = instances(&private, &[("tag:Name", "dev-bastion")]).await;
    assert!(found.contains(BASTION) && !found.contains("<ipAddress>"), "{found}");
    assert_eq!(element(&found, "subnetId").unwrap(), "subnet-0a005a7e00000000");

    let missing = server(Network::default().with_bastion(false)).await;
    assert!(!instances(&missing, &[]).await.contains("<instanceId>"));
}
