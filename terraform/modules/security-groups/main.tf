locals {
  # Terraform must know the keys before there are any addresses, so they are the zones' letters.
  nat_addresses = contains(var.allowed_cidrs, "0.0.0.0/0") ? {} : var.nat_addresses

  balancer_ports = { https = 443, http = 80 }
  balancer_ingress = {
    for pair in setproduct(keys(local.balancer_ports), var.allowed_cidrs) :
    "${pair[0]} ${pair[1]}" => { port = local.balancer_ports[pair[0]], cidr = pair[1] }
  }
}

# --- Load balancer ----------------------------------------------------------------------------------------------------

resource "aws_security_group" "balancer" {
  #checkov:skip=CKV2_AWS_5:The module of the load balancer uses it, where the check does not look
  name        = "${var.name}-alb-sg"
  description = "Load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-alb-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  #checkov:skip=CKV_AWS_260:Port 80 only redirects to HTTPS; who may come at all is `allowed_cidrs`
  for_each = local.balancer_ingress

  security_group_id = aws_security_group.balancer.id
  description       = each.value.port == 443 ? "HTTPS" : "HTTP, which is redirected"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr

  tags = { Name = "${var.name}-alb-${each.value.port}" }
}

resource "aws_vpc_security_group_ingress_rule" "balancer_from_nat" {
  for_each = local.nat_addresses

  security_group_id = aws_security_group.balancer.id
  description       = "HTTPS from the tasks, by the NAT gateway"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "${each.value}/32"

  tags = { Name = "${var.name}-alb-nat-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "balancer_from_app" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "HTTPS from the tasks, where the load balancer is internal"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.app.id

  tags = { Name = "${var.name}-alb-app" }
}

resource "aws_vpc_security_group_egress_rule" "balancer_to_app" {
  for_each = toset([for port in var.app_ports : tostring(port)])

  security_group_id            = aws_security_group.balancer.id
  description                  = "Requests and health checks"
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value)
  to_port                      = tonumber(each.value)
  referenced_security_group_id = aws_security_group.app.id

  tags = { Name = "${var.name}-alb-app-${each.value}" }
}

# --- Tasks ------------------------------------------------------------------------------------------------------------

resource "aws_security_group" "app" {
  #checkov:skip=CKV2_AWS_5:The services and tasks of the ad hoc environments use it; they find it by its Name
  name        = "${var.name}-ecs-sg"
  description = "Tasks of all environments in ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-ecs-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "app_from_balancer" {
  for_each = toset([for port in var.app_ports : tostring(port)])

  security_group_id            = aws_security_group.app.id
  description                  = "Requests and health checks"
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value)
  to_port                      = tonumber(each.value)
  referenced_security_group_id = aws_security_group.balancer.id

  tags = { Name = "${var.name}-ecs-${each.value}" }
}

resource "aws_vpc_security_group_ingress_rule" "app_redis" {
  security_group_id            = aws_security_group.app.id
  description                  = "Redis, among tasks"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  referenced_security_group_id = aws_security_group.app.id

  tags = { Name = "${var.name}-ecs-redis" }
}

resource "aws_vpc_security_group_egress_rule" "app_redis" {
  security_group_id            = aws_security_group.app.id
  description                  = "Redis, among tasks"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  referenced_security_group_id = aws_security_group.app.id

  tags = { Name = "${var.name}-ecs-redis" }
}

resource "aws_vpc_security_group_egress_rule" "app_to_database" {
  security_group_id            = aws_security_group.app.id
  description                  = "Postgres"
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
  referenced_security_group_id = aws_security_group.database.id

  tags = { Name = "${var.name}-ecs-rds" }
}

resource "aws_vpc_security_group_egress_rule" "app_to_internet" {
  for_each = toset([for port in var.egress_ports : tostring(port)])

  security_group_id = aws_security_group.app.id
  description       = "AWS and other services"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
  cidr_ipv4         = "0.0.0.0/0"

  tags = { Name = "${var.name}-ecs-out-${each.value}" }
}

# --- Database ---------------------------------------------------------------------------------------------------------

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5:The module of the database uses it, where the check does not look
  name        = "${var.name}-rds-sg"
  description = "Postgres of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-rds-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = { tasks = aws_security_group.app.id, bastion = aws_security_group.bastion.id }

  security_group_id            = aws_security_group.database.id
  description                  = "Postgres from the ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
  referenced_security_group_id = each.value

  tags = { Name = "${var.name}-rds-${each.key}" }
}

# --- Bastion ----------------------------------------------------------------------------------------------------------

resource "aws_security_group" "bastion" {
  #checkov:skip=CKV2_AWS_5:The module of the bastion uses it, where the check does not look
  name        = "${var.name}-bastion-sg"
  description = "Bastion of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-bastion-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "bastion_ssh" {
  for_each = toset(var.bastion_ssh_cidrs)

  security_group_id = aws_security_group.bastion.id
  description       = "SSH"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = each.value

  tags = { Name = "${var.name}-bastion-ssh" }
}

resource "aws_vpc_security_group_egress_rule" "bastion_to_database" {
  security_group_id            = aws_security_group.bastion.id
  description                  = "Postgres"
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
  referenced_security_group_id = aws_security_group.database.id

  tags = { Name = "${var.name}-bastion-rds" }
}

resource "aws_vpc_security_group_egress_rule" "bastion_to_internet" {
  security_group_id = aws_security_group.bastion.id
  description       = "Systems Manager, and packages from S3"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"

  tags = { Name = "${var.name}-bastion-https" }
}
