//! Listener rules in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, ListenerRule, ListenerRules, NewListenerRule, Result, async_trait};

/// Listener rules that are kept in the order in which they were made.
#[derive(Debug, Default)]
pub struct FakeListenerRules {
    rules: Mutex<Vec<ListenerRule>>,
}

impl FakeListenerRules {
    /// Adds a rule.
    pub fn insert(&self, rule: ListenerRule) {
        self.lock().push(rule);
    }

    /// The rules, by priority.
    #[must_use]
    pub fn rules(&self) -> Vec<ListenerRule> {
        let mut rules = self.lock().clone();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ListenerRule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ListenerRules for FakeListenerRules {
    async fn list(&self) -> Result<Vec<ListenerRule>> {
        Ok(self.lock().clone())
    }

    async fn create(&self, rule: &NewListenerRule) -> Result<String> {
        let mut rules = self.lock();
        if rules.iter().any(|known| known.listener == rule.listener && known.priority == rule.priority) {
            let reason = format!("priority {} is taken", rule.priority);
            return Err(Error::conflict("CreateRule", &rule.listener, reason));
        }
        let arn = format!("{}/{}", rule.listener, rule.priority);
        let made = ListenerRule::new(&arn, &rule.listener, rule.priority)
            .with_hosts(rule.hosts.clone())
            .with_response(Some(rule.response.clone()))
            .with_tags(rule.tags.clone());
        rules.push(made);
        Ok(arn)
    }

    async fn delete(&self, arn: &str) -> Result<()> {
        self.lock().retain(|rule| rule.arn != arn);
        Ok(())
    }
}
