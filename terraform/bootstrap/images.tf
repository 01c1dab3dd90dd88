# A tag means one image for ever, so a rollback gets what it names, and what was scanned is what runs. That goes for the
# placeholder, too: it is pushed once, and a better one gets another tag.
resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:ECR's own key encrypts the images; a key of our own costs more than what it protects here
  for_each = toset(var.repositories)

  name                 = each.value
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  tags = { Name = each.value }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        # An image that one rule has in view is safe from those after it, even if that rule never expires it.
        description = "Keep the placeholder, which would soon be the oldest image"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = [var.placeholder_tag]
          countType      = "imageCountMoreThan"
          countNumber    = 1
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Untagged images: parts of uploads that nothing refers to"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 7
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 3
        description  = "The newest ${var.keep_images} images"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = var.keep_images
        }
        action = { type = "expire" }
      },
    ]
  })
}
