variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "The name of a bucket has 3 to 63 characters, lower-case letters, digits and hyphens: shorten the project's name to 14 characters, or the environment's."
  }
}

variable "force_destroy" {
  description = "Whether the bucket may be destroyed with all that is in it."
  type        = bool
}

variable "versioning" {
  description = "Whether overwritten and deleted objects are kept, for 30 days."
  type        = bool
}

variable "cors_origins" {
  description = "Origins whose pages may read and upload objects, as in `https://alpha.dev.example.com`. Default: none."
  type        = list(string)
  default     = []
}
