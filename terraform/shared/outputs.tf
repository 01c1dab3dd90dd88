# The contract with the environments: `ad-hoc` reads these from the state.

output "project" {
  description = "Name of the project."
  value       = var.project
}

output "environment" {
  description = "Name of this shared environment, which is the workspace."
  value       = terraform.workspace
}

output "region" {
  description = "AWS region."
  value       = data.aws_region.current.id
}

output "domain" {
  description = "Domain of the environments."
  value       = var.domain
}

output "zone_id" {
  description = "Route 53 zone of the environments. Absent from the state if there is none, as Terraform keeps no null outputs."
  value       = var.zone_id
}

output "public" {
  description = "Whether the load balancer is reachable from the internet."
  value       = var.public
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "Subnets of tasks and database."
  value       = module.network.private_subnet_ids
}

output "public_subnet_ids" {
  description = "Subnets of what is reached from the internet."
  value       = module.network.public_subnet_ids
}

output "alb_arn" {
  description = "ARN of the load balancer."
  value       = module.load_balancer.arn
}

output "alb_arn_suffix" {
  description = "End of the load balancer's ARN, as metrics name it."
  value       = module.load_balancer.arn_suffix
}

output "alb_dns_name" {
  description = "DNS name of the load balancer."
  value       = module.load_balancer.dns_name
}

output "alb_zone_id" {
  description = "Route 53 zone of the load balancer's DNS name, for alias records."
  value       = module.load_balancer.zone_id
}

output "https_listener_arn" {
  description = "Listener to which environments add their rules."
  value       = module.load_balancer.https_listener_arn
}

output "app_security_group_id" {
  description = "Security group of the tasks of all environments."
  value       = module.security_groups.app_id
}

output "app_ports" {
  description = "Container ports that the load balancer may reach."
  value       = var.app_ports
}

output "namespace_id" {
  description = "Id of the Cloud Map namespace."
  value       = aws_service_discovery_private_dns_namespace.this.id
}

output "namespace_name" {
  description = "Name of the Cloud Map namespace."
  value       = aws_service_discovery_private_dns_namespace.this.name
}

output "database_host" {
  description = "Host name of the database."
  value       = module.database.host
}

output "database_port" {
  description = "Port of the database."
  value       = module.database.port
}

output "execution_role_arn" {
  description = "Role with which ECS starts tasks."
  value       = module.task_roles.execution_role_arn
}

output "task_role_arn" {
  description = "Role that the application runs with."
  value       = module.task_roles.task_role_arn
}

output "bastion_instance_id" {
  description = "Instance through which the database is reached."
  value       = module.bastion.instance_id
}

# --- For people -------------------------------------------------------------------------------------------------------

output "database_secret_arn" {
  description = "Secret in which RDS keeps the master user's password."
  value       = module.database.master_secret_arn
}

output "bastion_address" {
  description = "Public address of the bastion; empty without SSH."
  value       = module.bastion.public_address
}
