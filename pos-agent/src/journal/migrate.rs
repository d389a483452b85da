//! Bringing the database's schema up to this build's.
//!
//! An existing database is copied first (VACUUM INTO), so that a failed upgrade costs nothing.

use std::path::Path;

use sqlx::SqliteConnection;
use sqlx::migrate::Migrator;

use super::Fault;
use crate::folder;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/pos-agent");

/// The newest migration that ran; none in an empty database.
async fn version_of(db: &mut SqliteConnection) -> Result<Option<i64>, Fault> {
    let known: Option<i64> = sqlx::query_scalar(
        "select 1 from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
    )
    .fetch_optional(&mut *db)
    .await?;
    if known.is_none() {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(db).await?)
}

pub(super) async fn run(db: &mut SqliteConnection, data: &Path) -> Result<(), Fault> {
    let newest = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    let present = version_of(db).await?;
    if let Some(version) = present {
        if version > newest {
            return Err(Fault::Schema(format!(
                "the database {} was made by a newer build (schema {version}, this one knows \
                 {newest}); start that build",
                data.display()
            )));
        }
        if version < newest {
            copy(db, data, version).await?;
        }
    }
    MIGRATIONS
        .run(db)
        .await
        .map_err(|e| Fault::Schema(format!("the database cannot be brought up to date: {e}")))
}

async fn copy(db: &mut SqliteConnection, data: &Path, version: i64) -> Result<(), Fault> {
    let path = data.join(format!("before-upgrade-{version}.sqlite"));
    if path.exists() {
        return Ok(()); // of an upgrade that was cut off: the older copy is the good one
    }
    let half = path.with_extension("half");
    // A half copy of a crash in the middle has no use.
    let _ = std::fs::remove_file(&half);
    // VACUUM fills an empty file, and leaves it closed to others.
    folder::private_file(&half).map_err(no_copy)?;
    sqlx::query("vacuum into ?").bind(half.display().to_string()).execute(db).await?;
    std::fs::rename(&half, &path).map_err(no_copy)?;
    tracing::info!(path = %path.display(), "copied the database before the upgrade");
    Ok(())
}

