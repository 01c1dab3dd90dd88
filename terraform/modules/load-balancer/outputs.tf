output "arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "arn_suffix" {
  description = "End of the ARN, as CloudWatch metrics name the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Route 53 zone of the DNS name, for alias records."
  value       = aws_lb.this.zone_id
}

output "https_listener_arn" {
  description = "ARN of the HTTPS listener, which environments add rules to."
  value       = aws_lb_listener.https.arn
}

output "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer."
  value       = aws_lb.this.enable_deletion_protection
}
