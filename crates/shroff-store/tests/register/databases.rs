//! What each test runs on: SQLite, and PostgreSQL where it is installed.

use std::future::Future;

use shroff_store::register::Register;

use crate::postgres::Postgres;

/// Runs a test on an empty register of each kind.
pub(crate) fn on_each<F>(test: impl Fn(Register) -> F)
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("what the test is set up with");
    let folder = tempfile::tempdir().expect("what the test is set up with");
    runtime.block_on(async {
        let path = folder.path().join("a register?.sqlite");
        let register = Register::sqlite(&path).await.expect("what the test is set up with");
        test(register.clone()).await;
        register.close().await;
        // Opened again, the tables are there already.
        Register::sqlite(&path).await.expect("what the test is set up with").close().await;
    });
    let Some(postgres) = Postgres::start() else { return };
    runtime.block_on(async {
        let register = Register::open(&postgres.url()).await.expect("what the test is set up with");
        test(register.clone()).await;
        register.close().await;
        Register::open(&postgres.url()).await.expect("what the test is set up with").close().await;
    });
}
