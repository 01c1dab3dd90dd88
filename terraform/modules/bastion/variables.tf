variable "name" {
  description = "Name of the shared environment; the instance is tagged `Name={name}-bastion`."
  type        = string
}

variable "role_name" {
  description = "Name of the instance's role and profile."
  type        = string
}

variable "role_path" {
  description = "Path of both, with a slash at each end."
  type        = string

  validation {
    condition     = can(regex("^/([a-z0-9-]+/)*$", var.role_path))
    error_message = "A path begins and ends with a slash, such as `/ublog/`."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role. Null: none."
  type        = string
  default     = null
}

variable "subnet_id" {
  description = "Subnet of the instance: a public one if SSH is to reach it."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the instance."
  type        = string
}

variable "ssh" {
  description = "Reachable by SSH, for which it gets a public address; otherwise by Session Manager only."
  type        = bool
  default     = false
}

variable "public_keys" {
  description = "OpenSSH public keys that may forward the database's port. EC2 Instance Connect works without any."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for key in var.public_keys : can(regex("^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\\n]*)?$", key))
    ])
    error_message = "Each key is one line in the form of OpenSSH, such as `ssh-ed25519 AAAAC3... somebody@example.com`."
  }
}

variable "instance_type" {
  description = "Size of the instance; an ARM type, because the image is for ARM."
  type        = string
  default     = "t4g.nano"

  validation {
    condition     = can(regex("^[a-z]+[0-9]+g[a-z]*\\.", var.instance_type))
    error_message = "The image is built for ARM: use a type with a `g` after its number, such as `t4g.nano`."
  }
}

variable "database_host" {
  description = "The only host that SSH may forward to."
  type        = string
}

variable "database_port" {
  description = "The only port that SSH may forward to."
  type        = number
}
