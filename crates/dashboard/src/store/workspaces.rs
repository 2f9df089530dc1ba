//! Who has a workspace: added, imported, revoked, listed by whoever runs the dashboard.

use std::collections::HashMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::{Connection, PgConnection, Row};

use super::types::Timestamptz;
use crate::ingest::access;

/// A workspace to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    /// Its name.
    pub workspace: String,
    /// The student's name.
    pub student: String,
    /// The workshop, until its log says it.
    pub workshop: String,
    /// Where the dashboard reaches it.
    pub url: Option<String>,
}

/// A workspace with the token that its shipper needs. It is told this once.
#[derive(Clone, Debug)]
pub struct Added {
    /// The workspace.
    pub workspace: NewWorkspace,
    /// Its token.
    pub token: String,
}

/// A workspace as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it was added as.
    pub workspace: NewWorkspace,
    /// When its token was revoked.
    pub revoked: Option<Timestamptz>,
}

/// Why workspaces are not added, or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// What is asked for cannot be. Nothing was changed.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(#[from] csv::Error),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The database does not answer.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

impl NewWorkspace {
    /// What is wrong with it.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let Self { workspace, student, url, .. } = self;
        let edge = |byte: Option<&u8>| byte.is_some_and(|b| *b != b'-');
        let bytes = workspace.as_bytes();
        let letters = bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !letters || bytes.len() > 63 || !edge(bytes.first()) || !edge(bytes.last()) {
            problems.push(format!(
                "workspace: {workspace:?} must be lowercase letters, digits and hyphens between them, at most 63"
            ));
        }
        if workspace == "vector" {
            problems.push("workspace: \"vector\" is reserved".to_owned());
        }
        if student.trim().is_empty() {
            problems.push("student: required".to_owned());
        }
        if let Some(url) = url
            && !reqwest::Url::parse(url)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        {
            problems.push(format!("url: {url:?} must be an address such as http://ada.example.org:8080"));
        }
        if [student, &self.workshop].into_iter().any(|text| text.contains('\0')) {
            problems.push("a name contains U+0000".to_owned());
        }
        problems
    }
}

/// Adds workspaces: all, or none.
///
/// # Errors
/// One of them cannot be added.
pub async fn add(
    connection: &mut PgConnection,
    workspaces: Vec<NewWorkspace>,
) -> Result<Vec<Added>, WorkspaceError> {
    let numbered = workspaces.into_iter().map(|workspace| (None, workspace)).collect();
    add_all(connection, numbered).await
}

/// Adds what stands in a CSV file with the columns workspace, student and, if wanted, workshop and url: all, or none.
///
/// # Errors
/// A line cannot be added, or the file is none.
pub async fn import(connection: &mut PgConnection, file: impl Read) -> Result<Vec<Added>, WorkspaceError> {
    let workspaces = read_csv(file)?;
    add_all(connection, workspaces).await
}

fn read_csv(file: impl Read) -> Result<Vec<(Option<u64>, NewWorkspace)>, WorkspaceError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let header = reader.headers()?.clone();
    let mut problems = Vec::new();
    let known = ["workspace", "student", "workshop", "url"];
    let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    let at = |column: &str| names.iter().position(|name| *name == column);
    for required in known.iter().take(2).filter(|column| at(column).is_none()) {
        problems.push(format!("line 1: the column {required} is missing"));
    }
    for name in names.iter().filter(|name| !known.contains(name)) {
        problems.push(format!("line 1: unknown column {name:?}; there are {}", known.join(", ")));
    }
    if !problems.is_empty() {
        return Err(WorkspaceError::Refused(problems));
    }
    let mut workspaces = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > names.len() {
            problems.push(format!("line {line}: {} values, expected {}", record.len(), names.len()));
        }
        let field = |column| at(column).and_then(|at| record.get(at)).unwrap_or_default().to_owned();
        let url = Some(field("url")).filter(|url| !url.is_empty());
        let (workspace, student, workshop) = (field("workspace"), field("student"), field("workshop"));
        workspaces.push((Some(line), NewWorkspace { workspace, student, workshop, url }));
    }
    if problems.is_empty() { Ok(workspaces) } else { Err(WorkspaceError::Refused(problems)) }
}

