mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/dev-alb/50dc6c495c0c9188" }
  }
}

variables {
  name              = "dev"
  public            = true
  subnet_ids        = ["subnet-1", "subnet-2"]
  security_group_id = "sg-1"
  certificate_arn   = "arn:aws:acm:us-east-1:123456789012:certificate/1"
}

run "public" {
  assert {
    condition     = aws_lb.this.name == "dev-alb" && !aws_lb.this.internal && aws_lb.this.drop_invalid_header_fields && !aws_lb.this.enable_deletion_protection
    error_message = "a public load balancer that can be destroyed"
  }

  assert {
    condition     = aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && aws_lb_listener.https.certificate_arn == var.certificate_arn && aws_lb_listener.https.port == 443
    error_message = "modern TLS with the given certificate"
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "404"
    error_message = "unknown hosts get 404"
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "HTTP only redirects"
  }

  assert {
    condition     = length(aws_lb.this.access_logs) == 0
    error_message = "no access logs without a bucket"
  }
}

run "internal_and_protected" {
  command = plan

  variables {
    public              = false
    deletion_protection = true
    access_logs_bucket  = "logs"
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb.this.enable_deletion_protection && aws_lb.this.access_logs[0].bucket == "logs" && aws_lb.this.access_logs[0].enabled
    error_message = "internal, protected, with logs"
  }

  assert {
    condition     = output.deletion_protection
    error_message = "and this is said"
  }
}
