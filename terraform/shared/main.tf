data "aws_region" "current" {
  # Here, because the workspace is no variable that could be validated, and everything else comes after this.
  lifecycle {
    precondition {
      condition = (
        terraform.workspace != "default" &&
        can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", terraform.workspace)) &&
        length(terraform.workspace) <= 28
      )
      error_message = "The workspace is the name of the environment: 1 to 28 lower-case letters, digits and single hyphens, and not `default`. Select one, such as `terraform workspace select -or-create dev`."
    }
  }
}

locals {
  name = terraform.workspace

  ssh = length(var.bastion_ssh_cidrs) > 0

  allowed_cidrs = coalesce(var.allowed_cidrs, var.public ? ["0.0.0.0/0"] : [var.vpc_cidr])
}

module "network" {
  source = "../modules/network"

  name               = local.name
  cidr               = var.vpc_cidr
  availability_zones = var.availability_zones
  nat_per_zone       = var.nat_per_zone
}

module "security_groups" {
  source = "../modules/security-groups"

  name              = local.name
  vpc_id            = module.network.vpc_id
  allowed_cidrs     = local.allowed_cidrs
  nat_addresses     = var.public ? module.network.nat_addresses : {}
  app_ports         = var.app_ports
  egress_ports      = var.egress_ports
  database_port     = 5432
  bastion_ssh_cidrs = var.bastion_ssh_cidrs
}

module "load_balancer" {
  source = "../modules/load-balancer"

  name                = local.name
  public              = var.public
  subnet_ids          = var.public ? module.network.public_subnet_ids : module.network.private_subnet_ids
  security_group_id   = module.security_groups.balancer_id
  certificate_arn     = var.certificate_arn
  idle_timeout        = var.idle_timeout
  deletion_protection = var.deletion_protection
  access_logs_bucket  = var.access_logs_bucket
}

module "database" {
  source = "../modules/database"

  name                 = local.name
  subnet_ids           = module.network.private_subnet_ids
  security_group_id    = module.security_groups.database_id
  engine_version       = var.database_version
  instance_class       = var.database_class
  storage_gb           = var.database_storage_gb
  max_storage_gb       = var.database_max_storage_gb
  multi_az             = var.database_multi_az
  backup_days          = var.database_backup_days
  final_snapshot       = var.database_final_snapshot
  deletion_protection  = var.deletion_protection
  apply_immediately    = var.database_apply_immediately
  performance_insights = var.database_performance_insights
  logs                 = var.database_logs
}

module "bastion" {
  source = "../modules/bastion"

  name                     = local.name
  role_name                = "${var.project}-${local.name}-bastion"
  role_path                = "/${var.project}/"
  permissions_boundary_arn = var.permissions_boundary_arn
  # Without SSH nothing comes from outside, so it needs no public address: the agent goes out by the NAT gateway.
  subnet_id         = local.ssh ? module.network.public_subnet_ids[0] : module.network.private_subnet_ids[0]
  security_group_id = module.security_groups.bastion_id
  ssh               = local.ssh
  public_keys       = var.bastion_public_keys
  instance_type     = var.bastion_type
  database_host     = module.database.host
  database_port     = module.database.port
}

module "task_roles" {
  source = "../modules/task-roles"

  project                  = var.project
  name                     = local.name
  repositories             = var.repositories
  extra_secret_arns        = var.extra_secret_arns
  permissions_boundary_arn = var.permissions_boundary_arn
}

# In which environments register what other tasks of theirs look up, such as Redis.
resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = var.namespace
  description = "Environments in ${local.name}"
  vpc         = module.network.vpc_id

  tags = { Name = "${local.name}-${var.namespace}" }
}
