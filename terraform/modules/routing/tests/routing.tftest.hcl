mock_provider "aws" {}

variables {
  environment                = "alpha"
  host                       = "alpha.dev.example.com"
  vpc_id                     = "vpc-1"
  listener_arn               = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/dev-alb/1/2"
  backend_paths              = ["/api/*", "/admin/*", "/static/*", "/media/*"]
  backend_health_check_path  = "/api/health-check/"
  frontend_health_check_path = "/"
}

run "alpha" {
  command = plan

  assert {
    condition     = aws_lb_target_group.api.name == "alpha-api" && aws_lb_target_group.web.name == "alpha-web"
    error_message = "The target groups are {env}-api and {env}-web."
  }
  assert {
    condition     = aws_lb_target_group.api.target_type == "ip" && aws_lb_target_group.web.target_type == "ip"
    error_message = "Fargate registers addresses."
  }
  assert {
    condition     = aws_lb_target_group.api.health_check[0].path == "/api/health-check/" && aws_lb_target_group.web.health_check[0].path == "/"
    error_message = "Each has the health check that was asked for."
  }
  assert {
    condition     = tonumber(aws_lb_target_group.api.deregistration_delay) <= 30 && tonumber(aws_lb_target_group.web.deregistration_delay) <= 30
    error_message = "A deployment does not wait five minutes for idle connections."
  }
  assert {
    condition     = length(aws_lb_listener_rule.api) == 1
    error_message = "Four paths fit into one rule."
  }
  assert {
    condition = flatten([
      for condition in aws_lb_listener_rule.api[0].condition : [
        [for header in condition.host_header : tolist(header.values)], [for path in condition.path_pattern : sort(path.values)]
      ]
    ]) == ["alpha.dev.example.com", "/admin/*", "/api/*", "/media/*", "/static/*"]
    error_message = "The back end has its paths, on the environment's host only."
  }
  assert {
    condition = flatten([
      for condition in aws_lb_listener_rule.web.condition : [[for header in condition.host_header : tolist(header.values)], [for path in condition.path_pattern : tolist(path.values)]]
    ]) == ["alpha.dev.example.com"]
    error_message = "The front end has all other paths of the environment's host."
  }
  assert {
    condition     = aws_lb_listener_rule.api[0].tags["Name"] == "alpha-api-0" && aws_lb_listener_rule.web.tags["Name"] == "alpha-web"
    error_message = "Rules have a Name tag, which the console shows."
  }
  assert {
    condition     = output.priorities.backend == [aws_lb_listener_rule.api[0].priority] && output.priorities.frontend == aws_lb_listener_rule.web.priority
    error_message = "The output tells the priorities."
  }
}

run "beta" {
  command = plan

  variables {
    environment   = "beta"
    host          = "beta.dev.example.com"
    backend_paths = ["/a/*", "/b/*", "/c/*", "/d/*", "/e/*", "/f/*", "/g/*", "/h/*"]
  }

  assert {
    condition     = length(aws_lb_listener_rule.api) == 2
    error_message = "Eight paths take two rules."
  }
  assert {
    condition = alltrue([
      for rule in aws_lb_listener_rule.api : sum([
        for condition in rule.condition : length(flatten([[for header in condition.host_header : tolist(header.values)], [for path in condition.path_pattern : tolist(path.values)]]))
      ]) <= 5
    ])
    error_message = "A rule holds five values."
  }
  assert {
    condition     = length(setintersection(concat(run.alpha.priorities.backend, [run.alpha.priorities.frontend]), concat(output.priorities.backend, [output.priorities.frontend]))) == 0
    error_message = "Two environments have different priorities."
  }
  assert {
    condition     = max(concat(run.alpha.priorities.backend, output.priorities.backend)...) < min(run.alpha.priorities.frontend, output.priorities.frontend)
    error_message = "The back end's rules come before every front end's."
  }
}

run "first_slot" {
  command = plan

  variables {
    slot          = 0
    backend_paths = ["/a/*", "/b/*", "/c/*", "/d/*", "/e/*"]
  }

  assert {
    condition     = output.priorities == { backend = [1, 2], frontend = 25001 }
    error_message = "Slot 0 has the first priorities."
  }
}

run "next_slot" {
  command = plan

  variables {
    slot = 1
  }

  assert {
    condition     = output.priorities == { backend = [3], frontend = 25002 }
    error_message = "Slot 1 does not touch slot 0, however many rules either has."
  }
}

run "last_slot" {
  command = plan

  variables {
    slot          = 11999
    backend_paths = ["/a/*", "/b/*", "/c/*", "/d/*", "/e/*"]
  }

  assert {
    condition     = max(output.priorities.backend...) < 25000 && output.priorities.frontend <= 50000
    error_message = "The last slot stays within the bands and within what a load balancer takes."
  }
}

run "longest_name" {
  command = plan

  variables {
    environment = "an-environment-of-28-letters"
  }

  assert {
    condition     = length(aws_lb_target_group.api.name) == 32 && length(aws_lb_target_group.web.name) == 32
    error_message = "The longest name of an environment still fits."
  }
}

run "refuses_a_slot_out_of_range" {
  command = plan

  variables {
    slot = 12000
  }

  expect_failures = [var.slot]
}

run "refuses_nine_paths" {
  command = plan

  variables {
    backend_paths = ["/a/*", "/b/*", "/c/*", "/d/*", "/e/*", "/f/*", "/g/*", "/h/*", "/i/*"]
  }

  expect_failures = [var.backend_paths]
}

run "refuses_a_path_without_slash" {
  command = plan

  variables {
    backend_paths = ["api/*"]
  }

  expect_failures = [var.backend_paths]
}
