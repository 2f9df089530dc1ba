//! The way to the database is encrypted, and its certificate looked at, where the address asks for it.

use std::path::Path;
use std::process::{Command, Stdio};

use workshop_dashboard::Dashboard;
use workshop_testing::dashboard::{Database, INSTRUCTOR, LOG, Served, Server, give_to_postgres, settings};

fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split(' ')).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(openssl.status().unwrap().success(), "openssl {arguments}");
}

/// An authority, and a server's certificate for 127.0.0.1 only.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=authority"));
    openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN=postgres"));
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
    for name in ["server.key", "server.crt"] {
        give_to_postgres(&folder.join(name));
    }
    Command::new("chmod").arg("600").arg(folder.join("server.key")).status().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_over_tls() {
    let server = Server::with(&std::env::temp_dir(), |folder| {
        certificates(folder);
        let file = |name: &str| folder.join(name).display().to_string();
        vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.crt")),
            format!("ssl_key_file={}", file("server.key")),
        ]
    })
    .await;
    let database = Database::on(&server.url(), "").await;
    let token = database.add("ada").await;
    let authority = server.folder().join("ca.crt").display().to_string();
    let line = b"{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_start\",\"step\":\"x\"}\n";
    let encrypted = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) \
                     where application_name like 'workshop_%' and ssl";
    let mut offset = 0;
    for (mode, expected) in
        [("disable", false), ("require", true), ("verify-ca", true), ("verify-full", true)]
    {
        let url = format!("{}?sslmode={mode}&sslrootcert={authority}", database.url);
        let url = if mode == "require" { format!("{}?sslmode=require", database.url) } else { url };
        workshop_dashboard::store::migrate(&url).await.unwrap_or_else(|error| panic!("{mode}: {error}"));
        let served = Served::with(&url, &["--instructor-token", INSTRUCTOR]).await;
        offset = served.poster(&token).post("state", offset, line).await.ok().next();
        assert_eq!(database.number(encrypted).await > 0, expected, "{mode}");
        assert_eq!(served.get("/api/workspaces").send().await.unwrap().status(), 200, "{mode}");
        drop(served);
        let left = "select pg_terminate_backend(pid)::int::bigint from pg_stat_activity \
                    where application_name like 'workshop_%' union all select 0 limit 1";
        while database
            .number("select count(*) from pg_stat_activity where application_name like 'workshop_%'")
            .await
            > 0
        {
            database.number(left).await;
        }
    }
    assert_eq!(database.number(&format!("select count(*) from events where log = '{LOG}'")).await, 4);

    // Nobody vouches for it; it is another's certificate.
    let other = database.url.replace("127.0.0.1", "localhost");
    for url in [
        format!("{}?sslmode=verify-full", database.url),
        format!("{}?sslmode=verify-ca", database.url),
        format!("{other}?sslmode=verify-full&sslrootcert={authority}"),
    ] {
        let Err(error) = Dashboard::open(settings(&url, "casts", &[])).await else { panic!("{url}") };
        assert!(error.to_string().contains("certificate"), "{url}: {error}");
    }
    drop(database);
}
