//! Terraform workspaces, one for each short-lived environment.