fn no_copy(error: std::io::Error) -> Fault {
    Fault::Schema(format!("no copy of the database before its upgrade: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use sqlx::{ConnectOptions, Connection};

    use super::*;

    #[tokio::test]
    async fn the_copy_before_an_upgrade_can_be_opened() {
        let data = std::env::temp_dir().join(format!("agent-copy-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&data).unwrap();
        let (mut writer, reads) = super::super::open(&data).await.unwrap();
        let newest = MIGRATIONS.iter().map(|m| m.version).max();
        assert_eq!(version_of(&mut writer.db).await.unwrap(), newest);
        copy(&mut writer.db, &data, 1).await.unwrap();
        copy(&mut writer.db, &data, 1).await.unwrap();
        let path = data.join("before-upgrade-1.sqlite");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).read_only(true);
        let mut db = options.connect().await.unwrap();
        let lives: i64 =
            sqlx::query_scalar("select count(*) from life").fetch_one(&mut db).await.unwrap();
        assert_eq!(lives, 1);
        db.close().await.unwrap();
        reads.close().await;
        writer.close().await.unwrap();
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[tokio::test]
    async fn a_database_of_a_newer_build_is_left_alone() {
        let data = std::env::temp_dir().join(format!("agent-newer-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&data).unwrap();
        let (mut writer, reads) = super::super::open(&data).await.unwrap();
        sqlx::query("update _sqlx_migrations set version = 99 where version = 1")
            .execute(&mut writer.db)
            .await
            .unwrap();
        reads.close().await;
        writer.close().await.unwrap();
        let refused = super::super::open(&data).await.unwrap_err();
        assert!(refused.to_string().contains("newer build"), "{refused}");
        std::fs::remove_dir_all(&data).unwrap();
    }

    /// A folder with the database of a build that knew so many migrations.
    async fn of_older(migrations: usize) -> (std::path::PathBuf, SqliteConnection) {
        let data = std::env::temp_dir().join(format!("agent-older-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&data).unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(data.join(super::super::FILE))
            .create_if_missing(true);
        let mut db = options.connect().await.unwrap();
        let first = sqlx::migrate::Migrator {
            migrations: MIGRATIONS.iter().take(migrations).cloned().collect::<Vec<_>>().into(),
            ..Migrator::DEFAULT
        };
        first.run(&mut db).await.unwrap();
        (data, db)
    }

    #[tokio::test]
    async fn a_copy_without_dated_prices_is_asked_for_anew_once_and_sold_from_meanwhile() {
        let (data, mut db) = of_older(3).await;
        sqlx::raw_sql(
            r#"insert into copy values (1, 7, 40, 'inc_0192a000000070008000000000000001', 3, 2, 5);
             insert into item values (1, 'TEA', '{"no": 1, "sku": "TEA", "name": "Tea",
                 "tax": "standard", "price": {"minor": 450, "currency": "EUR"}, "version": 1}');
             insert into stock values ('TEA', '[5,0,0,0,0,0,0,-5,0,0,0,0]', 0)"#,
        )
        .execute(&mut db)
        .await
        .unwrap();
        db.close().await.unwrap();
        let (mut writer, reads) = super::super::open(&data).await.unwrap();
        let saved = writer.saved().await.unwrap();
        assert_eq!(saved.cursor, Default::default(), "the next Hello asks for everything");
        assert_eq!(saved.applied.seq, 3, "which facts the rows include is still known");
        let applied_n: i64 = sqlx::query_scalar("select applied_n from copy")
            .fetch_one(&mut writer.db)
            .await
            .unwrap();
        assert_eq!(applied_n, 2);
        let tea = reads.item("TEA").await.unwrap().unwrap();
        assert_eq!(tea.details.price.unwrap().minor, 450, "it is sold meanwhile");
        // The new copy is here: the next start asks for nothing.
        let cursor = oneshelf_protocol::frame::Cursor { epoch: 7, version: 41 };
        let (rows, applied) = (vec![], saved.applied);
        let whole = oneshelf_sync::agent::Write::Rows { whole: true, rows, cursor, applied };
        writer.store(&[whole], &[], oneshelf_domain::Timestamp(6)).await.unwrap();
        reads.close().await;
        writer.close().await.unwrap();
        let (mut writer, reads) = super::super::open(&data).await.unwrap();
        assert_eq!(writer.saved().await.unwrap().cursor, cursor);
        reads.close().await;
        writer.close().await.unwrap();
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[tokio::test]
    async fn print_jobs_of_an_older_build_are_kept_as_they_were() {
        let (data, mut db) = of_older(1).await;
        sqlx::raw_sql(
            "insert into sale values ('S07-R1-000001', 'R1', 1, 't', null, 'f', '{}', 5, '{}');
             insert into print_job (n, id, receipt_number, register, state, copy, error, made_at)
             values (7, 'a', 'S07-R1-000001', 'R1', 'unknown', 1, 'words', 6)",
        )
        .execute(&mut db)
        .await
        .unwrap();
        run(&mut db, &data).await.unwrap();
        let row: (i64, String, String, i64, String, i64) = sqlx::query_as(
            "select n, kind, state, copy, error, changed_at from print_job where id = 'a'",
        )
        .fetch_one(&mut db)
        .await
        .unwrap();
        assert_eq!(row, (7, "receipt".into(), "unknown".into(), 1, "words".into(), 6));
        let next = "insert into print_job (id, kind, register, state, copy, made_at, changed_at)
             values ('b', 'test_page', 'R1', 'queued', 0, 7, 7) returning n";
        let n: i64 = sqlx::query_scalar(next).fetch_one(&mut db).await.unwrap();
        assert_eq!(n, 8, "numbers go on");
        db.close().await.unwrap();
        std::fs::remove_dir_all(&data).unwrap();
    }
}
