//! Whom each route and each socket of the backend and of the dashboard really lets in, compared with one table.
//!
//! The routes are those that the routers have, so that none can be left out; the documents in `schemas/` must have no
//! others. Each is asked without a credential and with each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod backend;
mod dashboard;
mod routes;
mod socket;

use expect_test::expect_file;

const HEAD: &str = "\
# Who is let in: every route of both services, and the credentials that it takes.
# none: no credential at all. The backend's are tokens: access, instructor, supervisor. The dashboard's are the instructors'
# token, the login of an instructor by a cookie, and ingest, the token of the workspace in the path.
# A route that is added is added here: UPDATE_EXPECT=1 cargo test -p workshop-testing --test roles
";

#[tokio::test(flavor = "multi_thread")]
async fn each_route_lets_in_whom_the_table_says() {
    let backend = backend::Backend::start(true).await;
    let lines = [backend.lines().await, dashboard::lines(&backend).await].concat();
    expect_file!["../roles.txt"].assert_eq(&format!("{HEAD}\n{}\n", lines.join("\n")));
}

/// Without an access token, a request without a token is the student's, and no more than that.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_access_token_none_is_as_good_as_one() {
    let backend = backend::Backend::start(false).await;
    let table = include_str!("../roles.txt").lines().filter(|line| line.starts_with("backend "));
    let expected = table.map(|line| line.replace(" none access", " none").replace(" access", " none"));
    assert_eq!(backend.lines().await, expected.collect::<Vec<_>>());
}
