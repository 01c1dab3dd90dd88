output "backend_target_group_arn" {
  description = "Target group of the back end."
  value       = aws_lb_target_group.api.arn

  # ECS refuses a service whose target group no listener knows.
  depends_on = [aws_lb_listener_rule.api]
}

output "frontend_target_group_arn" {
  description = "Target group of the front end."
  value       = aws_lb_target_group.web.arn

  depends_on = [aws_lb_listener_rule.web]
}

output "priorities" {
  description = "Priorities of the listener rules: those of the back end, and the front end's."
  value = {
    backend  = local.backend_priorities
    frontend = local.frontend_priority
  }
}
