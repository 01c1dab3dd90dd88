locals {
  # Priorities are unique among all environments of a listener, and the back end's rules must come before the front end's
  # catch-all. Each environment has a slot: two priorities below 25000 for the back end, one above for the front end. So the
  # order never depends on which environment, or which rule, was made first.
  slot_from_name = parseint(substr(sha256(var.environment), 0, 8), 16) % 12000
  slot           = var.slot == null ? local.slot_from_name : var.slot

  # A rule holds five values: the host and four paths.
  path_chunks         = chunklist(var.backend_paths, 4)
  backend_priorities  = [for chunk in range(length(local.path_chunks)) : 1 + local.slot * 2 + chunk]
  frontend_priority   = 25001 + local.slot
  health_check_status = "200-399"
}

resource "aws_lb_target_group" "api" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the tasks are in private subnets and take only its connections
  name                 = "${var.environment}-api"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  protocol             = "HTTP"
  port                 = 80 # Unused: ECS registers each task with its own port.
  deregistration_delay = var.deregistration_delay

  health_check {
    path                = var.backend_health_check_path
    matcher             = local.health_check_status
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  tags = { Name = "${var.environment}-api" }
}

resource "aws_lb_target_group" "web" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the tasks are in private subnets and take only its connections
  name                 = "${var.environment}-web"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  protocol             = "HTTP"
  port                 = 80
  deregistration_delay = var.deregistration_delay

  health_check {
    path                = var.frontend_health_check_path
    matcher             = local.health_check_status
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  tags = { Name = "${var.environment}-web" }
}

resource "aws_lb_listener_rule" "api" {
  count = length(local.path_chunks)

  listener_arn = var.listener_arn
  priority     = local.backend_priorities[count.index]

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = local.path_chunks[count.index]
    }
  }

  tags = { Name = "${var.environment}-api-${count.index}" }
}

resource "aws_lb_listener_rule" "web" {
  listener_arn = var.listener_arn
  priority     = local.frontend_priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }

  condition {
    host_header {
      values = [var.host]
    }
  }

  tags = { Name = "${var.environment}-web" }
}
