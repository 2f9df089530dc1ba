//! Who may post what, and who may read what.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use workshop_dashboard::store::workspaces;
use workshop_testing::dashboard::{Database, LOG, Poster, Served};

const LINE: &[u8] = b"{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_start\",\"step\":\"x\"}\n";

/// A mistyped address is told so, whatever name the dashboard was reached by, and however much came with it.
#[tokio::test]
async fn a_path_that_is_none_is_a_problem() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let token = database.add("ada").await;
    for (path, status) in [
        ("/ingest".to_owned(), 404),
        (format!("/ingest/ada/{LOG}/state/more"), 404),
        ("/ingestion/ada".to_owned(), 404),
        (format!("/ingest/%ff/{LOG}/state"), 400),
        ("/ingest/ada/log/state".to_owned(), 400),
    ] {
        let request = served.http.post(served.url(&path)).header("host", "class.example").bearer_auth(&token);
        let answer = request.body(vec![b'x'; 3 << 20]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_its_own_workspace_and_logs() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let (ada, bob) = (database.add("ada").await, database.add("bob").await);
    let shipper = served.poster(&ada);
    shipper.post("state", 0, LINE).await.ok();

    let foreign = Poster::new(served.address, "bob", &bob);
    foreign.post("state", 0, LINE).await.is(403, "other-workspace");
    foreign.position().await.is(403, "other-workspace");
    let told = json!({"stream": "state", "next": 0, "reason": "x"});
    let diverged =
        |shipper: &Poster| shipper.request(reqwest::Method::POST, &format!("{LOG}/diverged")).json(&told);
    foreign.send(diverged(&foreign)).await.is(403, "other-workspace");
    let crossed = Poster::new(served.address, "ada", &bob);
    crossed.post("state", LINE.len() as u64, LINE).await.is(403, "other-workspace");
    crossed.position().await.is(403, "other-workspace");
    let nobody = Poster::new(served.address, "ada", "guess");
    nobody.post("state", LINE.len() as u64, LINE).await.is(401, "unauthorized");
    nobody.position().await.is(401, "unauthorized");
    let unnamed = reqwest::Client::new().post(format!("http://{}/ingest/ada/{LOG}/state", served.address));
    assert_eq!(unnamed.header("workshop-offset", "0").body("\n").send().await.unwrap().status(), 401);

    // Its hash is no token.
    let hash: String =
        sqlx::query_scalar("select encode(token_hash, 'hex') from workspaces where workspace = 'ada'")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
    Poster::new(served.address, "ada", &hash).position().await.is(401, "unauthorized");

    workspaces::revoke(&mut database.connect().await, "ada").await.unwrap();
    shipper.post("state", LINE.len() as u64, LINE).await.is(401, "unauthorized");
    shipper.position().await.is(401, "unauthorized");
    let renewed = workspaces::renew(&mut database.connect().await, "ada").await.unwrap();
    shipper.position().await.is(401, "unauthorized");
    served.poster(&renewed).post("state", LINE.len() as u64, LINE).await.ok();
    assert_eq!(database.number("select count(*) from events").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workspaces_name_one_new_log_at_once() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let (ada, bob) = (database.add("ada").await, database.add("bob").await);
    let shippers = [Poster::new(served.address, "ada", &ada), Poster::new(served.address, "bob", &bob)];
    for log in 0..20 {
        let log = format!("{log:016x}");
        let [one, other] =
            shippers.each_ref().map(|shipper| shipper.send(shipper.posting(&log, "state", 0, LINE)));
        let (one, other) = tokio::join!(one, other);
        let mut found = [one.status.as_u16(), other.status.as_u16()];
        found.sort_unstable();
        assert_eq!(found, [200, 403], "{one:?} {other:?}");
    }
    assert_eq!(database.number("select count(*) from events").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let post = |path: &str| shipper.request(reqwest::Method::POST, path);
    let line = || LINE.to_vec();
    shipper.send(post(&format!("{LOG}/state")).body(line())).await.is(400, "bad-request");
    shipper
        .send(post(&format!("{LOG}/state")).header("workshop-offset", "-1").body(line()))
        .await
        .is(400, "bad-request");
    shipper
        .send(post(&format!("{LOG}/other")).header("workshop-offset", "0").body(line()))
        .await
        .is(404, "not-found");
    for log in ["0123456789ABCDEF", "..", "%2e%2e%2f", "0", "0123456789abcdef0", "%00"] {
        let answer =
            shipper.send(post(&format!("{log}/state")).header("workshop-offset", "0").body(line())).await;
        assert!(answer.status.is_client_error(), "{log} {answer:?}");
    }
    shipper.post("state", 0, &LINE[..20]).await.is(400, "bad-request");
    shipper.post("state", 0, b"").await.is(400, "bad-request");
    shipper.post("state", 1, LINE).await.is(409, "offset-gap");
    // Refused while the client still sends.
    let too_long = async |request| drop(shipper.send(request).await.is(413, "body-too-long"));
    too_long(shipper.posting(LOG, "state", 0, &vec![b'\n'; 4 * 1024 * 1024 + 1])).await;
    // Without a length: as much is read as may be, and no more.
    let pieces = futures_util::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b'\n'; 64 * 1024])));
    let endless = shipper.posting(LOG, "state", 0, b"").body(reqwest::Body::wrap_stream(pieces));
    too_long(endless).await;
    // What is small on the way and huge here, or not the file's own bytes.
    for encoding in ["gzip", "br", "identity, gzip", "zstd"] {
        for stream in ["state", "cast/a.cast"] {
            let encoded = shipper.posting(LOG, stream, 0, LINE).header("content-encoding", encoding);
            shipper.send(encoded).await.is(415, "encoded-body");
        }
    }
    assert_eq!(shipper.position().await.ok().body, json!({"state": "open", "streams": {}}));

    shipper.send(shipper.posting(LOG, "state", 0, LINE).header("content-encoding", "identity")).await.ok();
    shipper.post("state", 3, &LINE.repeat(2)).await.is(400, "bad-request");
    assert_eq!(database.number("select count(*) from events").await, 1);
}

