//! What `/readyz` says of the place for recordings; and a system without authorities' certificates.

use std::io::Write;
use std::process::Command;

use workshop_testing::dashboard::{CastStore, S3};
use workshop_testing::until_async;

use crate::harness::{Dashboard, cast};

const STREAM: &str = "cast/session-20261120T090000Z-1.cast";

async fn until_ready_is(dashboard: &Dashboard, status: u16, text: &str) {
    until_async(text, async || {
        let (found, said) = dashboard.readiness().await;
        found == status && said.contains(text)
    })
    .await;
}

/// A place that goes away takes nobody out, and is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_goes_away() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    assert_eq!(dashboard.readiness().await, (200, "ready".to_owned()));
    let CastStore::Folder(folder) = &dashboard.place else { panic!() };
    let elsewhere = folder.path().with_extension("elsewhere");
    std::fs::rename(folder.path(), &elsewhere).unwrap();
    until_ready_is(&dashboard, 200, "the place for recordings does not answer").await;
    assert!(dashboard.metrics().await.contains("\nworkshop_cast_store_up 0\n"));
    std::fs::rename(&elsewhere, folder.path()).unwrap();
    until_ready_is(&dashboard, 200, "ready").await;
    until_async("it is counted as up", async || {
        dashboard.metrics().await.contains("\nworkshop_cast_store_up 1\n")
    })
    .await;
}

/// Settings that are wrong from the start never get traffic.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_a_bucket_that_is_not_there() {
    let Some(server) = S3::given() else { return };
    let dashboard = Dashboard::start(CastStore::s3(server.clone())).await;
    until_ready_is(&dashboard, 200, "ready").await;
    let wrong = [
        S3 { secret: "wrong".to_owned(), ..server.clone() },
        S3 { bucket: "no-such-bucket".to_owned(), ..server.clone() },
        S3 { endpoint: "http://127.0.0.1:1".to_owned(), ..server },
    ];
    for server in wrong {
        let dashboard = Dashboard::start(CastStore::s3(server)).await;
        until_ready_is(&dashboard, 503, "The place for recordings has not answered").await;
        // The rest of it is at work.
        assert!(dashboard.metrics().await.contains("\nworkshop_cast_store_up 0\n"));
        let line = crate::harness::state(1, "\"event\":\"step_start\",\"step\":\"x\"");
        assert_eq!(dashboard.post("state", 0, line.as_bytes()).await.0, 200);
    }
}

/// As in an image with nothing but the program.
fn without_authorities(command: &mut Command) -> &mut Command {
    let nothing = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-authorities");
    std::fs::create_dir_all(nothing).unwrap();
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", nothing)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_needed_for_https_only() {
    let hooks = |scheme: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "[[webhook]]\nurl = \"{scheme}://127.0.0.1:1/\"\nsecret = \"0123456789abcdef\"\nevents = [\"*\"]"
        )
        .unwrap();
        file
    };
    let (plain, secure) = (hooks("http"), hooks("https"));
    for place in CastStore::all() {
        let mut dashboard = Dashboard::start(place).await;
        dashboard.process.kill();
        let issuer = ["WORKSHOP_OIDC_CLIENT_ID", "WORKSHOP_OIDC_ALLOW"].map(|name| (name, "ada@example.org"));
        let all_plain = |command: &mut Command| {
            without_authorities(command).envs(issuer).env("WORKSHOP_PUBLIC_URL", "http://127.0.0.1:1");
            command.env("WORKSHOP_OIDC_ISSUER", "http://127.0.0.1:1").env("WORKSHOP_WEBHOOKS", plain.path());
        };
        dashboard.process.start_as(all_plain).await;
        let bytes = cast(1000);
        assert_eq!(dashboard.post(STREAM, 0, &bytes).await.2, bytes.len());
        dashboard.process.kill();
        // With https it says what is missing, and does not wait for somebody to notice.
        let s3 = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "x"));
        for (name, value) in [
            ("WORKSHOP_OIDC_ISSUER", "https://127.0.0.1:1"),
            ("WORKSHOP_WEBHOOKS", secure.path().to_str().unwrap()),
            ("WORKSHOP_CASTS", "s3://bucket"),
        ] {
            let mut command = dashboard.process.command(&["serve", "--listen", "127.0.0.1:0"]);
            all_plain(&mut command);
            if name == "WORKSHOP_CASTS" {
                command.env_remove("AWS_ENDPOINT_URL").envs(s3);
            }
            command.env(name, value);
            let ended = command.output().unwrap();
            let said = String::from_utf8(ended.stderr).unwrap();
            assert!(!ended.status.success() && said.contains("install ca-certificates"), "{name}: {said}");
        }
    }
}
