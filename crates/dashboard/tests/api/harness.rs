//! Rows by hand in a database of a test's own.

use std::ops::Deref;

use workshop_testing::dashboard;

pub(crate) const LOG: &str = "00000000000000aa";
/// 2026-11-20T09:00:00Z.
pub(crate) const MORNING: i64 = 1_795_165_200_000;

/// A migrated database. Dropped, it is gone.
pub(crate) struct Database(dashboard::Database);

impl Deref for Database {
    type Target = dashboard::Database;

    fn deref(&self) -> &dashboard::Database {
        &self.0
    }
}

impl Database {
    pub(crate) async fn new() -> Self {
        Self(dashboard::Database::new().await)
    }

    /// A workspace as an administrator adds it.
    pub(crate) async fn workspace(&self, name: &str, student: &str) {
        sqlx::query("insert into workspaces (workspace, workshop, student, token_hash) values ($1, 'git-basics', $2, sha256($1::bytea))")
            .bind(name)
            .bind(student)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A log of it, and what its newest log says: three steps, the first completed, the second active.
    pub(crate) async fn working(&self, name: &str, student: &str, log: &str) {
        self.workspace(name, student).await;
        self.run(&format!(
            "insert into logs (log, workspace, opened, via) values ('{log}', '{name}', '2026-11-20', 'shipper');
             insert into workspace_status values ('{name}', '{log}', 'git-basics', 'linear', 'stage', 'Stage a change', 2, 3,
                 '{{init}}', '{{}}', now() - interval '5 minutes', 1, 2, null, 1, now() - interval '1 hour', null, null, null, null,
                 now() - interval '1 hour', now() - interval '30 seconds');
             insert into step_status values
                 ('{log}', 'init', '{name}', 1, 'Begin', null, true, false, true, now() - interval '5 minutes', 1, true, true,
                  0, 60000, null, 'completed'),
                 ('{log}', 'stage', '{name}', 2, 'Stage a change', null, true, false, true, null, 1, null, null, 2, 1000,
                  now() - interval '5 minutes', 'active'),
                 ('{log}', 'commit', '{name}', 3, 'Commit', null, true, false, false, null, 0, null, null, 0, 0, null, 'none');"
        ))
        .await;
    }

    /// Changes a workspace as ingest does: together with its version. Nothing is notified.
    pub(crate) async fn change(&self, name: &str, set: &str) {
        self.run(&format!(
            "begin; update workspace_status set {set} where workspace = '{name}';
             update workspaces set version = version + 1 where workspace = '{name}'; commit;"
        ))
        .await;
    }

    pub(crate) async fn command(&self, name: &str, log: &str, seq: i64, cmd: &str) {
        sqlx::query(
            "insert into command_log (opened, log, seq, workspace, ts, step, session, cmd, exit, cwd, ms, at)
             values ('2026-11-20', $1, $2, $3, to_timestamp($4::double precision / 1000), 'stage', 's1', $5, 0, '/workspace', 12, 1.5)",
        )
        .bind(log)
        .bind(seq)
        .bind(name)
        .bind(MORNING + seq * 1000)
        .bind(cmd)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// A line of a log, without its projections.
    pub(crate) async fn line(&self, log: &str, stream: &str, seq: i64, ts: i64, kind: &str, line: &str) {
        sqlx::query(
            "insert into events (opened, log, stream, seq, ts, kind, line)
             values ('2026-11-20', $1, $2, $3, to_timestamp($4::double precision / 1000), $5, $6)",
        )
        .bind(log)
        .bind(stream)
        .bind(seq)
        .bind(ts)
        .bind(kind)
        .bind(line)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}
