//! A database of its own for a test, on the engine that the environment names.
//!
//! `ONESHELF_TEST_ENGINE` is `sqlite` (also when absent) or `postgres`; then
//! `ONESHELF_TEST_POSTGRES` is the address of a server where databases may be made. Invariant:
//! nothing is left behind when the value is dropped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A fresh, empty database; gone when dropped.
pub struct Database {
    url: String,
    home: Home,
}

enum Home {
    Folder(PathBuf),
    Server { server: String, name: String },
}

/// True when this run is on PostgreSQL.
pub fn on_postgres() -> bool {
    std::env::var("ONESHELF_TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

impl Database {
    /// Makes one on the engine of this run.
    ///
    /// # Panics
    /// When it cannot be made: then no test can say anything.
    #[expect(clippy::expect_used, reason = "support of tests: a missing database ends the test")]
    pub async fn fresh() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("oneshelf_test_{}_{number}", std::process::id());
        if !on_postgres() {
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).expect("a folder for the database");
            let url = format!("sqlite:{}", folder.join("hub.db").display());
            return Self { url, home: Home::Folder(folder) };
        }
        let server = std::env::var("ONESHELF_TEST_POSTGRES")
            .expect("ONESHELF_TEST_POSTGRES names a PostgreSQL server");
        let make = format!("create database {name} template template0 encoding 'UTF8' locale 'C'");
        run(&server, &format!("drop database if exists {name} with (force)"))
            .await
            .expect("PostgreSQL answers");
        run(&server, &make).await.expect("a database can be made");
        let (address, _) = server.rsplit_once('/').expect("the address names a database");
        Self { url: format!("{address}/{name}"), home: Home::Server { server, name } }
    }

    /// Its address, as `hub serve --database` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn run(server: &str, sql: &str) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await?;
    conn.close().await
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.home {
            Home::Folder(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Home::Server { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                // A runtime of its own: this may run inside a test's.
                let drop = std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    if let Ok(runtime) = runtime {
                        let sql = format!("drop database if exists {name} with (force)");
                        let _ = runtime.block_on(run(&server, &sql));
                    }
                });
                let _ = drop.join();
            }
        }
    }
}
