//! What an account holds beside ECS, on an AWS that nobody here wrote: moto, from PyPI.
//!
//! `ADHOC_TEST_VENV` names the virtual environment that has it; `scripts/test` makes one.

#![cfg(feature = "account")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[expect(dead_code, reason = "ECS itself is for the other tests")]
#[path = "support/moto.rs"]
mod moto;
mod support;

use adhoc_core::{Conventions, Dependency, Error, ImageReference, QuotaKind, WayOut};
use adhoc_ecs::Account;
use adhoc_ecs::aws::AwsShared;
use aws_sdk_ec2::types::{DomainType, Filter, ResourceType, Tag, TagSpecification};
use moto::Moto;

const MANIFEST: &str = r#"{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:00"}, "layers": []}"#;

fn account(moto: &Moto) -> Account {
    Account::on_aws(&moto.config, &Conventions::default())
}

fn image(text: &str) -> ImageReference {
    text.parse().unwrap()
}

fn is_missing(result: adhoc_core::Result<impl std::fmt::Debug>) -> bool {
    matches!(result.unwrap_err(), Error::NotFound(_))
}

#[tokio::test]
async fn images_are_found_by_tag_and_digest_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let ecr = aws_sdk_ecr::Client::new(&moto.config);
    ecr.create_repository().repository_name("backend").send().await.unwrap();
    let put = ecr.put_image().repository_name("backend").image_manifest(MANIFEST).image_tag("v1");
    let digest = put.send().await.unwrap().image.unwrap().image_id.unwrap().image_digest.unwrap();
    let (images, registry) = (account(&moto).images, "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    let by_tag = images.describe(&image(&format!("{registry}/backend:v1"))).await.unwrap();
    let by_digest = images.describe(&image(&format!("{registry}/backend@{digest}"))).await.unwrap();
    assert_eq!((&by_tag.digest, &by_digest.digest), (&digest, &digest));
    assert!(is_missing(images.describe(&image(&format!("{registry}/backend:v2"))).await));
    assert!(is_missing(images.describe(&image(&format!("{registry}/frontend:v1"))).await));
    assert!(!images.serves(&image("redis:7")));
}

#[tokio::test]
async fn roles_secrets_parameters_and_log_groups_are_found_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let iam = aws_sdk_iam::Client::new(&moto.config);
    let role = iam.create_role().role_name("dev-ecs-task").path("/ublog/").assume_role_policy_document("{}");
    let role = role.send().await.unwrap().role.unwrap().arn;
    let secrets = aws_sdk_secretsmanager::Client::new(&moto.config);
    let made =
        async |name: &str| secrets.create_secret().name(name).secret_string("x").send().await.unwrap().arn.unwrap();
    let (secret, doomed) = (made("alpha-db").await, made("beta-db").await);
    secrets.delete_secret().secret_id(&doomed).send().await.unwrap();
    let parameters = aws_sdk_ssm::Client::new(&moto.config);
    let parameter = parameters.put_parameter().name("/alpha/key").value("x");
    parameter.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let logs = aws_sdk_cloudwatchlogs::Client::new(&moto.config);
    logs.create_log_group().log_group_name("/ecs/alpha/gunicorn").send().await.unwrap();

    let found = account(&moto).dependencies;
    let group = |name: &str| Dependency::LogGroup { name: name.to_owned(), region: Some("us-east-1".to_owned()) };
    let parameter = |name: &str| Dependency::Parameter(name.to_owned());
    let there = [
        Dependency::Role(role),
        Dependency::of_value(&format!("{secret}:password::")),
        parameter("/alpha/key"),
        parameter("arn:aws:ssm:us-east-1:123456789012:parameter/alpha/key"),
        group("/ecs/alpha/gunicorn"),
    ];
    for dependency in there {
        found.find(&dependency).await.unwrap();
    }
    // A log group that is only the beginning of another one's name is none; a secret that is being deleted is gone.
    let gone = [
        Dependency::Role("arn:aws:iam::123456789012:role/ublog/other".to_owned()),
        Dependency::Secret(doomed),
        Dependency::Secret(format!("{secret}x")),
        parameter("/alpha"),
        group("/ecs/alpha/guni"),
    ];
    for dependency in gone {
        assert!(is_missing(found.find(&dependency).await), "{dependency}");
    }
}

