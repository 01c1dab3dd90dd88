# Copy to envs/bootstrap.tfvars. There is one bootstrap in an account and project. What is commented out shows the default.

# Begins the names of buckets and IAM roles; the same in `shared`.
project = "ublog"

# region = "eu-central-1"         # default: that of the surroundings (AWS_REGION, profile)
# state_bucket = null             # {project}-terraform-state-{account id}
# state_history_days = 90
# repositories = ["backend", "frontend"]
# keep_images = 200

# --- CI: roles for GitHub Actions, without any key to keep. Null: none. ---
# github_repository        = "acme/ublog"              # "acme@1234/ublog@5678" with immutable subject claims
# github_oidc_provider_arn = null                      # of the account, which can have one only; null: make it
# ci_environments_subjects = ["*"]                     # any run in the repository
# ci_images_subjects       = ["*"]
# ci_shared_subjects       = ["environment:shared"]
# zone_ids                 = ["Z0123456789ABCDEFGHIJ"] # with a `zone_id` in `shared`, the same: CI makes the records there
# extra_secret_arns        = []

# Only before the end: lets `adhoc bootstrap destroy` delete every state there ever was.
# force_destroy = false
