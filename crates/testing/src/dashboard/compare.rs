//! Tables of the same form beside the real ones, in a schema of their own, and where the two differ, row for row.

use sqlx::{AssertSqlSafe, PgConnection, Row};

/// What is compared.
const TABLES: [&str; 9] = [
    "events",
    "state_timeline",
    "command_log",
    "llm_interactions",
    "folds",
    "step_status",
    "workspace_status",
    "recording_refs",
    "gaps",
];

/// Makes the tables anew. All that the connection does afterwards happens in them.
pub async fn prepare(connection: &mut PgConnection, schema: &str) {
    let mut statements = vec![format!("drop schema if exists {schema} cascade; create schema {schema}")];
    for table in TABLES.iter().chain(&["cursors", "workspaces"]) {
        statements.push(format!(
            "create table {schema}.{table} (like public.{table} including defaults including indexes)"
        ));
    }
    statements.push(format!("set search_path = {schema}"));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await.unwrap();
    }
}

/// Where `found` is not as `expected`, the first of each table.
pub async fn differences(connection: &mut PgConnection, expected: &str, found: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for table in TABLES {
        let columns = match table {
            // Not since when.
            "gaps" => "log, stream, from_seq, to_seq",
            _ => "*",
        };
        let [expected, found] =
            [expected, found].map(|schema| format!("select {columns} from {schema}.{table}"));
        let query = format!(
            "select 'missing ' || row(a.*)::text from ({expected} except all {found}) a \
             union all select 'too much ' || row(b.*)::text from ({found} except all {expected}) b"
        );
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *connection).await.unwrap();
        problems.extend(rows.iter().take(4).map(|row| format!("{table}: {}", row.get::<String, _>(0))));
    }
    problems
}
