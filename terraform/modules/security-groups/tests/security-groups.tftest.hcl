mock_provider "aws" {}

variables {
  name              = "dev"
  vpc_id            = "vpc-1"
  allowed_cidrs     = ["0.0.0.0/0"]
  nat_addresses     = { a = "198.51.100.1" }
  app_ports         = [8000, 80]
  egress_ports      = [443]
  database_port     = 5432
  bastion_ssh_cidrs = []
}

run "public" {
  assert {
    condition     = aws_security_group.app.name == "dev-ecs-sg" && aws_security_group.app.tags.Name == "dev-ecs-sg"
    error_message = "adhoc finds the group of the tasks by this name"
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.balancer) == ["http 0.0.0.0/0", "https 0.0.0.0/0"]
    error_message = "HTTP and HTTPS from everywhere"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.balancer_from_nat) == 0
    error_message = "everywhere includes the NAT gateway"
  }

  assert {
    condition = keys(aws_vpc_security_group_ingress_rule.app_from_balancer) == ["80", "8000"] && alltrue([
      for rule in values(aws_vpc_security_group_ingress_rule.app_from_balancer) :
      rule.referenced_security_group_id == aws_security_group.balancer.id && rule.from_port == rule.to_port
    ])
    error_message = "the application's ports, from the load balancer only"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.app_redis.from_port == 6379 && aws_vpc_security_group_ingress_rule.app_redis.referenced_security_group_id == aws_security_group.app.id
    error_message = "Redis among tasks only"
  }

  assert {
    condition = length(aws_vpc_security_group_ingress_rule.database) == 2 && alltrue([
      for rule in values(aws_vpc_security_group_ingress_rule.database) :
      rule.cidr_ipv4 == null && rule.from_port == 5432 && contains([aws_security_group.app.id, aws_security_group.bastion.id], rule.referenced_security_group_id)
    ])
    error_message = "the database, from tasks and bastion only"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.bastion_ssh) == 0
    error_message = "no SSH unless it is asked for"
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.app_to_internet) == ["443"]
    error_message = "tasks reach nothing else on the internet"
  }
}

run "for_a_few" {
  variables {
    allowed_cidrs     = ["203.0.113.0/24"]
    egress_ports      = [443, 587]
    bastion_ssh_cidrs = ["203.0.113.7/32"]
  }

  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.balancer) : rule.cidr_ipv4 == "203.0.113.0/24"])
    error_message = "only the given range"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.balancer_from_nat["a"].cidr_ipv4 == "198.51.100.1/32"
    error_message = "and the tasks, by the NAT gateway"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.bastion_ssh["203.0.113.7/32"].from_port == 22
    error_message = "SSH from the given range"
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.app_to_internet) == ["443", "587"]
    error_message = "the given ports"
  }
}
