//! Workspaces as an administrator adds them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use workshop_dashboard::store::workspaces::{self, WorkspaceError};
use workshop_testing::dashboard::{Database, Poster, Served};

fn run(database: &Database, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"))
        .args(arguments)
        .env("WORKSHOP_DATABASE_URL", &database.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_printed_once_and_stored_as_hashes() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let added = run(&database, &["workspace", "add", "ada", "--student", "Ada, née \"B\""], "");
    assert!(added.status.success(), "{added:?}");
    let token = String::from_utf8(added.stdout).unwrap().trim().to_owned();
    assert_eq!(token.len(), 43);
    Poster::new(served.address, "ada", &token).position().await.ok();
    let again = run(&database, &["workspace", "add", "ada", "--student", "x"], "");
    assert!(!again.status.success() && again.stdout.is_empty());
    let stored: String = sqlx::query_scalar("select row(w.*)::text from workspaces w")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert!(!stored.contains(&token));
    assert!(run(&database, &["workspace", "revoke", "ada"], "").status.success());
    assert!(!run(&database, &["workspace", "revoke", "bob"], "").status.success());
    Poster::new(served.address, "ada", &token).position().await.is(401, "unauthorized");
    let listed = String::from_utf8(run(&database, &["workspace", "list"], "").stdout).unwrap();
    assert!(
        listed.starts_with("workspace,student,workshop,url,revoked\nada,\"Ada, née \"\"B\"\"\",,,20"),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_whole_or_not_at_all() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    database.add("ada").await;
    let wrong = "workspace,student,url\nbob,Bob,\nada,Ada,\nBOB,\"B\nob\",\nx,,ftp://x\nbob,Bob again,\ny,Y,,more\nvector,V\n";
    let error = workspaces::import(&mut database.connect().await, wrong.as_bytes()).await.unwrap_err();
    let WorkspaceError::Refused(problems) = error else { panic!("{error}") };
    assert_eq!(problems, ["line 8: 4 values, expected 3"]);

    let wrong =
        "workspace,student,url\nbob,Bob,\nada,Ada,\nBOB,\"B\nob\",\nx,,ftp://x\nbob,Bob again,\nvector,V\n";
    let error = workspaces::import(&mut database.connect().await, wrong.as_bytes()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: workspace: \"ada\" was added before\n\
         line 4: workspace: \"BOB\" must be lowercase letters, digits and hyphens between them, at most 63\n\
         line 6: student: required\n\
         line 6: url: \"ftp://x\" must be an address such as http://ada.example.org:8080\n\
         line 7: workspace: \"bob\" stands in line 2 already\n\
         line 8: workspace: \"vector\" is reserved"
    );
    for wrong in ["", "workspace\nada\n", "workspace,student,colour\n", "workspace;student\nx;y\n"] {
        workspaces::import(&mut database.connect().await, wrong.as_bytes()).await.unwrap_err();
    }
    assert_eq!(database.number("select count(*) from workspaces").await, 1);

    let file = "\u{feff}student,workspace,workshop,url\r\n\"Bob, B.\",bob,git-basics,http://bob:8080\r\n\r\nEve,eve,,\r\n";
    let imported = run(&database, &["workspace", "import", "-"], file);
    assert!(imported.status.success(), "{imported:?}");
    let printed = String::from_utf8(imported.stdout).unwrap();
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("workspace,student,workshop,url,token"));
    let bob = lines.next().unwrap();
    let token = bob.strip_prefix("bob,\"Bob, B.\",git-basics,http://bob:8080,").unwrap();
    Poster::new(served.address, "bob", token).position().await.ok();
    assert!(lines.next().unwrap().starts_with("eve,Eve,,,"));
}
