# What each role runs. A role is a container, its task definition, its log group and, unless it is a one-off task, a service.

locals {
  role_defaults = {
    gunicorn = {
      kind   = "service", component = "backend", cpu = 256, memory = 1024, count = 0, port = var.backend_port
      single = false
      command = [
        "gunicorn", "--bind", "0.0.0.0:${var.backend_port}", "--workers", "2", "--access-logfile", "-",
        "${var.python_package}.wsgi",
      ]
    }
    default = {
      kind    = "service", component = "backend", cpu = 256, memory = 1024, count = 0, port = null
      single  = false
      command = ["celery", "--app", var.python_package, "worker", "--loglevel", "INFO", "--concurrency", "2"]
    }
    beat = {
      kind = "service", component = "backend", cpu = 256, memory = 512, count = 0, port = null
      # Two schedulers would schedule everything twice.
      single = true
      command = [
        "celery", "--app", var.python_package, "beat", "--loglevel", "INFO", "--schedule", "/tmp/celerybeat-schedule",
      ]
    }
    web-ui = {
      kind    = "service", component = "frontend", cpu = 256, memory = 512, count = 0, port = var.frontend_port
      single  = false
      command = null
    }
    migrate = {
      kind    = "task", component = "backend", cpu = 256, memory = 1024, count = 0, port = null
      single  = false
      command = ["python", "manage.py", "migrate", "--no-input"]
    }
    collectstatic = {
      kind    = "task", component = "backend", cpu = 256, memory = 512, count = 0, port = null
      single  = false
      command = ["python", "manage.py", "collectstatic", "--no-input"]
    }
  }

  own_roles = {
    for name, role in var.roles : name => {
      kind    = coalesce(role.kind, "service"), component = "backend", cpu = 256, memory = 512, count = 0, port = null
      single  = false
      command = role.command
    } if !contains(concat(keys(local.role_defaults), ["redis"]), name)
  }

  # Redis is not among them: nobody releases it, so it has a module of its own.
  roles = {
    for name, role in merge(local.role_defaults, local.own_roles) : name => {
      kind         = role.kind
      component    = role.component
      port         = role.port
      single       = role.single
      cpu          = coalesce(try(var.roles[name].cpu, null), role.cpu)
      memory       = coalesce(try(var.roles[name].memory, null), role.memory)
      count        = coalesce(try(var.roles[name].count, null), role.count)
      command      = try(var.roles[name].command, null) == null ? role.command : var.roles[name].command
      stop_timeout = try(var.roles[name].stop_timeout, null)
    }
  }
  services = { for name, role in local.roles : name => role if role.kind == "service" }

  registry = "${data.aws_caller_identity.current.account_id}.dkr.ecr.${local.region}.amazonaws.com"
  images = {
    backend  = "${coalesce(var.backend_image, "${local.registry}/backend")}:${var.backend_image_tag}"
    frontend = "${coalesce(var.frontend_image, "${local.registry}/frontend")}:${var.frontend_image_tag}"
  }
}
