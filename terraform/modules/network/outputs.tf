output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Ids of the public subnets, in the order of the zones."
  value       = [for letter in local.letters : aws_subnet.public[letter].id]

  # AWS refuses a public load balancer (InvalidSubnet) as long as its subnets have no way to the internet.
  depends_on = [aws_route.internet, aws_route_table_association.public]
}

output "private_subnet_ids" {
  description = "Ids of the private subnets, in the order of the zones."
  value       = [for letter in local.letters : aws_subnet.private[letter].id]
}

output "nat_addresses" {
  description = "Public address that traffic of each zone's NAT gateway comes from, by the zone's letter."
  value       = { for letter in local.nat_zones : letter => aws_eip.nat[letter].public_ip }
}
