//! AWS's request rates, as token buckets.

use std::collections::HashMap;

/// Burst and sustained rate per second of an operation, if it is known to have one.
fn rate(service: &str, operation: &str) -> Option<(f64, f64)> {
    match (service, operation) {
        ("ecs", "RegisterTaskDefinition" | "DeregisterTaskDefinition") => Some((20.0, 1.0)),
        ("ecs", "UpdateService") => Some((50.0, 5.0)),
        ("ecs", "DescribeServices" | "DescribeTasks" | "ListTasks") => Some((100.0, 20.0)),
        ("ecs", "RunTask") => Some((100.0, 40.0)),
        ("logs", "GetLogEvents") => Some((25.0, 25.0)),
        _ => None,
    }
}

struct Bucket {
    tokens: f64,
    filled_at: u64,
}

/// A bucket for each operation.
#[derive(Default)]
pub(crate) struct Buckets {
    buckets: HashMap<String, Bucket>,
}

impl Buckets {
    /// Takes a token; `false` if there is none.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds between two calls are few")]
    pub(crate) fn take(&mut self, service: &str, operation: &str, now: u64) -> bool {
        let Some((burst, sustained)) = rate(service, operation) else { return true };
        let bucket =
            self.buckets.entry(format!("{service}:{operation}")).or_insert(Bucket { tokens: burst, filled_at: now });
        let passed = now.saturating_sub(bucket.filled_at) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + passed * sustained).min(burst);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    #[test]
    fn a_burst_is_followed_by_the_sustained_rate() {
        let mut buckets = Buckets::default();
        let taken = |buckets: &mut Buckets, now| (0..100).filter(|_| buckets.take("ecs", "UpdateService", now)).count();
        assert_eq!(taken(&mut buckets, 0), 50);
        assert_eq!(taken(&mut buckets, 1000), 5);
        assert_eq!(taken(&mut buckets, 1_000_000), 50);
        assert!((0..10_000).all(|_| buckets.take("ecs", "ListClusters", 0)));
    }
}
