//! A key for sixty seconds.

use adhoc_core::{Error, Result};
use async_trait::async_trait;
use aws_sdk_ec2instanceconnect::Client;
use aws_types::SdkConfig;

use super::Bastion;
use super::error::from_sdk;
use crate::tunnel::KeyPusher;

/// Makes a bastion accept a throw-away key through
/// [EC2 Instance Connect](https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html):
/// no private key is kept anywhere, and whoever may log in is a matter of IAM.
#[derive(Clone)]
pub struct InstanceConnect {
    client: Client,
    instance_id: String,
    availability_zone: Option<String>,
}

impl InstanceConnect {
    /// For log-ins to `bastion`.
    #[must_use]
    pub fn new(config: &SdkConfig, bastion: &Bastion) -> Self {
        Self {
            client: Client::new(config),
            instance_id: bastion.instance_id.clone(),
            availability_zone: bastion.availability_zone.clone(),
        }
    }
}

#[async_trait]
impl KeyPusher for InstanceConnect {
    async fn push(&self, user: &str, public_key: &str) -> Result<()> {
        let request = self.client.send_ssh_public_key().instance_id(&self.instance_id).instance_os_user(user);
        let request = request.ssh_public_key(public_key).set_availability_zone(self.availability_zone.clone());
        let answer = request.send().await.map_err(|error| from_sdk("SendSSHPublicKey", &self.instance_id, &error))?;
        if answer.success() {
            return Ok(());
        }
        Err(Error::database("SendSSHPublicKey", &self.instance_id, "the key was not accepted")
            .with_hint("the instance needs the package ec2-instance-connect, and the user must exist on it"))
    }
}