fn tagged(kind: ResourceType, name: &str) -> TagSpecification {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    TagSpecification::builder().resource_type(kind).tags(tag("Name", name)).tags(tag("env", "dev")).build()
}

/// A VPC with the private subnets of `dev`, of which the first has its default route to a NAT gateway.
async fn network(moto: &Moto) -> Vec<String> {
    let ec2 = aws_sdk_ec2::Client::new(&moto.config);
    let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let mut subnets = Vec::new();
    for (index, letter) in ["a", "b"].iter().enumerate() {
        let request = ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("10.0.{index}.0/24"));
        let request = request.tag_specifications(tagged(ResourceType::Subnet, &format!("dev-private-{letter}")));
        subnets.push(request.send().await.unwrap().subnet.unwrap().subnet_id.unwrap());
    }
    let address = ec2.allocate_address().domain(DomainType::Vpc).send().await.unwrap().allocation_id.unwrap();
    let gateway = ec2.create_nat_gateway().subnet_id(&subnets[0]).allocation_id(address).send().await.unwrap();
    let gateway = gateway.nat_gateway.unwrap().nat_gateway_id.unwrap();
    let table =
        ec2.create_route_table().vpc_id(&vpc).send().await.unwrap().route_table.unwrap().route_table_id.unwrap();
    ec2.associate_route_table().route_table_id(&table).subnet_id(&subnets[0]).send().await.unwrap();
    let route = ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0");
    route.nat_gateway_id(gateway).send().await.unwrap();
    let service = "com.amazonaws.us-east-1.s3";
    ec2.create_vpc_endpoint().vpc_id(&vpc).service_name(service).send().await.unwrap();
    subnets
}

#[tokio::test]
async fn the_way_out_of_each_subnet_is_read_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let ids = network(&moto).await;
    let routes = account(&moto).routes;
    let asked = [ids.as_slice(), &["subnet-0000".to_owned()]].concat();
    let mut subnets = routes.subnets(&asked).await.unwrap();
    subnets.sort_by_key(|subnet| ids.iter().position(|id| *id == subnet.id));
    assert_eq!(subnets.iter().map(|subnet| &subnet.id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    assert!(subnets[1].free_addresses > 200, "{subnets:?}");
    let ways = routes.ways_out(&subnets).await.unwrap();
    assert_eq!((&ways[&ids[0]], &ways[&ids[1]]), (&WayOut::Nat, &WayOut::None));
    assert_eq!(routes.endpoints(&subnets[0].vpc).await.unwrap(), ["s3"]);
    let ec2 = aws_sdk_ec2::Client::new(&moto.config);
    let of_vpc = Filter::builder().name("vpc-id").values(&subnets[0].vpc).build();
    let groups = ec2.describe_security_groups().filters(of_vpc).send().await.unwrap();
    let group = groups.security_groups()[0].group_id().unwrap().to_owned();
    assert_eq!(routes.security_groups(&[group.clone(), "sg-0000".to_owned()]).await.unwrap(), [group]);
}

#[tokio::test]
async fn quotas_and_their_use_are_read_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let quotas = account(&moto).quotas;
    assert!(is_missing(quotas.used(QuotaKind::SubnetAddresses).await), "there is no network yet");
    assert!(is_missing(quotas.limit(QuotaKind::Secrets).await), "Service Quotas has none");
    network(&moto).await;
    assert_eq!(quotas.limit(QuotaKind::SubnetAddresses).await.unwrap(), 2 * 251);
    assert!(is_missing(quotas.used(QuotaKind::ListenerRules).await), "there is no load balancer");
    assert_eq!(quotas.used(QuotaKind::TargetGroupsInRegion).await.unwrap(), 0);
    let ecs = aws_sdk_ecs::Client::new(&moto.config);
    ecs.create_cluster().cluster_name("alpha-cluster").send().await.unwrap();
    assert_eq!(quotas.used(QuotaKind::Clusters).await.unwrap(), 1);
    assert_eq!(quotas.used(QuotaKind::FargateSpotCpu).await.unwrap(), 0);
    let (usage, problems) = AwsShared::on_aws(&moto.config, &Conventions::default()).usage().await;
    assert_eq!((usage.nat_gateways, usage.load_balancers, usage.public_addresses), (1, 0, 1), "{problems:?}");
    assert!(problems.is_empty(), "{problems:?}");
}
