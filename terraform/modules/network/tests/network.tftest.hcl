mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "dev"
  cidr = "10.20.0.0/16"
}

run "two_zones_and_one_nat" {
  assert {
    condition     = aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames
    error_message = "the names of RDS and of the namespace need DNS"
  }

  assert {
    condition     = [for subnet in values(aws_subnet.private) : subnet.tags.Name] == ["dev-private-a", "dev-private-b"]
    error_message = "adhoc finds the private subnets by these names"
  }

  assert {
    condition     = [for subnet in values(aws_subnet.public) : subnet.availability_zone] == ["eu-central-1a", "eu-central-1b"]
    error_message = "the first two zones"
  }

  assert {
    condition     = length(distinct([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public)) : subnet.cidr_block])) == 4
    error_message = "subnets must not overlap"
  }

  assert {
    condition     = alltrue([for subnet in values(aws_subnet.public) : !subnet.map_public_ip_on_launch])
    error_message = "nothing gets a public address unasked"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["a"] && length(output.nat_addresses) == 1
    error_message = "one NAT gateway for all zones"
  }

  assert {
    condition     = aws_route.nat["a"].nat_gateway_id == aws_nat_gateway.this["a"].id && aws_route.nat["b"].nat_gateway_id == aws_nat_gateway.this["a"].id
    error_message = "both zones go out by the one NAT gateway"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3" && aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "S3 must not go through the NAT gateway"
  }

  assert {
    condition     = output.private_subnet_ids == [aws_subnet.private["a"].id, aws_subnet.private["b"].id] && output.public_subnet_ids == [aws_subnet.public["a"].id, aws_subnet.public["b"].id]
    error_message = "subnets in the order of the zones"
  }

  # A dependency is no value that could be looked at, so this reads the text.
  assert {
    condition     = length(output.public_subnet_ids) == 2 && can(regex("output \"public_subnet_ids\" \\{[^}]*depends_on = \\[aws_route\\.internet, aws_route_table_association\\.public\\]", file("outputs.tf")))
    error_message = "whoever uses a public subnet waits for its way to the internet"
  }
}

run "nat_in_every_zone" {
  variables {
    nat_per_zone = true
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["a", "b"] && aws_route.nat["b"].nat_gateway_id == aws_nat_gateway.this["b"].id
    error_message = "each zone has its own"
  }
}

run "chosen_zones" {
  command = plan

  variables {
    availability_zones = ["eu-central-1c", "eu-central-1a", "eu-central-1b"]
  }

  assert {
    condition     = keys(aws_subnet.private) == ["a", "b", "c"] && aws_subnet.private["c"].cidr_block == "10.20.128.0/20"
    error_message = "the zones as they were given"
  }
}
