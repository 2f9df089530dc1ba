//! Tables as downloads.

use super::harness::{Database, LOG};
use workshop_testing::dashboard::Served;

#[tokio::test]
async fn a_table_is_a_download_without_formulas() {
    let database = Database::new().await;
    database.working("ada", "=cmd|' /C calc'!A0", LOG).await;
    database.command("ada", LOG, 1, "=1+1").await;
    database.command("ada", LOG, 2, "-rf, \"quoted\"\nnext").await;
    database.run("update command_log set exit = -1 where seq = 2").await;
    let running = Served::on(&database).await;
    let response = running.get("/api/workspaces/ada/commands?format=csv").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"ada-commands.csv\"");
    // Excel takes a file without a byte order mark for one in the system's old code page.
    assert_eq!(
        String::from_utf8(response.bytes().await.unwrap().into()).unwrap(),
        "\u{feff}seq,ts,step,cmd,exit,session,cwd,ms,at\n\
         1,2026-11-20T09:00:01.000Z,stage,'=1+1,0,s1,/workspace,12,1.5\n\
         2,2026-11-20T09:00:02.000Z,stage,\"'-rf, \"\"quoted\"\"\nnext\",-1,s1,/workspace,12,1.5\n"
    );
    for (table, columns, part) in [
        ("workspaces", "workspace,student,workshop,step,", "ada,'=cmd|' /C calc'!A0,git-basics,stage,"),
        ("matrix", "workshop,workspace,student,position,step,", ",2,stage,Stage a change,,active,true,1,2,"),
        ("steps", "workshop,position,id,title,", "git-basics,1,init,Begin,1,1,1,0,0,60000,60000,1,0"),
        ("commands", "workspace,student,log,seq,ts,", "ada,'=cmd|' /C calc'!A0,00000000000000aa,1,"),
    ] {
        let text =
            running.get(&format!("/api/export/{table}.csv")).send().await.unwrap().text().await.unwrap();
        assert!(text.starts_with(&format!("\u{feff}{columns}")) && text.contains(part), "{table}: {text}");
        let json = running.json(&format!("/api/export/{table}.json")).await;
        assert!(!json.as_array().unwrap().is_empty(), "{table}");
        assert_eq!(
            running.json(&format!("/api/export/{table}.json?workshop=other")).await,
            serde_json::json!([])
        );
        let none = running.get(&format!("/api/export/{table}.csv?workshop=other")).send().await.unwrap();
        assert_eq!(none.text().await.unwrap().lines().count(), 1, "{table}");
    }
}

#[tokio::test]
async fn a_long_table_comes_whole() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.working("bob", "Bob", "0000000000000002").await;
    for (log, name) in [("0000000000000001", "ada"), ("0000000000000002", "bob")] {
        database
            .run(&format!(
                "insert into command_log (opened, log, seq, workspace, ts, cmd)
                 select '2026-11-20', '{log}', n, '{name}', now(), 'command ' || n from generate_series(1, 3456) n"
            ))
            .await;
    }
    let running = Served::on(&database).await;
    let text = running.get("/api/export/commands.csv").send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().count(), 1 + 2 * 3456);
    let json = running.json("/api/export/commands.json").await;
    assert_eq!(json.as_array().unwrap().len(), 2 * 3456);
}
