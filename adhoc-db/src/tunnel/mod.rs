//! The ways to a server that cannot be reached directly.

mod direct;

pub use self::direct::Direct;