/// Who sends everything before it reads anything gets the answer, not a closed connection.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_answered() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let token = database.add("ada").await;
    for (token, len, answer) in [(&*token, 12, "HTTP/1.1 413"), ("nobody's", 4, "HTTP/1.1 401")] {
        let len = len * 1024 * 1024;
        let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let head = format!(
            "POST /ingest/ada/{LOG}/state HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             workshop-offset: 0\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'\n'; len]).await.unwrap();
        let mut answered = [0; 12];
        stream.read_exact(&mut answered).await.unwrap();
        assert_eq!(std::str::from_utf8(&answered).unwrap(), answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_diverged_takes_nothing_more() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let tell = |next: u64| {
        let told = json!({"stream": "state", "next": next, "reason": "other bytes\u{0}"});
        shipper.send(shipper.request(reqwest::Method::POST, &format!("{LOG}/diverged")).json(&told))
    };
    tell(0).await.is(404, "not-found");
    let next = shipper.post("state", 0, LINE).await.ok().next();
    assert_eq!(tell(0).await.is(409, "offset-gap").next(), next);
    tell(next).await.ok();
    tell(next).await.ok();
    shipper.post("state", next, LINE).await.is(409, "diverged");
    shipper.post("commands", 0, b"\n").await.is(409, "diverged");
    assert_eq!(shipper.position().await.ok().body["state"], "diverged");
    assert_eq!(
        database
            .number(
                "select count(*) from logs where state = 'diverged' and reason like 'state: other bytes_'"
            )
            .await,
        1
    );
    // A volume that replaces it has a log of its own.
    shipper.send(shipper.posting("00000000000000bb", "state", 0, LINE)).await.ok();
    assert_eq!(
        database.number("select count(*) from workspace_status where log = '00000000000000bb'").await,
        1
    );
    // What the old one still has does not come back.
    assert_eq!(database.number("select count(*) from events").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_vectors() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    shipper.post("state", 0, LINE).await.ok();
    database.run("update logs set via = 'vector'").await;
    shipper.post("state", LINE.len() as u64, LINE).await.is(409, "other-path");
    assert_eq!(database.number("select count(*) from events").await, 1);
}

/// A body that never comes holds nobody up, and a database that does not answer is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn busy_and_slow() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let token = database.add("ada").await;
    let shipper = served.poster(&token);
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    let head = format!(
        "POST /ingest/ada/{LOG}/state HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nWorkshop-Offset: 0\r\n\
         Content-Length: 1000\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    shipper.post("state", 0, LINE).await.ok();

    // Ingest waits for a workspace that something else holds; when all connections do, others are told to come back.
    let mut holder = database.connect().await;
    sqlx::query("begin").execute(&mut holder).await.unwrap();
    sqlx::query("select 1 from workspaces for update").execute(&mut holder).await.unwrap();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let shipper = shipper.clone();
            tokio::spawn(async move { shipper.post("state", LINE.len() as u64, LINE).await })
        })
        .collect();
    database.until_waiting("workshop_ingest", 8).await;
    let answer =
        shipper.request(reqwest::Method::POST, &format!("{LOG}/state")).header("workshop-offset", "1");
    let answer = answer.body(LINE).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    sqlx::query("commit").execute(&mut holder).await.unwrap();
    for one in waiting {
        one.await.unwrap().ok();
    }
    assert_eq!(database.number("select count(*) from events").await, 2);

    // Who holds it for long does not hold a connection of ingest for as long.
    sqlx::query("begin").execute(&mut holder).await.unwrap();
    sqlx::query("select 1 from workspaces for update").execute(&mut holder).await.unwrap();
    let held = shipper.post("state", LINE.len() as u64 * 2, LINE);
    tokio::time::timeout(Duration::from_secs(60), held).await.unwrap().is(503, "unavailable");

    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(40), slow.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

async fn refuses(connection: &mut PgConnection, statement: &str) {
    let error = sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await.expect_err(statement);
    let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
    // Views of several tables cannot be written by anyone (55000), and are no tables (42809).
    assert!(matches!(&*code, "42501" | "55000" | "42809"), "{statement}: {error}");
}

/// Whatever the schema has, now or later: no right to write any table, partition, view or column of it, no sequence, no
/// schema to make something in, no function that does it with another's rights.
async fn writes_nothing(database: &Database, role: &str) {
    let rights = format!(
        "select 'table ' || c.oid::regclass || ' ' || r from pg_class c join pg_namespace n on n.oid = c.relnamespace,
             unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) r
             where n.nspname !~ '^(pg_|information_schema)' and c.relkind in ('r', 'p', 'v', 'm', 'f')
             and (has_table_privilege('{role}', c.oid, r)
                 or r in ('INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege('{role}', c.oid, r))
         union all select 'sequence ' || c.oid::regclass || ' ' || r from pg_class c join pg_namespace n on n.oid = c.relnamespace,
             unnest(array['USAGE', 'UPDATE']) r
             where n.nspname !~ '^(pg_|information_schema)' and c.relkind = 'S' and has_sequence_privilege('{role}', c.oid, r)
         union all select 'schema ' || nspname from pg_namespace
             where nspname !~ '^pg_(temp|toast)' and has_schema_privilege('{role}', oid, 'CREATE')
         union all select 'function ' || p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
             where n.nspname !~ '^(pg_|information_schema)' and p.prosecdef and has_function_privilege('{role}', p.oid, 'EXECUTE')
         union all select 'database ' || r from unnest(array['CREATE', 'TEMPORARY']) r
             where has_database_privilege('{role}', current_database(), r)
         union all select 'member of ' || rolname from pg_roles
             where rolname <> '{role}' and pg_has_role('{role}', oid, 'MEMBER')
         union all select 'is ' || rolname from pg_roles
             where rolname = '{role}' and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or rolcanlogin)"
    );
    let found: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(rights)).fetch_all(&mut database.connect().await).await.unwrap();
    assert!(found.is_empty(), "{role}: {found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_have_no_more_rights_than_they_need() {
    let database = Database::new().await;
    database.add("ada").await;
    let tables: Vec<String> = sqlx::query_scalar("select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap();
    let mut analyst = database.connect_as("workshop_analyst").await;
    let mut views = database.connect_as("workshop_dashboard").await;
    let mut ingest = database.connect_as("workshop_ingest").await;
    assert!(tables.len() > 20);
    for table in &tables {
        for connection in [&mut analyst, &mut views] {
            refuses(connection, &format!("insert into {table} default values")).await;
            refuses(connection, &format!("delete from {table}")).await;
            refuses(connection, &format!("truncate {table}")).await;
            refuses(connection, &format!("drop table {table}")).await;
        }
        refuses(&mut ingest, &format!("truncate {table}")).await;
        refuses(&mut ingest, &format!("drop table {table}")).await;
    }
    writes_nothing(&database, "workshop_analyst").await;
    writes_nothing(&database, "workshop_dashboard").await;
    refuses(&mut analyst, "select token_hash from workspaces").await;
    refuses(&mut analyst, "select * from workspaces").await;
    refuses(&mut analyst, "select url from workspaces").await;
    refuses(&mut analyst, "select line from events").await;
    refuses(&mut analyst, "select line from quarantine").await;
    refuses(&mut analyst, "create table mine (a int)").await;
    refuses(&mut analyst, "create temporary table mine (a int)").await;
    refuses(&mut analyst, "select lo_from_bytea(0, 'mine')").await;
    refuses(&mut analyst, "select lo_create(0)").await;
    refuses(&mut analyst, "select lo_creat(-1)").await;
    refuses(&mut analyst, "update workspaces set student = 'x'").await;
    refuses(&mut ingest, "update workspaces set token_hash = '\\x00'").await;
    refuses(&mut ingest, "update workspaces set revoked = null").await;
    refuses(&mut ingest, "delete from workspaces").await;
    for read in ["workspaces (workspace, student)", "step_durations", "stuck_now", "command_log"] {
        let (table, columns) =
            read.split_once(" (").map_or((read, "*"), |(table, rest)| (table, rest.trim_end_matches(')')));
        sqlx::query(AssertSqlSafe(format!("select {columns} from {table}")))
            .fetch_all(&mut analyst)
            .await
            .unwrap();
    }
}
