resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91:Access logs need a bucket that outlives the environment; `access_logs_bucket` names one
  #checkov:skip=CKV_AWS_150:Short-lived environments must be destroyable; `deletion_protection` is a variable
  #checkov:skip=CKV2_AWS_28:A web application firewall would cost more than the environments behind it
  name               = "${var.name}-alb"
  load_balancer_type = "application"
  internal           = !var.public
  subnets            = var.subnet_ids
  security_groups    = [var.security_group_id]
  idle_timeout       = var.idle_timeout

  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection

  dynamic "access_logs" {
    for_each = var.access_logs_bucket == null ? [] : [var.access_logs_bucket]

    content {
      bucket  = access_logs.value
      prefix  = var.name
      enabled = true
    }
  }

  tags = { Name = "${var.name}-alb" }
}

# Environments add rules for their host names; whoever asks for another name learns nothing.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "no such environment"
      status_code  = "404"
    }
  }

  tags = { Name = "${var.name}-https" }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }

  tags = { Name = "${var.name}-http" }
}
