output "instance_id" {
  description = "Id of the instance."
  value       = aws_instance.this.id
}

output "public_address" {
  description = "Public address of the instance; empty without SSH."
  value       = aws_instance.this.public_ip
}
