variable "name" {
  description = "Name of the shared environment; begins every Name tag."
  type        = string
}

variable "cidr" {
  description = "Address range of the VPC. Each zone gets a sixteenth of it for public and a sixteenth for private subnets."
  type        = string
}

variable "availability_zones" {
  description = "Names of the zones to use. Empty: the first two of the region."
  type        = list(string)
  default     = []
}

variable "nat_per_zone" {
  description = "A NAT gateway in every zone, so that none depends on another; otherwise one for all."
  type        = bool
  default     = false
}
