//! The database's disk is full: said so, nothing is lost, and it goes on when there is space.

use std::time::Duration;

use crate::files::volume;
use workshop_events::Stream;
use workshop_testing::Mount;
use workshop_testing::dashboard::{
    Answer, Database, LOG, Poster, Served, Server, WORKSPACE, assert_equal, give_to_postgres, line_end,
};

/// Posts the streams of a volume until one is not taken; that answer, or none.
async fn post_until_refused(shipper: &Poster, folder: &std::path::Path) -> Option<Answer> {
    for stream in Stream::ALL {
        let bytes = std::fs::read(folder.join(stream.file_name())).unwrap();
        let mut next = 0;
        while next < bytes.len() {
            let upto = line_end(&bytes, next + 60_000);
            let request = shipper.posting(LOG, stream.name(), next as u64, &bytes[next..upto]);
            let response = request.send().await.unwrap();
            let retry = response.headers().contains_key("retry-after");
            let status = response.status();
            let answer = Answer { status, body: response.json().await.unwrap() };
            if status != 200 {
                assert_eq!((status.as_u16(), retry), (503, true), "{answer:?}");
                return Some(answer);
            }
            next = answer.next() as usize;
        }
    }
    None
}

/// Tables have no space: each statement is refused by itself.
#[tokio::test(flavor = "multi_thread")]
async fn no_space_for_tables() {
    let Some(mount) = Mount::tmpfs("no_space_for_tables", "size=64m,mode=755") else { return };
    let server = Server::start().await;
    let small = mount.path().join("tables");
    std::fs::create_dir(&small).unwrap();
    give_to_postgres(&small);
    let admin = Database::on(&server.url(), "").await;
    admin.run(&format!("create tablespace small location '{}'", small.display())).await;
    let database = Database::on(&server.url(), "tablespace small").await;
    let token = database.add(WORKSPACE).await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&token);
    let folder = volume(19, 1500, true);
    let filler = mount.fill();
    let refused = post_until_refused(&shipper, folder.path()).await.expect("there is space left");
    assert!(refused.body["detail"].as_str().unwrap().contains("Nothing is lost"), "{refused:?}");
    // Who looks is not in the way.
    for path in ["/readyz", "/api/workspaces", "/api/workspaces/ada"] {
        assert_eq!(served.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    std::fs::remove_file(filler).unwrap();
    assert!(post_until_refused(&shipper, folder.path()).await.is_none());
    assert_equal(&database, [folder.path()]).await;
    drop((served, database));
    admin.run("drop tablespace small").await;
    drop(admin);
}

/// The whole server has no space, its journal neither: it stops, and starts when there is some.
#[tokio::test(flavor = "multi_thread")]
async fn no_space_at_all() {
    let Some(mount) = Mount::tmpfs("no_space_at_all", "size=160m,mode=755") else { return };
    let settings = |_: &std::path::Path| ["min_wal_size=2MB", "max_wal_size=4MB"].map(str::to_owned).to_vec();
    let mut server = Server::with(mount.path(), settings).await;
    let database = Database::on(&server.url(), "").await;
    let token = database.add(WORKSPACE).await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&token);
    let folder = volume(21, 1500, true);

    let filler = mount.fill();
    post_until_refused(&shipper, folder.path()).await.expect("there is space left");
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::fs::remove_file(filler).unwrap();
    server.stop();
    server.start_again();
    server.answers().await;
    assert!(post_until_refused(&shipper, folder.path()).await.is_none());
    assert_equal(&database, [folder.path()]).await;
    drop((served, database));
}
