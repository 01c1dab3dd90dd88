//! Every tunnel to a real Postgres through a real OpenSSH server, and what each says when it cannot work.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod death;
mod openssh;
mod refusals;
mod ssh;
mod ssm;
mod support;
