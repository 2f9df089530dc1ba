//! No secret stands in any log line, nor in what is printed of the settings.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use tracing_subscriber::fmt::MakeWriter;
use workshop_testing::dashboard::{Served, settings};
use workshop_testing::until_async;

use super::harness::{Database, LOG};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every path that fails with a secret in its hands, at the most talkative level of this crate. The runtime has one
/// thread, so that all of it is heard here.
#[tokio::test(flavor = "current_thread")]
async fn no_secret_is_logged() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("workshop_dashboard=trace,info")
        .with_writer(lines.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let secrets = [
        "secret-instructor",
        "secret-workspaces",
        "secret-client-at-provider",
        "secret-of-the-hook",
        "key-in-the-hook",
    ];
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database.run("update workspaces set url = 'http://127.0.0.1:1'").await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(
        file,
        "[[webhook]]\nurl = \"http://127.0.0.1:1/{}\"\nsecret = \"{}\"\nevents = [\"*\"]",
        secrets[4], secrets[3]
    )
    .unwrap();
    let arguments = [
        "--instructor-token",
        secrets[0],
        "--workspace-token",
        secrets[1],
        "--oidc-issuer",
        "http://127.0.0.1:1",
        "--oidc-client-id",
        "dashboard",
        "--oidc-client-secret",
        secrets[2],
        "--public-url",
        "http://127.0.0.1:8090",
        "--oidc-allow",
        "ada@example.org",
        "--webhooks",
        file.path().to_str().unwrap(),
    ];
    let running = Served::with(&database.url, &arguments).await;
    for path in
        ["/auth/login", "/auth/callback?code=x&state=y", "/api/me", "/api/search?q=ls", "/ingest/ada/x/state"]
    {
        for token in secrets {
            running.ask(Method::GET, path).bearer_auth(token).send().await.unwrap();
        }
    }
    let url = format!("ws://{}/ws/workspaces/ada/terminal", running.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let hello =
        format!(r#"{{"type":"hello","token":"{}","terminal":"main","cols":80,"rows":24}}"#, secrets[0]);
    futures_util::SinkExt::send(&mut socket, hello.into()).await.unwrap();
    while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
    // What happens before a webhook is known is not told to it.
    let known = "select count(*) from webhook_cursors where log = ''";
    until_async("the webhook is known", async || database.number(known).await == 1).await;
    database.line(LOG, "state", 1, super::harness::MORNING, "step_viewed", "{}").await;
    database.change("ada", "tries = 1").await;
    running.dashboard.touched();
    until_async("a delivery fails", async || running.dashboard.webhooks.counts().1 > 0).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for said in ["a login failed", "a terminal cannot be opened", "a webhook did not take an event"] {
        assert!(text.contains(said), "{said} is not among\n{text}");
    }
    let printed = format!(
        "{:?} {:?} {:?}",
        running.dashboard.auth, running.dashboard.relay, running.dashboard.webhooks
    );
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is logged\n{text}");
        assert!(!printed.contains(secret), "{secret} is printed: {printed}");
    }
    let settings = format!("{:?}", settings(&database.url, "casts", &arguments));
    for secret in &secrets[..3] {
        assert!(!settings.contains(secret), "{secret} is printed: {settings}");
    }
}