/// Each with its line, if it stands in a file.
async fn add_all(
    connection: &mut PgConnection,
    workspaces: Vec<(Option<u64>, NewWorkspace)>,
) -> Result<Vec<Added>, WorkspaceError> {
    let mut problems = Vec::new();
    let mut seen: HashMap<String, Option<u64>> = HashMap::new();
    let mut added = Vec::new();
    let mut transaction = connection.begin().await?;
    for (line, workspace) in workspaces {
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let mut wrong = workspace.problems();
        if let Some(first) = seen.insert(workspace.workspace.clone(), line) {
            let first = first.map(|line| format!(" in line {line}")).unwrap_or_default();
            wrong.push(format!("workspace: {:?} stands{first} already", workspace.workspace));
        }
        if wrong.is_empty() {
            let token = new_token()?;
            if insert(&mut transaction, &workspace, &token).await? {
                added.push(Added { workspace, token });
                continue;
            }
            wrong.push(format!("workspace: {:?} was added before", workspace.workspace));
        }
        problems.extend(wrong.into_iter().map(|problem| format!("{place}{problem}")));
    }
    if !problems.is_empty() {
        return Err(WorkspaceError::Refused(problems));
    }
    transaction.commit().await?;
    Ok(added)
}

async fn insert(connection: &mut PgConnection, new: &NewWorkspace, token: &str) -> Result<bool, sqlx::Error> {
    let query = "insert into workspaces (workspace, student, workshop, url, token_hash) values ($1, $2, $3, $4, $5) \
                 on conflict (workspace) do nothing";
    let done = sqlx::query(query)
        .bind(&new.workspace)
        .bind(&new.student)
        .bind(&new.workshop)
        .bind(&new.url)
        .bind(access::hash(token))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Refuses the workspace's token from now on. What it shipped stays.
///
/// # Errors
/// There is no such workspace.
pub async fn revoke(connection: &mut PgConnection, workspace: &str) -> Result<(), WorkspaceError> {
    let query = "update workspaces set revoked = coalesce(revoked, now()), version = version + 1 where workspace = $1";
    let done = sqlx::query(query).bind(workspace).execute(connection).await?;
    if done.rows_affected() == 0 { Err(unknown(workspace)) } else { Ok(()) }
}

/// Gives the workspace a new token; the one before is refused from now on.
///
/// # Errors
/// There is no such workspace.
pub async fn renew(connection: &mut PgConnection, workspace: &str) -> Result<String, WorkspaceError> {
    let token = new_token()?;
    let query =
        "update workspaces set token_hash = $2, revoked = null, version = version + 1 where workspace = $1";
    let done = sqlx::query(query).bind(workspace).bind(access::hash(&token)).execute(connection).await?;
    if done.rows_affected() == 0 { Err(unknown(workspace)) } else { Ok(token) }
}

/// All workspaces by name.
///
/// # Errors
/// The database does not answer.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Listed>, WorkspaceError> {
    let query = "select workspace, student, workshop, url, revoked from workspaces order by workspace";
    let rows = sqlx::query(query).fetch_all(connection).await?;
    let listed = rows.iter().map(|row| {
        let (workspace, student) = (row.try_get(0)?, row.try_get(1)?);
        let workspace = NewWorkspace { workspace, student, workshop: row.try_get(2)?, url: row.try_get(3)? };
        Ok(Listed { workspace, revoked: row.try_get(4)? })
    });
    Ok(listed.collect::<Result<_, sqlx::Error>>()?)
}

fn unknown(workspace: &str) -> WorkspaceError {
    WorkspaceError::Refused(vec![format!("there is no workspace {workspace:?}; `workspace list` has them")])
}

fn new_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
