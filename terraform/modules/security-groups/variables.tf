variable "name" {
  description = "Name of the shared environment; begins every group's name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the groups."
  type        = string
}

variable "allowed_cidrs" {
  description = "Address ranges that may open the load balancer."
  type        = list(string)
}

variable "nat_addresses" {
  description = <<-EOT
    Public addresses that tasks call a public load balancer from, by any key. A front end that renders on the server calls
    the API by its public name, and would be shut out by `allowed_cidrs`. Empty for an internal load balancer.
  EOT
  type        = map(string)
  default     = {}
}

variable "app_ports" {
  description = "Container ports that the load balancer may reach."
  type        = list(number)
}

variable "egress_ports" {
  description = "TCP ports that tasks may reach on the internet."
  type        = list(number)
}

variable "database_port" {
  description = "Port of the database."
  type        = number
}

variable "bastion_ssh_cidrs" {
  description = "Address ranges that may open SSH on the bastion. Empty: none, and Session Manager is the only way."
  type        = list(string)
  default     = []
}
