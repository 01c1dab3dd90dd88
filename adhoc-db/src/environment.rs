//! An environment's database together with the password of its role.

use adhoc_core::{Context, CreateDatabase, Created, DatabaseAdmin, DropDatabase, Dropped, Result};

use crate::{Account, RoleSecrets};

/// Makes sure that an environment has its database, and that its role can log in with the password that `passwords` keeps.
///
/// Safe to repeat, and when many run at once. A password that was made for this stays if the database cannot be made: another run
/// may have begun to use it, and the next one will. Cancelling the context ends it between two changes; the next run completes it.
///
/// # Errors
///
/// Those of [`DatabaseAdmin::create`] and of `passwords`.
pub async fn ensure_database(
    cx: &Context,
    admin: &dyn DatabaseAdmin,
    passwords: &dyn RoleSecrets,
    account: &Account,
    request: CreateDatabase,
) -> Result<Created> {
    let known = passwords.find(account).await?;
    let made = known.is_none();
    let password = if made { passwords.ensure(account).await? } else { known };
    cx.ensure_not_cancelled()?;
    let kept = made && password.is_some();
    admin.create(&request.with_password(password)).await.map_err(|error| match kept {
        true => error.with_left_behind(format!("secret {}, which the next run uses", account.secret)),
        false => error,
    })
}

/// Removes an environment's database, its role and the password that was kept for it.
///
/// Safe to repeat: what is gone already is no error.
///
/// # Errors
///
/// Those of [`DatabaseAdmin::drop`] and of `passwords`.
pub async fn remove_database(
    cx: &Context,
    admin: &dyn DatabaseAdmin,
    passwords: &dyn RoleSecrets,
    account: &Account,
) -> Result<Dropped> {
    cx.ensure_not_cancelled()?;
    let Account { environment, database, role, .. } = account.clone();
    let dropped = admin.drop(&DropDatabase::of_environment(environment, database, role)).await?;
    let forgotten = passwords.remove(account).await?;
    Ok(if forgotten { Dropped::Dropped } else { dropped })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{ManualClock, MockDatabaseAdmin};
    use adhoc_core::{DatabaseMarker, EnvironmentName, Error, ExposeSecret, NullSink, SecretString, Timestamp};
    use mockall::mock;

    use super::*;

    mock! {
        Passwords {}
        #[adhoc_core::async_trait]
        impl RoleSecrets for Passwords {
            async fn find(&self, account: &Account) -> Result<Option<SecretString>>;
            async fn ensure(&self, account: &Account) -> Result<Option<SecretString>>;
            async fn remove(&self, account: &Account) -> Result<bool>;
        }
    }

    fn setting() -> (Context, Account, CreateDatabase) {
        let environment: EnvironmentName = "alpha".parse().expect("a name");
        let name: adhoc_core::DatabaseName = "alpha-db".parse().expect("a name");
        let role: adhoc_core::RoleName = "alpha".parse().expect("a name");
        let marker = DatabaseMarker::for_environment(&environment, Timestamp::UNIX_EPOCH);
        let account = Account::new(environment.clone(), name.clone(), role.clone(), ("db", 5432));
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(NullSink));
        (cx, account, CreateDatabase::new(name, role, marker))
    }

    #[tokio::test]
    async fn a_new_password_stays_and_is_named_when_the_database_cannot_be_made() {
        let (cx, account, request) = setting();
        let mut passwords = MockPasswords::new();
        passwords.expect_find().returning(|_| Ok(None));
        passwords.expect_ensure().returning(|_| Ok(Some(SecretString::from("new"))));
        passwords.expect_remove().never();
        let mut admin = MockDatabaseAdmin::new();
        let with_password =
            |request: &CreateDatabase| request.password.as_ref().is_some_and(|text| text.expose_secret() == "new");
        admin
            .expect_create()
            .withf(with_password)
            .returning(|_| Err(Error::database("create", "alpha-db", "disk full")));
        let error = ensure_database(&cx, &admin, &passwords, &account, request).await.expect_err("failed");
        assert_eq!(error.detail().left_behind, ["secret alpha-db, which the next run uses"]);
    }

    #[tokio::test]
    async fn a_password_that_was_there_stays() {
        let (cx, account, request) = setting();
        let mut passwords = MockPasswords::new();
        passwords.expect_find().returning(|_| Ok(Some(SecretString::from("old"))));
        passwords.expect_remove().never();
        let mut admin = MockDatabaseAdmin::new();
        admin.expect_create().returning(|_| Err(Error::database("create", "alpha-db", "disk full")));
        ensure_database(&cx, &admin, &passwords, &account, request).await.expect_err("failed");
    }

    #[tokio::test]
    async fn a_database_that_is_refused_keeps_its_password() {
        let (cx, account, _) = setting();
        let mut passwords = MockPasswords::new();
        passwords.expect_remove().never();
        let mut admin = MockDatabaseAdmin::new();
        admin.expect_drop().returning(|_| Err(Error::database("drop", "alpha-db", "is not ours")));
        remove_database(&cx, &admin, &passwords, &account).await.expect_err("refused");
    }
}
